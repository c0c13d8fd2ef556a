"""Numbers and texts among the properties of many items as arrays, so that conditions on them need few entries.

They are written with items that come in large numbers, and say nothing of others: those are looked at one by one. Of
texts there are checksums: items whose checksum is that of the text which is asked for are looked at too.
"""

import sqlite3
import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import zstandard

from rasterwire import budget
from rasterwire.errors import CatalogUnavailable
from rasterwire.query import AllOf, AnyOf, Compare, Comparison, Condition, Not, Present

__all__ = ["FALSE", "MAYBE", "TRUE", "Numbers", "numbers_of", "put_numbers"]

FALSE, MAYBE, TRUE = 0, 1, 2
"""Of a condition and an item."""

_MAX_NAMES = 64
"""Properties of an item, and of an array of items, that are kept."""

_MAX_NAME = 100
"""Characters."""

_MAX_TEXT = 200
"""Characters; longer texts describe, and nobody looks for them as a whole."""

_OF_TEXTS = "system:text:"
"""Begins the names of the arrays of texts; no property with numbers is called so, see ``numbers_of``."""

_LEAST_ITEMS = 500
"""Of an array; fewer items are looked at as fast."""

_MAX_ITEMS = 1 << 24
"""Of all arrays that a query reads; others are not used. They take 8 bytes each in memory."""

_EXACT = 1 << 53
"""Integers from here on are not all exact as doubles."""

_TABLE = (
    "CREATE TABLE IF NOT EXISTS numbers(name TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, "
    "body BLOB NOT NULL, PRIMARY KEY(name, first))"
)
"""Indexes of earlier versions have none; it is made when an index is written."""

_Floats = npt.NDArray[np.float64]


def numbers_of(properties: Mapping[str, Any]) -> dict[str, float]:
    """Return the numbers among properties that doubles hold exactly, without those that the service itself gives.

    With them are the checksums of short texts, by names that begin with ``_OF_TEXTS``.
    """
    values: dict[str, float] = {}
    for name, value in properties.items():
        if len(name) > _MAX_NAME or name.startswith("system:"):
            continue
        kind = type(value)
        if kind is float or (kind is int and -_EXACT < value < _EXACT):
            values[name] = value
        elif kind is str and len(value) <= _MAX_TEXT:
            values[_OF_TEXTS + name] = _checksum(value)
    if len(values) > _MAX_NAMES:
        return {name: values[name] for name in list(values)[:_MAX_NAMES]}
    return values


def _checksum(text: str) -> int:
    return zlib.crc32(text.encode("utf-8", "surrogatepass"))


def put_numbers(connection: sqlite3.Connection, first: int, items: Sequence[Mapping[str, float]]) -> None:
    """Write the numbers of items that follow each other; those of few items are not kept.

    Args:
        connection: within a transaction.
        first: number of the first item.
        items: ``numbers_of`` each.
    """
    if len(items) < _LEAST_ITEMS:
        return
    columns: dict[str, _Floats] = {}
    for place, numbers in enumerate(items):
        for name, value in numbers.items():
            column = columns.get(name)
            if column is None:
                if len(columns) >= _MAX_NAMES:
                    continue
                column = columns[name] = np.full(len(items), np.nan)
            column[place] = value
    last = first + len(items) - 1
    connection.execute(_TABLE)
    # items are never changed in their place: of those that were removed the arrays go with the last one
    connection.execute(
        "DELETE FROM numbers WHERE NOT EXISTS (SELECT 1 FROM item WHERE item.n BETWEEN numbers.first AND numbers.last)"
    )
    compressor = zstandard.ZstdCompressor(level=1)
    connection.executemany(
        "INSERT OR REPLACE INTO numbers(name, first, last, body) VALUES (?, ?, ?, ?)",
        [(name, first, last, compressor.compress(column.astype("<f8").tobytes())) for name, column in columns.items()],
    )


class _Column(NamedTuple):
    """The arrays of a property one after the other.

    Attributes:
        first, last: numbers of the first and last item of each, ascending.
        offset: of each in ``values``.
        values: NaN where a property is no number or missing.
    """

    first: npt.NDArray[np.int64]
    last: npt.NDArray[np.int64]
    offset: npt.NDArray[np.int64]
    values: _Floats

    def of(self, items: npt.NDArray[np.int64]) -> _Floats:
        """Return the value of each item, NaN where it is not known."""
        result = np.full(len(items), np.nan)
        array = np.searchsorted(self.first, items, "right") - 1
        is_in = (array >= 0) & (items <= self.last[array])
        array = array[is_in]
        result[is_in] = self.values[self.offset[array] + items[is_in] - self.first[array]]
        return result


