"""Parts of entries, and headers, as values of JSON."""

import base64
from collections.abc import Sequence
from typing import Any

import shapely
from affine import Affine
from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox

from rasterwire.catalog.entry import BandClaim, Claim, Disagreement, Source
from rasterwire.catalog.header import BandHeader, Header
from rasterwire.catalog.index.bodies import json_of, json_value, reading
from rasterwire.geo.crs_text import plain_form
from rasterwire.geo.region import Region
from rasterwire.image import BandMetadata, ControlPoint, FileMetadata, Tiling

__all__ = [
    "header_of",
    "json_of_header",
    "notes_of",
    "region_of_row",
    "row_of_region",
    "row_of_source",
    "rows_of_notes",
    "source_of",
]


def rows_of_notes(notes: Sequence[Disagreement]) -> list[list[str]]:
    """Return notes as JSON values."""
    return [[note.image_id, note.band, note.field, note.claim, note.value] for note in notes]


def notes_of(rows: Sequence[Sequence[str]]) -> tuple[Disagreement, ...]:
    """Return the notes of ``rows_of_notes``."""
    return tuple(Disagreement(*row) for row in rows)


def row_of_source(source: Source) -> list[Any]:
    """Return a source as a value of JSON."""
    claim = _fields_of_claim(source.claim)
    return [source.key, source.name, source.href, claim | {"moment": source.moment} if source.moment else claim]


_claims: dict[int, tuple[Claim, dict[str, Any]]] = {}
"""Claims by their identity, and their fields: the assets of millions of items share few objects."""

_MAX_CLAIMS = 16_384


def _fields_of_claim(claim: Claim) -> dict[str, Any]:
    entry = _claims.get(id(claim))
    if entry is not None and entry[0] is claim:
        return entry[1]
    fields: dict[str, Any] = {}
    if claim.shape:
        fields["shape"] = claim.shape
    if claim.transform:
        fields["transform"] = claim.transform
    if claim.crs:
        fields["crs"] = claim.crs
    if claim.bands:
        fields["bands"] = [_fields_of_band_claim(band) for band in claim.bands]
    if len(_claims) >= _MAX_CLAIMS:
        _claims.clear()
    _claims[id(claim)] = claim, fields
    return fields


def _fields_of_band_claim(band: BandClaim) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if band.name is not None:
        fields["name"] = band.name
    if band.dtype is not None:
        fields["dtype"] = band.dtype
    if band.nodata is not None:
        fields["nodata"] = band.nodata
    if band.scale is not None:
        fields["scale"] = band.scale
    if band.offset is not None:
        fields["offset"] = band.offset
    if band.unit is not None:
        fields["unit"] = band.unit
    if band.common_name is not None:
        fields["common_name"] = band.common_name
    return fields


def source_of(row: Sequence[Any]) -> Source:
    """Return the source of ``row_of_source``."""
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
                    band.get("common_name"),
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


def row_of_region(region: Region) -> list[Any]:
    """Return a region as a value of JSON."""
    return [str(region.crs), region.geodesic, _text_of(shapely.to_wkb(region.geometry))]


def region_of_row(row: Sequence[Any]) -> Region:
    """Return the region of ``row_of_region``."""
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
    with reading():
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
