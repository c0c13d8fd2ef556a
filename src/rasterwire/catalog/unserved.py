"""Files and assets that the catalog finds but does not serve."""

import posixpath
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from rasterwire.catalog.entry import Entry
from rasterwire.catalog.tree import Tree, join
from rasterwire.files.beside import is_chosen, paths_beside
from rasterwire.files.tile_index import is_tile_index_name
from rasterwire.files.virtual_file import is_virtual_name
from rasterwire.units import plural_text

__all__ = ["AN_IMAGE", "Unserved", "count_text", "find_unserved", "lines", "summary"]

AN_IMAGE = (
    "an image is a GeoTIFF or JPEG 2000 file, a folder of these, a Zarr store, a NetCDF file, or a STAC item of these"
)
"""Said where a folder holds none."""

_INSIDE = "only the raster file itself is read; put it into the file"
_OR_CHOOSE = f'{_INSIDE}, or set formats = ["siblings"] for the catalog of the folder'

_SIDECARS = {
    ".msk": f"a mask beside a raster is ignored: {_OR_CHOOSE}",
    ".ovr": f"overviews beside a raster are ignored: {_OR_CHOOSE}",
    ".aux.xml": f"GDAL's notes beside a raster are ignored: {_OR_CHOOSE}",
} | dict.fromkeys(
    (".tfw", ".tifw", ".tiffw", ".wld", ".j2w", ".jp2w"), f"a world file is ignored: {_INSIDE} as a geotransform"
)

_PICTURE = (
    'a picture with a world file is not served: convert it to GeoTIFF, or set formats = ["worldfiles"] for the catalog'
    " of the folder"
)
_PICTURE_WORLD_FILES = (".pgw", ".pngw", ".jgw", ".jpgw", ".jpegw")

_format = re.compile(
    r".*?(\.(?:vrt|gti(?:\.fgb|\.gpkg|\.parquet)?|img|cdf|hdf[45]?|he5|gri?b2?|ecw|sid|asc|bil|bsq|bip|hgt|dem|dt[012]|mrf|gpkg|mbtiles|ntf|nitf"
    r"|adf|rst|j2k|jpx|j2c|tiff?\.gz|gtiff|geotiff))",
    re.DOTALL,
)
_NOT_READ = "not read, since only files of the folder are served"
_NO_FORMAT = "a format that is not served: convert it to GeoTIFF, with an extension of .tif"
_HDF4 = "HDF4, which is not served: convert it to GeoTIFF with gdal_translate, or to HDF5 with h4toh5"
_HDF5 = "served with an extension of .h5 or .nc where it is HDF5 or NetCDF 4: rename it"
_VRT = 'it names other files, and is not served: set formats = ["vrt"] for the catalog of the folder'
_GTI = 'it names other files, and is not served: set formats = ["gti"] for the catalog of the folder'
_OTHER_GTI = (
    "a tile index that is not served: write it with ogr2ogr as a GeoPackage, with an extension of .gti.gpkg, and set"
    ' formats = ["gti"] for the catalog of the folder'
)
_reasons = (
    {".hdf": _HDF4, ".hdf4": _HDF4}
    | dict.fromkeys((".hdf5", ".he5", ".cdf"), _HDF5)
    | {".vrt": _VRT}
    | dict.fromkeys((".gti", ".gti.gpkg"), _GTI)
    | dict.fromkeys((".gti.fgb", ".gti.parquet"), _OTHER_GTI)
)


@dataclass(frozen=True, slots=True)
class Unserved:
    """A file or asset that is not served.

    Attributes:
        name: of the file, relative to the folder, or the image and its asset.
        kind: the group for the summary, such as ``.msk``.
        reason: why it is not served, with the remedy.
        origin: the scheme and host of an asset elsewhere; "" for files.
    """

    name: str
    kind: str
    reason: str
    origin: str = ""

    def __str__(self) -> str:
        return f"{self.name}: {f'at {self.origin}, ' if self.origin else ''}{self.reason}"


def lines(unserved: Iterable[Unserved]) -> list[str]:
    """Return a line for each file, and one for all assets of each other machine."""
    items = list(unserved)
    counts = Counter(item.origin for item in items if item.origin)
    files = [str(item) for item in items if not item.origin]
    return files + [f"{plural_text(count, 'asset')} at {origin}: {_NOT_READ}" for origin, count in counts.items()]


def find_unserved(tree: Tree, entries: Iterable[Entry]) -> Iterator[Unserved]:
    """Yield the files of a tree and the assets of its images that one may expect to be served, and that are not."""
    read = set(_read_by_choice(tree))
    for name in sorted({*tree.names(), *tree.auxiliary()} - read):
        lower = name.lower()
        for kind in _PICTURE_WORLD_FILES:
            if lower.endswith(kind):
                yield Unserved(name, kind, _PICTURE)
        for kind, reason in _SIDECARS.items():
            if lower.endswith(kind):
                yield Unserved(name, kind, reason)
        if match := _format.fullmatch(lower):
            yield Unserved(name, match[1], _reasons.get(match[1], _NO_FORMAT))
    for entry in entries:
        for key, href in entry.remote_assets:
            origin = _origin(href)
            yield Unserved(f"{entry.id}, {key}", f"asset at {origin.split(':')[0]}", _NOT_READ, origin)


def _read_by_choice(tree: Tree) -> Iterator[str]:
    """Yield the names of VRTs and tile indexes that are read, and of files beside rasters."""
    if not is_chosen():
        return
    for name in filter(tree.is_raster, tree.names()):
        if is_virtual_name(name) or is_tile_index_name(name):
            yield name
            continue
        folder = name.rpartition("/")[0]
        for path in paths_beside(tree.path_of(name)):
            yield join(folder, posixpath.basename(path))


def _origin(href: str) -> str:
    """Return scheme and host of an address. The rest may contain secrets."""
    try:
        parts = urlsplit(href)
        return f"{parts.scheme[:20]}://{(parts.hostname or '')[:100]}"
    except ValueError:
        return "an address that cannot be read"


def count_text(images: int, without: int) -> str:
    """Return how many images there are, and how many of them have no raster in the folder.

    >>> count_text(1, 0), count_text(47, 25)
    ('1 image', '47 images, 25 without rasters')
    """
    return plural_text(images, "image") + (f", {without} without rasters" if without else "")


def summary(unserved: Iterable[Unserved]) -> str:
    """Return the number of each kind in one line, "" for none."""
    counts = Counter(item.kind for item in unserved)
    return ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items()))