class Numbers:
    """The arrays of an index within one transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Set the index. Nothing is read yet."""
        self._connection = connection
        self._columns: dict[str, _Column | None] = {}
        self._items = 0

    def can_tell(self, condition: Condition) -> bool:
        """Tell whether there are arrays for a condition, or for one that it consists of."""
        match condition:
            case Compare(name, Comparison.EQUAL, str()):
                return self._column(_OF_TEXTS + name) is not None
            case Present(name):
                return any(self._column(prefix + name) is not None for prefix in ("", _OF_TEXTS))
            case Compare(property=name):
                return self._column(name) is not None
            case Not(inner):
                return self.can_tell(inner)
            case AllOf(conditions) | AnyOf(conditions):
                return any(map(self.can_tell, conditions))
            case _:
                return False

    def verdicts(self, conditions: Iterable[Condition], items: npt.NDArray[np.int64]) -> npt.NDArray[np.int8]:
        """Tell for each item whether all conditions hold: ``FALSE``, ``MAYBE`` or ``TRUE``."""
        return self._verdicts(AllOf(tuple(conditions)), items)

    def _verdicts(self, condition: Condition, items: npt.NDArray[np.int64]) -> npt.NDArray[np.int8]:
        match condition:
            case Compare(name, comparison, value):
                return self._compared(name, comparison, value, items)
            case Present(name):
                is_unknown = np.isnan(self._values(name, items)) & np.isnan(self._values(_OF_TEXTS + name, items))
                return np.where(is_unknown, MAYBE, TRUE).astype(np.int8)
            case Not(inner):
                return TRUE - self._verdicts(inner, items)
            case AllOf(conditions):
                result = np.full(len(items), TRUE, np.int8)
                for part in conditions:
                    np.minimum(result, self._verdicts(part, items), out=result)
                return result
            case AnyOf(conditions):
                result = np.full(len(items), FALSE, np.int8)
                for part in conditions:
                    np.maximum(result, self._verdicts(part, items), out=result)
                return result
            case _:
                return np.full(len(items), MAYBE, np.int8)

    def _compared(
        self, name: str, comparison: Comparison, value: object, items: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.int8]:
        if isinstance(value, str) and comparison is Comparison.EQUAL:
            checksums = self._values(_OF_TEXTS + name, items)
            is_other = ~np.isnan(checksums) & (checksums != _checksum(value))
            return np.where(is_other, FALSE, MAYBE).astype(np.int8)
        if not isinstance(value, int | float) or not abs(value) < _EXACT:
            return np.full(len(items), MAYBE, np.int8)
        values = self._values(name, items)
        match comparison:
            case Comparison.EQUAL:
                holds = values == value
            case Comparison.LESS:
                holds = values < value
            case Comparison.GREATER:
                holds = values > value
            case _:
                return np.full(len(items), MAYBE, np.int8)
        return np.where(np.isnan(values), MAYBE, np.where(holds, TRUE, FALSE)).astype(np.int8)

    def _values(self, name: str, items: npt.NDArray[np.int64]) -> _Floats:
        column = self._column(name)
        return np.full(len(items), np.nan) if column is None else column.of(items)

    def _column(self, name: str) -> _Column | None:
        if name not in self._columns:
            self._columns[name] = self._read(name)
        return self._columns[name]

    def _read(self, name: str) -> _Column | None:
        """Return the arrays of a property; None where there are none, or too many beside those that were read."""
        if self._connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'numbers'").fetchone() is None:
            return None
        statement = "SELECT first, last FROM numbers WHERE name = ? ORDER BY first"
        places = np.array(self._connection.execute(statement, (name,)).fetchall(), np.int64).reshape(-1, 2)
        first, last = places.T
        sizes = last - first + 1
        if not len(places) or sizes.min() <= 0 or self._items + sizes.sum() > _MAX_ITEMS:
            return None
        self._items += int(sizes.sum())
        values = np.empty(sizes.sum())
        offset = np.cumsum(sizes) - sizes
        bodies = self._connection.execute("SELECT body FROM numbers WHERE name = ? ORDER BY first", (name,))
        for (body,), start, size in zip(bodies, offset.tolist(), sizes.tolist(), strict=True):
            budget.check()
            values[start : start + size] = _unpacked(body, size)
        return _Column(first, last, offset, values)


def _unpacked(body: bytes, size: int) -> _Floats:
    """Return an array.

    Raises:
        CatalogUnavailable: it is damaged.
    """
    try:
        if zstandard.get_frame_parameters(body).content_size == 8 * size:
            return np.frombuffer(zstandard.ZstdDecompressor().decompress(body), "<f8")
    except zstandard.ZstdError:
        pass
    raise CatalogUnavailable("an entry of the index of this catalog is damaged; build it again")
