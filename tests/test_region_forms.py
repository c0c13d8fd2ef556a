"""Forms of regions: six numbers, rings that cross themselves, features without a geometry, lines."""

import json
from collections.abc import Iterator
from typing import Any

import grpc
import numpy as np
import pytest
import rasterio
import rasterio.features
import shapely

from graphs import call, evaluated
from rasterwire.client.errors import InvalidParams
from rasterwire.client.params import to_message
from rasterwire.errors import InvalidExpression, InvalidRequest
from rasterwire.expression.functions.geometry.geometries import geometry_of_json
from rasterwire.geo.region import box_region, geojson_region
from rasterwire.server.settings import Settings
from rasterwire.v1 import download_pb2
from serving import Served, refusal, served

PLACE = rasterio.Affine(10, 0, 500000, 0, -10, 5000000)
PIXELS = np.random.default_rng(3).integers(1, 255, (64, 96), "uint8")
UTM = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32633"}}

BOW = [[500100, 4999500], [500700, 4999900], [500700, 4999500], [500100, 4999900], [500100, 4999500]]
SPIRAL = [[0, 0], [4, 0], [4, 4], [1, 4], [1, 1], [3, 1], [3, 5], [0, 5], [0, 0]]
SQUARES = [[[[0, 0], [4, 0], [4, 4], [0, 4], [0, 0]]], [[[2, 2], [6, 2], [6, 6], [2, 6], [2, 2]]]]
BOX = {"type": "Polygon", "coordinates": [[[1, 1], [2, 1], [2, 2], [1, 1]]]}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("forms")
    (folder / "catalog").mkdir()
    profile = {"count": 1, "width": 96, "height": 64, "dtype": "uint8", "crs": "EPSG:32633"}
    with rasterio.open(folder / "catalog" / "a.tif", "w", "GTiff", transform=PLACE, **profile) as raster:
        raster.write(PIXELS, 1)
    with served(Settings(folder / "catalog", grpc_port=0, http_port=0, state_dir=folder / "state")) as service:
        yield service


def request(geojson: Any, **more: Any) -> download_pb2.DownloadParams:
    params = download_pb2.DownloadParams(image="a", format=download_pb2.FORMAT_GEO_TIFF, **more)
    params.region.geojson = json.dumps(geojson)
    return params


def test_a_ring_that_crosses_itself_is_the_same_area_at_both_doors() -> None:
    for kind, coordinates, points in (
        ("Polygon", [SPIRAL], {(0.5, 0.5): True, (2, 2): True, (0.5, 2): True, (2, 3): True, (2, 4.5): True}),
        ("MultiPolygon", SQUARES, {(1, 1): True, (3, 3): True, (5, 5): True, (1, 5): False}),
        ("Polygon", [[[0, 0], [4, 4], [4, 0], [0, 4], [0, 0]]], {(0.5, 2): True, (3.5, 2): True, (2, 0.5): False}),
    ):
        document = {"type": kind, "coordinates": coordinates, "geodesic": False}
        plain = geojson_region(json.dumps(document), crs=None, geodesic=None)
        region = geometry_of_json(document)
        geometry = evaluated(call(f"GeometryConstructors.{kind}", coordinates=coordinates, geodesic=False))
        assert region is not None
        assert plain.geometry.is_valid
        assert plain.geometry.equals(region.geometry), kind
        assert plain.geometry.equals(geometry.geometry), kind
        for (x, y), inside in points.items():
            if kind == "Polygon":  # by how often a ray to the east meets the ring
                ring = shapely.LineString(coordinates[0])
                ray = shapely.LineString([(x, y + 1e-9), (99, y + 1e-9)])
                inside = len(shapely.get_coordinates(ring.intersection(ray))) % 2 == 1
            assert plain.geometry.contains(shapely.Point(x, y)) == inside, (kind, x, y)


