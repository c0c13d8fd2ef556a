"""Registered downloads are asked about, prepared, listed and deleted, by gRPC and by HTTP alike."""

import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import grpc
import numpy as np
import pytest
import rasterio
from affine import Affine
from click.testing import CliRunner
from google.protobuf import json_format

from asking import ask
from effort import HANG
from rasterwire.cli.main import cli
from rasterwire.client import Client, DownloadFailed
from rasterwire.download import block_task
from rasterwire.server.settings import Settings
from rasterwire.v1 import download_pb2
from rasterwire.v1 import download_service_pb2 as service_pb2
from rasterwire.v1.download_service_pb2 import Download
from serving import Served, refusal, served
from waiting import until

SIDE = 600


def write(path: Path, seed: int = 1) -> None:
    profile = {"driver": "GTiff", "width": SIDE, "height": SIDE, "count": 1, "dtype": "uint16", "crs": "EPSG:32610"}
    with rasterio.open(path, "w", transform=Affine(10, 0, 0, 0, -10, 0), **profile) as raster:
        raster.write(np.random.default_rng(seed).integers(1, 60_000, (1, SIDE, SIDE)).astype("uint16"))


@pytest.fixture
def catalog(tmp_path: Path) -> Path:
    (tmp_path / "catalog").mkdir()
    write(tmp_path / "catalog" / "a.tif")
    return tmp_path / "catalog"


