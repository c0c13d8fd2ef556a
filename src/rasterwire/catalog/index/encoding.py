"""Entries and headers as bytes, in JSON: a file that somebody else wrote can hold wrong values, but runs no code.

Values that JSON has no form for, and the times of an entry, return as they were.
"""

import base64
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import orjson
import shapely
import zstandard
from affine import Affine
from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox
from pyproj.exceptions import ProjError

from rasterwire.catalog.entry import BandClaim, Claim, Disagreement, Entry, Naming, Source
from rasterwire.catalog.header import BandHeader, Header
from rasterwire.errors import SourceUnavailable
from rasterwire.geo.crs_text import plain_form
from rasterwire.geo.region import Region
from rasterwire.image import BandMetadata, ControlPoint, FileMetadata, Tiling

__all__ = [
    "Compression",
    "entry_of",
    "fields_of_entry",
    "header_of",
    "json_of",
    "json_of_entry",
    "json_of_header",
    "json_value",
    "notes_of",
    "rows_of_notes",
]

_MAX_BODY = 64 << 20
"""Bytes of an entry or header."""

_DAMAGED = "an entry of the index of this catalog is damaged; build it again"

_EXACT = b" "
"""Begins a text that only the slower parser reads exactly: with NaN, or integers of more than 64 bits."""


def json_of(value: Any) -> bytes:
    """Return a value of JSON as UTF-8; also NaN, infinite numbers, large integers and half surrogate pairs."""
    try:
        text = orjson.dumps(value)
    except TypeError:
        return _EXACT + json.dumps(value, separators=(",", ":")).encode()
    if b"null" not in text:  # which may have been NaN
        return text
    return _EXACT + json.dumps(value, separators=(",", ":")).encode()


def json_value(text: bytes) -> Any:
    """Return the value that ``json_of`` wrote."""
    return json.loads(text) if text[:1] == _EXACT else orjson.loads(text)


@contextmanager
def _reading() -> Iterator[None]:
    """Tell in words that a body is not of the form it should have.

    Raises:
        SourceUnavailable: always then.
    """
    try:
        yield
    except (ValueError, TypeError, LookupError, AttributeError, shapely.GEOSException, ProjError) as error:
        raise SourceUnavailable.of_file(_DAMAGED) from error


class Compression:
    """Makes bodies smaller, with a dictionary of what they have in common. For one thread at a time."""

    def __init__(self, read_dictionary: Callable[[], bytes]) -> None:
        """Set what reads the dictionary of the index; it returns b"" where there is none as yet."""
        self._read_dictionary = read_dictionary
        self._compressor = zstandard.ZstdCompressor(level=1)
        self._plain = zstandard.ZstdDecompressor()
        self._decompressor: zstandard.ZstdDecompressor | None = None
        self.renew()

    @property
    def has_dictionary(self) -> bool:
        """Whether there is a dictionary."""
        return self._decompressor is not None

    def renew(self) -> None:
        """Read the dictionary again."""
        dictionary = self._read_dictionary()
        if dictionary:
            data = zstandard.ZstdCompressionDict(dictionary)
            self._compressor = zstandard.ZstdCompressor(level=1, dict_data=data)
            self._decompressor = zstandard.ZstdDecompressor(dict_data=data)

    def pack(self, body: bytes) -> bytes:
        """Return a smaller form of a body."""
        return self._compressor.compress(body)

    def unpack(self, packed: bytes) -> bytes:
        """Return a body from its smaller form.

        Raises:
            SourceUnavailable: it is damaged.
        """
        try:
            parameters = zstandard.get_frame_parameters(packed)
            if parameters.content_size <= _MAX_BODY:
                if parameters.dict_id and self._decompressor is None:
                    self.renew()  # made since the connection was opened
                decompressor = self._decompressor if parameters.dict_id else self._plain
                if decompressor is not None:
                    return decompressor.decompress(packed)
        except zstandard.ZstdError as error:
            raise SourceUnavailable.of_file(_DAMAGED) from error
        raise SourceUnavailable.of_file(_DAMAGED)


