"""Bodies: values of JSON as bytes, made small.

A file that somebody else wrote can hold wrong values, but runs no code.
"""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import orjson
import shapely
import zstandard
from pyproj.exceptions import ProjError

from rasterwire.errors import CatalogUnavailable

__all__ = ["Compression", "json_of", "json_value", "reading"]

_MAX_BODY = 64 << 20
"""Bytes of an entry or header."""

_DAMAGED = "an entry of the index of this catalog is damaged; build it again"

_EXACT = b" "
"""Begins a text that only the slower parser reads exactly: with NaN, or integers of more than 64 bits."""


def json_of(value: Any) -> bytes:
    """Return a value of JSON as UTF-8; also NaN, infinite numbers, large integers and half surrogate pairs."""
    try:
        text = orjson.dumps(value)
    except TypeError:
        return _EXACT + json.dumps(value, separators=(",", ":")).encode()
    if b"null" not in text:  # which may have been NaN
        return text
    return _EXACT + json.dumps(value, separators=(",", ":")).encode()


def json_value(text: bytes) -> Any:
    """Return the value that ``json_of`` wrote."""
    return json.loads(text) if text[:1] == _EXACT else orjson.loads(text)


_WRONG = (ValueError, TypeError, LookupError, AttributeError, shapely.GEOSException, ProjError)


class _Reading:
    """See ``reading``. It is entered for each of millions of bodies."""

    def __enter__(self) -> None: ...

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, _WRONG):
            raise CatalogUnavailable(_DAMAGED) from error


_reading = _Reading()


def reading() -> AbstractContextManager[None]:
    """Tell in words that a body is not of the form it should have.

    Raises:
        CatalogUnavailable: always then.
    """
    return _reading


class Compression:
    """Makes bodies smaller, with a dictionary of what they have in common. For one thread at a time."""

    def __init__(self, read_dictionary: Callable[[], bytes]) -> None:
        """Set what reads the dictionary of the index; it returns b"" where there is none as yet."""
        self._read_dictionary = read_dictionary
        self.dictionary = b""
        self._compressor = zstandard.ZstdCompressor(level=1)
        self._plain = zstandard.ZstdDecompressor()
        self._decompressor: zstandard.ZstdDecompressor | None = None
        self.renew()

    def renew(self) -> None:
        """Read the dictionary again."""
        self.dictionary = self._read_dictionary()
        if self.dictionary:
            data = zstandard.ZstdCompressionDict(self.dictionary)
            self._compressor = zstandard.ZstdCompressor(level=1, dict_data=data)
            self._decompressor = zstandard.ZstdDecompressor(dict_data=data)

    def pack(self, body: bytes) -> bytes:
        """Return a smaller form of a body."""
        return self._compressor.compress(body)

    def unpack(self, packed: bytes) -> bytes:
        """Return a body from its smaller form.

        Raises:
            CatalogUnavailable: it is damaged.
        """
        try:
            parameters = zstandard.get_frame_parameters(packed)
            if parameters.content_size <= _MAX_BODY:
                if parameters.dict_id and self._decompressor is None:
                    self.renew()  # made since the connection was opened
                decompressor = self._decompressor if parameters.dict_id else self._plain
                if decompressor is not None:
                    return decompressor.decompress(packed)
        except zstandard.ZstdError as error:
            raise CatalogUnavailable(_DAMAGED) from error
        raise CatalogUnavailable(_DAMAGED)
