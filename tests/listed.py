"""A catalog of images in memory, and queries at random, for tests of catalogs."""

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from rasterwire.catalog import MAX_PAGE, Catalog, Page
from rasterwire.errors import ImageNotFound
from rasterwire.geo.region import Region, box_region
from rasterwire.image import Image
from rasterwire.query import (
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

EPOCH = datetime(2020, 1, 1, tzinfo=UTC)


class ListedCatalog:
    """Images of a list; what it answers is the definition of ``Query`` itself."""

    def __init__(self, images: Sequence[Image], *, counts: bool = True) -> None:
        self.images = sorted(images, key=lambda image: image.id)
        self.counts = counts
        self.queries: list[Query] = []

    def get(self, image_id: str) -> Image:
        for image in self.images:
            if image.id == image_id:
                return image
        raise ImageNotFound(image_id)

    def all(self, query: Query) -> list[Image]:
        """Return all images of a query in its order."""
        matches = [image for image in self.images if query.matches(image)]
        return sort_images(matches, query.sort)[: query.limit]

    def find(self, query: Query, start: str = "", size: int = MAX_PAGE) -> Page:
        self.queries.append(query)
        images = self.all(query)
        if query.sort:
            first = int(start or 0)
            return Page(images[first : first + size], str(first + size) if len(images) > first + size else "")
        rest = [image for image in images if image.id > start]
        return Page(rest[:size], rest[size - 1].id if len(rest) > size else "")

    def count(self, query: Query) -> int | None:
        return len(self.all(query)) if self.counts else None

    def exists(self, collection: str) -> bool:
        return bool(self.all(Query(collection=collection)))

    def close_id(self, image_id: str) -> str:
        return next((image.id for image in self.images if image.id.lower() == image_id.lower()), "")


def walk(catalog: Catalog, query: Query, size: int) -> list[Image]:
    """Return the images of all pages of a query."""
    images: list[Image] = []
    start, pages = "", 0
    while True:
        page = catalog.find(query, start, size)
        assert len(page.images) <= size
        images += page.images
        pages += 1
        assert pages < 10_000
        if not page.next:
            return images
        start = page.next


def random_condition(chance: random.Random, ids: Sequence[str], depth: int = 2) -> Condition:
    """Return a condition on the properties ``cloud``, ``mixed``, ``name`` and those of the system."""
    kind = chance.randrange(8 if depth else 4)
    if kind == 4:
        return Not(random_condition(chance, ids, depth - 1))
    if kind in {5, 6}:
        parts = tuple(random_condition(chance, ids, depth - 1) for _ in range(chance.randrange(1, 4)))
        return AllOf(parts) if kind == 5 else AnyOf(parts)
    if kind == 7:
        return Intersects(random_box(chance))
    if kind == 3:
        return Present(chance.choice(["cloud", "mixed", "nothing", "name", "system:id"]))
    if kind == 2:
        text = chance.choice([*ids, "", "zz"])
        begin = chance.randrange(len(text) + 1)
        part = text[begin : begin + chance.randrange(1, 9)] if chance.random() < 0.7 else text
        name = chance.choice(["system:id", "system:index", "system:id", "name"])
        return Compare(name, chance.choice(list(Comparison)), part)
    values: list[str | float | bool] = [0, 1, 2.5, 10, 50, True, "x", "10"]
    value = chance.choice(values)
    return Compare(chance.choice(["cloud", "mixed", "name", "nothing"]), chance.choice(list(Comparison)), value)


def random_box(chance: random.Random) -> Region:
    """Return a box; a few lie over the antimeridian."""
    west, south = chance.uniform(-200, 170), chance.uniform(-85, 60)
    return box_region(west, south, west + chance.uniform(0, 60), south + chance.uniform(0, 25))


def random_query(chance: random.Random, ids: Sequence[str], collections: Sequence[str]) -> Query:
    """Return a query of any form."""
    start = round((EPOCH + timedelta(days=chance.uniform(-5, 40))).timestamp() * 1000)
    text = chance.choice(ids)
    return Query(
        collection=chance.choice([*collections, "", "", ""]),
        prefix=text[: chance.randrange(len(text))] if chance.random() < 0.3 else "",
        start=start if chance.random() < 0.3 else None,
        end=start + chance.randrange(20 * 86400_000) if chance.random() < 0.3 else None,
        regions=tuple(random_box(chance) for _ in range(chance.choice([0, 0, 0, 1, 2]))),
        conditions=tuple(random_condition(chance, ids) for _ in range(chance.choice([0, 0, 1, 1, 2]))),
        sort=tuple(
            Sort(chance.choice(["cloud", "mixed", "system:id", "system:time_start"]), chance.random() < 0.5)
            for _ in range(chance.choice([0, 0, 1, 2]))
        ),
        limit=chance.choice([None, None, None, 0, 1, 3, 10]),
    )


def random_images(chance: random.Random, ids: Sequence[str], collections: Sequence[str]) -> list[Image]:
    """Return images with those ids; their properties are of all kinds, and some have none."""
    images = []
    for image_id in ids:
        properties: dict[str, object] = {"cloud": chance.choice([0, 1, 2.5, 10, 49.5, 50]), "name": image_id[-3:]}
        if chance.random() < 0.3:
            properties["mixed"] = chance.choice([1, "x", "10", True, [1], None, {"a": 1}])
        west, south = chance.uniform(-180, 170), chance.uniform(-80, 70)
        image = Image(
            image_id,
            (),
            EPOCH + timedelta(days=chance.randrange(30)),
            properties,
            chance.choice(collections),
            footprint=box_region(west, south, west + 9, south + 9),
        )
        images.append(image if chance.random() < 0.9 else replace(image, start_time=None, footprint=None))
    return images
