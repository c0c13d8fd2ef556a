"""The connection to a STAC API. What it answers is bounded, and of an error nothing is told that the server said."""

import logging
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

import orjson
from pystac_client.stac_api_io import StacApiIO
from requests import RequestException, Response
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError
from urllib3.util import Retry

from rasterwire.catalog.document import as_list, as_mapping, as_text
from rasterwire.errors import CatalogUnavailable

__all__ = ["ApiConnection", "ApiPage", "Capabilities", "NextLinks", "Refused"]

MAX_ANSWER = 64 << 20
"""Bytes of an answer, unpacked."""

_SILENCE = (5.0, 20.0)
"""Seconds to connect, and between two parts of an answer."""

_DEADLINE = 60.0
"""Seconds for a whole answer, without retries."""

_RETRIES, _BACKOFF = 2, 0.3
"""Times that a request is sent again, and seconds before the first time."""

_BUSY = (429, 502, 503, 504)

_PART = 1 << 16

# Its warnings of attempts that failed hold addresses.
logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)


class Refused(Exception):
    """The API answered that it does not do what it was asked."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What an API says that it can do.

    Attributes:
        filters: search by CQL2 in JSON.
        like: by patterns of texts too.
        sorts: return items in an order.
        fields: leave fields out.
    """

    filters: bool = False
    like: bool = False
    sorts: bool = False
    fields: bool = False


@dataclass(frozen=True, slots=True)
class ApiPage:
    """An answer to a search.

    Attributes:
        features: as they came; not all of them need be items.
        next: how the next page is asked for; None after the last one.
        matched: how many items there are by the API, where it tells.
    """

    features: Sequence[Mapping[str, Any]]
    next: Mapping[str, Any] | None
    matched: int | None


_MAX_IDLE_PAGES = 50
"""Pages in a row without an item that was not there before; some servers leave out of a page what they filter."""


class NextLinks:
    """The links to next pages that were met, as digests: one may have millions of bytes."""

    def __init__(self) -> None:
        self._met: set[bytes] = set()
        self._idle_pages = 0

    def add(self, link: Mapping[str, Any], *, has_news: bool) -> str:
        """Remember a link, and return it as a text.

        Args:
            link: to the next page.
            has_news: whether its page has an item that no page before it had.

        Raises:
            CatalogUnavailable: it was met before, cannot be read, or there were too many pages without news.
        """
        self._idle_pages = 0 if has_news else self._idle_pages + 1
        if self._idle_pages >= _MAX_IDLE_PAGES:
            raise _broken(f"its pages have no end: {_MAX_IDLE_PAGES} of them in a row have no new item")
        try:
            text = orjson.dumps(link)
        except TypeError:  # lists in lists in lists
            raise _broken("its link to the next page cannot be read") from None
        digest = blake2b(text, digest_size=16).digest()
        if digest in self._met:
            raise _broken("its pages have no end")
        self._met.add(digest)
        return text.decode()


class ApiConnection:
    """Asks one STAC API. Safe to use from several threads."""

    def __init__(self, address: str) -> None:
        """Set the address of the landing page. Nothing is asked before the first call of a method."""
        self._root = address.rstrip("/") + "/"
        self._transport = _Transport(self._root)

    def capabilities(self) -> Capabilities:
        """Return what the API says that it can do.

        Raises:
            CatalogUnavailable: it cannot be reached, or is no STAC API.
        """
        try:
            landing_page = self._document(self._root)
        except Refused as error:
            raise _broken(f"it answers a request for its landing page with HTTP {error.status}") from None
        names = [name for name in as_list(landing_page.get("conformsTo")) if isinstance(name, str)]
        if not any(re.search(r"/item-search(#|$)", name) for name in names):
            raise _broken("it says nothing of the conformance class item-search")
        has_filter = any(name.endswith(("/item-search#filter", "/conf/filter", "/features-filter")) for name in names)
        filters = has_filter and any("cql2-json" in name for name in names)
        return Capabilities(
            filters=filters,
            like=filters and any(name.endswith("/advanced-comparison-operators") for name in names),
            sorts=any(name.endswith("/item-search#sort") for name in names),
            fields=any(name.endswith("/item-search#fields") for name in names),
        )

    def declared_numbers(self, collection: str) -> frozenset[str]:
        """Return the properties that the API declares as numbers; none where it declares nothing.

        Raises:
            CatalogUnavailable: it cannot be reached.
        """
        try:
            document = self._document(f"{self._root}collections/{quote(collection, safe='')}/queryables")
        except Refused:
            return frozenset()
        properties = as_mapping(document.get("properties"))
        return frozenset(
            name for name, schema in properties.items() if as_mapping(schema).get("type") in {"number", "integer"}
        )

    def item(self, collection: str, item_id: str) -> Mapping[str, Any] | None:
        """Return an item; None where there is none of this id.

        Raises:
            CatalogUnavailable: it cannot be reached, or does not answer this.
        """
        try:
            return self._document(self.address_of_item(collection, item_id))
        except Refused as error:
            if error.status in {404, 410}:
                return None
            raise _broken(f"it answers a request for an item with HTTP {error.status}") from None

    def address_of_item(self, collection: str, item_id: str) -> str:
        """Return the address of an item."""
        return f"{self._root}collections/{quote(collection, safe='')}/items/{quote(item_id, safe='')}"

    def search(self, body: Mapping[str, Any]) -> ApiPage:
        """Return the first page of a search.

        Raises:
            Refused: the API does not take the search.
            CatalogUnavailable: it cannot be reached.
        """
        return self._page(self._text(f"{self._root}search", "POST", body))

    def following(self, link: Mapping[str, Any], body: Mapping[str, Any]) -> ApiPage:
        """Return the page behind a link.

        Args:
            link: ``next`` of the page before.
            body: of the search.

        Raises:
            CatalogUnavailable: the API cannot be reached, or the link leads to another server.
        """
        try:
            href = urljoin(f"{self._root}search", as_text(link.get("href")) or "")
        except ValueError:
            raise _broken("the address of its next page cannot be read") from None
        if _origin(href) != _origin(self._root):
            raise _broken("its next page is on another server; the settings have to name the address that it uses")
        link_body = as_mapping(link.get("body"))
        method = (as_text(link.get("method")) or "GET").upper()
        try:
            if method == "POST":
                return self._page(
                    self._text(href, "POST", {**body, **link_body} if link.get("merge") is True else link_body)
                )
            return self._page(self._text(href, "GET", None))
        except Refused as error:
            raise _broken(f"it answers a request for its next page with HTTP {error.status}") from None

    def _document(self, href: str) -> Mapping[str, Any]:
        return as_mapping(_parsed(self._text(href, "GET", None)))

    def _text(self, href: str, method: str, body: Mapping[str, Any] | None) -> str:
        return self._transport.request(href, method, parameters=None if body is None else dict(body))

    def _page(self, text: str) -> ApiPage:
        document = _parsed(text)
        if not isinstance(document, dict) or not isinstance(document.get("features"), list):
            raise _broken("its answer to a search is no list of items")
        links = map(as_mapping, as_list(document.get("links")))
        following = next((link for link in links if link.get("rel") == "next" and as_text(link.get("href"))), None)
        matched = document.get("numberMatched", as_mapping(document.get("context")).get("matched"))
        is_number = isinstance(matched, int) and not isinstance(matched, bool) and matched >= 0
        return ApiPage([as_mapping(item) for item in document["features"]], following, matched if is_number else None)


