"""Tests of the contract of ArtifactStore. An implementation is added to ``place``."""

import asyncio
import hashlib
import os
import threading
import time
import urllib.request
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import BinaryIO

import google_crc32c
import obstore
import pytest

from effort import HANG
from rasterwire.errors import DownloadConflict, StorageUnavailable
from rasterwire.files.sources.objects import make_object_store
from rasterwire.files.sources.settings import SourceSettings
from rasterwire.store import Artifact, ArtifactStore, RemoteFile
from rasterwire.store.artifacts import FolderArtifactStore, StoredFile, move_old_files, remove_unfinished
from rasterwire.store.folder_artifact import FolderArtifact
from rasterwire.store.objects import Bucket, ObjectArtifact, ObjectArtifactStore
from seaweed import Seaweed

Open = Callable[[int], ArtifactStore]
OpenFolder = Callable[[int], FolderArtifactStore]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "not" / "made" / "yet"


@pytest.fixture
def reopen_folder(folder: Path) -> OpenFolder:
    """Return a function that opens the same folder again, with a size limit."""
    return lambda max_bytes: FolderArtifactStore(folder, max_bytes)


@dataclass(frozen=True, slots=True)
class Place:
    """Where the stores of a test keep their files.

    Attributes:
        open: opens another store, with a size limit.
        names: returns the names of what is kept, records of it left out.
    """

    open: Open
    names: Callable[[], list[str]]


def bucket_of(server: Seaweed, prefix: str = "") -> Bucket:
    keys = {"access_key_id": server.key, "secret_access_key": server.secret}
    settings = SourceSettings("s3://rendered/", endpoint=server.endpoint, region="us-east-1", credentials="env")
    store = make_object_store(settings, keys, "rendered")
    return Bucket(store, store, prefix, store)


@pytest.fixture(params=["folder", "objects"])
def place(request: pytest.FixtureRequest, folder: Path, reopen_folder: OpenFolder) -> Place:
    """Stores on one folder; or on one bucket, each as that of another server, with a folder of its own."""
    if request.param == "folder":
        return Place(reopen_folder, lambda: files(folder))
    bucket = bucket_of(request.getfixturevalue("object_server"), f"{uuid.uuid4().hex}/")
    obstore.put(bucket.patient, f"{bucket.prefix}makes-the-bucket", b"")
    folders = count()

    def names() -> list[str]:
        metas = [meta for page in obstore.list(bucket.patient, f"{bucket.prefix}files") for meta in page]
        return sorted(meta["path"].rsplit("/", 1)[1] for meta in metas)

    def reopen(max_bytes: int) -> ArtifactStore:
        own = FolderArtifactStore(folder / f"{next(folders)}", max_bytes)
        return ObjectArtifactStore(own, bucket)

    return Place(reopen, names)


@pytest.fixture
def reopen(place: Place) -> Open:
    """Return a function that opens the same store again, with a size limit."""
    return place.open


def bytes_of(artifact: Artifact) -> bytes:
    """Return the bytes of a file, and check what is known of it."""
    file = artifact.open()
    if isinstance(file, RemoteFile):
        data = asyncio.run(read_in_two(file, artifact.size))
    else:
        with file:
            data = file.read()
    assert (artifact.size, artifact.crc32c) == (len(data), google_crc32c.value(data))
    return data


async def read_in_two(file: RemoteFile, size: int) -> bytes:
    half = size // 2
    return b"".join(await asyncio.gather(file.read_range(0, half), file.read_range(half, size - half)))


def found(store: ArtifactStore, etag: str) -> bytes | None:
    artifact = store.find(etag)
    return None if artifact is None else bytes_of(artifact)


def test_an_address_gives_the_bytes_of_a_file_that_is_there_and_its_headers(reopen: Open) -> None:
    first, second = reopen(100), reopen(100)
    headers = {"Content-Type": "image/tiff", "Content-Disposition": 'attachment; filename="a.tif"'}
    for etag in ("e", "../e", ""):
        assert first.address(etag, 60) == ""
    first.make("e", content(b"123456789"), headers)
    for address in (first.address("e", 60), second.address("e", 60)):
        if not address:
            assert second.find("e") is not None, "stores on a folder share it, and have no addresses"
            continue
        with urllib.request.urlopen(address, timeout=HANG) as answer:
            assert answer.read() == b"123456789"
            assert headers.items() <= dict(answer.headers).items()


def content(data: bytes) -> Callable[[BinaryIO], None]:
    def write(file: BinaryIO) -> None:
        file.write(data)

    return write


def keep(store: FolderArtifactStore, etag: str, write: Callable[[BinaryIO], None]) -> FolderArtifact:
    """Make a file, and drop the files that exceed the limit."""
    artifact = store.make(etag, write)
    store.trim(etag)
    return artifact


