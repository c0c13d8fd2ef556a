"""Pages of images as Earth Engine's assets: of the catalog, and of the collections that expressions make."""

from collections.abc import Mapping
from typing import Any

from rasterwire.catalog import MAX_PAGE, Catalog
from rasterwire.download.image_source import plain_id
from rasterwire.download.read_ahead import get_images
from rasterwire.errors import DownloadError, ImageNotFound, InvalidExpression, invalid
from rasterwire.expression.language.values import CollectionValue, ImageValue
from rasterwire.image import Image
from rasterwire.query import Query
from rasterwire.server.earth_engine.asset_filter import AssetFilter, asset_filter
from rasterwire.server.earth_engine.asset_json import catalog_image_json, image_json

_MAX_PAGE = 1000

_MAX_LOOKED_AT = 10_000
"""Images that are looked at for one page of a list; it may have fewer than were asked for, or none, and a next one."""


def list_assets(catalog: Catalog, parent: str, query: dict[str, str]) -> dict[str, Any]:
    """Return a page of the images of a collection, of a folder, or of all.

    Images of a catalog of several that fails are left out; ``unreachable`` then has what their ids begin with.

    Args:
        catalog: of the images.
        parent: name of the asset; empty for all.
        query: pageSize, pageToken, filter and view, all optional.

    Raises:
        ImageNotFound: there is no such parent.
        InvalidRequest: a filter that cannot be read, or a size that is no number.
    """
    size = min(_MAX_PAGE, max(1, _number(query, "pageSize") or _MAX_PAGE))
    name = plain_id(parent) if parent else ""
    wanted, rest = asset_filter(query.get("filter", "")).fold(Query(collection=name, allows_part=True))
    images, following, unreachable = _page(catalog, wanted, rest, query.get("pageToken", ""), size)
    if not images and not following and parent and not catalog.exists(name):
        raise ImageNotFound(parent)
    whole = images if query.get("view") == "BASIC" else get_images(catalog, [image.id for image in images])
    # an image whose files cannot be read is listed without its bands
    known = [image if isinstance(found, DownloadError) else found for image, found in zip(images, whole, strict=True)]
    answer: dict[str, Any] = {"assets": list(map(catalog_image_json, known))}
    more = {"nextPageToken": following, "unreachable": unreachable}
    return answer | {key: value for key, value in more.items() if value}


def _page(
    catalog: Catalog, query: Query, rest: AssetFilter, start: str, size: int
) -> tuple[list[Image], str, list[str]]:
    """Return a page of the images that a query finds and the rest of a filter accepts.

    Returns:
        The images, where the next page begins, and the catalogs that fail.
    """
    images: list[Image] = []
    unreachable: dict[str, None] = {}
    looked_at = 0
    while True:
        page = catalog.find(query, start, size if rest.is_empty else MAX_PAGE)
        unreachable |= dict.fromkeys(page.unreachable)
        for image in page.images:
            if rest.accepts(image):
                if len(images) == size:
                    return images, images[-1].id, list(unreachable)
                images.append(image)
        looked_at += len(page.images)
        start = page.next
        if not start or rest.is_empty or looked_at >= _MAX_LOOKED_AT:
            return images, start, list(unreachable)


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
    found = value.part(start, size + 1)
    page: dict[str, Any] = {"images": [_image_asset(image) for image in found[:size]]}
    if len(found) > size:
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
