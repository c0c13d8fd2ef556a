"""The catalog of a STAC API answers queries exactly, whatever the API can do and however it behaves."""

import itertools
import json
import random
from collections.abc import Iterator
from typing import Any

import pytest

import rasterwire.catalog.stac_api.catalog as of_catalog
import rasterwire.catalog.stac_api.connection as of_connection
from listed import EPOCH, random_query, walk
from rasterwire.budget import Budget, current, spending
from rasterwire.catalog.stac_api.catalog import StacApiCatalog
from rasterwire.catalog.stac_api.connection import ApiConnection
from rasterwire.errors import ImageNotFound, InvalidRequest, SourceUnavailable
from rasterwire.files.sources import configure
from rasterwire.files.sources.make import make_sources
from rasterwire.files.sources.settings import SourceSettings
from rasterwire.query import START, Compare, Comparison, Not, Query, Sort
from stac_double import CORE, FIELDS, FILTER, FULL, SORT, Json, StacDouble, item_of, items_at_random, stac_double

SECRETS = ("password", "secret", "127.0.0.1", "http:")


@pytest.fixture
def double() -> Iterator[StacDouble]:
    with stac_double() as running:
        yield running


def catalog_of(double: StacDouble) -> StacApiCatalog:
    return StacApiCatalog(ApiConnection(double.address), "c")


ABILITIES = {
    "all": FULL,
    "no like": (*CORE, *FILTER, *SORT),
    "no filter": (*CORE, *SORT, *FIELDS),
    "no sort": (*CORE, *FILTER),
    "core": CORE,
}


@pytest.mark.parametrize("conforms", ABILITIES.values(), ids=ABILITIES)
def test_random_queries_find_what_they_mean(double: StacDouble, conforms: tuple[str, ...]) -> None:
    chance = random.Random(7)
    double.items, expected = items_at_random(chance, 60)
    double.conforms = conforms
    double.numbers = ["cloud"]
    double.most = 17
    ids = [image.id for image in expected.images]
    found = 0
    for _ in range(40):
        query = random_query(chance, ids, [""])
        wanted = expected.all(query)
        # another catalog each time: nothing is kept
        assert walk(catalog_of(double), query, chance.choice([3, 10, 1000])) == wanted, query
        assert catalog_of(double).count(query) in {None, len(wanted)}, query
        found += len(wanted)
    assert found > 80


def test_the_api_searches_by_what_it_can(double: StacDouble) -> None:
    double.items, _ = items_at_random(random.Random(1), 40)
    double.numbers = ["cloud"]
    query = Query(
        prefix="S2A_",
        start=round(EPOCH.timestamp() * 1000),
        conditions=(Compare("cloud", Comparison.LESS, 20), Compare("name", Comparison.EQUAL, "001")),
    )
    catalog_of(double).find(query, "S2A_000", 10)
    (body,) = double.searches
    assert body["datetime"] == "2019-12-31T23:59:59.999Z/.."
    assert body["sortby"] == [{"field": "id", "direction": "asc"}]
    assert body["filter"]["args"] == [
        {"op": "like", "args": [{"property": "id"}, "S2A_%"]},
        {"op": "<", "args": [{"property": "cloud"}, 20]},
        {"op": "=", "args": [{"property": "name"}, "001"]},
        {"op": ">", "args": [{"property": "id"}, "S2A_000"]},
    ]


def test_a_page_takes_one_search_however_many_items_there_are(double: StacDouble) -> None:
    double.items = [item_of(f"i{number:04}") for number in range(3000)]
    catalog = catalog_of(double)
    page = catalog.find(Query(), "i1500", 100)
    assert [image.id for image in page.images] == [f"i{number:04}" for number in range(1501, 1601)]
    assert page.next == "i1600"
    assert len(double.searches) == 1


def test_few_images_among_many_take_few_searches(double: StacDouble) -> None:
    time = "2020-01-01T00:00:00Z"
    double.items = [item_of(f"i{number:04}", properties={"datetime": time, "x": number}) for number in range(2500)]
    query = Query(conditions=(Not(Compare("x", Comparison.LESS, 2400)),))
    page = catalog_of(double).find(query, size=1)
    assert ([image.id for image in page.images], page.next) == (["i2400"], "i2400")
    assert [body.get("limit") for body in double.searches] == [20, 1000, 1000, 1000]


