"""Entries and queries of an index, from random numbers."""

import math
import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import shapely
from odc.geo.crs import CRS

from rasterwire.catalog.entry import BandClaim, Claim, Disagreement, Entry, Naming, Source
from rasterwire.catalog.index import IndexStore
from rasterwire.geo.region import Region, box_region
from rasterwire.image import Image
from rasterwire.query import (
    START,
    AllOf,
    AnyOf,
    Compare,
    Comparison,
    Condition,
    Intersects,
    Not,
    Present,
    Query,
    Sort,
    sort_images,
)

LONLAT = CRS("EPSG:4326")
EPOCH = datetime(2020, 1, 1, tzinfo=UTC)


def entries(rng: random.Random, count: int) -> list[Entry]:
    """Return entries with different ids, in a few collections and places, many of them odd."""
    ids: set[str] = set()
    while len(ids) < count:
        name = rng.choice(["", "S2/", "S2/a/", "COPERNICUS/S2_SR/", "é/", "S2"]) + f"{rng.choice('AbZ_0ü')}{len(ids)}"
        ids.add(name)
    return [entry(rng, name) for name in sorted(ids, key=lambda _: rng.random())]


def entry(rng: random.Random, name: str) -> Entry:
    """Return an entry of an id."""
    time = EPOCH + timedelta(milliseconds=rng.randrange(20) * 43_200_000) if rng.random() < 0.8 else None
    properties: dict[str, object] = {
        "cloud": rng.choice([1, 2.5, 10, 90.0, None, "cloudy"]),
        "platform": rng.choice("ab"),
    }
    if rng.random() < 0.3:
        del properties["cloud"]
    if time is None and rng.random() < 0.5:
        properties[START] = rng.choice([1_577_836_800_000, 1_577_836_800_000.5, "soon", True, None, 10**400, math.inf])
    claim = Claim(
        (10, 20), (1, 0, 2, 0, -1.0, 3), "EPSG:32633", (BandClaim(name="B1", nodata=rng.choice([0, 0.0, None])),)
    )
    return Entry(
        id=name,
        origin=f"{name}.json",
        naming=Naming.ASSETS,
        sources=(Source("B1", f"{name}.tif", f"/data/{name}.tif", claim),) if rng.random() < 0.9 else (),
        start_time=time,
        properties=properties,
        collection=rng.choice(["", "S2", "L8", "sentinel-2-l2a", "S2/a"]),
        notes=(Disagreement(name, "", "field", "claim", "value"),) if rng.random() < 0.1 else (),
        missing_assets=(("B2", "no file"),) if rng.random() < 0.1 else (),
        footprint=footprint(rng),
    )


def footprint(rng: random.Random) -> Region | None:
    """Return a box, an outline, one over the antimeridian, one in metres, or nothing."""
    west, south = rng.uniform(-180, 180), rng.uniform(-60, 60)
    size = rng.choice([0.001, 1.0, 20.0, 100.0])
    kind = rng.random()
    if kind < 0.1:
        return None
    if kind < 0.5:
        return Region(shapely.box(west, south, west + size, south + min(size, 30)), LONLAT)
    if kind < 0.6:
        west = rng.choice([-539.0, -400.0, -181.0, 179.5, 185.0, 400.0, 500.0])
        return Region(shapely.box(west, south, west + min(size, 39), south + min(size, 30)), LONLAT)
    if kind < 0.7:
        east, north = rng.uniform(2e5, 8e5), rng.uniform(0, 5e6)
        return Region(shapely.box(east, north, east + 1e5, north + 1e5), CRS(f"EPSG:{32600 + rng.randint(1, 60)}"))
    if kind < 0.8:
        parts = [shapely.box(w, south, w + 5, south + 5) for w in (-180.0, 175.0)]
        return Region(shapely.MultiPolygon(parts), LONLAT)
    angles = sorted(rng.uniform(0, 2 * math.pi) for _ in range(5))
    points = [(west + size * math.cos(a), south + min(size, 25) * math.sin(a)) for a in angles]
    shape = shapely.Polygon(points).convex_hull
    return Region(shape, LONLAT) if shape.area > 0 else None


