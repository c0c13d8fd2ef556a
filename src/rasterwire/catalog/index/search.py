"""Answers queries from an index: rows by SQL, footprints exactly and many at once, the rest on decoded entries."""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from heapq import merge, nsmallest
from itertools import islice, repeat
from math import isqrt
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from rasterwire import budget
from rasterwire.catalog.document import is_text
from rasterwire.catalog.entry import Entry
from rasterwire.catalog.index.bodies import Compression
from rasterwire.catalog.index.numbers import MAYBE, TRUE, Numbers
from rasterwire.catalog.index.order import Key, Order, Position
from rasterwire.catalog.index.outlines import Area, region_of
from rasterwire.catalog.index.rows import UNKNOWN, Facts, entry_of, facts_of
from rasterwire.catalog.index.statements import Row, Scan, Statements
from rasterwire.geo.region import Region
from rasterwire.geo.region.relations import intersects
from rasterwire.image import Image
from rasterwire.query import START, AllOf, AnyOf, Compare, Condition, Intersects, Not, Present, Query, holds

__all__ = ["FootprintReader", "Search"]

FootprintReader = Callable[[Entry], Region | None]
"""Returns the footprint of an entry whose document gives none; None where its files give none either."""

_CHUNK = 500
"""Rows whose footprints are tested at once."""

_COUNTED = 4000
"""Rows whose footprints are counted at once."""

_TESTED_ALONE = 2_000
"""Rows whose conditions are tested by their entries; of more, by the arrays of numbers, which have to be read."""

_ROW_PROPERTIES = {START, "system:id", "system:index"}
"""What conditions find in a row, without its entry."""


class _Match(NamedTuple):
    """A row of the answer.

    Attributes:
        row: that of the index.
        facts: of its entry, where they were needed to know.
        footprint: where it was learnt on the way; else None.
    """

    row: Row
    facts: Facts | None = None
    footprint: Region | None = None


