"""The suite of the client libraries notices where it would test nothing."""

import contextlib

import google_crc32c
import pytest

from cases import every
from conformance.__main__ import main
from conformance.cases import read_cases
from conformance.faults import PIECE, Fault, Stopped, faulty_stream
from rasterwire.v1 import download_pb2, download_service_pb2

FILE = bytes(3 * PIECE)


def stream() -> list[bytes]:
    """Return the messages of a server: two chunks of a file."""
    info = download_pb2.FileInfo(size_bytes=len(FILE), crc32c=google_crc32c.value(FILE), etag="e")
    messages = []
    for begin, end in ((0, 2 * PIECE), (2 * PIECE, 3 * PIECE)):
        chunk = download_pb2.DownloadChunk(data=FILE[begin:end], offset=begin, file=info)
        messages.append(download_service_pb2.ReadDownloadResponse(chunk=chunk).SerializeToString())
    return messages


def passed(fault: Fault) -> tuple[list[bytes], int]:
    """Return the messages that a fault lets through, and how often it struck."""
    strikes: list[Fault] = []
    messages: list[bytes] = []
    with contextlib.suppress(Stopped):
        messages.extend(faulty_stream(fault, iter(stream()), lambda: strikes.append(fault)))
    return messages, len(strikes)


DONE = sorted(
    {(fault.do, fault.after > 0) for case in read_cases() for fault in case.faults if fault.method == "ReadDownload"}
)
"""The faults of the cases, and whether they come after bytes."""


@every("chosen", DONE)
def test_a_fault_strikes_where_the_file_is_long_enough_and_only_there(chosen: tuple[str, bool]) -> None:
    do, is_later = chosen
    untouched, _ = passed(Fault("shift", after=len(FILE) + 1))
    messages, strikes = passed(Fault(do, after=2 * PIECE if is_later else 0))
    assert strikes
    assert messages != untouched
    if is_later:
        assert passed(Fault(do, after=len(FILE) + PIECE)) == (untouched, 0)


def test_a_name_that_no_case_has_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["--only", "resume/unavailble"])
    assert stopped.value.code == 2
    assert "no case has 'resume/unavailble' in its name" in capsys.readouterr().err
