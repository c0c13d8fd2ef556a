"""Makes a STAC item of an entry: the other direction of ``items``."""

from datetime import datetime
from pathlib import Path
from typing import Any

import shapely
from odc.geo.crs import CRS

from rasterwire.catalog.entry import BandClaim, Claim, Entry
from rasterwire.files.sources import is_local
from rasterwire.geo.region.relations import to_crs

__all__ = ["item_of_entry"]

_lonlat = CRS("EPSG:4326")

_STAC_TYPES = {"complex64": "cfloat32", "complex128": "cfloat64", "complex_int16": "cint16"}
"""STAC's names of types that have another name in numpy."""


def item_of_entry(entry: Entry) -> dict[str, Any]:
    """Return an entry as a STAC item of version 1.0.0. Of local files the addresses are those of this machine."""
    shape = None if entry.footprint is None else to_crs(entry.footprint, _lonlat).geometry
    assets: dict[str, Any] = {
        source.key: {"href": Path(source.href).as_uri() if is_local(source.href) else source.href}
        | _fields(source.claim)
        for source in entry.sources
    }
    assets |= {key: {"href": href, "type": "image/tiff"} for key, href in entry.remote_assets}
    time = entry.start_time.isoformat().replace("+00:00", "Z") if isinstance(entry.start_time, datetime) else None
    item: dict[str, Any] = {
        "type": "Feature",
        "stac_version": "1.0.0",
        "stac_extensions": [],
        "id": entry.id,
        "geometry": None if shape is None else shapely.geometry.mapping(shape),
        "properties": {"datetime": time, **entry.properties},
        "links": [],
        "assets": assets,
    }
    if shape is not None:
        item["bbox"] = list(shape.bounds)
    if entry.collection:
        item["collection"] = entry.collection
    return item


def _fields(claim: Claim) -> dict[str, Any]:
    """Return what a document claimed of a file, in the names of STAC."""
    fields: dict[str, Any] = {"type": "image/tiff; application=geotiff"}
    if claim.shape is not None:
        fields["proj:shape"] = list(claim.shape)
    if claim.transform is not None:
        fields["proj:transform"] = list(claim.transform)
    if claim.crs is not None:
        fields["proj:code" if len(claim.crs) < 20 else "proj:wkt2"] = claim.crs
    if claim.bands:
        fields["raster:bands"] = [_band_fields(band) for band in claim.bands]
        names = [{"name": band.name, "common_name": band.common_name} for band in claim.bands]
        if any(band.name or band.common_name for band in claim.bands):
            fields["eo:bands"] = [{key: name for key, name in band.items() if name} for band in names]
    return fields


def _band_fields(band: BandClaim) -> dict[str, Any]:
    values = {
        "data_type": None if band.dtype is None else _STAC_TYPES.get(band.dtype, band.dtype),
        "nodata": band.nodata,
        "scale": band.scale,
        "offset": band.offset,
        "unit": band.unit,
    }
    return {name: value for name, value in values.items() if value is not None}
