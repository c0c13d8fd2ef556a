"""Functions that reduce the pixels of an image: within regions, or its bands at each pixel."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from odc.geo.geobox import GeoBox

from rasterwire.budget import check
from rasterwire.errors import NO_BANDS, InvalidExpression
from rasterwire.expression.functions.image.assembly import of_bands, place_of
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

_MOST_PIXELS = 4_000_000_000
"""Pixels of a region that is reduced; so many take as long as an evaluation may."""

_MANY_HELD = 10_000_000
"""Numbers that a reducer holds of a region, of all bands together, before it rather takes several passes."""

_MOST_HELD = 30_000_000
"""Different values of a region that reducers hold at once, where they need all of them: 12 to 16 bytes each."""

_LEAST_SHARE = 0.005
"""Of a pixel in a region, that counts."""


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
        region = element.footprint()
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
    bands = image.bands
    grid = region_grid(bands[0].projection, region, asked)
    if reducer.inputs > 1 and len(bands) != reducer.inputs:
        raise InvalidExpression(f"the reducer takes {reducer.inputs} bands, and the image has {len(bands)}.")
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
    made: dict[str, Any] = {}
    for band, tally in zip(bands, tallies, strict=True):
        results = tally.results()
        several = len(results) > 1
        made |= {f"{band.name}_{key}" if several else band.name: value for key, value in results.items()}
    return made


def _add(tallies: Sequence[Tallies], pixels: Sequence[Pixels], share: "Shares", *, together: bool) -> None:
    """Let tallies take in a block: one all bands together, or each its own."""
    if together:
        tallies[0].add([_picked(_with_nan(one), share > 0) for one in pixels], _weights(share, share > 0))
    else:
        for tally, one in zip(tallies, pixels, strict=True):
            there = (share > 0) & one.valid
            tally.add([_picked(one.data, there)], _weights(share, there))
    if sum(tally.held for tally in tallies) > _MANY_HELD:
        for tally in tallies:
            tally.narrow()
    if sum(tally.held for tally in tallies) > _MOST_HELD:
        raise InvalidExpression(
            f"the reducer has to hold more than {_MOST_HELD} different values of the region; "
            "give a coarser 'scale', a smaller region, or fewer bands."
        )


Shares = npt.NDArray[np.float64] | npt.NDArray[np.bool_]
"""How much of each pixel counts; whether it does, where none counts in part."""


def _blocks(
    world: World, nodes: Sequence[Node], grid: GeoBox, region: Region, *, weighs: bool
) -> Iterator[tuple[list[Pixels], Shares]]:
    """Yield the pixels of nodes in a region, and what of them counts, window by window.

    Args:
        world: that reads them.
        nodes: bands.
        grid: on which they are read.
        region: pixels whose centre lies in it count; with weights, all it touches by at least 0.5 %.
        weighs: whether a pixel counts by how much of it lies in the region.
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


def _weights(share: Shares, there: npt.NDArray[np.bool_]) -> Floats | None:
    return share[there].astype(np.float64, copy=False) if share.dtype.kind == "f" else None


def _with_nan(pixels: Pixels) -> Floats:
    return np.where(pixels.valid, pixels.data, np.nan).astype(np.float64, copy=False)


def _picked(data: npt.NDArray[Any], there: npt.NDArray[np.bool_]) -> npt.NDArray[Any]:
    return data.ravel() if there.all() else data[there]


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
    most = _MOST_PIXELS if asked.most is None else min(asked.most, _MOST_PIXELS)
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
