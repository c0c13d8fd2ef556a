"""Every error has a status, can be sent between processes, and has a sentence as its message."""

import copy
import errno
import os
import pickle
import sqlite3
import urllib.parse
import weakref
from collections.abc import Callable
from pathlib import Path

import pytest

from cases import every
from rasterwire import errors
from rasterwire.files.raster_file import open_raster
from rasterwire.server.messages.status import HTTP_STATUS, STATUS, http_answer, http_headers, status_of
from rasterwire.server.settings import BadSettings

EXAMPLES: dict[type[errors.DownloadError], errors.DownloadError] = {
    errors.InvalidRequest: errors.invalid("scale", "X", "must be greater than 0, got -1"),
    errors.ImageNotFound: errors.ImageNotFound("a/b"),
    errors.SourceUnavailable: errors.SourceUnavailable("a", "B1", "the file is gone"),
    errors.CatalogUnavailable: errors.CatalogUnavailable("the index is damaged; build it again", "landsat/"),
    errors.CredentialsMissing: errors.CredentialsMissing(),
    errors.CredentialsInvalid: errors.CredentialsInvalid("no API key of this server is like that"),
    errors.TenantUnknown: errors.TenantUnknown(),
    errors.IdentityUnavailable: errors.IdentityUnavailable(),
    errors.QuotaExceeded: errors.QuotaExceeded("pixels_per_day", 100, 90, 20, 3600.0),
    errors.DownloadNotFound: errors.DownloadNotFound(),
    errors.AddressUnknown: errors.AddressUnknown("GET", "/v1/x"),
    errors.DownloadConflict: errors.DownloadConflict("etag: of another file"),
    errors.ExportNotFound: errors.ExportNotFound(),
    errors.ExportsNotSet: errors.ExportsNotSet(),
    errors.OffsetOutOfRange: errors.OffsetOutOfRange(10, 5),
    errors.InvalidExpression: errors.InvalidExpression("it has no bands.", "Image.select"),
    errors.DiskFull: errors.DiskFull(),
    errors.StorageUnavailable: errors.StorageUnavailable(),
    errors.Overloaded: errors.Overloaded(2.0),
    errors.RenderCancelled: errors.RenderCancelled(),
}


def classes(root: type[errors.DownloadError] = errors.DownloadError) -> list[type[errors.DownloadError]]:
    return [c for sub in root.__subclasses__() for c in (sub, *classes(sub))]


def test_every_error_has_an_example_and_a_status() -> None:
    error_classes = set(classes()) - {BadSettings}  # ends the process before there is a client
    assert set(STATUS) == error_classes
    assert set(EXAMPLES) == error_classes
    assert set(STATUS.values()) <= set(HTTP_STATUS)


@every("error", EXAMPLES.values())
def test_errors_survive_pickling(error: errors.DownloadError) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), again.metadata) == (type(error), str(error), error.metadata)


@every("error", EXAMPLES.values())
def test_errors_survive_copying_in_every_protocol(error: errors.DownloadError) -> None:
    again = [copy.copy(error), *(pickle.loads(pickle.dumps(error, version)) for version in range(6))]
    assert {str(copied) for copied in again} == {str(error)}
    assert all(vars(copied) == vars(error) for copied in again)


def beneath_a_file(path: Path) -> None:
    path.parent.rmdir()
    path.parent.touch()


unreadable: dict[str, Callable[[Path], object]] = {
    "missing": lambda path: None,
    "folder": Path.mkdir,
    "pipe": os.mkfifo,
    "empty": Path.touch,
    "text": lambda path: path.write_text("<VRTDataset/>"),
    "cut": lambda path: path.write_bytes(b"II*\0\x08\0\0\0\xff\xff"),
    "beneath a file": beneath_a_file,
    "loop": lambda path: path.symlink_to(path),
}


@pytest.mark.parametrize("make", unreadable.values(), ids=unreadable)
def test_no_error_of_a_file_tells_where_it_is(tmp_path: Path, make: Callable[[Path], object]) -> None:
    path = tmp_path / "secret" / "hidden.tif"
    path.parent.mkdir()
    make(path)
    with pytest.raises(errors.SourceUnavailable) as raised, open_raster(str(path)):
        pass
    text = f"{raised.value} {raised.value.metadata} {status_of(raised.value)} {http_answer(raised.value)}"
    assert not [word for word in ("secret", "hidden", tmp_path.name, str(tmp_path)) if word in text]


@every("error", EXAMPLES.values())
def test_both_doors_say_the_same(error: errors.DownloadError) -> None:
    code, body = http_answer(error)
    assert body["error"]["message"] == status_of(error).message == str(error)
    assert (body["error"]["reason"], body["error"]["code"]) == (error.reason, code)


def test_an_unexpected_error_tells_nothing_but_an_incident() -> None:
    status = status_of(RuntimeError("/secret/path"))
    assert "secret" not in str(status)
    assert http_answer(RuntimeError("/secret/path"))[0] == 500


@every("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_told_as_such(number: int) -> None:
    code, body = http_answer(OSError(number, "No space left on device", "/secret/path"))
    assert (code, body["error"]["reason"]) == (507, "DISK_FULL")
    assert "secret" not in str(body)


def test_files_of_the_server_that_cannot_be_reached_are_told_as_passing() -> None:
    for error in (OSError(errno.EIO, "no", "/secret/path"), sqlite3.OperationalError("/secret is locked")):
        code, body = http_answer(error)
        assert (code, body["error"]["reason"]) == (503, "STORAGE_UNAVAILABLE"), error
        assert "secret" not in str(body), error
        assert http_headers(error) == {"Retry-After": "2"}, error


def test_a_message_is_short_as_trailers_write_it() -> None:
    for text in ("é" * 1000, "%" * 1000, "a" * 2000, "\n\u4e2d" * 500):
        message = status_of(errors.DownloadConflict(text)).message
        assert len(urllib.parse.quote(message, safe=" !\"#$&'()*+,-./:;<=>?@[\\]^_`{|}~")) <= 1010
        assert message.endswith(" ...")
    assert status_of(errors.DownloadConflict("é 100 %")).message == "é 100 %"


def test_an_answer_lets_go_of_what_led_to_its_error() -> None:
    class Large:
        pass

    references: list[weakref.ref[Large]] = []

    def fail() -> None:
        large = Large()
        references.append(weakref.ref(large))
        try:
            raise KeyError
        except KeyError:
            raise errors.DownloadConflict("x") from None

    try:
        fail()
    except errors.DownloadConflict as error:
        caught = error
    http_answer(caught)
    assert references[0]() is None


def test_violations_are_collected_once_each() -> None:
    violations = errors.Violations()
    for _ in range(2):
        with violations.catching():
            raise errors.invalid("a", "X", "is wrong")
    with pytest.raises(errors.InvalidRequest) as caught:
        violations.raise_if_any()
    assert len(caught.value.violations) == 1
