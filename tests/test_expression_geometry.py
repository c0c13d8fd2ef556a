"""Geometries and projections, held against shapely and pyproj."""

import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyproj
import pytest
import shapely
from shapely.geometry import shape

from cases import every
from graphs import Value, World, call, evaluated, image, refused, told

GEOD = pyproj.Geod(ellps="WGS84")
RING = [[-122.1, 37.0], [-122.0, 37.0], [-122.0, 37.1], [-122.1, 37.1], [-122.1, 37.0]]
OTHER = [[-122.05, 37.05], [-121.9, 37.05], [-121.9, 37.2], [-122.05, 37.2], [-122.05, 37.05]]


def polygon(*rings: Sequence[Sequence[float]], **more: Any) -> Value:
    return call("GeometryConstructors.Polygon", coordinates=list(rings), **{"geodesic": False, **more})


def drawn(value: Value, world: World | None = None) -> shapely.Geometry:
    return shape(told(value, world))


@every(
    ("kind", "coordinates"),
    [
        ("Point", [1.5, 2]),
        ("MultiPoint", [[1, 2], [3, 4]]),
        ("LineString", [[1, 2], [3, 4], [5, 1]]),
        ("LinearRing", [[1, 2], [3, 4], [5, 1], [1, 2]]),
        ("MultiLineString", [[[1, 2], [3, 4]], [[5, 1], [6, 2], [7, 0]]]),
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
    assert told(call("Geometry.type", geometry=made)) == kind
    assert told(call("Geometry.geodesic", geometry=made)) is (kind != "Point")
    assert told(call("Geometry.edgesAreGeodesics", geometry=made)) is (kind != "Point")
    assert told(call("Geometry.isUnbounded", geometry=made)) is False
    assert told(call("Geometry.projection", geometry=made))["crs"] == "EPSG:4326"


def test_open_rings_are_closed_and_flat_coordinates_are_read() -> None:
    closed = told(call("GeometryConstructors.LinearRing", coordinates=[[0, 0], [2, 0], [2, 2]]))
    assert closed["coordinates"] == [[0, 0], [2, 0], [2, 2], [0, 0]]
    assert drawn(polygon(RING[:-1])).equals(shapely.Polygon(RING))
    flat = call("GeometryConstructors.Polygon", coordinates=[0, 0, 2, 0, 2, 2], geodesic=False)
    assert drawn(flat).equals(shapely.Polygon([(0, 0), (2, 0), (2, 2)]))
    assert told(call("GeometryConstructors.MultiPoint", coordinates=[1, 2, 3, 4]))["coordinates"] == [[1, 2], [3, 4]]
    for coordinates in ([1, 2, 3, 4], [[1, 2], [3, 4]]):
        lines = told(call("GeometryConstructors.MultiLineString", coordinates=coordinates))
        assert lines["coordinates"] == [[[1, 2], [3, 4]]]


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


@every(
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
        ("MultiLineString", [[[0, 0]]]),
        ("MultiLineString", [[]]),
        ("Rectangle", [1, 2, 3]),
        ("MultiPolygon", [[1, 2]]),
    ],
)
def test_coordinates_that_are_no_geometry_are_refused(kind: str, coordinates: Any) -> None:
    name = f"GeometryConstructors.{kind}"
    assert refused(call(name, coordinates=coordinates)).startswith(f"{name}: ")


@every("name", ["intersection", "union", "difference", "symmetricDifference"])
def test_two_geometries_are_put_together(name: str) -> None:
    one, two = shapely.Polygon(RING), shapely.Polygon(OTHER)
    expected = getattr(shapely, name.replace("D", "_d"))(one, two)
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


@every(("kind", "coordinates"), [("Point", [1, 2]), ("MultiPoint", [[1, 2], [2, 3]]), ("LineString", [[1, 2], [3, 4]])])
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


# -- measures and relations --------------------------------------------------------------------

LINE = [[-122.0, 37.0], [-121.0, 38.0], [-121.0, 37.5]]
HOLE = [[-122.08, 37.02], [-122.02, 37.02], [-122.02, 37.08], [-122.08, 37.08], [-122.08, 37.02]]


def geometry(kind: str, coordinates: Any, **more: Any) -> Value:
    return call(f"GeometryConstructors.{kind}", coordinates=coordinates, **more)


def point(x: float, y: float, **more: Any) -> Value:
    return geometry("Point", [x, y], **more)


def test_lengths_are_those_of_lines_and_perimeters_those_of_polygons() -> None:
    whole = GEOD.line_length(*np.array(LINE).T)
    rings = [GEOD.line_length(*np.array(ring).T) for ring in (RING, HOLE)]
    for made, length, perimeter in [
        (geometry("LineString", LINE), whole, 0),
        (geometry("MultiLineString", [LINE, LINE[:2]]), whole + GEOD.line_length(*np.array(LINE[:2]).T), 0),
        (geometry("LinearRing", RING), rings[0], 0),
        (polygon(RING, HOLE, geodesic=True), 0, sum(rings)),
        (point(1, 2), 0, 0),
    ]:
        assert told(call("Geometry.length", geometry=made)) == pytest.approx(length, rel=1e-6)
        assert told(call("Geometry.perimeter", geometry=made)) == pytest.approx(perimeter, rel=1e-6)
        feature = call("Feature", geometry=made)
        assert told(call("Feature.length", feature=feature)) == pytest.approx(length, rel=1e-6)


def test_a_planar_edge_is_measured_along_its_parallel() -> None:
    radius = GEOD.a * math.cos(math.radians(60)) / math.sqrt(1 - GEOD.es * math.sin(math.radians(60)) ** 2)
    line = geometry("LineString", [[0, 60], [90, 60]], geodesic=False)
    assert told(call("Geometry.length", geometry=line)) == pytest.approx(radius * math.pi / 2, rel=1e-6)
    across = geometry("LineString", [[179, 0], [-179, 0]])
    assert told(call("Geometry.length", geometry=across)) == pytest.approx(GEOD.inv(179, 0, -179, 0)[2], rel=1e-9)


def test_lengths_in_a_projection_are_in_its_units() -> None:
    utm = geometry("Rectangle", [500000, 4100000, 500100, 4100200], crs="EPSG:32610")
    assert told(call("Geometry.perimeter", geometry=utm, proj="EPSG:32610")) == pytest.approx(600)
    line = geometry("LineString", [[0, 0], [3, 4]], geodesic=False)
    assert told(call("Geometry.length", geometry=line, proj="EPSG:4326")) == pytest.approx(5)


BOXES = {
    "whole": (0, 0, 4, 4),
    "within": (1, 1, 2, 2),
    "overlapping": (3, 3, 6, 6),
    "apart": (7, 0, 9, 2),
    "touching": (4, 0, 5, 4),
}


@every("first", BOXES)
@every("second", BOXES)
@every("projection", [None, "EPSG:3857"])
def test_relations_are_those_of_shapely(first: str, second: str, projection: str | None) -> None:
    one, two = shapely.box(*BOXES[first]), shapely.box(*BOXES[second])
    sides = [geometry("Rectangle", list(BOXES[name]), geodesic=False) for name in (first, second)]
    features = [call("Feature", geometry=side) for side in sides]
    for name, expected in {
        "intersects": one.intersects(two),
        "disjoint": one.disjoint(two),
        "contains": one.contains(two),
        "containedIn": one.within(two),
    }.items():
        for family, (left, right) in (("Geometry", sides), ("Feature", features)):
            assert told(call(f"{family}.{name}", left=left, right=right, proj=projection)) is expected, name
    metres = told(call("Geometry.distance", left=sides[0], right=sides[1]))
    assert (metres == pytest.approx(0, abs=1e-6)) is one.intersects(two)
    assert told(call("Geometry.withinDistance", left=sides[0], right=sides[1], distance=1)) is one.intersects(two)
    degrees = told(call("Geometry.distance", left=sides[0], right=sides[1], proj="EPSG:4326"))
    assert degrees == pytest.approx(one.distance(two), abs=1e-9)


@every(
    ("left", "right"),
    [
        ((0.0, 0.0), (90.0, 45.0)),
        ((179.0, 10.0), (-179.0, -20.0)),
        ((-122.0, 37.0), (58.0, -36.0)),
        ((10.0, 89.0), (-170.0, 88.0)),
    ],
)
def test_distances_of_points_are_geodesics(left: tuple[float, float], right: tuple[float, float]) -> None:
    given = {"left": point(*left), "right": point(*right)}
    assert told(call("Geometry.distance", **given)) == pytest.approx(GEOD.inv(*left, *right)[2], rel=1e-9)
    sphere = pyproj.Geod(a=6371008.8, b=6371008.8).inv(*left, *right)[2]
    assert told(call("Geometry.distance", **given, spherical=True)) == pytest.approx(sphere, rel=1e-9)
    assert told(call("Geometry.closestPoint", **given))["coordinates"] == pytest.approx(right, abs=1e-7)


@every(
    ("one", "two"),
    [
        ([[0, 0], [10, 20]], [[30, 5], [12, 40]]),
        ([[170, 60], [178, 70]], [[-175, 50], [-170, 75]]),
        ([[-60, -70], [60, -70]], [[100, -80], [-100, -60]]),
        ([[0, 80], [90, 85]], [[180, 80], [-120, 80]]),
    ],
)
def test_distances_of_lines_are_the_least_of_all_their_points(one: Any, two: Any) -> None:
    along = [np.array([a, *GEOD.npts(a[0], a[1], b[0], b[1], 398), b]) for a, b in (one, two)]
    pairs = np.repeat(along[0], 400, axis=0), np.tile(along[1], (400, 1))
    least = GEOD.inv(*pairs[0].T, *pairs[1].T)[2].min()
    given = {"left": geometry("LineString", one), "right": geometry("LineString", two)}
    made = told(call("Geometry.distance", **given))
    assert made <= least + 1
    assert made == pytest.approx(least, rel=1e-3)
    ends = told(call("Geometry.closestPoints", **given))
    ours, theirs = ends["left"]["coordinates"], ends["right"]["coordinates"]
    assert GEOD.inv(*ours, *theirs)[2] == pytest.approx(made)
    assert told(call("Geometry.distance", left=given["left"], right=ends["left"])) < 20


def test_the_closest_point_is_one_that_both_have_where_they_meet() -> None:
    around = geometry("Rectangle", [0, 0, 4, 4], geodesic=False)
    for left, right in ((around, point(1, 1)), (point(1, 1), around)):
        assert told(call("Geometry.closestPoint", left=left, right=right))["coordinates"] == pytest.approx([1, 1])
        assert told(call("Geometry.distance", left=left, right=right)) == 0
    lines = [geometry("LineString", line, geodesic=False) for line in ([[0, 0], [4, 4]], [[0, 4], [4, 0]])]
    for projection in (None, "EPSG:4326"):
        given = {"left": lines[0], "right": lines[1], "proj": projection}
        assert told(call("Geometry.closestPoint", **given))["coordinates"] == pytest.approx([2, 2], abs=1e-3)
        assert told(call("Geometry.distance", **given)) == 0


def test_distances_in_a_projection_are_in_its_units() -> None:
    utm = {"crs": "EPSG:32610"}
    given = {"left": point(500000, 4100000, **utm), "right": point(500300, 4100400, **utm), "proj": "EPSG:32610"}
    assert told(call("Geometry.distance", **given)) == pytest.approx(500)
    assert told(call("Geometry.withinDistance", **given, distance=499)) is False
    assert told(call("Geometry.withinDistance", **given, distance=501)) is True
    assert "no number" in refused(call("Geometry.withinDistance", **given, distance=float("nan")))


def test_a_geometry_of_several_is_taken_apart_and_put_together() -> None:
    multi = geometry("MultiPolygon", [[RING], [[[0, 0], [1, 0], [1, 1], [0, 0]]]])
    parts = told(call("Geometry.geometries", geometry=multi))
    assert [part["type"] for part in parts] == ["Polygon", "Polygon"]
    assert shape(parts[0]).equals(shapely.Polygon(RING))
    (only,) = told(call("Geometry.geometries", geometry=polygon(RING)))
    assert shape(only).equals(shapely.Polygon(RING))
    lines = [[[0, 0], [2, 2]], [[0, 2], [2, 0]], [[0, 0], [2, 2]]]
    made = drawn(call("Geometry.dissolve", geometry=geometry("MultiLineString", lines, geodesic=False)))
    assert made.equals(shapely.union_all(shapely.linestrings(lines)))
    assert drawn(call("Geometry.dissolve", geometry=polygon(RING))).equals(shapely.Polygon(RING))


def test_a_simple_geometry_stays_within_an_error() -> None:
    angles = np.linspace(0, 2 * np.pi, 721)
    ring = np.column_stack([10 + np.cos(angles) / math.cos(math.radians(50)), 50 + np.sin(angles)])
    circle = geometry("Polygon", [ring.tolist()])
    for error in (50, 1000):
        made = told(call("Geometry.simplify", geometry=circle, maxError=error))
        assert made["geodesic"]
        assert len(made["coordinates"][0]) < 721 / math.sqrt(error / 10)
        to_metres = pyproj.Transformer.from_crs("EPSG:4326", "+proj=aeqd +lat_0=50 +lon_0=10", always_xy=True).transform
        one, two = (shapely.transform(g, to_metres, interleaved=False) for g in (shape(made), shapely.Polygon(ring)))
        assert one.exterior.hausdorff_distance(two.exterior) < error * 1.05
    utm = geometry("LineString", [[500000, 4100000], [500010, 4100001], [500020, 4100000]], crs="EPSG:32610")
    for unit in ("meters", "projected"):
        margin = call("ErrorMargin", value=2, unit=unit)
        kept = told(call("Geometry.simplify", geometry=utm, maxError=margin))
        assert kept["coordinates"] == [[500000, 4100000], [500020, 4100000]]
    assert "is not possible" in refused(call("Geometry.simplify", geometry=utm, maxError=-1))


def test_features_are_changed_in_their_geometry_and_keep_their_properties() -> None:
    one, two = (call("Feature", geometry=polygon(ring), metadata={"n": n}) for n, ring in enumerate((RING, OTHER)))
    changes: dict[str, dict[str, Any]] = {
        "bounds": {},
        "centroid": {},
        "convexHull": {},
        "buffer": {"distance": 10},
        "dissolve": {},
        "simplify": {"maxError": 1},
        "transform": {"proj": "EPSG:32610"},
    }
    for name, more in changes.items():
        made = told(call(f"Feature.{name}", feature=one, **more))
        assert made["geometry"] == told(call(f"Geometry.{name}", geometry=polygon(RING), **more)), name
        assert made["properties"] == {"n": 0}
    for name in ("intersection", "union", "difference", "symmetricDifference"):
        made = told(call(f"Feature.{name}", left=one, right=two))
        assert made["geometry"] == told(call(f"Geometry.{name}", left=polygon(RING), right=polygon(OTHER))), name
        assert made["properties"] == {"n": 0}
    assert told(call("Feature.area", feature=one)) == told(call("Geometry.area", geometry=polygon(RING)))
    transformed = told(call("ProjectionTransform", feature=one, proj="EPSG:32610"))
    assert transformed["geometry"]["crs"]["properties"]["name"] == "EPSG:32610"
    moved = told(call("Feature.setGeometry", feature=one, geometry=polygon(OTHER)))
    assert moved == told(call("Feature", geometry=polygon(OTHER), metadata={"n": 0}))
    assert told(call("Feature.setGeometry", feature=one))["geometry"] is None
    assert told(call("Feature.id", element=call("Feature", metadata={"system:index": "a"}))) == "a"
    assert refused(call("Feature.area", feature=call("Feature"))) == "Feature.area: the feature has no geometry."
    assert "only features" in refused(call("Feature.setGeometry", feature=call("Image.constant", value=1)))


# -- projections -------------------------------------------------------------------------------

DEGREE = math.pi * 6378137 / 180
"""Metres of a degree as Earth Engine counts them."""


@every(
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


@every(
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


def test_a_projection_is_scaled_and_translated_by_its_pixels() -> None:
    known = call("Proj", crs="EPSG:32610", transform=[10, 1, 500000, 0, -20, 4200000])
    base = evaluated(known).transform
    scaled = evaluated(call("Projection.scale", projection=known, x=2, y=-0.5)).transform
    moved = evaluated(call("Projection.translate", projection=known, x=3, y=4)).transform
    for x, y in ((0, 0), (1, 5)):
        assert scaled @ (x, y) == pytest.approx(base @ (2 * x, -0.5 * y))
        assert moved @ (x, y) == pytest.approx(base @ (x + 3, y + 4))
    assert refused(call("Projection.scale", projection=known, x=0, y=1)).startswith("Projection.scale: ")
    assert refused(call("Projection.translate", projection=known, x=float("inf"), y=1)).startswith("Projection.tr")
    assert pyproj.CRS(told(call("Projection.wkt", projection=known))) == pyproj.CRS("EPSG:32610")


@every("name", ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32"])
def test_types_of_whole_numbers_have_the_limits_of_numpy(name: str) -> None:
    kind, limits = call(f"PixelType.{name}"), np.iinfo(name)
    assert told(call("PixelType.minValue", pixelType=kind)) == limits.min
    assert told(call("PixelType.maxValue", pixelType=kind)) == limits.max
    assert told(call("PixelType.precision", pixelType=kind)) == "int"
    assert told(call("PixelType.dimensions", pixelType=kind)) == 0


def test_the_type_of_doubles_has_no_limits() -> None:
    kind = call("PixelType.double")
    assert told(call("PixelType.precision", pixelType=kind)) == "double"
    assert told(call("PixelType.minValue", pixelType=kind)) is None
    assert told(call("PixelType.maxValue", pixelType=kind)) is None


# -- grids and points of chance ----------------------------------------------------------------


def test_a_geometry_is_covered_by_the_cells_that_it_meets() -> None:
    lattice = call("Projection", crs="EPSG:32610", transform=[10, 0, 500000, 0, -10, 4200000])
    triangle = shapely.Polygon([(500003, 4199995), (500058, 4199991), (500051, 4199942)])
    given = geometry("Polygon", [list(triangle.exterior.coords)], crs="EPSG:32610", geodesic=False)
    made = told(call("Geometry.coveringGrid", geometry=given, proj=lattice))
    cells = {feature["id"]: shape(feature["geometry"]) for feature in made["features"]}
    expected = {}
    for col in range(-2, 9):
        for row in range(-2, 9):
            x, y = 500000 + 10 * col, 4200000 - 10 * row
            cell = shapely.box(x, y - 10, x + 10, y)
            if cell.intersects(triangle):
                expected[f"{col},{row}"] = cell
    assert cells.keys() == expected.keys()
    assert all(cells[name].equals(cell) for name, cell in expected.items())
    coarse = told(call("Geometry.coveringGrid", geometry=given, proj=lattice, scale=100))
    assert [feature["id"] for feature in coarse["features"]] == ["0,0"]
    assert "too large" in refused(call("Geometry.coveringGrid", geometry=given, proj=lattice, scale=0.01))
    far = call("Geometry.coveringGrid", geometry=point(0, -90), proj="EPSG:3413")
    assert refused(far).startswith("Geometry.coveringGrid: ")
    (only,) = told(call("Geometry.coveringGrid", geometry=point(-122, 37), proj="EPSG:4326"))["features"]
    assert shape(only["geometry"]).intersects(shapely.Point(-122, 37))


def chance_points(region: Value, count: int, seed: int = 0) -> np.ndarray[Any, Any]:
    made = told(call("FeatureCollection.randomPoints", region=region, points=count, seed=seed))
    return np.array([feature["geometry"]["coordinates"] for feature in made["features"]])


def test_points_of_chance_are_uniform_on_the_sphere() -> None:
    region = geometry("Rectangle", [0, 0, 90, 80], geodesic=False)
    points = chance_points(region, 4000)
    assert points.shape == (4000, 2)
    assert points[:, 0].mean() == pytest.approx(45, abs=1.5)
    assert np.sin(np.radians(points[:, 1])).mean() == pytest.approx(math.sin(math.radians(80)) / 2, abs=0.02)
    np.testing.assert_array_equal(chance_points(region, 50), chance_points(region, 50))
    assert not np.array_equal(chance_points(region, 50), chance_points(region, 50, seed=-1))


def test_points_of_chance_lie_in_the_parts_of_most_dimensions() -> None:
    two = [[[[0, 0], [2, 0], [2, 1], [0, 0]]], [[[10, 0], [11, 0], [11, 3], [10, 0]]]]
    areas = geometry("MultiPolygon", two, geodesic=False)
    points = chance_points(areas, 3000)
    inside = shapely.contains_xy(shapely.from_geojson(json.dumps({"type": "MultiPolygon", "coordinates": two})), points)
    assert inside.all()
    assert (points[:, 0] > 5).mean() == pytest.approx(0.6, abs=0.03)
    line = geometry("LineString", [[170, 0], [-160, 0]])
    along = chance_points(line, 1000)
    np.testing.assert_allclose(along[:, 1], 0, atol=1e-9)
    assert (along[:, 0] < 0).mean() == pytest.approx(2 / 3, abs=0.05)
    corners = {tuple(xy) for xy in chance_points(geometry("MultiPoint", [[1, 2], [3, 4]]), 50)}
    assert corners == {(1, 2), (3, 4)}
    assert chance_points(line, 0).size == 0


@every("count", [-1, 1e9])
def test_too_many_points_of_chance_are_refused(count: float) -> None:
    said = refused(call("FeatureCollection.randomPoints", region=point(1, 2), points=count))
    assert said.startswith("FeatureCollection.randomPoints: ")
