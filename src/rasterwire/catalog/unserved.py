"""What lies in a catalog's folder, or is named by its documents, and is not served."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from rasterwire.catalog.entry import Entry
from rasterwire.catalog.tree import Tree

__all__ = ["AN_IMAGE", "Unserved", "counted", "find_unserved", "lines", "summary"]

AN_IMAGE = "an image is a GeoTIFF or JPEG 2000 file, a folder of these, or a STAC item of these"
"""Said where a folder holds none."""

_INSIDE = "a raster is what its own bytes say; put it into the file"

_SIDECARS = {
    ".msk": f"a mask beside a raster is ignored: {_INSIDE}",
    ".ovr": f"overviews beside a raster are ignored: {_INSIDE}",
    ".aux.xml": f"GDAL's notes beside a raster are ignored: {_INSIDE}",
} | dict.fromkeys(
    (".tfw", ".tifw", ".tiffw", ".wld", ".j2w", ".jp2w"), f"a world file is ignored: {_INSIDE} as a geotransform"
)

_format = re.compile(
    r".*(\.(?:vrt|img|nc4?|cdf|hdf[45]?|h5|he5|gri?b2?|ecw|sid|asc|bil|bsq|bip|hgt|dem|dt[012]|mrf|gpkg|mbtiles|ntf|nitf"
    r"|adf|rst|j2k|jpx|j2c|tiff?\.gz|gtiff|geotiff))",
    re.DOTALL,
)
_NOT_READ = "not read, since only files of the folder are served"
_NO_FORMAT = "a format that is not served: convert it to GeoTIFF, with an extension of .tif"


@dataclass(frozen=True, slots=True)
class Unserved:
    """One thing that is not served.

    Attributes:
        name: of the file, relative to the folder, or the image and its asset.
        kind: what others of its like share, such as ``.msk``.
        why: and what to do.
        place: the other machine that an asset is on; "" for files.
    """

    name: str
    kind: str
    why: str
    place: str = ""

    def __str__(self) -> str:
        return f"{self.name}: {f'at {self.place}, ' if self.place else ''}{self.why}"


def lines(found: Iterable[Unserved]) -> list[str]:
    """Return a line for each file, and one for all assets of each other machine."""
    every = list(found)
    places = Counter(one.place for one in every if one.place)
    files = [str(one) for one in every if not one.place]
    return files + [
        f"{count} {'asset' if count == 1 else 'assets'} at {place}: {_NOT_READ}" for place, count in places.items()
    ]


def find_unserved(tree: Tree, entries: Iterable[Entry]) -> Iterator[Unserved]:
    """Yield the files of a tree, and the assets of its images, that no request reaches though one may expect it."""
    for name in sorted({*tree.files, *tree.notes}):
        lower = name.lower()
        for kind, why in _SIDECARS.items():
            if lower.endswith(kind):
                yield Unserved(name, kind, why)
        if found := _format.fullmatch(lower):
            yield Unserved(name, found[1], _NO_FORMAT)
    for entry in entries:
        for key, href in entry.elsewhere:
            place = _place(href)
            yield Unserved(f"{entry.id}, {key}", f"asset at {place.split(':')[0]}", _NOT_READ, place)


def _place(href: str) -> str:
    """Return scheme and machine of an address: what follows may hold secrets."""
    try:
        parts = urlsplit(href)
        return f"{parts.scheme[:20]}://{(parts.hostname or '')[:100]}"
    except ValueError:
        return "an address that cannot be read"


def counted(images: int, without: int) -> str:
    """Return how many images there are, and how many of them have no raster in the folder.

    >>> counted(1, 0), counted(47, 25)
    ('1 image', '47 images, 25 without rasters')
    """
    return f"{images} image{'' if images == 1 else 's'}" + (f", {without} without rasters" if without else "")


def summary(found: Iterable[Unserved]) -> str:
    """Return in one line how many there are of each kind, "" for none."""
    counts = Counter(one.kind for one in found)
    return ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items()))
