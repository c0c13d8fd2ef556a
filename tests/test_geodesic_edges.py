"""Pixels inside geodesic edges, compared with points of the geodesic at intervals of a metre."""

import json

import numpy as np
import pyproj
import shapely
from affine import Affine
from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox

from rasterwire.geo.region import geojson_region, inside, own_geometry
from rasterwire.pixels import Window

LONLAT = pyproj.Geod(ellps="WGS84")


def region(*ring: tuple[float, float]) -> object:
    return geojson_region(json.dumps({"type": "Polygon", "coordinates": [[*ring, ring[0]]]}), crs=None, geodesic=True)


def test_small_pixels_along_a_long_edge_are_cut_at_the_geodesic_itself() -> None:
    """The window covers a kilometre of the edge at its middle, where points are a metre apart."""
    south, north = 59.0, 60.0
    polygon = region((10, south), (14, south), (14, north), (10, north))
    azimuth, _, length = LONLAT.inv(10, north, 14, north)
    steps = np.arange(length / 2 - 2500, length / 2 + 2500)
    lon, lat, _ = LONLAT.fwd(np.full(len(steps), 10.0), np.full(len(steps), north), np.full(len(steps), azimuth), steps)
    below = shapely.Polygon([*zip(lon, lat, strict=True), (lon[-1], 59.5), (lon[0], 59.5)])
    for metres in (10, 1, 0.1):
        size = metres / 111_320
        rows = slice(
            2400, 2600 + int(257 * metres)
        )  # the window begins at 2500; a comparison with distant edges takes long
        edge = shapely.LineString(np.column_stack([lon[rows], lat[rows]]))
        shapely.prepare(edge)
        grid = GeoBox((101, 257), Affine(size, 0, lon[2500], 0, -size, lat[2500] + 50 * size), CRS("EPSG:4326"))
        col, row = np.arange(257) + 0.5, (np.arange(101) + 0.5)[:, None]
        x, y = np.broadcast_arrays(grid.affine.a * col + grid.affine.c, grid.affine.e * row + grid.affine.f)
        within = shapely.contains_xy(below, x, y)
        assert 0 < within.sum() < within.size
        mask = inside(polygon, grid, Window(0, 0, 101, 257))  # type: ignore[arg-type]
        doubtful = shapely.dwithin(edge, shapely.points(x, y), size / 100)
        assert (mask == within)[~doubtful].all(), f"{(mask != within)[~doubtful].sum()} pixels of {metres} m are wrong"


def test_the_pieces_of_an_edge_are_bounded_however_small_pixels_are() -> None:
    around = region((-170, 70), (-60, 75), (60, 72), (170, 70), (100, 40), (0, 45), (-100, 40))
    few = shapely.get_num_coordinates(own_geometry(around, 10.0))  # type: ignore[arg-type]
    many = shapely.get_num_coordinates(own_geometry(around, 1e-9))  # type: ignore[arg-type]
    assert few < 30_000
    assert few < many <= 200_020