@pytest.fixture
def server(catalog: Path) -> Iterator[Served]:
    with served(Settings(catalog, grpc_port=0, http_port=0, state_dir=catalog.parent / "state")) as running:
        yield running


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Blocks of renders are made once this is set, and at the end in any case."""
    opened, render_block = threading.Event(), block_task.render_block  # type: ignore[attr-defined]

    def waiting(*arguments: Any) -> Any:
        assert opened.wait(HANG)
        return render_block(*arguments)

    monkeypatch.setattr(block_task, "render_block", waiting)
    yield opened
    opened.set()


def create(server: Served, name: str = "a") -> download_pb2.DownloadId:
    # of pixels that are made, and not copied as they are stored
    params = download_pb2.DownloadParams(image="a", name=name, format=download_pb2.FORMAT_GEO_TIFF, scale=9)
    return server.create(params).download_id


def get(server: Served, download: download_pb2.DownloadId) -> Download:
    request = service_pb2.GetDownloadRequest(name=download.name, token=download.token)
    return server.downloads.GetDownload(request, timeout=HANG).download


def prepare(server: Served, download: download_pb2.DownloadId) -> Download:
    request = service_pb2.PrepareDownloadRequest(name=download.name, token=download.token)
    return server.downloads.PrepareDownload(request, timeout=HANG).download


def delete(server: Served, download: download_pb2.DownloadId) -> None:
    server.downloads.DeleteDownload(
        service_pb2.DeleteDownloadRequest(name=download.name, token=download.token), timeout=HANG
    )


def test_a_download_is_prepared_without_a_reader(server: Served, gate: threading.Event) -> None:
    download = create(server)
    before = get(server, download)
    assert (before.state, before.blocks_total, before.size_bytes) == (Download.STATE_REGISTERED, 0, 0)
    assert (before.name, before.filename, before.mime_type) == (download.name, "a.tif", "image/tiff")
    assert before.expire_time == download.expire_time
    assert before.plan.rasters[0].grid.width == pytest.approx(SIDE * 10 / 9, abs=1)
    for _ in range(2):  # the second time it is on its way
        prepared = prepare(server, download)
        assert prepared.state == Download.STATE_RENDERING
        assert prepared.plan == before.plan
        assert 0 == prepared.blocks_done < prepared.blocks_total
    gate.set()
    until(lambda: get(server, download).state, Download.STATE_READY)
    data = server.read(download)
    ready = get(server, download)
    assert (ready.size_bytes, ready.etag, ready.plan) == (len(data), before.etag, before.plan)
    assert prepare(server, download) == ready


def test_a_reader_joins_what_is_prepared(server: Served, gate: threading.Event) -> None:
    download = create(server)
    prepare(server, download)
    request = service_pb2.ReadDownloadRequest(name=download.name, token=download.token)
    call = server.downloads.ReadDownload(request, timeout=HANG)
    assert next(iter(call)).chunk.progress.blocks_total
    call.cancel()
    gate.set()
    until(lambda: get(server, download).state, Download.STATE_READY)


def test_a_deleted_download_is_unknown_and_its_preparation_ends(server: Served, gate: threading.Event) -> None:
    download, other = create(server), create(server, "b")
    prepare(server, download)
    delete(server, download)
    unknown = []
    for call in (get, prepare, delete, Served.read):
        with pytest.raises(grpc.RpcError) as caught:
            call(server, download)
        unknown.append(refusal(caught.value))
    assert {(told.code, told.reason) for told in unknown} == {(grpc.StatusCode.NOT_FOUND, "DOWNLOAD_NOT_FOUND")}
    target = download.url.removeprefix(server.http)
    assert ask(server, "GET", target)[0] == 404
    again = create(server)
    until(lambda: get(server, again).state, Download.STATE_REGISTERED)
    gate.set()
    assert get(server, other).state == Download.STATE_REGISTERED
    assert server.read(again)


def test_a_file_of_a_deleted_download_is_there_for_the_next(server: Served) -> None:
    download = create(server)
    data = server.read(download)
    delete(server, download)
    again = create(server)
    assert again.name != download.name
    assert get(server, again).state == Download.STATE_READY
    assert server.read(again) == data


def test_what_is_being_read_is_read_to_its_end(server: Served, gate: threading.Event) -> None:
    download = create(server)
    request = service_pb2.ReadDownloadRequest(name=download.name, token=download.token)
    answers = iter(server.downloads.ReadDownload(request, timeout=HANG))
    next(answers)
    delete(server, download)
    gate.set()
    data = b"".join(answer.chunk.data for answer in answers)
    assert data == server.read(create(server))


def test_a_preparation_that_fails_tells_why_and_may_be_tried_again(
    server: Served, catalog: Path, gate: threading.Event
) -> None:
    download = create(server)
    shutil.copy(catalog / "a.tif", catalog.parent / "kept.tif")
    prepare(server, download)
    with (catalog / "a.tif").open("r+b") as file:
        file.truncate(3000)
    gate.set()
    until(lambda: get(server, download).state, Download.STATE_FAILED)
    failed = get(server, download)
    assert failed.failure
    assert str(catalog) not in failed.failure
    shutil.copy2(catalog.parent / "kept.tif", catalog / "a.tif")


def test_an_image_that_changed_has_no_plan_and_is_not_prepared(server: Served, catalog: Path) -> None:
    download = create(server)
    write(catalog / "a.tif", seed=2)
    assert not get(server, download).HasField("plan")
    with pytest.raises(grpc.RpcError) as caught:
        prepare(server, download)
    assert refusal(caught.value).reason == "DOWNLOAD_CONFLICT"


def test_a_wrong_token_is_an_unknown_name_and_so_is_none(server: Served) -> None:
    download = create(server)
    for token in ("", "0" * 32, download.token[:-1]):
        for call in (get, prepare, delete):
            with pytest.raises(grpc.RpcError) as caught:
                call(server, download_pb2.DownloadId(name=download.name, token=token))
            assert refusal(caught.value).reason == "DOWNLOAD_NOT_FOUND"
    assert get(server, download).name == download.name


def test_pages_of_downloads_lead_to_the_last_and_sizes_are_coerced(server: Served) -> None:
    created = sorted(create(server, f"n{number}").name for number in range(103))

    def pages(size: int) -> list[list[Download]]:
        request, made = service_pb2.ListDownloadsRequest(page_size=size), []
        while True:
            answer = server.downloads.ListDownloads(request, timeout=HANG)
            made.append(list(answer.downloads))
            request.page_token = answer.next_page_token
            if not request.page_token:
                return made

    for size, expected in ((0, [50, 50, 3]), (103, [100, 3]), (2**31 - 1, [100, 3]), (40, [40, 40, 23])):
        listed = pages(size)
        assert [len(page) for page in listed] == expected
        assert [item.name for page in listed for item in page] == created
    first = listed[0][0]
    assert first.filename.startswith("n")
    assert (first.state, first.HasField("plan")) == (Download.STATE_UNSPECIFIED, False)
    for wrong in ({"page_size": -1}, {"page_token": "x"}, {"page_token": "0" * 33}):
        with pytest.raises(grpc.RpcError) as caught:
            server.downloads.ListDownloads(service_pb2.ListDownloadsRequest(**wrong), timeout=HANG)
        assert refusal(caught.value).code is grpc.StatusCode.INVALID_ARGUMENT


def test_http_answers_as_grpc_does(server: Served) -> None:
    download = create(server)
    target = f"/v1/{download.name}?token={quote(download.token)}"

    def asked(method: str, target: str) -> tuple[int, Any]:
        status, _, body = ask(server, method, target)
        return status, json.loads(body)

    plain = json_format.MessageToDict(get(server, download))
    assert plain["state"] == "STATE_REGISTERED"
    assert asked("GET", target) == (200, {"download": plain})
    status, prepared = asked("POST", target.replace("?", ":prepare?"))
    assert status == 200
    assert prepared["download"]["state"] in {"STATE_RENDERING", "STATE_READY"}
    until(lambda: get(server, download).state, Download.STATE_READY)
    status, listed = asked("GET", "/v1/downloads?pageSize=1")
    assert (status, [item["name"] for item in listed["downloads"]]) == (200, [download.name])
    assert asked("GET", f"/v1/{download.name}?token=x")[0] == 404
    assert asked("DELETE", f"/v1/{download.name}")[0] == 404
    assert asked("DELETE", target) == (200, {})
    assert asked("DELETE", target)[0] == 404
    assert asked("GET", "/v1/downloads") == (200, {})


def test_the_command_line_lists_and_deletes(server: Served) -> None:
    def run(*arguments: str) -> tuple[int, str]:
        result = CliRunner().invoke(cli, ["downloads", "--server", server.address, *arguments])
        return result.exit_code, result.stdout

    download = create(server)
    end = f"{download.expire_time.ToDatetime():%Y-%m-%dT%H:%M:%SZ}"
    assert run() == (0, f"{download.name}  {end}  a.tif\n")
    assert run("--delete", download.name)[0] != 0
    assert run("--delete", download.name, "--token", download.token) == (0, "")
    assert run() == (0, "")


def test_the_client_has_a_call_for_each(server: Served) -> None:
    with Client(server.address) as client:
        download = client.create_download({"image": "a", "format": "NPY"}).download_id
        assert client.prepare_download(download).name == download.name
        until(lambda: client.get_download(download).state, Download.STATE_READY)
        assert [item.name for item in client.list_downloads()] == [download.name]
        client.delete_download(download)
        assert list(client.list_downloads()) == []
        with pytest.raises(DownloadFailed):
            client.get_download(download)