def test_a_bow_gives_its_box_and_clips_to_its_two_halves(server: Served) -> None:
    bow = {"type": "Polygon", "coordinates": [BOW], "crs": UTM}
    with rasterio.MemoryFile(server.stream(request(bow))[0]) as file, file.open() as raster:
        np.testing.assert_array_equal(raster.read(1), PIXELS[10:50, 10:70])
    with rasterio.MemoryFile(server.stream(request(bow, clip_to_region=True))[0]) as file, file.open() as raster:
        halves = [
            shapely.Polygon([BOW[0], [500400, 4999700], BOW[3]]),
            shapely.Polygon([BOW[1], [500400, 4999700], BOW[2]]),
        ]
        expected = rasterio.features.geometry_mask(halves, (40, 60), raster.transform, invert=True)
        assert 0.4 < expected.mean() < 0.6
        assert (
            raster.dataset_mask().astype(bool) != expected
        ).mean() < 0.01  # centres on an edge may be inside or outside


def test_outlines_that_cross_too_often_are_refused_before_they_are_repaired() -> None:
    zigzag = np.random.default_rng(1).uniform(0, 1, (20_000, 2)).tolist()
    with pytest.raises(InvalidRequest) as caught:
        geojson_region(json.dumps({"type": "Polygon", "coordinates": [[*zigzag, zigzag[0]]]}), crs=None, geodesic=None)
    assert caught.value.violations[0].reason == "REGION_TOO_COMPLEX"


# -- features without a geometry ---------------------------------------------------------------


def collection(*geometries: Any) -> dict[str, Any]:
    features = [{"type": "Feature", "properties": {}, "geometry": geometry} for geometry in geometries]
    return {"type": "FeatureCollection", "features": features}


def test_a_feature_without_a_geometry_adds_nothing_and_is_named(server: Served) -> None:
    halves = {"type": "Polygon", "coordinates": [BOW]}
    whole = {**collection(None, halves, None), "crs": UTM}
    data, plan = server.stream(request(whole))
    assert data == server.stream(request({**halves, "crs": UTM}))[0]
    notes = [item for item in plan.ignored if item.field == "region.geojson"]
    assert len(notes) == 1
    assert "features[0], features[2]" in notes[0].reason
    with pytest.raises(grpc.RpcError) as caught:
        server.stream(request(whole, strict=True))
    assert refusal(caught.value).fields == {"region.geojson": "FIELD_WITHOUT_EFFECT"}
    region = geometry_of_json(collection(None, BOX, None))
    assert region is not None
    assert region.geometry.equals(shapely.geometry.shape(BOX))


def test_what_has_no_place_at_all_is_named() -> None:
    cases = {
        "features[0]": collection(None, None),
        "the feature": {"type": "Feature", "properties": {}, "geometry": None},
        "features[1]": collection(BOX, {"type": "Polygon", "coordinates": [[[1]]]}),
        "geometries[1]": {"type": "GeometryCollection", "geometries": [BOX, None]},
        "features[1].geometries[0]": collection(BOX, {"type": "GeometryCollection", "geometries": [None]}),
        "empty": collection(),
    }
    for message, document in cases.items():
        with pytest.raises(InvalidRequest) as caught:
            geojson_region(json.dumps(document), crs=None, geodesic=None)
        assert caught.value.violations[0].field == "region.geojson"
        assert message in caught.value.violations[0].description, message
    assert geometry_of_json(cases["the feature"]) is None
    with pytest.raises(InvalidExpression, match=r"geometries\[1\]"):
        geometry_of_json(cases["geometries[1]"])


def test_earth_engines_door_heeds_the_crs_of_geojson() -> None:
    region = geometry_of_json({"type": "Polygon", "coordinates": [BOW], "crs": UTM})
    assert region is not None
    assert region.crs.to_epsg() == 32633
    assert not region.geodesic


# -- lines, boxes and numbers ------------------------------------------------------------------


