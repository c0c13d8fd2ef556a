"""A catalog over a list of images, which records what it is asked."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from rasterwire.catalog import MAX_PAGE, Page
from rasterwire.errors import ImageNotFound
from rasterwire.geo.grid import footprint
from rasterwire.image import Image
from rasterwire.query import Query, sort_images


@dataclass
class ListCatalog:
    """Images by id. Their footprints are those of their first bands; it never tells their bands but by ``get``.

    Attributes:
        images: in any order.
        can_count: whether ``count`` knows an answer.
        page: images of a page at most.
        queries: the query, start and size of each call of ``find``.
        counted: the query of each call of ``count``.
        opened: the id of each call of ``get``.
        sought: the name of each call of ``exists``.
    """

    images: Sequence[Image]
    can_count: bool = True
    page: int = MAX_PAGE
    queries: list[tuple[Query, str, int]] = field(default_factory=list)
    counted: list[Query] = field(default_factory=list)
    opened: list[str] = field(default_factory=list)
    sought: list[str] = field(default_factory=list)

    def get(self, image_id: str) -> Image:
        self.opened.append(image_id)
        for image in self.images:
            if image.id == image_id:
                return image
        raise ImageNotFound(image_id)

    def matching(self, query: Query) -> list[Image]:
        """Return all images that a query asks for, in its order."""
        known = [self._without_bands(image) for image in sorted(self.images, key=lambda image: image.id)]
        return sort_images([image for image in known if query.matches(image)], query.sort)[: query.limit]

    @staticmethod
    def _without_bands(image: Image) -> Image:
        if image.footprint is not None or not image.bands or image.bands[0].grid.crs is None:
            return replace(image, bands=())
        return replace(image, bands=(), footprint=footprint(image.bands[0].grid))

    def find(self, query: Query, start: str = "", size: int = MAX_PAGE) -> Page:
        assert 0 < size <= MAX_PAGE
        self.queries.append((query, start, size))
        found = self.matching(query)
        size = min(size, self.page)
        first = int(start or 0) if query.sort else sum(image.id <= start for image in found)
        images = found[first : first + size]
        if first + size >= len(found):
            return Page(images)
        return Page(images, str(first + size) if query.sort else images[-1].id)

    def count(self, query: Query) -> int | None:
        self.counted.append(query)
        return len(self.matching(query)) if self.can_count else None

    def exists(self, collection: str) -> bool:
        self.sought.append(collection)
        return bool(self.matching(Query(collection=collection)))

    def close_id(self, image_id: str) -> str:
        return ""
