"""Reads a static STAC catalog: a document that links to others, on disk, behind HTTP or in an object store."""

import os
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from itertools import islice
from typing import Any
from urllib.parse import unquote, urlsplit

from rasterwire.catalog.document import BrokenDocument, as_list, as_mapping, read_body, read_value
from rasterwire.catalog.entry import Disagreement, Entry
from rasterwire.catalog.feature_texts import feature_texts
from rasterwire.catalog.index import Document
from rasterwire.catalog.ingest import Step, local_location, web_location
from rasterwire.catalog.ingest.parsing import Unparsed
from rasterwire.catalog.ingest.run import Run
from rasterwire.catalog.items import NO_FILE, entry_of_item, is_item, shown
from rasterwire.catalog.stac import document_note, linked_addresses
from rasterwire.catalog.tree import Location, is_remote, remote_location
from rasterwire.errors import CatalogUnavailable, SourceUnavailable
from rasterwire.files.byte_reader import version_of
from rasterwire.files.regular_file import open_regular
from rasterwire.files.sources import is_local, source_of

__all__ = ["StaticCatalog"]

_MAX_BYTES = 64 << 20
"""Of a document."""

_MAX_DEPTH = 32
"""Catalogs in catalogs."""

_MAX_DOCUMENTS = 2_000_000
"""Of a catalog; a server that makes up links without end is left there. An update holds their addresses in memory,
about 400 bytes for each that waits to be read."""

_MAX_DANGLING = 20
"""Links of a document that lead nowhere and are told."""

_MAX_READERS = 16
"""Documents that are read at the same time."""

_LINKING = (b'"Catalog"', b'"Collection"', b"\\u00")
"""What is in each document that links to others: the names of its type, or characters written in another way."""


@dataclass(frozen=True, slots=True)
class _Link:
    """An address that a document gives.

    Attributes:
        href: absolute.
        is_leaf: whether it is linked to as an item.
        depth: catalogs above it.
    """

    href: str
    is_leaf: bool
    depth: int


@dataclass(frozen=True, slots=True)
class _Content:
    """A document that was read, or what is wrong with it.

    Attributes:
        value: the object in it; None where it was not read or not parsed.
        body: its bytes, where it is linked to as an item and links to no other.
        version: of the file; "" where it could not be opened.
        problem: why it cannot be read; "" where it can, or need not since its version is known.
    """

    value: Mapping[str, Any] | None = None
    body: bytes | None = None
    version: str = ""
    problem: str = ""


def _content(link: _Link, body: bytes, version: str) -> _Content:
    """Return what a document holds, parsed where it may link to others.

    Raises:
        ValueError: it is no JSON.
    """
    if link.is_leaf and not any(word in body for word in _LINKING):
        return _Content(body=body, version=version)
    return _Content(read_value(body), version=version)


