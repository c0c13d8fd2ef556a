"""What clients write of a collection is one query of the catalog, and says the same as when it is worked out here."""

import math
import random
import threading
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
import shapely
from affine import Affine
from google.protobuf.json_format import ParseDict
from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox

from cases import every
from effort import HANG
from graphs import Value, argument, call, function, graph
from list_catalog import ListCatalog
from rasterwire.budget import Budget, current, spending
from rasterwire.download import read_ahead
from rasterwire.download.image_source import CatalogWorld, unknown_properties
from rasterwire.download.image_values import image_value
from rasterwire.download.read_ahead import get_images
from rasterwire.errors import DownloadError, ImageNotFound, InvalidExpression, SourceUnavailable
from rasterwire.expression.evaluation import evaluate_graph
from rasterwire.expression.functions.collection import collections
from rasterwire.expression.language import selection
from rasterwire.expression.language.graph import read_graph
from rasterwire.expression.language.values import CollectionValue, FilterValue, ImageValue
from rasterwire.geo.region import Region
from rasterwire.image import Band, Image
from rasterwire.query import (
    MAX_CONDITIONS,
    AllOf,
    AnyOf,
    Compare,
    Comparison,
    Not,
    Present,
    Query,
    Sort,
    condition_count,
    holds,
)
from rasterwire.render.engine import SerialEngine
from rasterwire.server.earth_engine.asset_filter import asset_filter
from rasterwire.server.earth_engine.assets import list_assets
from rasterwire.server.messages.listing import list_images
from rasterwire.server.messages.mosaic import mosaic_graph
from rasterwire.v1 import catalog_service_pb2, download_pb2

LONLAT = CRS("EPSG:4326")
FIRST = datetime(2021, 1, 1, tzinfo=UTC)
DAY = 86_400_000
START = round(FIRST.timestamp() * 1000)


def scene(at: int, **more: Any) -> Image:
    """Return an image of a degree, a day and a degree east of the one before."""
    grid = GeoBox((10, 10), Affine(0.1, 0, at, 0, -0.1, 1), LONLAT)
    band = Band("B1", f"{at}.tif", 1, grid, "uint16")
    given = {"n": at, "name": f"scene {at:02d}", "cloud": (at * 7) % 10, **more}
    return Image(f"c/{at:03d}", (band,), FIRST + timedelta(days=at), given)


def made(count: int = 20, **options: Any) -> ListCatalog:
    return ListCatalog([scene(at) for at in range(count)], **options)


def value_of(result: Any, catalog: ListCatalog) -> Any:
    read = read_graph(graph(result))
    return evaluate_graph(read, CatalogWorld(catalog, SerialEngine(), read))


LOADED = call("ImageCollection.load", id="c")


def date(text: str) -> Value:
    return call("Date", value=text)


def filtered(condition: Value, values: Value = LOADED) -> Value:
    return call("Collection.filter", collection=values, filter=condition)


def filter_date(values: Value, start: str, end: str) -> Value:
    """Return what clients write for filterDate."""
    dates = call("DateRange", start=date(start), end=date(end))
    return filtered(call("Filter.dateRangeContains", leftValue=dates, rightField="system:time_start"), values)


def filter_bounds(values: Value, *box: float) -> Value:
    """Return what clients write for filterBounds."""
    ring = [[list(point) for point in shapely.box(*box).exterior.coords]]
    place = call("GeometryConstructors.Polygon", coordinates=ring, evenOdd=True)
    feature = call("Feature", geometry=place)
    return filtered(call("Filter.intersects", leftField=".all", rightValue=feature), values)


def less(name: str, value: Any) -> Value:
    return call("Filter.lessThan", leftField=name, rightValue=value)


def size(values: Value) -> Value:
    return call("Collection.size", collection=values)


DATED = filter_date(LOADED, "2021-01-03", "2021-01-08")
IN_TIME = Query(collection="c", start=START + 2 * DAY, end=START + 7 * DAY)


