"""Files that are read where the operator says so: beside a raster, and those that a VRT or a tile index names.

Beside a raster are overviews, masks, GDAL's notes and world files.

The choice belongs to a folder, and ``configure`` sets the folders of a process. Without it no such file is looked for.
GDAL does not look for them either: it is given the name of each file that it opens.
"""

import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b

from rasterwire.errors import SourceUnavailable
from rasterwire.files.byte_reader import version_of
from rasterwire.files.tile_index import TileIndex, is_tile_index_name, read_tile_index
from rasterwire.files.virtual_file import NAMES_OTHERS, VirtualFile, is_virtual_name, read_virtual

__all__ = [
    "NO_CHOICE",
    "Beside",
    "FormatOptions",
    "beside",
    "configure",
    "is_chosen",
    "is_picture",
    "is_tile_index",
    "is_virtual",
    "options_of",
    "paths_beside",
    "present_version",
    "tile_index",
    "version_beside",
    "virtual_file",
]


@dataclass(frozen=True, slots=True)
class FormatOptions:
    """What is read of a folder besides rasters that need no other file.

    Attributes:
        siblings: ``.ovr``, ``.msk`` and ``.aux.xml`` files beside GeoTIFF and JPEG 2000 files.
        worldfiles: PNG and JPEG files with a world file.
        vrt: VRT files, and the rasters of the folder that they name.
        gti: tile indexes, and the rasters of the folder that they name.
        crs: of PNG and JPEG files for which no file beside them names one; "" for none.
    """

    siblings: bool = False
    worldfiles: bool = False
    vrt: bool = False
    gti: bool = False
    crs: str = ""


NO_CHOICE = FormatOptions()


@dataclass(frozen=True, slots=True)
class Beside:
    """Paths of the files beside a raster, "" for those that there are not.

    Attributes:
        overviews: its overviews as pages of a TIFF.
        mask: a TIFF.
        mask_overviews: those of the mask.
        notes: GDAL's, in XML.
        world: a world file.
        projection: the crs as WKT.
        table: lists the tiles of a tile index in XML.
        sources: the rasters that a VRT or a tile index names.
    """

    overviews: str = ""
    mask: str = ""
    mask_overviews: str = ""
    notes: str = ""
    world: str = ""
    projection: str = ""
    table: str = ""
    sources: tuple[str, ...] = ()

    def paths(self) -> Iterator[str]:
        """Yield the path of each that there is."""
        paths = self.overviews, self.mask, self.mask_overviews, self.notes, self.world, self.projection, self.table
        yield from filter(None, paths)
        yield from self.sources

    def moved(self, paths: Mapping[str, str]) -> "Beside":
        """Return the same files at other paths, by the present ones."""
        return Beside(
            overviews=paths.get(self.overviews, ""),
            mask=paths.get(self.mask, ""),
            mask_overviews=paths.get(self.mask_overviews, ""),
            notes=paths.get(self.notes, ""),
            world=paths.get(self.world, ""),
            projection=paths.get(self.projection, ""),
            table=paths.get(self.table, ""),
            sources=tuple(paths[source] for source in self.sources),
        )

    def rasters(self) -> Iterator[str]:
        """Yield the path of each that is a raster itself."""
        yield from filter(None, (self.overviews, self.mask, self.mask_overviews))
        yield from self.sources


_NONE = Beside()

_RASTERS = (".tif", ".tiff", ".jp2")

_WORLD_FILES = {
    ".png": (".pgw", ".pngw", ".wld"),
    ".jpg": (".jgw", ".jpgw", ".wld"),
    ".jpeg": (".jgw", ".jpegw", ".wld"),
}

_folders: dict[str, FormatOptions] = {}


def configure(folders: Mapping[str, FormatOptions]) -> None:
    """Set the choices of this process by folder; a folder inside of another one may have its own."""
    paths = {os.path.realpath(folder).rstrip("/") + "/": options for folder, options in folders.items()}
    _folders.clear()
    _folders.update(sorted(paths.items(), key=lambda item: -len(item[0])))


def is_chosen() -> bool:
    """Return whether any folder of this process has a choice."""
    return bool(_folders)


def options_of(path: str) -> FormatOptions:
    """Return the choice for a file or folder, links resolved; ``NO_CHOICE`` for remote files."""
    if not _folders:
        return NO_CHOICE
    return _folders.get(_folder_of(path), NO_CHOICE)