def test_a_limit_of_thousands_leaves_the_order_of_ids_to_the_api(double: StacDouble) -> None:
    double.items = [item_of(f"i{number:04}") for number in range(2500)]
    catalog = catalog_of(double)
    assert [image.id for image in walk(catalog, Query(limit=2200), 700)] == [f"i{number:04}" for number in range(2200)]
    before = len(double.searches)
    assert catalog.find(Query(), "i2000", 5).next == "i2005"
    assert len(double.searches) == before + 1


def test_the_newest_image_takes_one_search(double: StacDouble) -> None:
    times = [f"2020-01-{day:02}T00:00:00Z" for day in range(1, 29)]
    double.items = [item_of(f"i{number:02}", properties={"datetime": time}) for number, time in enumerate(times)]
    page = catalog_of(double).find(Query(sort=(Sort(START, descending=True),), limit=1))
    assert ([image.id for image in page.images], page.next, len(double.searches)) == (["i27"], "", 1)


def test_an_item_that_was_listed_is_not_asked_for_again(double: StacDouble) -> None:
    double.items = [item_of("a"), item_of("b")]
    catalog = catalog_of(double)
    catalog.find(Query())
    before = len(double.requests)
    for name in ("a", "b"):
        with pytest.raises(SourceUnavailable, match="none of its rasters"):
            catalog.get(name)
    assert len(double.requests) == before


def test_counts_are_told_where_they_are_known(double: StacDouble) -> None:
    double.items = [item_of(f"i{number:04}") for number in range(2500)]
    catalog = catalog_of(double)
    assert (catalog.count(Query()), catalog.count(Query(limit=7))) == (2500, 7)
    assert catalog.count(Query(conditions=(Compare("system:index", Comparison.EQUAL, "i0001"),))) == 1
    double.matched = False
    assert catalog.count(Query()) is None


def test_an_api_that_orders_ids_by_a_language_is_put_in_order_here(double: StacDouble) -> None:
    double.items = [item_of(name) for name in ("b", "A", "c", "B", "a_1", "a1")]
    double.order = lambda text: text.lower().replace("_", "")
    catalog = catalog_of(double)
    assert [image.id for image in walk(catalog, Query(), 2)] == ["A", "B", "a1", "a_1", "b", "c"]


def test_a_filter_that_is_refused_is_tested_here(double: StacDouble) -> None:
    time = "2020-01-01T00:00:00Z"
    double.items = [item_of(f"i{number}", properties={"datetime": time, "cloud": number}) for number in range(30)]
    double.refuses = lambda body: 500 if "cloud" in str(body.get("filter")) else 0
    query = Query(conditions=(Compare("cloud", Comparison.LESS, 5),))
    assert [image.id for image in walk(catalog_of(double), query, 2)] == ["i0", "i1", "i2", "i3", "i4"]


CHEAP = Query(conditions=(Compare("cloud", Comparison.LESS, 5),))


@pytest.mark.parametrize(
    ("conforms", "query", "tested"),
    [
        (FULL, Query(), 0),
        (FULL, CHEAP, 0),
        (FULL, Query(start=0), 0),
        (FULL, Query(sort=(Sort(START),)), 0),
        (FULL, Query(sort=(Sort("cloud"),)), 30),
        (FULL, Query(conditions=(Compare("name", Comparison.LESS, "x"),)), 30),
        ((*CORE, *SORT), CHEAP, 30),
        (CORE, Query(), 30),
    ],
)
def test_items_that_the_api_leaves_to_this_server_are_counted(
    double: StacDouble, conforms: tuple[str, ...], query: Query, tested: int
) -> None:
    time = "2020-01-01T00:00:00Z"
    double.items = [item_of(f"i{number:02}", properties={"datetime": time, "cloud": number}) for number in range(30)]
    double.conforms = conforms
    catalog = catalog_of(double)
    for _ in range(2):
        with spending(Budget()):
            catalog.find(query)
            assert current().images_tested == tested


def test_items_of_a_filter_that_the_api_refuses_are_counted(double: StacDouble) -> None:
    time = "2020-01-01T00:00:00Z"
    double.items = [item_of(f"i{number}", properties={"datetime": time, "cloud": number}) for number in range(9)]
    double.refuses = lambda body: 500 if "cloud" in str(body.get("filter")) else 0
    with spending(Budget()):
        catalog_of(double).find(CHEAP)
        assert current().images_tested == 9


