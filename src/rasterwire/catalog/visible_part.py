"""The part of a catalog that a tenant may know of: what is outside of it does not exist."""

from collections.abc import Sequence
from dataclasses import replace
from os.path import commonprefix

from rasterwire import budget
from rasterwire.catalog import MAX_PAGE, Catalog, Page
from rasterwire.errors import ImageNotFound
from rasterwire.image import Image
from rasterwire.query import AnyOf, Compare, Comparison, Condition, Query

__all__ = ["VisiblePart"]

_ID = "system:id"


class VisiblePart:
    """The images of a catalog under some prefixes. Safe to use from several threads.

    Nothing outside is ever asked for, so that neither an answer nor its time tells whether it exists. Only a STAC API,
    which may not find ids by their beginning, is asked for more; how many images were tested then is not told.
    """

    def __init__(self, catalog: Catalog, prefixes: Sequence[str]) -> None:
        """Set the catalog.

        Args:
            catalog: of all images.
            prefixes: an image is visible whose id is one of these, or begins with one and a slash; none is "".
        """
        self._catalog = catalog
        self._prefixes = tuple(prefixes)
        self._roots = tuple(f"{prefix}/" for prefix in prefixes)
        inside = [Compare(_ID, Comparison.STARTS_WITH, root) for root in self._roots]
        itself = [Compare(_ID, Comparison.EQUAL, prefix) for prefix in self._prefixes]
        self._visible: Condition = AnyOf((*inside, *itself))
        self._common = commonprefix(self._prefixes)  # noqa: RUF071  of texts, which ids are

    def get(self, image_id: str) -> Image:
        """See ``Catalog.get``."""
        if not (image_id in self._prefixes or image_id.startswith(self._roots)):
            raise ImageNotFound(image_id)
        return self._catalog.get(image_id)

    def find(self, query: Query, start: str = "", size: int = MAX_PAGE) -> Page:
        """See ``Catalog.find``."""
        with budget.uncounted():
            return self._catalog.find(self._narrowed(query), start, size)

    def count(self, query: Query) -> int | None:
        """See ``Catalog.count``."""
        return self._catalog.count(self._narrowed(query))

    def exists(self, collection: str) -> bool:
        """See ``Catalog.exists``."""
        return bool(self.find(Query(collection=collection), size=1).images)

    def close_id(self, _image_id: str) -> str:
        """Return "": which of all ids is the closest would tell of those outside."""
        return ""

    def _narrowed(self, query: Query) -> Query:
        # catalogs find ids by their beginning without a look at all others
        prefix = self._common if self._common.startswith(query.prefix) else query.prefix
        return replace(query, prefix=prefix, conditions=(*query.conditions, self._visible))
