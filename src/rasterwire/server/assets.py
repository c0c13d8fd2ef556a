"""Images of the catalog as Earth Engine's assets, and the filters of their listings."""

import contextlib
import json
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from rasterwire.catalog import Catalog
from rasterwire.download.world import image_value, plain_id
from rasterwire.errors import InvalidExpression, SourceUnavailable, invalid
from rasterwire.expression.answer import answer
from rasterwire.expression.coerce import millis_of
from rasterwire.expression.geometry import as_geojson, geometry_of_json, intersects, to_crs
from rasterwire.expression.values import LONLAT
from rasterwire.image import Image
from rasterwire.region import Region
from rasterwire.server.computed_assets import band_json

_PREFIX = "projects/earthengine-public/assets/"
_MOST_PAGE = 1000


def asset_json(image: Image) -> dict[str, Any]:
    """Return an image of the catalog, with its bands, as an EarthEngineAsset."""
    told: dict[str, Any] = {"type": "IMAGE", "name": _PREFIX + image.id, "id": image.id}
    if image.start_time is not None:
        time = image.start_time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        told |= {"startTime": time, "endTime": time, "updateTime": time}
    if image.properties:
        told["properties"] = answer(dict(image.properties))
    if image.bands:
        value = image_value(image)
        told["bands"] = list(map(band_json, value.bands))
        region = value.footprint()
        if region is not None:
            with contextlib.suppress(InvalidExpression):
                told["geometry"] = as_geojson(to_crs(region, LONLAT))
    return told


def collection_json(name: str) -> dict[str, Any]:
    """Return a collection as an EarthEngineAsset."""
    return {"type": "IMAGE_COLLECTION", "name": _PREFIX + name, "id": name}


_MOST_FILTER = 1_000_000
_between = re.compile(r"\s*(?:AND\s+)?")

Test = Callable[[Image, Callable[[], Region | None]], bool]


def list_assets(catalog: Catalog, parent: str, query: dict[str, str]) -> dict[str, Any]:
    """Return a page of the images of a collection, of a folder, or of all.

    Args:
        catalog: of the images.
        parent: name of the asset; empty for all.
        query: pageSize, pageToken, filter and view, all optional.

    Raises:
        InvalidRequest: a filter that cannot be read, or a size that is no number.
    """
    tests = _filter(query.get("filter", ""))
    try:
        size = min(_MOST_PAGE, max(1, int(query.get("pageSize") or _MOST_PAGE)))
    except ValueError:
        raise invalid("pageSize", "NOT_A_NUMBER", f"{query['pageSize'][:20]!r} is no number") from None
    name = plain_id(parent) if parent else ""
    images: Sequence[Image] = catalog.collection(name) if name else catalog.list_images("", "", 1 << 30)
    after = query.get("pageToken", "")
    found: list[dict[str, Any]] = []
    told = {}
    last = ""
    for image in images:
        if image.id <= after:
            continue
        full = _Whole(catalog, image)
        if not all(test(image, full.region) for test in tests):
            continue
        if len(found) == size:
            told["nextPageToken"] = last
            break
        last = image.id
        found.append(asset_json(image if query.get("view") == "BASIC" else full.image()))
    return {"assets": found, **told}


class _Whole:
    """An image whose bands are read when somebody wants them."""

    def __init__(self, catalog: Catalog, image: Image) -> None:
        self._catalog = catalog
        self._image = image
        self._read: Image | None = None

    def image(self) -> Image:
        if self._read is None:
            try:
                self._read = self._catalog.get(self._image.id)
            except SourceUnavailable:
                self._read = self._image
        return self._read

    def region(self) -> Region | None:
        return image_value(self.image()).footprint()


_comparison = re.compile(r'([A-Za-z][\w.:\-]*)\s*(<=|>=|!=|=|<|>)\s*(?:"((?:[^"\\]|\\.)*)"|(-?[\d.][\w.+\-]*))')
_meets = re.compile(r'intersects\(\s*"((?:[^"\\]|\\.)*)"\s*\)')
_signs: dict[str, Callable[[Any, Any], bool]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "=": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
}


def _filter(text: str) -> list[Test]:
    """Return the tests of a filter: comparisons and intersects(), joined by AND."""
    if len(text) > _MOST_FILTER:
        raise invalid("filter", "FILTER_TOO_LONG", f"has {len(text)} characters, at most {_MOST_FILTER}")
    tests: list[Test] = []
    text, at = text.rstrip(), 0
    while at < len(text):
        part = _between.match(text, at)
        at = part.end() if part else at
        if found := _comparison.match(text, at):
            tests.append(
                _compared(found[1], found[2], found[3] if found[3] is not None else found[4], found[3] is not None)
            )
        elif found := _meets.match(text, at):
            tests.append(_meeting(found[1]))
        else:
            said = (
                f"{text[at : at + 40]!r} is no comparison of startTime, endTime or properties.NAME, and no intersects()"
            )
            raise invalid("filter", "FILTER_UNKNOWN", said)
        at = found.end()
    return tests


def _compared(field: str, sign: str, said: str, is_text: bool) -> Test:
    compare = _signs[sign]
    if field in {"startTime", "endTime"}:
        wanted = millis_of(said)
        if wanted is None:
            raise invalid("filter", "NOT_A_TIME", f"{said[:40]!r} is no time")

        def by_time(image: Image, _: Callable[[], Region | None]) -> bool:
            end = millis_of(image.properties.get("end_datetime")) if field == "endTime" else None
            at = end if end is not None or image.start_time is None else _millis(image.start_time)
            return at is not None and compare(at, wanted)

        return by_time
    key = field.removeprefix("properties.")
    try:
        value: Any = said if is_text else float(said)
    except ValueError:
        raise invalid("filter", "NOT_A_NUMBER", f"{said[:40]!r} is neither a number nor a text in quotes") from None

    def by_property(image: Image, _: Callable[[], Region | None]) -> bool:
        found = image.properties.get(key)
        same = isinstance(found, str) if is_text else isinstance(found, int | float)
        return same and compare(found, value)

    return by_property


def _millis(time: datetime) -> int:
    return round(time.timestamp() * 1000)


def _meeting(text: str) -> Test:
    try:
        document = json.loads(text.replace("'", '"').replace("True", "true").replace("False", "false"))
        area = geometry_of_json(document) if isinstance(document, dict) else None
    except (ValueError, RecursionError, InvalidExpression):
        area = None
    if area is None:
        raise invalid("filter", "NOT_A_GEOMETRY", "intersects() needs a GeoJSON geometry in quotes")

    def meets(_: Image, region: Callable[[], Region | None]) -> bool:
        found = region()
        return found is not None and intersects(found, area)

    return meets
