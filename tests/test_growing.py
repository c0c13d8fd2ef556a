"""Files that are sent while they are rendered. Only NPY files allow this: written bytes never change."""

import http.client
import io
import threading
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import google_crc32c
import grpc
import numpy as np
import pytest
import rasterio
from affine import Affine

from effort import HANG
from rasterwire.client import Client
from rasterwire.download import Render, block_task, renders
from rasterwire.encode import npy
from rasterwire.errors import SourceUnavailable
from rasterwire.pixels import Pixels, Window
from rasterwire.plan.types import RasterPlan
from rasterwire.render.block import render_block
from rasterwire.server import open_files, readers
from rasterwire.server.settings import Settings
from rasterwire.v1 import download_pb2, download_service_pb2
from serving import Served, refusal, served

SIDE = 300
CHUNK = 1000
PARAMS = download_pb2.DownloadParams(image="a", format=download_pb2.FORMAT_NPY)


class Gate:
    """Lets the upper half of a raster be rendered at once, and the rest when it is open."""

    def __init__(self) -> None:
        self.is_open = threading.Event()
        self.error: Exception | None = None

    def __call__(self, raster: RasterPlan, window: Window) -> tuple[Pixels, ...]:
        if window.row >= SIDE // 2:
            assert self.is_open.wait(HANG)
            if self.error is not None:
                raise self.error
        return render_block(raster, window)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    gate = Gate()
    monkeypatch.setattr(block_task, "render_block", gate)
    monkeypatch.setattr(npy, "_STRIP_BYTES", 10 * SIDE)
    monkeypatch.setattr(readers, "CHUNK", CHUNK)
    yield gate
    gate.is_open.set()


@pytest.fixture
def server(tmp_path: Path, gate: Gate) -> Iterator[Served]:
    assert not gate.is_open.is_set()  # it opens before the server stops
    (tmp_path / "catalog").mkdir()
    profile = {"driver": "GTiff", "width": SIDE, "height": SIDE, "count": 1, "dtype": "uint8", "crs": "EPSG:32610"}
    with rasterio.open(tmp_path / "catalog/a.tif", "w", transform=Affine(10, 0, 0, 0, -10, 0), **profile) as raster:
        raster.write(np.random.default_rng(1).integers(0, 255, (1, SIDE, SIDE), "uint8"))
    with served(Settings(tmp_path / "catalog", grpc_port=0, http_port=0, state_dir=tmp_path / "state")) as service:
        yield service


@pytest.fixture
def stored(tmp_path: Path) -> Callable[[bytes], bool]:
    """Return whether bytes are an NPY of the raster."""

    def check(data: bytes) -> bool:
        with rasterio.open(tmp_path / "catalog/a.tif") as source:
            return np.array_equal(np.load(io.BytesIO(data))["B1"], source.read(1))

    return check


def reading(server: Served, download: download_pb2.DownloadId, offset: int = 0) -> Iterator[download_pb2.DownloadChunk]:
    request = download_service_pb2.ReadDownloadRequest(name=download.name, token=download.token, read_offset=offset)
    return (answer.chunk for answer in server.downloads.ReadDownload(request, timeout=HANG))


def taken(chunks: Iterator[download_pb2.DownloadChunk], size: int) -> bytes:
    data = b""
    while len(data) < size:
        data += next(chunks).data
    return data


def test_what_is_rendered_comes_before_the_rest_is(server: Served, gate: Gate, stored: Callable[[bytes], bool]) -> None:
    download = server.create(PARAMS)
    chunks = reading(server, download.download_id)
    first = next(chunk for chunk in chunks if chunk.data)
    assert (first.file.size_bytes, first.file.crc32c) == (download.plan.estimated_bytes, 0)
    data = first.data + taken(chunks, 30 * CHUNK)
    assert not gate.is_open.is_set()
    gate.is_open.set()
    rest = list(chunks)
    data += b"".join(chunk.data for chunk in rest)
    assert stored(data)
    assert rest[-1].file.crc32c == google_crc32c.value(data)


def test_it_comes_by_http_too(server: Served, gate: Gate, stored: Callable[[bytes], bool]) -> None:
    download = server.create(PARAMS)
    with urllib.request.urlopen(download.download_id.url, timeout=HANG) as answer:
        assert int(answer.headers["Content-Length"]) == download.plan.estimated_bytes
        data = answer.read(30 * CHUNK)
        assert not gate.is_open.is_set()
        gate.is_open.set()
        data += answer.read()
    assert stored(data)


