"""Images of a catalog that are not looked up yet: what clients write of a collection becomes one query of the catalog.

What no query says is tested on the images that the query finds, page by page.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Protocol

from rasterwire import budget
from rasterwire.errors import InvalidExpression
from rasterwire.query import MAX_CONDITIONS, Query, Sort, condition_count

if TYPE_CHECKING:
    from rasterwire.expression.language.values import FilterValue, ImageValue

MAX_IMAGES = 100_000
"""Images of a catalog's collection that are looked up to be kept, as those of a composite are."""

MAX_TESTED = 1_000_000
"""Images of a catalog that are looked at one after another, to be tested, counted or aggregated, but not kept."""

_PAGE = 1000
"""Images that are asked for at once; more than a catalog gives at once does no harm."""

_MAX_SORTS = 4

_COLLECTION = "ImageCollection"
"""What is named in an error of too many images; no function of the graph is to blame."""


class Finder(Protocol):
    """Answers the queries of selections."""

    def pages(
        self, query: Query, accepts: "Callable[[ImageValue], bool]", size: int
    ) -> "Iterator[Sequence[ImageValue]]":
        """Yield the images that a query asks for and a test accepts, in the query's order, a page at a time.

        Args:
            query: which images.
            accepts: tests an image.
            size: images of a page at most, before the test.

        Raises:
            InvalidExpression: a region of the query cannot be compared with the footprint of an image.
            SourceUnavailable: the catalog cannot be reached.
        """
        ...

    def count(self, query: Query) -> int | None:
        """Return how many images a query asks for; None where the catalog cannot tell without listing them.

        Raises: see ``pages``.
        """
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Selection:
    """Images of a catalog: those that a query finds, and that pass tests, up to a number.

    Attributes:
        finder: answers the query.
        query: which images, in which order; its limit counts before the tests.
        tests: filters that the query does not say.
        most: the number of images at most, after the tests; None for all.
    """

    finder: Finder
    query: Query
    tests: "tuple[FilterValue, ...]" = ()
    most: int | None = None

    def filtered(self, condition: "FilterValue") -> "Selection | None":
        """Return a selection of the images that pass a filter as well; None where they have to be looked up for it."""
        if self.most is not None:
            return None
        query, folded = self.query, condition.folded
        if folded is not None and query.limit is None and self._has_room(folded.size):
            query = query.narrowed(folded.condition)
            if folded.is_exact:
                return replace(self, query=query)
        return replace(self, query=query, tests=(*self.tests, condition))

    def _has_room(self, size: int) -> bool:
        """Tell whether a catalog can answer a query of that many conditions more."""
        return size + sum(map(condition_count, self.query.conditions)) <= MAX_CONDITIONS

    def sorted(self, order: Sort) -> "Selection | None":
        """Return the same images in another order; None where they have to be looked up for it."""
        if self.most is not None or self.query.limit is not None or len(self.query.sort) >= _MAX_SORTS:
            return None
        return replace(self, query=replace(self.query, sort=(order, *self.query.sort)))

    def limited(self, most: int) -> "Selection":
        """Return a selection of the first images."""
        if self.tests:
            return replace(self, most=_least(most, self.most))
        return replace(self, query=replace(self.query, limit=_least(most, self.query.limit)))

    def images(self, most: int | None = None) -> "Iterator[ImageValue]":
        """Yield the images, at most a number of them.

        Raises:
            InvalidExpression: more than ``MAX_TESTED`` images were tested; or see ``Finder.pages``.
            SourceUnavailable: see ``Finder.pages``.
        """
        wanted = _least(_least(most, self.most), self.query.limit)
        if wanted == 0:
            return
        tested = 0

        def accepts(image: "ImageValue") -> bool:
            nonlocal tested
            tested += 1
            if tested > MAX_TESTED:
                message = (
                    f"more than {MAX_TESTED} images have to be looked at one by one; filter them by date or bounds"
                )
                raise InvalidExpression(message, _COLLECTION)
            return all(test.accepts(image) for test in self.tests)

        size = _PAGE if self.tests or wanted is None else min(wanted, _PAGE)
        given = counted = 0
        for page in self.finder.pages(self.query, accepts, size):
            budget.check()
            if self.tests:
                budget.test_images(tested - counted)
                counted = tested
            for image in page:
                yield image
                given += 1
                if given == wanted:
                    return

    def part(self, start: int = 0, most: int | None = None) -> "tuple[ImageValue, ...]":
        """Return the images from a position on, at most a number of them.

        Raises:
            InvalidExpression: they are more than ``MAX_IMAGES``; or see ``images``.
            SourceUnavailable: see ``images``.
        """
        images: list[ImageValue] = []
        for image in islice(self.images(None if most is None else start + most), start, None):
            # the catalog may tell after the first page what would take a hundred pages to find out
            if len(images) == _PAGE and not self.tests:
                count = self.finder.count(self.query)
                self._check_count(0 if count is None else _least(count - start, most) or 0, is_exact=True)
            self._check_count(len(images) + 1, is_exact=False)
            budget.take(200 + 60 * len(image.properties))
            images.append(image)
        return tuple(images)

    def _check_count(self, count: int, *, is_exact: bool) -> None:
        if count > MAX_IMAGES:
            number = f"{count} images, more than {MAX_IMAGES}" if is_exact else f"more than {MAX_IMAGES} images"
            message = f"the collection has {number}; filter it more, such as by date and bounds"
            raise InvalidExpression(message, _COLLECTION)

    def count(self) -> int:
        """Return how many images there are.

        Raises: see ``images``.
        """
        count = None
        if not self.tests:
            count = 0 if self.query.limit == 0 else self.finder.count(self.query)
        return sum(1 for _ in self.images()) if count is None else count


def _least(first: int | None, second: int | None) -> int | None:
    return second if first is None else first if second is None else min(first, second)
