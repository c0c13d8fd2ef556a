"""The files of a catalog's folder, and the lookup of addresses in its documents.

A tree never contains files outside of the folder. An address is looked up among the files of the tree, so
``../..`` and symbolic links to other folders find nothing.
"""

import os
import posixpath
import re
import stat
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from rasterwire.catalog.document import is_text
from rasterwire.errors import CatalogUnavailable, SourceUnavailable
from rasterwire.files.arrays.opened import array_format, array_version
from rasterwire.files.beside import is_chosen, is_picture, is_virtual, version_beside
from rasterwire.files.byte_reader import version_of
from rasterwire.files.sources import is_local
from rasterwire.files.tile_index import is_tile_index_name
from rasterwire.files.virtual_file import is_virtual_name

__all__ = [
    "Folder",
    "Location",
    "Tree",
    "gives_own_images",
    "is_auxiliary",
    "is_document",
    "is_raster",
    "is_remote",
    "is_unfinished",
    "join",
    "link_in",
    "may_be_chosen",
    "natural_key",
    "remote_location",
    "scan",
]

_raster_suffixes = (".tif", ".tiff", ".jp2")
_picture_suffixes = (".png", ".jpg", ".jpeg")
_document_suffixes = (".json", ".geojson")
_TICK = 3_000_000_000
"""Nanoseconds; the longest step of the times of files. Those of FAT are 2 s, those of some network folders 1 s."""

_LINK = ">"
"""Stands between the version of a file and the path that a link leads to."""

_usual_schemes = ("https://", "s3://", "gs://", "http://")
_scheme = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_plain_url = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[A-Za-z0-9.:_-]*((?:/[A-Za-z0-9/._=,+-]*)?)")
"""Most URLs of millions of assets: without a query, a user, an address of IPv6 and characters that are encoded."""


class Location(NamedTuple):
    """Where a file of a catalog is.

    Attributes:
        name: of the file, for people; without the folder of the catalog, or the host and query of a URL.
        href: its address; see ``files.sources``.
    """

    name: str
    href: str


@dataclass(frozen=True, slots=True)
class Folder:
    """What is directly in a folder. Equal ones hold the same files in the same versions.

    Attributes:
        stamp: device, inode, modification and change time of the folder.
        is_settled: whether no later change can have the same stamp, since clocks of file systems tick slowly.
        folders: names of the folders in it.
        files: version of each regular file, by its name.
        links: real path of each of these files that is a link.
        auxiliary: names of GDAL's ``.aux.xml`` files; these are not in ``files``.
        chosen: names of the PNG, JPEG and VRT files and tile indexes that are read, see ``files.beside``.
    """

    stamp: tuple[int, int, int, int] = field(compare=False)
    is_settled: bool = field(compare=False)
    folders: tuple[str, ...]
    files: Mapping[str, str]
    links: Mapping[str, str]
    auxiliary: tuple[str, ...]
    chosen: frozenset[str] = frozenset()

    def state_of(self, name: str) -> str:
        """Return a text that changes when a file does, or when a link leads elsewhere; see ``link_in``."""
        return f"{self.files[name]}{_LINK}{self.links[name]}" if name in self.links else self.files[name]


def link_in(state: str) -> str:
    """Return the real path of a file that is a link, from its state; "" for any other file."""
    return state.partition(_LINK)[2]