def test_parts_of_what_is_there_are_read_meanwhile(server: Served, gate: Gate) -> None:
    download = server.create(PARAMS).download_id
    whole = reading(server, download)
    start = taken(whole, 20 * CHUNK)
    assert taken(reading(server, download, offset=5000), 10_000) == start[5000:15_000]
    gate.is_open.set()
    data = start + b"".join(chunk.data for chunk in whole)
    assert server.read(download, 77_777, 7777) == data[77_777:85_554]


def test_the_client_checks_the_whole(server: Served, gate: Gate, tmp_path: Path) -> None:
    gate.is_open.set()
    with Client(server.address) as client:
        result = client.download(PARAMS, tmp_path / "a.npy")
    assert result.crc32c == google_crc32c.value((tmp_path / "a.npy").read_bytes())


def test_a_render_that_fails_midway_ends_what_was_begun(server: Served, gate: Gate) -> None:
    gate.error = SourceUnavailable("a", "B1", "the file is damaged")
    download = server.create(PARAMS).download_id
    chunks = reading(server, download)
    taken(chunks, 20 * CHUNK)
    with urllib.request.urlopen(download.url, timeout=HANG) as answer:
        answer.read(20 * CHUNK)
        gate.is_open.set()
        with pytest.raises((http.client.IncompleteRead, ConnectionResetError)):
            answer.read()
    with pytest.raises(grpc.RpcError) as error:
        list(chunks)
    assert refusal(error.value).code is grpc.StatusCode.FAILED_PRECONDITION
    gate.error = None
    assert len(server.read(download)) > SIDE * SIDE


def test_a_reader_that_leaves_ends_the_render(
    server: Served, gate: Gate, stored: Callable[[bytes], bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped, stop = threading.Event(), Render.stop

    def noted(render: Render) -> None:
        stop(render)
        stopped.set()

    monkeypatch.setattr(Render, "stop", noted)
    monkeypatch.setattr(renders, "_GRACE", 0.1)
    download = server.create(PARAMS).download_id
    chunks = reading(server, download)
    taken(chunks, 20 * CHUNK)
    del chunks  # and with it the call
    assert stopped.wait(HANG)
    gate.is_open.set()
    assert stored(server.read(download))


def test_a_reader_that_comes_again_finds_the_render_where_it_was(
    server: Served, gate: Gate, stored: Callable[[bytes], bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    rendered: list[int] = []

    def counted(raster: RasterPlan, window: Window) -> tuple[Pixels, ...]:
        rendered.append(window.row)
        return gate(raster, window)

    monkeypatch.setattr(block_task, "render_block", counted)
    download = server.create(PARAMS).download_id
    chunks = reading(server, download)
    start = taken(chunks, 20 * CHUNK)
    del chunks
    again = reading(server, download, len(start))
    first = next(again)
    assert first.offset == len(start)
    gate.is_open.set()
    assert stored(start + first.data + b"".join(chunk.data for chunk in again))
    assert len(rendered) == len(set(rendered))


def test_ranges_over_http_are_of_one_render(
    server: Served, gate: Gate, stored: Callable[[bytes], bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    gate.is_open.set()
    rendered: list[int] = []

    def counted(raster: RasterPlan, window: Window) -> tuple[Pixels, ...]:
        rendered.append(window.row)
        return gate(raster, window)

    monkeypatch.setattr(block_task, "render_block", counted)
    download = server.create(PARAMS)
    data = b""
    for first in range(0, download.plan.estimated_bytes, 20_000):
        request = urllib.request.Request(download.download_id.url, headers={"Range": f"bytes={first}-{first + 19_999}"})
        with urllib.request.urlopen(request, timeout=HANG) as answer:
            data += answer.read()
    assert stored(data)
    assert len(rendered) == len(set(rendered))


@pytest.mark.parametrize("at_once", [True, False])
def test_the_last_message_has_the_checksum_however_the_file_is_read(
    server: Served, gate: Gate, monkeypatch: pytest.MonkeyPatch, at_once: bool
) -> None:
    if not at_once:
        monkeypatch.setattr(open_files.OpenFile, "read_now", lambda *_: None)
    download = server.create(PARAMS).download_id
    chunks = reading(server, download)
    data = taken(chunks, 20 * CHUNK)
    gate.is_open.set()
    rest = list(chunks)
    assert rest[-1].file.crc32c == google_crc32c.value(data + b"".join(chunk.data for chunk in rest))
