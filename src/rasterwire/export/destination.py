"""Where exports end: one bucket or one folder of the operator's list."""

import re
from collections.abc import Mapping, Sequence
from typing import Protocol

__all__ = ["OCTETS", "AlreadyExists", "Destination", "UnknownUpload", "check_prefix", "key_names"]

_MAX_KEY = 512
"""Bytes of a key; S3 takes 1,024, with the prefix of the destination."""

_MAX_NAME = 200
"""Bytes of one of its names; file systems take 255."""

_SUFFIX_BYTES = 48
"""Of what the longest key of an export adds to its prefix: ``.tif.``, the id, and the number of a part."""

OCTETS = "application/octet-stream"
"""The media type of what is of use to exports alone."""

_name = re.compile(r"[^/\\\x00-\x1f\x7f.][^/\\\x00-\x1f\x7f]*")


class AlreadyExists(Exception):
    """An object is there already, and was not to be replaced.

    Attributes:
        key: of the object.
    """

    def __init__(self, key: str) -> None:
        super().__init__(f"{key} exists already; choose another name, or ask for it to be replaced")
        self.key = key

    def __reduce__(self) -> tuple[type["AlreadyExists"], tuple[str]]:
        return AlreadyExists, (self.key,)


class UnknownUpload(Exception):
    """An upload was finished or aborted before, or parts of it are not there as they were stored."""

    def __init__(self, key: str) -> None:
        super().__init__(f"the upload of {key} is gone, or lacks a part; begin it again")
        self._key = key

    def __reduce__(self) -> tuple[type["UnknownUpload"], tuple[str]]:
        return UnknownUpload, (self._key,)


class Destination(Protocol):
    """Stores objects by their keys, large ones in parts. Threads and processes may share one.

    Keys are names separated by slashes, below the prefix of the destination. What is stored appears whole or not at
    all. An object that exists is replaced only where ``replace`` says so; an upload in parts is tested for that when it
    begins, and once more when it is finished.

    All methods raise ``StorageUnavailable`` where the destination cannot be reached or refuses, and all but ``abort``
    and ``delete`` raise ``ValueError`` for a key that is none.

    Attributes:
        least_part_bytes: bytes that all parts of an upload have at least, but for the last one.
    """

    @property
    def least_part_bytes(self) -> int:
        """See the class."""
        ...

    def begin(self, key: str, headers: Mapping[str, str], *, replace: bool = False) -> str:
        """Begin an upload in parts, and return its id: letters, digits and ``-._~`` and ``+/=``, at most 1,024.

        Args:
            key: of the object.
            headers: ``Content-Type`` and others of HTTP that the object is served with.
            replace: whether an existing object may be replaced.

        Raises:
            AlreadyExists: there is such an object.
        """
        ...

    def put_part(self, key: str, upload: str, number: int, data: bytes) -> str:
        """Store a part, from 1 to 10,000, in any order and from any process; return its etag.

        A part that was stored before is replaced.

        Raises:
            UnknownUpload: there is no such upload.
        """
        ...

    def finish(self, key: str, upload: str, parts: Sequence[tuple[int, str]], *, replace: bool = False) -> None:
        """Make the object of parts.

        Args:
            key: of the object.
            upload: its id.
            parts: number and etag of each, numbers rising. Other parts that were stored are dropped.
            replace: whether an existing object may be replaced.

        Raises:
            AlreadyExists: there is such an object. The upload remains.
            UnknownUpload: there is no such upload, or a part is not there with that etag. Where a destination cannot
                tell whether it was finished before, ``holds`` can.
        """
        ...

    def abort(self, key: str, upload: str) -> None:
        """Remove an upload and its parts; does nothing where there is none."""
        ...

    def uploads(self, prefix: str, least_age: float = 0.0) -> Sequence[tuple[str, str]]:
        """Return key and id of uploads that were begun and have not ended, whose keys begin with a text.

        At least those among the first 1,000 by their keys.

        Args:
            prefix: what the keys begin with.
            least_age: seconds ago that they were begun, by the clock of the destination.
        """
        ...

    def put(self, key: str, data: bytes, *, media_type: str = OCTETS, replace: bool = False) -> None:
        """Store a small object.

        Args:
            key: of the object.
            data: all of it.
            media_type: with which it is served.
            replace: whether an existing object may be replaced.

        Raises:
            AlreadyExists: there is such an object.
        """
        ...

    def get(self, key: str) -> bytes:
        """Return a small object.

        Raises:
            FileNotFoundError: there is none.
        """
        ...

    def has(self, key: str) -> bool:
        """Tell whether there is an object; it is not read."""
        ...

    def holds(self, key: str, size: int, crc32c: int) -> bool:
        """Tell whether there is an object of a size, in bytes, and a CRC32C; one of another size is not read."""
        ...

    def delete(self, key: str) -> None:
        """Remove an object; does nothing where there is none."""
        ...


def key_names(key: str) -> list[str]:
    """Return the names of which a key consists.

    Raises:
        ValueError: it is no key.
    """
    names = key.split("/")
    is_short = len(key.encode(errors="replace")) <= _MAX_KEY
    if not is_short or not all(_name.fullmatch(name) and len(name.encode()) <= _MAX_NAME for name in names):
        problem = f"{key[:100]!r} is no name of an export"
        raise ValueError(f"{problem}; write names that begin with no dot, separated by single slashes")
    return names


def check_prefix(prefix: str) -> None:
    """Accept what the keys of an export begin with, if the longest of them is a key.

    Raises:
        ValueError: it is too long; with a sentence.
    """
    try:
        key_names(prefix + _SUFFIX_BYTES * "x")
    except ValueError:
        whole, last = _MAX_KEY - _SUFFIX_BYTES, _MAX_NAME - _SUFFIX_BYTES
        sentence = f"is too long: with the name of the tenant write at most {whole} bytes, {_MAX_NAME} between two"
        raise ValueError(f"{sentence} slashes and {last} behind the last one") from None
