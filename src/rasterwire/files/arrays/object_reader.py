"""Objects of a store by their keys: the files below a folder of this machine, or objects below an address."""

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import orjson

from rasterwire.errors import SourceUnavailable
from rasterwire.files.arrays.pyramids import level_names
from rasterwire.files.arrays.variables import MAX_VARIABLES
from rasterwire.files.regular_file import NotRegular, open_regular
from rasterwire.files.sources import FetchedPart, ListingSource, ObjectSource, is_local, source_of
from rasterwire.files.sources.loop import run

__all__ = ["MAX_OBJECT_BYTES", "FolderReader", "ObjectReader", "Range", "SourceReader", "reader_of"]

MAX_OBJECT_BYTES = 512 << 20
"""Of an object, such as a chunk, that is read as a whole."""

_MAX_DOCUMENT_BYTES = 64 << 20
"""Of a document of metadata, which takes much more memory when it is parsed."""

_documents = {"zarr.json", ".zgroup", ".zattrs", ".zarray", ".zmetadata"}

_MAX_KEPT_BYTES = 64 << 20
"""Of the documents that a reader keeps."""

_MAX_VERSIONS = 10_000
"""Objects whose version is remembered."""

Range = tuple[int | None, int | None]
"""First byte, and the byte after the last one; (None, n): the last n bytes; (n, None): from n to the end."""


class ObjectReader(Protocol):
    """Reads objects below one address. Safe to use from several threads."""

    async def read(self, key: str, part: Range | None) -> bytes | None:
        """Return an object, or a part of it; None where there is none.

        Raises:
            SourceUnavailable: it cannot be read.
        """
        ...

    def read_all(self, keys: Sequence[str]) -> list[bytes | None]:
        """Return whole objects, in the order of their keys; None for each that there is not. It waits for them.

        Raises:
            SourceUnavailable: one of them cannot be read.
        """
        ...

    async def names(self, prefix: str) -> list[str]:
        """Return the names directly below a prefix, which is "" or ends with a slash; of folders without a slash.

        Raises:
            SourceUnavailable: they cannot be listed, or are too many.
        """
        ...


@dataclass(frozen=True, slots=True)
class FolderReader:
    """The files below a folder. Links that lead out of it are not followed.

    Attributes:
        root: absolute, links resolved.
    """

    root: str

    async def read(self, key: str, part: Range | None) -> bytes | None:
        """See ``ObjectReader.read``."""
        return await asyncio.to_thread(self._read, key, part)

    def read_all(self, keys: Sequence[str]) -> list[bytes | None]:
        """See ``ObjectReader.read_all``."""
        return [self._read(key, None) for key in keys]

    async def names(self, prefix: str) -> list[str]:
        """See ``ObjectReader.names``."""
        try:
            return sorted(os.listdir(self._path(prefix.rstrip("/"))))
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise SourceUnavailable.of_file("a folder of it cannot be read by this server") from error

    def _path(self, key: str) -> str:
        path = os.path.join(self.root, key)
        real = os.path.realpath(path)
        if real != self.root and not real.startswith(self.root + os.sep):
            raise SourceUnavailable.of_file("a part of it is a link to another folder; store the part itself")
        return real

    def _read(self, key: str, part: Range | None) -> bytes | None:
        try:
            with os.fdopen(open_regular(self._path(key)), "rb") as file:
                start, count = _span(part, os.fstat(file.fileno()).st_size)
                if count > _most_bytes(key):
                    raise SourceUnavailable.of_file(_too_large(key))
                file.seek(start)
                return file.read(count)
        except (FileNotFoundError, NotADirectoryError, NotRegular):
            return None
        except OSError as error:
            raise SourceUnavailable.of_file("a part of it cannot be read by this server") from error


