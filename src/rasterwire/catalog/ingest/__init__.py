"""Fills an index: from a folder, from STAC catalogs and APIs, and from stac-geoparquet."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from urllib.parse import unquote, urljoin, urlsplit

from rasterwire.catalog.index import Document
from rasterwire.catalog.tree import Location, is_remote, remote_location
from rasterwire.errors import CatalogUnavailable
from rasterwire.files.arrays.opened import array_format

__all__ = ["Step", "Summary", "Tell", "ignore_progress", "local_location", "source_emptied", "web_location"]

_MAX_PROBLEMS = 10
"""Documents whose problem is told; the others are counted."""


_MAX_TEXT = 300
"""Characters of a name or of a problem that is told."""


def source_emptied() -> CatalogUnavailable:
    """Return the error of a source that has no image any more, where it had some."""
    return CatalogUnavailable(
        "the source has no images any more, so those of the index stay; is it unmounted, or being written? "
        "rasterwire index --replace empties the index"
    )


@dataclass(slots=True)
class Summary:
    """What an update met.

    Attributes:
        added, changed, removed: images, by their ids; the changed ones are those whose document changed.
        broken: documents with a problem. Of one that could not be read, the index keeps what it held.
        problems: name and problem of the first of them.
        is_whole: False where parts of the source could not be read, so that nothing was removed.
        is_emptied: whether the source lost all of its images.
        doubles: items that are left out, since others have their ids.
        doubled_ids: the first of these ids.
    """

    added: int = 0
    changed: int = 0
    removed: int = 0
    broken: int = 0
    problems: list[tuple[str, str]] = field(default_factory=list)
    is_whole: bool = True
    is_emptied: bool = False
    doubles: int = 0
    doubled_ids: list[str] = field(default_factory=list)

    def add_problem(self, name: str, problem: str) -> None:
        """Count a document with a problem."""
        self.broken += 1
        if len(self.problems) < _MAX_PROBLEMS:
            self.problems.append((_plain(name), _plain(problem)))

    def set_doubles(self, count: int, ids: Sequence[str]) -> None:
        """Enter how many items are left out, since others have their ids, and these ids."""
        self.doubles = count
        self.doubled_ids = [_plain(image_id) for image_id in ids[:_MAX_PROBLEMS]]

    def problem_text(self) -> str:
        """Return the documents with problems in one line, "" for none."""
        documents = [f"{name} ({problem})" for name, problem in self.problems]
        return _listed_text("documents with problems", documents, self.broken)

    def doubles_text(self) -> str:
        """Return the items that are left out in one line, "" for none."""
        text = _listed_text("items that are left out, since others have their ids", self.doubled_ids, self.doubles)
        return f"{text}; make an index of each collection" if text else ""


def _listed_text(subject: str, names: Sequence[str], count: int) -> str:
    more = f", and {count - len(names)} more" if count > len(names) else ""
    return f"{subject}: {', '.join(names)}{more}" if count else ""


def _plain(text: str) -> str:
    """Return a text of a document without characters that a terminal or a log would obey, and not too long."""
    plain = text if text.isprintable() else ascii(text)
    return plain if len(plain) <= _MAX_TEXT else f"{plain[:_MAX_TEXT]}..."


@dataclass(frozen=True, slots=True)
class Step:
    """A document that a source came upon.

    Attributes:
        name: of the document.
        document: None where the index holds it as it is, or where it cannot be read now and the index keeps it.
        problem: why it cannot be read, or what else is wrong with it; "" for nothing.
        position: where the source may go on after it, in its own terms; "" where it cannot.
        may_hide: whether others cannot be found because this one cannot be read.
    """

    name: str
    document: Document | None = None
    problem: str = ""
    position: str = ""
    may_hide: bool = False


Tell = Callable[[int, int | None], None]
"""Takes how many documents were looked at, and of how many; None where that is not known."""


def ignore_progress(_count: int, _total: int | None) -> None:
    """Be told of progress, and do nothing."""


def web_location(href: str, document: str) -> Location | None:
    """Return where a file is to which a document refers that is not on this machine; None where it names none.

    Args:
        href: a URL, or an address relative to the document.
        document: URL of the document.
    """
    if is_remote(href):
        return remote_location(href)
    if href[:5].lower() == "file:":  # a path of this machine
        return None
    try:
        address = _joined(document, href)
    except ValueError:
        return None
    return remote_location(address) if is_remote(address) else None


def _joined(document: str, href: str) -> str:
    """Return the absolute address of what a document refers to by a relative one.

    >>> _joined("s3://eo/a/catalog.json", "../b.tif"), _joined("https://c/d.json", "e.tif")
    ('s3://eo/b.tif', 'https://c/e.tif')
    """
    if not is_remote(document):
        return href
    # urljoin joins addresses of the schemes alone that it knows
    scheme, _, rest = document.partition("://")
    return scheme + urljoin(f"https://{rest}", href).removeprefix("https")


def local_location(href: str, document: str, top: str) -> Location | None:
    """Return where a file is to which a document of this machine refers; None where there is none below a folder.

    Args:
        href: a URL, or an address relative to the document, percent-encoded or not.
        document: real path of the document.
        top: real path of the folder, with a slash at its end.
    """
    if is_remote(href):
        return web_location(href, document)
    path = unquote(urlsplit(href).path) if href[:5].lower() == "file:" else href
    for text in dict.fromkeys((path, unquote(path))):
        if "\0" in text:
            continue
        real = os.path.realpath(os.path.join(os.path.dirname(document), text))  # noqa: PTH118, PTH120  text, not paths
        if real.startswith(top) and _is_file(real):
            return Location(real.removeprefix(top), real)
    return None


def _is_file(path: str) -> bool:
    """Tell whether there is a file, or a store of Zarr, which is a folder."""
    return os.path.isfile(path) or (array_format(path) == "zarr" and os.path.isdir(path))  # noqa: PTH112, PTH113
