"""Reads what STAC items and Earth Engine's image descriptions claim of a raster file.

STAC has several fields for the same fact: bands are in ``eo:bands`` and ``raster:bands`` (1.0) or in
``bands`` (1.1), the crs is in ``proj:code``, ``proj:epsg``, ``proj:wkt2`` or ``proj:projjson``. Each of
these may be in the band, the asset or the item; the band has priority, then the asset.
"""

import json
import math
from collections.abc import Mapping
from functools import lru_cache
from itertools import zip_longest
from typing import Any

import numpy as np
import orjson

from rasterwire.catalog.document import as_list, as_mapping, as_number, as_numbers, as_text
from rasterwire.catalog.entry import BandClaim, Claim

__all__ = ["asset_claim", "earth_engine_claim", "place_members"]

_BAND_MEMBERS = frozenset(
    (
        *("bands", "eo:bands", "raster:bands"),
        *("data_type", "nodata", "raster:scale", "scale", "raster:offset", "offset", "unit"),
    )
)
"""Members of an asset that tell of its bands."""

_PLACE_MEMBERS = frozenset(("proj:shape", "proj:transform", "proj:code", "proj:epsg", "proj:wkt2", "proj:projjson"))
"""Members of an asset or item that tell where its pixels are."""

_MEMBERS = _BAND_MEMBERS | _PLACE_MEMBERS

# STAC's names of types that have another name in numpy.
_stac_types = {"cfloat32": "complex64", "cfloat64": "complex128", "cint16": "complex_int16"}


def place_members(properties: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return those properties of an item that tell where the pixels of its assets are."""
    return {name: value for name, value in properties.items() if name in _PLACE_MEMBERS}


def asset_claim(asset: Mapping[str, Any], place: Mapping[str, Any]) -> Claim:
    """Return what an asset and its item claim.

    Source: https://github.com/stac-extensions/projection and
    https://github.com/radiantearth/stac-spec/blob/v1.1.0/commons/common-metadata.md

    Args:
        asset: a member of ``assets``.
        place: ``place_members`` of the item.
    """
    names = _names_of_members(tuple(asset))
    members = {name: asset[name] for name in names}
    try:
        text = orjson.dumps((members, place))
    except TypeError:  # numbers too large for this writer
        return _claim(members, place)
    if b"null" in text:  # which may have been NaN
        return _claim(members, place)
    return _claim_of(text)


@lru_cache(maxsize=1024)
def _names_of_members(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return those members of an asset that are claims; millions of assets have the same members."""
    return tuple(name for name in names if name in _MEMBERS)


_Place = tuple[tuple[int, int] | None, tuple[float, ...] | None, str | None]
"""Shape, transform and crs."""


@lru_cache(maxsize=16384)
def _claim_of(text: bytes) -> Claim:
    """Return a claim from JSON of members of an asset and its item; millions of assets have few different ones."""
    members, place = orjson.loads(text)
    bands = {name: value for name, value in members.items() if name in _BAND_MEMBERS}
    return Claim(*_place(members, place), _bands_of(orjson.dumps(bands)))


def _claim(members: Mapping[str, Any], place: Mapping[str, Any]) -> Claim:
    return Claim(*_place(members, place), _bands(members))


def _place(members: Mapping[str, Any], place: Mapping[str, Any]) -> _Place:
    levels = (members, place)
    crs = _crs(members) or _crs(place)
    return _shape(_nearest(levels, "proj:shape")), _transform(_nearest(levels, "proj:transform")), crs


@lru_cache(maxsize=4096)
def _bands_of(text: bytes) -> tuple[BandClaim, ...]:
    return _bands(orjson.loads(text))


def _nearest(levels: tuple[Mapping[str, Any], ...], *keys: str) -> object:
    """Return the first value that is not null: by level, then by key."""
    for level in levels:
        for key in keys:
            value = level.get(key)
            if value is not None:
                return value
    return None


def _shape(value: object) -> tuple[int, int] | None:
    numbers = as_numbers(value, (2,))
    return None if numbers is None else (int(numbers[0]), int(numbers[1]))


def _transform(value: object) -> tuple[float, ...] | None:
    """Return six numbers. Of a matrix of nine, the last row is constant and left out."""
    numbers = as_numbers(value, (6, 9))
    return None if numbers is None else numbers[:6]


def _crs(level: Mapping[str, Any]) -> str | None:
    if code := as_text(level.get("proj:code")):
        return code
    if (epsg := as_number(level.get("proj:epsg"))) is not None and math.isfinite(epsg):
        return f"EPSG:{int(epsg)}"
    if wkt := as_text(level.get("proj:wkt2")):
        return wkt
    projjson = as_mapping(level.get("proj:projjson"))
    try:
        return json.dumps(projjson) if projjson else None
    except RecursionError:  # lists in lists in lists: no crs
        return None


def _bands(asset: Mapping[str, Any]) -> tuple[BandClaim, ...]:
    bands = as_list(asset.get("bands"))
    if bands:
        return tuple(_band_claim(as_mapping(band), {}, asset) for band in bands)
    names, rasters = as_list(asset.get("eo:bands")), as_list(asset.get("raster:bands"))
    pairs = zip_longest(names, rasters)
    return tuple(_band_claim(as_mapping(name), as_mapping(raster), asset) for name, raster in pairs)


def _band_claim(band: Mapping[str, Any], raster: Mapping[str, Any], asset: Mapping[str, Any]) -> BandClaim:
    levels = (raster, band, asset)
    dtype = as_text(_nearest(levels, "data_type"))
    return BandClaim(
        name=as_text(band.get("name")),
        dtype=_stac_types.get(dtype, dtype) if dtype else None,
        nodata=as_number(_nearest(levels, "nodata")),
        scale=as_number(_nearest(levels, "raster:scale", "scale")),
        offset=as_number(_nearest(levels, "raster:offset", "offset")),
        unit=as_text(_nearest(levels, "unit")),
        common_name=as_text(band.get("eo:common_name")) or as_text(band.get("common_name")),
    )


def earth_engine_claim(band: Mapping[str, Any]) -> Claim:
    """Return what an entry of ``bands`` in an Earth Engine image description claims.

    Source: ``ee.Image.getInfo()``; dimensions are columns, rows. It may have STAC's ``common_name`` besides.
    """
    dimensions = _shape(band.get("dimensions"))
    return Claim(
        shape=None if dimensions is None else (dimensions[1], dimensions[0]),
        transform=_transform(band.get("crs_transform")),
        crs=as_text(band.get("crs")),
        bands=(
            BandClaim(
                name=as_text(band.get("id")),
                dtype=_pixel_type(as_mapping(band.get("data_type"))),
                common_name=as_text(band.get("common_name")),
            ),
        ),
    )


def _pixel_type(data_type: Mapping[str, Any]) -> str | None:
    """Return the numpy name of an Earth Engine pixel type; None where no type has exactly its range."""
    match data_type.get("precision"):
        case "float":
            return "float32"
        case "double":
            return "float64"
        case "int":
            limits = (data_type.get("min"), data_type.get("max"))
            for name in ("uint8", "int8", "uint16", "int16", "uint32", "int32"):
                if limits == (np.iinfo(name).min, np.iinfo(name).max):
                    return name
        case _:
            pass
    return None
