"""What stands beside the pixels of an export: where they come from, and a STAC item that finds them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import numpy as np
import shapely
from affine import Affine

from rasterwire.errors import InvalidRequest
from rasterwire.export.job import ExportJob
from rasterwire.export.tiling import file_key, file_windows
from rasterwire.geo.crs import crs_name, parse_crs, transformer
from rasterwire.geo.grid import footprint, shifted
from rasterwire.plan import RasterPlan
from rasterwire.plan.libraries import LIBRARIES
from rasterwire.plan.reading import reading
from rasterwire.plan.types import BandPlan
from rasterwire.request import Format
from rasterwire.store.jobs import ExportRecord

__all__ = ["WrittenFile", "provenance_json", "stac_item_json"]

_MAX_SOURCES = 5000
"""Images that the provenance names; the others are counted."""

_EDGE_POINTS = 20
"""Points along each side of an outline, since sides that are straight in one crs are not in another."""

_GEOTIFF = "image/tiff; application=geotiff"
_COG = f"{_GEOTIFF}; profile=cloud-optimized"

_ZARR = "application/vnd.zarr; version=3"

_CRC32C = "b24304"  # a multihash: crc32c, four bytes; source: the table of multicodec
"""What stands before the digits of a checksum in the field ``file:checksum``."""


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """A file of an export.

    Attributes:
        key: its name in the destination.
        size: in bytes.
        crc32c: of all of it.
    """

    key: str
    size: int
    crc32c: int


def provenance_json(record: ExportRecord, job: ExportJob, files: Sequence[WrittenFile]) -> bytes:
    """Return a JSON document that says how an export came about."""
    ids, source_bytes = reading(job.plan)
    document = {
        "export": f"exports/{record.id}",
        "request": job.params,
        "etag": job.plan.etag,
        "software": {"rasterwire": version("rasterwire"), "libraries": list(LIBRARIES)},
        "created": _time(record.create_time),
        "sources": {"images": sorted(ids)[:_MAX_SOURCES], "count": len(ids), "bytes": source_bytes},
        "rasters": [_raster(raster) for raster in job.plan.rasters],
        "files": [{"key": file.key, "size": file.size, "crc32c": f"{file.crc32c:08x}"} for file in files],
    }
    return json.dumps(document, indent=2, ensure_ascii=False).encode()


def _raster(raster: RasterPlan) -> dict[str, Any]:
    height, width = (int(n) for n in raster.grid.shape)
    bands = [
        {"name": band.name, "data_type": band.dtype, "nodata": _number(band.nodata)}
        | ({} if band.node is not None else {"source_version": band.stored.version})
        for band in raster.bands
    ]
    return {
        "crs": crs_name(raster.grid.crs),
        "transform": list(raster.grid.affine)[:6],
        "width": width,
        "height": height,
        "mask": None if raster.mask is None else raster.mask.value,
        "bands": bands,
    }


def _number(value: float | int | None) -> float | int | str | None:
    """Return a number as JSON has it, which knows none that are not finite."""
    return value if value is None or np.isfinite(value) else f"{value}"


def stac_item_json(record: ExportRecord, job: ExportJob, files: Sequence[WrittenFile]) -> bytes:
    """Return the STAC item of the files of an export; source: STAC 1.1, Projection 2.0 and File 2.1.

    The asset of a file of one band has the name of the band: catalogs call the only band of an asset so.
    """
    raster = job.plan.rasters[0]
    height, width = (int(n) for n in raster.grid.shape)
    outline = _outline(raster)
    name = job.prefix.rpartition("/")[2]
    properties: dict[str, Any] = {
        "datetime": _time(record.create_time),
        "created": _time(record.create_time),
        "title": name,
        **_place(raster.grid.affine, height, width),
    }
    code = crs_name(raster.grid.crs)
    if code and ":" in code and len(code) < 64:
        properties["proj:code"] = code
    document = {
        "type": "Feature",
        "stac_version": "1.1.0",
        "stac_extensions": [
            "https://stac-extensions.github.io/projection/v2.0.0/schema.json",
            "https://stac-extensions.github.io/file/v2.1.0/schema.json",
        ],
        "id": job.prefix,
        "geometry": None if outline is None else shapely.geometry.mapping(outline),
        **({} if outline is None else {"bbox": list(outline.bounds)}),
        "properties": properties,
        "links": [],
        "assets": _assets(job, files),
    }
    return json.dumps(document, indent=2, ensure_ascii=False).encode()


def _assets(job: ExportJob, files: Sequence[WrittenFile]) -> Mapping[str, Any]:
    raster = job.plan.rasters[0]
    cut = file_windows(raster, job.file_side) if job.file_side else ()
    windows = {file_key(job.prefix, window): window for window in cut}
    kind = _COG if job.plan.encoding.cloud_optimized else _GEOTIFF
    assets: dict[str, Any] = {}
    if job.plan.format is Format.ZARR:  # its objects are no assets, and its arrays have the names of the bands
        name = f"{job.prefix.rpartition('/')[2]}.zarr"
        assets["data"] = {"href": f"./{name}", "type": _ZARR, "roles": ["data"]}
        files = [file for file in files if not file.key.startswith(f"{job.prefix}.zarr/")]
    names = [file.key.rpartition("/")[2] for file in files]
    only = raster.bands[0].name if len(raster.bands) == 1 and raster.bands[0].name not in names else "data"
    for name, file in zip(names, files, strict=True):
        window, is_raster = windows.get(file.key), name.endswith((".tif", ".vrt"))
        asset = {
            "href": f"./{name}",
            "type": kind if name.endswith(".tif") else "application/xml" if is_raster else "application/json",
            "roles": ["data" if is_raster else "metadata"],
            "file:size": file.size,
            "file:checksum": f"{_CRC32C}{file.crc32c:08x}",
        }
        if window is not None:
            affine = shifted(raster.grid.affine, window.col, window.row)
            asset |= _place(affine, window.height, window.width)
        if is_raster:
            asset["bands"] = [_band(band) for band in raster.bands]
        assets[only if is_raster and not job.file_side else name] = asset
    return assets


def _place(affine: Affine, height: int, width: int) -> dict[str, Any]:
    return {"proj:shape": [height, width], "proj:transform": list(affine)[:6]}


def _band(band: BandPlan) -> dict[str, Any]:
    nodata = {} if band.nodata is None else {"nodata": _number(band.nodata)}
    return {"name": band.name, "data_type": band.dtype, **nodata}


def _outline(raster: RasterPlan) -> shapely.Geometry | None:
    """Return the outline of a raster in degrees, None where it has no place on earth or reaches beyond what has one."""
    if raster.grid.crs is None:
        return None
    outline = footprint(raster.grid).geometry
    dense = shapely.segmentize(outline, max(outline.length / (4 * _EDGE_POINTS), 1e-12))
    try:
        to_degrees = transformer(raster.grid.crs, parse_crs("EPSG:4326", "crs"))
    except InvalidRequest:  # another planet, or a crs that is tied to nothing
        return None
    x, y = to_degrees.transform(*shapely.get_coordinates(dense).T)
    points = np.column_stack([x, y])
    if not np.isfinite(points).all():
        return None
    return shapely.Polygon(np.round(points, 7))


def _time(time: datetime | None) -> str:
    return (time or datetime.now(UTC)).isoformat(timespec="seconds").replace("+00:00", "Z")
