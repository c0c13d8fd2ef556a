"""Rendered files that were damaged on the disk: they are never delivered and are rendered again. Digests of answers."""

import base64
import http.client
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlsplit

import google_crc32c
import numpy as np
import pytest
import rasterio
from affine import Affine

from effort import HANG
from rasterwire.client import Client
from rasterwire.errors import DownloadConflict
from rasterwire.server.process import idle_work
from rasterwire.server.settings import Settings
from rasterwire.server.web import files
from rasterwire.store import NotVerified
from rasterwire.store.artifacts import FolderArtifactStore
from rasterwire.store.dropped_files import DroppedFiles
from rasterwire.v1 import download_pb2
from serving import Served, served

SIDE = 700
ALWAYS = lambda: True  # noqa: E731


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "catalog").mkdir()
    profile = {"driver": "GTiff", "width": SIDE, "height": SIDE, "count": 1, "dtype": "uint16", "crs": "EPSG:32610"}
    with rasterio.open(tmp_path / "catalog/a.tif", "w", transform=Affine(10, 0, 0, 0, -10, 0), **profile) as raster:
        raster.write(np.random.default_rng(1).integers(1, 60_000, (1, SIDE, SIDE)).astype("uint16"))
    return tmp_path


@contextmanager
def serving(folder: Path) -> Iterator[Served]:
    with served(Settings(folder / "catalog", grpc_port=0, http_port=0, state_dir=folder / "state")) as server:
        yield server


def damage(path: Path, offset: int) -> None:
    """Flip a bit of a file and keep its times, as a damaged disk does."""
    status = path.stat()
    with path.open("r+b") as file:
        file.seek(offset)
        (byte,) = file.read(1)
        file.seek(offset)
        file.write(bytes([byte ^ 0x10]))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def content(data: bytes) -> Callable[[BinaryIO], None]:
    def write(file: BinaryIO) -> None:
        file.write(data)

    return write


def get(server: Served, url: str, method: str = "GET", **headers: str) -> tuple[http.client.HTTPMessage, bytes]:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(urlsplit(server.http).netloc, timeout=HANG)
    try:
        connection.request(method, f"{parts.path}?{parts.query}", headers=headers)
        answer = connection.getresponse()
        return answer.headers, answer.read()
    finally:
        connection.close()


def digest(data: bytes) -> str:
    return f"crc32c=:{base64.b64encode(google_crc32c.Checksum(data).digest()).decode()}:"