class Search:
    """A query of an index within one transaction."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        compression: Compression,
        query: Query,
        footprint: FootprintReader | None,
    ) -> None:
        """Set the query; see ``IndexStore.find``."""
        self._connection = connection
        self._compression = compression
        self._query = query
        self._footprint = footprint
        self._areas = [Area(region) for region in query.regions]
        self._order = Order(query.sort)
        collection = self._number("SELECT n FROM collection WHERE name = ?", query.collection)
        collections = self._number("SELECT max(n) FROM collection") or 0
        self._statements = Statements(query, collection, self._areas, collections)
        self._needs_places = bool(self._areas) or any(map(_needs_place, query.conditions))
        self._needs_facts = not all(map(_needs_row, query.conditions))
        self._numbers = Numbers(connection)

    def page(self, start: str, size: int) -> tuple[list[Image], str]:
        """Return a page and where the next one begins; see ``IndexStore.find``."""
        position = self._order.position_of(start) if start else None
        given = 0 if position is None else position.given
        if self._query.limit is not None:
            if position is not None and not self._order.sort:
                given = self._count_up_to(position.id)
            size = min(size, self._query.limit - given)
        if size <= 0:
            return [], ""
        matches = self._page_matches(position, size + 1)
        images = [self._image(match) for match in matches[:size]]
        given += len(images)
        if len(matches) <= size or (self._query.limit is not None and given >= self._query.limit):
            return images, ""
        return images, self._order.text_of(Position(self._order.values(images[-1]), images[-1].id, given))

    def _page_matches(self, position: Position | None, size: int) -> list[_Match]:
        if self._order.by_id or self._order.by_time:
            return list(islice(self._matches(self._ordered(position, size)), size))
        behind = None if position is None else self._order.key(position.values, position.id)
        matches = self._matches(self._rows(self._statements.in_any_order(with_entries=True)))
        keyed = ((self._key(match), match) for match in map(self._with_facts, matches))
        smallest = nsmallest(size, (item for item in keyed if behind is None or item[0] > behind), key=itemgetter(0))
        return [match for _, match in smallest]

    def count(self) -> int:
        """Return how many images there are."""
        limit = self._query.limit
        if limit is not None and limit <= 0:
            return 0
        scans = self._statements.in_any_order(with_entries=self._needs_facts)
        if not self._areas and not self._query.conditions:
            count = self._number_of(scans, limit)
            return count if limit is None else min(count, limit)
        if limit is None and not self._query.conditions:
            unplaced = self._matches(self._rows([self._statements.without_place()]))
            return sum(map(self._meeting_number, self._statements.near())) + sum(1 for _ in unplaced)
        if limit is None and not self._needs_places and self._are_told_by_numbers(scans):
            return sum(map(self._holding_number, scans))
        return sum(1 for _ in islice(self._matches(self._rows(scans)), limit))

    def _are_told_by_numbers(self, scans: Sequence[Scan]) -> bool:
        """Tell whether there are so many rows that the arrays of numbers are worth to be read, and are there."""
        is_worth = self._needs_facts and self._number_of(scans, _TESTED_ALONE + 1) > _TESTED_ALONE
        return is_worth and any(map(self._numbers.can_tell, self._query.conditions))

    def _holding_number(self, scan: Scan) -> int:
        """Return for how many rows all conditions hold; entries are read of those alone that numbers do not tell."""
        cursor = self._connection.execute(*scan.items())
        count = 0
        while found := cursor.fetchmany(_COUNTED):
            budget.check()
            items = np.array(found, np.int64).ravel()
            verdicts = self._numbers.verdicts(self._query.conditions, items)
            count += int(np.count_nonzero(verdicts == TRUE))
            doubtful = (Scan("item").where(("item.n = ?", (n,))) for n in items[verdicts == MAYBE].tolist())
            count += sum(self._match(row) is not None for row in self._rows(doubtful))
        return count

    def _meeting_number(self, scan: Scan) -> int:
        """Return how many rows have a footprint that meets all regions."""
        cursor = self._connection.execute(*scan.outlines())
        count = 0
        while outlines := cursor.fetchmany(_COUNTED):
            budget.check()
            count += int(np.count_nonzero(self._met(outlines)))
        return count

    def _count_up_to(self, image_id: str) -> int:
        """Return how many images of the answer come no later than an id, in the order of ids."""
        rows = self._streamed(None)
        limit = self._query.limit
        return sum(1 for match in islice(self._matches(rows), limit) if match.row.id <= image_id)

    def _ordered(self, position: Position | None, size: int) -> Iterator[Row]:
        """Return the rows behind a position, in an order that the index knows."""
        few = self._few(size)
        if few is None:
            return self._streamed(position)
        behind = None if position is None else self._order.key(position.values, position.id)
        keyed = sorted(((self._key(_Match(row)), row) for row in self._rows(few)), key=lambda item: item[0])
        return (row for key, row in keyed if behind is None or key > behind)

    def _streamed(self, position: Position | None) -> Iterator[Row]:
        descending = self._order.descending
        if self._order.by_id:
            scans = self._statements.by_id(None if position is None else position.id, descending)
        else:
            after = None if position is None else (position.values[0], position.id)
            scans = self._statements.by_time(after, descending)
        return merge(*(self._rows([scan]) for scan in scans), key=lambda row: self._key(_Match(row)))

    def _few(self, size: int) -> list[Scan] | None:
        """Return scans in any order that are better sorted here than gone through in order; None where none are.

        A page of n images of m rows, of which k may be in the answer, costs k rows, or else n * m / k.
        """
        total = self._number("SELECT max(n) FROM item") or 0
        limit = max(size, isqrt(total * size))
        if self._areas:
            without = self._statements.without_place()
            count = self._number_of([*self._statements.near_boxes(), without], limit + 1)
            return [*self._statements.near(), without] if count <= limit else None
        if self._order.by_id and (self._query.start is not None or self._query.end is not None):
            scans = self._statements.in_any_order()
            return scans if self._number_of(scans, limit + 1) <= limit else None
        return None

    def _rows(self, scans: Iterable[Scan]) -> Iterator[Row]:
        for scan in scans:
            yield from map(Row._make, self._connection.execute(*scan.rows()))

    def _matches(self, rows: Iterable[Row]) -> Iterator[_Match]:
        """Yield the rows of the answer among some."""
        remaining = iter(rows)
        tested = 0
        while chunk := list(islice(remaining, _CHUNK)):
            budget.check()
            if self._areas:
                chunk = self._meeting(chunk)
            verdicts = self._verdicts(chunk) if tested >= _TESTED_ALONE else repeat(MAYBE)
            tested += len(chunk)
            for row, verdict in zip(chunk, verdicts, strict=False):
                match = _Match(row) if verdict == TRUE else self._match(row) if verdict == MAYBE else None
                if match is not None:
                    yield match

    def _verdicts(self, rows: Sequence[Row]) -> list[int]:
        """Tell of rows that meet all regions whether they are in the answer: ``FALSE``, ``MAYBE`` or ``TRUE``."""
        if not self._needs_facts or not any(map(self._numbers.can_tell, self._query.conditions)):
            return [MAYBE] * len(rows)
        items = np.fromiter((row.n for row in rows), np.int64, len(rows))
        verdicts = self._numbers.verdicts(self._query.conditions, items)
        if self._needs_places:  # which may have to be learnt
            unplaced = np.fromiter((row.placement == UNKNOWN for row in rows), bool, len(rows))
            verdicts[unplaced & (verdicts == TRUE)] = MAYBE
        result: list[int] = verdicts.tolist()
        return result

    def _meeting(self, rows: Sequence[Row]) -> list[Row]:
        """Return the rows whose footprint meets all regions, or has yet to be learnt."""
        placed = [row for row in rows if row.west is not None]
        meeting = {row.n for row, is_met in zip(placed, self._met([row[4:] for row in placed]), strict=True) if is_met}
        return [row for row in rows if row.west is None or row.n in meeting]

    def _met(self, outlines: Sequence[Sequence[Any]]) -> npt.NDArray[np.bool_]:
        """Tell for the outlines of items, four sides and a body each, whether they meet all regions."""
        boxes = np.array([outline[:4] for outline in outlines], float).reshape(-1, 4)
        bodies = [outline[4] for outline in outlines]
        result = np.ones(len(outlines), bool)
        for area in self._areas:
            result &= area.meets(boxes, bodies)
        return result

    def _match(self, row: Row) -> _Match | None:
        """Return a row as a match, None where it is not in the answer."""
        match = _Match(row)
        if self._needs_places and row.placement == UNKNOWN and self._footprint is not None:
            footprint = self._learnt(row, self._footprint)
            if footprint is not None and not all(intersects(footprint, region) for region in self._query.regions):
                return None
            match = _Match(row, None, footprint)
        if self._needs_facts:
            match = self._with_facts(match)
            image = self._image(match) if self._needs_places else _image_of(match)
        else:
            image = _image_of(match)
        return match if all(holds(condition, image) for condition in self._query.conditions) else None

    def _learnt(self, row: Row, footprint: FootprintReader) -> Region | None:
        ((facts, rest),) = self._connection.execute("SELECT facts, rest FROM entry WHERE n = ?", (row.n,))
        unpack = self._compression.unpack
        return footprint(entry_of(row.id, facts_of(unpack(facts)), unpack(rest), None))

    def _with_facts(self, match: _Match) -> _Match:
        if match.facts is not None:
            return match
        ((body,),) = self._connection.execute("SELECT facts FROM entry WHERE n = ?", (match.row.n,))
        return match._replace(facts=facts_of(self._compression.unpack(body)))

    def _key(self, match: _Match) -> Key:
        return self._order.key(self._order.values(_image_of(match)), match.row.id)

    def _image(self, match: _Match) -> Image:
        """Return the image of a match with its footprint."""
        match = self._with_facts(match)
        footprint = match.footprint or (match.facts.footprint if match.facts is not None else None)
        if footprint is None and match.row.outline is not None:
            footprint = region_of(match.row.outline)
        return replace(_image_of(match), footprint=footprint)

    def _number(self, statement: str, *values: Any) -> int | None:
        if not all(is_text(value) for value in values):
            return None
        row = self._connection.execute(statement, values).fetchone()
        return None if row is None or row[0] is None else int(row[0])

    def _number_of(self, scans: Iterable[Scan], limit: int | None) -> int:
        """Return the number of rows of scans; with a limit, no more are looked at in each."""
        return sum(self._connection.execute(*scan.count(limit)).fetchone()[0] for scan in scans)


def _image_of(match: _Match) -> Image:
    """Return an image without a footprint, with the facts of a match, or with what its row tells of it."""
    row, facts, _ = match
    if facts is None:
        return Image(row.id, (), None, {} if row.time is None else {START: row.time})
    without_rasters = row.files == 0
    return Image(row.id, (), facts.start_time, facts.properties, facts.collection, without_rasters=without_rasters)


def _needs_row(condition: Condition) -> bool:
    """Tell whether a condition can be tested without an entry."""
    match condition:
        case Compare(property=name) | Present(property=name):
            return name in _ROW_PROPERTIES
        case Not(inner):
            return _needs_row(inner)
        case AllOf(conditions) | AnyOf(conditions):
            return all(map(_needs_row, conditions))
        case Intersects():
            return False


def _needs_place(condition: Condition) -> bool:
    """Tell whether a condition asks for the footprint."""
    match condition:
        case Intersects():
            return True
        case Not(inner):
            return _needs_place(inner)
        case AllOf(conditions) | AnyOf(conditions):
            return any(map(_needs_place, conditions))
        case Compare() | Present():
            return False
