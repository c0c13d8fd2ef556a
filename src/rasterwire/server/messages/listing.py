"""Pages of images."""

import base64
import binascii
from dataclasses import replace

from rasterwire.catalog import MAX_PAGE, Catalog
from rasterwire.errors import Violations, invalid
from rasterwire.query import Compare, Comparison, Intersects, Query
from rasterwire.server.messages.convert import from_image
from rasterwire.server.messages.region import read_region
from rasterwire.server.messages.times import read_times
from rasterwire.v1 import catalog_service_pb2

_DEFAULT_PAGE = 100

_MAX_BYTES = 2 << 20
"""Of a page with more than one image: clients take messages of 4 MiB by default."""


def list_images(
    catalog: Catalog, request: catalog_service_pb2.ListImagesRequest
) -> catalog_service_pb2.ListImagesResponse:
    """Return a page; its token is the last id, so that images that come or go move no page.

    A page ends before its size where its images say much.

    Raises:
        InvalidRequest: a page token that this server did not give; a time or an area that there is not.
        CatalogUnavailable: no catalog of such images can be reached.
    """
    size = request.page_size or _DEFAULT_PAGE
    try:
        after = base64.b64decode(request.page_token.encode(), b"-_", validate=True).decode()
    except (binascii.Error, UnicodeError):
        raise invalid(
            "page_token", "PAGE_TOKEN_UNKNOWN", "is not a token of this server; leave it empty to begin"
        ) from None
    page = catalog.find(_query(request), after, min(size, MAX_PAGE))
    images: list[catalog_service_pb2.ImageInfo] = []
    room = _MAX_BYTES
    for image in page.images:
        info = from_image(image)
        room -= info.ByteSize()
        if room < 0 and images:
            break
        images.append(info)
    has_more = bool(page.next) or len(images) < len(page.images)
    more = base64.urlsafe_b64encode(images[-1].id.encode()).decode() if has_more else ""
    return catalog_service_pb2.ListImagesResponse(images=images, next_page_token=more, unreachable=page.unreachable)


def _query(request: catalog_service_pb2.ListImagesRequest) -> Query:
    problems = Violations()
    query = Query(prefix=request.prefix, allows_part=True)
    if request.contains:
        query = query.narrowed(Compare("system:id", Comparison.CONTAINS, request.contains))
    with problems.catching():
        start, end = read_times(request)
        query = replace(query, start=start, end=end)
    with problems.catching():
        if request.HasField("bounds") and (area := read_region(request.bounds, "bounds")) is not None:
            query = query.narrowed(Intersects(area))
    problems.raise_if_any()
    return query