class StaticCatalog:
    """The documents below a root document.

    Links are followed wherever a source of the settings reads them; from a disk also in the folder of the root
    document, and never from elsewhere to the disk.
    """

    def __init__(self, address: str) -> None:
        """Set the root document, by an absolute path or a URL. Nothing is read yet."""
        self.address = os.path.realpath(address) if is_local(address) else address
        self._base = self.address.rpartition("?")[0] or self.address
        self._base = self._base.rpartition("/")[0] + "/"

    def steps(self, run: Run) -> Iterator[Step | Unparsed]:
        """See ``ItemSource.steps``."""
        met = {hash(self.address)}
        waiting: deque[_Link] = deque([_Link(self.address, False, 0)])
        reading: deque[tuple[_Link, Future[_Content]]] = deque()
        with ThreadPoolExecutor(_MAX_READERS, thread_name_prefix="rasterwire-index") as pool:
            try:
                while waiting or reading:
                    while waiting and len(reading) < 2 * _MAX_READERS:
                        link = waiting.pop()
                        reading.append((link, pool.submit(self._read, link, run.version_of(self._name(link.href)))))
                    link, content = reading.popleft()
                    for child in self._follow(link, content.result()):
                        name = self._name(child.href)
                        if hash(child.href) not in met and not (child.is_leaf and run.has_met(name)):
                            met.add(hash(child.href))
                            waiting.append(child)
                    if len(met) > _MAX_DOCUMENTS:
                        raise CatalogUnavailable(
                            f"the catalog has more than {_MAX_DOCUMENTS:,} documents, or its links have no end; index "
                            "its children one by one, or a file of stac-geoparquet"
                        )
                    yield self._step(link, content.result(), run)
            finally:
                for _, content in reading:
                    content.cancel()

    def _read(self, link: _Link, known: str | None) -> _Content:
        """Return a document; of an item in the version that is known, only the version."""
        try:
            if is_local(link.href):
                return self._read_local(link, known)
            file = source_of(link.href).open(link.href)
            if link.is_leaf and file.version == known:
                return _Content(version=file.version)
            return _content(link, read_body(file), file.version)
        except SourceUnavailable as error:
            return _Content(problem=error.problem)
        except ValueError as error:
            return _Content(version=file.version, problem=str(error))

    def _read_local(self, link: _Link, known: str | None) -> _Content:
        try:
            with os.fdopen(open_regular(link.href), "rb") as file:
                status = os.fstat(file.fileno())
                version = version_of(status)
                if link.is_leaf and version == known:
                    return _Content(version=version)
                if status.st_size > _MAX_BYTES:
                    return _Content(version=version, problem=f"more than {_MAX_BYTES >> 20} MiB")
                return _content(link, file.read(_MAX_BYTES), version)
        except OSError:
            return _Content(problem="a file that cannot be opened")
        except ValueError as error:
            return _Content(version=version, problem=str(error))

    def _follow(self, link: _Link, content: _Content) -> Iterator[_Link]:
        document = content.value or {}
        if document.get("type") not in ("Catalog", "Collection") or link.depth >= _MAX_DEPTH:
            return
        for href, is_leaf in linked_addresses(document):
            location = self._locate(href, link.href)
            if location is not None:
                yield _Link(location.href, is_leaf, link.depth + 1)

    def _locate(self, href: str, document: str) -> Location | None:
        """Return the file to which a document refers; None where it is not to be read."""
        if is_remote(href):  # as most are of millions of assets
            return remote_location(href)
        return local_location(href, document, self._base) if is_local(document) else web_location(href, document)

    def _step(self, link: _Link, content: _Content, run: Run) -> Step | Unparsed:
        name = self._name(link.href)
        version = run.version_of(name)
        if content.body is not None and content.version != version:
            parse = partial(self._parse, link, name, content, is_known=version is not None)
            return Unparsed(parse, len(content.body))
        if content.version == version and not content.problem:
            return Step(name)
        return self._parsed(link, name, content, is_known=version is not None)

    def _parse(self, link: _Link, name: str, content: _Content, *, is_known: bool) -> Step:
        """Return the step of a document that was not parsed."""
        texts = feature_texts(content.body or b"")
        if texts is not None:
            with suppress(BrokenDocument):  # then it is parsed at once
                entries = [entry for text in texts for entry in self._entries(link, name, [read_value(text)])]
                return Step(name, Document(name, content.version, entries))
        try:
            content = _Content(read_value(content.body or b""), version=content.version)
        except ValueError as error:
            content = _Content(version=content.version, problem=str(error))
        return self._parsed(link, name, content, is_known=is_known)

    def _parsed(self, link: _Link, name: str, content: _Content, *, is_known: bool) -> Step:
        if content.problem:
            may_hide = not link.is_leaf
            if link.depth == 0:
                raise CatalogUnavailable(f"the root document of the catalog cannot be read: {content.problem}")
            if is_known:
                return Step(name, problem=content.problem, may_hide=may_hide)
            document = Document(name, content.version, (), (document_note(name, content.problem),))
            return Step(name, document, problem=content.problem, may_hide=may_hide)
        document = self._document(link, name, content)
        return Step(name, document, problem=document.notes[0].problem if document.notes else "")

    def _document(self, link: _Link, name: str, content: _Content) -> Document:
        document = content.value or {}
        kind = document.get("type")
        features = [document] if kind == "Feature" else as_list(document.get("features"))
        entries = self._entries(link, name, features) if kind in _ITEMS else []
        notes: list[Disagreement] = []
        if kind in ("Catalog", "Collection") and link.depth >= _MAX_DEPTH:
            notes.append(document_note(name, f"a catalog below {_MAX_DEPTH} others, so its links are not followed"))
        elif kind in ("Catalog", "Collection"):
            notes += islice(self._dangling(link, name, document), _MAX_DANGLING)
        elif kind not in _ITEMS:
            notes.append(document_note(name, "a document that is neither an item nor a catalog"))
        return Document(name, content.version, entries, tuple(notes))

    def _entries(self, link: _Link, name: str, features: Sequence[object]) -> list[Entry]:
        items = (item for item in map(as_mapping, features) if is_item(item))
        return [entry_of_item(item, name, lambda href: self._locate(href, link.href)) for item in items]

    def _dangling(self, link: _Link, name: str, document: Mapping[str, Any]) -> Iterator[Disagreement]:
        """Yield a note for each link that leads to no document that is to be read."""
        for href, _ in linked_addresses(document):
            if self._locate(href, link.href) is None:
                yield Disagreement(image_id=name, band="", field="link", claim=shown(href), value=NO_FILE)

    def _name(self, href: str) -> str:
        """Return the name of a document: its address below the root document, without what may be secret."""
        address, _, query = href.partition("?")
        name = address.removeprefix(self._base)
        if name == address and not is_local(href):
            parts = urlsplit(address)
            name = f"//{parts.hostname}{parts.path}"
        return f"{unquote(name)}?{blake2b(query.encode(), digest_size=8).hexdigest()}" if query else unquote(name)


_ITEMS = ("Feature", "FeatureCollection")
