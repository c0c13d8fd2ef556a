"""Tests of the contract of ArtifactStore. An implementation is added with a line in ``stores``."""

import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO

import google_crc32c
import pytest

from rasterwire.store import Artifact, ArtifactStore
from rasterwire.store.artifacts import FolderArtifactStore, remove_unfinished

Open = Callable[[int], ArtifactStore]

stores: dict[str, Callable[[Path, int], ArtifactStore]] = {"folder": FolderArtifactStore}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "not" / "made" / "yet"


@pytest.fixture(params=stores)
def reopen(request: pytest.FixtureRequest, folder: Path) -> Open:
    """Return a function that opens the same store again, with a size limit."""
    return lambda max_bytes: stores[request.param](folder, max_bytes)


def content(data: bytes) -> Callable[[BinaryIO], None]:
    def write(file: BinaryIO) -> None:
        file.write(data)

    return write


def keep(store: ArtifactStore, etag: str, write: Callable[[BinaryIO], None]) -> Artifact:
    """Make a file, and drop the files that exceed the limit."""
    artifact = store.make(etag, write)
    store.trim(artifact)
    return artifact


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def held(store: ArtifactStore, *etags: str) -> list[str]:
    """Return the etags that a store has, and mark their files as used."""
    return [etag for etag in etags if store.find(etag) is not None]


def test_a_made_file_is_found_with_its_size_and_checksum(reopen: Open) -> None:
    store, data = reopen(1 << 30), os.urandom(3_000_001)
    artifact = store.make("e-1_A", content(data))
    assert store.find("e-1_A") == artifact
    assert artifact.path.read_bytes() == data
    assert (artifact.size, artifact.crc32c) == (len(data), google_crc32c.value(data))


def test_the_checksum_is_crc32c_of_the_whole_file(reopen: Open) -> None:
    # check value of CRC-32C in the catalogue of parametrised CRC algorithms
    assert reopen(100).make("e", content(b"123456789")).crc32c == 0xE3069283


def test_an_empty_file_is_kept(reopen: Open) -> None:
    store = reopen(0)
    artifact = store.make("e", content(b""))
    assert (artifact.size, artifact.crc32c) == (0, 0)
    assert store.find("e") == artifact


def test_a_writer_may_seek_and_read(reopen: Open) -> None:
    def write(file: BinaryIO) -> None:
        file.write(b"....tail")
        file.seek(4)
        assert file.read() == b"tail"
        file.seek(0)
        file.write(b"head")

    assert reopen(100).make("e", write).path.read_bytes() == b"headtail"


def test_what_was_never_made_is_not_found(reopen: Open) -> None:
    store = reopen(100)
    store.make("ab", content(b"x"))
    assert held(store, "a", "abc", "AB", "b") == []


def test_files_survive_reopening(reopen: Open) -> None:
    artifact = reopen(100).make("e", content(b"kept"))
    assert reopen(100).find("e") == artifact


def test_a_file_is_found_only_when_it_is_complete(reopen: Open) -> None:
    store = reopen(100)

    def write(file: BinaryIO) -> None:
        file.write(b"half")
        file.flush()
        assert store.find("e") is None
        file.write(b" and half")

    assert store.make("e", write).size == 13
    assert held(store, "e") == ["e"]


@pytest.mark.parametrize("error", [RuntimeError("of the writer"), KeyboardInterrupt()])
def test_where_writing_fails_nothing_is_left(reopen: Open, folder: Path, error: BaseException) -> None:
    store = reopen(100)

    def write(file: BinaryIO) -> None:
        file.write(b"half")
        raise error

    with pytest.raises(type(error)) as raised:
        store.make("e", write)
    assert raised.value is error
    assert store.find("e") is None
    assert files(folder) == []


