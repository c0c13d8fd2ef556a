"""What a hostile or unlucky caller can do to a server, and the answers."""

import asyncio
import json
import math
import os
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import grpc
import numpy as np
import pytest
import rasterio
from affine import Affine
from google.protobuf import json_format
from odc.geo.geobox import GeoBox

from effort import HANG, effort
from images import band, scene
from rasterwire.client import Client
from rasterwire.plan import Limits, make_plan
from rasterwire.request import DownloadRequest
from rasterwire.server.messages.validate import violations
from rasterwire.server.process.app import running
from rasterwire.server.settings import BadSettings, Settings
from rasterwire.v1 import download_pb2, download_service_pb2
from serving import Served, refusal, served


def settings(folder: Path) -> Settings:
    return Settings(folder / "catalog", grpc_port=0, http_port=0, state_dir=folder / "state", max_renders=1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A catalog of one image of noise, 1500 x 1500."""
    (tmp_path / "catalog").mkdir()
    profile = {"width": 1500, "height": 1500, "count": 1, "dtype": "uint16", "crs": "EPSG:32633"}
    noise = np.random.default_rng(1).integers(1, 60_000, (1, 1500, 1500)).astype("uint16")
    place = Affine(10, 0, 500_000, 0, -10, 5_000_000)
    with rasterio.open(tmp_path / "catalog" / "noise.tif", "w", driver="GTiff", transform=place, **profile) as file:
        file.write(noise)
    return tmp_path


@pytest.fixture
def server(folder: Path) -> Iterator[Served]:
    with served(settings(folder)) as service:
        yield service


def params(**fields: object) -> download_pb2.DownloadParams:
    return json_format.ParseDict({"image": "noise", "format": "FORMAT_NPY", **fields}, download_pb2.DownloadParams())


def test_leftovers_of_any_kind_do_not_keep_a_server_from_starting(folder: Path) -> None:
    (folder / "state" / "scratch" / "tmpabc" / "deep").mkdir(parents=True)
    (folder / "state" / "scratch" / "tmpfile").write_text("x")
    with served(settings(folder)) as service:
        assert service.stream(params())[0]
    assert [path.name for path in (folder / "state" / "scratch").iterdir()] == [str(os.getpid())]
    assert list((folder / "state" / "scratch" / str(os.getpid())).iterdir()) == []


def test_a_full_cache_does_not_take_a_file_from_those_who_wait_for_it(folder: Path) -> None:
    cramped = replace(settings(folder), cache_bytes=1, max_renders=4)
    with served(cramped) as service, ThreadPoolExecutor(4) as pool:
        downloads = [service.create(params(scale=scale)).download_id for scale in (20, 21, 22, 23)]
        files = list(pool.map(service.read, downloads * 3))
    assert len(set(files)) == 4
    assert files == files[:4] * 3


def test_a_request_id_of_a_raster_that_changed_is_told(folder: Path, server: Served) -> None:
    same = params(requestId="A3B1D3D0-9A5F-4E56-8F8A-0C2F6F1B2C3D")
    lower = params(requestId="a3b1d3d0-9a5f-4e56-8f8a-0c2f6f1b2c3d")
    assert server.create(same).download_id == server.create(lower).download_id
    os.utime(folder / "catalog" / "noise.tif", (1, 1))
    with pytest.raises(grpc.RpcError) as caught:
        server.create(same)
    assert refusal(caught.value).code is grpc.StatusCode.FAILED_PRECONDITION
    assert "make a new UUID" in refusal(caught.value).message


def test_a_second_server_on_the_same_state_is_refused(folder: Path, server: Served) -> None:
    async def second() -> None:
        async with running(settings(folder)):
            pytest.fail("it runs")

    with pytest.raises(BadSettings, match="another server uses"):
        asyncio.run(second())
    assert server.stream(params())[0]


@pytest.mark.parametrize("method", ["DownloadService/CreateDownload", "DownloadService/StreamDownload"])
def test_bytes_that_are_no_message_are_refused_as_all_else(server: Served, method: str) -> None:
    with grpc.insecure_channel(server.address) as channel:
        call: grpc.UnaryStreamMultiCallable[bytes, bytes] = channel.unary_stream(f"/rasterwire.v1.{method}")
        with pytest.raises(grpc.RpcError) as caught:
            list(call(b"\xff\xff\xff", timeout=HANG))
    assert refusal(caught.value).code is grpc.StatusCode.INVALID_ARGUMENT
    assert refusal(caught.value).fields == {"": "NOT_A_MESSAGE"}


def test_a_scale_that_is_no_number_is_told_once(server: Served) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        server.create(params(scale="NaN"))
    assert "must be finite" in refusal(caught.value).message
    assert "greater than 0" not in refusal(caught.value).message


def test_any_number_of_violations_reaches_the_caller(server: Served) -> None:
    bands = [{"id": f"{'long' * 20}-{index}"} for index in range(900)]
    with pytest.raises(grpc.RpcError) as caught:
        server.create(params(bands=bands))
    error = refusal(caught.value)
    assert error.code is grpc.StatusCode.INVALID_ARGUMENT
    assert error.fields["bands[0].id"] == "BAND_NOT_FOUND"
    assert error.fields[""] == "MORE_VIOLATIONS"


def test_lists_that_are_too_long_are_not_looked_through(server: Served) -> None:
    request = params(bands=[{"id": "B99"}] * 30_000, scale=0, crs="nonsense")
    with pytest.raises(grpc.RpcError) as caught:
        server.create(request)
    assert refusal(caught.value).fields == {"bands": "REPEATED_MAX_ITEMS", "scale": "DOUBLE_GT", "crs": "CRS_NOT_PLAIN"}


def test_numbers_without_end_are_refused_as_a_few_too_many_are(server: Served) -> None:
    calls = []
    for count in (30, 1_000, 100_000):
        request = params(bands=[{"id": "noise", "crs": "EPSG:32610"}], crs="EPSG:32610")
        for spec in (request, request.bands[0]):
            spec.crs_transform.extend([math.nan] * count)
        request.bands[0].dimensions.extend([1] * count)
        with pytest.raises(grpc.RpcError) as caught:
            server.create(request)
        assert {"crs_transform", "bands[0].crs_transform", "bands[0].dimensions"} <= set(refusal(caught.value).fields)
        with effort() as counted:
            assert violations(request)
        calls.append(counted.calls)
    assert calls[2] <= 1.1 * calls[1]


def test_slow_readers_of_streams_are_counted_and_keep_nobody_else_waiting(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rasterwire.server.streams._STREAMS_A_RENDER", 3)
    # 50 MB, more than the buffers of a connection ever hold, so that a stream cannot end unread
    request = download_service_pb2.StreamDownloadRequest(params=params(scale=3))
    with served(settings(folder)) as server, ExitStack() as stack:
        for _ in range(3):
            call = server.downloads.StreamDownload(request, timeout=HANG)
            stack.callback(call.cancel)
            next(iter(call))
        one_more = server.downloads.StreamDownload(request, timeout=HANG)
        with pytest.raises(grpc.RpcError) as caught:
            next(iter(one_more))
        assert refusal(caught.value).code is grpc.StatusCode.RESOURCE_EXHAUSTED
        server.downloads.PlanDownload(download_service_pb2.PlanDownloadRequest(params=params()), timeout=HANG)


def test_a_transform_of_a_band_needs_a_crs(server: Served) -> None:
    bands = [{"id": "B1", "crsTransform": [30, 0, 500_000, 0, -30, 5_000_000]}]
    with pytest.raises(grpc.RpcError) as caught:
        server.create(params(bands=bands, format="FORMAT_ZIPPED_GEO_TIFF_PER_BAND"))
    assert refusal(caught.value).fields["bands[0].crs_transform"] == "TRANSFORM_WITHOUT_CRS"


@pytest.mark.parametrize("body", [b"null", b"[]", b"\xff\xfe", b"1", b"{", b"[" * 100_000])
def test_any_body_that_is_no_params_is_a_bad_request(server: Served, body: bytes) -> None:
    headers = {"Content-Type": "application/json; charset=foo"}
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(urllib.request.Request(f"{server.http}/v1/downloads", body, headers), timeout=HANG)
    assert caught.value.code == 400
    assert json.loads(caught.value.read())["error"]["reason"]


@pytest.mark.parametrize(
    "region",
    [
        {"boundingBox": {"west": -1e308, "south": -1e308, "east": 1e308, "north": 1e308}, "crs": "EPSG:32633"},
        {"geojson": '{"type": "Point", "coordinates": [15, 45], "crs": {"properties": []}}'},
    ],
    ids=["endless", "crs of a list"],
)
def test_regions_of_any_kind_are_refused_with_a_reason(server: Served, region: dict[str, object]) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        server.create(params(region=region))
    assert refusal(caught.value).code is grpc.StatusCode.INVALID_ARGUMENT


def test_a_raster_without_area_is_an_error_of_its_image_alone(folder: Path) -> None:
    profile = {"width": 9, "height": 9, "count": 1, "dtype": "uint8", "crs": "EPSG:32633"}
    flat = Affine(1e-300, 0, 0, 0, -1e-300, 0)
    with rasterio.open(folder / "catalog" / "flat.tif", "w", driver="GTiff", transform=flat, **profile) as file:
        file.write(np.ones((1, 9, 9), "uint8"))
    with served(settings(folder)) as service:
        with pytest.raises(grpc.RpcError) as caught:
            service.create(params(image="flat"))
        assert refusal(caught.value).code is grpc.StatusCode.FAILED_PRECONDITION
        assert service.stream(params())[0]


def test_what_a_document_says_of_a_raster_is_part_of_the_etag() -> None:
    def etag(**fields: object) -> str:
        changed = replace(band("B3"), **fields)  # type: ignore[arg-type]
        request = DownloadRequest("x", nodata=7)
        return make_plan(request, scene(changed), Limits()).etag

    grid = band("B3").grid
    moved = GeoBox(grid.shape, Affine.translation(40, 0) @ grid.affine, grid.crs)
    assert len({etag(), etag(nodata=255), etag(grid=moved), etag(masked=True)}) == 4
    assert etag() == etag()


def test_futures_end_for_all_who_wait_when_they_are_cancelled(server: Served, tmp_path: Path) -> None:
    from concurrent.futures import wait

    with Client(server.address) as client:
        futures = [client.download_future({"image": "noise"}, tmp_path / f"{i}.zip") for i in range(9)]
        futures[-1].cancel()
        finished, pending = wait(futures, timeout=HANG)
    assert not pending
    assert len(finished) == 9
