"""Entries as the index stores them: the columns that are searched, and two bodies.

Rows are made without the index, so that other processes can make them.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import Any, NamedTuple

from rasterwire.catalog.entry import Entry, Naming, left_out_notes
from rasterwire.catalog.index.bodies import Compression, json_of, json_value, reading
from rasterwire.catalog.index.encoding import (
    notes_of,
    region_of_row,
    row_of_region,
    row_of_source,
    rows_of_notes,
    source_of,
)
from rasterwire.catalog.index.numbers import numbers_of
from rasterwire.catalog.index.outlines import Box, Outline, is_lonlat, outline_of, region_of
from rasterwire.geo.region import Region
from rasterwire.image import Image, properties_of
from rasterwire.query import START

__all__ = [
    "PLACED",
    "PLACELESS",
    "UNKNOWN",
    "Encoder",
    "EntryRow",
    "Facts",
    "entry_of",
    "facts_body",
    "facts_of",
    "origin_of",
    "plain",
    "rest_body",
]

UNKNOWN, PLACED, PLACELESS = 0, 1, 2
"""Of an item: whether its footprint is not yet known, known, or known not to exist."""

_MAX_TIME = 1 << 53


class EntryRow(NamedTuple):
    """An entry as it is stored.

    Attributes:
        id: of the image.
        collection: that its document names, or "".
        time: milliseconds since 1970, or None.
        placement: ``UNKNOWN``, ``PLACED`` or ``PLACELESS``.
        files: number of its sources.
        west, south, east, north: around its footprint, in degrees; None where it has none.
        outline: its footprint as WKB; None where it is that box.
        facts: body of what filters and lists need.
        rest: body of all else.
        numbers: see ``numbers_of``; not kept in the row itself.
    """

    id: str
    collection: str
    time: float | None
    placement: int
    files: int
    west: float | None
    south: float | None
    east: float | None
    north: float | None
    outline: bytes | None
    facts: bytes
    rest: bytes
    numbers: Mapping[str, float] = MappingProxyType({})

    @property
    def footprint(self) -> Outline | None:
        """The footprint, None where it has none."""
        if self.west is None or self.south is None or self.east is None or self.north is None:
            return None
        return Outline(Box(self.west, self.south, self.east, self.north), self.outline)


class Facts(NamedTuple):
    """What filters and lists need of an image, beside its id.

    Attributes:
        collection, start_time, properties: see ``Entry``.
        footprint: of one that is not told by the columns of its item alone; else None.
    """

    collection: str
    start_time: datetime | None
    properties: Mapping[str, Any]
    footprint: Region | None


class Encoder:
    """Makes rows of entries. It can be sent to other processes; for one thread at a time."""

    def __init__(self, dictionary: bytes = b"") -> None:
        """Set the dictionary of the index, b"" where it has none."""
        self._dictionary = dictionary
        self._compression = Compression(lambda: dictionary)

    def __reduce__(self) -> tuple[type["Encoder"], tuple[bytes]]:
        return Encoder, (self._dictionary,)

    def row(self, entry: Entry) -> EntryRow:
        """Return the row of an entry."""
        entry = plain(entry)
        footprint = entry.footprint
        outline = None if footprint is None else outline_of(footprint)
        is_told = outline is None or footprint is None or is_lonlat(footprint)
        placement = PLACELESS if footprint is not None or not entry.sources else UNKNOWN
        west, south, east, north = (None,) * 4 if outline is None else outline.box
        return EntryRow(
            id=entry.id,
            collection=entry.collection,
            time=_time_of(entry),
            placement=placement if outline is None else PLACED,
            files=len(entry.sources),
            west=west,
            south=south,
            east=east,
            north=north,
            outline=None if outline is None else outline.body,
            facts=self._compression.pack(facts_body(entry, None if is_told else footprint)),
            rest=self._compression.pack(rest_body(entry)),
            numbers=numbers_of(entry.properties),
        )


def _time_of(entry: Entry) -> Any:
    """Return the time that ``properties_of`` gives its image."""
    if entry.start_time is None and START not in entry.properties:
        return None
    properties = {START: entry.properties[START]} if START in entry.properties else {}
    return properties_of(Image(entry.id, (), entry.start_time, properties)).get(START)


def plain(entry: Entry) -> Entry:
    """Return an entry whose time is a number, or which has none: others could not be compared by the index."""
    value = entry.properties.get(START)
    if entry.start_time is not None or value is None or _is_time(value):
        return entry
    properties = {name: value for name, value in entry.properties.items() if name != START}
    notes = left_out_notes(entry.id, {START: "not a number of milliseconds"})
    return replace(entry, properties=properties, notes=(*entry.notes, *notes))


def _is_time(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _MAX_TIME


def facts_body(entry: Entry, footprint: Region | None) -> bytes:
    """Return the facts of an entry as JSON, with a footprint that the columns of its item do not tell."""
    fields = {
        "collection": entry.collection,
        "start": "" if entry.start_time is None else entry.start_time.isoformat(),
        "properties": entry.properties,
        "outline": None if footprint is None else row_of_region(footprint),
    }
    return json_of({name: value for name, value in fields.items() if value})


def rest_body(entry: Entry) -> bytes:
    """Return the rest of an entry as JSON."""
    fields = {
        "origin": entry.origin,
        "naming": entry.naming.value,
        "sources": [row_of_source(source) for source in entry.sources],
        "order": entry.band_order,
        "notes": rows_of_notes(entry.notes),
        "missing": entry.missing_assets,
        "remote": entry.remote_assets,
    }
    return json_of({name: value for name, value in fields.items() if value})


def facts_of(body: bytes) -> Facts:
    """Return the facts of a body."""
    with reading():
        fields = json_value(body)
        start = fields.get("start")
        outline = fields.get("outline")
        return Facts(
            fields.get("collection", ""),
            None if start is None else datetime.fromisoformat(start),
            fields.get("properties", {}),
            None if outline is None else region_of_row(outline),
        )


def origin_of(body: bytes) -> str:
    """Return the origin of an entry from the body of its rest."""
    with reading():
        return str(json_value(body).get("origin", ""))


def entry_of(image_id: str, facts: Facts, body: bytes, outline: Outline | None) -> Entry:
    """Return an entry from its facts, the body of its rest, and the footprint in its columns."""
    footprint = facts.footprint
    if footprint is None and outline is not None:
        footprint = region_of(outline)
    with reading():
        fields = json_value(body)
        return Entry(
            id=image_id,
            origin=fields.get("origin", ""),
            naming=Naming(fields["naming"]),
            sources=tuple(source_of(row) for row in fields.get("sources", ())),
            start_time=facts.start_time,
            properties=facts.properties,
            collection=facts.collection,
            band_order=tuple(fields.get("order", ())),
            notes=notes_of(fields.get("notes", ())),
            missing_assets=tuple((key, problem) for key, problem in fields.get("missing", ())),
            remote_assets=tuple((key, href) for key, href in fields.get("remote", ())),
            footprint=footprint,
        )
