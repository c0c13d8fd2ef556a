"""Queries: which images of a catalog, and in which order.

A query says exactly what Earth Engine's filters say. A missing property fulfils no comparison; values of different
kinds, such as a number and a text, are neither equal nor less nor greater; ``Not`` is true where its condition is not.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from operator import itemgetter
from typing import Any

from rasterwire.geo.region import Region
from rasterwire.geo.region.relations import intersects
from rasterwire.image import Image, properties_of

__all__ = [
    "MAX_CONDITIONS",
    "START",
    "AllOf",
    "AnyOf",
    "Compare",
    "Comparison",
    "Condition",
    "Intersects",
    "Not",
    "Present",
    "Query",
    "Sort",
    "condition_count",
    "holds",
    "sort_images",
    "sort_key",
    "value_of",
]

START = "system:time_start"
"""The property by which images are filtered by time, in milliseconds since 1970 in UTC."""

MAX_CONDITIONS = 500
"""Conditions of a query, those within others included; databases refuse many more. Who asks tests the rest."""


class Comparison(StrEnum):
    """How a property is compared with a value."""

    EQUAL = "equal"
    LESS = "less"
    GREATER = "greater"
    CONTAINS = "contains"
    STARTS_WITH = "starts with"
    ENDS_WITH = "ends with"


@dataclass(frozen=True, slots=True)
class Compare:
    """The property of an image, compared with a value: a number, a text, or a truth value."""

    property: str
    comparison: Comparison
    value: str | float | bool


@dataclass(frozen=True, slots=True)
class Present:
    """The image has a property, and its value is not null."""

    property: str


@dataclass(frozen=True, slots=True)
class Intersects:
    """The footprint of the image shares a point with a region; an image without a footprint intersects everything."""

    region: Region


@dataclass(frozen=True, slots=True)
class Not:
    """A condition does not hold."""

    condition: "Condition"


@dataclass(frozen=True, slots=True)
class AllOf:
    """All conditions hold, as of none they do."""

    conditions: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one condition holds, as of none it does not."""

    conditions: tuple["Condition", ...]


Condition = Compare | Present | Intersects | Not | AllOf | AnyOf


@dataclass(frozen=True, slots=True)
class Sort:
    """An order by a property; images without it come last, equal ones keep their order."""

    property: str
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """Images of a catalog. The default is all of them, by id.

    Attributes:
        collection: only images whose document names it, or whose id begins with it and a slash; "" for no limit.
        prefix: only ids that begin with it.
        start, end: only images whose time is in [start, end), in milliseconds since 1970 in UTC; None for no limit.
        regions: only images whose footprint intersects each of them.
        conditions: only images that fulfil each of them.
        sort: the order; the first one decides, then the next, at last the id.
        limit: the number of images at most, after the order; None for all.
        allows_part: whether, of several catalogs, the images of one that fails may be left out; the page names it.
    """

    collection: str = ""
    prefix: str = ""
    start: int | None = None
    end: int | None = None
    regions: tuple[Region, ...] = ()
    conditions: tuple[Condition, ...] = ()
    sort: tuple[Sort, ...] = ()
    limit: int | None = None
    allows_part: bool = False

    def narrowed(self, condition: Condition) -> "Query":
        """Return a query for the images that fulfil a condition as well; this query has no limit."""
        assert self.limit is None, "a condition cannot be moved before a limit"
        is_timed = self.start is not None or self.end is not None
        match condition:
            case AllOf(conditions):
                query = self
                for part in conditions:
                    query = query.narrowed(part)
                return query
            case Intersects(region):
                return replace(self, regions=(*self.regions, region))
            case Compare(property="system:time_start", comparison=Comparison.LESS, value=value) if _is_whole(value):
                return self._timed(None, int(value))
            case Not(Compare(property="system:time_start", comparison=Comparison.LESS, value=value)) if (
                # it is true of an image without a time as well, which a query with a time never finds
                _is_whole(value) and (is_timed or Present(START) in self.conditions)
            ):
                return self._timed(int(value), None)
            case Present("system:time_start") if is_timed:
                return self
            case _:
                return replace(self, conditions=(*self.conditions, condition))

    def _timed(self, start: int | None, end: int | None) -> "Query":
        """Return a query for the images of a time as well; conditions that follow from it, or add to it, go into it."""
        query = replace(
            self,
            start=max((value for value in (start, self.start) if value is not None), default=None),
            end=min((value for value in (end, self.end) if value is not None), default=None),
            conditions=(),
        )
        for condition in self.conditions:
            query = query.narrowed(condition)
        return query

    def matches(self, image: Image) -> bool:
        """Tell whether an image is one of those that the query asks for, apart from its limit.

        Args:
            image: with its footprint, where the query has regions.
        """
        if self.collection and image.collection != self.collection and not image.id.startswith(f"{self.collection}/"):
            return False
        if not image.id.startswith(self.prefix):
            return False
        if self.start is not None or self.end is not None:
            time = properties_of(image).get(START)
            if not isinstance(time, int | float) or not (
                (self.start is None or self.start <= time) and (self.end is None or time < self.end)
            ):
                return False
        return all(holds(Intersects(region), image) for region in self.regions) and all(
            holds(condition, image) for condition in self.conditions
        )