@every(
    ("written", "query"),
    [
        (LOADED, Query(collection="c")),
        (DATED, IN_TIME),
        (filter_date(DATED, "2021-01-05", "2021-02-08"), replace(IN_TIME, start=START + 4 * DAY)),
        (filtered(less("cloud", 5)), Query("c", conditions=(Compare("cloud", Comparison.LESS, 5),))),
        (
            filtered(call("Filter.not", filter=call("Filter.equals", leftField="cloud", rightValue=5))),
            Query("c", conditions=(Not(Compare("cloud", Comparison.EQUAL, 5)),)),
        ),
        (
            filtered(call("Filter.greaterThan", leftValue=5, rightField="cloud")),
            Query("c", conditions=(Compare("cloud", Comparison.LESS, 5),)),
        ),
        (
            filtered(call("Filter.stringStartsWith", leftField="name", rightValue="scene 1")),
            Query("c", conditions=(Compare("name", Comparison.STARTS_WITH, "scene 1"),)),
        ),
        (
            filtered(call("Filter.listContains", leftValue=[1, 3.0, "5"], rightField="n")),
            Query("c", conditions=(AnyOf(tuple(Compare("n", Comparison.EQUAL, item) for item in (1, 3.0, "5"))),)),
        ),
        (filtered(call("Filter.notNull", properties=["a"])), Query("c", conditions=(Present("a"),))),
        (
            filtered(call("Filter.or", filters=[less("a", 1), call("Filter.and", filters=[less("b", 2)])])),
            Query(
                "c",
                conditions=(AnyOf((Compare("a", Comparison.LESS, 1), AllOf((Compare("b", Comparison.LESS, 2),)))),),
            ),
        ),
        (
            filtered(less("cloud", 5), call("Collection.limit", collection=DATED, key="cloud", ascending=False)),
            replace(IN_TIME, conditions=(Compare("cloud", Comparison.LESS, 5),), sort=(Sort("cloud", True),)),
        ),
        (
            call("Collection.limit", collection=call("Collection.limit", collection=LOADED, key="b"), limit=3, key="a"),
            Query("c", sort=(Sort("a"), Sort("b")), limit=3),
        ),
    ],
)
def test_a_size_is_one_query_of_all_that_was_written(written: Value, query: Query) -> None:
    catalog = made()
    assert value_of(size(written), catalog) == len(catalog.matching(query))
    assert catalog.counted == [query]
    assert (catalog.sought, catalog.queries, catalog.opened) == (["c"], [], [])


def test_bounds_are_a_region_of_the_query_and_open_no_header() -> None:
    catalog = made()
    assert value_of(size(filter_bounds(DATED, 3.5, 0.2, 4.5, 0.8)), catalog) == 2
    (query,) = catalog.counted
    assert replace(query, regions=()) == IN_TIME
    assert [region.geometry.bounds for region in query.regions] == [(3.5, 0.2, 4.5, 0.8)]
    assert (catalog.queries, catalog.opened) == ([], [])


def test_the_first_image_and_the_first_few_are_asked_for_alone() -> None:
    ordered = call("Collection.limit", collection=DATED, key="cloud")
    query = replace(IN_TIME, sort=(Sort("cloud"),))
    catalog = made()
    first = call("Element.get", object=call("Collection.first", collection=ordered), property="n")
    assert value_of(first, catalog) == 3
    assert (catalog.queries, catalog.counted, catalog.opened) == ([(query, "", 1)], [], [])
    catalog = made()
    listed = value_of(call("Collection.toList", collection=ordered, count=2, offset=1), catalog)
    assert [image.id for image in listed] == ["c/006", "c/002"]
    assert (catalog.queries, catalog.counted, catalog.opened) == ([(query, "", 3)], [], [])


def test_values_of_a_property_are_counted_and_the_first_is_found_by_a_query() -> None:
    catalog = ListCatalog([scene(at, **({"rare": at} if at in {5, 9} else {})) for at in range(20)])
    having = replace(IN_TIME, conditions=(Present("rare"),))
    for name, expected in (("count", 1), ("first", 5)):
        written = call(f"AggregateFeatureCollection.{name}", collection=DATED, property="rare")
        assert value_of(written, catalog) == expected
    assert (catalog.counted, catalog.queries, catalog.opened) == ([having], [(having, "", 1)], [])


