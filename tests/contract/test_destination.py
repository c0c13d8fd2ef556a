"""Tests of the contract of Destination. An implementation is added to ``destination``."""

import os
import pickle
import random
import stat
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from itertools import count
from pathlib import Path

import google_crc32c
import numpy as np
import pytest
import rasterio
from rio_cogeo.cogeo import cog_validate

import rasterwire.export.cog_part as of_part
import rasterwire.export.parted_cog as of_cog
from cases import every
from parted import made_parts
from rasterwire.errors import StorageUnavailable
from rasterwire.export.destination import AlreadyExists, Destination, UnknownUpload, check_prefix, key_names
from rasterwire.export.folder_destination import FolderDestination
from rasterwire.export.s3_destination import S3Destination
from rasterwire.export.upload import upload_file
from rasterwire.files.sources.settings import SourceSettings
from rasterwire.request import Encoding
from seaweed import Seaweed
from test_encode import expected, made_up, raster

_buckets = count()


@pytest.fixture(params=["folder", "bucket"])
def destination(request: pytest.FixtureRequest, tmp_path: Path) -> Destination:
    if request.param == "folder":
        return FolderDestination(tmp_path / "not" / "made" / "yet")
    return bucket_of(request.getfixturevalue("object_server"), tmp_path)


def bucket_of(server: Seaweed, folder: Path) -> S3Destination:
    """Return a new bucket."""
    pytest.importorskip("botocore", reason="botocore is not installed; the extra export has it")
    keys = folder / "keys"
    keys.write_text(f"[default]\naws_access_key_id = {server.key}\naws_secret_access_key = {server.secret}\n")
    name = f"exports{next(_buckets)}"
    bucket = S3Destination(SourceSettings(f"s3://{name}/some/prefix/", endpoint=server.endpoint, credentials=str(keys)))
    bucket._client.create_bucket(Bucket=name)
    return bucket


def parts_of(destination: Destination, number: int) -> dict[int, bytes]:
    """Return parts with gaps in their numbers; the last one is small."""
    random_bytes = random.Random(7).randbytes
    least = destination.least_part_bytes
    return {2 * index + 1: random_bytes(least + index if index + 1 < number else 3) for index in range(number)}


def put(destination: Destination, key: str, upload: str, parts: dict[int, bytes]) -> list[tuple[int, str]]:
    """Store parts, the last one first; return their numbers and etags, rising."""
    return sorted((n, destination.put_part(key, upload, n, parts[n])) for n in sorted(parts, reverse=True))


def test_parts_in_any_order_from_any_process_become_one_object(destination: Destination) -> None:
    parts = parts_of(destination, 3)
    upload = destination.begin("a/b.tif", {"Content-Type": "image/tiff"})
    other = pickle.loads(pickle.dumps(destination))
    listed = [
        *put(other, "a/b.tif", upload, {3: parts[3]}),
        *put(destination, "a/b.tif", upload, {1: parts[1], 5: parts[5]}),
    ]
    with pytest.raises(FileNotFoundError):
        destination.get("a/b.tif")
    other.finish("a/b.tif", upload, sorted(listed))
    assert destination.get("a/b.tif") == b"".join(parts.values())


def test_a_part_that_is_stored_again_replaces_the_first(destination: Destination) -> None:
    parts = parts_of(destination, 2)
    upload = destination.begin("x", {})
    put(destination, "x", upload, {1: parts[1][::-1] + b"longer", 3: b"other"})
    destination.finish("x", upload, put(destination, "x", upload, parts))
    assert destination.get("x") == b"".join(parts.values())


def test_equal_parts_have_equal_etags(destination: Destination) -> None:
    upload = destination.begin("x", {})
    first, again = (destination.put_part("x", upload, 1, b"equal") for _ in range(2))
    assert first == again != destination.put_part("x", upload, 1, b"other")


def test_parts_that_are_not_listed_are_dropped(destination: Destination) -> None:
    parts = parts_of(destination, 2)
    upload = destination.begin("x", {})
    listed = put(destination, "x", upload, parts)
    destination.put_part("x", upload, 4, b"dropped")
    destination.finish("x", upload, listed)
    assert destination.get("x") == b"".join(parts.values())


