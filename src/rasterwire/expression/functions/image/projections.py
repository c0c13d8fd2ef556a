"""Functions that set the projection, the resampling and the clip of images, and functions on projections."""

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
from rasterwire.expression.reducers.table import REDUCERS
from rasterwire.geo.crs import crs_name, metres_per_unit, parse_crs
from rasterwire.geo.grid import (
    check_transform,
    covering,
    grid_extent,
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

_FARTHEST_METRES = 2.1e7
"""Metres from the origin of a crs: farther than any place on earth."""

_MAX_PIXELS = 1 << 28

_modes = {"bilinear": Resampling.BILINEAR, "bicubic": Resampling.CUBIC}


@table.listed(
    "Projection(crs: Object, transform: List<Object> = null, transformWkt: String = null) -> Projection", "Proj"
)
def projection(crs: Any, transform: list[Any] | None, wkt: str | None) -> Projection:
    """Returns a projection of a crs and a transform."""
    if wkt is not None:
        raise InvalidExpression("'transformWkt' is not supported; give 'transform'.")
    base = (
        crs
        if isinstance(crs, Projection)
        else Projection(parse_crs(crs, "crs"), Affine.identity())
        if isinstance(crs, str)
        else None
    )
    if base is None:
        raise InvalidExpression("'crs' has to be a code such as EPSG:32610, WKT or a Projection.")
    return base if transform is None else Projection(base.crs, affine_of(transform))


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
    """Returns the default projection of an image, which all its bands have to share."""
    projections = {band.projection for band in image.bands}
    if len(projections) > 1:
        raise InvalidExpression(
            "The bands of the specified image contains different projections. Use 'select' to pick a single band."
        )
    if not projections:
        raise InvalidExpression(NO_BANDS)
    return projections.pop()


@table.listed("Projection.nominalScale(proj: Projection) -> Float")
def nominal_scale(projection: Projection) -> float:
    """Returns the size of a pixel in metres."""
    return pixel_metres(projection.transform, projection.crs)


@table.listed("Projection.atScale(projection: Projection, meters: Float) -> Projection")
def at_scale(projection: Projection, metres: float) -> Projection:
    """Returns a projection with pixels of another size, in metres."""
    return Projection(projection.crs, rescaled(projection.transform, projection.crs, _checked_scale(metres)))


@table.listed("Projection.crs(projection: Projection) -> String")
def crs_of(projection: Projection) -> str:
    """Returns the code of a crs, or its WKT."""
    return crs_name(projection.crs)


@table.listed("Projection.transform(projection: Projection) -> String")
def transform_of(projection: Projection) -> str:
    """Returns the transform as WKT."""
    t = projection.transform
    numbers = {"elt_0_0": t.a, "elt_0_1": t.b, "elt_0_2": t.c, "elt_1_0": t.d, "elt_1_1": t.e, "elt_1_2": t.f}
    parameters = "".join(f', \n  PARAMETER["{name}", {value!r}]' for name, value in numbers.items())
    return f'PARAM_MT["Affine", \n  PARAMETER["num_row", 3], \n  PARAMETER["num_col", 3]{parameters}]'


def _checked_scale(scale: float) -> float:
    if not 1e-9 <= scale <= 1e9:
        raise InvalidExpression(f"a scale of {scale:g} metres is not between 1e-9 and 1e9.")
    return scale


def lattice_of(projection: Projection, transform: list[Any] | None, scale: float | None) -> Projection:
    """Return the projection of a crs with a transform; a scale sets the size of its pixels, in metres."""
    if transform is not None:
        projection = Projection(projection.crs, affine_of(transform))
    return projection if scale is None else at_scale(projection, scale)


def extent_in(region: Region, projection: Projection) -> Extent | None:
    """Return the whole pixels of a projection that cover a region; None where the region has none in it."""
    try:
        grid = covering(
            projection.transform, projection.crs, lattice_extent(region, projection.transform, projection.crs)
        )
    except InvalidRequest:
        return None
    return extent_of(grid, projection)


def extent_of(grid: GeoBox, projection: Projection) -> Extent:
    """Return the extent of a grid that lies on the lattice of a projection."""
    origin = ~projection.transform @ grid.affine
    return round(origin.c), round(origin.f), int(grid.shape[1]), int(grid.shape[0])


def with_projection(band: BandValue, projection: Projection, node: Node) -> BandValue:
    """Return a band with another default projection.

    Raises:
        InvalidExpression: the projection has no crs, and the band has one.
    """
    if projection.crs is None and band.projection.crs is not None:
        raise InvalidExpression("the projection names no coordinate reference system.")
    outline = band.footprint
    extent = None if outline is None else extent_in(outline, projection)
    return BandValue(band.name, band.type, node, projection, extent, outline)


@table.listed(
    "Image.setDefaultProjection(image: Image, crs: Projection, crsTransform: List<Float> = null, scale: Float = null) "
    "-> Image"
)
def set_default_projection(
    image: ImageValue, crs: Projection, transform: list[Any] | None, scale: float | None
) -> ImageValue:
    """Sets the default projection of an image, without a change to its pixels."""
    projection = lattice_of(crs, transform, scale)
    return image.with_bands([with_projection(band, projection, band.node) for band in image.bands])


@table.listed(
    "Image.reproject(image: Image, crs: Projection, crsTransform: List<Float> = null, scale: Float = null) -> Image"
)
def reproject(image: ImageValue, crs: Projection, transform: list[Any] | None, scale: float | None) -> ImageValue:
    """Resamples an image to a projection; all later results are computed from these pixels."""
    projection = lattice_of(crs, transform, scale)

    def fixed(band: BandValue) -> BandValue:
        projected = with_projection(band, projection, band.node)
        node = Resampled(band.node, projected.grid or whole_earth(projection), Resampling.NEAREST)
        return replace(projected, node=node)

    return image.with_bands([fixed(band) for band in image.bands])


def whole_earth(projection: Projection) -> GeoBox:
    """Return a grid on the lattice of a projection that covers all places where its crs is defined."""
    metres = metres_per_unit(projection.crs)
    t = projection.transform
    size = math.hypot(t.a, t.d) * metres, math.hypot(t.b, t.e) * metres
    across, down = (min(_MAX_PIXELS, math.ceil(_FARTHEST_METRES / s)) for s in size)
    origin = ~t @ Affine.identity()
    col, row = round(origin.c) - across, round(origin.f) - down
    return GeoBox((2 * down, 2 * across), shifted(t, col, row), projection.crs)


@table.listed('Image.resample(image: Image, mode: String = "bilinear") -> Image')
def resample(image: ImageValue, mode: str) -> ImageValue:
    """Sets the resampling of an image outside of its own projection: bilinear or bicubic."""
    if mode not in _modes:
        raise InvalidExpression(f"'mode' is {mode[:40]!r}; use bilinear or bicubic.")
    return image.with_bands([with_resampling(band, _modes[mode]) for band in image.bands])


def with_resampling(band: BandValue, resampling: Resampling) -> BandValue:
    """Return a band that is resampled in a given way from its own grid; unchanged where it has no grid."""
    if isinstance(band.node, Stored):
        node: Node = Stored(band.node.band, band.node.scene, resampling)
    elif band.grid is None:
        return band
    else:
        needs_double = band.node.dtype in {"int64", "uint64"} and resampling in _modes.values()
        node = Resampled(cast_band(band, DOUBLE).node if needs_double else band.node, band.grid, resampling)
        return BandValue(band.name, DOUBLE if needs_double else band.type, node, band.projection, band.extent)
    return BandValue(band.name, band.type, node, band.projection, band.extent)


@table.listed(
    "Image.reduceResolution(image: Image, reducer: Reducer, bestEffort: Boolean = false, maxPixels: Integer = 64.0) "
    "-> Image"
)
def reduce_resolution(image: ImageValue, reducer: Reducer, best_effort: bool, max_pixels: int) -> ImageValue:
    """Sets the reducer that computes a coarser pixel from all pixels under it."""
    resampling = REDUCERS[reducer.kind].resampling
    if resampling is None:
        kinds = ", ".join(kind for kind, row in REDUCERS.items() if row.resampling is not None)
        raise InvalidExpression(f"reducer {reducer.kind}: not implemented by this server; use {kinds}.")
    if resampling is Resampling.SUM and not all(isinstance(band.node, Stored) for band in image.bands):
        raise InvalidExpression("reducer sum: not implemented by this server for computed images.")
    # the mean of whole numbers is a float
    typed = [cast_band(band, wide(band.type)) if resampling is Resampling.AVERAGE else band for band in image.bands]
    return image.with_bands([with_resampling(band, resampling) for band in typed])


@table.listed("Image.clip(input: Image, geometry: Object) -> Image")
def clip(image: ImageValue, geometry: Any) -> ImageValue:
    """Masks the pixels outside of a geometry or a feature."""
    return clipped(image, _clip_region(geometry))


@table.listed("Image.clipToCollection(input: Image, collection: Object) -> Image")
def clip_to_collection(image: ImageValue, collection: Any) -> ImageValue:
    """Masks the pixels outside of all features of a collection."""
    return clipped(image, _clip_region(collection))


def _clip_region(value: Any) -> Region:
    if not isinstance(value, Region | FeatureValue | ImageValue | CollectionValue | Mapping):
        raise InvalidExpression("an image is clipped to a Geometry, a Feature or a FeatureCollection.")
    region = area_of(value)
    if region is None:
        raise InvalidExpression("The geometry for image clipping must not be empty.")
    return region


def clipped(image: ImageValue, region: Region) -> ImageValue:
    """Return an image whose pixels outside of a region are masked."""
    extents: dict[Projection, Extent | None] = {}

    def clip_band(band: BandValue) -> BandValue:
        projection = band.projection
        if projection not in extents:  # found once for all bands of a projection
            extents[projection] = None if projection.crs is None else extent_in(region, projection)
        extent = band.extent if projection.crs is None else extents[projection]
        if extent is None:
            extent = band.extent
        elif band.extent is not None:
            extent = common(band.extent, extent) or (extent[0], extent[1], 1, 1)
        return BandValue(band.name, band.type, Clipped(band.node, region), band.projection, extent)

    return ImageValue([clip_band(band) for band in image.bands], image.properties, image.id, region)


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
    """Clips an image to the bounds of a geometry, and sets the size or the number of its pixels."""
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
        projection = band.projection if scale is None or dimensions else at_scale(band.projection, scale)
        box = _box(band, projection, geometry)
        if dimensions:
            grid = stretched(projection.transform, projection.crs, box, tuple(n for n in dimensions if n is not None))
            projection = Projection(grid.crs, grid.affine)
            extent = 0, 0, int(grid.shape[1]), int(grid.shape[0])
        else:
            grid = covering(projection.transform, projection.crs, box)
            extent = extent_of(grid, projection)
        return BandValue(band.name, band.type, Cropped(band.node, grid), projection, extent)

    return ImageValue([fitted(band) for band in image.bands], image.properties, image.id)


def _box(band: BandValue, projection: Projection, geometry: Region | None) -> tuple[float, float, float, float]:
    """Return left, top, right and bottom in pixels of a projection."""
    if geometry is not None:
        if projection.crs is None:
            raise InvalidExpression(
                "the image names no coordinate reference system, so that no region can be found in it."
            )
        return lattice_extent(geometry, projection.transform, projection.crs)
    if band.outline is not None:
        return lattice_extent(band.outline, projection.transform, projection.crs)
    grid = band.grid
    if grid is None:
        raise InvalidExpression("The geometry for image clipping must be bounded.")
    height, width = (int(n) for n in grid.shape)
    if grid.crs is None or (projection.crs == grid.crs):
        to_pixels = ~projection.transform @ grid.affine
        corners = [to_pixels @ corner for corner in ((0, 0), (width, 0), (0, height), (width, height))]
        return (
            min(x for x, _ in corners),
            min(y for _, y in corners),
            max(x for x, _ in corners),
            max(y for _, y in corners),
        )
    return grid_extent(grid, projection.transform, projection.crs)


@table.listed('ErrorMargin(value: Float = null, unit: String = "meters") -> ErrorMargin')
def error_margin(value: float | None, unit: str) -> ErrorMarginValue:
    """Returns the error that a result may have; results of this server are exact."""
    return ErrorMarginValue(value or 0.0, unit)