def test_values_of_a_property_open_no_header() -> None:
    catalog = made(25, page=10)
    column = call("AggregateFeatureCollection.array", collection=filtered(less("n", 22)), property="n")
    assert value_of(column, catalog) == list(range(22))
    assert (len(catalog.queries), catalog.opened) == (3, [])


def test_what_no_query_says_is_tested_on_the_pages_of_what_one_says() -> None:
    weekend = call("Filter.calendarRange", start=6, end=7, field="day_of_week")
    both = call("Filter.and", filters=[less("n", 12), weekend])
    catalog = made(page=5)
    assert value_of(size(filtered(both)), catalog) == sum(
        (FIRST + timedelta(days=at)).isoweekday() in {6, 7} for at in range(12)
    )
    query = Query("c", conditions=(Compare("n", Comparison.LESS, 12),))
    assert [asked for asked, _, _ in catalog.queries] == [query] * 3
    assert (catalog.counted, catalog.opened) == ([], [])
    catalog = made(page=5)
    kept = call("Collection.limit", collection=filtered(less("cloud", 9), filtered(weekend)), limit=1)
    first = call("Element.get", object=call("Collection.first", collection=kept), property="n")
    assert value_of(first, catalog) == 1
    assert [asked for asked, _, _ in catalog.queries] == [
        Query("c", conditions=(Compare("cloud", Comparison.LESS, 9),))
    ]


def test_images_that_are_looked_at_one_by_one_are_counted() -> None:
    weekend = call("Filter.calendarRange", start=6, end=7, field="day_of_week")
    for condition, tested in ((weekend, 20), (call("Filter.and", filters=[less("n", 12), weekend]), 12)):
        with spending(Budget()):
            value_of(size(filtered(condition)), made(page=5))
            assert current().images_tested == tested
    with spending(Budget()):
        value_of(size(filtered(less("n", 12))), made(page=5))
        assert current().images_tested == 0


def test_of_a_filter_of_more_conditions_than_a_catalog_takes_the_first_are_asked_for() -> None:
    catalog = made()
    many = call("Filter.and", filters=[call("Filter.greaterThan", leftField="n", rightValue=-at) for at in range(600)])
    assert value_of(size(filtered(many)), catalog) == 19
    (query,) = {query for query, _, _ in catalog.queries}
    assert 400 < len(query.conditions) < MAX_CONDITIONS
    either = call("Filter.or", filters=[call("Filter.equals", leftField="n", rightValue=at) for at in range(600)])
    assert value_of(size(filtered(either)), catalog) == 20
    assert catalog.queries[-1][0] == Query("c")
    twice = less("n", 5)
    for _ in range(30):
        opposite = call("Filter.not", filter=call("Filter.not", filter=twice))
        twice = call("Filter.and", filters=[twice, opposite])
    assert value_of(size(filtered(twice)), catalog) == 5
    assert value_of(size(filtered(call("Filter.and", filters=[]))), catalog) == 20
    assert value_of(size(filtered(call("Filter.or", filters=[]))), catalog) == 0


def test_a_filter_after_a_limit_is_not_moved_before_it() -> None:
    catalog = made()
    few = call("Collection.limit", collection=LOADED, limit=6)
    assert value_of(size(filtered(call("Filter.greaterThan", leftField="n", rightValue=3), few)), catalog) == 2
    assert [query for query, _, _ in catalog.queries] == [Query("c", limit=6)]


def test_images_without_a_time_pass_the_opposite_of_a_time_as_they_do_in_a_list() -> None:
    catalog = ListCatalog([*made(3).images, replace(scene(7), start_time=None)])
    late = call("Filter.not", filter=less("system:time_start", START + DAY))
    assert value_of(size(filtered(late)), catalog) == 3
    assert value_of(size(filter_date(filtered(late), "2020-01-01", "2022-01-01")), catalog) == 2
    assert catalog.counted[1] == Query("c", start=START + DAY, end=START + 365 * DAY)


def test_a_catalog_that_cannot_count_is_listed() -> None:
    catalog = made(25, can_count=False, page=10)
    assert value_of(size(filtered(less("n", 22))), catalog) == 22
    assert (len(catalog.queries), catalog.opened) == (3, [])


