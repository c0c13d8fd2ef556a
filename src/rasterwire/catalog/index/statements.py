"""The statements that find the rows of a query. Their texts hold no value of a query."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from rasterwire.catalog.document import is_text
from rasterwire.catalog.index.outlines import Area, Box, Outline
from rasterwire.catalog.index.writing import DAY
from rasterwire.query import AnyOf, Compare, Comparison, Condition, Query

__all__ = ["Clause", "Row", "Scan", "Statements"]

Clause = tuple[str, tuple[Any, ...]]
"""A condition of SQL, and its values."""

_MAX_SCANNED_COLLECTIONS = 64
"""Collections that a query of all is made of, along their times; of more, all rows are gone through or sorted."""

_MAX_INTEGER = (1 << 62) - 1

_MAX_CODE, _SURROGATES = 0x10FFFF, (0xD800, 0xE000)


class Row(NamedTuple):
    """The columns of an item that tell whether and where it is in an answer."""

    n: int
    id: str
    time: float | None
    placement: int
    west: float | None
    south: float | None
    east: float | None
    north: float | None
    body: bytes | None
    files: int

    @property
    def outline(self) -> Outline | None:
        """The footprint, None where it has none."""
        if self.west is None or self.south is None or self.east is None or self.north is None:
            return None
        return Outline(Box(self.west, self.south, self.east, self.north), self.body)


_COLUMNS = ", ".join(f"item.{name}" for name in ("n", "id", "time", "placement", "west", "south", "east", "north"))


@dataclass(frozen=True, slots=True)
class Scan:
    """A way through a table. Of the scans of one list, no two give the same row.

    Attributes:
        tables: where the rows are.
        clauses: that rows fulfil.
        order: of the rows; "" for any.
    """

    tables: str
    clauses: tuple[Clause, ...] = ()
    order: str = ""

    def where(self, *clauses: Clause) -> "Scan":
        """Return a scan of the rows that fulfil more."""
        return replace(self, clauses=(*self.clauses, *clauses))

    def rows(self) -> Clause:
        """Return the statement for the columns of ``Row``."""
        order = f" ORDER BY {self.order}" if self.order else ""
        return f"SELECT {_COLUMNS}, item.outline, item.files FROM {self.tables}{self._where()}{order}", self._values()

    def items(self) -> Clause:
        """Return the statement for the numbers of items."""
        return f"SELECT item.n FROM {self.tables}{self._where()}", self._values()

    def outlines(self) -> Clause:
        """Return the statement for the sides of footprints, west, south, east, north, and their outlines."""
        columns = "item.west, item.south, item.east, item.north, item.outline"
        return f"SELECT {columns} FROM {self.tables}{self._where()}", self._values()

    def count(self, limit: int | None) -> Clause:
        """Return the statement for the number of rows, at most ``limit``."""
        if limit is None:
            return f"SELECT count(*) FROM {self.tables}{self._where()}", self._values()
        inner = f"SELECT 1 FROM {self.tables}{self._where()} LIMIT ?"
        return f"SELECT count(*) FROM ({inner})", (*self._values(), limit)

    def _where(self) -> str:
        return f" WHERE {' AND '.join(text for text, _ in self.clauses)}" if self.clauses else ""

    def _values(self) -> tuple[Any, ...]:
        return tuple(value for _, values in self.clauses for value in values)


class Statements:
    """The scans of a query. Its footprints and conditions are not part of them, but for boxes and texts of ids."""

    def __init__(self, query: Query, collection: int | None, areas: Sequence[Area], collections: int) -> None:
        """Set the query.

        Args:
            query: any.
            collection: the number of the collection it names, None where no document names that.
            areas: its regions.
            collections: how many there are; their numbers begin with 1.
        """
        self._collections = collections if collections <= _MAX_SCANNED_COLLECTIONS else 0
        self._query = query
        self._collection = collection
        self._areas = sorted(areas, key=lambda area: _size(area.box))
        self._time = _time_clauses(query)
        named = [clause for clause in map(_id_clause, query.conditions) if clause is not None]
        self._ids = [*_prefix_clauses("item.id", query.prefix), *named]

    def by_id(self, after: str | None, descending: bool) -> list[Scan]:
        """Return scans in the order of ids, of the rows behind an id."""
        order = "item.id DESC" if descending else "item.id"
        behind: list[Clause] = [] if after is None else [(f"item.id {'<' if descending else '>'} ?", (after,))]
        return [
            replace(scan, order=order).where(*self._ids, *behind, *self._time, *self._boxes())
            for scan in self._collected("item_by_collection")
        ]

    def by_time(self, after: tuple[float | None, str] | None, descending: bool) -> list[Scan]:
        """Return scans in the order of times, then of ids; rows without a time come last.

        Args:
            after: time and id before the first row.
            descending: whether the latest comes first; ids still ascend.
        """
        by_time = f"item.time {'DESC' if descending else 'ASC'}, item.id"
        timed: list[Clause] = [("item.time IS NOT NULL", ())]
        timeless: list[Clause] = [("item.time IS NULL", ())]
        scans = []
        sources = self._collected("item_by_time", self._collections)
        if after is None or after[0] is not None:
            if after is not None:
                sign, (time, image_id) = "<" if descending else ">", after
                timed.append((f"item.time {sign}= ? AND (item.time {sign} ? OR item.id > ?)", (time, time, image_id)))
            scans += [replace(scan, order=by_time).where(*timed, *self._ids, *self._time) for scan in sources]
        if not self._time:
            if after is not None and after[0] is None:
                timeless.append(("item.id > ?", (after[1],)))
            scans += [replace(scan, order="item.id").where(*timeless, *self._ids) for scan in sources]
        return [scan.where(*self._boxes()) for scan in scans]

    def in_any_order(self, *, with_entries: bool = False) -> list[Scan]:
        """Return scans of all rows.

        Args:
            with_entries: whether the entries of most rows are read too.
        """
        if self._areas:
            return [*self.near(), self.without_place()]
        if with_entries and not self._time and not self._ids:
            # as they lie in the file: in the order of an index, each entry would be on another page
            return [Scan("item NOT INDEXED", tuple(self._collection_clauses()))]
        if self._time:
            scans = self._collected("item_by_time", self._collections)
        else:
            scans = self._collected("item_by_collection")
        return [scan.where(*self._ids, *self._time) for scan in scans]

    def near(self) -> list[Scan]:
        """Return scans of the rows whose footprint may meet the smallest region."""
        # in this order: a JOIN, or another index of items, would go through all of them
        table = "box CROSS JOIN item NOT INDEXED ON item.n = box.n"
        return [
            Scan(table, (*clauses, *self._collection_clauses(), *self._ids, *self._time)) for clauses in self._turns()
        ]

    def near_boxes(self) -> list[Scan]:
        """Return scans that find at least as many rows as those of ``near``, and read no item."""
        return [Scan("box", tuple(clauses)) for clauses in self._turns()]

    def without_place(self) -> Scan:
        """Return a scan of the rows without a footprint."""
        clauses = (("item.placement <> 1", ()), *self._collection_clauses(), *self._ids, *self._time)
        return Scan("item INDEXED BY item_without_place", clauses)

    def _turns(self) -> list[list[Clause]]:
        """Return the clauses of boxes at each turn, which exclude those of the turns before."""
        days = self._days()
        result, before = [], list[Clause]()
        for box in self._areas[0].boxes():
            inside: Clause = ("box.west <= ? AND box.east >= ?", (box.east, box.west))
            result.append([inside, ("box.south <= ? AND box.north >= ?", (box.north, box.south)), *days, *before])
            before.append((f"NOT ({inside[0]})", inside[1]))
        return result

    def _days(self) -> list[Clause]:
        start, end = self._query.start, self._query.end
        clauses: list[Clause] = []
        if start is not None:
            clauses.append(("box.last >= ?", (_bounded(start) / DAY,)))
        if end is not None:
            clauses.append(("box.first <= ?", (_bounded(end) / DAY,)))
        return clauses

    def _collected(self, index: str, collections: int = 0) -> list[Scan]:
        """Return scans of the rows of the collection, the first along an index that begins with collections.

        Args:
            index: of ids or times in a collection.
            collections: without a collection in the query, the number of scans, one for each collection; 0 for one.
        """
        if not self._query.collection:
            if collections:
                table = Scan(f"item INDEXED BY {index}")
                return [table.where(("item.collection = ?", (n,))) for n in range(1, collections + 1)]
            return [Scan("item INDEXED BY item_by_id")]
        below = Scan("item INDEXED BY item_by_id").where(*_prefix_clauses("item.id", f"{self._query.collection}/"))
        if self._collection is None:
            return [below]
        table = Scan(f"item INDEXED BY {index}").where(("item.collection = ?", (self._collection,)))
        return [table, below.where(("item.collection <> ?", (self._collection,)))]

    def _collection_clauses(self) -> list[Clause]:
        if not self._query.collection:
            return []
        ((below, values),) = _prefix_clauses("item.id", f"{self._query.collection}/")
        if self._collection is None:
            return [(below, values)]
        return [(f"(item.collection = ? OR {below})", (self._collection, *values))]

    def _boxes(self) -> list[Clause]:
        """Return clauses for rows whose footprint may meet each region, for scans that do not begin with boxes."""
        clauses: list[Clause] = []
        for area in self._areas:
            turns = " OR ".join(["(item.west <= ? AND item.east >= ?)"] * 3)
            text = f"(item.placement <> 1 OR (item.south <= ? AND item.north >= ? AND ({turns})))"
            sides = [side for box in area.boxes() for side in (box.east, box.west)]
            clauses.append((text, (area.box.north, area.box.south, *sides)))
        return clauses


def _size(box: Box) -> float:
    return (box.east - box.west) * (box.north - box.south)


def _time_clauses(query: Query) -> list[Clause]:
    """Return clauses for rows whose time is in the range of a query; a row without a time fulfils none."""
    clauses: list[Clause] = []
    if query.start is not None:
        clauses.append(("item.time >= ?", (_bounded(query.start),)))
    if query.end is not None:
        clauses.append(("item.time < ?", (_bounded(query.end),)))
    return clauses


def _bounded(time: int) -> int:
    """Return a time that SQLite takes; no image has one beyond."""
    return max(-_MAX_INTEGER, min(time, _MAX_INTEGER))


def _id_clause(condition: Condition) -> Clause | None:
    """Return a clause for ids that hold a text, which SQLite tells without a row; None for other conditions."""
    match condition:
        case Compare("system:id", (Comparison.CONTAINS | Comparison.STARTS_WITH) as comparison, str(text)):
            if not is_text(text):
                return "0", ()  # no id holds half a surrogate pair
            return f"instr(item.id, ?) {'> 0' if comparison is Comparison.CONTAINS else '= 1'}", (text,)
        case AnyOf(conditions):
            clauses = [clause for clause in map(_id_clause, conditions) if clause is not None]
            if not clauses or len(clauses) < len(conditions):
                return None
            joined = " OR ".join(text for text, _ in clauses)
            return f"({joined})", tuple(value for _, values in clauses for value in values)
        case _:
            return None


def _prefix_clauses(column: str, prefix: str) -> list[Clause]:
    """Return a clause for texts that begin with a prefix; none for an empty one."""
    if not prefix:
        return []
    if not is_text(prefix):
        return [("0", ())]  # no id holds half a surrogate pair
    end = prefix
    while end and ord(end[-1]) == _MAX_CODE:
        end = end[:-1]
    if not end:
        return [(f"{column} >= ?", (prefix,))]
    following = ord(end[-1]) + 1
    end = end[:-1] + chr(_SURROGATES[1] if following == _SURROGATES[0] else following)
    return [(f"{column} >= ? AND {column} < ?", (prefix, end))]