def test_an_object_is_not_replaced_unless_asked(destination: Destination) -> None:
    parts = parts_of(destination, 2)
    early = destination.begin("x", {})
    listed = put(destination, "x", early, parts)
    destination.put("x", b"here first")
    with pytest.raises(AlreadyExists, match="x exists already; choose another name"):
        destination.begin("x", {})
    with pytest.raises(AlreadyExists):
        destination.finish("x", early, listed)
    with pytest.raises(AlreadyExists):
        destination.put("x", b"here second")
    assert destination.get("x") == b"here first"
    destination.finish("x", early, listed, replace=True)
    assert destination.get("x") == b"".join(parts.values())
    destination.put("x", b"again", replace=True)
    late = destination.begin("x", {}, replace=True)
    destination.finish("x", late, put(destination, "x", late, parts), replace=True)
    assert destination.get("x") == b"".join(parts.values())


def test_who_finishes_twice_is_told_the_same(destination: Destination) -> None:
    upload = destination.begin("x", {})
    listed = put(destination, "x", upload, parts_of(destination, 2))
    for _ in range(2):  # as after an answer that was lost
        destination.finish("x", upload, listed)
    with pytest.raises((AlreadyExists, UnknownUpload)):
        destination.finish("x", upload, listed[:1])


def test_a_file_of_the_same_bytes_is_another_s(destination: Destination) -> None:
    parts = parts_of(destination, 2)
    first, second = destination.begin("x", {}), destination.begin("x", {})
    of_first, of_second = (put(destination, "x", upload, parts) for upload in (first, second))
    destination.finish("x", first, of_first)
    for _ in range(2):
        with pytest.raises(AlreadyExists):
            destination.finish("x", second, of_second)
    destination.finish("x", first, of_first)
    destination.abort("x", second)
    assert destination.get("x") == b"".join(parts.values())


def test_uploads_that_have_not_ended_are_listed(destination: Destination) -> None:
    assert not destination.uploads("")
    begun = {(key, destination.begin(key, {})) for key in ("a/x.tif", "a/x.tif", "a/xy.tif", "b/x.tif")}
    assert {*destination.uploads("a/x")} == {(key, upload) for key, upload in begun if key.startswith("a/x")}
    assert {*destination.uploads("")} == begun
    assert not destination.uploads("", least_age=3600)
    for key, upload in begun:
        if key.startswith("a/"):
            destination.abort(key, upload)
    assert not destination.uploads("a/")
    ((key, upload),) = destination.uploads("b/")
    destination.finish(key, upload, put(destination, key, upload, parts_of(destination, 1)))
    assert not destination.uploads("")


