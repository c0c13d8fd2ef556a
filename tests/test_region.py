"""Regions: valid and invalid ones."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import shapely
from odc.geo.crs import CRS
from pyproj import Transformer

from effort import HANG, effort
from rasterwire.errors import InvalidRequest
from rasterwire.geo.crs import parse_crs
from rasterwire.geo.region import Region, box_region, extent, geojson_region, own_geometry


def reason(caught: pytest.ExceptionInfo[InvalidRequest]) -> str:
    return caught.value.violations[0].reason


def polygon(*ring: tuple[float, float], **more: object) -> str:
    return json.dumps({"type": "Polygon", "coordinates": [ring], **more})


@pytest.mark.parametrize(
    ("text", "why"),
    [
        pytest.param("not json", "REGION_NOT_GEOJSON", id="not-json"),
        pytest.param("[1, 2]", "REGION_NOT_GEOJSON", id="a-list"),
        pytest.param('{"type": "Polygon"}', "REGION_NOT_GEOJSON", id="no-coordinates"),
        pytest.param('{"type": "Blob", "coordinates": []}', "REGION_NOT_GEOJSON", id="unknown-type"),
        pytest.param('{"type": "Polygon", "coordinates": []}', "REGION_EMPTY", id="empty"),
        pytest.param(polygon((0, 0), (1, 0), (1, 91), (0, 0)), "LATITUDE_OUT_OF_RANGE", id="latitude-91"),
        pytest.param(polygon((0, 0), (1, 0), (float("nan"), 1), (0, 0)), "REGION_NOT_FINITE", id="nan"),
        pytest.param("[" * 100_000, "REGION_NOT_GEOJSON", id="too-deep"),
        pytest.param(polygon((0, 0), (1, 0), (1, 1), (0, 0), crs={"type": "name"}), "CRS_NOT_PLAIN", id="crs-no-name"),
    ],
)
def test_bad_geojson_is_refused_with_a_reason(text: str, why: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        geojson_region(text, crs=None, geodesic=None)
    assert reason(caught) == why


def test_too_many_vertices_are_refused_with_both_numbers() -> None:
    ring = [(0.001 * i, 0.0) for i in range(100_001)] + [(0.0, 1.0), (0.0, 0.0)]
    with pytest.raises(InvalidRequest, match=r"100003 vertices, at most 100000"):
        geojson_region(polygon(*ring), crs=None, geodesic=None)


def test_a_ring_may_be_left_open() -> None:
    region = geojson_region(polygon((0, 1), (0, 0), (1, 0), (1, 1)), crs=None, geodesic=None)
    assert region.geometry.area == 1


@pytest.mark.parametrize(
    ("name", "code"),
    [
        pytest.param("EPSG:32610", 32610, id="code"),
        pytest.param("urn:ogc:def:crs:EPSG::32610", 32610, id="urn"),
        pytest.param("urn:ogc:def:crs:OGC:1.3:CRS84", 4326, id="crs84"),
    ],
)
def test_the_crs_member_is_honoured(name: str, code: int) -> None:
    member = {"type": "name", "properties": {"name": name}}
    region = geojson_region(polygon((0, 1), (0, 0), (1, 0), crs=member), crs=None, geodesic=None)
    assert region.crs == CRS(f"EPSG:{code}")


def test_the_geodesic_member_is_honoured() -> None:
    ring = ((0.0, 1.0), (0.0, 0.0), (1.0, 0.0))
    assert geojson_region(polygon(*ring, geodesic=True), crs=None, geodesic=None).geodesic
    assert not geojson_region(polygon(*ring, geodesic=True), crs=None, geodesic=False).geodesic
    assert not geojson_region(polygon(*ring), crs=None, geodesic=None).geodesic


@pytest.mark.parametrize(
    ("box", "why"),
    [
        pytest.param((0, 0, 0, 1), "REGION_EMPTY", id="no-width"),
        pytest.param((0, 1, 1, 0), "REGION_EMPTY", id="upside-down"),
        pytest.param((0, 0, 1, 91), "LATITUDE_OUT_OF_RANGE", id="latitude-91"),
        pytest.param((-200, 0, 200, 1), "REGION_TOO_WIDE", id="more-than-the-earth"),
    ],
)
def test_bad_boxes_are_refused_with_a_reason(box: tuple[float, float, float, float], why: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        box_region(*box)
    assert reason(caught) == why


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("http://example.com/crs", id="address"),
        pytest.param("/etc/passwd", id="path"),
        pytest.param("+proj=utm +zone=10 +nadgrids=/etc/passwd", id="file-of-a-proj-string"),
        pytest.param("EPSG:4326+EPSG:5773", id="compound"),
        pytest.param("@file", id="at"),
        pytest.param("", id="empty"),
    ],
)
def test_only_plain_names_of_a_crs_are_read(text: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse_crs(text, "crs")
    assert reason(caught) == "CRS_NOT_PLAIN"


@pytest.mark.parametrize("text", ["EPSG:999999", 'PROJCS["x"', "{}", '{"type": "x"}', "EPSG:5773"])
def test_an_unknown_crs_is_named(text: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse_crs(text, "bands[0].crs")
    assert reason(caught) == "CRS_UNKNOWN"
    assert caught.value.violations[0].field == "bands[0].crs"


def test_wkt_and_projjson_are_read() -> None:
    utm = CRS("EPSG:32610")
    assert parse_crs(utm.to_wkt(), "crs") == utm
    assert parse_crs(utm.proj.to_json(), "crs") == utm


def test_threads_do_not_share_a_prepared_geometry_which_geos_changes_when_it_is_asked() -> None:
    region = Region(shapely.box(0, 0, 1, 1), CRS("EPSG:4326"))
    with ThreadPoolExecutor(2) as pool:
        barrier = threading.Barrier(2)

        def own() -> shapely.Geometry:
            barrier.wait(HANG)  # one thread each
            return own_geometry(region)

        results = [future.result() for future in (pool.submit(own), pool.submit(own))]
    assert results[0] is not results[1]
    assert all(g is not region.geometry and g.equals(region.geometry) for g in results)
    assert own_geometry(region) is own_geometry(region)


def test_very_many_points_are_as_quick_as_a_line() -> None:
    lon, lat = np.random.default_rng(0).uniform((-10, 40), (10, 60), (90_000, 2)).T
    region = Region(shapely.multipoints(np.column_stack([lon, lat])), CRS("EPSG:4326"))
    with effort() as counted:
        box = extent(region, CRS("EPSG:32631"), lambda points: points)
    assert counted.calls < 10_000
    x, y = Transformer.from_crs("EPSG:4326", "EPSG:32631", always_xy=True).transform(lon, lat)
    assert box == pytest.approx((min(x), min(y), max(x), max(y)), rel=1e-12)
