"""Reads the items of a STAC API, page by page."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from hashlib import blake2b
from typing import Any

import orjson

from rasterwire.catalog.document import as_list, as_mapping, as_text
from rasterwire.catalog.index import Document
from rasterwire.catalog.ingest import Step, web_location
from rasterwire.catalog.ingest.parsing import Unparsed
from rasterwire.catalog.ingest.run import Run
from rasterwire.catalog.items import entry_of_item, is_item
from rasterwire.catalog.stac_api.connection import ApiConnection, ApiPage, NextLinks, Refused
from rasterwire.errors import CatalogUnavailable, SourceUnavailable

__all__ = ["ApiItems"]

_PAGE = 500
"""Items that are asked for at once."""

_ITEM_BYTES = 8 << 10
"""Of most items, about."""

_MAX_ITEMS = 10_000_000
"""Of an API; a server that makes up items without end is left there. An update holds their names in memory, about 200
bytes for each."""


class ApiItems:
    """The items of collections of a STAC API, each as a document."""

    def __init__(self, address: str, collections: Sequence[str] = ()) -> None:
        """Set the address of the landing page, and the collections, none for all. Nothing is asked yet."""
        self.address = " ".join((address, *collections))
        self._connection = ApiConnection(address)
        self._root = address
        self._body: dict[str, Any] = {"limit": _PAGE} | ({"collections": list(collections)} if collections else {})

    def steps(self, run: Run) -> Iterator[Step | Unparsed]:
        """See ``ItemSource.steps``."""
        position, page = self._first_page(run)
        links = NextLinks()
        count = 0
        is_repeated = run.is_resumed  # pages of the interrupted run may come again
        while True:
            items = [item for item in page.features if is_item(item)]
            has_news = any(not run.has_met(_name(item)) for item in items)
            is_repeated &= not has_news
            for item in items:
                yield self._step(item, position, run)
            if page.next is None:
                return
            count += len(items)
            if count > _MAX_ITEMS:
                raise CatalogUnavailable(
                    f"the STAC API has more than {_MAX_ITEMS:,} items, or its pages have no end; name collections"
                )
            position = links.add(page.next, has_news=has_news or is_repeated)
            page = self._connection.following(page.next, self._body)

    def _first_page(self, run: Run) -> tuple[str, ApiPage]:
        """Return the page where an interrupted run goes on, if the API still knows it, else the first one."""
        if run.position:
            try:
                return run.position, self._connection.following(orjson.loads(run.position), self._body)
            except SourceUnavailable:
                pass
        try:
            return "", self._connection.search(self._body)
        except Refused as error:
            problem = f"the STAC API answers a search with HTTP {error.status}; of a static catalog, name the document"
            raise CatalogUnavailable(problem) from None

    def _step(self, item: Mapping[str, Any], position: str, run: Run) -> Step | Unparsed:
        name = _name(item)
        version = version_of_item(item)
        if version and run.version_of(name) == version:
            return Step(name, position=position)
        parse = partial(_parse, item, version, self._root, position)
        return Unparsed(parse, _ITEM_BYTES) if version else parse()  # one that is nested deeply cannot be sent


def _parse(item: Mapping[str, Any], version: str, root: str, position: str) -> Step:
    """Return the step of an item."""
    name = _name(item)
    links = map(as_mapping, as_list(item.get("links")))
    own = next((as_text(link.get("href")) for link in links if link.get("rel") == "self"), None) or root
    entry = entry_of_item(item, name, lambda href: web_location(href, own))
    return Step(name, Document(name, version, (entry,)), position=position)


def _name(item: Mapping[str, Any]) -> str:
    return f"{as_text(item.get('collection')) or ''}/{item['id']}"


def version_of_item(item: Mapping[str, Any]) -> str:
    """Return a text that changes when an item does; its links do not count, since they tell how it was found.

    It is "" for an item whose values are nested too deeply to be compared.
    """
    fields = {key: value for key, value in item.items() if key != "links"}
    try:
        text = orjson.dumps(fields, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        return ""
    return blake2b(text, digest_size=16).hexdigest()
