"""The metadata of a Zarr store: of its group, of its arrays by CF as xarray and rioxarray read them, and coordinates.

Source: Zarr core specification 3.0; CF 1.11, sections 2.5.1, 3.4, 3.5, 4.1, 4.2, 5.6 and 8.1; the consolidated metadata
that zarr-python 3 and xarray write and read.
"""

import base64
import json
import struct
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import numpy as np
import numpy.typing as npt
from pyproj.exceptions import ProjError

from rasterwire.export.job import ExportJob
from rasterwire.export.zarr_layout import COORDINATES, GRID_MAPPING, StoredArray, ZarrLayout
from rasterwire.export.zarr_part import BYTES_CODEC, codecs_of, shard_codec
from rasterwire.plan import BandPlan, RasterPlan
from rasterwire.request import Encoding

__all__ = ["array_documents", "coordinates_of", "group_document", "is_of_export", "json_of", "mark"]

_OWN = "rasterwire"
"""The attribute of the group that says which export wrote it."""

_meaningful = {
    *("_FillValue", "missing_value", "scale_factor", "add_offset", "units", "calendar", "dtype", "_Unsigned"),
    *("coordinates", "grid_mapping", "ancillary_variables", "bounds", "cell_methods", "flag_values", "flag_masks"),
    *("multiscales", "zarr_conventions", "Conventions", "valid_range", "valid_min", "valid_max", _OWN),
}
"""Attributes that change how arrays are read: no item of a source file may be taken for one of them."""

_meaningful_beginnings = ("spatial:", "proj:", "_")


def mark(export_id: str) -> bytes:
    """Return the metadata of a group without arrays, which keeps its place for an export until this is done."""
    return json_of(_group({_OWN: {"export": f"exports/{export_id}"}}, {}))


def is_of_export(document: bytes, export_id: str) -> bool:
    """Tell whether the metadata of a group are those of an export, done or not."""
    try:
        return bool(json.loads(document)["attributes"][_OWN]["export"] == f"exports/{export_id}")
    except (ValueError, KeyError, TypeError):
        return False


def group_document(export_id: str, job: ExportJob, arrays: Mapping[str, Mapping[str, Any]]) -> bytes:
    """Return the metadata of the group, with those of all arrays, by their names: one request finds them all."""
    raster = job.plan.rasters[0]
    record = {
        "export": f"exports/{export_id}",
        "version": version("rasterwire"),
        "etag": job.plan.etag,
        "images": list(job.plan.scene_ids),
        "provenance": f"{job.prefix.rpartition('/')[2]}.provenance.json",
    }
    attributes = _items(raster.metadata.items) | {
        "Conventions": "CF-1.11",
        "title": job.prefix.rpartition("/")[2],
        _OWN: record,
    }
    return json_of(_group(attributes, arrays))