@dataclass(frozen=True, slots=True, eq=False)
class SourceReader:
    """The objects below an address on another machine.

    Attributes:
        root: the address, without a slash at its end.
        source: reads them.
        versions: size and version of objects that were read, so that further parts are of the same.
        documents: of metadata, which zarr-python asks for several times; a reader is of one version of them.
    """

    root: str
    source: ObjectSource
    versions: dict[str, tuple[int, str]] = field(default_factory=dict)
    documents: dict[str, bytes | None] = field(default_factory=dict)

    async def read(self, key: str, part: Range | None) -> bytes | None:
        """See ``ObjectReader.read``."""
        href = _address(self.root, key)
        if part is None and key in self.documents:
            return self.documents[key]
        if part is None:
            whole = await self.source.fetch(href, 0, _most_bytes(key))
            if whole is not None and whole.size > len(whole.body):
                raise SourceUnavailable.of_file(_too_large(key))
            if key.rpartition("/")[2] in _documents:
                self._keep(key, whole)
            return None if whole is None else whole.body
        first, end = part
        recorded = self.versions.get(key)
        if recorded is None and (first is None or end is None):
            start = await self.source.fetch(href, 0, 1)
            if start is None:
                return None
            recorded = self._remember(key, start)
        if recorded is not None:
            offset, count = _span(part, recorded[0])
        else:
            offset, count = first or 0, (end or 0) - (first or 0)
        if count <= 0:
            return b""
        fetched = await self.source.fetch(href, offset, count, recorded[1] if recorded else "")
        if fetched is None:
            return None
        self._remember(key, fetched)
        return fetched.body

    def read_all(self, keys: Sequence[str]) -> list[bytes | None]:
        """See ``ObjectReader.read_all``."""
        return run(self._all(keys))

    async def _all(self, keys: Sequence[str]) -> list[bytes | None]:
        return list(await asyncio.gather(*(self.read(key, None) for key in keys)))

    async def version_of(self, key: str) -> str | None:
        """Return the present version of an object; None where there is none."""
        start = await self.source.fetch(_address(self.root, key), 0, 1)
        return None if start is None else start.version

    def _keep(self, key: str, document: FetchedPart | None) -> None:
        if document is not None:
            self._remember(key, document)
        kept = sum(len(body) for body in self.documents.values() if body is not None)
        if kept + (len(document.body) if document is not None else 0) <= _MAX_KEPT_BYTES:
            self.documents[key] = None if document is None else document.body

    def _remember(self, key: str, fetched: FetchedPart) -> tuple[int, str]:
        if len(self.versions) >= _MAX_VERSIONS:
            self.versions.clear()
        self.versions[key] = fetched.size, fetched.version
        return fetched.size, fetched.version

    async def names(self, prefix: str) -> list[str]:
        """See ``ObjectReader.names``. Where nothing can be listed, they are those of levels; see ``pyramids``."""
        problem = "its server lists nothing"
        if isinstance(self.source, ListingSource):
            try:
                names = await self.source.folders(_address(self.root, prefix))
            except SourceUnavailable as error:
                problem = f"its store cannot be listed: {error.problem}"
            else:
                if len(names) > MAX_VARIABLES:
                    raise SourceUnavailable.of_file(f"it has more than {MAX_VARIABLES} arrays and groups; split it")
                return sorted(names)
        names = [name for name in self._levels(prefix) if name and "/" not in name]
        if not names:
            raise SourceUnavailable.of_file(
                f"its metadata are not consolidated, and {problem}; write them with consolidate_metadata"
            )
        return names

    def _levels(self, prefix: str) -> list[str]:
        """Return the names that the attributes of a group give to its levels."""
        for name, path in (("zarr.json", "attributes"), (".zattrs", "")):
            try:
                document = orjson.loads(self.documents.get(f"{prefix}{name}") or b"{}")
                attributes = document.get(path, {}) if path else document
                names = level_names(attributes)
            except (ValueError, AttributeError):
                continue
            if names:
                return names
        return []


def _most_bytes(key: str) -> int:
    return _MAX_DOCUMENT_BYTES if key.rpartition("/")[2] in _documents else MAX_OBJECT_BYTES


def _too_large(key: str) -> str:
    return f"a part of it has more than {_most_bytes(key)} bytes, which are not read"


def _address(root: str, key: str) -> str:
    base, mark, query = root.partition("?")
    return f"{base.rstrip('/')}/{key}{mark}{query}"


def reader_of(href: str) -> ObjectReader:
    """Return what reads the objects below a path of this machine, or below an address.

    Raises:
        SourceUnavailable: no setting allows addresses of this kind, or those of objects.
    """
    if is_local(href):
        return FolderReader(os.path.realpath(href))
    source = source_of(href)
    if not isinstance(source, ObjectSource):
        raise SourceUnavailable.of_file("its source reads single files only, and no stores")
    return SourceReader(href, source)


def _span(part: Range | None, size: int) -> tuple[int, int]:
    """Return first byte and number of bytes of a part of an object."""
    if part is None:
        return 0, size
    first, end = part
    if first is None:
        start = max(0, size - (end or 0))
        return start, size - start
    return first, max(0, (size if end is None else min(end, size)) - first)
