"""What a catalog knows of an image before a raster is opened: files, and what documents claim of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

__all__ = ["BandClaim", "Claim", "Disagreement", "Entry", "Naming", "Source", "left_out_notes"]


class Naming(StrEnum):
    """How the bands of an image get their names."""

    WHOLE_FILE = "whole file"
    FOLDER = "folder"
    ASSETS = "assets"


@dataclass(frozen=True, slots=True)
class BandClaim:
    """What a document says of one band; None where it says nothing."""

    name: str | None = None
    dtype: str | None = None
    nodata: float | None = None
    scale: float | None = None
    offset: float | None = None
    unit: str | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """What a document says of a file; None or empty where it says nothing.

    Attributes:
        shape: rows and columns.
        transform: row-major [xScale, xShear, xTrans, yShear, yScale, yTrans], in units of the crs.
        crs: authority code, WKT or PROJJSON.
        bands: in the order of the file.
    """

    shape: tuple[int, int] | None = None
    transform: tuple[float, ...] | None = None
    crs: str | None = None
    bands: tuple[BandClaim, ...] = ()


@dataclass(frozen=True, slots=True)
class Source:
    """One raster file of an image.

    Attributes:
        key: the asset key, or the stem of the file.
        name: of the file, relative to the catalog's folder.
        path: absolute, links resolved; for the server only.
        claim: what a document says of it.
    """

    key: str
    name: str
    path: str
    claim: Claim = field(default_factory=Claim)


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A document of the catalog says one thing and the files say another.

    Attributes:
        image_id: the image; the document's name where there is no image.
        band: name of the band, asset or file; empty where the whole image is meant.
        field: what they disagree on, such as ``shape``.
        claimed, found: what the catalog says and what there is; never an absolute path.
    """

    image_id: str
    band: str
    field: str
    claimed: str
    found: str

    def __str__(self) -> str:
        where = f"{self.image_id}, {self.band}" if self.band else self.image_id
        return f"{where}: {self.field}: the catalog says {self.claimed}; found {self.found}"


def left_out_notes(image_id: str, left_out: Mapping[str, str]) -> list[Disagreement]:
    """Return what is to be said of properties that are not told, by name and reason."""
    return [
        Disagreement(image_id, "", f"property {key[:60]!r}", "a value", f"{why}, so it is left out")
        for key, why in left_out.items()
    ]


@dataclass(frozen=True, slots=True)
class Entry:
    """An image of the index.

    Attributes:
        id: as clients ask for it.
        origin: name of the document or folder it comes from.
        naming: how its bands get their names.
        sources: its raster files, in order.
        start_time: when it was taken, with a time zone, or None.
        properties: JSON values.
        collection: that a document names, or "".
        band_order: names that come first, in this order.
        notes: what was found amiss without opening a raster.
        absent: assets that should be in the folder, and what is the matter with them.
        elsewhere: assets with addresses on other machines.
    """

    id: str
    origin: str
    naming: Naming
    sources: tuple[Source, ...]
    start_time: datetime | None = None
    properties: Mapping[str, Any] = field(default_factory=dict)
    collection: str = ""
    band_order: tuple[str, ...] = ()
    notes: tuple[Disagreement, ...] = ()
    absent: tuple[tuple[str, str], ...] = ()
    elsewhere: tuple[tuple[str, str], ...] = ()
