"""Several catalogs as one, each under a prefix of its own."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from typing import NamedTuple

import orjson

from rasterwire.catalog import MAX_PAGE, Catalog, Page
from rasterwire.errors import CatalogUnavailable, ImageNotFound, SourceUnavailable, invalid
from rasterwire.image import Image
from rasterwire.query import AllOf, AnyOf, Compare, Comparison, Condition, Not, Query, sort_images

__all__ = ["Member", "PrefixedCatalog"]

_ID = "system:id"

_ALWAYS, _NEVER = AllOf(()), AnyOf(())

_MARK = "~"
"""Begins the state of several catalogs; other pages begin with an id."""


@dataclass(frozen=True, slots=True)
class Member:
    """A catalog of several.

    Attributes:
        prefix: of the ids of its images, which follow behind a slash; "" for none.
        catalog: the catalog.
        collection: the one whose images are served, "" for all. It is called by the prefix.
    """

    prefix: str
    catalog: Catalog
    collection: str = ""

    @property
    def root(self) -> str:
        """What its ids begin with."""
        return f"{self.prefix}/" if self.prefix else ""

    def find(self, query: Query, start: str, size: int) -> Page:
        """Return a page of the catalog, with its images as they are called outside."""
        with self._naming():
            page = self.catalog.find(query, start, size)
        return Page([_above(self, image) for image in page.images], page.next)

    def get(self, image_id: str) -> Image:
        """Return the image of an id that begins with the root."""
        try:
            with self._naming():
                image = self.catalog.get(image_id.removeprefix(self.root))
        except ImageNotFound:
            raise ImageNotFound(image_id) from None
        if self.collection and not Query(collection=self.collection).matches(image):
            raise ImageNotFound(image_id)
        return _above(self, image)

    def count(self, query: Query) -> int | None:
        """Return a count of the catalog."""
        with self._naming():
            return self.catalog.count(query)

    @contextmanager
    def _naming(self) -> Iterator[None]:
        """Let errors name images as they are called outside, and say which catalog failed."""
        try:
            yield
        except SourceUnavailable as error:
            if error.image_id:
                raise SourceUnavailable(self.root + error.image_id, error.band, error.problem) from error
            raise CatalogUnavailable(error.problem, self.root) from error


class _Place(NamedTuple):
    """Where the next page of a member begins.

    Attributes:
        start: of the page that the member is asked for.
        skipped: images of that page that were given already.
    """

    start: str
    skipped: int


class PrefixedCatalog:
    """Images of several catalogs. Safe to use from several threads.

    The longest prefix decides which catalog has an id; what another one has under it is not served.
    """

    def __init__(self, members: Sequence[Member]) -> None:
        """Set the catalogs; their prefixes differ."""
        self._members = tuple(sorted(members, key=lambda member: member.root))

    def get(self, image_id: str) -> Image:
        """See ``Catalog.get``."""
        member = self._member_of(image_id)
        if member is None:
            raise ImageNotFound(image_id)
        return member.get(image_id)

    def find(self, query: Query, start: str = "", size: int = MAX_PAGE) -> Page:
        """See ``Catalog.find``."""
        parts = self._parts(query)
        if len(parts) == 1:
            return _page_of_one(*parts[0], query, start, size)
        if query.sort:
            return _Merge(parts, query).page_of_order(start, size)
        return _Merge(parts, query).page_by_id(start, size)

    def count(self, query: Query) -> int | None:
        """See ``Catalog.count``."""
        total = 0
        for member, below in self._parts(query):
            count = member.count(below)
            if count is None:
                return None
            total += count
        return total if query.limit is None else min(total, query.limit)

    def exists(self, collection: str) -> bool:
        """See ``Catalog.exists``."""
        return any(
            bool(member.find(below, "", 1).images) for member, below in self._parts(Query(collection=collection))
        )

    def close_id(self, image_id: str) -> str:
        """See ``Catalog.close_id``."""
        for member in sorted(self._members, key=lambda member: not image_id.startswith(member.root)):
            try:
                close = member.catalog.close_id(image_id.removeprefix(member.root))
            except SourceUnavailable:  # a catalog that fails says nothing of ids of others
                continue
            if close and self._member_of(member.root + close) is member:
                return member.root + close
        return ""

    def _member_of(self, image_id: str) -> Member | None:
        members = [member for member in self._members if image_id.startswith(member.root)]
        return max(members, key=lambda member: len(member.root), default=None)

    def _parts(self, query: Query) -> list[tuple[Member, Query]]:
        """Return the members that may have images of a query, each with the query that it is asked."""
        owner = self._member_of(query.prefix)  # of all ids that begin so, but for those of longer prefixes
        members = [member for member in self._members if owner is None or member.root.startswith(owner.root)]
        parts = [(member, _below(member, query)) for member in members]
        return [(member, self._without_others(member, below)) for member, below in parts if below is not None]

    def _without_others(self, member: Member, query: Query) -> Query:
        """Return a query for those images of a member whose ids belong to no longer prefix."""
        for longer in self._members:
            if longer.root.startswith(member.root) and longer is not member:
                begins = Compare(_ID, Comparison.STARTS_WITH, longer.root.removeprefix(member.root))
                query = replace(query, conditions=(*query.conditions, Not(begins)))
        return query


class _Merge:
    """The images of several catalogs in one order.

    Attributes:
        failures: of catalogs that the query allows to leave out, by their roots.
    """

    def __init__(self, parts: Sequence[tuple[Member, Query]], query: Query) -> None:
        self.failures: dict[str, CatalogUnavailable] = {}
        self._parts = parts
        self._query = query

    def page_by_id(self, start: str, size: int) -> Page:
        """Return a page in the order of ids; see ``Page.next``."""
        limit = self._query.limit
        if limit is not None:  # the images before the page count
            images = list(islice(self._by_id("", min(limit, MAX_PAGE)), limit))
            images = [image for image in images if image.id > start][: size + 1]
        else:
            images = list(islice(self._by_id(start, size + 1), size + 1))
        return Page(images[:size], images[size - 1].id if len(images) > size else "", self._unreachable())

    def _unreachable(self) -> tuple[str, ...]:
        """Return the roots of the catalogs that failed.

        Raises:
            CatalogUnavailable: all did.
        """
        if self.failures and len(self.failures) == len(self._parts):
            raise next(iter(self.failures.values()))
        return tuple(self.failures)

    def _by_id(self, start: str, size: int) -> Iterator[Image]:
        places = {number: _Place(inner, 0) for number, inner in self._starts(start)}
        for _, image in self._in_order(places, min(size, MAX_PAGE)):
            yield image

    def _starts(self, start: str) -> Iterator[tuple[int, str]]:
        """Yield each member that has ids behind an id, and where it is to begin."""
        for number, (member, _) in enumerate(self._parts):
            if start.startswith(member.root):
                yield number, start.removeprefix(member.root)
            elif start < member.root:
                yield number, ""

    def page_of_order(self, start: str, size: int) -> Page:
        """Return a page of a query with an order.

        Raises:
            InvalidRequest: ``start`` is no page of this query.
        """
        count, places = self._state(start)
        most = size if self._query.limit is None else min(size, self._query.limit - count)
        images: list[Image] = []
        rows = self._in_order(places, min(most + 1, MAX_PAGE))
        after = places
        for state, image in rows:
            if len(images) == most:
                break
            images.append(image)
            after = state
        else:
            return Page(images, "", self._unreachable())
        count += len(images)
        return Page(images, "" if count == self._query.limit else _token(count, after), self._unreachable())

    def _state(self, start: str) -> tuple[int, dict[int, _Place]]:
        if not start:
            return 0, {number: _Place("", 0) for number in range(len(self._parts))}
        try:
            count, places = orjson.loads(start.removeprefix(_MARK))
            state = {int(number): _Place(str(begin), int(skipped)) for number, begin, skipped in places}
            if not start.startswith(_MARK) or not all(0 <= number < len(self._parts) for number in state):
                raise ValueError
            return int(count), state
        except (ValueError, TypeError):
            raise invalid("start", "PAGE_UNKNOWN", "is no page of this query; leave it empty to begin") from None

    def _in_order(self, places: Mapping[int, _Place], size: int) -> Iterator[tuple[dict[int, _Place], Image]]:
        """Yield images in the order of the query, each with the places behind it."""
        streams = {number: self._stream(number, place, size) for number, place in places.items()}
        heads = {number: next(stream, None) for number, stream in streams.items()}
        state = dict(places)
        while waiting := {number: head for number, head in heads.items() if head is not None}:
            by_id = sorted((image for _, image in waiting.values()), key=lambda image: image.id)
            first = sort_images(by_id, self._query.sort)[0]
            number = next(number for number, (_, image) in waiting.items() if image is first)
            state[number] = waiting[number][0]
            yield dict(state), first
            heads[number] = next(streams[number], None)

    def _stream(self, number: int, place: _Place, size: int) -> Iterator[tuple[_Place, Image]]:
        """Yield the images of a member from a place on, each with the place behind it."""
        member, query = self._parts[number]
        while True:
            try:
                page = member.find(query, place.start, size)
            except CatalogUnavailable as error:
                if not query.allows_part:
                    raise
                self.failures[member.root] = error
                return
            for position, image in enumerate(page.images[place.skipped :], start=place.skipped + 1):
                yield _Place(place.start, position), image
            if not page.next:
                return
            place = _Place(page.next, 0)


def _page_of_one(member: Member, below: Query, query: Query, start: str, size: int) -> Page:
    """Return a page of the only catalog that has images of a query."""
    root = member.root
    if query.sort:
        return member.find(below, start, size)
    if start > root and not start.startswith(root):
        return Page(())
    page = member.find(below, start.removeprefix(root) if start.startswith(root) else "", size)
    return Page(page.images, root + page.next if page.next else "")


def _above(member: Member, image: Image) -> Image:
    """Return an image of a member as it is called here."""
    if not member.prefix:
        return image
    is_below = image.collection and not member.collection
    collection = member.root + image.collection if is_below else member.prefix
    return replace(image, id=member.root + image.id, collection=collection)


def _below(member: Member, query: Query) -> Query | None:
    """Return the query that finds a member's images of a query; None where it has none."""
    root = member.root
    if not (query.prefix.startswith(root) or root.startswith(query.prefix)):
        return None
    conditions = [_condition_below(condition, root) for condition in query.conditions]
    if _NEVER in conditions:
        return None
    name = query.collection
    if not name or f"{name}/" == root or root.startswith(f"{name}/"):
        collection = ""
    elif name.startswith(root):
        collection = name.removeprefix(root)
    else:
        return None
    if member.collection:
        if collection and (member.prefix or collection != member.collection):
            conditions.append(Compare(_ID, Comparison.STARTS_WITH, f"{collection}/"))
        collection = member.collection
    return replace(
        query,
        collection=collection,
        prefix=query.prefix.removeprefix(root) if query.prefix.startswith(root) else "",
        conditions=tuple(condition for condition in conditions if condition != _ALWAYS),
    )


