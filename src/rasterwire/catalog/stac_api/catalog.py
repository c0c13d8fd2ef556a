"""The images of one collection of a STAC API."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rasterwire import budget
from rasterwire.catalog import MAX_PAGE, Page
from rasterwire.catalog.band_names import BandNames
from rasterwire.catalog.document import as_list, as_mapping, as_text
from rasterwire.catalog.entry import Entry
from rasterwire.catalog.header import read_header
from rasterwire.catalog.image_reader import ImageReader
from rasterwire.catalog.ingest import web_location
from rasterwire.catalog.items import entry_of_item, is_item
from rasterwire.catalog.kept import Kept
from rasterwire.catalog.stac_api.connection import ApiConnection, ApiPage, Capabilities, NextLinks, Refused
from rasterwire.catalog.stac_api.searches import after_filter, is_answered, search_body
from rasterwire.catalog.tree import Location
from rasterwire.errors import CatalogUnavailable, ImageNotFound, SourceUnavailable, invalid
from rasterwire.files.sources import is_covered
from rasterwire.image import Image, properties_of
from rasterwire.query import START, Query, sort_images

__all__ = ["StacApiCatalog"]

MAX_READ = 20_000
"""Items that are read for one page, or held in another order than that of the API."""

_FRESH = 300.0
"""Seconds for which an item that was read, and what the API can do, are taken to be so still."""

_LISTING_FRESH, _MAX_LISTINGS = 60.0, 4
"""Seconds for which an order of images is kept for its next page, and how many are."""

_MAX_KEPT = 4096
"""Items that are kept after they were read."""

_LEAST_PAGE = 20
"""Items that are asked for at once at least: some of them may not fulfil the query."""

_log = logging.getLogger("rasterwire.catalog")


@dataclass(frozen=True, slots=True)
class _Abilities:
    """What the API says of itself."""

    can: Capabilities
    numbers: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Listing:
    """All images of a query that are put in order here, and how many items were looked at for them."""

    images: Sequence[Image]
    items: int


class StacApiCatalog:
    """Images of one collection of a STAC API. The id of an image is that of its item.

    The API searches by what it can, and each image is tested here. Items whose ids have a slash are left out. By
    bounds the API finds what its own geometry of the item meets: an item without a geometry is found by no bounds.

    Images come in the order of their ids, in pages without an end, where the API can filter and sort; else, and in
    any other order but that of time, at most ``MAX_READ`` of them do. Safe to use from several threads.
    """

    def __init__(self, connection: ApiConnection, collection: str, bands: BandNames | None = None) -> None:
        """Set the collection. Nothing is asked before the first call of a method.

        Args:
            connection: to the API.
            collection: its id.
            bands: how bands are named; by their assets if not given.
        """
        self._connection = connection
        self._collection = collection
        self._bands = bands or BandNames()
        self._abilities = Kept[_Abilities](1, _FRESH)
        self._entries = Kept[Entry](_MAX_KEPT, _FRESH)
        self._listings = Kept[_Listing](_MAX_LISTINGS, _LISTING_FRESH)
        self._reader = ImageReader(read_header)
        self._sorts_otherwise = False

    def get(self, image_id: str) -> Image:
        """See ``Catalog.get``."""
        entry = self._entries.get(image_id) or self._read(image_id)
        if not entry.sources:
            problem = "none of its rasters is at an address that a source of this server's settings covers"
            raise SourceUnavailable(image_id, "", problem)
        return self._reader.image(entry)

    def find(self, query: Query, start: str = "", size: int = MAX_PAGE) -> Page:
        """See ``Catalog.find``."""
        if query.collection or query.limit == 0:
            return Page(())  # its images name none, and their ids have no slash
        api = self._present_abilities()
        if query.sort:
            return self._page_of_order(query, start, size, api)
        if api.can.sorts and api.can.filters and not self._sorts_otherwise:
            page = self._page_by_id(query, start, size, api)
            if page is not None:
                return page
            self._sorts_otherwise = True
            _log.warning("a STAC API orders ids by the rules of a language; at most %d are put in order here", MAX_READ)
        return _slice(self._listing(query, api, is_first=not start), start, size)

    def count(self, query: Query) -> int | None:
        """See ``Catalog.count``; where the API does not tell, images are counted that come in one page."""
        if query.collection:
            return 0
        api = self._present_abilities()
        body = search_body(self._collection, query, api.can, api.numbers)
        if api.can.fields:
            body["fields"] = {"exclude": ["assets", "links"]}
        _, page = self._search({**body, "limit": MAX_PAGE})
        if page.next is None:
            matching = sum(query.matches(_without_bands(entry)) for entry in self._entries_of(page))
            return matching if query.limit is None else min(matching, query.limit)
        asks_for_all = query == Query(limit=query.limit)
        if not asks_for_all or page.matched is None:
            return None
        return page.matched if query.limit is None else min(page.matched, query.limit)

    def exists(self, collection: str) -> bool:
        """Tell whether the collection has images, by the name "": it is the only one."""
        return not collection and bool(self.find(Query(), size=1).images)

    def close_id(self, _image_id: str) -> str:
        """Return "": an API does not look for ids that are spelt nearly so."""
        return ""

    def _page_by_id(self, query: Query, start: str, size: int, api: _Abilities) -> Page | None:
        """Return a page in the order of ids; None where the API orders otherwise."""
        images: list[Image] = []
        # within a limit, the images before the page count
        walk = self._by_id(query, "" if query.limit is not None else start, size, api)
        for count, image in enumerate(walk, start=1):
            if image is None:
                return None
            if image.id > start:
                images.append(image)
            if len(images) > size or count == query.limit:
                break
        return Page(images[:size], images[size - 1].id if len(images) > size else "")

    def _by_id(self, query: Query, start: str, size: int, api: _Abilities) -> Iterator[Image | None]:
        """Yield the images behind an id in the order of ids; None where the API turns out to order otherwise.

        A first search asks for few items, the next one for many, since few of them fulfil the query.
        """
        last = start
        for is_first in (True, False):
            limit = max(size + 1, _LEAST_PAGE) if is_first else MAX_PAGE
            body = self._body(query, api, last) | {"sortby": [_order("id")], "limit": limit}
            before = ""
            for page in self._pages(body, last, is_answered=is_answered(query, api.can, api.numbers)):
                for entry in self._kept_entries_of(page):
                    if entry.id == before:  # a page may begin with the last item of the one before
                        continue
                    if entry.id < before:
                        yield None
                        return
                    before = entry.id
                    image = _without_bands(entry)
                    if entry.id > last and query.matches(image):
                        yield image
                if page.next is None:
                    return
                if is_first:
                    break
            last = max(last, before)

    def _page_of_order(self, query: Query, start: str, size: int, api: _Abilities) -> Page:
        """Return a page of a query with an order; it begins with the image of a number.

        Raises:
            InvalidRequest: ``start`` is no number.
        """
        if not (start or "0").isdecimal():
            raise invalid("start", "PAGE_UNKNOWN", "is no page of this query; leave it empty to begin")
        first = int(start or 0)
        end = first + size if query.limit is None else min(first + size, query.limit)
        images = self._first_by_time(query, end, api)
        if images is None:
            images = self._listing(query, api, is_first=not start)[: query.limit]
        is_last = len(images) <= end or end == query.limit
        return Page(images[first:end], "" if is_last else str(end))

    def _first_by_time(self, query: Query, count: int, api: _Abilities) -> Sequence[Image] | None:
        """Return the first images of an order by time, and those of the same time; None where the API has another."""
        if len(query.sort) != 1 or query.sort[0].property != START or not api.can.sorts:
            return None
        is_descending = query.sort[0].descending
        body = self._body(query, api) | {"sortby": [_order("properties.datetime", descending=is_descending)]}
        images: list[Image] = []
        last: float | None = None
        body["limit"] = min(MAX_PAGE, max(count + 1, _LEAST_PAGE))
        for page in self._pages(body, is_answered=is_answered(query, api.can, api.numbers)):
            for entry in self._kept_entries_of(page):
                image = _without_bands(entry)
                time = properties_of(image).get(START)
                if time is None or (last is not None and (time > last if is_descending else time < last)):
                    return None
                if len(images) > count and time != last:
                    return _in_order(images, query)
                last = time
                if query.matches(image):
                    images.append(image)
        return _in_order(images, query)

    def _listing(self, query: Query, api: _Abilities, *, is_first: bool) -> Sequence[Image]:
        """Return all images of a query in its order, within its limit; the first page of it counts its items."""
        unlimited = replace(query, limit=None)
        listing = self._listings.get(unlimited)
        if listing is None:
            pages = self._pages({**self._body(query, api), "limit": MAX_PAGE}, is_answered=not is_first)
            entries = {entry.id: entry for page in pages for entry in self._kept_entries_of(page)}
            images = _in_order(
                [image for image in map(_without_bands, entries.values()) if query.matches(image)], query
            )
            listing = _Listing(images, len(entries))
            self._listings.put(unlimited, listing)
        elif is_first:
            budget.test_images(listing.items)
        return listing.images[: query.limit]

    def _body(self, query: Query, api: _Abilities, after: str = "") -> dict[str, Any]:
        return search_body(self._collection, query, api.can, api.numbers, after)

    def _pages(self, body: Mapping[str, Any], after: str = "", *, is_answered: bool) -> Iterator[ApiPage]:
        """Yield the pages of a search. The items of a query that it does not answer are counted as tested here.

        Raises:
            SourceUnavailable: the API fails, its pages have no end, or they have too many items.
        """
        sent, page = self._search(body, after)
        is_tested = not is_answered or sent is not body
        links = NextLinks()
        read = 0
        while True:
            if is_tested:
                budget.test_images(len(page.features))
            yield page
            if page.next is None:
                return
            read += max(1, len(page.features))
            if read >= MAX_READ:
                raise CatalogUnavailable(
                    f"more than {MAX_READ} items of the STAC API would have to be looked through; ask for a shorter"
                    " time or a smaller area"
                )
            links.add(page.next, has_news=bool(page.features))
            page = self._connection.following(page.next, sent)

    def _search(self, body: Mapping[str, Any], after: str = "") -> tuple[Mapping[str, Any], ApiPage]:
        """Return the first page of a search, and the search: without the filter where the API does not take it."""
        bare = {name: value for name, value in body.items() if name not in {"filter", "filter-lang"}}
        attempts = [body] if bare == body else [body, *([bare | after_filter(after)] if after else []), bare]
        status = 0
        for attempt in attempts:
            try:
                return attempt, self._connection.search(attempt)
            except Refused as error:
                status = error.status
                _log.info("a STAC API refuses a search with HTTP %d", status)
        raise CatalogUnavailable(f"the STAC API of the catalog fails: it answers a search with HTTP {status}")

    def _present_abilities(self) -> _Abilities:
        api = self._abilities.get("")
        if api is None:
            can = self._connection.capabilities()
            numbers = self._connection.declared_numbers(self._collection) if can.filters else frozenset[str]()
            api = _Abilities(can, numbers)
            self._abilities.put("", api)
        return api

    def _read(self, image_id: str) -> Entry:
        """Return the entry of an item, from the API.

        Raises:
            ImageNotFound: there is none.
        """
        item = None if not image_id or "/" in image_id else self._connection.item(self._collection, image_id)
        entry = None if item is None else self._entry(item)
        if entry is None or entry.id != image_id:
            raise ImageNotFound(image_id)
        self._entries.put(image_id, entry)
        return entry

    def _kept_entries_of(self, page: ApiPage) -> Iterator[Entry]:
        """Yield the entries of a page, and keep them: those that are asked for next are among them."""
        for entry in self._entries_of(page):
            before = self._entries.get(entry.id)
            # the same object, where nothing changed: what was made of it is valid still
            unchanged_or_new = before if before is not None and before == entry else entry
            self._entries.put(entry.id, unchanged_or_new)
            yield unchanged_or_new

    def _entries_of(self, page: ApiPage) -> Iterator[Entry]:
        for feature in page.features:
            entry = self._entry({"assets": {}, **feature})
            if entry is not None:
                yield entry

    def _entry(self, item: Mapping[str, Any]) -> Entry | None:
        """Return the entry of an item; None for what is none of this collection, or has an id with a slash."""
        if not is_item(item) or "/" in item["id"] or item.get("collection", self._collection) != self._collection:
            return None
        links = map(as_mapping, as_list(item.get("links")))
        document = next((as_text(link.get("href")) for link in links if link.get("rel") == "self"), None)
        if document is None:  # as in searches, which leave links out
            document = self._connection.address_of_item(self._collection, item["id"])
        entry = entry_of_item(item, f"item {item['id']}", lambda href: _located(href, document))
        return self._bands.applied(replace(entry, collection=""))


def _without_bands(entry: Entry) -> Image:
    return Image(
        entry.id,
        (),
        entry.start_time,
        entry.properties,
        entry.collection,
        footprint=entry.footprint,
        without_rasters=not entry.sources,
    )


def _slice(images: Sequence[Image], start: str, size: int) -> Page:
    """Return a page of images in the order of their ids, of those behind an id."""
    rest = [image for image in images if image.id > start]
    return Page(rest[:size], rest[size - 1].id if len(rest) > size else "")


def _in_order(images: Sequence[Image], query: Query) -> list[Image]:
    return sort_images(sorted(images, key=lambda image: image.id), query.sort)


def _order(field: str, *, descending: bool = False) -> dict[str, str]:
    return {"field": field, "direction": "desc" if descending else "asc"}


def _located(href: str, document: str) -> Location | None:
    """Return where an asset is; None for a path of this machine, or an address that no source covers."""
    location = web_location(href, document)
    return location if location is not None and is_covered(location.href) else None