def files(folder: Path) -> list[str]:
    """Return the names of the files in a folder and below."""
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def held(store: ArtifactStore, *etags: str) -> list[str]:
    """Return the etags that a store has, and mark their files as used."""
    return [etag for etag in etags if store.find(etag) is not None]


def test_a_made_file_is_found_with_its_size_and_checksum(reopen: Open) -> None:
    store, data = reopen(1 << 30), os.urandom(3_000_001)
    assert bytes_of(store.make("e-1_A", content(data))) == data
    assert found(store, "e-1_A") == found(reopen(1 << 30), "e-1_A") == data


def test_the_checksum_is_crc32c_of_the_whole_file(reopen: Open) -> None:
    # check value of CRC-32C in the catalogue of parametrised CRC algorithms
    assert reopen(100).make("e", content(b"123456789")).crc32c == 0xE3069283


def test_an_empty_file_is_kept(reopen: Open) -> None:
    store = reopen(0)
    artifact = store.make("e", content(b""))
    assert (artifact.size, artifact.crc32c) == (0, 0)
    assert found(store, "e") == found(reopen(0), "e") == b""


def test_a_writer_may_seek_and_read(reopen: Open) -> None:
    def write(file: BinaryIO) -> None:
        file.write(b"....tail")
        file.seek(4)
        assert file.read() == b"tail"
        file.seek(0)
        file.write(b"head")

    assert bytes_of(reopen(100).make("e", write)) == b"headtail"


def test_what_was_never_made_is_not_found(reopen: Open) -> None:
    store = reopen(100)
    store.make("ab", content(b"x"))
    assert held(store, "a", "abc", "AB", "b") == []


def test_files_survive_reopening(reopen: Open) -> None:
    reopen(100).make("e", content(b"kept"))
    assert found(reopen(100), "e") == b"kept"


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
def test_where_writing_fails_nothing_is_left(place: Place, error: BaseException) -> None:
    store = place.open(100)

    def write(file: BinaryIO) -> None:
        file.write(b"half")
        raise error

    with pytest.raises(type(error)) as raised:
        store.make("e", write)
    assert raised.value is error
    assert store.find("e") is None
    assert place.names() == []