def test_one_broken_item_hides_no_other(double: StacDouble) -> None:
    broken: list[Any] = [
        {},
        {"id": 5, "collection": "c"},
        item_of("with/slash"),
        item_of("strange", geometry=5, bbox="x", assets={"a": 5, "b": {"href": ["x"]}}, properties={"datetime": 7}),
        item_of("deep", properties={"datetime": "2020-01-01T00:00:00Z", "x": [[[[[]]]]] * 3}),
    ]
    double.items = [item_of("a"), item_of("z")]
    plain = double.search

    def search(body: Json) -> tuple[int, Json]:
        status, answer = plain({**body, "sortby": []})
        answer["features"] = [*answer["features"][:1], *broken[2:], None, [], *answer["features"][1:]]
        return status, answer

    double.search = search  # type: ignore[method-assign]
    double.conforms = CORE
    assert [image.id for image in catalog_of(double).find(Query()).images] == ["a", "deep", "strange", "z"]


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ((503, {}, b"password"), "HTTP 503"),
        ((401, {}, b"password"), "does not let this server in"),
        ((302, {"Location": "http://127.0.0.1:1/secret"}, b""), "redirects"),
        ((200, {}, b"password"), "no JSON"),
        ((200, {}, b"[1]"), "no list of items"),
        ((200, {}, b'{"features": 3}'), "no list of items"),
        ((200, {"Content-Length": "100", "Connection": "close"}, b"{"), "broke off"),
        ((404, {}, b"secret"), "HTTP 404"),
    ],
)
def test_a_failing_api_is_told_without_its_address_or_answer(
    double: StacDouble,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    answer: tuple[int, dict[str, str], bytes],
    problem: str,
) -> None:
    monkeypatch.setattr(of_connection, "_BACKOFF", 0.0)
    double.items = [item_of("a")]
    catalog = catalog_of(double)
    catalog.find(Query())
    double.answer = lambda _method, path: answer if path == "/stac/search" else None
    with pytest.raises(SourceUnavailable, match=problem) as error:
        catalog.find(Query(), "0")
    assert not [secret for secret in SECRETS if secret in f"{error.value} {caplog.text}"]
    assert error.value.__cause__ is None


