"""Tests of reading JSON documents: the fast parser gives what Python's own gives."""

import json

import pytest

from rasterwire.catalog.document import read_value

VALUES = (
    b"NaN", b"-Infinity", b"1e400", b"-0", b"1.0", b"18446744073709551615", b"18446744073709551616",
    b"-9223372036854775808", b"-9223372036854775809", b"0.1234567890123456789", b'"\\ud800"', b'"\xed\xa0\x80"',
    b'"\xc3\xa9"', b'{"a": 1, "a": 2}',
)  # fmt: skip


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"])
def test_values_are_those_of_the_standard_parser(value: bytes, start: bytes) -> None:
    body = start + b'{"value": ' + value + b"}"
    assert repr(read_value(body)) == repr(json.loads(body))


def test_other_encodings_are_read() -> None:
    assert read_value('{"é": 1}'.encode("utf-16")) == {"é": 1}


@pytest.mark.parametrize("body", [b"", b"{", b'{"a": 01}', b"\xff", b"[" * 100_000, b'{"a": "\x01"}'])
def test_what_is_no_document_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match="no JSON document"):
        read_value(body)
