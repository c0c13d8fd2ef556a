"""An expression is evaluated once on its way to the file, by whichever door it comes."""

import http.client
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import grpc
import numpy as np
import pytest
import rasterio
from google.protobuf import json_format

from effort import HANG
from rasterwire.download import service
from rasterwire.expression.evaluation import evaluate_graph
from rasterwire.server.recent_plans import RecentPlans
from rasterwire.server.settings import Settings
from rasterwire.v1 import download_pb2
from serving import Served, refusal, served

GRID = {"crs": "EPSG:32633", "crsTransform": [10, 0, 500_000, 0, -10, 4_600_000], "dimensions": [4, 3]}
EE_GRID = {
    "dimensions": {"width": 4, "height": 3},
    "crsCode": "EPSG:32633",
    "affineTransform": {"scaleX": 10, "translateX": 500_000, "scaleY": -10, "translateY": 4_600_000},
}


def expression(constants: int) -> dict[str, Any]:
    """Return an expression of ``image`` plus a sum of constants, as many values as are asked for."""
    loaded = {"functionName": "Image.load", "arguments": {"id": {"constantValue": "a"}}}
    added = {"constantValue": list(range(constants))}
    total = {"functionName": "List.reduce", "arguments": {"list": added, "reducer": {"valueReference": "sum"}}}
    arguments = {"image1": {"valueReference": "a"}, "image2": {"valueReference": "total"}}
    return {
        "result": "0",
        "values": {
            "0": {"functionInvocationValue": {"functionName": "Image.add", "arguments": arguments}},
            "a": {"functionInvocationValue": loaded},
            "sum": {"functionInvocationValue": {"functionName": "Reducer.sum", "arguments": {}}},
            "total": {"functionInvocationValue": total},
        },
    }


@pytest.fixture
def raster(tmp_path: Path) -> Path:
    path = tmp_path / "catalog" / "a.tif"
    path.parent.mkdir()
    write(path, 1)
    return path


def write(path: Path, value: int) -> None:
    transform = rasterio.transform.from_origin(500_000, 4_600_000, 10, 10)
    profile = {"driver": "GTiff", "width": 4, "height": 3, "count": 1, "dtype": "float32", "crs": "EPSG:32633"}
    with rasterio.open(path, "w", transform=transform, **profile) as dataset:
        dataset.write(np.full((1, 3, 4), value, np.float32))


@pytest.fixture
def server(tmp_path: Path, raster: Path) -> Iterator[Served]:
    settings = Settings(raster.parent, grpc_port=0, http_port=0, state_dir=tmp_path / "state")
    with served(settings) as running:
        yield running


