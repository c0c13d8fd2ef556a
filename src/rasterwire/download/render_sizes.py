"""What a render needs, and how it is made, by its plan."""

from rasterwire.pixels import Window
from rasterwire.plan import RasterPlan, RenderPlan
from rasterwire.render.parts import has_parts
from rasterwire.request import Format

__all__ = ["block_cost", "block_path", "disk_bytes", "is_small", "render_cost"]

_SMALL = 16 << 20
"""Bytes that are read and made for what never waits behind larger work."""

_TURN_COST = 1 << 16
"""Of a render of no pixels, in values: about the time of so many goes into any."""

_UNKNOWN_COST = 1 << 18
"""Of a render whose plan is not made yet, in values; it is then small, or waits again."""


def is_small(plan: RenderPlan) -> bool:
    """Tell whether a render is done so soon that it never waits for larger ones."""
    return plan.uncompressed_bytes + plan.source_bytes <= _SMALL


def disk_bytes(plan: RenderPlan) -> int:
    """Return roughly what a render needs of the disk: parts of zips and plain files of COGs lie beside it."""
    is_zip = plan.format in {Format.ZIPPED_GEO_TIFF, Format.ZIPPED_GEO_TIFF_PER_BAND}
    return plan.estimated_bytes * (1 + is_zip + 2 * plan.encoding.cloud_optimized)


def render_cost(plan: RenderPlan | None) -> float:
    """Return what a render costs beside others: its values, the bytes that it reads, and what any render takes."""
    return _TURN_COST + (_UNKNOWN_COST if plan is None else plan.pixels + plan.source_bytes)


def block_cost(plan: RenderPlan, raster: RasterPlan, window: Window) -> float:
    """Return what a block of a render costs: its values, and its part of the bytes that are read."""
    values = len(raster.bands) * window.height * window.width
    return values * (1 + plan.source_bytes / max(1, plan.pixels))


def block_path(raster: RasterPlan) -> str:
    """Return how the blocks of a raster are made; see ``Meter``."""
    if has_parts(raster):
        return "parts"
    return "rendered" if raster.tiling is None else "stored"
