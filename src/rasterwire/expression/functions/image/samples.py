"""Functions that return single pixels of an image as features."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import shapely
from odc.geo.geobox import GeoBox

from rasterwire.budget import check
from rasterwire.errors import NO_BANDS, InvalidExpression
from rasterwire.expression.functions.image.coverage import Floats, centres, in_pixels, windows_of
from rasterwire.expression.functions.image.region_reduction import GridArguments, region_grid
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

_MAX_SAMPLES = 250_000
"""Samples that ``Image.sample`` returns."""

_MAX_PIXELS = 100_000_000
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
    drop_nulls: bool,
    tile_scale: float,
    geometries: bool,
) -> CollectionValue:
    """Returns the pixels of a region, or a random sample of them, as features."""
    area = image.footprint() if region is None else region
    if not image.bands:
        raise InvalidExpression(NO_BANDS)
    if area is None:
        raise InvalidExpression("The region to sample must be bounded; give a region.")
    arguments = GridArguments(scale, projection, transform=None, best_effort=False, max_pixels=_MAX_PIXELS)
    grid = region_grid(image.bands[0].projection, area, arguments)
    outline = in_pixels(area, grid)
    chance = np.random.default_rng(seed & 0xFFFFFFFF)
    samples = np.empty((0, 3 + len(image.bands)))
    windows = list(windows_of(grid, outline))
    nodes = [band.node for band in image.bands]
    for window, block in zip(windows, world.pixels(nodes, grid, windows), strict=True):
        inside = centres(outline, window)
        valid = np.logical_and.reduce([pixels.valid for pixels in block])
        indices = np.nonzero(inside & valid if drop_nulls else inside)
        if factor is not None:
            is_drawn = chance.random(len(indices[0])) < factor
            indices = indices[0][is_drawn], indices[1][is_drawn]
        check()
        columns = [np.where(p.valid, p.data, np.nan)[indices] for p in block]
        x, y = indices[1] + window.col + 0.5, indices[0] + window.row + 0.5
        samples = np.concatenate([samples, np.column_stack([chance.random(len(x)), x, y, *columns])])
        if count is not None and len(samples) > count:  # those with the least random numbers, in their order
            samples = samples[np.sort(np.argpartition(samples[:, 0], count)[:count])] if count > 0 else samples[:0]
        _check_samples(len(samples))
    rows = samples[:, 3:].tolist()
    names = [band.name for band in image.bands]
    own_geometries = _places(grid, samples[:, 1:3]) if geometries else [None] * len(rows)
    features = [
        _sampled(values, index, names, geometry)
        for index, (values, geometry) in enumerate(zip(rows, own_geometries, strict=True))
    ]
    return CollectionValue(tuple(features), of_images=False)


def _places(grid: GeoBox, points: Floats) -> "list[Region | None]":
    """Convert points in pixels of a grid to points in longitude and latitude."""
    if grid.crs is None:
        return [None] * len(points)
    x, y = transformer(grid.crs, LONLAT).transform(*apply(grid.affine, points).T)
    return [Region(point, LONLAT) for point in shapely.points(x, y)]


def _check_samples(count: int) -> None:
    if count > _MAX_SAMPLES:
        raise InvalidExpression(f"there are more than {_MAX_SAMPLES} samples; give 'numPixels' or a coarser 'scale'.")


def _sampled(values: list[float], index: int, names: Sequence[str], geometry: Region | None) -> FeatureValue:
    properties: dict[str, Any] = {"system:index": str(index)}
    properties |= {
        name: None if math.isnan(value) else number(value) for name, value in zip(names, values, strict=True)
    }
    return FeatureValue(geometry, {key: value for key, value in properties.items() if value is not None})


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
    tile_scale: float,
    geometries: bool,
) -> CollectionValue:
    """Returns the pixels of each feature as features with the properties of that feature."""
    samples: list[Element] = []
    for element in features:
        region = element.footprint()
        if region is None:
            raise InvalidExpression("a feature has no geometry.")
        properties = {key: value for key, value in element.properties.items() if names is None or key in names}
        properties = {key: value for key, value in properties.items() if not key.startswith("system:")}
        own_samples = sample(
            world,
            image,
            region,
            scale,
            projection,
            factor=None,
            count=None,
            seed=0,
            drop_nulls=True,
            tile_scale=tile_scale,
            geometries=geometries,
        )
        samples += [
            point.with_properties(
                {
                    **properties,
                    **point.properties,
                    "system:index": f"{element.properties.get('system:index', len(samples))}_{index}",
                }
            )
            for index, point in enumerate(own_samples)
        ]
        _check_samples(len(samples))
    return CollectionValue(tuple(samples), of_images=False)


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
    default_array: Any,
) -> FeatureValue:
    """Returns the pixels of a rectangle as one feature, with a list of rows for each band."""
    area = image.footprint() if region is None else region
    if not image.bands:
        raise InvalidExpression(NO_BANDS)
    if area is None:
        raise InvalidExpression("The region to sample must be bounded; give a region.")
    grid = region_grid(
        image.bands[0].projection,
        area,
        GridArguments(scale=None, projection=None, transform=None, best_effort=False, max_pixels=262_144),
    )
    height, width = (int(n) for n in grid.shape)
    block = next(iter(world.pixels([band.node for band in image.bands], grid, [Window(0, 0, height, width)])))
    rows: dict[str, Any] = {}
    for band, pixels in zip(image.bands, block, strict=True):
        if default is None and not pixels.valid.all():
            raise InvalidExpression(
                f"Fully masked or partly masked pixels in band '{band.name}'; give a 'defaultValue'."
            )
        rows[band.name] = [
            [number(v) for v in row] for row in pixels.filled(0 if default is None else default).tolist()
        ]
    properties = {key: value for key, value in image.properties.items() if names is None or key in names}
    return FeatureValue(area, {**properties, **rows})