def json_of_entry(entry: Entry, outline: bool) -> bytes:
    """Return an entry as JSON.

    Args:
        entry: any.
        outline: whether its footprint is to be part of it; else it is stored elsewhere.
    """
    fields: dict[str, Any] = {"id": entry.id, "origin": entry.origin, "naming": entry.naming.value}
    optional = {
        "collection": entry.collection,
        "start": entry.start_time.isoformat() if entry.start_time is not None else "",
        "properties": entry.properties,
        "sources": [_row_of_source(source) for source in entry.sources],
        "order": entry.band_order,
        "notes": rows_of_notes(entry.notes),
        "missing": entry.missing_assets,
        "remote": entry.remote_assets,
        "outline": _row_of_region(entry.footprint) if outline and entry.footprint is not None else None,
    }
    fields |= {name: value for name, value in optional.items() if value}
    return json_of(fields)


def fields_of_entry(body: bytes) -> Mapping[str, Any]:
    """Return the fields of an entry: ``id``, and those that are not empty of ``collection`` and ``properties``.

    ``start`` and ``footprint`` are a time and a region.
    """
    with _reading():
        fields: dict[str, Any] = json_value(body)
        fields["start"] = datetime.fromisoformat(fields["start"]) if "start" in fields else None
        fields["footprint"] = _region_of(fields["outline"]) if "outline" in fields else None
        return fields


def entry_of(body: bytes, footprint: Region | None) -> Entry:
    """Return the entry of a body; ``footprint`` is that of an entry whose own is stored elsewhere."""
    fields = fields_of_entry(body)
    with _reading():
        return Entry(
            id=fields["id"],
            origin=fields["origin"],
            naming=Naming(fields["naming"]),
            sources=tuple(_source_of(row) for row in fields.get("sources", ())),
            start_time=fields["start"],
            properties=fields.get("properties", {}),
            collection=fields.get("collection", ""),
            band_order=tuple(fields.get("order", ())),
            notes=notes_of(fields.get("notes", ())),
            missing_assets=tuple((key, problem) for key, problem in fields.get("missing", ())),
            remote_assets=tuple((key, href) for key, href in fields.get("remote", ())),
            footprint=footprint if fields["footprint"] is None else fields["footprint"],
        )


def rows_of_notes(notes: Sequence[Disagreement]) -> list[list[str]]:
    """Return notes as JSON values."""
    return [[note.image_id, note.band, note.field, note.claim, note.value] for note in notes]


def notes_of(rows: Sequence[Sequence[str]]) -> tuple[Disagreement, ...]:
    """Return the notes of ``rows_of_notes``."""
    return tuple(Disagreement(*row) for row in rows)


def _row_of_source(source: Source) -> list[Any]:
    claim = source.claim
    optional = {
        "shape": claim.shape,
        "transform": claim.transform,
        "crs": claim.crs,
        "bands": [_fields_of_band_claim(band) for band in claim.bands],
        "moment": source.moment,
    }
    return [source.key, source.name, source.href, {name: value for name, value in optional.items() if value}]


def _fields_of_band_claim(band: BandClaim) -> dict[str, Any]:
    values = {
        "name": band.name,
        "dtype": band.dtype,
        "nodata": band.nodata,
        "scale": band.scale,
        "offset": band.offset,
        "unit": band.unit,
    }
    return {name: value for name, value in values.items() if value is not None}


def _source_of(row: Sequence[Any]) -> Source:
    key, name, href, claim = row
    shape, transform = claim.get("shape"), claim.get("transform")
    return Source(
        key,
        name,
        href,
        Claim(
            shape=None if shape is None else (shape[0], shape[1]),
            transform=None if transform is None else tuple(transform),
            crs=claim.get("crs"),
            bands=tuple(
                BandClaim(
                    band.get("name"),
                    band.get("dtype"),
                    band.get("nodata"),
                    band.get("scale"),
                    band.get("offset"),
                    band.get("unit"),
                )
                for band in claim.get("bands", ())
            ),
        ),
        claim.get("moment", ""),
    )


def _crs_of(text: str) -> CRS:
    """Return the crs of a text that this module wrote; other texts could name files."""
    if plain_form(text) is None:
        raise ValueError("no crs")
    return CRS(text)