def test_a_failed_attempt_leaves_the_file_that_was_there(reopen: Open) -> None:
    store = reopen(100)
    artifact = store.make("e", content(b"good"))
    with pytest.raises(ZeroDivisionError):
        store.make("e", lambda _: 1 // 0)  # type: ignore[arg-type]
    assert store.find("e") == artifact
    assert artifact.path.read_bytes() == b"good"


def test_the_least_recently_used_goes_first(reopen: Open) -> None:
    store = reopen(30)
    for etag in ("a", "b", "c"):
        keep(store, etag, content(b"0123456789"))
        time.sleep(0.02)
    assert held(store, "a") == ["a"]  # so b is the least recently used
    time.sleep(0.02)
    keep(store, "d", content(b"0123456789"))
    assert held(store, "b", "c", "a", "d") == ["c", "a", "d"]


def test_no_more_goes_than_has_to(reopen: Open) -> None:
    store = reopen(30)
    for etag in ("a", "b", "c"):
        keep(store, etag, content(b"0123456789"))
        time.sleep(0.02)
    keep(store, "d", content(b"012345678901"))
    assert held(store, "a", "b", "c", "d") == ["c", "d"]


def test_the_order_of_use_survives_reopening(reopen: Open) -> None:
    store = reopen(20)
    keep(store, "a", content(b"0123456789"))
    time.sleep(0.02)
    keep(store, "b", content(b"0123456789"))
    time.sleep(0.02)
    assert held(store, "a") == ["a"]
    time.sleep(0.02)
    again = reopen(20)
    keep(again, "c", content(b"0123456789"))
    assert held(again, "a", "b", "c") == ["a", "c"]


def test_the_newest_stays_even_where_it_alone_is_too_large(reopen: Open) -> None:
    store = reopen(10)
    keep(store, "small", content(b"12345"))
    keep(store, "large", content(bytes(1000)))
    assert held(store, "small", "large") == ["large"]
    keep(store, "next", content(b"1"))
    assert held(store, "large", "next") == ["next"]


def test_a_held_file_stays_until_it_is_let_go(reopen: Open) -> None:
    store = reopen(100)
    with store.hold("a"), store.hold("a"):
        keep(store, "a", content(b"a" * 90))
        keep(store, "b", content(b"b" * 90))
        assert held(store, "a", "b") == ["a", "b"]
    keep(store, "c", content(b"c" * 90))
    assert held(store, "a", "b", "c") == ["c"]


def test_a_reader_goes_on_after_its_file_was_dropped(reopen: Open) -> None:
    store, data = reopen(10), os.urandom(1000)
    with keep(store, "a", content(data)).path.open("rb") as reader:
        assert reader.read(10) == data[:10]
        keep(store, "b", content(b"1"))
        assert store.find("a") is None
        assert reader.read() == data[10:]


@pytest.mark.parametrize(
    "etag",
    ["", ".", "..", "../e", "a/b", "a.b", "a*", "?", "[a]", "a b", "a\n", "a\x00", "é", "x" * 129, "/etc/passwd"],
)
def test_an_odd_etag_is_refused(reopen: Open, folder: Path, etag: str) -> None:
    store = reopen(100)
    store.make("a", content(b"x"))
    before = files(folder)
    with pytest.raises(ValueError, match="not an etag"):
        store.make(etag, content(b"y"))
    assert store.find(etag) is None
    assert files(folder) == before


def test_the_longest_etag_fits(reopen: Open) -> None:
    store = reopen(100)
    assert store.make("x" * 128, content(b"y")) == store.find("x" * 128)


def test_one_etag_made_by_many_threads_at_once_is_one_file(reopen: Open, folder: Path) -> None:
    store, barrier = reopen(1 << 20), threading.Barrier(8)

    def write(file: BinaryIO) -> None:
        barrier.wait()
        file.write(b"same")

    with ThreadPoolExecutor(8) as pool:
        artifacts = list(pool.map(lambda _: store.make("e", write), range(8)))
    assert set(artifacts) == {store.find("e")}
    assert len(files(folder)) == 1


def test_the_last_content_of_an_etag_is_the_one_found(reopen: Open, folder: Path) -> None:
    store = reopen(100)
    for data in (b"first", b"2nd", b"the third"):
        artifact = store.make("e", content(data))
        assert store.find("e") == artifact
    assert len(files(folder)) == 1


def test_the_limit_holds_under_many_threads(reopen: Open, folder: Path) -> None:
    store = reopen(50)

    def use(index: int) -> None:
        keep(store, f"e{index % 13}", content(bytes(10)))
        store.find(f"e{index % 7}")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(use, range(200)))
    assert sum(path.stat().st_size for path in folder.iterdir() if path.is_file()) <= 50


@pytest.mark.parametrize("change", [-1, 1, -9])
def test_folder_drops_a_file_of_another_size_than_its_name_tells(reopen: Open, folder: Path, change: int) -> None:
    artifact = reopen(100).make("e", content(b"123456789"))
    os.truncate(artifact.path, artifact.size + change)
    store = reopen(100)
    assert store.find("e") is None
    assert not artifact.path.exists()
    assert store.make("e", content(b"123456789")) == store.find("e")


def test_folder_removes_what_a_killed_process_left_unfinished_and_nothing_else(reopen: Open, folder: Path) -> None:
    artifact = reopen(100).make("e", content(b"whole"))
    removed: list[Path] = []

    def write(file: BinaryIO) -> None:
        file.write(b"half")
        file.flush()
        removed.extend(path for path in folder.iterdir() if path != artifact.path)
        os.link(removed[0], removed[0].with_name(removed[0].name + "0"))  # it stays on the disk, as after kill -9

    reopen(100).make("f", write)
    (folder / "notes.txt").write_text("of somebody else")
    assert len(files(folder)) == 4
    store = reopen(100)
    remove_unfinished(folder, os.getpid() + 1)
    assert len(files(folder)) == 4
    remove_unfinished(folder, os.getpid())
    assert held(store, "e", "f") == ["e", "f"]
    assert len(files(folder)) == 3
    assert (folder / "notes.txt").exists()
