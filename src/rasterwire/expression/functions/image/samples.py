"""Functions that return single pixels of an image."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import shapely
from odc.geo.geobox import GeoBox

from rasterwire.budget import check
from rasterwire.errors import NO_BANDS, InvalidExpression
from rasterwire.expression.functions.image.coverage import Floats, centres, in_pixels, windows_of
from rasterwire.expression.functions.image.region_reduction import Asked, region_grid
from rasterwire.expression.language.formatting import number
from rasterwire.expression.language.signature import table
from rasterwire.expression.language.values import (
    LONLAT,
    CollectionValue,
    Element,
    FeatureValue,
    ImageValue,
    Projection,
    World,
)
from rasterwire.geo.crs import transformer
from rasterwire.geo.grid import apply
from rasterwire.geo.region import Region
from rasterwire.pixels import Window

_MOST_SAMPLES = 250_000
"""Samples that ``Image.sample`` returns."""

_MOST_PIXELS = 100_000_000
"""Pixels of a region that samples are taken of."""


@table.listed(
    "Image.sample(image: Image, region: Geometry = null, scale: Float = null, projection: Projection = null, "
    "factor: Float = null, numPixels: Long = null, seed: Integer = 0.0, dropNulls: Boolean = true, "
    "tileScale: Float = 1.0, geometries: Boolean = false) -> FeatureCollection",
    needs_world=True,
)
def sample(
    world: World,
    image: ImageValue,
    region: Region | None,
    scale: float | None,
    projection: Projection | None,
    factor: float | None,
    count: int | None,
    seed: int,
    drop: bool,
    _: float,
    geometries: bool,
) -> CollectionValue:
    """Returns the pixels of a region, or some of them by chance, as features."""
    area = image.footprint() if region is None else region
    if not image.bands:
        raise InvalidExpression(NO_BANDS)
    if area is None:
        raise InvalidExpression("The region to sample must be bounded; give a region.")
    asked = Asked(scale, projection, None, best_effort=False, most=_MOST_PIXELS)
    grid = region_grid(image.bands[0].projection, area, asked)
    outline = in_pixels(area, grid)
    chance = np.random.default_rng(seed & 0xFFFFFFFF)
    taken = np.empty((0, 3 + len(image.bands)))
    windows = list(windows_of(grid, outline))
    nodes = [band.node for band in image.bands]
    for window, block in zip(windows, world.pixels(nodes, grid, windows), strict=True):
        held = centres(outline, window)
        valid = np.logical_and.reduce([pixels.valid for pixels in block])
        at = np.nonzero(held & valid if drop else held)
        if factor is not None:
            kept = chance.random(len(at[0])) < factor
            at = at[0][kept], at[1][kept]
        check()
        columns = [np.where(p.valid, p.data, np.nan)[at] for p in block]
        x, y = at[1] + window.col + 0.5, at[0] + window.row + 0.5
        taken = np.concatenate([taken, np.column_stack([chance.random(len(x)), x, y, *columns])])
        if count is not None and len(taken) > count:  # those of the least lots, in their order
            taken = taken[np.sort(np.argpartition(taken[:, 0], count)[:count])] if count > 0 else taken[:0]
        _check_samples(len(taken))
    rows = taken[:, 3:].tolist()
    names = [band.name for band in image.bands]
    places = _places(grid, taken[:, 1:3]) if geometries else [None] * len(rows)
    made = [_sampled(values, at, names, place) for at, (values, place) in enumerate(zip(rows, places, strict=True))]
    return CollectionValue(tuple(made), of_images=False)


def _places(grid: GeoBox, points: Floats) -> "list[Region | None]":
    """Return points given in pixels of a grid as points on earth."""
    if grid.crs is None:
        return [None] * len(points)
    x, y = transformer(grid.crs, LONLAT).transform(*apply(grid.affine, points).T)
    return [Region(point, LONLAT) for point in shapely.points(x, y)]


def _check_samples(count: int) -> None:
    if count > _MOST_SAMPLES:
        raise InvalidExpression(f"there are more than {_MOST_SAMPLES} samples; give 'numPixels' or a coarser 'scale'.")


def _sampled(values: list[float], at: int, names: Sequence[str], place: Region | None) -> FeatureValue:
    properties: dict[str, Any] = {"system:index": str(at)}
    properties |= {
        name: None if math.isnan(value) else number(value) for name, value in zip(names, values, strict=True)
    }
    return FeatureValue(place, {key: value for key, value in properties.items() if value is not None})


@table.listed(
    "Image.sampleRegions(image: Image, collection: FeatureCollection, properties: List<String> = null, "
    "scale: Float = null, projection: Projection = null, tileScale: Float = 1.0, geometries: Boolean = false) "
    "-> FeatureCollection",
    needs_world=True,
)
def sample_regions(
    world: World,
    image: ImageValue,
    features: CollectionValue,
    names: list[str] | None,
    scale: float | None,
    projection: Projection | None,
    _: float,
    geometries: bool,
) -> CollectionValue:
    """Returns the pixels of each feature as features, with its properties."""
    made: list[Element] = []
    for element in features:
        region = element.footprint()
        if region is None:
            raise InvalidExpression("a feature has no geometry.")
        kept = {key: value for key, value in element.properties.items() if names is None or key in names}
        kept = {key: value for key, value in kept.items() if not key.startswith("system:")}
        found = sample(world, image, region, scale, projection, None, None, 0, True, 1.0, geometries)
        made += [
            one.with_properties(
                {**kept, **one.properties, "system:index": f"{element.properties.get('system:index', len(made))}_{at}"}
            )
            for at, one in enumerate(found)
        ]
        _check_samples(len(made))
    return CollectionValue(tuple(made), of_images=False)


@table.listed(
    "Image.sampleRectangle(image: Image, region: Geometry = null, properties: List<String> = null, "
    "defaultValue: Float = null, defaultArrayValue: Array = null) -> Feature",
    needs_world=True,
)
def sample_rectangle(
    world: World,
    image: ImageValue,
    region: Region | None,
    names: list[str] | None,
    default: float | None,
    _: Any,
) -> FeatureValue:
    """Returns the pixels of a rectangle as one feature, each band a list of rows."""
    area = image.footprint() if region is None else region
    if not image.bands:
        raise InvalidExpression(NO_BANDS)
    if area is None:
        raise InvalidExpression("The region to sample must be bounded; give a region.")
    grid = region_grid(image.bands[0].projection, area, Asked(None, None, None, best_effort=False, most=262_144))
    height, width = (int(n) for n in grid.shape)
    block = next(iter(world.pixels([band.node for band in image.bands], grid, [Window(0, 0, height, width)])))
    made: dict[str, Any] = {}
    for band, pixels in zip(image.bands, block, strict=True):
        if default is None and not pixels.valid.all():
            raise InvalidExpression(
                f"Fully masked or partly masked pixels in band '{band.name}'; give a 'defaultValue'."
            )
        made[band.name] = [
            [number(v) for v in row] for row in pixels.filled(0 if default is None else default).tolist()
        ]
    kept = {key: value for key, value in image.properties.items() if names is None or key in names}
    return FeatureValue(area, {**kept, **made})
