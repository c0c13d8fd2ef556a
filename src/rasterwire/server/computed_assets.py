"""The images that an expression makes, as Earth Engine's assets: what imageCollection:computeImages answers.

Source of the forms: https://developers.google.com/earth-engine/reference/rest/v1/projects.imageCollection
"""

import contextlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from rasterwire.crs import crs_name
from rasterwire.errors import InvalidExpression, invalid
from rasterwire.expression.answer import answer
from rasterwire.expression.geometry import as_geojson, to_crs
from rasterwire.expression.values import LONLAT, BandValue, CollectionValue, ImageValue

_MOST_PAGE = 1000


def images_page(value: Any, body: Mapping[str, Any]) -> dict[str, Any]:
    """Return a page of the images of a collection, with the token of the next one.

    Args:
        value: the result of an expression.
        body: pageSize and pageToken, both optional.

    Raises:
        InvalidExpression: the result is no collection of images.
        InvalidRequest: the page is none.
    """
    if not isinstance(value, CollectionValue) or not value.of_images:
        raise InvalidExpression("the result of the expression is no collection of images.")
    size = min(_MOST_PAGE, _count(body, "pageSize") or _MOST_PAGE)
    start = _count(body, "pageToken")
    told: dict[str, Any] = {"images": [_asset(image) for image in value.elements[start : start + size]]}
    if start + size < len(value):
        told["nextPageToken"] = str(start + size)
    return told


def grid_json(band: BandValue) -> dict[str, Any]:
    """Return the grid of a band as a PixelGrid."""
    t = band.projection.transform
    keys = ("scaleX", "shearX", "translateX", "shearY", "scaleY", "translateY")
    told: dict[str, Any] = {"crsCode": crs_name(band.projection.crs)}
    if band.grid is not None:
        t = band.grid.affine
        told["dimensions"] = {"width": int(band.grid.shape[1]), "height": int(band.grid.shape[0])}
    return told | {"affineTransform": dict(zip(keys, tuple(t)[:6], strict=True))}


def _asset(image: Any) -> dict[str, Any]:
    if not isinstance(image, ImageValue):
        raise InvalidExpression("an element of the collection is no image.")
    told: dict[str, Any] = {"type": "IMAGE"}
    if image.id is not None:
        told |= {"id": image.id, "name": f"projects/earthengine-public/assets/{image.id}"}
    for key, name in (("system:time_start", "startTime"), ("system:time_end", "endTime")):
        millis = image.properties.get(key)
        if isinstance(millis, int | float):
            with contextlib.suppress(ValueError, OverflowError, OSError):
                told[name] = datetime.fromtimestamp(millis / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    region = image.footprint()
    if region is not None:
        with contextlib.suppress(InvalidExpression):
            told["geometry"] = as_geojson(to_crs(region, LONLAT))
    return told | {"bands": list(map(band_json, image.bands)), "properties": answer(dict(image.properties))}


def band_json(band: BandValue) -> dict[str, Any]:
    """Return a band as an ImageBand: its type, and its grid."""
    return {"id": band.name, "dataType": _type(band), "grid": grid_json(band)}


def _type(band: BandValue) -> dict[str, Any]:
    told: dict[str, Any] = {"precision": band.type.precision.upper()}
    if band.type.low is not None and band.type.high is not None:
        told["range"] = {"min": band.type.low, "max": band.type.high}
    return told


def _count(body: Mapping[str, Any], key: str) -> int:
    said = body.get(key) or 0
    try:
        number = int(said)
    except (TypeError, ValueError, OverflowError):
        raise invalid(key, "NOT_A_NUMBER", f"{str(said)[:20]!r} is no number") from None
    if number < 0:
        raise invalid(key, "NOT_A_NUMBER", f"{number} is less than 0")
    return number
