"""Catalogs: what finds images by their ids, and by what is known of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from rasterwire.image import Image
from rasterwire.query import Query

__all__ = ["MAX_PAGE", "Catalog", "Page"]

MAX_PAGE = 1000
"""Images of a page."""


@dataclass(frozen=True, slots=True)
class Page:
    """Some images of an answer, in its order.

    Attributes:
        images: without bands, but with their footprints.
        next: where the next page begins; "" after the last one. Of a query without an order of its own it is the id
            of the last image, and any other id is taken as well; else only the catalog that gave it reads it.
        unreachable: the prefixes of catalogs that fail, whose images are left out; of a query that allows it.
    """

    images: Sequence[Image]
    next: str = ""
    unreachable: tuple[str, ...] = ()


class Catalog(Protocol):
    """Finds images. Safe to use from several threads. No call reads pixels.

    What a catalog answers is exact: an image is in the pages of a query if and only if ``query.matches`` is true of
    it, for an image with its footprint, and within the limit of the query. A catalog that cannot search by a part of a
    query searches by the rest, and tests what it finds.
    """

    def get(self, image_id: str) -> Image:
        """Return an image, with its bands as the headers of its files describe them.

        Raises:
            ImageNotFound: the catalog has no image of that id.
            SourceUnavailable: no file of the image can be opened.
        """
        ...

    def find(self, query: Query, start: str = "", size: int = MAX_PAGE) -> Page:
        """Return a page of the images that a query asks for. It opens no raster whose footprint is known.

        Args:
            query: which images, in which order.
            start: the ``next`` of the page before; "" for the first page.
            size: images of the page at most, up to ``MAX_PAGE``.

        Raises:
            InvalidRequest: ``start`` is of no page of this query.
            SourceUnavailable: the catalog cannot be reached.
        """
        ...

    def count(self, query: Query) -> int | None:
        """Return how many images a query asks for; None where the catalog cannot tell without listing them.

        Raises:
            SourceUnavailable: the catalog cannot be reached.
        """
        ...

    def exists(self, collection: str) -> bool:
        """Tell whether there is a collection of this name, with at least one image.

        Raises:
            SourceUnavailable: the catalog cannot be reached.
        """
        ...

    def close_id(self, image_id: str) -> str:
        """Return an id that may be meant by one that there is not, "" for none."""
        ...