def region(rng: random.Random) -> Region:
    """Return a region of a query."""
    west, south, size = rng.uniform(-180, 180), rng.uniform(-60, 60), rng.choice([0.5, 10.0, 60.0, 300.0])
    kind = rng.random()
    if kind < 0.5:
        return box_region(west, south, west + size, south + min(size, 29))
    if kind < 0.65:
        return box_region(rng.uniform(150, 179), south, rng.uniform(-179, -150), south + 20)
    if kind < 0.75:
        return Region(shapely.Point(west, south), LONLAT)
    if kind < 0.85:
        return Region(shapely.Point(west, south).buffer(min(size, 25)), LONLAT, geodesic=True)
    if kind < 0.9:
        return box_region(-180, -90, 180, 90)
    return Region(shapely.box(3e5, 1e6, 3e5 + size * 1e4, 4e6), CRS(f"EPSG:{32600 + rng.randint(1, 60)}"))


def condition(rng: random.Random, depth: int = 0) -> Condition:
    """Return a condition of a query."""
    kind = rng.randrange(8 if depth < 2 else 5)
    name = rng.choice(["cloud", "platform", START, "system:id", "system:index", "missing"])
    values: list[float | str] = [1, 2.5, 50, "a", "S2/a/A3", "A3", "cloudy", 1_577_836_800_000 + 43_200_000 * 7]
    value = rng.choice(values)
    if kind < 3:
        return Compare(name, rng.choice(list(Comparison)), value)
    if kind == 3:
        return Present(name)
    if kind == 4:
        return Intersects(region(rng))
    if kind == 5:
        return Not(condition(rng, depth + 1))
    parts = (condition(rng, depth + 1), condition(rng, depth + 1))
    return AllOf(parts) if kind == 6 else AnyOf(parts)


def query(rng: random.Random) -> Query:
    """Return a query."""
    start = 1_577_836_800_000 + 43_200_000 * rng.randrange(20)
    sorts = [Sort(rng.choice([START, START, "system:id", "system:index", "cloud", "platform"]), rng.random() < 0.5)]
    if rng.random() < 0.3:
        sorts.append(Sort(rng.choice([START, "cloud", "system:id"]), rng.random() < 0.5))
    return Query(
        collection=rng.choice(["", "", "S2", "L8", "S2/a", "COPERNICUS/S2_SR", "none", "é"]),
        prefix=rng.choice(["", "", "", "S2", "S2/", "é", "none", "S\U0010ffff"]),
        start=rng.choice([None, None, start, -(10**30)]),
        end=rng.choice([None, None, start + 43_200_000 * rng.randrange(8), 10**30]),
        regions=tuple(region(rng) for _ in range(rng.choice([0, 0, 1, 1, 2]))),
        conditions=tuple(condition(rng) for _ in range(rng.choice([0, 0, 0, 1, 2]))),
        sort=tuple(sorts) if rng.random() < 0.6 else (),
        limit=rng.choice([None, None, 0, 1, 7, 40]),
    )


def expected(images: list[Image], question: Query) -> list[Image]:
    """Return the answer to a query, by going through all images."""
    matches = sorted((image for image in images if question.matches(image)), key=lambda image: image.id)
    return sort_images(matches, question.sort)[: question.limit]


def image_of(made: Entry) -> Image:
    """Return the image of an entry, as an index has it: a time that is no number is left out."""
    properties = dict(made.properties)
    value = properties.get(START)
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1 << 53
    if made.start_time is None and value is not None and not is_number:
        del properties[START]
    plain = replace(made, properties=properties)
    return Image(plain.id, (), plain.start_time, plain.properties, plain.collection, footprint=plain.footprint)


def entries_of(path: Path) -> Iterator[Entry]:
    """Yield all entries of an index, ordered by id.

    Raises:
        SourceUnavailable: it cannot be read.
    """
    store = IndexStore(path, read_only=True)
    try:
        yield from store.entries()
    finally:
        store.close()