def test_too_many_images_are_refused_with_their_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selection, "MAX_IMAGES", 1500)
    catalog = made(2100)
    mapped = call("Collection.map", collection=LOADED, baseAlgorithm=function("x", body=argument("x")))
    assert value_of(size(LOADED), catalog) == 2100
    with pytest.raises(InvalidExpression, match=r"2100 images, more than 1500; filter it more"):
        value_of(size(mapped), catalog)
    assert len(catalog.queries) == 2
    catalog.can_count = False
    with pytest.raises(InvalidExpression, match=r"has more than 1500 images; filter it more"):
        value_of(size(mapped), catalog)
    monkeypatch.setattr(selection, "MAX_TESTED", 1999)
    with pytest.raises(InvalidExpression, match="more than 1999 images have to be looked at"):
        value_of(size(filtered(call("Filter.dayOfYear", start=1, end=3))), catalog)


def test_of_an_unknown_collection_it_is_asked_whether_it_exists() -> None:
    catalog = made()
    for name in ("d", "c/00", ""):
        with pytest.raises(InvalidExpression, match=f"ImageCollection asset '{name}' not found"):
            value_of(size(call("ImageCollection.load", id=name)), catalog)
    assert (catalog.sought, catalog.queries, catalog.counted) == (["d", "c/00"], [], [])


def test_an_image_is_found_by_its_collection_without_a_list() -> None:
    images = [replace(scene(at), id=f"i{at}", collection="a/b") for at in range(1, 21)]
    catalog = ListCatalog(images)
    assert value_of(call("Image.load", id="a/b/i1"), catalog).id == "i1"
    assert [(query, size) for query, _, size in catalog.queries] == [(Query("a/b", "i1"), 1)]
    for name in ("a/b/i", "a/i1", "a/b/"):
        with pytest.raises(InvalidExpression, match="not found"):
            value_of(call("Image.load", id=name), catalog)


# -- typed mosaics, assets and lists ---------------------------------------------------------


def mosaic_of(catalog: ListCatalog, composite: str, **query: Any) -> Any:
    message = {"query": {"collection": "c", **query}, "composite": composite}
    mosaic = mosaic_graph(ParseDict(message, download_pb2.Mosaic()))
    return evaluate_graph(mosaic, CatalogWorld(catalog, SerialEngine()))


@every("composite", ["COMPOSITE_FIRST", "COMPOSITE_LAST", "COMPOSITE_MEDIAN"])
def test_a_typed_mosaic_is_one_query_and_opens_what_it_composes(composite: str) -> None:
    catalog = made()
    image = mosaic_of(
        catalog,
        composite,
        startTime="2021-01-03T00:00:00Z",
        endTime="2021-01-08T00:00:00Z",
        filters=[{"property": "cloud", "comparison": "COMPARISON_GREATER_OR_EQUAL", "number": 2}],
        bounds={"boundingBox": {"west": 0, "south": 0.2, "east": 5.5, "north": 0.8}},
        sortBy="cloud",
        descending=True,
        limit=3,
    )
    assert [band.name for band in image.bands] == ["B1"]
    ((query, start, _),) = catalog.queries
    assert start == ""
    least = Not(Compare("cloud", Comparison.LESS, 2))
    kept = replace(IN_TIME, conditions=(Present("cloud"), least), sort=(Sort("cloud", True),), limit=3)
    assert replace(query, regions=()) == kept
    assert len(query.regions) == 1
    assert sorted(catalog.opened) == sorted(image.id for image in catalog.matching(query))
    assert (catalog.sought, catalog.counted) == (["c"], [])


def test_a_property_that_no_image_has_is_told_and_a_rare_one_is_none() -> None:
    catalog = ListCatalog([*made(150).images, scene(150, rare=1)])
    assert unknown_properties(catalog, "c", ["cloud", "rare", "cluod", "zzz"]) == {"cluod": "cloud", "zzz": ""}
    assert catalog.queries[0] == (Query("c"), "", 100)
    assert [query.conditions for query, _, _ in catalog.queries[1:]] == [
        (Present(name),) for name in ("rare", "cluod", "zzz")
    ]
    assert {size for _, _, size in catalog.queries[1:]} == {1}
    assert unknown_properties(catalog, "nope", ["cloud"]) == {}