def test_an_answer_that_is_too_large_is_not_read_to_its_end(
    double: StacDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(of_connection, "MAX_ANSWER", 1 << 20)
    double.answer = lambda _method, path: (200, {}, b" " * (3 << 20)) if path == "/stac/search" else None
    with pytest.raises(SourceUnavailable, match="more than 1 MiB"):
        catalog_of(double).find(Query())


def following(double: StacDouble, link: Json) -> None:
    """Let every page have the same next one."""
    plain = double.search
    double.search = lambda body: (200, plain(body)[1] | {"links": [link]})  # type: ignore[method-assign]


def test_pages_without_an_end_are_left(double: StacDouble) -> None:
    double.items = [item_of("a")]
    double.conforms = CORE
    following(
        double, {"rel": "next", "href": f"{double.address}/search", "method": "POST", "body": {"collections": ["c"]}}
    )
    with pytest.raises(SourceUnavailable, match="no end"):
        catalog_of(double).find(Query())
    assert len(double.searches) < 5


def test_new_links_to_pages_without_items_are_left(double: StacDouble) -> None:
    double.items = [item_of("a")]
    double.conforms = CORE
    count = itertools.count()

    def search(_body: Json) -> tuple[int, Json]:
        link = {"rel": "next", "href": f"{double.address}/search?page={next(count)}", "method": "POST", "body": {}}
        return 200, {"type": "FeatureCollection", "features": [], "links": [link]}

    double.search = search  # type: ignore[assignment, method-assign]
    with pytest.raises(SourceUnavailable, match="50 of them in a row have no new item"):
        catalog_of(double).find(Query())
    assert len(double.searches) == 50


def test_an_item_at_the_end_of_a_page_and_at_the_beginning_of_the_next_is_one(double: StacDouble) -> None:
    double.items = [item_of(name) for name in ("a", "b", "b", "c")]
    double.most = 2
    catalog = catalog_of(double)
    assert [image.id for image in catalog.find(Query()).images] == ["a", "b", "c"]
    assert all("filter" in body or body["sortby"] for body in double.searches), "the order is that of the API still"


def test_an_id_in_two_collections_is_that_of_its_own(double: StacDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    double.items = [
        item_of(name, collection, properties={"datetime": "2020-01-01T00:00:00Z", "of": collection})
        for name in ("a", "b")
        for collection in ("d", "c", "e")
    ]
    # an API that takes no notice of the collection in a search
    monkeypatch.setattr(double, "_matches", lambda *_: True)
    catalog = catalog_of(double)
    for query in (Query(), Query(sort=(Sort("of"),)), Query(sort=(Sort(START),))):
        images = catalog.find(query).images
        assert [(image.id, image.properties["of"]) for image in images] == [("a", "c"), ("b", "c")]
    assert catalog_of(double).count(Query()) == 2


def test_a_next_page_on_another_server_is_not_asked_for(double: StacDouble) -> None:
    double.items = [item_of("a")]
    double.conforms = CORE
    with stac_double() as other:
        following(double, {"rel": "next", "href": f"{other.address}/search"})
        with pytest.raises(SourceUnavailable, match="on another server"):
            catalog_of(double).find(Query())
        assert other.requests == []


def test_too_many_items_are_refused_with_the_remedy(double: StacDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(of_catalog, "MAX_READ", 50)
    double.items = [item_of(f"i{number:03}") for number in range(200)]
    double.most = 20
    with pytest.raises(SourceUnavailable, match="shorter time or a smaller area"):
        catalog_of(double).find(Query(sort=(Sort("cloud"),)))


def test_what_is_no_stac_api_is_told(double: StacDouble) -> None:
    double.conforms = ("https://api.stacspec.org/v1.0.0/core",)
    with pytest.raises(SourceUnavailable, match="item-search"):
        catalog_of(double).find(Query())


@pytest.mark.parametrize("name", ["", "nowhere", "a/b", "../collections", "a?b"])
def test_an_id_that_there_is_not_is_not_found(double: StacDouble, name: str) -> None:
    double.items = [item_of("a")]
    with pytest.raises(ImageNotFound):
        catalog_of(double).get(name)


def test_a_page_of_an_order_begins_with_a_number(double: StacDouble) -> None:
    with pytest.raises(InvalidRequest, match="leave it empty"):
        catalog_of(double).find(Query(sort=(Sort("cloud"),)), "x")


@pytest.mark.parametrize("status", [404, 500])
def test_a_landing_page_that_is_refused_is_told(double: StacDouble, status: int) -> None:
    double.answer = lambda _method, path: (status, {}, b"secret") if path == "/stac/" else None
    with pytest.raises(SourceUnavailable, match=f"landing page with HTTP {status}"):
        catalog_of(double).find(Query())


@pytest.mark.parametrize(
    ("link", "problem"),
    [
        ({"rel": "next", "href": "http://[x/"}, "address of its next page"),
        ({"rel": "next", "href": "search", "method": "POST", "body": {"x": "deep"}}, "link to the next page"),
    ],
)
def test_a_link_that_cannot_be_read_is_told(double: StacDouble, link: Json, problem: str) -> None:
    double.items = [item_of("a")]
    deep = json.dumps(link).replace('"deep"', "[" * 300 + "]" * 300)
    body = f'{{"type": "FeatureCollection", "features": [], "links": [{deep}]}}'.encode()
    double.answer = lambda _method, path: (200, {}, body) if path == "/stac/search" else None
    with pytest.raises(SourceUnavailable, match=problem):
        catalog_of(double).find(Query())


def test_an_asset_beside_its_item_is_the_same_in_a_list_and_alone(double: StacDouble) -> None:
    double.items = [item_of("a", assets={"b": {"href": "../b.tif", "type": "image/tiff"}})]
    source = SourceSettings("http://", private_addresses=True)
    configure(make_sources([source]))
    try:
        alone, listed = catalog_of(double), catalog_of(double)
        listed.find(Query())
        for catalog in (alone, listed):
            with pytest.raises(SourceUnavailable, match="missing at its source"):
                catalog.get("a")
    finally:
        configure({})