def test_a_damaged_file_is_made_again_for_whoever_reads_it_first_after_a_start(folder: Path) -> None:
    def by_client(server: Served, download: download_pb2.DownloadId) -> bytes:
        with Client(server.address) as client:
            return b"".join(client.read(download))

    def by_http(server: Served, download: download_pb2.DownloadId) -> bytes:
        return get(server, download.url)[1]

    def by_range(server: Served, download: download_pb2.DownloadId) -> bytes:
        ends = [
            get(server, download.url, Range=f"bytes={offset}-{offset + 99_999}")[1]
            for offset in range(0, len(first), 100_000)
        ]
        return b"".join(ends)

    readers: dict[str, Callable[[Served, download_pb2.DownloadId], bytes]] = {
        "gRPC": lambda server, artifact: server.read(artifact),
        "the client": by_client,
        "HTTP": by_http,
        "ranges": by_range,
    }
    formats = (download_pb2.FORMAT_GEO_TIFF, download_pb2.FORMAT_NPY)
    downloads: list[tuple[download_pb2.DownloadId, bytes]] = []
    with serving(folder) as server:
        for format_ in formats:
            artifact = server.create(download_pb2.DownloadParams(image="a", format=format_)).download_id
            downloads.append((artifact, server.read(artifact)))
    for name, reader in readers.items():
        for path in (folder / "state/cache").rglob("*.*.*"):
            damage(path, path.stat().st_size // 2)
        with serving(folder) as server:
            for artifact, first in downloads:
                artifact.url = f"{server.http}{urlsplit(artifact.url).path}?{urlsplit(artifact.url).query}"
                assert reader(server, artifact) == first, name
        for path in (folder / "state/cache").rglob("*.*.*"):
            assert path.read_bytes() in [first for _, first in downloads], name


def test_a_file_that_is_written_to_meanwhile_is_read_again(tmp_path: Path) -> None:
    store = FolderArtifactStore(tmp_path, 1 << 20)
    artifact = store.make("e", content(b"123456789"))
    assert store.find("e") == artifact
    artifact.path.write_bytes(b"123456780")
    os.utime(artifact.path, ns=(1, 1))
    assert store.find("e") is None
    assert not artifact.path.exists()


def test_a_file_is_read_once_after_a_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    FolderArtifactStore(tmp_path, 1 << 20).make("e", content(b"123456789"))
    store, sizes = FolderArtifactStore(tmp_path, 1 << 20), list[int]()
    extend = google_crc32c.extend

    def noted(crc: int, data: Any) -> int:
        sizes.append(len(data))
        return int(extend(crc, data))

    monkeypatch.setattr(google_crc32c, "extend", noted)
    for _ in range(3):
        assert store.find("e") is not None
    assert sizes == [9]


def test_a_large_file_is_read_only_by_who_has_the_time(tmp_path: Path) -> None:
    FolderArtifactStore(tmp_path, 1 << 20).make("e", content(bytes(1000)))
    store = FolderArtifactStore(tmp_path, 1 << 20)
    with pytest.raises(NotVerified):
        store.find("e", 999)
    artifact = store.find("e", 1000)
    assert artifact is not None
    assert store.find("e", 1) == artifact


def test_nobody_waits_for_a_checksum_when_the_server_stops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    size, crc, began = 1 << 36, 7, threading.Event()  # of a file with holes alone, which would take half a minute
    (tmp_path / "e").mkdir()
    with (tmp_path / "e" / f"e.{size}.{crc:08x}").open("wb") as file:
        file.truncate(size)
    store, extend = FolderArtifactStore(tmp_path, 1 << 40), google_crc32c.extend

    def noted(crc: int, data: Any) -> int:
        began.set()
        return int(extend(crc, data))

    monkeypatch.setattr(google_crc32c, "extend", noted)
    with ThreadPoolExecutor(2) as pool:
        reads: list[Future[Any]] = [pool.submit(store.find, "e"), pool.submit(store.verify, ALWAYS)]
        assert began.wait(HANG)
        store.stop_reading()
        with pytest.raises(NotVerified):
            reads[0].result(HANG)
        reads[1].result(HANG)
    with pytest.raises(NotVerified):
        store.find("e")
    assert Path(file.name).exists(), "what was not read to its end was taken for damaged"


def test_files_are_looked_through_while_nobody_wants_anything(tmp_path: Path) -> None:
    store = FolderArtifactStore(tmp_path, 1 << 20)
    artifacts = [store.make(f"e{n}", content(bytes([n]) * 1000)) for n in range(4)]
    damage(artifacts[1].path, 500)  # its times do not change
    (tmp_path / "notes.txt").write_text("of somebody else")
    store.verify(ALWAYS)
    assert artifacts[1].path.exists(), "it was written a moment ago"
    again = FolderArtifactStore(tmp_path, 1 << 20)
    again.verify(lambda: False)
    assert artifacts[1].path.exists(), "somebody wanted something"
    again.verify(ALWAYS)
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == sorted(
        ["e1", "notes.txt", *(artifacts[n].path.name for n in (0, 2, 3))]
    ), "and what is known of the one that was dropped"


def test_a_server_that_has_nothing_to_do_looks_through_its_files(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looked = threading.Event()
    monkeypatch.setattr(idle_work, "_SECONDS", 0.01)
    monkeypatch.setattr(FolderArtifactStore, "verify", lambda *_: looked.set())
    with serving(folder):
        assert looked.wait(HANG)


def test_an_etag_never_stands_for_other_bytes_than_the_damaged_ones_were(tmp_path: Path) -> None:
    artifact = FolderArtifactStore(tmp_path, 1 << 20).make("e", content(b"123456789"))
    damage(artifact.path, 3)
    store = FolderArtifactStore(tmp_path, 1 << 20)
    assert store.find("e") is None
    with pytest.raises(DownloadConflict):
        store.make("e", content(b"others"))
    assert store.find("e") is None
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [tmp_path / ".dropped" / "e"]
    assert store.make("e", content(b"123456789")) == store.find("e") == artifact


def test_an_etag_never_stands_for_other_bytes_than_those_that_were_trimmed(tmp_path: Path) -> None:
    store = FolderArtifactStore(tmp_path, 5)
    artifact = store.make("e", content(b"123456789"))
    store.make("f", content(b"abc"))
    store.trim("f")
    assert not artifact.path.exists()
    again = FolderArtifactStore(tmp_path, 5)  # of another process, or after a start
    with pytest.raises(DownloadConflict, match="under another name"):
        again.make("e", content(b"others"))
    assert again.make("e", content(b"123456789")) == artifact
    assert [path.stat().st_mode & 0o777 for path in tmp_path.rglob("?.*.*")] == [0o600] * 2


def test_of_dropped_files_the_newest_are_remembered_and_none_keeps_room_from_being_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rasterwire.store.dropped_files._MAX_RECORDS", 20)
    monkeypatch.setattr("rasterwire.store.dropped_files._TRIM_INTERVAL", 10)
    dropped = DroppedFiles(tmp_path / "known")
    for number in range(100):
        dropped.add(f"e{number}", number, 7)
        os.utime(tmp_path / "known" / f"e{number}", ns=(number, number))
    assert len(list((tmp_path / "known").iterdir())) == 20
    assert (dropped.find("e99"), dropped.find("e0")) == ((99, 7), None)
    (tmp_path / "file").touch()
    nowhere = DroppedFiles(tmp_path / "file" / "known")  # it cannot be written, as on a full disk
    nowhere.add("e", 1, 2)
    assert nowhere.find("e") is None


def test_answers_carry_the_digests_that_are_known(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(folder) as server:
        params = download_pb2.DownloadParams(image="a", format=download_pb2.FORMAT_GEO_TIFF)
        download = server.create(params).download_id
        data = server.read(download)
        headers, body = get(server, download.url)
        assert (body, headers["Repr-Digest"], headers["Content-Digest"]) == (data, digest(data), digest(data))
        headers, body = get(server, download.url, "HEAD")
        assert (body, headers["Repr-Digest"], headers["Content-Digest"]) == (b"", digest(data), None)
        for byte_range, part in (("0-0", data[:1]), ("1000-70000", data[1000:70001]), ("-5", data[-5:])):
            headers, body = get(server, download.url, Range=f"bytes={byte_range}")
            assert (body, headers["Repr-Digest"], headers["Content-Digest"]) == (part, digest(data), digest(part))
        monkeypatch.setattr(files, "_SUMMED", 1000)
        headers, body = get(server, download.url, Range="bytes=0-1000")
        assert (body, headers["Repr-Digest"], headers["Content-Digest"]) == (data[:1001], digest(data), None)


def test_a_file_that_is_still_written_has_no_digest_yet(folder: Path) -> None:
    with serving(folder) as server:
        download = server.create(download_pb2.DownloadParams(image="a", format=download_pb2.FORMAT_NPY)).download_id
        headers, body = get(server, download.url)
        assert headers.get("Repr-Digest", digest(body)) == digest(body), "none, or that of the file"
        headers, _ = get(server, download.url)
        assert headers["Repr-Digest"] == digest(body)
