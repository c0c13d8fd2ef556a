"""What a plan tells of how its request was read, and of how it was answered."""

from collections.abc import Iterator
from dataclasses import replace

from rasterwire.plan import Note, RenderPlan
from rasterwire.units import plural_text
from rasterwire.v1 import download_pb2

__all__ = ["with_notes"]

_HALF_TURN = 180.0


def with_notes(plan: RenderPlan, params: download_pb2.DownloadParams, images_tested: int) -> RenderPlan:
    """Return a plan with its notes.

    Args:
        plan: of the request.
        params: the request.
        images_tested: images of the catalog that were looked at one by one.
    """
    ignored = {item.field for item in plan.ignored}
    notes = [note for note in _boxes_over_the_antimeridian(params) if note.field not in ignored]
    if images_tested:
        field = "mosaic.query" if params.WhichOneof("source") == "mosaic" else "expression"
        text = (
            f"what the catalog could not answer of it was tested on {plural_text(images_tested, 'image')}, one by one"
        )
        notes.append(Note(field, text))
    return replace(plan, notes=tuple(notes), images_tested=images_tested)


def _boxes_over_the_antimeridian(params: download_pb2.DownloadParams) -> Iterator[Note]:
    """Yield what boxes were taken for whose west is greater than their east; only those of degrees can be planned."""
    for field, region in (("region", params.region), ("mosaic.query.bounds", params.mosaic.query.bounds)):
        west, east = region.bounding_box.west, region.bounding_box.east
        if west > east:
            width = east + 2 * _HALF_TURN - west
            text = f"its west, {west:.10g}, is greater than its east, {east:.10g}"
            text += f", so it was read as the {width:.10g} degrees over the antimeridian"
            swapped = "; swap the two, if it is not meant to go around most of the earth"
            yield Note(field, text + (swapped if width > _HALF_TURN else ""))