def _folder_of(path: str) -> str:
    return next((folder for folder in _folders if f"{path}/".startswith(folder)), "")


def is_picture(path: str) -> bool:
    """Return whether a file is a PNG or JPEG file by its name, that is read since it has a world file."""
    return bool(_found(path).world)


def is_virtual(path: str) -> bool:
    """Return whether a file is a VRT or a tile index by its name, and is read since the operator says so."""
    return (is_virtual_name(path) and options_of(path).vrt) or is_tile_index(path)


def is_tile_index(path: str) -> bool:
    """Return whether a file is a tile index by its name, and is read since the operator says so."""
    return is_tile_index_name(path) and options_of(path).gti


def tile_index(path: str) -> TileIndex:
    """Return what a file for which ``is_tile_index`` holds has in it.

    Raises:
        SourceUnavailable: see ``read_tile_index``.
    """
    return read_tile_index(path, _folder_of(path))


def virtual_file(path: str) -> VirtualFile:
    """Return what a VRT for which ``is_virtual`` holds has in it.

    Raises:
        SourceUnavailable: see ``read_virtual``.
    """
    return read_virtual(path)


def beside(path: str) -> Beside:
    """Return the files beside a raster that are to be read, links resolved.

    Args:
        path: of the raster, links resolved; or the address of a remote one, beside which nothing is read.

    Raises:
        SourceUnavailable: one of them is no regular file, or a link that leads out of the folder; or a VRT cannot be
            read.
    """
    files = _named_by(path) if is_virtual(path) else _found(path)
    folder = _folder_of(path)
    real = {file: os.path.realpath(file) for file in files.paths()}
    for file in real.values():
        try:
            is_sound = file.startswith(folder) and stat.S_ISREG(os.stat(file).st_mode)
        except OSError:
            is_sound = False
        if not is_sound:
            raise SourceUnavailable.of_file(
                NAMES_OTHERS
                if files.sources
                else "a file beside it is not a regular file of the catalog's folder; remove or replace it"
            )
    return files.moved(real) if real else files


def paths_beside(path: str) -> list[str]:
    """Return the paths of the files beside a raster that are read, whether they can be or not."""
    return list(_found(path).paths())


def _found(path: str) -> Beside:
    options = options_of(path)
    if options is NO_CHOICE:
        return _NONE
    stem, suffix = os.path.splitext(path)
    suffix = suffix.lower()
    if is_virtual(path):
        try:
            return _named_by(path)
        except SourceUnavailable:
            return _NONE  # the answer for it tells why
    if options.siblings and suffix in _RASTERS:
        mask = _first(path, ".msk")
        return Beside(_first(path, ".ovr"), mask, mask and _first(mask, ".ovr"), _first(path, ".aux.xml"))
    if options.worldfiles and suffix in _WORLD_FILES:
        world = _first(stem, *_WORLD_FILES[suffix])
        return Beside(world=world, notes=_first(path, ".aux.xml"), projection=_first(stem, ".prj")) if world else _NONE
    return _NONE


def _named_by(path: str) -> Beside:
    """Return the files that a VRT or a tile index names."""
    if not is_tile_index(path):
        return Beside(sources=virtual_file(path).sources)
    index = tile_index(path)
    return Beside(table=index.table, sources=index.sources)


def _first(stem: str, *suffixes: str) -> str:
    names = (stem + written for suffix in suffixes for written in (suffix, suffix.upper()))
    return next(filter(os.path.lexists, names), "")


def version_beside(path: str) -> str:
    """Return a text that changes when the files beside a raster do, or the crs set for them; "" for none."""
    if not _folders:
        return ""
    files = _found(path)
    parts = [f"{os.path.basename(file)}:{_version_of(file)}" for file in files.paths()]
    if files.sources or files.table:
        return f"+{blake2b(chr(0).join(parts).encode(errors='surrogateescape'), digest_size=16).hexdigest()}"
    if files.world:
        parts.append(options_of(path).crs)
    return "".join(f"+{part}" for part in parts)


def _version_of(path: str) -> str:
    try:
        return version_of(os.stat(path))
    except OSError:
        return "missing"


def present_version(path: str) -> str:
    """Return the version of a file of this machine, and of those beside it that are read.

    Raises:
        OSError: there is no such file.
    """
    # for each block: os.stat takes half the time of Path.stat
    return version_of(os.stat(path)) + version_beside(path)
