"""Makes an entry of a STAC item, wherever the item came from. Assets that are rasters become bands."""

from collections.abc import Callable, Mapping
from typing import Any

import orjson
import shapely
from odc.geo.crs import CRS

from rasterwire.catalog.claims import asset_claim, place_members
from rasterwire.catalog.document import as_mapping, as_numbers, as_text, as_time, limit_properties
from rasterwire.catalog.entry import Disagreement, Entry, Naming, Source, left_out_notes
from rasterwire.catalog.tree import Location, is_raster, is_remote
from rasterwire.errors import InvalidRequest
from rasterwire.files.sources import is_covered
from rasterwire.geo.region import Region, box_region

__all__ = ["NO_FILE", "entry_of_item", "footprint_of_item", "is_item", "shown"]

NO_FILE = "no such file in the catalog's folder"

_raster_types = ("image/tiff", "image/jp2", "image/vnd.stac.geotiff", "application/vnd+zarr", "application/vnd.zarr")

_MAX_OUTLINE = 10_000
"""Vertices of a footprint; of one with more, the bounding box counts."""

_lonlat = CRS("EPSG:4326")


def is_item(feature: Mapping[str, Any]) -> bool:
    """Tell whether a GeoJSON feature is a STAC item; others have no id or no assets."""
    has_id = as_text(feature.get("id")) is not None
    return has_id and "stac_version" in feature and isinstance(feature.get("assets"), dict)


def entry_of_item(item: Mapping[str, Any], origin: str, locate: Callable[[str], Location | None]) -> Entry:
    """Return the entry of a STAC item.

    Args:
        item: for which ``is_item`` is true.
        origin: name of the document that holds it.
        locate: finds the file of an asset's address; None where there is none. An address on another machine that no
            source of the settings covers is not looked for.
    """
    image_id = str(item["id"])
    properties = as_mapping(item.get("properties"))
    start_time = as_time(properties.get("datetime")) or as_time(properties.get("start_datetime"))
    moment = "" if start_time is None else start_time.isoformat()
    sources: list[Source] = []
    notes: list[Disagreement] = []
    missing: list[tuple[str, str]] = []
    remote: list[tuple[str, str]] = []
    place = place_members(properties)
    for key, value in item["assets"].items():
        asset = as_mapping(value)
        href = as_text(asset.get("href"))
        if href is None:
            continue
        is_elsewhere = is_remote(href)
        name = href.partition("?")[0] if is_elsewhere else href  # signed addresses have a query string
        if not is_raster(name) and not _is_raster_type(asset):
            continue
        if is_elsewhere and not is_covered(href):
            remote.append((key, href))
            continue
        location = locate(href)
        if location is None:
            notes.append(Disagreement(image_id=image_id, band=key, field="file", claim=shown(href), value=NO_FILE))
            missing.append((key, NO_FILE))
        else:
            sources.append(Source(key, location.name, location.href, asset_claim(asset, place), moment))
    limited_properties, left_out = limit_properties(properties)
    notes += left_out_notes(image_id, left_out)
    return Entry(
        id=image_id,
        origin=origin,
        naming=Naming.ASSETS,
        sources=tuple(sources),
        start_time=start_time,
        properties=limited_properties,
        collection=as_text(item.get("collection")) or "",
        notes=tuple(notes),
        missing_assets=tuple(missing),
        remote_assets=tuple(remote),
        footprint=footprint_of_item(item),
    )


def footprint_of_item(item: Mapping[str, Any]) -> Region | None:
    """Return the outline of an item on the ground, from its geometry, else from its bbox; None where neither is valid.

    Longitudes and latitudes in degrees; an outline over the antimeridian may have longitudes beyond 180.
    """
    geometry = item.get("geometry")
    if isinstance(geometry, dict) and geometry.get("type") in {"Polygon", "MultiPolygon"}:
        sides = _sides_of(geometry)
        if sides is not None:
            return Region(shapely.box(*sides), _lonlat)
        try:
            shape = shapely.from_geojson(_json(geometry))
            shape = shapely.force_2d(shape) if shape.has_z else shape
        except (shapely.GEOSException, ValueError, TypeError):
            shape = None
        if shape is not None and _is_usable(shape):
            return Region(shape, _lonlat)
    box = as_numbers(item.get("bbox"), (4, 6))
    if box is None:
        return None
    west, south, east, north = box if len(box) == 4 else (box[0], box[1], box[3], box[4])
    try:
        return box_region(west, south, east, north)
    except InvalidRequest:
        return None


def _sides_of(geometry: Mapping[str, Any]) -> tuple[float, float, float, float] | None:
    """Return west, south, east, north of an outline that is a box with four corners, as most are; else None.

    No general parser and no test of crossing edges is needed then, which would take longer than all else of an item.
    """
    match geometry:
        case {"type": "Polygon", "coordinates": [[[x, y], second, [far_x, far_y], fourth, last]]}:
            values = (x, y, far_x, far_y)
            others = ([x, far_y], [far_x, y])
            if last != [x, y] or (second, fourth) not in (others, others[::-1]):
                return None
            if not all(type(value) is float or type(value) is int for value in values):
                return None
            west, south, east, north = min(x, far_x), min(y, far_y), max(x, far_x), max(y, far_y)
            is_usable = -540 <= west < east <= 540 and -90 <= south < north <= 90
            return (float(west), float(south), float(east), float(north)) if is_usable else None
        case _:
            return None


def _json(geometry: Mapping[str, Any]) -> str:
    return orjson.dumps(geometry).decode()


def _is_usable(shape: shapely.Geometry) -> bool:
    if shape.is_empty or shapely.get_num_coordinates(shape) > _MAX_OUTLINE or not shape.is_valid:
        return False
    west, south, east, north = shape.bounds
    return bool(-540 <= west <= east <= 540 and -90 <= south <= north <= 90)


def _is_raster_type(asset: Mapping[str, Any]) -> bool:
    return (as_text(asset.get("type")) or "").lower().startswith(_raster_types)


def shown(href: str) -> str:
    """Return the form of an address in notes: of an absolute path, only the name of the file."""
    is_absolute = href.startswith("/") or href[:5].lower() == "file:"
    return "an absolute path to " + href.rsplit("/", 1)[-1] if is_absolute else href
