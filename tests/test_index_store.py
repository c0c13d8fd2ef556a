"""The index of a catalog, beside plain lists of entries."""

import math
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
import shapely
from odc.geo.crs import CRS
from rasterio.control import GroundControlPoint

import made_entries
from cases import every
from made_entries import LONLAT, expected, image_of, query
from rasterwire.budget import Budget, spending
from rasterwire.catalog.entry import BandClaim, Claim, Disagreement, Entry, Naming, Source
from rasterwire.catalog.header import read_header
from rasterwire.catalog.index import Document, IndexStore, numbers, search
from rasterwire.catalog.index.outlines import Area, outline_of
from rasterwire.catalog.index.rows import Encoder, Facts, facts_of
from rasterwire.catalog.index.statements import Scan, Statements
from rasterwire.errors import InvalidRequest, RenderCancelled, SourceUnavailable
from rasterwire.geo.region import Region, box_region
from rasterwire.geo.region.relations import intersects
from rasterwire.image import Image
from rasterwire.query import START, AnyOf, Compare, Comparison, Condition, Not, Present, Query, Sort, holds


@pytest.fixture
def store(tmp_path: Path) -> Iterator[IndexStore]:
    """Give an empty index."""
    opened = IndexStore(tmp_path / "index.sqlite")
    yield opened
    opened.close()


def pages(store: IndexStore, question: Query, size: int) -> list[str]:
    """Return the ids of all pages of a query."""
    images, start = store.find(question, "", size)
    while start:
        more, start = store.find(question, start, size)
        assert more
        images += more
    return [image.id for image in images]


def entry(image_id: str, **more: object) -> Entry:
    return replace(Entry(image_id, f"{image_id}.json", Naming.ASSETS, ()), **more)  # type: ignore[arg-type]


def same(first: Entry, second: Entry) -> bool:
    """Tell whether two entries are the same; a footprint may begin with another of its corners."""
    footprints = first.footprint, second.footprint
    if footprints[0] is not None and footprints[1] is not None:
        if footprints[0].crs != footprints[1].crs or not footprints[0].geometry.equals(footprints[1].geometry):
            return False
    elif footprints != (None, None):
        return False
    return repr(replace(first, footprint=None)) == repr(replace(second, footprint=None))  # NaN is not equal to itself


# Queries


def test_a_long_search_ends_when_nobody_waits_for_it(store: IndexStore) -> None:
    store.write_many(Document(f"{n}", "1", [entry(f"{n}", properties={"cloud": n})]) for n in range(20))
    few = (Compare("cloud", Comparison.LESS, 5),)
    spent = Budget()
    spent.stop()
    for question in (Query(conditions=few), Query(conditions=few, sort=(Sort("cloud"),)), Query(limit=3)):
        with spending(spent), pytest.raises(RenderCancelled):
            store.find(question)
        assert store.find(question)[0]
    with spending(spent), pytest.raises(RenderCancelled):
        store.count(Query(conditions=few))
    assert store.count(Query(conditions=few)) == 5


@pytest.mark.parametrize("seed", range(6))
def test_answers_are_those_of_a_walk_through_all_images(store: IndexStore, seed: int) -> None:
    rng = random.Random(seed)
    made = made_entries.entries(rng, 150)
    store.write_many(Document(entry.origin, "1", [entry]) for entry in made)
    images = [image_of(entry) for entry in made]
    for _ in range(100):
        question = query(rng)
        ids = [image.id for image in expected(images, question)]
        assert store.count(question) == len(ids), question
        assert pages(store, question, rng.choice([1, 3, 20, 1000])) == ids, question