def _condition_below(condition: Condition, root: str) -> Condition:
    """Return the condition on the images of a catalog that one on the same images is, whose ids begin with a text."""
    match condition:
        case Compare("system:id", comparison, value) if root:
            return _comparison_below(comparison, value, root)
        # what is always or never true is told as such, so that a catalog without any of the images is not asked at all
        case Not(inner):
            below = _condition_below(inner, root)
            return _ALWAYS if below == _NEVER else _NEVER if below == _ALWAYS else Not(below)
        case AllOf(conditions):
            parts = [_condition_below(part, root) for part in conditions]
            return _NEVER if _NEVER in parts else AllOf(tuple(part for part in parts if part != _ALWAYS))
        case AnyOf(conditions):
            parts = [_condition_below(part, root) for part in conditions]
            return _ALWAYS if _ALWAYS in parts else AnyOf(tuple(part for part in parts if part != _NEVER))
        case _:
            return condition


def _comparison_below(comparison: Comparison, value: object, root: str) -> Condition:
    if not isinstance(value, str):
        return _NEVER
    if value.startswith(root) and comparison not in {Comparison.ENDS_WITH, Comparison.CONTAINS}:
        return Compare(_ID, comparison, value.removeprefix(root))
    match comparison:
        case Comparison.EQUAL:
            return _NEVER
        case Comparison.LESS:
            return _ALWAYS if root < value else _NEVER
        case Comparison.GREATER:
            return _ALWAYS if root > value else _NEVER
        case Comparison.STARTS_WITH:
            return _ALWAYS if root.startswith(value) else _NEVER
        case Comparison.ENDS_WITH:
            whole = [Compare(_ID, Comparison.EQUAL, rest) for rest in _behind(root, value)]
            return AnyOf((Compare(_ID, comparison, value), *whole))
        case Comparison.CONTAINS:
            begun = [Compare(_ID, Comparison.STARTS_WITH, rest) for rest in _behind(root, value)]
            return _ALWAYS if value in root else AnyOf((Compare(_ID, comparison, value), *begun))


def _behind(root: str, value: str) -> list[str]:
    """Return what is left of a text behind each end of the root that it begins with.

    >>> _behind("a/b/", "b/c"), _behind("aa/", "a/x")
    (['c'], ['x'])
    """
    return [value[cut:] for cut in range(1, min(len(root), len(value) - 1) + 1) if root.endswith(value[:cut])]


def _token(count: int, places: Mapping[int, _Place]) -> str:
    """Return the text of a state; see ``_Merge.page_of_order``."""
    state = [count, [[number, place.start, place.skipped] for number, place in places.items()]]
    return _MARK + orjson.dumps(state).decode()
