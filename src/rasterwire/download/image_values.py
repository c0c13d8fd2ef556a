"""Images of the catalog as the values of expressions."""

from collections.abc import Callable, Sequence

from rasterwire.budget import read_image
from rasterwire.errors import SourceUnavailable
from rasterwire.expression.language.values import BandValue, ImageValue, Projection
from rasterwire.image import Image, properties_of
from rasterwire.nodes.nodes import Stored
from rasterwire.nodes.pixel_type import type_of
from rasterwire.pixels import type_names

__all__ = ["image_value"]


def image_value(image: Image, complete: Callable[[], Image] | None = None, needed: Sequence[str] = ()) -> ImageValue:
    """Return an image of the catalog as a value.

    Args:
        image: of the catalog.
        complete: returns it with its bands, where it has none so far.
        needed: names of the only bands that are needed; none for all. An image that has them all gets these alone, in
            this order, so that another one that cannot be read does no harm.
    """
    if complete is None:
        return ImageValue(_bands(image), properties_of(image), image.id, outline=image.footprint)

    def completed() -> Image:
        read_image(image.id)
        return complete()

    return ImageValue(
        lambda: _needed_bands(completed(), needed),
        properties_of(image),
        image.id,
        readable=lambda: _bands(completed()),
        outline=image.footprint,
    )


def _needed_bands(image: Image, needed: Sequence[str]) -> list[BandValue]:
    """Return the bands of an image that are needed; all of them where it lacks one.

    Raises:
        SourceUnavailable: some of its bands cannot be read, for want of which what is computed would be another.
    """
    bands = _bands(image)
    by_name = {band.name: band for band in bands}
    if needed and by_name.keys() >= {*needed}:
        return [by_name[name] for name in dict.fromkeys(needed)]
    for file, why in image.unreadable:
        raise SourceUnavailable(image.id, file, why)
    return bands


def _bands(image: Image) -> list[BandValue]:
    return [
        BandValue(
            band.name,
            type_of(band.dtype),
            Stored(band, image.id),
            Projection(band.placed.crs, band.placed.affine),
            (0, 0, int(band.placed.shape[1]), int(band.placed.shape[0])),
        )
        for band in image.bands
        if band.dtype in type_names
    ]