@dataclass(frozen=True, slots=True)
class Tree:
    """The regular files below a folder, or the objects below an address of an object store.

    Equal trees have the same files in the same versions.

    Attributes:
        root: the folder, links resolved; or the address, without a slash at its end.
        configured_root: the folder of the configuration, absolute, links not resolved; or the address too.
        folders: what is in each folder, by its name relative to the root, with slashes; "" for the root.
        unread: names of the folders that are there and cannot be listed now.
    """

    root: str
    configured_root: str
    folders: Mapping[str, Folder]
    unread: frozenset[str] = frozenset()

    def names(self) -> list[str]:
        """Return the names of all files relative to the root, with slashes, sorted."""
        return sorted(join(name, file) for name, folder in self.folders.items() for file in folder.files)

    def auxiliary(self) -> list[str]:
        """Return the names of GDAL's ``.aux.xml`` files; these are not in ``names``."""
        return sorted(join(name, file) for name, folder in self.folders.items() for file in folder.auxiliary)

    def version_of(self, name: str) -> str | None:
        """Return the version of a file; None where there is no such file."""
        parent, _, base = name.rpartition("/")
        folder = self.folders.get(parent)
        return None if folder is None else folder.files.get(base)

    def state_of(self, name: str) -> str | None:
        """Return the state of a file, see ``Folder.state_of``; None where there is no such file."""
        parent, _, base = name.rpartition("/")
        folder = self.folders.get(parent)
        return None if folder is None or base not in folder.files else folder.state_of(base)

    def is_raster(self, name: str) -> bool:
        """Return whether a file is a raster by its name, or one that is read since the operator says so."""
        parent, _, base = name.rpartition("/")
        return is_raster(name) or (parent in self.folders and base in self.folders[parent].chosen)

    def path_of(self, name: str) -> str:
        """Return the absolute path of a file of the tree, links resolved; or the address of an object."""
        parent, _, base = name.rpartition("/")
        return self.folders[parent].links.get(base) or f"{self.root.rstrip('/')}/{name}"

    def location(self, href: str, document: str) -> Location | None:
        """Return where the file is to which ``href`` refers, see ``locate``; a URL is its own location."""
        if is_remote(href):
            return remote_location(href)
        name = self.locate(href, document)
        return None if name is None else Location(name, self.path_of(name))

    def locate(self, href: str, document: str) -> str | None:
        """Return the name of the file to which ``href`` refers in a document of the tree.

        Args:
            href: a path relative to the document or an absolute one, percent-encoded or not, or a ``file:``
                address of this machine.
            document: name of the document.

        Returns:
            The name, or None for an address on another machine, a path outside of the folder, or a file that does not
            exist.
        """
        return next((name for name in self.candidates(href, document) if self.version_of(name) is not None), None)

    def candidates(self, href: str, document: str) -> Iterator[str]:
        """Yield the names that a file may have to which ``href`` refers, whether there is such a file or not.

        Args:
            href: see ``locate``.
            document: name of the document.
        """
        if not is_local(self.root):
            yield from self._object_names(href, document)
            return
        if is_remote(href):
            return
        if href[:5].lower() == "file:":
            path = unquote(urlsplit(href).path)
            paths = [path] if path.startswith("/") else []
        else:
            folder = posixpath.join(self.root, posixpath.dirname(document))
            paths = [posixpath.join(folder, text) for text in dict.fromkeys((href, unquote(href)))]
        for path in paths:
            plain = "/" + posixpath.normpath(path).lstrip("/")
            for root in dict.fromkeys((self.root, self.configured_root)):
                top = root.rstrip("/") + "/"
                if plain.startswith(top):
                    yield plain[len(top) :]

    def _object_names(self, href: str, document: str) -> Iterator[str]:
        top = self.root + "/"
        if is_remote(href):
            name = href.removeprefix(top) if href.startswith(top) else ".."
        else:
            name = posixpath.join(posixpath.dirname(document), href)
        for plain in dict.fromkeys(map(posixpath.normpath, (name, unquote(name)))):
            if not plain.startswith(("/", "..")):
                yield plain


def join(folder: str, name: str) -> str:
    """Return the name of a file in a folder of a tree, relative to the root."""
    return f"{folder}/{name}" if folder else name


def scan(root: Path, last: Tree | None = None, *, is_quick: bool = False) -> Tree:
    """List the files below ``root``. Links to folders and links that lead out of it are left out.

    Hidden files, unfinished uploads, GDAL's ``.aux.xml`` files and names that are not UTF-8 are left out too.

    Args:
        root: the folder.
        last: an earlier tree of it; its folders are in the new tree where nothing in them changed.
        is_quick: whether a folder of the earlier tree is taken for unchanged where nothing was added to it, removed
            from it or renamed. A file that was written again in its place is not noticed then.

    Raises:
        SourceUnavailable: the folder does not exist, or cannot be listed.
    """
    top = os.path.realpath(root)
    if not os.path.isdir(top):
        raise CatalogUnavailable("the folder of the catalog does not exist")
    earlier = {} if last is None else last.folders
    folders: dict[str, Folder] = {}
    unread: set[str] = set()
    pending = [""]
    while pending:
        name = pending.pop()
        try:
            folder = _folder(os.path.join(top, name) if name else top, top, earlier.get(name), is_quick)
        except OSError as error:
            if not name:
                raise SourceUnavailable.of_file("the folder of the catalog cannot be listed") from error
            unread.add(name)
            continue
        if folder is not None:
            folders[name] = folder
            pending.extend(join(name, child) for child in folder.folders)
    return Tree(top, os.path.abspath(root), folders, frozenset(unread))


