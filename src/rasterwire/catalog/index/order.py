"""Orders of a query: their keys, and the texts by which a page begins behind an image."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rasterwire.catalog.document import is_text
from rasterwire.catalog.index.bodies import json_of, json_value
from rasterwire.errors import invalid
from rasterwire.image import Image
from rasterwire.query import START, Sort, sort_key, value_of

__all__ = ["Key", "Order", "Position"]

Key = tuple[Any, ...]
"""What images are compared by."""


class _Descending:
    """A value that sorts in reverse."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __lt__(self, other: "_Descending") -> bool:
        return bool(other.value < self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Descending) and bool(self.value == other.value)

    __hash__ = None  # type: ignore[assignment]  # it is only compared


@dataclass(frozen=True, slots=True)
class Position:
    """Where a page ends.

    Attributes:
        values: of the properties that an order sorts by, of its last image.
        id: of that image.
        given: images of this page and those before.
    """

    values: tuple[Any, ...]
    id: str
    given: int


@dataclass(frozen=True, slots=True)
class Order:
    """The order of a query.

    Attributes:
        sort: the properties.
    """

    sort: tuple[Sort, ...]

    @property
    def by_id(self) -> bool:
        """Whether it is the order of ids."""
        return not self.sort or self.sort[0].property == "system:id"

    @property
    def by_time(self) -> bool:
        """Whether it is the order of times, then of ids."""
        rest = self.sort[1:]
        return bool(self.sort) and self.sort[0].property == START and (not rest or rest[0] == Sort("system:id"))

    @property
    def descending(self) -> bool:
        """Whether the first property descends."""
        return bool(self.sort) and self.sort[0].descending

    def values(self, image: Image) -> tuple[Any, ...]:
        """Return the values that an image is sorted by."""
        return tuple(value_of(image, order.property) for order in self.sort)

    def key(self, values: Sequence[Any], image_id: str) -> Key:
        """Return the key of an image with these values; a missing value comes last, ascending or descending."""
        parts = [
            (True, None)
            if value is None
            else (False, _Descending(sort_key(value)) if order.descending else sort_key(value))
            for order, value in zip(self.sort, values, strict=True)
        ]
        return (*parts, image_id)

    def text_of(self, position: Position) -> str:
        """Return the text by which the next page begins: without an order, the id."""
        if not self.sort:
            return position.id
        return json_of([position.values, position.id, position.given]).decode()

    def position_of(self, start: str) -> Position:
        """Return the position of ``text_of``.

        Raises:
            InvalidRequest: the text is of another order.
        """
        if not self.sort and is_text(start):
            return Position((), start, 0)
        try:
            values, image_id, given = json_value(start.encode())
            is_whole = isinstance(image_id, str) and isinstance(given, int) and len(values) == len(self.sort)
            is_whole = is_whole and is_text(image_id) and (not self.by_time or _is_time(values[0]))
        except (ValueError, TypeError, LookupError, RecursionError):
            is_whole = False
        if not is_whole:
            raise invalid("page_token", "PAGE_TOKEN_UNKNOWN", "is not a token of this list; leave it empty to begin")
        return Position(tuple(values), image_id, given)


def _is_time(value: object) -> bool:
    """Tell whether a value can be the time of an item; see ``rows``."""
    return value is None or (isinstance(value, int | float) and abs(value) < 1 << 53)
