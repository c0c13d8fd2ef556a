"""Functions that reduce the pixels of an image within regions, or around each pixel."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely
from odc.geo.geobox import GeoBox

from rasterwire.errors import NO_BANDS, InvalidExpression
from rasterwire.expression.bands import of_bands, place_of
from rasterwire.expression.budget import check
from rasterwire.expression.geometry import to_crs
from rasterwire.expression.nodes import Node
from rasterwire.expression.projections import at_scale, lattice_of
from rasterwire.expression.reducers import Reducer
from rasterwire.expression.reduction import number, reduce_columns
from rasterwire.expression.signature import table
from rasterwire.expression.statistics import reduced_node
from rasterwire.expression.values import (
    BandValue,
    CollectionValue,
    Element,
    ImageValue,
    Projection,
    World,
)
from rasterwire.grid import apply, covering, lattice_extent, pixel_metres
from rasterwire.pixels import Window
from rasterwire.region import Region

_BLOCK = 512


_MOST_VALUES = 100_000_000
"""Values that a reducer may hold at once, of all bands."""

Floats = npt.NDArray[np.float64]


@table.listed("Image.reduce(image: Image, reducer: Reducer) -> Image")
def reduce_bands(image: ImageValue, reducer: Reducer) -> ImageValue:
    """Applies a reducer to all bands of an image, pixel by pixel; bands are named by its outputs."""
    if not image.bands:
        raise InvalidExpression(NO_BANDS)
    nodes, types = [band.node for band in image.bands], [band.type for band in image.bands]
    place = place_of(image.bands)
    made = [reduced_node(part, nodes, types) for part in reducer.simple_parts()]
    bands = [BandValue(name, kind, node, *place) for name, (kind, node) in zip(reducer.outputs, made, strict=True)]
    return ImageValue(of_bands(bands).bands, image.properties, None, image.region)


@dataclass(frozen=True, slots=True)
class Asked:
    """How the pixels of a region are asked for."""

    scale: float | None
    projection: Projection | None
    transform: list[Any] | None
    best_effort: bool
    most: int | None


@table.listed(
    "Image.reduceRegion(image: Image, reducer: Reducer, geometry: Geometry = null, scale: Float = null, "
    "crs: Projection = null, crsTransform: List<Float> = null, bestEffort: Boolean = false, "
    "maxPixels: Long = 10000000.0, tileScale: Float = 1.0) -> Dictionary<Object>",
    needs_world=True,
)
def reduce_region(
    world: World,
    image: ImageValue,
    reducer: Reducer,
    geometry: Region | None,
    scale: float | None,
    crs: Projection | None,
    transform: list[Any] | None,
    best_effort: bool,
    most: int,
    _: float,
) -> dict[str, Any]:
    """Applies a reducer to the pixels of a region, band by band."""
    region = image.footprint() if geometry is None else geometry
    if region is None:
        raise InvalidExpression("The geometry for image reduction must be bounded.")
    return _reduced(world, image, reducer, region, Asked(scale, crs, transform, best_effort, most))


@table.listed(
    "Image.reduceRegions(image: Image, collection: FeatureCollection, reducer: Reducer, scale: Float = null, "
    "crs: Projection = null, crsTransform: List<Float> = null, tileScale: Float = 1.0, "
    "maxPixelsPerRegion: Long = null) -> FeatureCollection",
    needs_world=True,
)
def reduce_regions(
    world: World,
    image: ImageValue,
    features: CollectionValue,
    reducer: Reducer,
    scale: float | None,
    crs: Projection | None,
    transform: list[Any] | None,
    _: float,
    most: int | None,
) -> CollectionValue:
    """Applies a reducer to the pixels of each feature, and adds the results to its properties."""
    made: list[Element] = []
    asked = Asked(scale, crs, transform, best_effort=False, most=most)
    for element in features:
        region = element.footprint() if isinstance(element, ImageValue) else element.geometry
        if region is None:
            raise InvalidExpression("a feature has no geometry.")
        found = _reduced(world, image, reducer, region, asked)
        if len(image.bands) == 1:  # named by outputs alone, as Earth Engine has it
            first = image.bands[0].name
            found = {_output_name(key, first, reducer): value for key, value in found.items()}
        made.append(element.with_properties({**element.properties, **found}))
    return CollectionValue(tuple(made), features.of_images, features.id, features.properties)


def _output_name(key: str, band: str, reducer: Reducer) -> str:
    return reducer.outputs[0] if key == band else key.removeprefix(f"{band}_")


def _reduced(world: World, image: ImageValue, reducer: Reducer, region: Region, asked: Asked) -> dict[str, Any]:
    if not image.bands:
        return {}
    grid = region_grid(image.bands[0].projection, region, asked)
    nodes = [band.node for band in image.bands]
    columns, weights = region_values(world, nodes, grid, region, weighs=reducer.weighs)
    if reducer.inputs > 1:
        if len(columns) != reducer.inputs:
            raise InvalidExpression(f"the reducer takes {reducer.inputs} bands, and the image has {len(columns)}.")
        return reduce_columns(reducer, columns, weights)
    made: dict[str, Any] = {}
    for band, column in zip(image.bands, columns, strict=True):
        there = ~np.isnan(column)
        heavy = None if weights is None else weights[there]
        results = reduce_columns(reducer, [column[there]], heavy)
        several = len(results) > 1
        made |= {f"{band.name}_{key}" if several else band.name: _tidy(value) for key, value in results.items()}
    return made


def _tidy(value: Any) -> Any:
    return (
        [number(v) for v in value] if isinstance(value, list) else number(value) if isinstance(value, float) else value
    )


def region_grid(own: Projection, region: Region, asked: Asked) -> GeoBox:
    """Return the grid on which the pixels of a region are read.

    Raises:
        InvalidExpression: more pixels than are allowed, with their number.
    """
    known = own if asked.projection is None else asked.projection
    known = lattice_of(known, asked.transform, asked.scale)
    if known.crs is None:
        raise InvalidExpression("the image names no coordinate reference system, so that no region can be found in it.")
    check()
    grid = covering(known.transform, known.crs, lattice_extent(region, known.transform, known.crs))
    count = int(grid.shape[0]) * int(grid.shape[1])
    most = _MOST_VALUES if asked.most is None else min(asked.most, _MOST_VALUES)
    if count <= most:
        return grid
    if not asked.best_effort:
        raise InvalidExpression(
            f"Too many pixels in the region. Found {count}, but maxPixels allows only {most}. Give a coarser 'scale', "
            "a smaller region, a greater 'maxPixels', or set 'bestEffort'."
        )
    factor = math.ceil(math.sqrt(count / most) * 1.01)
    coarser = at_scale(known, pixel_metres(known.transform, known.crs) * factor)
    return covering(coarser.transform, coarser.crs, lattice_extent(region, coarser.transform, coarser.crs))


def region_values(
    world: World, nodes: Sequence[Node], grid: GeoBox, region: Region, *, weighs: bool
) -> tuple[list[Floats], Floats | None]:
    """Return the pixels of nodes within a region, NaN where one is not valid, and their weights.

    Args:
        world: that reads them.
        nodes: bands.
        grid: on which they are read.
        region: pixels whose centre lies in it count; with weights, all it touches by at least 0.5 %.
        weighs: whether a pixel counts by how much of it lies in the region.
    """
    outline = in_pixels(region, grid)
    windows = list(windows_of(grid, outline))
    values: list[list[Floats]] = [[] for _ in nodes]
    shares: list[Floats] = []
    for window, block in zip(windows, world.pixels(nodes, grid, windows), strict=True):
        check()
        share = coverage(outline, window) if weighs else centres(outline, window).astype(np.float64)
        held = share >= 0.005
        if not held.any():
            continue
        shares.append(share[held])
        for column, pixels in zip(values, block, strict=True):
            column.append(np.where(pixels.valid, pixels.data, np.nan)[held].astype(np.float64))
        if sum(map(len, shares)) * len(nodes) > _MOST_VALUES:
            raise InvalidExpression(f"the region has more than {_MOST_VALUES} values; give a coarser 'scale'.")
    columns = [np.concatenate(column) if column else np.empty(0) for column in values]
    return columns, (np.concatenate(shares) if shares else np.empty(0)) if weighs else None


def windows_of(grid: GeoBox, outline: shapely.Geometry) -> Iterator[Window]:
    """Yield the windows of a grid that an outline, in its pixels, touches."""
    height, width = (int(n) for n in grid.shape)
    shapely.prepare(outline)
    for row in range(0, height, _BLOCK):
        for col in range(0, width, _BLOCK):
            rows, cols = min(_BLOCK, height - row), min(_BLOCK, width - col)
            if outline.intersects(shapely.box(col, row, col + cols, row + rows)):
                yield Window(row, col, rows, cols)


def in_pixels(region: Region, grid: GeoBox) -> shapely.Geometry:
    """Return the outline of a region in pixels of a grid."""
    assert grid.crs is not None
    placed = to_crs(region, grid.crs).geometry
    inverse = ~grid.affine
    made = shapely.transform(placed, lambda points: apply(inverse, points))
    if grid.crs.geographic:  # the region may name its longitudes by another turn than the grid
        turn = abs(360.0 / grid.affine.a) if grid.affine.a else 0.0
        middle = (made.bounds[0] + made.bounds[2]) / 2
        moved = -turn * math.floor(middle / turn) if turn and not 0 <= middle <= int(grid.shape[1]) else 0.0
        made = shapely.transform(made, lambda points: points + np.array([moved, 0.0]))
    return made


def centres(outline: shapely.Geometry, window: Window) -> npt.NDArray[np.bool_]:
    """Return which pixels of a window have their centre in an outline; a point is in the pixel that holds it."""
    if outline.area == 0:
        return coverage(outline, window) > 0
    x = np.arange(window.col, window.col + window.width) + 0.5
    y = (np.arange(window.row, window.row + window.height) + 0.5)[:, None]
    x, y = np.broadcast_arrays(x, y)
    shapely.prepare(outline)
    return np.asarray(shapely.intersects_xy(outline, x, y))


def coverage(outline: shapely.Geometry, window: Window) -> Floats:
    """Return how much of each pixel of a window lies in an outline, from 0 to 1.

    Pixels that the boundary does not touch are in or out by their centre; the others by their area.
    Points and lines count for the pixels that hold them.
    """
    made = np.zeros((window.height, window.width))
    frame = shapely.box(window.col, window.row, window.col + window.width, window.row + window.height)
    if outline.area == 0:
        cells = _touched(shapely.intersection(outline, frame), window)
        made[cells] = 1.0
        return made
    made[:] = centres(outline, window)
    edge = _touched(shapely.intersection(shapely.boundary(outline), frame), window)
    if edge[0].size:
        rows, cols = edge[0] + window.row, edge[1] + window.col
        made[edge] = shapely.area(shapely.intersection(outline, shapely.box(cols, rows, cols + 1, rows + 1)))
    return made


def _touched(lines: shapely.Geometry, window: Window) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Return the pixels of a window that lines or points may touch, and those beside."""
    points = shapely.get_coordinates(shapely.segmentize(lines, 0.5)) if not lines.is_empty else np.empty((0, 2))
    mask = np.zeros((window.height, window.width), bool)
    is_point = lines.length == 0
    for dx, dy in [(0.0, 0.0)] if is_point else [(x, y) for x in (-0.5, 0.0, 0.5) for y in (-0.5, 0.0, 0.5)]:
        col = np.floor(points[:, 0] + dx).astype(np.intp) - window.col
        row = np.floor(points[:, 1] + dy).astype(np.intp) - window.row
        there = (col >= 0) & (row >= 0) & (col < window.width) & (row < window.height)
        mask[row[there], col[there]] = True
    found = np.nonzero(mask)
    return found[0], found[1]
