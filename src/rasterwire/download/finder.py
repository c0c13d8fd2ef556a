"""Answers the queries of expressions from the catalog."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rasterwire.catalog import MAX_PAGE, Catalog
from rasterwire.download.image_values import image_value
from rasterwire.download.read_ahead import ReadAhead
from rasterwire.errors import InvalidExpression
from rasterwire.expression.language.values import ImageValue
from rasterwire.image import Image
from rasterwire.query import Query

__all__ = ["CatalogFinder"]


class CatalogFinder:
    """See ``expression.language.selection.Finder``."""

    def __init__(self, catalog: Catalog, needed: Sequence[str] = ()) -> None:
        """Set the catalog, and the bands that are needed of its images; see ``image_value``."""
        self._catalog = catalog
        self._needed = needed

    def pages(self, query: Query, accepts: Callable[[ImageValue], bool], size: int) -> Iterator[Sequence[ImageValue]]:
        """See ``Finder.pages``. The headers of accepted images are read ahead of their use, a page's at most."""
        start = ""
        while True:
            with _of_filters():
                page = self._catalog.find(query, start, min(size, MAX_PAGE))
            yield self._accepted(page.images, accepts)
            if not page.next:
                return
            start = page.next

    def _accepted(self, images: Sequence[Image], accepts: Callable[[ImageValue], bool]) -> list[ImageValue]:
        ahead = ReadAhead(self._catalog)
        values = []
        for image in images:
            value = image_value(image, ahead.add(image.id), self._needed)
            if accepts(value):  # which may read the image
                values.append(value)
            else:
                ahead.drop_last()
        return values

    def count(self, query: Query) -> int | None:
        """See ``Finder.count``."""
        with _of_filters():
            return self._catalog.count(query)


@contextmanager
def _of_filters() -> Iterator[None]:
    """Name the function whose region is to blame where a query cannot be answered."""
    try:
        yield
    except InvalidExpression as error:
        if error.function:
            raise
        raise InvalidExpression(error.problem, "Collection.filter") from None
