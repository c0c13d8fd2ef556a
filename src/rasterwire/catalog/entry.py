"""Entries of a catalog's index: images with their files and the claims of documents, before a raster is opened."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from rasterwire.geo.region import Region

__all__ = ["BandClaim", "Claim", "Disagreement", "Entry", "Naming", "Source", "left_out_notes"]


class Naming(StrEnum):
    """How the bands of an image get their names."""

    WHOLE_FILE = "whole file"
    FOLDER = "folder"
    ASSETS = "assets"


@dataclass(frozen=True, slots=True)
class BandClaim:
    """What a document claims of a band; None where it gives no value."""

    name: str | None = None
    dtype: str | None = None
    nodata: float | None = None
    scale: float | None = None
    offset: float | None = None
    unit: str | None = None
    common_name: str | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """What a document claims of a file; None or empty where it gives no value.

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
        href: its address, see ``files.sources``; of a local file absolute, links resolved. For the server only.
        claim: what a document claims of it.
        moment: of a file of arrays, the time of its layers: that of ``Moment.id``, or one in the form of ISO 8601.
    """

    key: str
    name: str
    href: str
    claim: Claim = field(default_factory=Claim)
    moment: str = ""


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A difference between a document of the catalog and the files.

    Attributes:
        image_id: the image; the document's name where there is no image.
        band: name of the band, asset or file; empty where it is about the whole image.
        field: the property that differs, such as ``shape``.
        claim: the value in the catalog's document; never an absolute path.
        value: the value in the file; never an absolute path.
    """

    image_id: str
    band: str
    field: str
    claim: str
    value: str

    @property
    def problem(self) -> str:
        """What is wrong, without the image or document that it is about."""
        is_of_document = self.field == "document"
        return self.value if is_of_document else f"{self.field}: the catalog says {self.claim}; found {self.value}"

    def __str__(self) -> str:
        subject = f"{self.image_id}, {self.band}" if self.band else self.image_id
        return f"{subject}: {self.field}: the catalog says {self.claim}; found {self.value}"


def left_out_notes(image_id: str, left_out: Mapping[str, str]) -> list[Disagreement]:
    """Return a note for each property that is left out, from reasons by name."""
    return [
        Disagreement(
            image_id=image_id,
            band="",
            field=f"property {key[:60]!r}",
            claim="a value",
            value=f"{reason}, so it is left out",
        )
        for key, reason in left_out.items()
    ]


@dataclass(frozen=True, slots=True)
class Entry:
    """An image in the index.

    Attributes:
        id: the name in requests.
        origin: name of the document or folder that defines it.
        naming: how its bands get their names.
        sources: its raster files, in order.
        start_time: time of acquisition with a time zone, or None.
        properties: JSON values.
        collection: the name in a document, or "".
        band_order: names of the first bands, in this order.
        notes: problems that are seen without opening a raster.
        missing_assets: key and problem of each asset that should be in the folder and is missing.
        remote_assets: key and address of each asset on another machine that no source of the settings covers.
        footprint: its outline on the ground by its document; None where that says nothing of use.
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
    missing_assets: tuple[tuple[str, str], ...] = ()
    remote_assets: tuple[tuple[str, str], ...] = ()
    footprint: Region | None = None