def test_a_list_of_images_is_a_page_of_the_catalog() -> None:
    catalog = made(25)
    ids: list[str] = []
    token = ""
    for _ in range(3):
        request = catalog_service_pb2.ListImagesRequest(page_size=10, prefix="c/0", page_token=token)
        page = list_images(catalog, request)
        ids += [image.id for image in page.images]
        token = page.next_page_token
    assert (ids, token) == ([image.id for image in catalog.images], "")
    assert catalog.queries == [(Query(prefix="c/0", allows_part=True), start, 10) for start in ("", "c/009", "c/019")]
    assert catalog.opened == []


def test_a_list_of_assets_is_a_page_of_the_catalog_by_its_filter() -> None:
    catalog = made(25)
    text = 'startTime >= "2021-01-03T00:00:00Z" AND startTime < "2021-01-08T00:00:00Z" AND properties.cloud<9'
    page = list_assets(catalog, "projects/p/assets/c", {"filter": text, "pageSize": "3", "view": "BASIC"})
    assert [asset["id"] for asset in page["assets"]] == ["c/002", "c/003", "c/004"]
    query = replace(IN_TIME, conditions=(Compare("cloud", Comparison.LESS, 9.0),), allows_part=True)
    assert catalog.queries == [(query, "", 3)]
    assert (catalog.opened, catalog.sought, page["nextPageToken"]) == ([], [], "c/004")
    following = {"filter": text, "pageToken": page["nextPageToken"], "view": "BASIC"}
    assert [asset["id"] for asset in list_assets(catalog, "c", following)["assets"]] == ["c/005", "c/006"]
    point = "intersects(\"{'type':'Point','coordinates':[4.5,0.5]}\")"
    page = list_assets(catalog, "c", {"filter": point})
    assert [asset["bands"][0]["id"] for asset in page["assets"]] == ["B1"]
    assert catalog.opened == ["c/004"]


def test_ends_of_times_are_tested_on_the_pages_and_more_comparisons_than_a_catalog_takes_too() -> None:
    images = [scene(at, end_datetime=f"2021-01-{at + 2:02d}T00:00:00Z") for at in range(20)]
    catalog = ListCatalog(images)
    page = list_assets(catalog, "", {"filter": 'endTime <= "2021-01-07T00:00:00Z"', "view": "BASIC", "pageSize": "5"})
    assert [asset["id"] for asset in page["assets"]] == [f"c/{at:03d}" for at in range(5)]
    assert page["nextPageToken"] == "c/004"
    page = list_assets(catalog, "", {"filter": 'endTime<="2021-01-07T00:00:00Z"', "pageToken": page["nextPageToken"]})
    assert [asset["id"] for asset in page["assets"]] == ["c/005"]
    many = " AND ".join(f"properties.n != {at}" for at in range(2, 600))
    page = list_assets(catalog, "c", {"filter": many, "view": "BASIC"})
    assert [asset["id"] for asset in page["assets"]] == ["c/000", "c/001"]
    assert len(catalog.queries[-1][0].conditions) == MAX_CONDITIONS // 3


def test_a_parent_that_there_is_not_is_not_found() -> None:
    catalog = made()
    with pytest.raises(ImageNotFound):
        list_assets(catalog, "projects/p/assets/d", {})
    assert list_assets(catalog, "projects/p/assets/c", {"filter": "properties.n>99"}) == {"assets": []}
    assert list_assets(ListCatalog([]), "", {}) == {"assets": []}


# -- the headers of many images --------------------------------------------------------------


