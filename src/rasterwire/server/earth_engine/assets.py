"""Pages of images as Earth Engine's assets: of the catalog, and of the collections that expressions make."""

from collections.abc import Mapping, Sequence
from typing import Any

from rasterwire.catalog import Catalog
from rasterwire.download.image_source import image_value, plain_id
from rasterwire.errors import InvalidExpression, SourceUnavailable, invalid
from rasterwire.expression.language.values import CollectionValue, ImageValue
from rasterwire.geo.region import Region
from rasterwire.image import Image
from rasterwire.server.earth_engine.asset_filter import asset_tests
from rasterwire.server.earth_engine.asset_json import catalog_image_json, image_json

_MAX_PAGE = 1000


def list_assets(catalog: Catalog, parent: str, query: dict[str, str]) -> dict[str, Any]:
    """Return a page of the images of a collection, of a folder, or of all.

    Args:
        catalog: of the images.
        parent: name of the asset; empty for all.
        query: pageSize, pageToken, filter and view, all optional.

    Raises:
        InvalidRequest: a filter that cannot be read, or a size that is no number.
    """
    tests = asset_tests(query.get("filter", ""))
    size = min(_MAX_PAGE, max(1, _number(query, "pageSize") or _MAX_PAGE))
    name = plain_id(parent) if parent else ""
    images: Sequence[Image] = catalog.collection(name) if name else catalog.list_images("", "", 1 << 30)
    after = query.get("pageToken", "")
    assets: list[dict[str, Any]] = []
    page = {}
    last = ""
    for image in images:
        if image.id <= after:
            continue
        full = _Whole(catalog, image)
        if not all(test(image, full.region) for test in tests):
            continue
        if len(assets) == size:
            page["nextPageToken"] = last
            break
        last = image.id
        assets.append(catalog_image_json(image if query.get("view") == "BASIC" else full.image()))
    return {"assets": assets, **page}


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
    size = min(_MAX_PAGE, _count(body, "pageSize") or _MAX_PAGE)
    start = _count(body, "pageToken")
    page: dict[str, Any] = {"images": [_image_asset(image) for image in value.elements[start : start + size]]}
    if start + size < len(value):
        page["nextPageToken"] = str(start + size)
    return page


def _image_asset(image: Any) -> dict[str, Any]:
    if not isinstance(image, ImageValue):
        raise InvalidExpression("an element of the collection is no image.")
    return image_json(image, image.properties)


def _count(query: Mapping[str, Any], key: str) -> int:
    number = _number(query, key)
    if number < 0:
        raise invalid(key, "NOT_A_NUMBER", f"{number} is less than 0")
    return number


def _number(query: Mapping[str, Any], key: str) -> int:
    value = query.get(key) or 0
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        raise invalid(key, "NOT_A_NUMBER", f"{str(value)[:20]!r} is no number") from None