def test_a_bucket_whose_etags_are_of_another_kind_says_that_an_upload_is_gone(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = bucket_of(request.getfixturevalue("object_server"), tmp_path)
    monkeypatch.setattr("rasterwire.export.s3_destination._etag_of_parts", lambda _: '"of a key"')
    parts = parts_of(bucket, 2)
    upload = bucket.begin("x", {})
    listed = put(bucket, "x", upload, parts)
    bucket.finish("x", upload, listed)
    with pytest.raises(UnknownUpload):
        bucket.finish("x", upload, listed)
    whole = b"".join(parts.values())
    assert bucket.holds("x", len(whole), google_crc32c.value(whole))


def test_small_and_large_files_of_a_bucket_have_the_media_type_that_their_writer_names(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    bucket = bucket_of(request.getfixturevalue("object_server"), tmp_path)
    for key, size in (("small.xyz", 10), ("large.xyz", 17 << 20)):
        upload_file(bucket, key, BytesIO(bytes(size)), lambda _: None, media_type="image/tiff", replace=False)
        assert bucket._client.head_object(**bucket._place(key))["ContentType"] == "image/tiff"


def test_an_upload_that_lacks_a_part_is_not_finished(destination: Destination) -> None:
    parts = parts_of(destination, 2)
    upload = destination.begin("x", {})
    listed = put(destination, "x", upload, parts)
    with pytest.raises(UnknownUpload, match="the upload of x is gone, or lacks a part; begin it again"):
        destination.finish("x", upload, [listed[0], (9, listed[1][1])])
    destination.put_part("x", upload, 3, b"of another attempt")
    destination.finish("x", upload, put(destination, "x", upload, parts))


def test_an_object_is_known_by_its_size_and_checksum(destination: Destination) -> None:
    data = random.Random(1).randbytes(3 << 20)
    destination.put("a/x", data)
    checksum = google_crc32c.value(data)
    assert destination.holds("a/x", len(data), checksum)
    assert not destination.holds("a/x", len(data), checksum ^ 1)
    assert not destination.holds("a/x", len(data) - 1, checksum)
    assert destination.has("a/x")
    for key in ("a", "y", "a/x/y"):
        assert not destination.holds(key, len(data), checksum)
        assert not destination.has(key)


def test_nothing_is_left_of_an_upload_that_is_aborted(destination: Destination) -> None:
    upload = destination.begin("x", {})
    listed = put(destination, "x", upload, parts_of(destination, 2))
    for _ in range(2):
        destination.abort("x", upload)
    with pytest.raises(UnknownUpload):
        destination.put_part("x", upload, 1, b"late")
    with pytest.raises(UnknownUpload):
        destination.finish("x", upload, listed)
    with pytest.raises(FileNotFoundError):
        destination.get("x")
    destination.abort("x", "no such upload")


def test_an_upload_is_of_one_key(destination: Destination) -> None:
    upload = destination.begin("x", {})
    with pytest.raises(UnknownUpload):
        destination.put_part("y", upload, 1, b"of another key")


def test_small_objects_are_stored_read_and_removed(destination: Destination) -> None:
    destination.put("deep/er/x", b"")
    destination.put("deep/y", b"\0y" * 100)
    assert (destination.get("deep/er/x"), destination.get("deep/y")) == (b"", b"\0y" * 100)
    for _ in range(2):
        destination.delete("deep/er/x")
    with pytest.raises(FileNotFoundError):
        destination.get("deep/er/x")
    assert destination.get("deep/y")


def test_one_of_many_that_put_at_once_is_first(destination: Destination) -> None:
    def attempt(number: int) -> int:
        try:
            destination.put("folder/x", b"%d" % number)
        except AlreadyExists:
            return -1
        return number

    with ThreadPoolExecutor(8) as threads:
        (winner,) = {*threads.map(attempt, range(8))} - {-1}
    assert destination.get("folder/x") == b"%d" % winner


@every("key", ["", "/x", "x/", "a//b", "..", "a/../b", ".uploads/x", "a\0", "a\\b", "x" * 201, "x/" * 300 + "x"])
def test_what_is_no_key_is_refused(tmp_path: Path, key: str) -> None:
    destination = FolderDestination(tmp_path / "exports")
    for call in (destination.get, lambda key: destination.put(key, b""), lambda key: destination.begin(key, {})):
        with pytest.raises(ValueError, match="is no name of an export"):
            call(key)
    destination.delete(key)  # it is not there
    assert not [*tmp_path.iterdir()]


@every("replace", [False, True])
@every(("there", "key"), [("x.tif", "x.tif/y"), ("x.tif", "x.tif/y/z"), ("x/y", "x")])
def test_what_has_files_in_its_way_exists_already(tmp_path: Path, there: str, key: str, replace: bool) -> None:
    destination = FolderDestination(tmp_path)
    upload = destination.begin(key, {})
    listed = put(destination, key, upload, parts_of(destination, 2))
    destination.put(there, b"here first")
    with pytest.raises(AlreadyExists):
        destination.begin(key, {}, replace=replace)
    with pytest.raises(AlreadyExists):
        destination.put(key, b"late", replace=replace)
    with pytest.raises(AlreadyExists):
        destination.finish(key, upload, listed, replace=replace)
    destination.abort(key, upload)
    with pytest.raises(UnknownUpload):
        destination.finish(key, upload, listed, replace=replace)
    with pytest.raises(FileNotFoundError):
        destination.get(key)
    destination.delete(key)
    assert destination.get(there) == b"here first"


@every("prefix", ["a" * 152, "b" * 200 + "/" + "a" * 152, "é" * 76, "a/" * 200 + "a" * 64])
def test_what_follows_the_longest_prefix_makes_keys(prefix: str) -> None:
    check_prefix(prefix)
    for suffix in (f".tif.{'0' * 32}.10000", "-0000000000-0000000000.tif", ".provenance.json"):
        key_names(prefix + suffix)
    with pytest.raises(ValueError, match="is too long: with the name of the tenant write at most 464 bytes"):
        check_prefix(prefix + "a")


def test_nothing_is_removed_of_a_bucket_where_a_key_is_none(tmp_path: Path) -> None:
    pytest.importorskip("botocore", reason="botocore is not installed; the extra export has it")
    (tmp_path / "keys").write_text("[default]\naws_access_key_id = k\naws_secret_access_key = s\n")
    gone = SourceSettings("s3://x/", endpoint="http://127.0.0.1:1", credentials=str(tmp_path / "keys"))
    S3Destination(gone).delete("a//b")


def test_what_is_exported_is_readable_as_the_umask_says_and_what_is_on_its_way_to_nobody(tmp_path: Path) -> None:
    folder = tmp_path / "exports"
    destination = FolderDestination(folder)
    before = os.umask(0o027)
    try:
        upload = destination.begin("a/b/x", {})
        listed = [(1, destination.put_part("a/b/x", upload, 1, b"1"))]
        parts = {stat.S_IMODE(path.stat().st_mode) for path in folder.rglob("*") if path.is_file()}
        destination.finish("a/b/x", upload, listed)
        destination.put("a/b/y", b"2")
    finally:
        os.umask(before)
    assert parts == {0o600}
    assert {stat.S_IMODE((folder / name).stat().st_mode) for name in ("a/b/x", "a/b/y")} == {0o640}
    assert {stat.S_IMODE((folder / name).stat().st_mode) for name in ("", "a", "a/b")} == {0o750}
    assert stat.S_IMODE((folder / ".uploads").stat().st_mode) == 0o700
    destination.delete("a/b/y")
    destination.delete("a/b/x")
    assert [path.name for path in (tmp_path / "exports").rglob("*")] == [".uploads"]


def test_who_was_killed_behind_the_rename_finishes_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    destination = FolderDestination(tmp_path)
    upload = destination.begin("x", {})
    entries = put(destination, "x", upload, parts_of(destination, 2))
    with monkeypatch.context() as patch:
        patch.setattr(FolderDestination, "_remove", lambda self, folder: None)
        destination.finish("x", upload, entries)
    assert [*(tmp_path / ".uploads").iterdir()]
    with pytest.raises(AlreadyExists):
        destination.finish("x", upload, entries[:1])
    destination.finish("x", upload, entries)
    assert not [*(tmp_path / ".uploads").iterdir()]


@pytest.fixture
def unreachable(tmp_path: Path) -> list[Destination]:
    """Return destinations that cannot be used."""
    (tmp_path / "file").write_bytes(b"")
    pytest.importorskip("botocore", reason="botocore is not installed; the extra export has it")
    (tmp_path / "keys").write_text("[default]\naws_access_key_id = k\naws_secret_access_key = s\n")
    gone = SourceSettings("s3://x/", endpoint="http://127.0.0.1:1", credentials=str(tmp_path / "keys"))
    return [FolderDestination(tmp_path / "file" / "exports"), S3Destination(gone)]


def test_what_cannot_be_reached_is_told_without_an_address(unreachable: list[Destination]) -> None:
    for destination in unreachable:
        with pytest.raises(StorageUnavailable) as told:
            destination.put("x", b"1")
        assert not {"127.0.0.1", "file"} & {*str(told.value).replace("/", " ").split()}


@every("kind", [AlreadyExists, UnknownUpload])
def test_errors_have_the_same_words_in_another_process(kind: type[AlreadyExists | UnknownUpload]) -> None:
    error = pickle.loads(pickle.dumps(kind("a/b.tif")))
    assert (type(error), str(error)) == (kind, str(kind("a/b.tif")))


def test_headers_and_refusals_of_a_bucket(object_server: Seaweed, tmp_path: Path) -> None:
    bucket = bucket_of(object_server, tmp_path)
    upload = bucket.begin("x.tif", {"content-type": "image/tiff", "Content-Disposition": "attachment"})
    bucket.finish("x.tif", upload, [(1, bucket.put_part("x.tif", upload, 1, b"1"))])
    head = bucket._client.head_object(**bucket._place("x.tif"))
    assert (head["ContentType"], head["ContentDisposition"]) == ("image/tiff", "attachment")
    assert bucket._place("x.tif")["Key"] == "some/prefix/x.tif"
    (tmp_path / "keys").write_text("[default]\naws_access_key_id = testkey\naws_secret_access_key = wrong\n")
    other = pickle.loads(pickle.dumps(bucket))
    with pytest.raises(StorageUnavailable):
        other.get("x.tif")


def test_a_server_without_conditions_is_asked_before(tmp_path: Path) -> None:
    stub = pytest.importorskip("botocore.stub", reason="botocore is not installed; the extra export has it")
    (tmp_path / "keys").write_text("[default]\naws_access_key_id = k\naws_secret_access_key = s\n")
    bucket = S3Destination(SourceSettings("s3://x/", endpoint="http://127.0.0.1:1", credentials=str(tmp_path / "keys")))
    with stub.Stubber(bucket._client) as server:
        server.add_client_error("put_object", "NotImplemented", http_status_code=501)
        server.add_client_error("head_object", "404", http_status_code=404)
        server.add_response("put_object", {"ETag": '"1"'})
        bucket.put("x", b"1")
        server.add_client_error("complete_multipart_upload", "NotImplemented", http_status_code=501)
        server.add_response("head_object", {"ETag": '"of others"'})
        server.add_response("list_parts", {"UploadId": "upload"})
        with pytest.raises(AlreadyExists):
            bucket.finish("x", "upload", [(1, '"79b281060d337b9b2b84ccf390adcf74"')])
        server.assert_no_pending_responses()


def test_a_file_in_parts_is_read_from_a_bucket(
    object_server: Seaweed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(of_cog, "_TILE", 64)
    monkeypatch.setattr(of_cog, "_PART_BYTES", 1)
    monkeypatch.setattr(of_part, "render_block", lambda raster, window: next(made_up(raster, [window])))
    bucket, raster_plan = bucket_of(object_server, tmp_path), raster(2300, 1500, mask=True)
    cog = of_cog.PartedCog(raster_plan, Encoding(cloud_optimized=True), bucket.least_part_bytes)
    made = made_parts(cog, cog.parts[::-1])
    assert len(made) == 2
    upload = bucket.begin("a.tif", {"Content-Type": "image/tiff"})
    etags = [(number, bucket.put_part("a.tif", upload, number, part.data)) for number, part in made.items()]
    head = cog.head({number: part.summary for number, part in made.items()}, lambda number: made[number].reduced)
    etags.append((1, bucket.put_part("a.tif", upload, 1, head)))
    bucket.finish("a.tif", upload, sorted(etags))
    settings = {
        "AWS_S3_ENDPOINT": object_server.endpoint.partition("://")[2],
        "AWS_HTTPS": "NO",
        "AWS_VIRTUAL_HOSTING": "FALSE",
        "AWS_ACCESS_KEY_ID": object_server.key,
        "AWS_SECRET_ACCESS_KEY": object_server.secret,
        "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    path = f"/vsis3/{bucket._bucket}/some/prefix/a.tif"
    assert cog_validate(path, strict=True, quiet=True) == (True, [], [])
    with rasterio.open(path) as file:
        assert np.array_equal(file.read(1), expected(raster_plan))