def test_a_failed_attempt_leaves_the_file_that_was_there(reopen: Open) -> None:
    store = reopen(100)
    store.make("e", content(b"good"))
    with pytest.raises(ZeroDivisionError):
        store.make("e", lambda _: 1 // 0)  # type: ignore[arg-type]
    assert found(store, "e") == found(reopen(100), "e") == b"good"


def test_folder_the_least_recently_used_goes_first(reopen_folder: OpenFolder) -> None:
    store = reopen_folder(30)
    for etag in ("a", "b", "c"):
        keep(store, etag, content(b"0123456789"))
        time.sleep(0.02)
    assert held(store, "a") == ["a"]  # so b is the least recently used
    time.sleep(0.02)
    keep(store, "d", content(b"0123456789"))
    assert held(store, "b", "c", "a", "d") == ["c", "a", "d"]


def test_folder_no_more_goes_than_has_to(reopen_folder: OpenFolder) -> None:
    store = reopen_folder(30)
    for etag in ("a", "b", "c"):
        keep(store, etag, content(b"0123456789"))
        time.sleep(0.02)
    keep(store, "d", content(b"012345678901"))
    assert held(store, "a", "b", "c", "d") == ["c", "d"]


def test_folder_the_order_of_use_survives_reopening(reopen_folder: OpenFolder) -> None:
    store = reopen_folder(20)
    keep(store, "a", content(b"0123456789"))
    time.sleep(0.02)
    keep(store, "b", content(b"0123456789"))
    time.sleep(0.02)
    assert held(store, "a") == ["a"]
    time.sleep(0.02)
    again = reopen_folder(20)
    keep(again, "c", content(b"0123456789"))
    assert held(again, "a", "b", "c") == ["a", "c"]


def test_folder_the_newest_stays_even_where_it_alone_is_too_large(reopen_folder: OpenFolder) -> None:
    store = reopen_folder(10)
    keep(store, "small", content(b"12345"))
    keep(store, "large", content(bytes(1000)))
    assert held(store, "small", "large") == ["large"]
    keep(store, "next", content(b"1"))
    assert held(store, "large", "next") == ["next"]


def test_folder_a_held_file_stays_until_it_is_let_go(reopen_folder: OpenFolder) -> None:
    store = reopen_folder(100)
    with store.hold("a"), store.hold("a"):
        keep(store, "a", content(b"a" * 90))
        keep(store, "b", content(b"b" * 90))
        assert held(store, "a", "b") == ["a", "b"]
    keep(store, "c", content(b"c" * 90))
    assert held(store, "a", "b", "c") == ["c"]


def test_folder_a_reader_goes_on_after_its_file_was_dropped(reopen_folder: OpenFolder) -> None:
    store, data = reopen_folder(10), os.urandom(1000)
    with keep(store, "a", content(data)).path.open("rb") as reader:
        assert reader.read(10) == data[:10]
        keep(store, "b", content(b"1"))
        assert store.find("a") is None
        assert reader.read() == data[10:]


@pytest.mark.parametrize(
    "etag",
    ["", ".", "..", "../e", "a/b", "a.b", "a*", "?", "[a]", "a b", "a\n", "a\x00", "é", "x" * 129, "/etc/passwd"],
)
def test_an_odd_etag_is_refused(place: Place, etag: str) -> None:
    store = place.open(100)
    store.make("a", content(b"x"))
    before = place.names()
    with pytest.raises(ValueError, match="not an etag"):
        store.make(etag, content(b"y"))
    assert store.find(etag) is None
    assert place.names() == before


def test_the_longest_etag_fits(reopen: Open) -> None:
    store = reopen(100)
    store.make("x" * 128, content(b"y"))
    assert found(store, "x" * 128) == b"y"


def test_one_etag_made_by_many_threads_and_stores_at_once_is_one_file(place: Place) -> None:
    stores, barrier = [place.open(1 << 20) for _ in range(2)], threading.Barrier(8)

    def write(file: BinaryIO) -> None:
        barrier.wait()
        file.write(b"same")

    with ThreadPoolExecutor(8) as pool:
        artifacts = list(pool.map(lambda n: stores[n % 2].make("e", write), range(8)))
    assert {bytes_of(artifact) for artifact in artifacts} == {found(store, "e") for store in stores} == {b"same"}
    assert len(place.names()) == 1


def test_folder_the_last_content_of_an_etag_is_the_one_found(reopen_folder: OpenFolder, folder: Path) -> None:
    store = reopen_folder(100)
    for data in (b"first", b"2nd", b"the third"):
        artifact = store.make("e", content(data))
        assert store.find("e") == artifact
    assert len(files(folder)) == 1


def test_folder_the_limit_holds_under_many_threads(reopen_folder: OpenFolder, folder: Path) -> None:
    store = reopen_folder(50)

    def use(index: int) -> None:
        keep(store, f"e{index % 13}", content(bytes(10)))
        store.find(f"e{index % 7}")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(use, range(200)))
    assert 30 <= sum(path.stat().st_size for path in folder.rglob("e?*.*") if path.is_file()) <= 50


