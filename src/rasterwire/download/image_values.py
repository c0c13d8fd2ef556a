"""Images of the catalog as the values of expressions."""

from collections.abc import Callable

from rasterwire.errors import SourceUnavailable
from rasterwire.expression.language.values import BandValue, ImageValue, Projection
from rasterwire.image import Image, properties_of
from rasterwire.nodes.nodes import Stored
from rasterwire.nodes.pixel_type import type_of
from rasterwire.pixels import type_names

__all__ = ["image_value"]


def image_value(image: Image, complete: Callable[[], Image] | None = None) -> ImageValue:
    """Return an image of the catalog as a value.

    Args:
        image: of the catalog.
        complete: returns it with its bands, where it has none so far.
    """
    if complete is None:
        return ImageValue(_bands(image), properties_of(image), image.id, outline=image.footprint)
    return ImageValue(
        lambda: _bands(_whole(complete())),
        properties_of(image),
        image.id,
        readable=lambda: _bands(complete()),
        outline=image.footprint,
    )


def _whole(image: Image) -> Image:
    """Return an image with all its bands.

    Raises:
        SourceUnavailable: some of its bands cannot be read, for want of which what is computed would be another.
    """
    for file, why in image.unreadable:
        raise SourceUnavailable(image.id, file, why)
    return image


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
