"""Images as Earth Engine's assets: of the catalog, or made by an expression.

Source of the forms: https://developers.google.com/earth-engine/reference/rest/v1/projects.assets
"""

import contextlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from rasterwire.download.image_values import image_value
from rasterwire.errors import InvalidExpression, InvalidRequest
from rasterwire.expression.answer import answer
from rasterwire.expression.functions.geometry.geometries import as_geojson
from rasterwire.expression.language.values import LONLAT, BandValue, ImageValue
from rasterwire.geo.crs import crs_name
from rasterwire.geo.region.relations import to_crs
from rasterwire.image import Image

_PREFIX = "projects/earthengine-public/assets/"


def collection_json(name: str) -> dict[str, Any]:
    """Return a collection as an EarthEngineAsset."""
    return {"type": "IMAGE_COLLECTION", "name": _PREFIX + name, "id": name}


def catalog_image_json(image: Image) -> dict[str, Any]:
    """Return an image of the catalog as an EarthEngineAsset, with its bands where these were read."""
    document = image_json(image_value(image), image.properties)
    return document | ({"updateTime": document["startTime"]} if "startTime" in document else {})


def image_json(image: ImageValue, properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return an image as an EarthEngineAsset.

    Args:
        image: of the catalog, or computed.
        properties: to tell; the image may have more, which the asset says in other words.
    """
    document: dict[str, Any] = {"type": "IMAGE"}
    if image.id is not None:
        document |= {"id": image.id, "name": _PREFIX + image.id}
    for key, name in (("system:time_start", "startTime"), ("system:time_end", "endTime")):
        millis = image.properties.get(key)
        if isinstance(millis, int | float):
            with contextlib.suppress(ValueError, OverflowError, OSError):
                document[name] = datetime.fromtimestamp(millis / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if properties:
        document["properties"] = answer(dict(properties))
    if image.bands:
        document["bands"] = list(map(_band, image.bands))
        region = image.footprint()
        if region is not None:
            with contextlib.suppress(InvalidExpression, InvalidRequest):  # as for a crs that is not tied to the earth
                document["geometry"] = as_geojson(to_crs(region, LONLAT))
    return document


def _band(band: BandValue) -> dict[str, Any]:
    """Return a band as an ImageBand: its type, and its grid."""
    return {"id": band.name, "dataType": _type(band), "grid": _grid(band)}


def _type(band: BandValue) -> dict[str, Any]:
    document: dict[str, Any] = {"precision": band.type.precision.upper()}
    if band.type.low is not None and band.type.high is not None:
        document["range"] = {"min": band.type.low, "max": band.type.high}
    return document


def _grid(band: BandValue) -> dict[str, Any]:
    """Return the grid of a band as a PixelGrid."""
    t = band.projection.transform
    keys = ("scaleX", "shearX", "translateX", "shearY", "scaleY", "translateY")
    document: dict[str, Any] = {"crsCode": crs_name(band.projection.crs)}
    if band.grid is not None:
        t = band.grid.affine
        document["dimensions"] = {"width": int(band.grid.shape[1]), "height": int(band.grid.shape[0])}
    return document | {"affineTransform": dict(zip(keys, tuple(t)[:6], strict=True))}
