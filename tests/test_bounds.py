"""Limits of a server's threads, memory and disk space, whatever its readers do."""

import asyncio
import io
import shutil
import threading
from collections import namedtuple
from pathlib import Path
from typing import Any, BinaryIO
from unittest.mock import MagicMock

import google_crc32c
import grpc
import numpy as np
import pytest
import rasterio
from affine import Affine

from effort import started_threads
from rasterwire.download.grace_period import GraceTimer
from rasterwire.errors import DiskFull, Overloaded
from rasterwire.server import readers as readers_module
from rasterwire.server.open_files import OpenFile, file_info
from rasterwire.server.service import Service
from rasterwire.server.settings import Settings
from rasterwire.store.artifacts import FolderArtifactStore
from rasterwire.v1 import download_pb2
from serving import refusal, served

SECONDS = 60  # a guard against hangs; no result depends on it


def test_one_thread_waits_for_all_that_are_left_alone_and_the_last_word_counts() -> None:
    ended, all_ended = list[str](), threading.Event()

    def end(name: str) -> None:
        ended.append(name)
        if len(ended) == 300:
            all_ended.set()

    grace = GraceTimer(end)
    with started_threads() as begun:
        for n in range(300):
            grace.begin(f"{n}", 1000.0)
    assert [thread.name for thread in begun] == ["grace"]
    assert ended == []
    for n in range(300):
        grace.begin(f"{n}", 0.0)
    assert all_ended.wait(SECONDS)
    assert sorted(ended, key=int) == [f"{n}" for n in range(300)]
    grace.begin("late", 1000.0)
    grace.close()
    assert not begun[0].is_alive()
    assert len(ended) == 300


def test_many_stalled_readers_hold_little_together_and_each_gets_all_in_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = bytes(range(256)) * (3 << 12)
    service = Service(MagicMock(), MagicMock(), tmp_path, max_renders=1)

    async def check() -> None:
        info = file_info("a", "a/b", "e", len(data), google_crc32c.value(data))
        readers = [
            service.readers.chunks(OpenFile(io.BytesIO(data), info), 0, 0, lambda chunk, part: (chunk, bytes(part)))
            for _ in range(800)
        ]
        first = [await anext(reader) for reader in readers]
        assert sum(len(part) for _, part in first) <= 100 << 20
        assert len(first[0][1]) == readers_module.CHUNK
        rest = [part async for _, part in readers[-1]]
        assert first[-1][1] + b"".join(rest) == data
        for reader in readers:
            await reader.aclose()
        assert service.readers.taken == 0
        ready = OpenFile(io.BytesIO(data), info)
        whole = [pair async for pair in service.readers.chunks(ready, 5, 0, lambda chunk, part: (chunk, bytes(part)))]
        assert max(len(part) for _, part in whole) == readers_module.CHUNK
        assert [chunk.HasField("file") for chunk, _ in whole] == [True, *[False] * (len(whole) - 2), True]

    asyncio.run(check())


def test_readers_beyond_the_most_are_told_to_come_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers_module, "_READERS", 2)
    service = Service(MagicMock(), MagicMock(), tmp_path, max_renders=1)

    async def check() -> None:
        def reader() -> Any:
            info = file_info("a", "a/b", "e", 1 << 22, 0)
            return service.readers.chunks(OpenFile(io.BytesIO(bytes(1 << 22)), info), 0, 0, lambda chunk, _: chunk)

        readers = [reader() for _ in range(2)]
        for item in readers:
            await anext(item)
        with pytest.raises(Overloaded):
            await anext(reader())
        await readers[0].aclose()
        await anext(reader())

    asyncio.run(check())


Usage = namedtuple("Usage", "total used free")


def test_room_on_the_disk_is_made_of_files_that_were_not_used_for_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def usage(_: Path) -> Usage:
        used = sum(path.stat().st_size for path in tmp_path.rglob("*.*.*"))
        return Usage(1000, used, 1000 - used)

    def filled(file: BinaryIO) -> None:
        file.write(bytes(200))

    store = FolderArtifactStore(tmp_path, 1 << 30)
    artifacts = [store.make(f"e{n}", filled) for n in range(4)]
    monkeypatch.setattr(shutil, "disk_usage", usage)
    store.make_room(200)
    assert all(artifact.path.exists() for artifact in artifacts)
    with store.hold("e0"):
        store.make_room(500)
        assert sum(artifact.path.exists() for artifact in artifacts) == 2
        assert artifacts[0].path.exists(), "it is held"
        with pytest.raises(DiskFull):
            store.make_room(900)
    store.make_room(1000)
    with pytest.raises(DiskFull):
        store.make_room(1001)


def test_a_render_looks_at_the_disk_before_it_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "catalog").mkdir()
    profile = {"driver": "GTiff", "width": 1500, "height": 1500, "count": 1, "dtype": "uint16", "crs": "EPSG:32610"}
    with rasterio.open(tmp_path / "catalog/a.tif", "w", transform=Affine(10, 0, 0, 0, -10, 0), **profile) as raster:
        raster.write(np.ones((1, 1500, 1500), "uint16"))
    rendered: list[object] = []
    monkeypatch.setattr("rasterwire.download.block_task.render_block", lambda *arguments: rendered.append(arguments))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(1 << 30, (1 << 30) - 4_000_000, 4_000_000))
    params = download_pb2.DownloadParams(image="a", format=download_pb2.FORMAT_NPY)
    with served(Settings(tmp_path / "catalog", grpc_port=0, http_port=-1, state_dir=tmp_path / "state")) as server:
        with pytest.raises(grpc.RpcError) as caught:
            server.stream(params)
        assert refusal(caught.value).reason == "DISK_FULL"
        made_id = server.create(params).download_id
        with pytest.raises(grpc.RpcError) as caught:
            server.read(made_id)
        assert refusal(caught.value).reason == "DISK_FULL"
    assert not rendered
