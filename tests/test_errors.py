"""Every error has a status, survives a trip between processes, and is a sentence."""

import pickle

import pytest

from rasterwire import errors
from rasterwire.server.settings import BadSettings
from rasterwire.server.status import HTTP_STATUS, STATUS, http_answer, status_of

EXAMPLES: dict[type[errors.DownloadError], errors.DownloadError] = {
    errors.InvalidRequest: errors.invalid("scale", "X", "must be greater than 0, got -1"),
    errors.ImageNotFound: errors.ImageNotFound("a/b"),
    errors.SourceUnavailable: errors.SourceUnavailable("a", "B1", "the file is gone"),
    errors.DownloadNotFound: errors.DownloadNotFound(),
    errors.DownloadConflict: errors.DownloadConflict("etag: of another file"),
    errors.OffsetOutOfRange: errors.OffsetOutOfRange(10, 5),
    errors.NotImplementedHere: errors.NotImplementedHere("expression"),
    errors.Overloaded: errors.Overloaded(2.0),
    errors.RenderCancelled: errors.RenderCancelled(),
}


def classes(root: type[errors.DownloadError] = errors.DownloadError) -> list[type[errors.DownloadError]]:
    return [c for sub in root.__subclasses__() for c in (sub, *classes(sub))]


def test_every_error_has_an_example_and_a_status() -> None:
    told = set(classes()) - {BadSettings}  # ends the process before there is a client
    assert set(STATUS) == told
    assert set(EXAMPLES) == told
    assert set(STATUS.values()) <= set(HTTP_STATUS)


@pytest.mark.parametrize("error", EXAMPLES.values(), ids=lambda e: type(e).__name__)
def test_errors_survive_pickling(error: errors.DownloadError) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), again.metadata) == (type(error), str(error), error.metadata)


@pytest.mark.parametrize("error", EXAMPLES.values(), ids=lambda e: type(e).__name__)
def test_both_doors_say_the_same(error: errors.DownloadError) -> None:
    code, body = http_answer(error)
    assert body["error"]["message"] == status_of(error).message == str(error)
    assert (body["error"]["reason"], body["error"]["code"]) == (error.reason, code)


def test_an_unexpected_error_tells_nothing_but_an_incident() -> None:
    status = status_of(RuntimeError("/secret/path"))
    assert "secret" not in str(status)
    assert http_answer(RuntimeError("/secret/path"))[0] == 500


def test_violations_are_collected_once_each() -> None:
    found = errors.Violations()
    for _ in range(2):
        with found.catching():
            raise errors.invalid("a", "X", "is wrong")
    with pytest.raises(errors.InvalidRequest) as caught:
        found.raise_if_any()
    assert len(caught.value.violations) == 1
