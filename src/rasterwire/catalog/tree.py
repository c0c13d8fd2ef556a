"""The files of a catalog's folder, and the lookup of addresses in its documents.

A tree never contains files outside of the folder. An address is looked up among the files of the tree, so
``../..`` and symbolic links to other folders find nothing.
"""

import os
import posixpath
import re
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from rasterwire.catalog.document import is_text
from rasterwire.errors import SourceUnavailable
from rasterwire.files.arrays.opened import array_format, array_version
from rasterwire.files.raster_file import version_of

__all__ = ["Location", "Tree", "is_document", "is_raster", "is_remote", "natural_key", "scan"]

_raster_suffixes = (".tif", ".tiff", ".jp2")
_document_suffixes = (".json", ".geojson")
# Unfinished uploads, and GDAL's metadata beside a raster.
_auxiliary_suffix = ".aux.xml"
_ignored_suffixes = (".part", _auxiliary_suffix)
_scheme = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")


class Location(NamedTuple):
    """Where a file of a catalog is.

    Attributes:
        name: of the file, for people; without the folder of the catalog, or the host and query of a URL.
        href: its address; see ``files.sources``.
    """

    name: str
    href: str


@dataclass(frozen=True, slots=True)
class Tree:
    """The regular files below a folder. Equal trees have the same files in the same versions.

    Attributes:
        root: the folder, links resolved.
        configured_root: the folder of the configuration, absolute, links not resolved.
        files: real path and version of each file, by its name relative to the root, with slashes, in the
            order of names.
        auxiliary: names of GDAL's ``.aux.xml`` files; these are not in ``files``.
    """

    root: Path
    configured_root: Path
    files: dict[str, tuple[str, str]] = field(default_factory=dict)
    auxiliary: tuple[str, ...] = ()

    def path_of(self, name: str) -> str:
        """Return the absolute path of a file of the tree, links resolved."""
        return self.files[name][0]

    def location(self, href: str, document: str) -> Location | None:
        """Return where the file is to which ``href`` refers; a URL is its own location. See ``locate``."""
        if is_remote(href):
            return Location(unquote(urlsplit(href).path).lstrip("/"), href)
        name = self.locate(href, document)
        return None if name is None else Location(name, self.path_of(name))

    def locate(self, href: str, document: str) -> str | None:
        """Return the name of the file to which ``href`` refers in a document of the tree.

        Args:
            href: a path relative to the document or an absolute one, percent-encoded or not, or a ``file:``
                address of this machine.
            document: name of the document.

        Returns:
            The name in ``files``, or None for an address on another machine, a path outside of the folder, or a
            file that does not exist.
        """
        if is_remote(href):
            return None
        if href[:5].lower() == "file:":
            path = unquote(urlsplit(href).path)
            return self._name_of(path) if path.startswith("/") else None
        for text in dict.fromkeys((href, unquote(href))):
            name = self._name_of(posixpath.join(str(self.root), posixpath.dirname(document), text))
            if name is not None:
                return name
        return None

    def _name_of(self, path: str) -> str | None:
        """Return the name of the file at an absolute path, with links to the folder resolved or not."""
        for folder in (self.root, self.configured_root):
            name = posixpath.relpath(posixpath.normpath(path), str(folder))
            if name in self.files:
                return name
        return None


def scan(root: Path) -> Tree:
    """List the files below ``root``. Links to folders and links that lead out of it are left out.

    Hidden files, unfinished uploads, GDAL's ``.aux.xml`` files and names that are not UTF-8 are left out too.

    Raises:
        SourceUnavailable: the folder does not exist.
    """
    top = os.path.realpath(root)
    if not os.path.isdir(top):
        raise SourceUnavailable(image_id="", band="", problem="the folder of the catalog does not exist")
    files = []
    auxiliary = []
    for folder, folders, names in os.walk(top):
        folders[:] = [name for name in folders if not name.startswith(".") and is_text(name)]
        for name in [name for name in folders if array_format(name)]:
            folders.remove(name)  # a store, and not a folder of files: it may hold millions
            path = os.path.join(folder, name)
            store = _store(path)
            if store is not None:
                files.append((os.path.relpath(path, top).replace(os.sep, "/"), store))
        for name in names:
            path = os.path.join(folder, name)
            if name.lower().endswith(_auxiliary_suffix) and is_text(name):
                auxiliary.append(os.path.relpath(path, top).replace(os.sep, "/"))
            file = None if _is_ignored(name) else _regular_file(path, top)
            if file is not None:
                files.append((os.path.relpath(path, top).replace(os.sep, "/"), file))
    return Tree(Path(top), Path(os.path.abspath(root)), dict(sorted(files)), tuple(sorted(auxiliary)))


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
        return None  # removed since the folder was listed, or a broken link
    if not stat.S_ISREG(status.st_mode) or os.path.commonpath((top, path)) != top:
        return None
    return path, version_of(status)


def _store(path: str) -> tuple[str, str] | None:
    """Return path and version of a folder that is a file of arrays; None for a link, or a folder that is none."""
    try:
        return None if os.path.islink(path) else (path, array_version(path))
    except SourceUnavailable:
        return None


def is_raster(name: str) -> bool:
    """Return whether a file name has the extension of a raster."""
    return name.lower().endswith(_raster_suffixes)


def is_document(name: str) -> bool:
    """Return whether a file name has the extension of a JSON document."""
    return name.lower().endswith(_document_suffixes)


def is_remote(href: str) -> bool:
    """Return whether an address has another scheme than file, such as https or s3, or names another machine."""
    if href[:5].lower() != "file:":
        return _scheme.match(href) is not None
    try:
        return urlsplit(href).netloc.lower() not in {"", "localhost"}
    except ValueError:
        return True


def natural_key(text: str) -> tuple[tuple[bool, int, str], ...]:
    """Return a sort key that orders numbers in texts by their value.

    >>> sorted(["B11", "B2", "B8A", "B8"], key=natural_key)
    ['B2', 'B8', 'B8A', 'B11']
    """
    parts = re.split(r"([0-9]+)", text)
    return tuple((part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in parts if part)
