"""The function that returns random points within a geometry."""

import numpy as np
import numpy.typing as npt
import shapely
from pyproj import Geod

from rasterwire.budget import check, current
from rasterwire.errors import InvalidExpression
from rasterwire.expression.language.signature import table
from rasterwire.expression.language.values import LONLAT, CollectionValue, ErrorMarginValue, FeatureValue
from rasterwire.geo.region import Region
from rasterwire.geo.region.relations import to_crs

_FEATURE_BYTES = 800
"""Roughly the memory of a feature with a simple geometry."""

Points = npt.NDArray[np.float64]
Parts = npt.NDArray[np.object_]

_MAX_POINTS = 100_000
"""Points that ``randomPoints`` makes."""

_ROUNDS = 2_000
_PIECES = 10_000
_GEOD = Geod(ellps="WGS84")


@table.listed(
    "FeatureCollection.randomPoints(region: Geometry, points: Integer = 1000.0, seed: Long = 0.0, maxError: "
    'ErrorMargin = {"type": "ErrorMargin", "unit": "meters", "value": 100.0}) -> FeatureCollection'
)
def random_points(region: Region, count: int, seed: int, margin: ErrorMarginValue | None) -> CollectionValue:
    """Returns random points in the polygons of a geometry; without polygons on its lines, else of its points."""
    if not 0 <= count <= _MAX_POINTS:
        raise InvalidExpression(f"{count} points are not possible, at most {_MAX_POINTS}.")
    current().take(_FEATURE_BYTES * count)
    chance = np.random.default_rng(seed % (1 << 64))
    parts = shapely.get_parts(shapely.get_parts(to_crs(region, LONLAT).geometry))
    dimensions = shapely.get_dimensions(parts)
    widest = parts[dimensions == dimensions.max()]
    draw = (_of_points, _on_lines, _in_areas)[int(dimensions.max())]
    points = draw(widest, count, chance)
    points[:, 0] = (points[:, 0] + 180.0) % 360.0 - 180.0
    regions = (Region(point, LONLAT) for point in shapely.points(points))
    return CollectionValue(
        tuple(FeatureValue(point, {"system:index": str(index)}) for index, point in enumerate(regions)), of_images=False
    )


def _of_points(parts: Parts, count: int, chance: np.random.Generator) -> Points:
    points: Points = chance.choice(shapely.get_coordinates(parts), count)
    return points


def _on_lines(parts: Parts, count: int, chance: np.random.Generator) -> Points:
    length = float(shapely.length(parts).sum())
    vertices, line = shapely.get_coordinates(shapely.segmentize(parts, length / _PIECES), return_index=True)
    same_line = line[1:] == line[:-1]
    begins, ends = vertices[:-1][same_line], vertices[1:][same_line]
    _, _, lengths = _GEOD.inv(*begins.T, *ends.T)
    edge = chance.choice(len(begins), count, p=lengths / lengths.sum())
    points: Points = begins[edge] + chance.random((count, 1)) * (ends[edge] - begins[edge])
    return points


def _in_areas(parts: Parts, count: int, chance: np.random.Generator) -> Points:
    """Return points that are uniform on the sphere: uniform in longitude and in the sine of latitude."""
    pieces = shapely.segmentize(parts, 1.0)
    sizes = shapely.area(shapely.transform(pieces, _equal_area))
    part = chance.choice(len(parts), count, p=sizes / sizes.sum())
    west, south, east, north = shapely.bounds(parts)[part].T
    low, high = np.sin(np.radians(south)), np.sin(np.radians(north))
    shapely.prepare(parts)
    points = np.empty((count, 2))
    missing = np.arange(count)
    for _ in range(_ROUNDS):
        if not len(missing):
            return points
        check()
        x, y = chance.random((2, len(missing)))
        lon = west[missing] + x * (east - west)[missing]
        lat = np.degrees(np.arcsin(low[missing] + y * (high - low)[missing]))
        points[missing] = np.column_stack([lon, lat])
        missing = missing[~shapely.contains_xy(parts[part[missing]], lon, lat)]
    raise InvalidExpression("the geometry is too thin to find random points in it.")


def _equal_area(points: Points) -> Points:
    return np.column_stack([points[:, 0], np.sin(np.radians(points[:, 1]))])
