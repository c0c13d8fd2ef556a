"""Functions that reduce an image: its pixels within regions, or its bands at each pixel."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from odc.geo.geobox import GeoBox

from rasterwire.budget import check
from rasterwire.errors import NO_BANDS, InvalidExpression
from rasterwire.expression.functions.image.assembly import of_bands, projection_and_extent
from rasterwire.expression.functions.image.coverage import Floats, centres, coverage, in_pixels, windows_of
from rasterwire.expression.functions.image.projections import at_scale, lattice_of
from rasterwire.expression.language.signature import table
from rasterwire.expression.language.values import BandValue, CollectionValue, Element, ImageValue, Projection, World
from rasterwire.expression.reducers.definitions import Reducer
from rasterwire.expression.reducers.per_pixel import reduced_node
from rasterwire.expression.reducers.streaming import Tallies
from rasterwire.geo.grid import covering, lattice_extent, pixel_metres
from rasterwire.geo.region import Region
from rasterwire.nodes.nodes import Node
from rasterwire.pixels import Pixels
from rasterwire.units import plural_text

_MAX_PIXELS = 4_000_000_000
"""Pixels of a region that is reduced; so many take as long as an evaluation may."""

_MANY_HELD = 10_000_000
"""Numbers that a reducer stores of all bands of a region before it changes to several passes."""

_MAX_HELD = 30_000_000
"""Different values of a region that reducers hold at once, where they need all of them: 12 to 16 bytes each."""

_LEAST_SHARE = 0.005
"""The least share of a pixel in a region that counts."""


@table.listed("Image.reduce(image: Image, reducer: Reducer) -> Image")
def reduce_bands(image: ImageValue, reducer: Reducer) -> ImageValue:
    """Applies a reducer to all bands of an image, pixel by pixel; bands are named by its outputs."""
    if not image.bands:
        raise InvalidExpression(NO_BANDS)
    nodes, types = [band.node for band in image.bands], [band.type for band in image.bands]
    placement = projection_and_extent(image.bands)
    outputs = [reduced_node(part, nodes, types) for part in reducer.simple_parts()]
    bands = [
        BandValue(name, pixel_type, node, *placement)
        for name, (pixel_type, node) in zip(reducer.outputs, outputs, strict=True)
    ]
    return ImageValue(of_bands(bands).bands, image.properties, None, image.region)


@dataclass(frozen=True, slots=True)
class GridArguments:
    """The arguments of a function that choose the grid on which the pixels of a region are read.

    Attributes:
        scale: size of the pixels in metres; None for that of the projection.
        projection: None for that of the first band.
        transform: six numbers that replace the transform of the projection, or None.
        best_effort: whether too many pixels make the scale coarser; else they are refused.
        max_pixels: None for the limit of the server.
    """

    scale: float | None
    projection: Projection | None
    transform: list[Any] | None
    best_effort: bool
    max_pixels: int | None


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
    max_pixels: int,
    tile_scale: float,
) -> dict[str, Any]:
    """Applies a reducer to the pixels of a region, band by band."""
    region = image.footprint() if geometry is None else geometry
    if region is None:
        raise InvalidExpression("The geometry for image reduction must be bounded.")
    return _reduced(world, image, reducer, region, GridArguments(scale, crs, transform, best_effort, max_pixels))


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
    tile_scale: float,
    max_pixels: int | None,
) -> CollectionValue:
    """Applies a reducer to the pixels of each feature, and adds the results to its properties."""
    elements: list[Element] = []
    arguments = GridArguments(scale, crs, transform, best_effort=False, max_pixels=max_pixels)
    for element in features:
        region = element.footprint()
        if region is None:
            raise InvalidExpression("a feature has no geometry.")
        results = _reduced(world, image, reducer, region, arguments)
        if len(image.bands) == 1:  # named by the outputs alone, as in Earth Engine
            first = image.bands[0].name
            results = {_output_name(key, first, reducer): value for key, value in results.items()}
        elements.append(element.with_properties({**element.properties, **results}))
    return CollectionValue(tuple(elements), features.of_images, features.id, features.properties)


def _output_name(key: str, band: str, reducer: Reducer) -> str:
    return reducer.outputs[0] if key == band else key.removeprefix(f"{band}_")


def _reduced(
    world: World, image: ImageValue, reducer: Reducer, region: Region, arguments: GridArguments
) -> dict[str, Any]:
    if not image.bands:
        return {}
    bands = image.bands
    grid = region_grid(bands[0].projection, region, arguments)
    if reducer.inputs > 1 and len(bands) != reducer.inputs:
        raise InvalidExpression(
            f"the reducer takes {plural_text(reducer.inputs, 'band')}, and the image has {len(bands)}."
        )
    tallies = [Tallies(reducer) for _ in range(1 if reducer.inputs > 1 else len(bands))]
    nodes = [band.node for band in bands]
    is_more = True
    while is_more:
        for pixels, share in _blocks(world, nodes, grid, region, weighs=reducer.weighs):
            check()
            _add(tallies, pixels, share, together=reducer.inputs > 1)
        is_more = bool([tally for tally in tallies if tally.another_pass()])
    if reducer.inputs > 1:
        return tallies[0].results()
    document: dict[str, Any] = {}
    for band, tally in zip(bands, tallies, strict=True):
        results = tally.results()
        several = len(results) > 1
        document |= {f"{band.name}_{key}" if several else band.name: value for key, value in results.items()}
    return document


def _add(tallies: Sequence[Tallies], pixels: Sequence[Pixels], share: "Shares", *, together: bool) -> None:
    """Add a block to the tallies: all bands together to the only one, or each band to its own."""
    if together:
        tallies[0].add(
            [_picked(_with_nan(band_pixels), share > 0) for band_pixels in pixels], _weights(share, share > 0)
        )
    else:
        for tally, band_pixels in zip(tallies, pixels, strict=True):
            counts = (share > 0) & band_pixels.valid
            tally.add([_picked(band_pixels.data, counts)], _weights(share, counts))
    if sum(tally.stored_count for tally in tallies) > _MANY_HELD:
        for tally in tallies:
            tally.use_passes()
    if sum(tally.stored_count for tally in tallies) > _MAX_HELD:
        raise InvalidExpression(
            f"the reducer has to hold more than {_MAX_HELD} different values of the region; "
            "give a coarser 'scale', a smaller region, or fewer bands."
        )


Shares = npt.NDArray[np.float64] | npt.NDArray[np.bool_]
"""The share of each pixel that counts; bool where no pixel counts in part."""


def _blocks(
    world: World, nodes: Sequence[Node], grid: GeoBox, region: Region, *, weighs: bool
) -> Iterator[tuple[list[Pixels], Shares]]:
    """Yield the pixels of nodes in a region with the share of each that counts, window by window.

    Args:
        world: reads the pixels.
        nodes: of the bands.
        grid: of the pixels.
        region: its pixels count.
        weighs: whether a pixel counts by the share of it that lies in the region, from 0.5 %; else a pixel
            counts if its centre lies in the region.
    """
    outline = in_pixels(region, grid)
    windows = list(windows_of(grid, outline))
    for window, pixels in zip(windows, world.pixels(nodes, grid, windows), strict=True):
        if weighs:
            share = coverage(outline, window)
            share[share < _LEAST_SHARE] = 0.0
            yield pixels, share if (share < 1.0).any() else share > 0
        else:
            yield pixels, centres(outline, window)


def _weights(share: Shares, counts: npt.NDArray[np.bool_]) -> Floats | None:
    return share[counts].astype(np.float64, copy=False) if share.dtype.kind == "f" else None


def _with_nan(pixels: Pixels) -> Floats:
    return np.where(pixels.valid, pixels.data, np.nan).astype(np.float64, copy=False)


def _picked(data: npt.NDArray[Any], counts: npt.NDArray[np.bool_]) -> npt.NDArray[Any]:
    return data.ravel() if counts.all() else data[counts]


def region_grid(own: Projection, region: Region, arguments: GridArguments) -> GeoBox:
    """Return the grid on which the pixels of a region are read.

    Raises:
        InvalidExpression: the region has more pixels than allowed; the message has their number.
    """
    projection = own if arguments.projection is None else arguments.projection
    projection = lattice_of(projection, arguments.transform, arguments.scale)
    if projection.crs is None:
        raise InvalidExpression("the image names no coordinate reference system, so that no region can be found in it.")
    check()
    grid = covering(projection.transform, projection.crs, lattice_extent(region, projection.transform, projection.crs))
    count = int(grid.shape[0]) * int(grid.shape[1])
    most = _MAX_PIXELS if arguments.max_pixels is None else min(arguments.max_pixels, _MAX_PIXELS)
    if count <= most:
        return grid
    if not arguments.best_effort:
        raise InvalidExpression(
            f"Too many pixels in the region. Found {count}, but maxPixels allows only {most}. Give a coarser 'scale', "
            "a smaller region, a greater 'maxPixels', or set 'bestEffort'."
        )
    factor = math.ceil(math.sqrt(count / most) * 1.01)
    coarser = at_scale(projection, pixel_metres(projection.transform, projection.crs) * factor)
    return covering(coarser.transform, coarser.crs, lattice_extent(region, coarser.transform, coarser.crs))