def test_a_line_or_point_cannot_clip(server: Served) -> None:
    shapes = {
        "LineString": [[500100, 4999500], [500700, 4999900]],
        "Point": [500105, 4999505],
        "MultiPoint": [[500105, 4999505], [500205, 4999505]],
        "Polygon": [[[500100, 4999500], [500700, 4999900], [500100, 4999500]]],
    }
    for kind, coordinates in shapes.items():
        document = {"type": kind, "coordinates": coordinates, "crs": UTM}
        assert server.stream(request(document))[0], kind  # its box is fine
        with pytest.raises(grpc.RpcError) as caught:
            server.stream(request(document, clip_to_region=True))
        assert refusal(caught.value).fields == {"clip_to_region": "REGION_WITHOUT_AREA"}, kind
        assert "polygon" in refusal(caught.value).message
        with pytest.raises(grpc.RpcError) as caught:
            server.stream(request(document, precedence=download_pb2.PRECEDENCE_COMBINED))
        assert refusal(caught.value).fields == {"precedence": "REGION_WITHOUT_AREA"}, kind


def test_messages_show_the_numbers_that_were_typed() -> None:
    for box in (
        (15.25, 50.0, 15.0, 45.0),
        (15.0, 50.0, 14.0, 45.0),
        (170.0, 5.0, -170.0, 5.0),
        (-200.0, 0, 200.5, 1.0),
    ):
        with pytest.raises(InvalidRequest) as caught:
            box_region(*box)
        message = caught.value.violations[0].description
        numbers = message.split("]")[0].strip("[").split(", ")
        assert list(map(float, numbers)) == list(box), message


def test_six_numbers_are_a_box_with_heights() -> None:
    flat = to_message({"image": "a", "region": [15.001, 45.149, 0, 15.009, 45.152, 10]})
    assert flat == to_message({"image": "a", "region": [15.001, 45.149, 15.009, 45.152]})
    assert flat == to_message({"image": "a", "region": {"boundingBox": [15.001, 45.149, 0, 15.009, 45.152, 10]}})
    assert flat == to_message({"image": "a", "region": [[15.001, 45.149, 0], [15.009, 45.152, 10]]})
    for numbers in ([10.0, 10, 50, 10, 30, 60][::-1], [0, 0, 9, 9, 5, 1]):
        with pytest.raises(InvalidParams) as caught:
            to_message({"image": "a", "region": numbers})
        assert "heights" in str(caught.value)
        assert "triangle" in str(caught.value)
    triangle = to_message({"image": "a", "region": [[0, 0], [9, 0], [5, 5]]})
    assert json.loads(triangle.region.geojson)["coordinates"] == [[[0, 0], [9, 0], [5, 5], [0, 0]]]


def test_what_is_of_no_type_is_no_geometry_at_any_door() -> None:
    kinds: list[Any] = [[], {}, 7, None, True, "Nothing"]
    for kind in kinds:
        document: dict[str, Any] = {"type": kind, "coordinates": [1, 2], "features": [], "geometries": []}
        with pytest.raises(InvalidRequest):
            geojson_region(json.dumps(document), crs=None, geodesic=None)
        if kind != "Nothing":
            assert geometry_of_json(document) is None, kind


@pytest.mark.parametrize(
    "ring",
    [[[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]], [[1, 1]] * 4, [[0, 0], [1, 1], [2, 2], [0, 0]]],
    ids=["bow", "point", "line"],
)
def test_a_ring_that_crosses_itself_is_repaired_as_a_line(ring: list[list[float]]) -> None:
    region = geojson_region(json.dumps({"type": "LinearRing", "coordinates": ring}), None, None)
    assert region.geometry.is_valid
    assert region.geometry.bounds == shapely.LineString(ring).bounds
    collection = {"type": "GeometryCollection", "geometries": [{"type": "LinearRing", "coordinates": ring}]}
    assert geojson_region(json.dumps(collection), None, None).geometry.bounds == region.geometry.bounds
    geometry = evaluated(call("GeometryConstructors.LinearRing", coordinates=ring, geodesic=False))
    assert geometry.geometry.is_valid