def test_ids_that_hold_a_text_are_found_without_a_look_at_others(
    store: IndexStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [f"{name}/{n}" for name in ("a", "A", "\N{SNOWMAN}", "a%_", "b'a") for n in range(20)]
    store.write_many(Document(name, "1", [entry(name)]) for name in ids)
    tested: list[str] = []

    def noted(condition: Condition, image: Image) -> bool:
        tested.append(image.id)
        return holds(condition, image)

    monkeypatch.setattr(search, "holds", noted)
    for text in ("a", "A/1", "\N{SNOWMAN}", "%_", "'", "", "none", "\ud800"):
        contains = Compare("system:id", Comparison.CONTAINS, text)
        begins = Compare("system:id", Comparison.STARTS_WITH, text)
        holding, beginning = [name for name in ids if text in name], [name for name in ids if name.startswith(text)]
        for condition, named in ((contains, holding), (begins, beginning), (AnyOf((contains, begins)), holding)):
            tested.clear()
            assert pages(store, Query(conditions=(condition,)), 7) == sorted(named)
            assert set(tested) == set(named)
        either = AnyOf((contains, Compare("system:id", Comparison.EQUAL, "a/3")))
        assert pages(store, Query(conditions=(either,)), 1000) == sorted({*holding, "a/3"})


@pytest.fixture
def with_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let conditions be tested by arrays of numbers, however few items there are."""
    monkeypatch.setattr(numbers, "_LEAST_ITEMS", 2)
    monkeypatch.setattr(search, "_TESTED_ALONE", 0)


@pytest.mark.usefixtures("with_numbers")
@pytest.mark.parametrize("seed", range(6))
def test_arrays_of_numbers_answer_as_entries_do(store: IndexStore, seed: int) -> None:
    rng = random.Random(seed)
    made = made_entries.entries(rng, 150)
    strange = [2**53, 2**53 + 1, -(2**70), True, math.nan, math.inf, 0.1, "2.5", [1], {"a": 1}]
    made = [
        replace(one, properties={**one.properties, "cloud": rng.choice(strange)}) if rng.random() < 0.3 else one
        for one in made
    ]
    present = {one.id: one for one in made}
    store.write_many(Document(one.origin, "1", [one]) for one in made)
    for round_number in range(3):
        images = [image_of(one) for one in present.values()]
        for _ in range(60):
            limits = [Compare("cloud", rng.choice(list(Comparison)), value) for value in (50, 0.1, 2**53, True)]
            question = replace(query(rng), conditions=(rng.choice(limits), *query(rng).conditions))
            ids = [image.id for image in expected(images, question)]
            assert store.count(question) == len(ids), question
            assert pages(store, question, rng.choice([1, 3, 20, 1000])) == ids, question
        changed = [
            replace(one, properties={"cloud": rng.random() * 100}) for one in rng.sample([*present.values()], 40)
        ]
        present |= {one.id: one for one in changed}
        gone = rng.sample(sorted(present), 10)
        store.write_many(Document(one.origin, f"{round_number}", [one]) for one in changed)
        store.remove([present.pop(image_id).origin for image_id in gone])


@pytest.mark.usefixtures("with_numbers")
def test_a_condition_on_numbers_needs_no_entry(store: IndexStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store.write_many(Document(f"{n}", "1", [entry(f"{n}", properties={"cloud": n / 10})]) for n in range(1000))
    read: list[bytes] = []

    def counted(body: bytes) -> Facts:
        read.append(body)
        return facts_of(body)

    monkeypatch.setattr(search, "facts_of", counted)
    few = Query(conditions=(Compare("cloud", Comparison.LESS, 20), Not(Compare("cloud", Comparison.LESS, 10))))
    assert store.count(few) == 100
    assert not read
    images, _ = store.find(few, "", 30)
    assert len(images) == len(read) == 30  # those that are given, with their properties


@pytest.mark.usefixtures("with_numbers")
@pytest.mark.parametrize("seed", range(4))
def test_arrays_of_texts_answer_as_entries_do(store: IndexStore, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(seed)
    if seed % 2:
        monkeypatch.setattr(numbers, "_checksum", len)  # many texts have the same
    texts: list[str | float] = ["a", "A", "b", "\ud800", "", "long" * 60, "7", 7]
    made = [
        replace(
            one,
            properties={**one.properties, "platform": rng.choice([*texts, None, ["a"]])} if rng.random() < 0.8 else {},
        )
        for one in made_entries.entries(rng, 150)
    ]
    store.write_many(Document(one.origin, "1", [one]) for one in made)
    images = [image_of(one) for one in made]
    for _ in range(120):
        asked = Compare("platform", rng.choice(list(Comparison)), rng.choice(texts))
        conditions: list[Condition] = [asked, Not(asked), AnyOf((asked, Present("platform")))]
        question = replace(query(rng), conditions=(rng.choice(conditions), *query(rng).conditions[:1]))
        ids = [image.id for image in expected(images, question)]
        assert store.count(question) == len(ids), question
        assert pages(store, question, rng.choice([1, 20, 1000])) == ids, question


@pytest.mark.usefixtures("with_numbers")
def test_a_condition_on_a_text_reads_the_entries_that_may_have_it(
    store: IndexStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.write_many(Document(f"{n}", "1", [entry(f"{n}", properties={"tile": f"T{n % 50}"})]) for n in range(1000))
    read: list[bytes] = []

    def counted(body: bytes) -> Facts:
        read.append(body)
        return facts_of(body)

    monkeypatch.setattr(search, "facts_of", counted)
    assert store.count(Query(conditions=(Compare("tile", Comparison.EQUAL, "T7"),))) == 20
    assert len(read) == 20
    assert store.count(Query(conditions=(Not(Compare("tile", Comparison.EQUAL, "none")),))) == 1000
    assert len(read) == 20


@pytest.mark.usefixtures("with_numbers")
def test_numbers_go_with_the_last_of_their_items(store: IndexStore) -> None:
    def count() -> int:
        connection = sqlite3.connect(store.path)
        (number,) = connection.execute("SELECT count(*) FROM numbers").fetchone()
        connection.close()
        return int(number)

    for version in range(5):
        store.write_many(Document(f"{n}", f"{version}", [entry(f"{n}", properties={"a": n})]) for n in range(10))
        assert count() == 1
    store.write("0", "6", [entry("0", properties={"a": 7})])
    assert count() == 1
    assert store.count(Query(conditions=(Compare("a", Comparison.EQUAL, 7),))) == 2


def test_an_index_without_arrays_of_numbers_is_searched(store: IndexStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store.write_many(Document(f"{n}", "1", [entry(f"{n}", properties={"a": n})]) for n in range(20))
    monkeypatch.setattr(search, "_TESTED_ALONE", 0)
    assert store.count(Query(conditions=(Compare("a", Comparison.LESS, 7),))) == 7


def test_what_is_found_has_the_properties_and_footprints_of_its_document(store: IndexStore) -> None:
    made = made_entries.entries(random.Random(3), 100)
    store.write_many(Document(entry.origin, "1", [entry]) for entry in made)
    images, following = store.find(Query())
    assert not following
    for image, one in zip(images, sorted(made, key=lambda entry: entry.id), strict=True):
        wanted = image_of(one)
        assert (image.id, image.start_time, image.collection, image.bands) == (
            *(wanted.id, wanted.start_time, wanted.collection),
            (),
        )
        assert image.properties == wanted.properties
        assert (image.footprint is None) == (wanted.footprint is None)
        if image.footprint is not None and wanted.footprint is not None:
            assert image.footprint.crs == wanted.footprint.crs
            assert image.footprint.geometry.equals(wanted.footprint.geometry)


@pytest.mark.parametrize("seed", range(3))
def test_pages_hold_once_what_stays_while_other_images_come_and_go(store: IndexStore, seed: int) -> None:
    rng = random.Random(seed)
    made = made_entries.entries(rng, 120)
    staying, going = made[:60], made[60:]
    store.write_many(Document(entry.origin, "1", [entry]) for entry in made)
    for _ in range(40):
        question = replace(query(rng), limit=None)
        wanted = [image.id for image in expected([image_of(entry) for entry in staying], question)]
        others = {entry.id for entry in going}
        ids, start = [], ""
        while True:
            images, start = store.find(question, start, 7)
            ids += [image.id for image in images]
            if not start:
                break
            changed = rng.sample(going, 10)
            store.remove(entry.origin for entry in changed[:5])
            store.write_many(Document(entry.origin, str(rng.random()), [entry]) for entry in changed[5:])
        assert [image_id for image_id in ids if image_id not in others] == wanted, question


def test_the_page_after_an_id_that_was_removed_begins_behind_it(store: IndexStore) -> None:
    store.write_many(Document(name, "1", [entry(name)]) for name in "abcd")
    _, start = store.find(Query(), "", 2)
    store.remove(["b"])
    assert start == "b"
    assert [image.id for image in store.find(Query(), start)[0]] == ["c", "d"]
    assert [image.id for image in store.find(Query(), "aa")[0]] == ["c", "d"]


@every("start", ["x", "[1]", "\ud800", '[["a","b"],"id",1]', '[[1],2,"id"]', "[[1],null,1]", "{}", '"'])
def test_a_start_of_another_list_is_refused(store: IndexStore, start: str) -> None:
    with pytest.raises(InvalidRequest):
        store.find(Query(sort=(Sort("cloud"),)), start)


def test_edges_and_times_are_compared_as_exactly_as_they_are_given(store: IndexStore) -> None:
    edge, instant = 0.1, 1_600_000_000_001  # neither is a number of the boxes, which are less exact
    properties = {START: instant}
    store.write("d", "1", [entry("a", footprint=box_region(-1, -1, edge, edge), properties=properties)])
    for beyond in (False, True):
        west = math.nextafter(edge, 1) if beyond else edge
        assert store.count(Query(regions=(box_region(west, -1, 1, 1),))) == (not beyond)
        assert store.count(Query(regions=(box_region(-1, west, 1, 1),))) == (not beyond)
        start = instant + beyond
        assert store.count(Query(start=start, end=start + 1, regions=(box_region(-1, -1, 1, 1),))) == (not beyond)
        assert store.count(Query(start=start - 5, end=start)) == beyond


def test_a_million_images_would_not_be_gone_through(store: IndexStore) -> None:
    store.write("d", "1", [entry(f"a{n}", collection="c", footprint=box_region(0, 0, 1, 1)) for n in range(500)])
    connection = sqlite3.connect(store.path)

    def steps(scans: Sequence[Scan]) -> list[list[str]]:
        return [
            [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {text}", values)]
            for text, values in map(Scan.rows, scans)
        ]

    box = ["SCAN box VIRTUAL TABLE INDEX 2:B0D1B2D3D5B4", "SEARCH item USING INTEGER PRIMARY KEY (rowid=?)"]
    near = Statements(Query("c", prefix="a", start=1, end=2), 1, [Area(box_region(0, 0, 1, 1))], 1).near()
    assert steps(near) == [box] * 3
    connection.execute("ANALYZE")
    connection.close()
    IndexStore(store.path).close()  # which drops the statistics of others
    connection = sqlite3.connect(store.path)
    assert steps(near) == [box] * 3
    plain = Statements(Query("c"), 1, [], 1)
    for scans in (plain.by_id("b", False), plain.by_id("b", True), plain.by_time((5, "b"), False)[:1]):
        assert all(plan[0].startswith("SEARCH item") and len(plan) == 1 for plan in steps(scans))
    (plan,) = steps(plain.by_time((5, "b"), True)[:1])
    assert plan[0].startswith("SEARCH item USING INDEX item_by_time (collection=? AND time")
    connection.close()


@pytest.mark.parametrize("seed", range(2))
def test_many_footprints_meet_a_region_as_each_does(seed: int) -> None:
    rng = random.Random(seed)

    def shape() -> shapely.Geometry:
        west, south, size = (
            rng.choice([0, 0, 0, 175, -185, 355]) + rng.randrange(10),
            rng.randrange(10),
            rng.randint(1, 9),
        )
        box = shapely.box(west, south, west + rng.choice([size, size, 186]), south + size)
        corner = west + rng.randint(0, size), south + rng.randint(0, size)
        points = [(west, south), (west + size, south + size), corner]
        triangle = shapely.Polygon(points)
        return box if rng.random() < 0.4 or not triangle.is_valid or not triangle.area else triangle

    footprints = [Region(shape(), LONLAT) for _ in range(300)]
    outlines = [outline for region in footprints for outline in [outline_of(region)] if outline is not None]
    assert any(outline.body is None for outline in outlines)
    boxes = np.array([outline.box for outline in outlines])
    for _ in range(40):
        region = Region(shape(), LONLAT)
        meets = Area(region).meets(boxes, [outline.body for outline in outlines])
        assert meets.tolist() == [intersects(footprint, region) for footprint in footprints]


# Entries and headers


def odd_entries() -> list[Entry]:
    """Return entries with everything that JSON or the index may change."""
    properties = {
        "nan": math.nan,
        "inf": -math.inf,
        "whole": 1,
        "float": 1.0,
        "large": 10**30,
        "null": None,
        "half": "\ud800",
        "nested": {"a": [1, {"b": None}], "ä": [[]]},
        "true": True,
    }
    bands = (BandClaim("B1", "int16", -9999, 0.1, 1, "m"), BandClaim(nodata=math.nan), BandClaim(nodata=2**63))
    claim = Claim((3, 4), (1, 0, 2.5, 0, -1, 3), "EPSG:32633", bands)
    sources = (Source("k", "n.tif", "s3://b/n.tif", claim), Source("", "m.tif", "/m.tif"))
    area = shapely.Polygon([(179, 0), (181, 0), (182, 3), (179, 2)])
    return [
        entry("a/ü\0b", properties=properties, sources=sources),
        entry("times", start_time=made_entries.EPOCH.replace(microsecond=1), band_order=("B", "A")),
        entry("notes", notes=(Disagreement("a", "b", "c", "d", "e"),), missing_assets=(("a", "b"),)),
        entry("remote", remote_assets=(("a", "https://example.com/a.tif"),), naming=Naming.WHOLE_FILE),
        entry("outline", footprint=Region(area, LONLAT)),
        entry("metres", footprint=Region(shapely.box(3e5, 1e6, 4e5, 2e6), CRS("EPSG:32633"))),
        entry("geodesic", footprint=Region(shapely.box(0, 0, 10, 10), LONLAT, geodesic=True)),
    ]


def test_entries_return_as_they_were(store: IndexStore) -> None:
    made = [*odd_entries(), *made_entries.entries(random.Random(1), 50)]
    store.write("d", "1", made)
    for one in made:
        plain = replace(one, properties=image_of(one).properties)
        found = store.get(one.id)
        assert found is not None
        assert same(replace(found, notes=found.notes[: len(one.notes)]), plain), one
        assert store.get(one.id) is found
    assert [found.id for found in store.entries()] == sorted(one.id for one in made)


def test_entries_read_with_the_dictionary_that_was_made_after_the_connection(tmp_path: Path) -> None:
    made = [replace(one, id=f"{one.id}{n}") for n in range(60) for one in odd_entries()]
    writer, reader = (IndexStore(tmp_path / "index.sqlite") for _ in range(2))
    assert reader.get("a") is None
    writer.write_many(Document(one.id, "1", [one]) for one in made)
    assert writer.encoder().row(made[0]) != Encoder().row(made[0])  # there is one
    assert all(same(found, one) for one in made for found in [reader.get(one.id)] if found is not None)
    writer.write_many(Document(f"later {one.id}", "1", [writer.encoder().row(one)]) for one in made[:7])
    assert len(reader.notes()) == 7
    writer.close()
    reader.close()


def test_a_time_that_is_no_number_is_left_out_and_told(store: IndexStore) -> None:
    store.write("d", "1", [entry("a", properties={START: "yesterday", "b": 1}), entry("b", properties={START: 5})])
    found = store.get("a")
    assert found is not None
    assert found.properties == {"b": 1}
    assert [note.field for note in found.notes] == [f"property {START!r}"]
    assert [image.id for image in store.find(Query(start=5, end=6))[0]] == ["b"]


def test_headers_return_as_they_were(store: IndexStore, tmp_path: Path) -> None:
    point = GroundControlPoint
    corners = [point(0, 0, 5, 50), point(0, 8, 6, 50), point(8, 0, 5, 49), point(8, 8, 6, 49)]
    profiles: list[dict[str, object]] = [
        {"dtype": "uint8", "crs": "EPSG:32610", "transform": rasterio.Affine(10, 0, 5e5, 0, -10, 4e6), "nodata": 0},
        {"dtype": "float32", "nodata": math.nan, "count": 3},
        {"dtype": "int64", "nodata": -(2**62)},
        {"dtype": "uint16", "crs": "+proj=laea +lat_0=10 +lon_0=3", "transform": rasterio.Affine(3, 1, 0, 1, -3, 0)},
        {"dtype": "uint8", "tiled": True, "blockxsize": 16, "blockysize": 16, "compress": "deflate"},
        {"dtype": "uint8", "gcps": corners, "crs": "EPSG:4326"},
    ]
    for number, profile in enumerate(profiles):
        path = tmp_path / f"{number}.tif"
        with rasterio.open(path, "w", **{"driver": "GTiff", "height": 8, "width": 8, "count": 1, **profile}) as raster:
            raster.update_tags(a="ü", b="2")
            raster.set_band_description(1, "née")
            if profile["dtype"] == "uint8" and "crs" in profile:
                raster.write_colormap(1, {0: (1, 2, 3, 255), 1: (4, 5, 6, 255)})
            raster.build_overviews([2])
        header = read_header(str(path))
        store.put_header(str(path), header.version, header)
        again = IndexStore(store.path, read_only=True)
        found = again.header(str(path), header.version)
        assert found is not None
        assert repr(found) == repr(header)
        assert math.isnan(header.bands[0].nodata or 0) or found == header
        assert again.header(str(path), "another") is None
        again.close()


# Documents


@pytest.mark.parametrize("seed", range(4))
def test_of_equal_ids_the_first_document_by_name_wins_whatever_comes_and_goes(store: IndexStore, seed: int) -> None:
    rng = random.Random(seed)
    documents: dict[str, list[Entry]] = {}
    for step in range(60):
        changes = {}
        for name in rng.sample("abcdef", rng.choice([1, 1, 2, 4])):
            footprint = made_entries.footprint(rng)
            changes[name] = [
                entry(rng.choice("xyzuvw"), origin=f"{name}{step}", properties={"n": n}, footprint=footprint)
                for n in range(rng.choice([0, 1, 3]))
            ]
        if rng.random() < 0.3:
            store.remove(changes)
            documents = {name: entries for name, entries in documents.items() if name not in changes}
        else:
            store.write_many(Document(name, str(step), entries) for name, entries in changes.items())
            documents |= changes
        assert list(store.documents()) == sorted(documents)
        first: dict[str, Entry] = {}
        taken = []
        for one in (one for name in sorted(documents) for one in documents[name]):
            winner = first.setdefault(one.id, one)
            taken += [(one.id, f"the id in {one.origin}", f"it is taken by {winner.origin}")] * (winner is not one)
        assert {image.id for image in store.find(Query())[0]} == set(first)
        for image_id, one in first.items():
            found = store.get(image_id)
            assert found is not None
            assert same(found, one)
        assert [(note.image_id, note.claim, note.value) for note in store.notes()] == taken
    assert_tables_agree(store.path)


def assert_tables_agree(path: Path) -> None:
    """Compare the tables of an index with each other."""
    connection = sqlite3.connect(path)
    items = {n for (n,) in connection.execute("SELECT n FROM item")}
    assert {n for (n,) in connection.execute("SELECT n FROM entry")} == items
    assert {n for (n,) in connection.execute("SELECT DISTINCT item FROM tail")} == items
    placed = {n for (n,) in connection.execute("SELECT n FROM item WHERE placement = 1")}
    assert {n for (n,) in connection.execute("SELECT n FROM box")} == placed
    assert connection.execute(
        "SELECT count(*) FROM item WHERE document NOT IN (SELECT n FROM document)"
    ).fetchone() == (0,)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert connection.execute("SELECT rtreecheck('box')").fetchone() == ("ok",)
    connection.close()


def test_notes_of_documents_are_kept_until_the_document_changes(store: IndexStore) -> None:
    note = Disagreement("b.json", "", "document", "a JSON document", "no JSON document")
    store.write("b.json", "1", [], [note])
    assert store.notes() == [note]
    store.write("b.json", "2", [])
    assert store.notes() == []
    assert store.documents() == {"b.json": "2"}


def test_images_without_files_are_listed(store: IndexStore) -> None:
    store.write("d", "1", [entry("b"), entry("a"), entry("c", sources=(Source("k", "n", "/n"),))])
    assert store.without_files() == ["a", "b"]


def test_a_footprint_that_is_learnt_is_found_by_then(store: IndexStore) -> None:
    source = (Source("k", "n", "/n"),)
    store.write("d", "1", [entry("a", sources=source), entry("b", sources=source), entry("c", sources=source)])
    store.place("a", box_region(0, 0, 1, 1))
    store.place("b", None)
    asked: list[str] = []
    question = Query(regions=(box_region(10, 10, 11, 11),))

    def footprint(asked_for: Entry) -> Region | None:
        asked.append(asked_for.id)
        return box_region(10, 10, 12, 12)

    images, _ = store.find(question, footprint=footprint)
    assert [image.id for image in images] == ["b", "c"]
    assert asked == ["c"]
    assert images[1].footprint is not None
    store.write("d", "2", [entry("a", sources=source)])  # a changed document is asked for again
    assert [image.id for image in store.find(question)[0]] == ["a"]


# Ids that may be meant


def test_an_id_that_is_not_there_has_one_that_is_like_it(store: IndexStore) -> None:
    names = ["Rivers/elbe", "Rivers/rhine", "lake_2020", "lake_2021", "S2/20210109T185751", "a\0b", "zz", "Straße/1"]
    store.write_many(Document(name, "1", [entry(name)]) for name in names)
    wanted = {
        "lake_2022": "lake_2021",
        "LAKE_2020": "lake_2020",
        "20210109t185751": "S2/20210109T185751",
        "lake-2021": "lake_2021",
        "STRASSE/1": "Straße/1",
        "ZZ": "zz",
        "sea": "",
        "": "",
        "b": "",
        "x" * 10_000: "",
        "\ud800": "",
    }
    assert {name: store.close_id(name) for name in wanted} == wanted


# Files


def test_what_is_no_index_is_told_in_words(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("not a database " * 100)
    sqlite3.connect(tmp_path / "other").execute("CREATE TABLE a(b)").connection.close()
    connection = sqlite3.connect(tmp_path / "later")
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    for name in ("text", "later"):
        with pytest.raises(SourceUnavailable, match="build it again"):
            IndexStore(tmp_path / name)
    for name in ("text", "other", "missing"):
        with pytest.raises(SourceUnavailable, match="build it again"):
            IndexStore(tmp_path / name, read_only=True)


def test_a_damaged_entry_is_told_and_hides_no_other(store: IndexStore) -> None:
    store.write_many(Document(name, "1", [entry(name)]) for name in "abc")
    connection = sqlite3.connect(store.path)
    connection.execute("UPDATE entry SET rest = x'00ff' WHERE n = 2")
    connection.commit()
    connection.close()
    with pytest.raises(SourceUnavailable, match="damaged"):
        store.get("b")
    assert store.get("a") is not None
    assert [image.id for image in store.find(Query())[0]] == ["a", "b", "c"]


def test_an_index_for_reading_is_not_changed(store: IndexStore, tmp_path: Path) -> None:
    store.write("d", "1", [entry("a", sources=(Source("k", "n", "/n"),))])
    reader = IndexStore(store.path, read_only=True)
    reader.place("a", box_region(0, 0, 1, 1))
    assert reader.get("a") is not None
    with pytest.raises(SourceUnavailable):
        reader.write("d", "2", [])
    assert reader.documents() == {"d": "1"}
    store.write("d", "2", [])
    assert reader.documents() == {"d": "2"}
    reader.close()


def test_an_index_in_a_folder_that_nobody_may_write_is_read(store: IndexStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store.write("d", "1", [entry("a")])
    store.close()
    monkeypatch.setattr(os, "access", lambda *_: False)  # not by permissions, which root has anyway
    reader = IndexStore(store.path, read_only=True)
    assert reader.get("a") is not None
    assert [file.name for file in store.path.parent.iterdir()] == [store.path.name]
    reader.close()


_WRITER = """
import sys
from pathlib import Path
from rasterwire.catalog.entry import Entry, Naming
from rasterwire.catalog.index import Document, IndexStore, numbers, search
store = IndexStore(Path(sys.argv[1]))
step = 0
while True:
    step += 1
    pair = [Entry(f"{side} {step % 50}", "o", Naming.ASSETS, (), properties={"step": step}) for side in "ab"]
    store.write(f"d {step % 50}", str(step), pair)
    if step == 100:
        print("ready", flush=True)
"""


@pytest.fixture
def writing_process(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Give a process that changes 50 documents of two images each, again and again."""
    command = [sys.executable, "-c", _WRITER, str(tmp_path / "index.sqlite")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


def test_readers_see_each_document_before_or_after_a_change(
    store: IndexStore, writing_process: subprocess.Popen[str]
) -> None:
    failures: list[object] = []
    changes: set[object] = set()

    def read() -> None:
        try:
            for _ in range(100):
                images, following = store.find(Query())
                steps = {image.id: image.properties["step"] for image in images}
                assert len(steps) == 100
                assert not following
                assert all(steps[f"a {n}"] == steps[f"b {n}"] for n in range(50))
                changes.add(max(steps.values()))
                assert store.get("a 7") is not None
        except BaseException as error:  # noqa: BLE001  told by the test
            failures.append(error)

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert len(changes) > 1  # the other process did write meanwhile


def test_two_processes_may_write(store: IndexStore, writing_process: subprocess.Popen[str]) -> None:
    for step in range(50):
        store.write(f"mine {step}", "1", [entry(f"mine {step}")])
    assert store.count(Query(prefix="mine")) == 50


def test_a_process_that_is_killed_while_it_writes_leaves_a_good_index(
    tmp_path: Path, writing_process: subprocess.Popen[str]
) -> None:
    writing_process.send_signal(signal.SIGKILL)
    writing_process.wait()
    assert_tables_agree(tmp_path / "index.sqlite")
    again = IndexStore(tmp_path / "index.sqlite")
    images, _ = again.find(Query())
    steps = {image.id: image.properties["step"] for image in images}
    assert len(steps) == 100
    assert all(steps[f"a {n}"] == steps[f"b {n}"] == int(again.documents()[f"d {n}"]) for n in range(50))
    again.write("d 1", "new", [entry("new")])
    assert again.count(Query()) == 99
    again.close()


@every(
    "token",
    [
        " " + "[" * 100_000,
        '[[[1]],"a",1]',
        '[[{"x": 1}],"a",1]',
        ' [[1000000000000000000000000],"a",1]',
        '[["x"],"a",1]',
        ' [[1],"\\ud800",1]',
        '{"a": 1, "b": 2, "c": 3}',
    ],
)
def test_a_page_begins_behind_no_image_that_there_cannot_be(store: IndexStore, token: str) -> None:
    store.write("a.json", "1", [entry("a")])
    with pytest.raises(InvalidRequest, match="not a token of this list"):
        store.find(Query(sort=(Sort(START),)), token)