def _row_of_region(region: Region) -> list[Any]:
    return [str(region.crs), region.geodesic, _text_of(shapely.to_wkb(region.geometry))]


def _region_of(row: Sequence[Any]) -> Region:
    crs, geodesic, outline = row
    return Region(shapely.from_wkb(_bytes_of(outline)), _crs_of(crs), geodesic)


def _text_of(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _bytes_of(text: str) -> bytes:
    return base64.b64decode(text)


def json_of_header(header: Header) -> bytes:
    """Return a header as JSON. The metadata of files, which the bands of a file have in common, is there once."""
    files = {id(metadata.file): metadata.file for metadata in header.metadata}
    positions = {key: position for position, key in enumerate(files)}
    return json_of(
        {
            "driver": header.driver,
            "grid": _row_of_grid(header.grid),
            "placed": header.is_placed,
            "bands": [_row_of_band(band) for band in header.bands],
            "overviews": header.overviews,
            "exact": header.exact_overviews,
            "plain": header.plain,
            "tiling": _row_of_tiling(header.tiling),
            "version": header.version,
            "metadata": [_row_of_metadata(metadata, positions[id(metadata.file)]) for metadata in header.metadata],
            "files": [_row_of_file(file) for file in files.values()],
            "ground": None if header.ground is None else _row_of_grid(header.ground),
        }
    )


def header_of(body: bytes) -> Header:
    """Return the header of ``json_of_header``."""
    with _reading():
        fields = json_value(body)
        files = [_file_of(row) for row in fields["files"]]
        return Header(
            driver=fields["driver"],
            grid=_grid_of(fields["grid"]),
            is_placed=fields["placed"],
            bands=tuple(BandHeader(*row) for row in fields["bands"]),
            overviews=tuple((width, height) for width, height in fields["overviews"]),
            exact_overviews=fields["exact"],
            plain=fields["plain"],
            tiling=None if fields["tiling"] is None else Tiling(*fields["tiling"]),
            version=fields["version"],
            metadata=tuple(_metadata_of(row, files) for row in fields["metadata"]),
            ground=None if fields["ground"] is None else _grid_of(fields["ground"]),
        )


def _row_of_grid(grid: GeoBox) -> list[Any]:
    return [list(grid.shape), list(grid.affine)[:6], None if grid.crs is None else str(grid.crs)]


def _grid_of(row: Sequence[Any]) -> GeoBox:
    (rows, columns), transform, crs = row
    return GeoBox((rows, columns), Affine(*transform), None if crs is None else _crs_of(crs))


def _row_of_band(band: BandHeader) -> list[Any]:
    return [
        band.description,
        band.dtype,
        band.nodata,
        band.masked,
        band.mask_is_own,
        band.scale,
        band.offset,
        band.unit,
    ]


def _row_of_tiling(tiling: Tiling | None) -> list[Any] | None:
    return None if tiling is None else [tiling.height, tiling.width, tiling.compression, tiling.predictor]


def _row_of_metadata(metadata: BandMetadata, file: int) -> list[Any]:
    return [metadata.description, metadata.color, _text_of(metadata.palette), metadata.items, file]


def _metadata_of(row: Sequence[Any], files: Sequence[FileMetadata]) -> BandMetadata:
    description, color, palette, items, file = row
    return BandMetadata(description, color, _bytes_of(palette), _pairs(items), files[file])


def _row_of_file(file: FileMetadata) -> list[Any]:
    crs = None if file.crs is None else str(file.crs)
    points = [list(point) for point in file.points]
    return [file.items, file.is_point, points, file.rpcs, crs, file.points_not_read, file.not_read, file.domains]


def _file_of(row: Sequence[Any]) -> FileMetadata:
    items, is_point, points, rpcs, crs, points_not_read, not_read, domains = row
    return FileMetadata(
        _pairs(items),
        is_point,
        tuple(ControlPoint(*point) for point in points),
        _pairs(rpcs),
        None if crs is None else _crs_of(crs),
        points_not_read,
        not_read,
        tuple(domains),
    )


def _pairs(rows: Sequence[Sequence[str]]) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in rows)