class Opening(ListCatalog):
    """Fails to open some images."""

    failing: frozenset[str] = frozenset()

    def get(self, image_id: str) -> Image:
        image = super().get(image_id)
        if image_id in self.failing:
            raise SourceUnavailable(image_id, "B1", "it is broken")
        return image


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take every header for one that is waited for, however quick a list is."""
    monkeypatch.setattr(read_ahead, "_QUICK", 0.0)


@pytest.mark.usefixtures("slow")
def test_headers_are_read_ahead_of_a_composite_and_each_once() -> None:
    catalog = Opening([scene(at) for at in range(200)])
    image = value_of(call("reduce.median", collection=filtered(less("n", 150))), catalog)
    assert len(image.bands) == 1
    assert sorted(catalog.opened) == [f"c/{at:03d}" for at in range(150)]


@pytest.mark.usefixtures("slow")
def test_images_that_a_graph_names_are_read_together() -> None:
    catalog = Opening([scene(at) for at in range(40)])
    names = [f"projects/p/assets/c/{at:03d}" for at in range(20)]
    scenes = call("ImageCollection.fromImages", images=[call("Image.load", id=name) for name in names])
    assert value_of(call("reduce.median", collection=scenes), catalog).bands
    assert sorted(catalog.opened) == [f"c/{at:03d}" for at in range(20)]
    catalog.failing = frozenset({"c/019"})
    unused = call("If", condition=1, trueCase=call("Image.load", id="c/001"), falseCase=call("Image.load", id="c/019"))
    assert value_of(unused, catalog).id == "c/001"
    missing = call("ImageCollection.fromImages", images=[call("Image.load", id=name) for name in ("c/002", "nope")])
    with pytest.raises(InvalidExpression, match="Image asset 'nope' not found"):
        value_of(missing, catalog)


@pytest.mark.usefixtures("slow")
def test_sixteen_headers_are_read_at_the_same_time_and_no_more() -> None:
    lock, all_open = threading.Lock(), threading.Event()
    open_now: set[str] = set()
    most: list[int] = []

    class Waiting(ListCatalog):
        def get(self, image_id: str) -> Image:
            with lock:
                open_now.add(image_id)
                most.append(len(open_now))
                if len(open_now) == 16:
                    all_open.set()
            if int(image_id[2:]) >= 31:  # in the first round of 32 and more
                assert all_open.wait(HANG)
            with lock:
                open_now.discard(image_id)
            return super().get(image_id)

    assert value_of(call("reduce.median", collection=LOADED), Waiting([scene(at) for at in range(100)])).bands
    assert max(most) == 16


def test_headers_that_are_known_start_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read_ahead, "_QUICK", math.inf)
    monkeypatch.setattr(read_ahead, "ThreadPoolExecutor", None)
    assert value_of(call("reduce.median", collection=LOADED), made(100)).bands


def test_of_a_list_from_which_one_is_taken_one_header_is_read() -> None:
    catalog = made(200)
    listed = call("Collection.toList", collection=LOADED, count=100)
    for at in (0, 57, -1):
        catalog.opened.clear()
        value = value_of(call("Image.bandNames", image=call("List.get", list=listed, index=at)), catalog)
        assert (value, len(catalog.opened)) == (["B1"], 1)


@pytest.mark.usefixtures("slow")
def test_an_image_that_fails_is_told_where_it_is_used_and_only_there() -> None:
    catalog = Opening([scene(at) for at in range(40)])
    catalog.failing = frozenset({"c/007", "c/009", "c/031"})
    with pytest.raises(SourceUnavailable) as caught:
        value_of(call("reduce.median", collection=LOADED), catalog)
    assert caught.value.image_id == "c/007"
    usable = call("Filter.not", filter=call("Filter.listContains", leftValue=[7, 9, 31], rightField="n"))
    assert value_of(call("reduce.median", collection=filtered(usable)), catalog).bands
    names = call("Image.bandNames", image=argument("x"))
    listed = call("Collection.toList", collection=LOADED, count=7)
    counted = call("List.map", list=listed, baseAlgorithm=function("x", body=names))
    assert value_of(counted, catalog) == [["B1"]] * 7


@pytest.mark.usefixtures("slow")
def test_images_are_read_ahead_backwards_too() -> None:
    catalog = made(100)
    rounds: list[list[str]] = []

    def recorded(asked: ListCatalog, ids: list[str]) -> list[Image | DownloadError]:
        rounds.append(ids)
        return get_images(asked, ids)

    with pytest.MonkeyPatch.context() as patches:
        patches.setattr(read_ahead, "get_images", recorded)
        mosaic_of(catalog, "COMPOSITE_FIRST")
    assert rounds[0] == ["c/099"]
    assert [image_id for together in rounds for image_id in together] == [f"c/{at:03d}" for at in reversed(range(100))]
    assert len(rounds) == 7


# -- the same answers as without queries -------------------------------------------------------

VALUES: list[Any] = [0, 1, 2, 2.0, 1.5, -3, True, False, "", "a", "ab", "2", "scene", None, [1], ["a"], {"k": 1}]
NAMES = ["a", "b", "d", "system:index", "system:id", "system:time_start", "system:time_end", "system:footprint", ".geo"]


def random_images(dice: random.Random) -> list[Image]:
    images = []
    for at in range(dice.randrange(1, 25)):
        more = {name: dice.choice(VALUES) for name in ("a", "b", "d", "system:id") if dice.random() < 0.6}
        if dice.random() < 0.2:
            more["system:time_start"] = dice.choice(["2021-01-02", START + DAY, START + 0.5, START + 2.0 * DAY, True])
        image = scene(at, **more)
        if dice.random() < 0.2:
            image = replace(image, start_time=None)
        if dice.random() < 0.2:  # not on the ground: it is nowhere, so that it may be anywhere
            band = replace(image.bands[0], grid=GeoBox((10, 10), Affine.identity(), None))
            image = replace(image, bands=(band,))
        if dice.random() < 0.2:  # the catalog knows better, or worse, than the header
            image = replace(image, footprint=Region(shapely.box(at, 0, at + 3, 1), LONLAT))
        images.append(image)
    return images


def random_filter(dice: random.Random, depth: int = 0) -> Value:
    name = dice.choice(NAMES)
    value = dice.choice([START + DAY, "2021-01-03"] if name.startswith("system:time") else [*VALUES[:13], "c/003"])
    sides: Mapping[str, Any] = dice.choice(
        [{"leftField": name, "rightValue": value}, {"leftValue": value, "rightField": name}]
    )
    kinds = ["compare", "search", "list", "dates", "range", "null", "place", "season"]
    match dice.choice([*kinds, "not", "and", "or"] if depth < 3 else kinds):
        case "compare":
            return call(f"Filter.{dice.choice(['equals', 'lessThan', 'greaterThan'])}", **sides)
        case "search":
            return call(f"Filter.string{dice.choice(['Contains', 'StartsWith', 'EndsWith'])}", **sides)
        case "list":
            items = [dice.choice(VALUES) for _ in range(dice.randrange(4))]
            return call("Filter.listContains", leftValue=items, rightField=name)
        case "dates":
            dates = call("DateRange", start=START + DAY, end=START + dice.randrange(2, 20) * DAY)
            field = dice.choice(["system:time_start", "system:time_start", "system:time_end", "a"])
            return call("Filter.dateRangeContains", leftValue=dates, rightField=field)
        case "range":
            low, high = sorted((dice.choice([0, 1, 2, 1.5, -3]), dice.choice([0, 1, 2, START])))
            return call("Filter.rangeContains", field=name, minValue=low, maxValue=high)
        case "null":
            return call("Filter.notNull", properties=dice.sample(NAMES, dice.randrange(1, 3)))
        case "place":
            west = dice.uniform(-3, 20)
            box = [[west, 0.2], [west + dice.uniform(0.1, 9), 0.2], [west + 0.1, 0.8], [west, 0.2]]
            place = call("Feature", geometry=call("GeometryConstructors.Polygon", coordinates=[box], evenOdd=True))
            return call("Filter.intersects", leftField=dice.choice([".all", ".geo"]), rightValue=place)
        case "season":
            return call("Filter.calendarRange", start=1, end=dice.randrange(1, 12), field="day_of_month")
        case "not":
            return call("Filter.not", filter=random_filter(dice, depth + 1))
        case kind:
            parts = [random_filter(dice, depth + 1) for _ in range(dice.randrange(1, 4))]
            return call(f"Filter.{kind}", filters=parts)


@every("seed", range(400))
def test_a_condition_says_what_its_filter_says(seed: int) -> None:
    dice = random.Random(seed)
    catalog = ListCatalog(random_images(dice))
    condition = value_of(random_filter(dice), catalog)
    assert isinstance(condition, FilterValue)
    for image in catalog.matching(Query()):
        passes = condition.accepts(image_value(image, partial(catalog.get, image.id)))
        if condition.folded is None:
            continue
        said = condition.folded.condition
        held = holds(said, image)
        assert held == passes if condition.folded.is_exact else held or not passes, (said, image)
        assert Query().narrowed(said).matches(image) == held, (said, Query().narrowed(said), image)
        assert condition.folded.size == condition_count(said)


@every("seed", range(300))
def test_a_collection_of_the_catalog_is_as_one_of_its_images(seed: int) -> None:
    dice = random.Random(seed)
    catalog = ListCatalog(random_images(dice), can_count=dice.random() < 0.8, page=dice.choice([3, 1000]))
    loaded = CatalogWorld(catalog, SerialEngine()).collection("c")
    listed = CollectionValue(loaded.elements, of_images=True, id="c")
    lazy = CatalogWorld(catalog, SerialEngine()).collection("c")
    for _ in range(dice.randrange(1, 6)):
        match dice.choice(["filter", "filter", "sort", "limit"]):
            case "filter":
                condition = value_of(random_filter(dice, 2), catalog)
                lazy, listed = collections.filter_(lazy, condition), collections.filter_(listed, condition)
            case "sort":
                key, ascending = dice.choice(["a", "b", "system:id", "system:time_start"]), dice.random() < 0.5
                lazy = collections.limit(lazy, None, key, ascending)
                listed = collections.limit(listed, None, key, ascending)
            case _:
                most = dice.randrange(15)
                lazy, listed = collections.limit(lazy, most, None, True), collections.limit(listed, most, None, True)
    expected = ids_of(listed.elements)
    start, count = dice.randrange(4), dice.randrange(9)
    assert len(lazy) == len(expected)
    assert ids_of([collections.first(lazy)]) == expected[:1]
    assert ids_of(collections.to_list(lazy, count, start)) == expected[start : start + count]
    assert ids_of(lazy.each()) == expected
    assert ids_of(lazy) == expected
    assert len(lazy) == len(expected)


def ids_of(elements: Any) -> list[str | None]:
    return [element.id for element in elements if isinstance(element, ImageValue)]


def known(sign: str, limit: float | str, own: Any) -> bool:
    """Work out a comparison of an asset's property, as the guide of the filter tells it."""
    same = isinstance(own, str) == isinstance(limit, str) and isinstance(own, str | int | float)
    if not same:
        return False
    return bool(
        {
            "<": own < limit,
            "<=": own <= limit,
            ">": own > limit,
            ">=": own >= limit,
            "=": own == limit,
            "!=": own != limit,
        }[sign]
    )


@every("seed", range(60))
def test_a_filter_of_assets_says_what_its_comparisons_say(seed: int) -> None:
    dice = random.Random(seed)
    images = random_images(dice)
    sign = dice.choice(["<", "<=", ">", ">=", "=", "!="])
    limits: list[float | str] = [0.0, 1.0, 2.0, "a", "ab"]
    limit = dice.choice(limits)
    written = f'"{limit}"' if isinstance(limit, str) else f"{limit:g}"
    catalog = ListCatalog(images)
    page = list_assets(catalog, "", {"filter": f"properties.a{sign}{written}", "view": "BASIC"})
    expected = [image.id for image in images if known(sign, limit, image.properties.get("a"))]
    assert [asset["id"] for asset in page["assets"]] == expected
    timed = [image for image in images if image.start_time is not None]
    day = dice.randrange(20)
    moment = (FIRST + timedelta(days=day)).strftime("%Y-%m-%dT%H:%M:%SZ")
    parsed = asset_filter(f'startTime {sign} "{moment}"')
    query, rest = parsed.fold(Query())
    assert rest.is_empty
    found = {image.id for image in timed if query.matches(image)}
    assert found == {image.id for image in timed if known(sign, day, int(image.id[2:]))}
