"""Several catalogs under prefixes answer as one catalog of all their images does."""

import random
from collections.abc import Sequence
from dataclasses import replace

import pytest

from cases import every
from listed import ListedCatalog, random_images, random_query, walk
from rasterwire.catalog import Page
from rasterwire.catalog.prefixed import Member, PrefixedCatalog
from rasterwire.errors import CatalogUnavailable, ImageNotFound, InvalidRequest, SourceUnavailable
from rasterwire.image import Image
from rasterwire.query import Query, Sort


def made(
    chance: random.Random, prefixes: Sequence[str], *, counts: bool = True
) -> tuple[PrefixedCatalog, ListedCatalog]:
    """Return several catalogs as one, and a list of all their images as they are called there."""
    members, expected = [], []
    for prefix in prefixes:
        names = [
            f"{folder}{chance.choice('abAB_')}{number:02}" for number in range(8) for folder in ("", "s2/", "b/c/")
        ]
        images = random_images(chance, names, ["", "s2", "l8"])
        only = "s2" if prefix == "only" else ""
        members.append(Member(prefix, ListedCatalog(images, counts=counts), only))
        root = f"{prefix}/" if prefix else ""
        longer = [f"{other}/" for other in prefixes if f"{other}/".startswith(root) and other != prefix]
        for image in images:
            collection = image.collection
            if only and collection != only and not image.id.startswith(f"{only}/"):
                continue
            if prefix:
                collection = prefix if only or not collection else root + collection
            called = replace(image, id=root + image.id, collection=collection)
            if not any(called.id.startswith(other) for other in longer):
                expected.append(called)
    return PrefixedCatalog(members), ListedCatalog(expected)


CONSTELLATIONS = [("p",), ("",), ("COPERNICUS/S2", "LANDSAT"), ("", "s2", "only"), ("a", "a/b", "a/b/c", "")]


@pytest.mark.parametrize("prefixes", CONSTELLATIONS, ids="+".join)
def test_they_answer_random_queries_as_one_list_does(prefixes: Sequence[str]) -> None:
    chance = random.Random(16)
    catalog, expected = made(chance, prefixes)
    ids = [image.id for image in expected.images]
    collections = [*prefixes, *(f"{prefix}/s2".strip("/") for prefix in prefixes), "b", "nowhere"]
    found = 0
    for _ in range(200):
        query = random_query(chance, ids, collections)
        wanted = expected.all(query)
        assert walk(catalog, query, chance.choice([1, 2, 5, 1000])) == wanted, query
        assert catalog.count(query) == len(wanted), query
        found += len(wanted)
    assert found > 300


@pytest.mark.parametrize("prefixes", CONSTELLATIONS, ids="+".join)
def test_an_image_is_found_by_its_id_alone(prefixes: Sequence[str]) -> None:
    catalog, expected = made(random.Random(1), prefixes)
    for image in expected.images:
        assert catalog.get(image.id) == image
    for name in ("nowhere", *(prefix for prefix in prefixes if prefix), *(f"{prefix}/nowhere" for prefix in prefixes)):
        with pytest.raises(ImageNotFound) as error:
            catalog.get(name)
        assert error.value.image_id == name


@pytest.mark.parametrize("prefixes", CONSTELLATIONS, ids="+".join)
def test_a_page_begins_behind_any_id(prefixes: Sequence[str]) -> None:
    chance = random.Random(2)
    catalog, expected = made(chance, prefixes)
    for _ in range(200):
        start = chance.choice(expected.images).id[: chance.randrange(1, 30)] + chance.choice(["", "0", "z"])
        page, wanted = catalog.find(Query(), start, 5), expected.find(Query(), start, 5)
        assert (list(page.images), page.next) == (wanted.images, wanted.next), start


def test_a_collection_exists_where_it_has_an_image() -> None:
    catalog, expected = made(random.Random(3), ("", "COPERNICUS/S2", "only"))
    names = (
        "COPERNICUS",
        "COPERNICUS/S2",
        "COPERNICUS/S2/s2",
        "s2",
        "b",
        "b/c",
        "only",
        "only/s2",
        "S2",
        "COPER",
        "only/l8",
    )
    assert {name: catalog.exists(name) for name in names} == {name: expected.exists(name) for name in names}


