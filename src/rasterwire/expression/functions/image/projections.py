"""Functions that say on which grid an image lies, how far it reaches, and how it is sampled."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from affine import Affine
from odc.geo.geobox import GeoBox

from rasterwire.errors import NO_BANDS, InvalidExpression, InvalidRequest
from rasterwire.expression.functions.geometry.geometries import area_of
from rasterwire.expression.functions.image.arithmetic import cast_band
from rasterwire.expression.functions.image.assembly import common
from rasterwire.expression.language.signature import table
from rasterwire.expression.language.values import (
    BandValue,
    CollectionValue,
    ErrorMarginValue,
    Extent,
    FeatureValue,
    ImageValue,
    Projection,
)
from rasterwire.expression.reducers.definitions import Reducer
from rasterwire.geo.crs import crs_name, metres_per_unit, parse_crs
from rasterwire.geo.grid import (
    check_transform,
    covering,
    footprint,
    lattice_extent,
    pixel_metres,
    rescaled,
    shifted,
    stretched,
)
from rasterwire.geo.region import Region
from rasterwire.nodes.nodes import Clipped, Cropped, Node, Resampled, Stored
from rasterwire.nodes.pixel_type import DOUBLE, wide
from rasterwire.request import Resampling

_REACH_METRES = 2.1e7
"""From the origin of a crs, farther than any place on earth."""

_MOST_PIXELS = 1 << 28

_modes = {"bilinear": Resampling.BILINEAR, "bicubic": Resampling.CUBIC}

_reductions = {
    "mean": Resampling.AVERAGE,
    "median": Resampling.MEDIAN,
    "mode": Resampling.MODE,
    "min": Resampling.MIN,
    "max": Resampling.MAX,
    "sum": Resampling.SUM,
}


@table.listed(
    "Projection(crs: Object, transform: List<Object> = null, transformWkt: String = null) -> Projection", "Proj"
)
def projection(crs: Any, transform: list[Any] | None, wkt: str | None) -> Projection:
    """Returns a projection of a crs and a transform."""
    if wkt is not None:
        raise InvalidExpression("'transformWkt' is not supported; give 'transform'.")
    known = (
        crs
        if isinstance(crs, Projection)
        else Projection(parse_crs(crs, "crs"), Affine.identity())
        if isinstance(crs, str)
        else None
    )
    if known is None:
        raise InvalidExpression("'crs' has to be a code such as EPSG:32610, WKT or a Projection.")
    return known if transform is None else Projection(known.crs, affine_of(transform))


def affine_of(numbers: list[Any]) -> Affine:
    """Return a transform of six numbers, row-major [xScale, xShear, xTrans, yShear, yScale, yTrans].

    Raises:
        InvalidExpression: other than six, or a transform that maps pixels onto a line.
    """
    if len(numbers) != 6 or not all(isinstance(n, int | float) and not isinstance(n, bool) for n in numbers):
        raise InvalidExpression("a transform has to be six numbers: [xScale, xShear, xTrans, yShear, yScale, yTrans].")
    affine = Affine(*(float(n) for n in numbers))
    check_transform(affine, "crsTransform")
    return affine


@table.listed("Image.projection(image: Image) -> Projection")
def projection_of(image: ImageValue) -> Projection:
    """Returns the default projection of an image, that all its bands have to share."""
    found = {band.projection for band in image.bands}
    if len(found) > 1:
        raise InvalidExpression(
            "The bands of the specified image contains different projections. Use 'select' to pick a single band."
        )
    if not found:
        raise InvalidExpression(NO_BANDS)
    return found.pop()


@table.listed("Projection.nominalScale(proj: Projection) -> Float")
def nominal_scale(known: Projection) -> float:
    """Returns the size of a pixel in metres."""
    return pixel_metres(known.transform, known.crs)


@table.listed("Projection.atScale(projection: Projection, meters: Float) -> Projection")
def at_scale(known: Projection, metres: float) -> Projection:
    """Returns a projection with pixels of another size, in metres."""
    return Projection(known.crs, rescaled(known.transform, known.crs, _checked_scale(metres)))


@table.listed("Projection.crs(projection: Projection) -> String")
def crs_of(known: Projection) -> str:
    """Returns the code of a crs, or its WKT."""
    return crs_name(known.crs)


@table.listed("Projection.transform(projection: Projection) -> String")
def transform_of(known: Projection) -> str:
    """Returns the transform as WKT."""
    t = known.transform
    numbers = {"elt_0_0": t.a, "elt_0_1": t.b, "elt_0_2": t.c, "elt_1_0": t.d, "elt_1_1": t.e, "elt_1_2": t.f}
    parameters = "".join(f', \n  PARAMETER["{name}", {value!r}]' for name, value in numbers.items())
    return f'PARAM_MT["Affine", \n  PARAMETER["num_row", 3], \n  PARAMETER["num_col", 3]{parameters}]'


def _checked_scale(scale: float) -> float:
    if not 1e-9 <= scale <= 1e9:
        raise InvalidExpression(f"a scale of {scale:g} metres is not between 1e-9 and 1e9.")
    return scale


def lattice_of(known: Projection, transform: list[Any] | None, scale: float | None) -> Projection:
    """Return the projection that a crs, a transform and a scale name; a scale changes the size of pixels."""
    if transform is not None:
        known = Projection(known.crs, affine_of(transform))
    return known if scale is None else at_scale(known, scale)


def extent_in(region: Region, known: Projection) -> Extent | None:
    """Return the whole pixels of a projection that cover a region, None where that cannot be said."""
    try:
        grid = covering(known.transform, known.crs, lattice_extent(region, known.transform, known.crs))
    except InvalidRequest:
        return None
    return extent_of(grid, known)


def extent_of(grid: GeoBox, known: Projection) -> Extent:
    """Return a grid of the lattice of a projection as pixels of it."""
    origin = ~known.transform @ grid.affine
    return round(origin.c), round(origin.f), int(grid.shape[1]), int(grid.shape[0])


def moved(band: BandValue, known: Projection, node: Node) -> BandValue:
    """Return a band with another default projection.

    Raises:
        InvalidExpression: a projection without a crs, of a band that has one.
    """
    if known.crs is None and band.projection.crs is not None:
        raise InvalidExpression("the projection names no coordinate reference system.")
    place = band.place
    extent = None if place is None else extent_in(place, known)
    return BandValue(band.name, band.type, node, known, extent, place)


@table.listed(
    "Image.setDefaultProjection(image: Image, crs: Projection, crsTransform: List<Float> = null, scale: Float = null) "
    "-> Image"
)
def set_default_projection(
    image: ImageValue, crs: Projection, transform: list[Any] | None, scale: float | None
) -> ImageValue:
    """Says which projection an image has by default; no pixel is computed in it."""
    known = lattice_of(crs, transform, scale)
    return image.with_bands([moved(band, known, band.node) for band in image.bands])


@table.listed(
    "Image.reproject(image: Image, crs: Projection, crsTransform: List<Float> = null, scale: Float = null) -> Image"
)
def reproject(image: ImageValue, crs: Projection, transform: list[Any] | None, scale: float | None) -> ImageValue:
    """Computes an image in a given projection, from which its pixels are then taken."""
    known = lattice_of(crs, transform, scale)

    def fixed(band: BandValue) -> BandValue:
        placed = moved(band, known, band.node)
        node = Resampled(band.node, placed.grid or whole_earth(known), Resampling.NEAREST)
        return replace(placed, node=node)

    return image.with_bands([fixed(band) for band in image.bands])


def whole_earth(known: Projection) -> GeoBox:
    """Return a grid of the lattice of a projection that holds all places where its crs makes sense."""
    metres = metres_per_unit(known.crs)
    t = known.transform
    size = math.hypot(t.a, t.d) * metres, math.hypot(t.b, t.e) * metres
    across, down = (min(_MOST_PIXELS, math.ceil(_REACH_METRES / s)) for s in size)
    origin = ~t @ Affine.identity()
    col, row = round(origin.c) - across, round(origin.f) - down
    return GeoBox((2 * down, 2 * across), shifted(t, col, row), known.crs)


@table.listed('Image.resample(image: Image, mode: String = "bilinear") -> Image')
def resample(image: ImageValue, mode: str) -> ImageValue:
    """Says how an image is sampled where it is not computed in its own projection: bilinear or bicubic."""
    if mode not in _modes:
        raise InvalidExpression(f"'mode' is {mode[:40]!r}; there are bilinear and bicubic.")
    return image.with_bands([sampled(band, _modes[mode]) for band in image.bands])


def sampled(band: BandValue, how: Resampling) -> BandValue:
    """Return a band that is sampled in a given way from its own grid; as it is where it has none."""
    if isinstance(band.node, Stored):
        node: Node = Stored(band.node.band, band.node.scene, how)
    elif band.grid is None:
        return band
    else:
        exact = band.node.dtype in {"int64", "uint64"} and how in _modes.values()
        node = Resampled(cast_band(band, DOUBLE).node if exact else band.node, band.grid, how)
        return BandValue(band.name, DOUBLE if exact else band.type, node, band.projection, band.extent)
    return BandValue(band.name, band.type, node, band.projection, band.extent)


@table.listed(
    "Image.reduceResolution(image: Image, reducer: Reducer, bestEffort: Boolean = false, maxPixels: Integer = 64.0) "
    "-> Image"
)
def reduce_resolution(image: ImageValue, reducer: Reducer, best_effort: bool, most: int) -> ImageValue:
    """Says that coarser pixels are made of all pixels under them, by a reducer."""
    how = _reductions.get(reducer.kind)
    if how is None:
        raise InvalidExpression(
            f"reducer {reducer.kind}: not implemented by this server; use {', '.join(_reductions)}."
        )
    if how is Resampling.SUM and not all(isinstance(band.node, Stored) for band in image.bands):
        raise InvalidExpression("reducer sum: not implemented by this server for computed images.")
    # whole numbers have means with fractions
    typed = [cast_band(band, wide(band.type)) if how is Resampling.AVERAGE else band for band in image.bands]
    return image.with_bands([sampled(band, how) for band in typed])


@table.listed("Image.clip(input: Image, geometry: Object) -> Image")
def clip(image: ImageValue, geometry: Any) -> ImageValue:
    """Masks what is outside of a geometry or a feature."""
    return clipped(image, _region(geometry))


@table.listed("Image.clipToCollection(input: Image, collection: Object) -> Image")
def clip_to_collection(image: ImageValue, collection: Any) -> ImageValue:
    """Masks what is outside of all features of a collection."""
    return clipped(image, _region(collection))


def _region(value: Any) -> Region:
    if not isinstance(value, Region | FeatureValue | ImageValue | CollectionValue | Mapping):
        raise InvalidExpression("an image is clipped to a Geometry, a Feature or a FeatureCollection.")
    found = area_of(value)
    if found is None:
        raise InvalidExpression("The geometry for image clipping must not be empty.")
    return found


def clipped(image: ImageValue, region: Region) -> ImageValue:
    """Return an image within a region."""
    extents: dict[Projection, Extent | None] = {}

    def within(band: BandValue) -> BandValue:
        known = band.projection
        if known not in extents:  # looked for once, where bands share a projection
            extents[known] = None if known.crs is None else extent_in(region, known)
        extent = band.extent if known.crs is None else extents[known]
        if extent is None:
            extent = band.extent
        elif band.extent is not None:
            extent = common(band.extent, extent) or (extent[0], extent[1], 1, 1)
        return BandValue(band.name, band.type, Clipped(band.node, region), band.projection, extent)

    return ImageValue([within(band) for band in image.bands], image.properties, image.id, region)


@table.listed(
    "Image.clipToBoundsAndScale(input: Image, geometry: Geometry = null, width: Integer = null, height: Integer "
    "= null, "
    "maxDimension: Integer = null, scale: Float = null) -> Image"
)
def clip_to_bounds_and_scale(
    image: ImageValue,
    geometry: Region | None,
    width: int | None,
    height: int | None,
    longest: int | None,
    scale: float | None,
) -> ImageValue:
    """Clips an image to the bounds of a geometry, and gives it pixels of another size or number."""
    if (width is None) != (height is None):
        raise InvalidExpression("'width' and 'height' have to be given together.")
    if longest is not None and width is not None:
        raise InvalidExpression("'maxDimension' cannot be given together with 'width' and 'height'.")
    if scale is not None and (longest is not None or width is not None):
        raise InvalidExpression("'scale' cannot be given together with dimensions.")
    dimensions = (longest,) if longest is not None else (width, height) if width is not None else ()
    for number in dimensions:
        if number is None or number < 1 or number > 1 << 31:
            raise InvalidExpression(f"a dimension of {number} pixels is not possible.")

    def fitted(band: BandValue) -> BandValue:
        known = band.projection if scale is None or dimensions else at_scale(band.projection, scale)
        box = _box(band, known, geometry)
        if dimensions:
            grid = stretched(known.transform, known.crs, box, tuple(n for n in dimensions if n is not None))
            known = Projection(grid.crs, grid.affine)
            extent = 0, 0, int(grid.shape[1]), int(grid.shape[0])
        else:
            grid = covering(known.transform, known.crs, box)
            extent = extent_of(grid, known)
        return BandValue(band.name, band.type, Cropped(band.node, grid), known, extent)

    return ImageValue([fitted(band) for band in image.bands], image.properties, image.id)


def _box(band: BandValue, known: Projection, geometry: Region | None) -> tuple[float, float, float, float]:
    """Return left, top, right and bottom in pixels of a projection."""
    if geometry is not None:
        if known.crs is None:
            raise InvalidExpression(
                "the image names no coordinate reference system, so that no region can be found in it."
            )
        return lattice_extent(geometry, known.transform, known.crs)
    if band.outline is not None:
        return lattice_extent(band.outline, known.transform, known.crs)
    grid = band.grid
    if grid is None:
        raise InvalidExpression("The geometry for image clipping must be bounded.")
    height, width = (int(n) for n in grid.shape)
    if grid.crs is None or (known.crs == grid.crs):
        place = ~known.transform @ grid.affine
        corners = [place @ corner for corner in ((0, 0), (width, 0), (0, height), (width, height))]
        return (
            min(x for x, _ in corners),
            min(y for _, y in corners),
            max(x for x, _ in corners),
            max(y for _, y in corners),
        )
    return lattice_extent(footprint(grid), known.transform, known.crs)


@table.listed('ErrorMargin(value: Float = null, unit: String = "meters") -> ErrorMargin')
def error_margin(value: float | None, unit: str) -> ErrorMarginValue:
    """Returns how much a result may be off; results of this server are exact."""
    return ErrorMarginValue(value or 0.0, unit)
