"""The files of a catalog's folder, and how addresses in its documents find them.

Nothing outside of the folder is ever part of a tree: an address is looked up among the files that
were found, so ``../..`` and links to other places lead nowhere.
"""

import os
import posixpath
import re
import stat
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from rasterwire.catalog.document import is_text
from rasterwire.errors import SourceUnavailable
from rasterwire.files.raster_file import version_of

__all__ = ["Tree", "is_document", "is_raster", "is_remote", "natural_key", "scan"]

_raster_suffixes = (".tif", ".tiff", ".jp2")
_document_suffixes = (".json", ".geojson")
# Uploads that go on, and what GDAL notes beside a raster.
_noted_suffix = ".aux.xml"
_ignored_suffixes = (".part", _noted_suffix)
_scheme = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")


@dataclass(frozen=True, slots=True)
class Tree:
    """The regular files below a folder; equal trees hold the same files, unchanged.

    Attributes:
        root: the folder, links resolved.
        given: the folder as the operator names it, absolute.
        files: real path and version of each file, by its name relative to the root, with slashes, in the
            order of names.
        notes: names of what GDAL noted beside rasters, which no file of the tree is.
    """

    root: Path
    given: Path
    files: dict[str, tuple[str, str]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def path_of(self, name: str) -> str:
        """Return the absolute path of a file of the tree, links resolved."""
        return self.files[name][0]

    def locate(self, href: str, document: str) -> str | None:
        """Return the name of the file that ``href`` means in a document of the tree.

        Args:
            href: relative to the document, an absolute path, percent-encoded or not, or a ``file:`` address of
                this machine.
            document: name of the document.

        Returns:
            None for an address elsewhere, a place outside of the folder, or no file.
        """
        if is_remote(href):
            return None
        if href[:5].lower() == "file:":
            path = unquote(urlsplit(href).path)
            return self._named(path) if path.startswith("/") else None
        for text in dict.fromkeys((href, unquote(href))):
            found = self._named(posixpath.join(str(self.root), posixpath.dirname(document), text))
            if found is not None:
                return found
        return None

    def _named(self, path: str) -> str | None:
        """Return the name of the file at an absolute path, which may lead through links to the folder."""
        for folder in (self.root, self.given):
            name = posixpath.relpath(posixpath.normpath(path), str(folder))
            if name in self.files:
                return name
        return None


def scan(root: Path) -> Tree:
    """List the files below ``root``; links to folders and links that leave it are left out.

    Hidden ones, unfinished uploads, GDAL's notes and names that are no text are left out as well.

    Raises:
        SourceUnavailable: the folder is not there.
    """
    top = os.path.realpath(root)
    if not os.path.isdir(top):
        raise SourceUnavailable("", "", "the folder of the catalog is not there")
    found = []
    notes = []
    for folder, folders, names in os.walk(top):
        folders[:] = [name for name in folders if not name.startswith(".") and is_text(name)]
        for name in names:
            path = os.path.join(folder, name)
            if name.lower().endswith(_noted_suffix) and is_text(name):
                notes.append(os.path.relpath(path, top).replace(os.sep, "/"))
            entry = None if _is_ignored(name) else _regular_file(path, top)
            if entry is not None:
                found.append((os.path.relpath(path, top).replace(os.sep, "/"), entry))
    return Tree(Path(top), Path(os.path.abspath(root)), dict(sorted(found)), tuple(sorted(notes)))


def _is_ignored(name: str) -> bool:
    return name.startswith(".") or name.lower().endswith(_ignored_suffixes) or not is_text(name)


def _regular_file(path: str, top: str) -> tuple[str, str] | None:
    """Return real path and version of a regular file whose real path is below ``top``."""
    try:
        status = os.lstat(path)
        if stat.S_ISLNK(status.st_mode):
            path = os.path.realpath(path)
            status = os.stat(path)
    except OSError:
        return None  # gone since the folder was listed, or a link to nowhere
    if not stat.S_ISREG(status.st_mode) or os.path.commonpath((top, path)) != top:
        return None
    return path, version_of(status)


def is_raster(name: str) -> bool:
    """Tell whether a file name is that of a raster."""
    return name.lower().endswith(_raster_suffixes)


def is_document(name: str) -> bool:
    """Tell whether a file name is that of a JSON document."""
    return name.lower().endswith(_document_suffixes)


def is_remote(href: str) -> bool:
    """Tell whether an address is elsewhere: of another scheme than file, such as https or s3, or of another machine."""
    if href[:5].lower() != "file:":
        return _scheme.match(href) is not None
    try:
        return urlsplit(href).netloc.lower() not in {"", "localhost"}
    except ValueError:
        return True


def natural_key(text: str) -> tuple[tuple[bool, int, str], ...]:
    """Order texts as people do, numbers by their value.

    >>> sorted(["B11", "B2", "B8A", "B8"], key=natural_key)
    ['B2', 'B8', 'B8A', 'B11']
    """
    parts = re.split(r"([0-9]+)", text)
    return tuple((part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in parts if part)