def test_a_query_goes_only_to_the_catalogs_that_may_have_its_images() -> None:
    first, second = ListedCatalog([Image("x", ())]), ListedCatalog([Image("x", ())])
    catalog = PrefixedCatalog([Member("a", first), Member("b", second)])
    catalog.find(Query(collection="a"))
    catalog.find(Query(prefix="a/x"))
    assert (len(first.queries), len(second.queries)) == (2, 0)


def test_an_error_names_the_image_as_it_is_called_and_the_catalog_that_failed() -> None:
    class Failing(ListedCatalog):
        def get(self, image_id: str) -> Image:
            raise SourceUnavailable(image_id, "B1", "the file is missing")

        def count(self, query: Query) -> int | None:
            raise SourceUnavailable.of_file("it is away")

    catalog = PrefixedCatalog([Member("a/b", Failing([])), Member("c", ListedCatalog([]))])
    with pytest.raises(SourceUnavailable, match="band 'B1' of image 'a/b/x' cannot be read: the file is missing"):
        catalog.get("a/b/x")
    with pytest.raises(SourceUnavailable, match=r"it is away \(images under a/b/\)"):
        catalog.count(Query())


class Away(ListedCatalog):
    """Cannot be reached."""

    def find(self, query: Query, start: str = "", size: int = 1000) -> Page:
        raise CatalogUnavailable("its server cannot be reached")


@every("size", [1, 2, 1000])
@every("sort", [(), (Sort("cloud"),)])
def test_of_several_catalogs_those_that_can_be_reached_are_listed_and_the_others_named(
    size: int, sort: tuple[Sort, ...]
) -> None:
    images = [Image(name, ()) for name in "xyz"]
    members = [("a", ListedCatalog(images)), ("b", Away(images)), ("c/d", ListedCatalog(images)), ("", Away([]))]
    catalog = PrefixedCatalog([Member(prefix, each) for prefix, each in members])
    query = Query(sort=sort, allows_part=True)
    found: list[str] = []
    unreachable: set[str] = set()
    start = ""
    while True:
        page = catalog.find(query, start, size)
        unreachable.update(page.unreachable)
        found += [image.id for image in page.images]
        start = page.next
        if not start:
            break
    assert found == ["a/x", "a/y", "a/z", "c/d/x", "c/d/y", "c/d/z"]
    assert unreachable == {"", "b/"}
    with pytest.raises(CatalogUnavailable, match="its server cannot be reached"):
        catalog.find(replace(query, allows_part=False))
    with pytest.raises(CatalogUnavailable, match=r"its server cannot be reached \(images under b/\)") as error:
        catalog.find(replace(query, prefix="b/"))
    assert error.value.prefix == "b/"
    assert catalog.find(replace(query, prefix="a/")).unreachable == ()


def test_where_no_catalog_can_be_reached_a_list_is_an_error() -> None:
    catalog = PrefixedCatalog([Member("a", Away([])), Member("b", Away([]))])
    with pytest.raises(CatalogUnavailable, match="its server cannot be reached"):
        catalog.find(Query(allows_part=True))


def test_a_count_is_unknown_where_that_of_one_catalog_is() -> None:
    catalog, _ = made(random.Random(4), ("a", "b"), counts=False)
    assert catalog.count(Query()) is None


def test_a_close_id_is_that_of_the_catalog_under_the_prefix() -> None:
    catalog = PrefixedCatalog(
        [Member("a", ListedCatalog([Image("Xy", ())])), Member("b", ListedCatalog([Image("Xy", ())]))]
    )
    assert [catalog.close_id(name) for name in ("b/xy", "a/XY", "xy", "b/z")] == ["b/Xy", "a/Xy", "a/Xy", ""]


def test_a_catalog_that_fails_hides_no_close_id_of_another(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(image_id: str) -> str:
        raise SourceUnavailable("", "", "its server cannot be reached")

    broken, sound = ListedCatalog([]), ListedCatalog([Image("Xy", ())])
    monkeypatch.setattr(broken, "close_id", fail)
    catalog = PrefixedCatalog([Member("a", broken), Member("b", sound)])
    assert [catalog.close_id(name) for name in ("xy", "b/xy", "a/z")] == ["b/Xy", "b/Xy", ""]


@pytest.mark.parametrize("start", ["~", "nonsense", "~[1]", '~[0,[[9,"",0]]]', "~[0,[[0]]]"])
def test_a_page_that_no_query_gave_is_refused(start: str) -> None:
    catalog, _ = made(random.Random(5), ("a", "b"))
    with pytest.raises(InvalidRequest, match="leave it empty"):
        catalog.find(Query(sort=(Sort("cloud"),)), start)