class _Transport(StacApiIO):
    """The session of pystac-client; it follows no redirect to another host, and reads no answer without an end."""

    def __init__(self, root: str) -> None:
        super().__init__(timeout=_SILENCE, max_retries=None)
        retry = Retry(
            total=_RETRIES,
            backoff_factor=_BACKOFF,
            backoff_jitter=_BACKOFF,
            status_forcelist=_BUSY,
            allowed_methods={"GET", "POST"},
            respect_retry_after_header=False,  # it may say an hour
            raise_on_status=False,
        )
        for scheme in ("http://", "https://"):
            self.session.mount(scheme, HTTPAdapter(max_retries=retry, pool_maxsize=32))
        self._origin = _origin(root)

    def request(
        self,
        href: str,
        method: str | None = None,
        headers: dict[str, str] | None = None,
        parameters: dict[str, Any] | None = None,
    ) -> str:
        """Return the body of an answer.

        Raises:
            Refused: the status is not that of a success.
            CatalogUnavailable: there is no answer, or it is too large or takes too long.
        """
        try:
            answer = self.session.request(
                method or "GET",
                href,
                json=parameters,
                headers=headers,
                timeout=_SILENCE,
                allow_redirects=False,
                stream=True,
            )
            with answer:
                if not 200 <= answer.status_code < 300:
                    self._check_status(answer)
                return _bounded(answer).decode()
        except (RequestException, HTTPError, UnicodeError, OSError):
            # the text of the error has the address
            raise _broken("it cannot be reached, or its answer broke off") from None

    def _check_status(self, answer: Response) -> None:
        status = answer.status_code
        if status in _BUSY:
            raise _broken(f"it answers HTTP {status}, again and again")
        if 300 <= status < 400:
            raise _broken("it redirects to another address; the settings have to name that one")
        if status in {401, 403}:
            raise _broken(f"it does not let this server in: HTTP {status}")
        raise Refused(status)


def _bounded(answer: Response) -> bytes:
    """Return the body of an answer, unpacked.

    Raises:
        CatalogUnavailable: it is too large, or takes too long.
    """
    end = time.monotonic() + _DEADLINE
    parts, size = [], 0
    for part in answer.iter_content(_PART):
        parts.append(part)
        size += len(part)
        if size > MAX_ANSWER:
            raise _broken(f"its answer has more than {MAX_ANSWER >> 20} MiB")
        if time.monotonic() > end:
            raise _broken(f"its answer takes more than {_DEADLINE:g} s")
    return b"".join(parts)


def _parsed(text: str) -> Any:
    try:
        return orjson.loads(text)
    except ValueError:
        raise _broken("its answer is no JSON document") from None


def _origin(href: str) -> tuple[str, str, int | None]:
    try:
        parts = urlsplit(href)
        return parts.scheme, parts.hostname or "", parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return "", "", None


def _broken(problem: str) -> CatalogUnavailable:
    return CatalogUnavailable(f"the STAC API of the catalog fails: {problem}")