def _folder(path: str, top: str, last: Folder | None, is_quick: bool) -> Folder | None:
    """Return what is in a folder, the earlier value where that is equal; None where it is gone.

    Raises:
        OSError: it cannot be listed.
    """
    try:
        status = os.lstat(path)
        if not stat.S_ISDIR(status.st_mode):
            return None  # replaced since its parent was listed, by a link, say
        stamp = status.st_dev, status.st_ino, status.st_mtime_ns, status.st_ctime_ns
        if is_quick and last is not None and last.is_settled and last.stamp == stamp:
            return last
        is_settled = time.time_ns() - max(status.st_mtime_ns, status.st_ctime_ns) > _TICK
        with os.scandir(path) as entries:
            folder = _listed(list(entries), top, stamp, is_settled)
    except (FileNotFoundError, NotADirectoryError):
        return None
    return last if last == folder and last.stamp == stamp and last.is_settled == is_settled else folder


def _listed(
    entries: Sequence[os.DirEntry[str]], top: str, stamp: tuple[int, int, int, int], is_settled: bool
) -> Folder:
    folders: list[str] = []
    files: dict[str, str] = {}
    links: dict[str, str] = {}
    auxiliary: list[str] = []
    for entry in entries:
        name = entry.name
        if name.startswith(".") or not is_text(name):
            continue
        try:
            if entry.is_dir(follow_symlinks=False):
                if array_format(name) == "zarr":
                    files[name] = array_version(entry.path)  # a file to the catalog: it may hold millions
                else:
                    folders.append(name)
            elif is_auxiliary(name):
                auxiliary.append(name)
            elif not is_unfinished(name) and (file := _regular_file(entry, top)) is not None:
                path, files[name] = file
                if path != entry.path:
                    links[name] = path
        except (OSError, ValueError, SourceUnavailable):
            continue  # removed since the folder was listed, or a broken link
    chosen = frozenset[str]()
    if entries and is_chosen():
        paths = {name: links.get(name) or f"{os.path.dirname(entries[0].path)}/{name}" for name in files}
        files |= {name: files[name] + version_beside(path) for name, path in paths.items()}
        chosen = frozenset(name for name, path in paths.items() if is_picture(path) or is_virtual(path))
    return Folder(stamp, is_settled, tuple(sorted(folders)), files, links, tuple(sorted(auxiliary)), chosen)


def _regular_file(entry: os.DirEntry[str], top: str) -> tuple[str, str] | None:
    """Return real path and version of a regular file whose real path is below ``top``."""
    path, status = entry.path, entry.stat(follow_symlinks=False)
    if stat.S_ISLNK(status.st_mode):
        path = os.path.realpath(path)
        status = os.stat(path)
    if not stat.S_ISREG(status.st_mode) or (path != entry.path and os.path.commonpath((top, path)) != top):
        return None
    return path, version_of(status)


def remote_location(href: str) -> Location | None:
    """Return the location of a URL; None where it is none that can be read."""
    plain = _plain_url.fullmatch(href)
    if plain is not None:
        return Location(plain[1].lstrip("/"), href)
    try:
        return Location(unquote(urlsplit(href).path).lstrip("/"), href)
    except ValueError:
        return None


def is_raster(name: str) -> bool:
    """Return whether a file name has the extension of a raster, or of a file of arrays."""
    return name.endswith(_raster_suffixes) or name.lower().endswith(_raster_suffixes) or bool(array_format(name))


def may_be_chosen(name: str) -> bool:
    """Return whether a file name is that of a PNG, JPEG or VRT file or a tile index, and some of these may be read."""
    return is_chosen() and (name.lower().endswith(_picture_suffixes) or _names_rasters(name))


def gives_own_images(name: str) -> bool:
    """Return whether a file gives images of its own, wherever it is, and is no part of that of its folder."""
    return bool(array_format(name)) or _names_rasters(name)


def _names_rasters(name: str) -> bool:
    """Return whether a file name is that of a file that names others."""
    return is_virtual_name(name) or is_tile_index_name(name)


def is_auxiliary(name: str) -> bool:
    """Return whether a file name is that of GDAL's metadata beside a raster."""
    return name.lower().endswith(".aux.xml")


def is_unfinished(name: str) -> bool:
    """Return whether a file name is that of an unfinished upload."""
    return name.lower().endswith(".part")


def is_document(name: str) -> bool:
    """Return whether a file name has the extension of a JSON document."""
    return name.lower().endswith(_document_suffixes)


def is_remote(href: str) -> bool:
    """Return whether an address has another scheme than file, such as https or s3, or names another machine."""
    if href.startswith(_usual_schemes):  # as those of most of millions of assets
        return True
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
