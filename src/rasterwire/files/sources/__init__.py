"""Sources of bytes: where the files of a catalog are, and how their bytes are read.

An address is an absolute path, or a URL with a scheme such as ``s3://`` or ``https://``. ``source_of`` returns what
reads it: a file of this machine without any setting, all others as the operator's settings say.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from rasterwire.errors import SourceUnavailable

__all__ = [
    "HEAD_BYTES",
    "ByteSource",
    "FetchedPart",
    "ListedObject",
    "ListingSource",
    "ObjectSource",
    "OpenedFile",
    "Span",
    "configure",
    "is_covered",
    "is_local",
    "prefixes",
    "source_of",
]

HEAD_BYTES = 64 << 10
"""Bytes from the beginning of a file that come with the first request: the header of most files."""

Span = tuple[int, int]
"""First byte, and number of bytes."""


@dataclass(frozen=True, slots=True)
class OpenedFile:
    """A file in one version.

    Attributes:
        href: its address; for the server only, never shown.
        size: in bytes.
        version: a text that changes when the file does: of local files that of ``version_of``, of objects their etag.
        head: its first bytes, ``HEAD_BYTES`` or all where it is shorter; of a local file none.
    """

    href: str
    size: int
    version: str
    head: bytes = b""


class ByteSource(Protocol):
    """Reads files. Safe to use from several threads.

    All errors are ``SourceUnavailable`` without an image or band; their texts name no address, key or answer of a
    server.
    """

    def open(self, href: str) -> OpenedFile:
        """Return a file in its present version, by one request.

        Raises:
            SourceUnavailable: it is missing, cannot be reached, or may not be opened.
        """
        ...

    def read(self, file: OpenedFile, spans: Sequence[Span]) -> list[bytes]:
        """Return the bytes of spans, in their order; fewer only where the file ends.

        All bytes are of the version that was opened: each request names it. Spans close to each other are read
        together; requests are in flight at the same time.

        Raises:
            SourceUnavailable: the file was replaced, cannot be read, or took too long.
        """
        ...


@dataclass(frozen=True, slots=True)
class FetchedPart:
    """A part of an object.

    Attributes:
        body: its bytes.
        size: of the whole object, in bytes.
        version: see ``OpenedFile``.
    """

    body: bytes
    size: int
    version: str


@runtime_checkable
class ObjectSource(Protocol):
    """Reads objects of which some may be missing, such as the chunks of a Zarr store."""

    async def fetch(self, href: str, offset: int, count: int, version: str = "") -> FetchedPart | None:
        """Return a part of an object, by one request; None where there is no such object. For any event loop.

        Args:
            href: its address.
            offset: first byte.
            count: bytes; fewer are returned only where the object ends.
            version: that it has to have; "" for any.

        Raises:
            SourceUnavailable: it was replaced, cannot be read, or took too long.
        """
        ...


@dataclass(frozen=True, slots=True)
class ListedObject:
    """An object that a store lists.

    Attributes:
        name: its key, without that of the address that was listed.
        version: a text that changes when the object does; it holds the etag and the size.
    """

    name: str
    version: str


@runtime_checkable
class ListingSource(Protocol):
    """Lists the objects of a store."""

    def listed(self, href: str) -> Iterator[Sequence[ListedObject]]:
        """Yield all objects below an address, page by page; no object is opened.

        Args:
            href: address that ends with a slash: of a bucket, or of a part of its keys.

        Raises:
            SourceUnavailable: they cannot be listed, now or at all.
        """
        ...

    async def folders(self, href: str) -> list[str]:
        """Return the next segments of the keys below an address that go on behind a slash. For any event loop.

        Args:
            href: see ``listed``.

        Raises:
            SourceUnavailable: see ``listed``.
        """
        ...


_sources: dict[str, ByteSource] = {}
_prefixes: tuple[str, ...] = ()


def configure(sources: Mapping[str, ByteSource]) -> None:
    """Set the sources of this process by the prefix of the addresses that they read; the longest prefix decides."""
    global _prefixes  # noqa: PLW0603  a process has one set of sources
    _sources.clear()
    _sources.update(sorted(sources.items(), key=lambda item: -len(item[0])))
    _prefixes = tuple(_sources)


def is_local(href: str) -> bool:
    """Tell whether an address is a path of this machine."""
    return href.startswith("/")


def prefixes() -> tuple[str, ...]:
    """Return what the addresses begin with that the settings allow."""
    return _prefixes


def is_covered(href: str) -> bool:
    """Tell whether a setting allows an address that is not local."""
    return href.startswith(_prefixes)


def source_of(href: str) -> ByteSource:
    """Return the source that reads an address which is not local.

    Raises:
        SourceUnavailable: no setting allows addresses of this kind.
    """
    for prefix, source in _sources.items():
        if href.startswith(prefix):
            return source
    raise SourceUnavailable.of_file("it is at an address that no source of this server's settings covers")