def _group(attributes: Mapping[str, Any], arrays: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    consolidated = {"kind": "inline", "must_understand": False, "metadata": arrays}
    return {
        "zarr_format": 3,
        "node_type": "group",
        "attributes": attributes,
        "consolidated_metadata": consolidated,
    }


def array_documents(raster: RasterPlan, encoding: Encoding, layout: ZarrLayout) -> dict[str, dict[str, Any]]:
    """Return the metadata of all arrays, by their names."""
    documents = {}
    shape, shard = (layout.height, layout.width), shard_codec(encoding, layout.chunk)
    for array in layout.arrays:
        attributes = _mask_attributes(array, raster) if array.is_mask else _band_attributes(array, raster)
        documents[array.name] = _array(array.dtype, shape, layout.shard, attributes) | {
            "codecs": [shard],
            "fill_value": _stored_number(array.fill, array.dtype),
            "dimension_names": list(COORDINATES),
        }
    for name, values in coordinates_of(raster).items():
        documents[name] = _array("float64", values.shape, values.shape, _axis_attributes(name, raster)) | {
            "codecs": codecs_of(encoding),
            "fill_value": "NaN",
            "dimension_names": [name],
        }
    documents[GRID_MAPPING] = _array("int64", (), (), _mapping_attributes(raster)) | {
        "codecs": [BYTES_CODEC],
        "fill_value": 0,
        "dimension_names": [],
    }
    return documents


def _array(dtype: str, shape: tuple[int, ...], chunk: tuple[int, ...], attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "zarr_format": 3,
        "node_type": "array",
        "shape": list(shape),
        "data_type": dtype,
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": list(chunk)}},
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
        "attributes": attributes,
        "storage_transformers": [],
    }


def _band_attributes(array: StoredArray, raster: RasterPlan) -> dict[str, Any]:
    assert array.band is not None
    band = raster.bands[array.band]
    items = raster.metadata.band_items[array.band] if raster.metadata.band_items else ()
    attributes = _items(items) | _value_attributes(band)
    if band.name != array.name:
        attributes.setdefault("long_name", band.name)
    if band.nodata is not None:
        attributes["_FillValue"] = _fill_attribute(band.nodata, band.dtype)
    if array.mask:
        attributes["ancillary_variables"] = array.mask
    return attributes | {"grid_mapping": GRID_MAPPING, "coordinates": GRID_MAPPING}


def _value_attributes(band: BandPlan) -> dict[str, Any]:
    stored, attributes = band.source.stored, dict[str, Any]()
    if stored is None:
        return attributes
    if (stored.value_scale, stored.value_offset) != (1.0, 0.0):
        attributes |= {"scale_factor": stored.value_scale, "add_offset": stored.value_offset}
    if stored.unit:
        attributes["units"] = stored.unit
    return attributes


def _mask_attributes(array: StoredArray, raster: RasterPlan) -> dict[str, Any]:
    of = "all bands" if array.band is None else raster.bands[array.band].name
    return {
        "long_name": f"mask of {of}",
        "standard_name": "status_flag",
        "flag_values": [0, 1],
        "flag_meanings": "invalid valid",
        "grid_mapping": GRID_MAPPING,
        "coordinates": GRID_MAPPING,
    }


def coordinates_of(raster: RasterPlan) -> dict[str, npt.NDArray[np.float64]]:
    """Return the centres of rows and of columns, by the names of their dimensions; none where a grid is turned."""
    affine: Any = raster.grid.affine
    height, width = raster.grid.shape
    if affine.b or affine.d:
        return {}
    return {
        "y": affine.f + (np.arange(int(height)) + 0.5) * affine.e,
        "x": affine.c + (np.arange(int(width)) + 0.5) * affine.a,
    }


def _axis_attributes(name: str, raster: RasterPlan) -> dict[str, Any]:
    crs, axis = raster.grid.crs, name.upper()
    axes: list[dict[str, Any]] = [] if crs is None else crs.proj.cs_to_cf()
    return next((dict(item) for item in axes if item.get("axis") == axis), {"axis": axis})


def _mapping_attributes(raster: RasterPlan) -> dict[str, Any]:
    affine, crs, attributes = raster.grid.affine, raster.grid.crs, dict[str, Any]()
    if crs is not None:
        try:
            attributes = dict(crs.proj.to_cf())
        except (ProjError, KeyError, ValueError):  # CF has no words for it
            attributes = {"crs_wkt": crs.proj.to_wkt()}
        attributes["spatial_ref"] = attributes["crs_wkt"]
    numbers = (affine.c, affine.a, affine.b, affine.f, affine.d, affine.e)
    return attributes | {"GeoTransform": " ".join(repr(float(number)) for number in numbers)}


def _items(items: tuple[tuple[str, str], ...]) -> dict[str, Any]:
    return {
        name: value for name, value in items if name not in _meaningful and not name.startswith(_meaningful_beginnings)
    }


def _fill_attribute(value: float | int, dtype: str) -> int | str:
    """Return a nodata value as xarray writes and reads it: that of floats as base64 of a double."""
    if np.dtype(dtype).kind == "f":
        return base64.standard_b64encode(struct.pack("<d", float(np.dtype(dtype).type(value)))).decode()
    return int(value)


def _stored_number(value: float | int, dtype: str) -> int | float | str:
    """Return a value of an array as metadata of Zarr have it."""
    if np.dtype(dtype).kind != "f":
        return int(value)
    number = float(np.dtype(dtype).type(value))
    if np.isnan(number):
        return "NaN"
    return number if np.isfinite(number) else "Infinity" if number > 0 else "-Infinity"


def json_of(document: Mapping[str, Any]) -> bytes:
    """Return a document as it is stored."""
    return json.dumps(document, ensure_ascii=False, allow_nan=False).encode()
