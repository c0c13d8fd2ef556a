"""Fills an index: from a folder, from STAC catalogs and APIs, and from stac-geoparquet."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import unquote, urljoin, urlsplit

from rasterwire.catalog.index import Document
from rasterwire.catalog.tree import Location, is_remote, remote_location
from rasterwire.files.arrays.opened import array_format

__all__ = ["Step", "Summary", "Tell", "ignore_progress", "local_location", "web_location"]


@dataclass(slots=True)
class Summary:
    """How many documents an update met.

    Attributes:
        added, changed, removed: since the update before.
        unchanged: that the index holds as they are.
        broken: that could not be read; the index keeps what it held of them.
        is_whole: False where parts of the source could not be read, so that nothing was removed.
    """

    added: int = 0
    changed: int = 0
    removed: int = 0
    unchanged: int = 0
    broken: int = 0
    is_whole: bool = True


@dataclass(frozen=True, slots=True)
class Step:
    """A document that a source came upon.

    Attributes:
        name: of the document.
        document: None where the index holds it as it is, or where it cannot be read now and the index keeps it.
        is_broken: whether it cannot be read.
        position: where the source may go on after it, in its own terms; "" where it cannot.
        may_hide: whether others cannot be found because this one cannot be read.
    """

    name: str
    document: Document | None = None
    is_broken: bool = False
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
    if href[:5].lower() == "file:" and not is_remote(href):  # a path of this machine
        return None
    try:
        address = _joined(document, href)
    except ValueError:
        return None
    return remote_location(address) if is_remote(address) else None


def _joined(document: str, href: str) -> str:
    """Return the absolute address of what a document refers to.

    >>> _joined("s3://eo/a/catalog.json", "../b.tif"), _joined("https://c/d.json", "e.tif")
    ('s3://eo/b.tif', 'https://c/e.tif')
    """
    if is_remote(href) or not is_remote(document):
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
