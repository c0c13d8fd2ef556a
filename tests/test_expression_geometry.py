"""Geometries and projections, held against shapely and pyproj."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyproj
import pytest
import shapely
from shapely.geometry import shape

from graphs import Made, World, call, evaluated, image, refused, told

GEOD = pyproj.Geod(ellps="WGS84")
RING = [[-122.1, 37.0], [-122.0, 37.0], [-122.0, 37.1], [-122.1, 37.1], [-122.1, 37.0]]
OTHER = [[-122.05, 37.05], [-121.9, 37.05], [-121.9, 37.2], [-122.05, 37.2], [-122.05, 37.05]]


def polygon(*rings: Sequence[Sequence[float]], **more: Any) -> Made:
    return call("GeometryConstructors.Polygon", coordinates=list(rings), **{"geodesic": False, **more})


def drawn(value: Made, world: World | None = None) -> shapely.Geometry:
    return shape(told(value, world))


@pytest.mark.parametrize(
    ("kind", "coordinates"),
    [
        ("Point", [1.5, 2]),
        ("MultiPoint", [[1, 2], [3, 4]]),
        ("LineString", [[1, 2], [3, 4], [5, 1]]),
        ("LinearRing", [[1, 2], [3, 4], [5, 1], [1, 2]]),
        ("Polygon", [RING]),
        ("Polygon", [[[0, 0], [9, 0], [9, 9], [0, 9], [0, 0]], [[1, 1], [1, 2], [2, 2], [2, 1], [1, 1]]]),
        ("MultiPolygon", [[RING], [[[0, 0], [1, 0], [1, 1], [0, 0]]]]),
    ],
)
def test_geometries_are_told_as_they_were_given(kind: str, coordinates: Any) -> None:
    made = told(call(f"GeometryConstructors.{kind}", coordinates=coordinates))
    assert made["type"] == kind
    assert shape(made).equals(shape({"type": kind, "coordinates": coordinates}))
    assert told(call("Geometry.coordinates", geometry=made)) == made["coordinates"]
    assert made.get("geodesic") == (None if "Point" in kind else True)


def test_open_rings_are_closed_and_flat_coordinates_are_read() -> None:
    closed = told(call("GeometryConstructors.LinearRing", coordinates=[[0, 0], [2, 0], [2, 2]]))
    assert closed["coordinates"] == [[0, 0], [2, 0], [2, 2], [0, 0]]
    assert drawn(polygon(RING[:-1])).equals(shapely.Polygon(RING))
    flat = call("GeometryConstructors.Polygon", coordinates=[0, 0, 2, 0, 2, 2], geodesic=False)
    assert drawn(flat).equals(shapely.Polygon([(0, 0), (2, 0), (2, 2)]))
    assert told(call("GeometryConstructors.MultiPoint", coordinates=[1, 2, 3, 4]))["coordinates"] == [[1, 2], [3, 4]]


def test_rectangles_are_four_numbers_or_two_corners() -> None:
    box = shapely.box(1, 2, 3, 4)
    for coordinates in ([1, 2, 3, 4], [[1, 2], [3, 4]]):
        assert drawn(call("GeometryConstructors.Rectangle", coordinates=coordinates, geodesic=False)).equals(box)
    assert drawn(call("GeometryConstructors.BBox", west=1, south=2, east=3, north=4)).equals(box)
    whole = call("GeometryConstructors.BBox", west=-200, south=-95, east=200, north=100)
    assert drawn(whole).equals(shapely.box(-180, -90, 180, 90))
    across = drawn(call("GeometryConstructors.BBox", west=170, south=0, east=-170, north=1))
    assert across.bounds[2] - across.bounds[0] == pytest.approx(20)


def test_a_geometry_in_a_projection_says_its_crs() -> None:
    made = told(call("GeometryConstructors.Point", coordinates=[500000, 4100000], crs="EPSG:32610"))
    assert made["crs"] == {"type": "name", "properties": {"name": "EPSG:32610"}}
    pixels = call("Projection", crs="EPSG:32610", transform=[10, 0, 500000, 0, -10, 4100000])
    placed = call("GeometryConstructors.Rectangle", coordinates=[0, 0, 2, 3], crs=pixels, geodesic=False)
    assert drawn(placed).equals(shapely.box(500000, 4099970, 500020, 4100000))


@pytest.mark.parametrize(
    ("kind", "coordinates"),
    [
        ("Point", [1]),
        ("Point", ["a", "b"]),
        ("Point", [1, 95]),
        ("Point", [float("nan"), 1]),
        ("Polygon", [[[0, 0], [1, 1]]]),
        ("Polygon", []),
        ("Polygon", [{"a": 1}]),
        ("LineString", [[0, 0]]),
        ("LineString", "abc"),
        ("Rectangle", [1, 2, 3]),
        ("MultiPolygon", [[1, 2]]),
    ],
)
def test_coordinates_that_are_no_geometry_are_refused(kind: str, coordinates: Any) -> None:
    name = f"GeometryConstructors.{kind}"
    assert refused(call(name, coordinates=coordinates)).startswith(f"{name}: ")


@pytest.mark.parametrize("name", ["intersection", "union", "difference"])
def test_two_geometries_are_put_together(name: str) -> None:
    one, two = shapely.Polygon(RING), shapely.Polygon(OTHER)
    expected = getattr(shapely, name)(one, two)
    made = drawn(call(f"Geometry.{name}", left=polygon(RING), right=polygon(OTHER)))
    assert made.symmetric_difference(expected).area < 1e-12


def test_what_leaves_nothing_is_refused() -> None:
    apart = call(
        "Geometry.intersection", left=polygon(RING), right=call("GeometryConstructors.Point", coordinates=[0, 0])
    )
    assert refused(apart) == "Geometry.intersection: nothing is left of the geometry."
    narrow = call("Geometry.buffer", geometry=polygon(RING), distance=-1e6)
    assert refused(narrow) == "Geometry.buffer: nothing is left of the geometry."


def test_several_geometries_become_one() -> None:
    made = call("GeometryConstructors.MultiGeometry", geometries=[polygon(RING), polygon(OTHER)])
    assert drawn(made).equals(shapely.Polygon(RING).union(shapely.Polygon(OTHER)))


def test_areas_are_those_of_the_ellipsoid() -> None:
    geodesic = polygon(RING, geodesic=True)
    assert told(call("Geometry.area", geometry=geodesic)) == pytest.approx(
        abs(GEOD.geometry_area_perimeter(shapely.Polygon(RING))[0]), rel=1e-6
    )
    holed = [[-122.08, 37.02], [-122.02, 37.02], [-122.02, 37.08], [-122.08, 37.08], [-122.08, 37.02]]
    hole = abs(GEOD.geometry_area_perimeter(shapely.Polygon(holed))[0])
    whole = abs(GEOD.geometry_area_perimeter(shapely.Polygon(RING))[0])
    made = told(call("Geometry.area", geometry=polygon(RING, holed, geodesic=True)))
    assert made == pytest.approx(whole - hole, rel=1e-6)
    utm = call("GeometryConstructors.Rectangle", coordinates=[500000, 4100000, 500100, 4100200], crs="EPSG:32610")
    assert told(call("Geometry.area", geometry=utm, proj="EPSG:32610")) == pytest.approx(20000)


@pytest.mark.parametrize(
    ("kind", "coordinates"), [("Point", [1, 2]), ("MultiPoint", [[1, 2], [2, 3]]), ("LineString", [[1, 2], [3, 4]])]
)
def test_points_and_lines_have_no_area(kind: str, coordinates: Any) -> None:
    assert told(call("Geometry.area", geometry=call(f"GeometryConstructors.{kind}", coordinates=coordinates))) == 0


def test_a_buffer_in_metres_lies_so_far_from_a_point() -> None:
    point = call("GeometryConstructors.Point", coordinates=[-122, 37])
    made = drawn(call("Geometry.buffer", geometry=point, distance=1000))
    corners = shapely.get_coordinates(made)
    _, _, distances = GEOD.inv(np.full(len(corners), -122.0), np.full(len(corners), 37.0), *corners.T)
    np.testing.assert_allclose(distances, 1000, rtol=4e-4)
    utm = call("GeometryConstructors.Point", coordinates=[500000, 4100000], crs="EPSG:32610")
    plain = drawn(call("Geometry.buffer", geometry=utm, distance=10, proj="EPSG:32610"))
    assert plain.equals(shapely.Point(500000, 4100000).buffer(10))


def test_bounds_centre_and_hull_of_a_geometry() -> None:
    corners = [[0, 0], [4, 0], [4, 1], [1, 1], [1, 3], [0, 3], [0, 0]]
    ell = shapely.Polygon(corners)
    assert drawn(call("Geometry.bounds", geometry=polygon(corners))).equals(shapely.box(0, 0, 4, 3))
    assert drawn(call("Geometry.convexHull", geometry=polygon(corners))).equals(ell.convex_hull)
    centre = told(call("Geometry.centroid", geometry=polygon(corners)))
    assert centre["coordinates"] == pytest.approx([ell.centroid.x, ell.centroid.y])


def test_a_geometry_is_transformed_by_its_vertices() -> None:
    made = drawn(call("Geometry.transform", geometry=polygon(RING), proj="EPSG:32610"))
    to_utm = pyproj.Transformer.from_crs("EPSG:4326", "EPSG:32610", always_xy=True)
    expected = shapely.Polygon(np.column_stack(to_utm.transform(*np.array(RING).T)))
    assert made.symmetric_difference(expected).area < 1e-3 * expected.area
    back = drawn(
        call("Geometry.transform", geometry=call("Geometry.transform", geometry=polygon(RING), proj="EPSG:32610"))
    )
    assert back.symmetric_difference(shapely.Polygon(RING)).area < 1e-9


def test_images_and_collections_are_taken_for_their_outlines() -> None:
    world = World({"a": image()})
    outline = told(call("Image.geometry", feature=call("Image.load", id="a"), proj="EPSG:32610"), world)
    assert shape(outline).equals(shapely.box(500000, 4199000, 501000, 4200000))
    both = call("Collection", features=[call("Feature", geometry=polygon(ring)) for ring in (RING, OTHER)])
    union = drawn(call("Collection.geometry", collection=both))
    assert union.equals(shapely.Polygon(RING).union(shapely.Polygon(OTHER)))
    assert told(call("Feature.geometry", feature=call("Feature"))) is None
    assert refused(call("Collection.geometry", collection=call("Collection", features=[]))).startswith(
        "Collection.geometry: "
    )
    boundless = told(call("Image.geometry", feature=call("Image.constant", value=1)))
    assert shape(boundless).equals(shapely.box(-180, -90, 180, 90))


# -- projections -------------------------------------------------------------------------------

DEGREE = math.pi * 6378137 / 180
"""Metres of a degree as Earth Engine counts them."""


@pytest.mark.parametrize(
    ("crs", "transform", "metres"),
    [
        ("EPSG:4326", None, DEGREE),
        ("EPSG:4326", [0.00026949458523585647, 0, -180, 0, -0.00026949458523585647, 90], 30),
        ("EPSG:32610", [10, 0, 500000, 0, -10, 4200000], 10),
        ("EPSG:3857", [30, 0, 0, 0, -30, 0], 30),
        ("EPSG:2227", [1, 0, 0, 0, -1, 0], 1200 / 3937),  # US survey feet
    ],
)
def test_the_nominal_scale_is_a_pixel_in_metres(crs: str, transform: list[float] | None, metres: float) -> None:
    known = call("Projection", crs=crs, transform=transform)
    assert told(call("Projection.nominalScale", proj=known)) == pytest.approx(metres, rel=1e-12)
    scaled = call("Projection.atScale", projection=known, meters=45)
    assert told(call("Projection.nominalScale", proj=scaled)) == pytest.approx(45, rel=1e-12)


def test_a_projection_at_a_scale_keeps_its_origin() -> None:
    known = call("Projection", crs="EPSG:32610", transform=[10, 0, 500000, 0, -20, 4200000])
    scaled = evaluated(call("Projection.atScale", projection=known, meters=10 * math.sqrt(2) * 2)).transform
    assert tuple(scaled)[:6] == pytest.approx((20, 0, 500000, 0, -40, 4200000))


def test_a_projection_is_told_with_its_crs_and_transform() -> None:
    known = call("Projection", crs="EPSG:32610", transform=[10, 0, 500000, 0, -10, 4200000])
    assert told(call("Projection.crs", projection=known)) == "EPSG:32610"
    assert told(call("Projection", crs=known)) == told(known)
    wkt = told(call("Projection.transform", projection=known))
    assert wkt.startswith('PARAM_MT["Affine"')
    assert all(
        f'PARAMETER["elt_{at}", {value}]' in wkt for at, value in {"0_0": 10.0, "0_2": 500000.0, "1_1": -10.0}.items()
    )


@pytest.mark.parametrize(
    "given",
    [
        {"crs": "EPSG:99999999"},
        {"crs": 5},
        {"crs": "EPSG:4326", "transform": [1, 2, 3]},
        {"crs": "EPSG:4326", "transform": [0, 0, 0, 0, 0, 0]},
        {"crs": "EPSG:4326", "transform": ["a", 0, 0, 0, 1, 0]},
        {"crs": "EPSG:4326", "transform": [float("inf"), 0, 0, 0, 1, 0]},
    ],
)
def test_projections_that_are_none_are_refused(given: dict[str, Any]) -> None:
    assert refused(call("Projection", **given)).startswith("Projection: ")


def test_a_geometry_of_a_projection_that_crosses_the_antimeridian_stays_whole() -> None:
    utm = call("GeometryConstructors.Rectangle", coordinates=[700_000, 5_600_000, 800_000, 5_700_000], crs="EPSG:32660")
    bounds = drawn(call("Geometry.bounds", geometry=utm)).bounds
    assert 179 < bounds[0] < 180 < bounds[2] < 182
    corners = pyproj.Transformer.from_crs(32660, 4326, always_xy=True).transform(750_000, 5_650_000)
    centre = told(call("Geometry.centroid", geometry=call("Geometry.transform", geometry=utm)))["coordinates"]
    assert centre == pytest.approx(corners, abs=0.01)
    feature = call("Feature", geometry=utm)
    for longitude, meets in ((179.9, True), (-179.9, True), (180.1, True), (0.0, False), (178.0, False)):
        point = call("Feature", geometry=call("GeometryConstructors.Point", coordinates=[longitude, 51.0]))
        passing = call("Filter.intersects", leftField=".all", rightValue=point)
        collection = call("Collection", features=[feature])
        assert (
            told(call("Collection.size", collection=call("Collection.filter", collection=collection, filter=passing)))
            == meets
        )