@pytest.fixture
def evaluations(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The graphs that were evaluated."""
    graphs: list[object] = []

    def counted(graph: Any, world: Any) -> Any:
        graphs.append(graph)
        return evaluate_graph(graph, world)

    monkeypatch.setattr(service, "evaluate_graph", counted)
    return graphs


def post(server: Served, path: str, body: dict[str, Any]) -> bytes:
    connection = http.client.HTTPConnection(urlsplit(server.http).netloc, timeout=HANG)
    try:
        connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
        response = connection.getresponse()
        content = response.read()
        assert response.status == 200, content
        return content
    finally:
        connection.close()


def get(server: Served, path: str) -> bytes:
    connection = http.client.HTTPConnection(urlsplit(server.http).netloc, timeout=HANG)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        content = response.read()
        assert response.status == 200, content
        return content
    finally:
        connection.close()


def by_grpc(server: Served, document: dict[str, Any]) -> str:
    params = json_format.ParseDict(
        {"expression": document, "format": "FORMAT_NPY"} | GRID, download_pb2.DownloadParams()
    )
    return address(server.create(params).download_id.url)


def by_http(server: Served, document: dict[str, Any]) -> str:
    created = post(server, "/v1/downloads", {"expression": document, "format": "FORMAT_NPY"} | GRID)
    return address(json.loads(created)["downloadId"]["url"])


def by_earth_engine(server: Served, document: dict[str, Any]) -> str:
    body = {"expression": document, "fileFormat": "NPY", "grid": EE_GRID}
    created = json.loads(post(server, "/v1/projects/p/thumbnails", body))
    return f"/v1/{created['name']}:getPixels"


def address(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}"


@pytest.mark.parametrize("door", [by_grpc, by_http, by_earth_engine])
@pytest.mark.parametrize("constants", [3, 20_000], ids=["small", "large"])
def test_one_evaluation_for_create_and_none_for_reading(
    server: Served, evaluations: list[object], door: Any, constants: int
) -> None:
    path = door(server, expression(constants))
    assert len(evaluations) == 1
    first = get(server, path)
    assert len(evaluations) == 1
    assert get(server, path) == first
    assert len(evaluations) == 1
    record = np.load(io.BytesIO(first))
    assert np.all(record[record.dtype.names[0]] == 1 + sum(range(constants)))


def test_one_evaluation_for_a_mosaic_and_none_for_reading(server: Served, evaluations: list[object]) -> None:
    body = {"mosaic": {"images": ["a", "a"], "composite": "max"}, "format": "NPY"} | GRID
    path = address(json.loads(post(server, "/v1/downloads", body))["downloadId"]["url"])
    record = np.load(io.BytesIO(get(server, path)))
    assert np.all(record[record.dtype.names[0]] == 1)
    assert len(evaluations) == 1


def test_one_evaluation_for_an_asset_that_is_shown_within_a_region(server: Served, evaluations: list[object]) -> None:
    shown = {"ranges": [{"min": 0, "max": 2}]}
    body = {"fileFormat": "NPY", "grid": EE_GRID, "region": {"type": "Point", "coordinates": [15.0001, 41.5]}}
    assert post(server, "/v1/projects/p/assets/a:getPixels", body | {"visualizationOptions": shown})
    assert len(evaluations) == 1


@pytest.mark.parametrize("door", [by_grpc, by_http, by_earth_engine])
def test_a_download_is_the_same_where_its_plan_is_no_longer_kept(
    server: Served, monkeypatch: pytest.MonkeyPatch, door: Any
) -> None:
    document = expression(3)
    numbers = {"constantValue": {"b": 7, "a": [1, 2.5, True], "c": {"z": 1, "y": None}}}
    document["values"]["numbers"] = {
        "functionInvocationValue": {
            "functionName": "Element.setMulti",
            "arguments": {"object": {"valueReference": "a"}, "properties": numbers},
        }
    }
    document["values"]["0"]["functionInvocationValue"]["arguments"]["image1"] = {"constantValue": 7}
    document["values"]["0"]["functionInvocationValue"]["arguments"]["image2"] = {"valueReference": "numbers"}
    monkeypatch.setattr(RecentPlans, "get", lambda *_: None)
    record = np.load(io.BytesIO(get(server, door(server, document))))
    assert np.all(record[record.dtype.names[0]] == 8)


def test_constants_mean_the_same_by_every_door(server: Served) -> None:
    document = expression(3)
    document["values"]["0"]["functionInvocationValue"]["arguments"]["image1"] = {"constantValue": 7}
    message = json_format.ParseDict(
        {"expression": document, "format": "FORMAT_NPY"} | GRID, download_pb2.DownloadParams()
    )
    body = {"expression": document, "format": "FORMAT_NPY"} | GRID
    by_message = server.create(message).plan.etag
    assert json.loads(post(server, "/v1/downloads", body))["plan"]["etag"] == by_message


def test_pixels_that_are_streamed_take_one_evaluation(server: Served, evaluations: list[object]) -> None:
    body = {"expression": expression(20_000), "fileFormat": "NPY", "grid": EE_GRID}
    assert post(server, "/v1/projects/p/image:computePixels", body)
    assert len(evaluations) == 1


def test_an_image_that_changed_since_it_was_planned_is_told_as_such(server: Served, raster: Path) -> None:
    params = {"expression": expression(3), "format": "FORMAT_NPY"} | GRID
    created = server.create(json_format.ParseDict(params, download_pb2.DownloadParams()))
    raster.unlink()
    write(raster, 2)
    with pytest.raises(grpc.RpcError) as caught:
        server.read(created.download_id)
    assert "the image changed since this download was created; create it again" in refusal(caught.value).message


def test_a_plan_whose_source_cannot_be_read_is_used_once(
    server: Served, raster: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    are_kept: list[bool] = []
    get_plan = RecentPlans.get

    def noted(plans: RecentPlans, etag: str) -> Any:
        plan = get_plan(plans, etag)
        are_kept.append(plan is not None)
        return plan

    monkeypatch.setattr(RecentPlans, "get", noted)
    path = by_http(server, expression(3))
    raster.unlink()
    write(raster, 2)
    connection = http.client.HTTPConnection(urlsplit(server.http).netloc, timeout=HANG)
    for _ in range(2):
        connection.request("GET", path)
        response = connection.getresponse()
        assert (response.status, "create it again" in response.read().decode()) == (409, True)
    connection.close()
    assert are_kept == [True, False]
