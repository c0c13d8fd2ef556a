"""A tenant's part of a catalog is what a catalog of its images alone would be."""

import random

import pytest

from listed import ListedCatalog, random_images, random_query, walk
from rasterwire import budget
from rasterwire.catalog import MAX_PAGE, Page
from rasterwire.catalog.prefixed import Member, PrefixedCatalog
from rasterwire.catalog.visible_part import VisiblePart
from rasterwire.errors import ImageNotFound, SourceUnavailable
from rasterwire.image import Image
from rasterwire.query import Query, Sort
from test_prefixed_catalog import made

PARTS = [("COPERNICUS",), ("COPERNICUS/S2/s2",), ("LANDSAT", "COPERNICUS/S2/b/c"), ("COPERNICUS/S", "nowhere")]


@pytest.mark.parametrize("prefixes", PARTS, ids="+".join)
def test_it_answers_random_queries_as_a_list_of_its_images_does(prefixes: tuple[str, ...]) -> None:
    chance = random.Random(17)
    catalog, whole = made(chance, ("COPERNICUS/S2", "LANDSAT"))
    one = next(image.id for image in whole.images if image.id.startswith("LANDSAT/"))
    part = VisiblePart(catalog, (*prefixes, one))
    inside = [
        image for image in whole.images if image.id == one or any(image.id.startswith(f"{name}/") for name in prefixes)
    ]
    expected = ListedCatalog(inside)
    ids = [image.id for image in whole.images]
    collections = ["COPERNICUS/S2", "COPERNICUS/S2/s2", "LANDSAT", "COPERNICUS", "nowhere"]
    found = 0
    for _ in range(100):
        query = random_query(chance, ids, collections)
        wanted = expected.all(query)
        assert walk(part, query, chance.choice([1, 2, 5, 1000])) == wanted, query
        assert part.count(query) == len(wanted), query
        found += len(wanted)
    assert found > 5
    for name in collections:
        assert part.exists(name) == expected.exists(name)


def test_an_image_outside_is_not_even_asked_for() -> None:
    class Failing(ListedCatalog):
        def get(self, image_id: str) -> Image:
            raise AssertionError(image_id)

    images = random_images(random.Random(1), ["a", "b"], [""])
    part = VisiblePart(Failing(images), ("other",))
    for name in ("a", "nowhere", "", "other-one", "othe"):
        with pytest.raises(ImageNotFound) as error:
            part.get(name)
        assert error.value.image_id == name


def test_no_close_id_is_told_since_a_closer_one_outside_would_hide_it() -> None:
    images = random_images(random.Random(1), ["p/a"], [""])
    assert ListedCatalog(images).close_id("P/A") == "p/a"
    assert VisiblePart(ListedCatalog(images), ("p",)).close_id("P/A") == ""


@pytest.mark.parametrize("query", [Query(), Query(sort=(Sort("cloud"),)), Query(prefix="m"), Query(limit=3)], ids=str)
def test_a_catalog_of_others_that_fails_is_not_asked(query: Query) -> None:
    """Else its name would be told, and nobody could list anything."""

    class Failing(ListedCatalog):
        def find(self, query: Query, start: str = "", size: int = MAX_PAGE) -> Page:
            raise SourceUnavailable.of_file("is away")

        def count(self, _query: Query) -> int | None:
            raise SourceUnavailable.of_file("is away")

    images = random_images(random.Random(1), ["a", "b"], [""])
    catalog = PrefixedCatalog([Member("mine", ListedCatalog(images)), Member("others", Failing(images))])
    with pytest.raises(SourceUnavailable):
        catalog.find(Query())
    part = VisiblePart(catalog, ("mine",))
    assert [image.id for image in part.find(query).images] == ["mine/a", "mine/b"]
    assert part.count(query) == 2


def test_a_count_of_tested_images_tells_nothing_of_others() -> None:
    """A STAC API may not find ids by their beginning, so that the images of others are tested too."""
    images = random_images(random.Random(1), ["p/a", "others"], [""])

    class Testing(ListedCatalog):
        def find(self, query: Query, start: str = "", size: int = MAX_PAGE) -> Page:
            budget.test_images(len(images))
            return super().find(query, start, size)

    spent = budget.Budget()
    with budget.spending(spent):
        budget.test_images(3)
        assert len(VisiblePart(Testing(images), ("p",)).find(Query()).images) == 1
    assert spent.images_tested == 3