def _is_whole(value: object) -> bool:
    return isinstance(value, int) or (isinstance(value, float) and value.is_integer())


def condition_count(condition: Condition) -> int:
    """Return how many conditions a condition consists of, itself included."""
    match condition:
        case Not(inner):
            return 1 + condition_count(inner)
        case AllOf(conditions) | AnyOf(conditions):
            return 1 + sum(map(condition_count, conditions))
        case _:
            return 1


def holds(condition: Condition, image: Image) -> bool:
    """Tell whether an image fulfils a condition."""
    match condition:
        case Compare(name, comparison, value):
            return _compares(comparison, value_of(image, name), value)
        case Present(name):
            return value_of(image, name) is not None
        case Intersects(region):
            return image.footprint is None or intersects(image.footprint, region)
        case Not(inner):
            return not holds(inner, image)
        case AllOf(conditions):
            return all(holds(part, image) for part in conditions)
        case AnyOf(conditions):
            return any(holds(part, image) for part in conditions)


def sort_images(images: Sequence[Image], sort: Sequence[Sort]) -> list[Image]:
    """Return images in an order; those without a property come last, equal ones keep their order."""
    result = list(images)
    for order in reversed(sort):
        present = [image for image in result if value_of(image, order.property) is not None]
        missing = [image for image in result if value_of(image, order.property) is None]
        keyed = [(sort_key(value_of(image, order.property)), image) for image in present]
        keyed.sort(key=itemgetter(0), reverse=order.descending)
        result = [image for _, image in keyed] + missing
    return result


def value_of(image: Image, name: str) -> Any:
    """Return the value by which filters and orders know a property of an image; None where it has none."""
    if name == "system:id":
        return image.id
    # all that the service gives itself has such a name; a filter asks this of each of many images
    return properties_of(image).get(name) if name.startswith("system:") else image.properties.get(name)


def _compares(comparison: Comparison, own: Any, value: Any) -> bool:
    if own is None or value is None:
        return False
    match comparison:
        case Comparison.CONTAINS:
            return isinstance(own, str) and isinstance(value, str) and value in own
        case Comparison.STARTS_WITH:
            return isinstance(own, str) and isinstance(value, str) and own.startswith(value)
        case Comparison.ENDS_WITH:
            return isinstance(own, str) and isinstance(value, str) and own.endswith(value)
        case _:
            pass
    a, b = sort_key(own), sort_key(value)
    if comparison is Comparison.EQUAL:
        return a == b
    return a[0] == b[0] and (a < b if comparison is Comparison.LESS else a > b)


def sort_key(value: Any) -> tuple[Any, ...]:
    """Return a key by which JSON values sort: numbers, then texts, lists, objects; null last.

    Of two keys that differ in their first item, the values are of different kinds.
    """
    match value:
        case None:
            return (9,)
        case bool() | int() | float():
            return 0, value
        case str():
            return 1, value
        case list() | tuple():
            return 2, tuple(sort_key(item) for item in value)
        case Mapping():
            return 3, "", tuple((key, sort_key(value[key])) for key in sorted(value))
        case _:
            return 3, str(value)
