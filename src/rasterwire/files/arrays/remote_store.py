"""Zarr stores on other machines: their versions, which are kept for a while, and the documents read for them."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import orjson

from rasterwire.errors import SourceUnavailable
from rasterwire.files.arrays.object_reader import ObjectReader, SourceReader, reader_of
from rasterwire.files.opened_files import OpenedFiles
from rasterwire.files.sources.loop import run

__all__ = ["doubt_store", "reader_of_version", "store_version"]

_MAX_MEMBERS = 1000
"""Arrays directly in a store without consolidated metadata whose documents are part of its version."""


@dataclass(frozen=True, slots=True)
class _Store:
    """A store in one version.

    Attributes:
        version: of its metadata.
        reader: which has the documents that were read for it.
        first: name of the first document that there is.
        is_consolidated: whether this document holds those of all arrays.
    """

    version: str
    reader: SourceReader
    first: str
    is_consolidated: bool


def store_version(href: str) -> str:
    """Return the version of a store; it is asked for again only after a while, as that of any remote file.

    Raises:
        SourceUnavailable: there is no store, or it cannot be read.
    """
    return _stores.present(href).version


def reader_of_version(href: str, version: str) -> ObjectReader:
    """Return what reads a store, with the documents of this version where they were read."""
    store = _stores.known(href, version)
    return reader_of(href) if store is None else store.reader


def doubt_store(href: str) -> None:
    """Let the next look at a store ask for its version."""
    _stores.doubt(href)


def _open(href: str) -> _Store:
    reader = reader_of(href)
    if not isinstance(reader, SourceReader):
        raise TypeError(f"{href} is local")
    last = _stores.last(href)
    if last is not None and last.is_consolidated:
        present = run(reader.version_of(last.first))
        if present is not None and f"zarr-{present}" == last.version:
            return last
    return run(_opened(reader))


_stores = OpenedFiles(_open)


async def _opened(reader: SourceReader) -> _Store:
    for name in ("zarr.json", ".zmetadata", ".zgroup"):
        body = await reader.read(name, None)
        if body is None:
            continue
        etag = reader.versions[name][1]
        if name == ".zmetadata" or (name == "zarr.json" and _document(body).get("consolidated_metadata")):
            return _Store(f"zarr-{etag}", reader, name, is_consolidated=True)
        return _Store(await _version_of_members(reader, name, etag), reader, name, is_consolidated=False)
    raise SourceUnavailable.of_file("the file is missing, or holds no metadata of Zarr")


async def _version_of_members(reader: SourceReader, first: str, etag: str) -> str:
    """Return a version of all documents of a store whose metadata are not consolidated; the reader keeps them."""
    members = (await reader.names(""))[:_MAX_MEMBERS]
    names = ("zarr.json",) if first == "zarr.json" else (".zarray", ".zattrs", ".zgroup")
    keys = [f"{member}/{name}" for member in members for name in names]
    if first != "zarr.json":
        keys.append(".zattrs")
    await asyncio.gather(*(reader.read(key, None) for key in keys))
    digest = sha256(etag.encode())
    for key in sorted(keys):
        digest.update(f"\0{key}\0{reader.versions.get(key, (0, ''))[1]}".encode())
    return f"zarr-{digest.hexdigest()[:32]}"


def _document(body: bytes) -> Mapping[str, Any]:
    try:
        document = orjson.loads(body)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}
