"""The catalog of a real STAC API: stac-fastapi over pgstac. See ``pgstac.py`` for what it needs."""

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice

import pytest
from pystac_client import Client

from listed import EPOCH, ListedCatalog, random_query, walk
from pgstac import pgstac
from rasterwire.catalog.prefixed import Member, PrefixedCatalog
from rasterwire.catalog.stac_api.catalog import StacApiCatalog
from rasterwire.catalog.stac_api.connection import ApiConnection
from rasterwire.errors import ImageNotFound, SourceUnavailable
from rasterwire.geo.region import box_region
from rasterwire.image import Image
from rasterwire.query import START, Compare, Comparison, Query, Sort
from stac_double import items_at_random


@dataclass(frozen=True)
class World:
    """An API, and its items as a list of images."""

    address: str
    expected: ListedCatalog

    def catalog(self) -> StacApiCatalog:
        return StacApiCatalog(ApiConnection(self.address), "c")


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    items, expected = items_at_random(random.Random(11), 400)
    with pgstac(["c", "d"], items) as address:
        yield World(address, expected)


def ids_of(images: Iterable[Image]) -> list[str]:
    """Return the ids of images; pgstac leaves properties out that are null."""
    return [image.id for image in images]


def test_random_queries_find_what_they_mean(world: World) -> None:
    chance = random.Random(3)
    ids = [image.id for image in world.expected.images]
    catalog, found = world.catalog(), 0
    for _ in range(80):
        query = random_query(chance, ids, [""])
        wanted = world.expected.all(query)
        assert ids_of(walk(catalog, query, chance.choice([50, 1000]))) == ids_of(wanted), query
        assert catalog.count(query) in {None, len(wanted)}, query
        found += len(wanted)
    assert found > 1000


def test_pages_of_any_size_hold_every_image_once(world: World) -> None:
    for size in (7, 100, 1000):
        assert ids_of(walk(world.catalog(), Query(), size)) == ids_of(world.expected.images)


def test_the_newest_images_are_those_of_all(world: World) -> None:
    query = Query(sort=(Sort(START, descending=True),), limit=30)
    assert ids_of(walk(world.catalog(), query, 12)) == ids_of(world.expected.all(query))


def test_it_finds_what_the_client_of_others_finds(world: World) -> None:
    start, end = EPOCH + timedelta(days=3), EPOCH + timedelta(days=17)
    search = Client.open(world.address).search(
        collections=["c"],
        bbox=[-20, -60, 100, 50],
        datetime=[start, end],
        filter={"op": "<", "args": [{"property": "cloud"}, 40]},
        filter_lang="cql2-json",
        limit=100,
    )
    wanted = sorted(item.id for item in search.items())
    query = Query(
        start=round(start.timestamp() * 1000),
        end=round(end.timestamp() * 1000) + 1,
        regions=(box_region(-20, -60, 100, 50),),
        conditions=(Compare("cloud", Comparison.LESS, 40),),
    )
    assert ids_of(walk(world.catalog(), query, 20)) == wanted
    assert len(wanted) > 3


def test_an_image_is_found_by_its_id(world: World) -> None:
    for image in islice(world.expected.images, 5):
        with pytest.raises(SourceUnavailable, match="none of its rasters"):  # items here have no assets
            world.catalog().get(image.id)
    with pytest.raises(ImageNotFound):
        world.catalog().get("nowhere")
    with pytest.raises(ImageNotFound):
        world.catalog().get("of another")


def test_two_collections_of_it_are_two_catalogs(world: World) -> None:
    connection = ApiConnection(world.address)
    catalog = PrefixedCatalog([Member(f"S/{name}", StacApiCatalog(connection, name)) for name in ("c", "d")])
    assert ids_of(walk(catalog, Query(collection="S/d"), 10)) == ["S/d/of another"]
    assert len(walk(catalog, Query(collection="S"), 300)) == len(world.expected.images) + 1
    assert (catalog.exists("S/c"), catalog.exists("S/e")) == (True, False)
