"""Functions that mask pixels, and that replace masked pixels and values."""

from typing import Any

from rasterwire.errors import InvalidExpression
from rasterwire.expression.functions.image.assembly import (
    constant_image,
    only_band,
    paired,
    projection_and_extent,
    renewed,
    with_name,
)
from rasterwire.expression.functions.image.bands import select_bands
from rasterwire.expression.language.signature import table
from rasterwire.expression.language.values import BandValue, ImageValue
from rasterwire.nodes import operations
from rasterwire.nodes.nodes import Applied, Chosen, Masked, MaskOf, Node, Unmasked, WithMask
from rasterwire.nodes.pixel_type import DOUBLE, PixelType, constant_type, union
from rasterwire.units import plural_text

_MASK = PixelType("float", 0, 1)


def _mask_nodes(image: ImageValue, mask: ImageValue) -> list[Node]:
    """Return the mask of each band: the single band of the mask, or one band for each."""
    if len(mask.bands) == 1:
        return [mask.bands[0].node] * len(image.bands)
    if len(mask.bands) != len(image.bands):
        raise InvalidExpression(
            f"the mask has {plural_text(len(mask.bands), 'band')} and the image {len(image.bands)}; "
            "the mask has to have one band, or as many as the image."
        )
    return [band.node for band in mask.bands]


@table.listed("Image.mask(image: Image, mask: Image = null) -> Image")
def mask_of(image: ImageValue, mask: ImageValue | None) -> ImageValue:
    """Returns the masks of the bands of an image; with a mask, the image with this mask instead of its own."""
    if mask is None:
        return image.with_bands([renewed(b, _MASK, MaskOf(b.node, _MASK.dtype)) for b in image.bands])
    nodes = _mask_nodes(image, mask)
    return image.with_bands(
        [renewed(band, band.type, WithMask(band.node, node)) for band, node in zip(image.bands, nodes, strict=True)]
    )


@table.listed("Image.updateMask(image: Image, mask: Image) -> Image")
def update_mask(image: ImageValue, mask: ImageValue) -> ImageValue:
    """Masks the pixels where a mask is 0, in addition to those that are masked already."""
    nodes = _mask_nodes(image, mask)
    return image.with_bands(
        [renewed(band, band.type, Masked(band.node, node)) for band, node in zip(image.bands, nodes, strict=True)]
    )


@table.listed("Image.selfMask(image: Image) -> Image")
def self_mask(image: ImageValue) -> ImageValue:
    """Masks the pixels that are 0."""

    def self_masked(band: BandValue) -> BandValue:
        test = Applied(operations.compare, (band.node, _zero), "uint8", ("not_equal",))
        return renewed(band, band.type, Masked(band.node, test))

    return image.with_bands([self_masked(band) for band in image.bands])


@table.listed("Image.unmask(input: Image, value: Image = null, sameFootprint: Boolean = true) -> Image")
def unmask(image: ImageValue, value: ImageValue | None, same_footprint: bool) -> ImageValue:
    """Replaces masked pixels with a value, within the footprint of the image or everywhere."""
    fill = constant_image(0) if value is None else value
    region = image.footprint() if same_footprint else None
    bands = []
    for name, band, replacement in paired(image, fill):
        pixel_type = union(band.type, replacement.type)
        node = Unmasked(band.node, replacement.node, pixel_type.dtype, region)
        extent = band.extent if same_footprint else None
        bands.append(BandValue(name, pixel_type, node, band.projection, extent))
    return image.with_bands(bands)


@table.listed("Image.where(input: Image, test: Image, value: Image) -> Image")
def where(image: ImageValue, test: ImageValue, value: ImageValue) -> ImageValue:
    """Replaces values with those of another image where a test is not 0, and neither test nor value is masked."""
    tested = paired(image, test)
    valued = paired(image.with_bands([with_name(band, name) for name, band, _ in tested]), value)
    if len(valued) > len(tested):  # one band and one test, for values of many
        tested = [(name, tested[0][1], tested[0][2]) for name, _, _ in valued]
    bands = []
    for (name, band, condition), (_, _, replacement) in zip(tested, valued, strict=True):
        pixel_type = union(band.type, replacement.type)
        node = Chosen(band.node, condition.node, replacement.node, pixel_type.dtype)
        bands.append(BandValue(name, pixel_type, node, *projection_and_extent((band, condition, replacement))))
    return image.with_bands(bands)


@table.listed("Image.blend(bottom: Image, top: Image) -> Image")
def blend(bottom: ImageValue, top: ImageValue) -> ImageValue:
    """Overlays an image with another: the top image where it is valid, else the bottom one."""
    bands = []
    for name, under, over in paired(bottom, top):
        pixel_type = union(under.type, over.type)
        node = Unmasked(over.node, under.node, pixel_type.dtype, None)
        bands.append(BandValue(name, pixel_type, node, *projection_and_extent((under, over))))
    return bottom.with_bands(bands)


@table.listed(
    "Image.remap(image: Image, from: List<Object>, to: List<Object>, defaultValue: Object = null, "
    "bandName: String = null) -> Image"
)
def remap(image: ImageValue, before: list[Any], after: list[Any], default: Any, name: str | None) -> ImageValue:
    """Maps values of one band to others, as band remapped; all other values are masked, or become a default."""
    if len(before) != len(after) or not before:
        raise InvalidExpression(
            f"'from' and 'to' have to be of one length, at least 1; they have {len(before)} and {len(after)}."
        )
    if not all(_is_number(value) for value in (*before, *after)) or not (default is None or _is_number(default)):
        raise InvalidExpression("'from', 'to' and 'defaultValue' have to be numbers.")
    band = only_band(image, "the image") if name is None else select_bands(image, [name])[0]
    value_types = [constant_type(value) for value in (*after, *([] if default is None else [default]))]
    pixel_type = value_types[0] if all(k.precision == "int" for k in value_types) else DOUBLE
    for value_type in value_types if pixel_type is not DOUBLE else ():
        pixel_type = union(pixel_type, value_type)
    parameters = tuple(before), tuple(after), default
    node = Applied(operations.remap, (band.node,), pixel_type.dtype, parameters)
    return image.with_bands([BandValue("remapped", pixel_type, node, band.projection, band.extent)])


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_zero = constant_image(0).bands[0].node