def test_folder_a_new_file_costs_no_look_at_all_others(
    reopen_folder: OpenFolder, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, looks, names = reopen_folder(20_000), list[int](), list[int]()
    list_files, list_names = FolderArtifactStore.files, os.listdir

    def counted(self: FolderArtifactStore) -> list[StoredFile]:
        files = list_files(self)
        looks.append(len(files))
        return files

    def listed(path: Path) -> list[str]:
        found = list_names(path)
        names.append(len(found))
        return found

    monkeypatch.setattr(FolderArtifactStore, "files", counted)
    for number in range(3000):
        keep(store, hashlib.sha256(f"{number}".encode()).hexdigest()[:32], content(bytes(10)))
    assert 1700 < len(files(folder)) - len(list((folder / ".dropped").iterdir())) <= 2000 + 2000 // 64
    assert 10 < len(looks) < 100
    monkeypatch.setattr(os, "listdir", listed)
    assert store.find(hashlib.sha256(b"2999").hexdigest()[:32]) is not None
    assert len(names) == 1
    assert names[0] < 60, "one folder of 256"


def test_folder_files_of_an_older_server_are_found(reopen_folder: OpenFolder, folder: Path) -> None:
    artifact = reopen_folder(100).make("etag", content(b"123456789"))
    artifact.path.rename(folder / artifact.path.name)
    artifact.path.parent.rmdir()
    assert reopen_folder(100).find("etag") is None
    move_old_files(folder)
    assert reopen_folder(100).find("etag") == artifact


@pytest.mark.parametrize("change", [-1, 1, -9])
def test_folder_drops_a_file_of_another_size_than_its_name_tells(
    reopen_folder: OpenFolder, folder: Path, change: int
) -> None:
    artifact = reopen_folder(100).make("e", content(b"123456789"))
    os.truncate(artifact.path, artifact.size + change)
    store = reopen_folder(100)
    assert store.find("e") is None
    assert not artifact.path.exists()
    assert store.make("e", content(b"123456789")) == store.find("e")


def test_folder_removes_what_a_killed_process_left_unfinished_and_nothing_else(
    reopen_folder: OpenFolder, folder: Path
) -> None:
    reopen_folder(100).make("e", content(b"whole"))
    removed: list[Path] = []

    def write(file: BinaryIO) -> None:
        file.write(b"half")
        file.flush()
        removed.extend(path for path in folder.iterdir() if path.is_file())
        os.link(removed[0], removed[0].with_name(removed[0].name + "0"))  # it stays on the disk, as after kill -9

    reopen_folder(100).make("f", write)
    (folder / "notes.txt").write_text("of somebody else")
    assert len(files(folder)) == 4
    store = reopen_folder(100)
    remove_unfinished(folder, os.getpid() + 1)
    assert len(files(folder)) == 4
    remove_unfinished(folder, os.getpid())
    assert held(store, "e", "f") == ["e", "f"]
    assert len(files(folder)) == 3
    assert (folder / "notes.txt").exists()


@pytest.fixture
def objects(request: pytest.FixtureRequest, folder: Path) -> Callable[[str], ObjectArtifactStore]:
    """Return a function that opens a store over one bucket, with the folder of a server by its name."""
    server: Seaweed = request.getfixturevalue("object_server")
    bucket = bucket_of(server, f"{uuid.uuid4().hex}/")
    return lambda name: ObjectArtifactStore(FolderArtifactStore(folder / name, 1 << 30), bucket)


def test_objects_refuse_other_bytes_of_an_etag(objects: Callable[[str], ObjectArtifactStore]) -> None:
    first, second = objects("a"), objects("b")
    first.make("e", content(b"first"))
    with pytest.raises(DownloadConflict, match="other bytes"):
        second.make("e", content(b"2nd"))
    assert found(first, "e") == found(second, "e") == b"first"


def test_objects_that_a_rule_of_the_bucket_removed_are_made_again_with_the_same_bytes(
    objects: Callable[[str], ObjectArtifactStore],
) -> None:
    first = objects("a")
    first.make("e", content(b"first"))
    artifact = objects("b").find("e")
    assert isinstance(artifact, ObjectArtifact)
    obstore.delete(artifact.bucket.patient, artifact.key)
    with pytest.raises(StorageUnavailable):  # of a reader that is at it
        bytes_of(artifact)
    second = objects("b")
    assert second.find("e") is None
    with pytest.raises(DownloadConflict):
        second.make("e", content(b"other"))
    second.make("e", content(b"first"))
    assert found(objects("c"), "e") == b"first"


def test_objects_whose_record_is_damaged_are_found_and_recorded_again(
    objects: Callable[[str], ObjectArtifactStore],
) -> None:
    first = objects("a")
    for etag in ("d", "e", "ee", "f"):
        first.make(etag, content(f"of {etag}".encode()))
    artifact = objects("b").find("e")
    assert isinstance(artifact, ObjectArtifact)
    bucket = artifact.bucket
    key = f"{bucket.prefix}etags/e"
    record = bytes(obstore.get(bucket.prompt, key).bytes())
    for damaged in (b"", record[:-1], b"x" * 100):
        obstore.put(bucket.prompt, key, damaged)
        assert objects("c").find("e") == artifact
        assert bytes(obstore.get(bucket.prompt, key).bytes()) == record
    obstore.put(bucket.prompt, key, b"damaged")
    with pytest.raises(DownloadConflict):
        objects("d").make("e", content(b"other"))
    assert found(objects("c"), "e") == b"of e"
    obstore.delete(bucket.patient, artifact.key)
    obstore.put(bucket.prompt, key, b"damaged")
    assert objects("c").find("e") is None
    objects("f").make("e", content(b"of e"))
    assert found(objects("c"), "e") == b"of e"


def test_objects_of_this_server_are_read_from_its_folder(objects: Callable[[str], ObjectArtifactStore]) -> None:
    store = objects("a")
    made = store.make("e", content(b"own"))
    assert isinstance(made, FolderArtifact)
    assert store.find("e") == made
    assert isinstance(objects("b").find("e"), ObjectArtifact)


def test_a_large_object_is_sent_in_parts(objects: Callable[[str], ObjectArtifactStore]) -> None:
    data = os.urandom((20 << 20) + 1)
    objects("a").make("e", content(data))
    assert found(objects("b"), "e") == data


def test_an_object_store_that_is_away_is_told_as_passing(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = ObjectArtifactStore(FolderArtifactStore(folder, 100), bucket_of(Seaweed("http://127.0.0.1:1")))
    with pytest.raises(StorageUnavailable) as told:
        store.find("e")
    assert "127.0.0.1" not in str(told.value)
    with pytest.raises(StorageUnavailable):
        store.make("e", content(b"x"))
    assert files(folder) == []
    assert "testsecret" not in caplog.text
