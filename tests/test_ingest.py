"""Indexes of static STAC catalogs, STAC APIs and stac-geoparquet: what is in them, what is asked for, and resuming."""

import itertools
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
import rasterio
import shapely
from click.testing import CliRunner
from rasterio.warp import transform_bounds

from made_entries import entries_of
from rasterwire.catalog.entry import Entry
from rasterwire.catalog.index import IndexStore
from rasterwire.catalog.ingest import Summary, geoparquet
from rasterwire.catalog.ingest.build import IndexInUse, SourceKind, kind_of, placed_entries_of, update_index
from rasterwire.cli.main import cli
from rasterwire.errors import SourceUnavailable
from rasterwire.files.sources import configure, loop
from rasterwire.files.sources.make import make_sources
from rasterwire.files.sources.settings import SourceSettings
from test_catalog import write_raster

BOX = [10.0, 50.0, 11.0, 51.0]


def item(image_id: str, href: str = "B1.tif", **fields: Any) -> dict[str, Any]:
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": image_id,
        "collection": "c",
        "bbox": BOX,
        "geometry": shapely.geometry.mapping(shapely.box(*BOX)),
        "properties": {"datetime": "2024-05-01T10:00:00Z", "eo:cloud_cover": 12.5},
        "links": [],
        "assets": {"B1": {"href": href, "type": "image/tiff; application=geotiff"}},
    } | fields


def catalog(*links: tuple[str, str], kind: str = "Catalog") -> dict[str, Any]:
    return {"type": kind, "id": "k", "links": [{"rel": relation, "href": href} for relation, href in links]}


def entries(index: Path) -> dict[str, Entry]:
    return {entry.id: entry for entry in entries_of(index)}


def counts(summary: Summary) -> tuple[int, int, int, int]:
    return summary.added, summary.changed, summary.removed, summary.broken


class Site:
    """Documents behind HTTP; ``asked`` has the paths of the requests."""

    def __init__(self) -> None:
        self.documents: dict[str, Any] = {}
        self.asked: list[str] = []
        self.address = ""
        self.answer: Callable[[str, Any], Any] | None = None

    def put(self, documents: Mapping[str, Any]) -> None:
        self.documents |= documents


@pytest.fixture
def site() -> Iterator[Site]:
    with serving() as own:
        configure(make_sources([SourceSettings(own.address, private_addresses=True, retries=1, timeout_seconds=60)]))
        yield own
    configure({})
    loop.stop()


@contextmanager
def serving() -> Iterator[Site]:
    own = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._respond(None)

        def do_POST(self) -> None:
            self._respond(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        def _respond(self, body: Any) -> None:
            own.asked.append(self.path)
            value = own.answer(self.path, body) if own.answer else own.documents.get(urlsplit(self.path).path)
            data = value if isinstance(value, bytes) else json.dumps(value).encode()
            whole, first, status = len(data), 0, 404 if value is None else 200
            spans = self.headers.get("Range")
            if spans and status == 200:
                first, _, last = spans.removeprefix("bytes=").partition("-")  # type: ignore[assignment]
                data, status = data[int(first) : int(last or whole) + 1], 206
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.send_header("ETag", f'"{hash(json.dumps(value, default=repr)) & 0xFFFFFFFF:x}"')
            if status == 206:
                self.send_header("Content-Range", f"bytes {first}-{int(first) + len(data) - 1}/{whole}")
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    own.address = f"http://127.0.0.1:{server.server_port}/"
    try:
        yield own
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def put_catalog(site: Site, count: int) -> str:
    links = [("item", f"../items/{number:03d}.json") for number in range(count)]
    site.put({"/k/catalog.json": catalog(("child", "sub/collection.json"))})
    site.put({"/k/sub/collection.json": catalog(*links, ("child", "../catalog.json"), kind="Collection")})
    site.put({f"/k/items/{number:03d}.json": item(f"i{number:03d}") for number in range(count)})
    return f"{site.address}k/catalog.json"


# Static catalogs


def test_a_static_catalog_is_indexed_over_http_and_only_what_changed_is_taken_over(site: Site, tmp_path: Path) -> None:
    root, index = put_catalog(site, 30), tmp_path / "index.sqlite"
    assert counts(update_index(root, SourceKind.CATALOG, index)) == (30, 0, 0, 0)
    own = entries(index)
    assert sorted(own) == [f"i{number:03d}" for number in range(30)]
    entry = own["i007"]
    assert [(source.key, source.name, source.href) for source in entry.sources] == [
        ("B1", "k/items/B1.tif", f"{site.address}k/items/B1.tif")
    ]
    assert (entry.collection, entry.origin, entry.properties["eo:cloud_cover"]) == ("c", "items/007.json", 12.5)
    assert entry.footprint is not None
    assert entry.footprint.geometry.bounds == tuple(BOX)

    site.asked.clear()
    assert counts(update_index(root, SourceKind.CATALOG, index)) == (0, 0, 0, 0)
    assert len(site.asked) == 32
    site.put({"/k/items/003.json": item("other")})
    put_links = [("item", f"../items/{number:03d}.json") for number in range(1, 30)]
    site.put({"/k/sub/collection.json": catalog(*put_links, kind="Collection")})
    assert counts(update_index(root, SourceKind.CATALOG, index)) == (1, 0, 2, 0)
    assert sorted(entries(index)) == sorted({f"i{number:03d}" for number in range(1, 30)} - {"i003"} | {"other"})


def test_what_cannot_be_read_hides_nothing_else_and_removes_nothing(site: Site, tmp_path: Path) -> None:
    root, index = put_catalog(site, 5), tmp_path / "index.sqlite"
    site.put({"/k/items/001.json": b"{", "/k/items/002.json": [1]})
    del site.documents["/k/items/004.json"]
    summary = update_index(root, SourceKind.CATALOG, index)
    assert (summary.added, summary.broken, summary.is_whole) == (2, 3, True)
    assert sorted(entries(index)) == ["i000", "i003"]
    notes = {note.image_id for note in IndexStore(index, read_only=True).notes()}
    assert notes == {"items/001.json", "items/002.json", "items/004.json"}
    kept = site.documents.pop("/k/sub/collection.json")
    summary = update_index(root, SourceKind.CATALOG, index)
    assert (summary.removed, summary.is_whole) == (0, False)
    assert sorted(entries(index)) == ["i000", "i003"]
    site.put({"/k/sub/collection.json": kept, "/k/items/001.json": item("i001")})
    update_index(root, SourceKind.CATALOG, index)
    assert sorted(entries(index)) == ["i000", "i001", "i003"]
    with pytest.raises(SourceUnavailable, match="root document"):
        update_index(f"{site.address}gone.json", SourceKind.CATALOG, tmp_path / "other.sqlite")


def test_a_catalog_leads_neither_to_this_machine_nor_to_servers_that_no_setting_names(
    site: Site, tmp_path: Path
) -> None:
    secret = tmp_path / "secret.json"
    secret.write_text(json.dumps(item("secret")))
    with serving() as elsewhere:
        elsewhere.put({"/x.json": item("elsewhere")})
        hrefs = [str(secret), secret.as_uri(), f"{elsewhere.address}x.json", "http://169.254.169.254/x.json", "\0"]
        assets = {f"B{number}": {"href": href, "type": "image/tiff"} for number, href in enumerate(hrefs)}
        site.put({"/catalog.json": catalog(*(("item", href) for href in hrefs), ("item", "own.json"))})
        site.put({"/own.json": item("own", assets=assets)})
        index = tmp_path / "index.sqlite"
        update_index(f"{site.address}catalog.json", SourceKind.CATALOG, index)
        assert not elsewhere.asked
    (entry,) = entries(index).values()
    assert entry.id == "own"
    assert all(source.href.startswith(site.address) for source in entry.sources)
    assert {key for key, _ in entry.remote_assets} >= {"B2", "B3"}


def test_a_catalog_on_disk_stays_in_its_folder(tmp_path: Path) -> None:
    top = tmp_path / "top"
    write_raster(top / "data" / "B 1.tif")
    outside = write_raster(tmp_path / "outside.tif")
    (top / "data" / "cube.zarr").mkdir()
    assets = {
        "in": {"href": "../data/B%201.tif"},
        "store": {"href": "../data/cube.zarr"},
        "out": {"href": "../../outside.tif"},
        "absolute": {"href": str(outside)},
    }
    (top / "items").mkdir()
    (top / "items" / "i.json").write_text(json.dumps(item("i", assets=assets)))
    (tmp_path / "o.json").write_text(json.dumps(item("o")))
    (top / "unlinked.json").write_text(json.dumps(item("unlinked")))
    links = [("item", "items/i.json"), ("item", "../o.json"), ("child", "catalog.json")]
    (top / "catalog.json").write_text(json.dumps(catalog(*links)))
    index = tmp_path / "index.sqlite"
    first = update_index(str(top / "catalog.json"), SourceKind.CATALOG, index)
    assert (counts(first), [name for name, _ in first.problems]) == ((1, 0, 0, 1), ["catalog.json"])
    (entry,) = entries(index).values()
    assert [(source.key, source.href) for source in entry.sources] == [
        ("in", str(top / "data" / "B 1.tif")),
        ("store", str(top / "data" / "cube.zarr")),
    ]
    assert {key for key, _ in entry.missing_assets} == {"out", "absolute"}
    assert counts(update_index(str(top / "catalog.json"), SourceKind.CATALOG, index)) == (0, 0, 0, 0)


UPDATE = """
import os, signal, sys
from pathlib import Path
from rasterwire.catalog.ingest import build, run
from rasterwire.files.sources import configure
from rasterwire.files.sources.make import make_sources
from rasterwire.files.sources.settings import SourceSettings
run._FIRST_BATCH = run._MAX_BATCH = 10
address, kind, index, batches = sys.argv[1:]
configure(make_sources([SourceSettings(address[:address.index("/", 8) + 1], private_addresses=True)]))
left = [int(batches)]
def tell(count, total):
    left[0] -= 1
    if not left[0]:
        os.kill(os.getpid(), signal.SIGKILL)
build.update_index(address, build.SourceKind(kind), Path(index), (), tell)
"""


def killed(address: str, kind: SourceKind, index: Path, batches: int) -> None:
    """Update an index, in a process that is killed after some batches of 5 items."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", UPDATE, address, str(kind), str(index), str(batches)]
    assert subprocess.run(command, env=environment, check=False).returncode == -signal.SIGKILL


def test_after_a_kill_items_that_were_read_are_not_asked_for_again(site: Site, tmp_path: Path) -> None:
    root, index = put_catalog(site, 40), tmp_path / "index.sqlite"
    killed(root, SourceKind.CATALOG, index, 4)
    done = set(IndexStore(index, read_only=True).documents())
    assert len(done) == 21  # two of them are catalogs, as large as one item
    site.asked.clear()
    summary = update_index(root, SourceKind.CATALOG, index)
    items = [path for path in site.asked if "/items/" in path]
    assert len(items) == len(set(items)) == 40 - sum(name.startswith("items/") for name in done)
    assert (summary.removed, summary.is_whole) == (0, True)
    assert sorted(entries(index)) == [f"i{number:03d}" for number in range(40)]
    assert sorted(path.name for path in tmp_path.iterdir() if "progress" in path.name) == []


# Sources that several processes parse


def test_processes_beside_make_the_same_index(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = put_catalog(site, 60)
    nested = {"/k/items/005.json": b"{", "/k/items/006.json": catalog(("item", "more.json")), "/k/items/more.json": []}
    site.put(nested)
    collection = {"type": "FeatureCollection", "features": [item(f"f{number}") for number in range(300)]}
    outside = item("i008", f"{site.address}B1.tif", id="i007", assets={"B": {"href": "s3://no/b.tif"}})
    site.put({"/k/items/007.json": collection, "/k/items/008.json": outside})
    monkeypatch.setattr("rasterwire.catalog.ingest.parsing._TASK_BYTES", 3000)
    monkeypatch.setattr("rasterwire.catalog.ingest.run._FIRST_BATCH", 5)
    made = []
    for cores, alone in ((1, 0), (2, 10)):
        monkeypatch.setattr("rasterwire.catalog.ingest.parsing.core_count", lambda cores=cores: cores)
        monkeypatch.setattr("rasterwire.catalog.ingest.parsing._ALONE", alone)
        index = tmp_path / f"{cores}.sqlite"
        summary = update_index(root, SourceKind.CATALOG, index)
        store = IndexStore(index, read_only=True)
        made.append((counts(summary), summary.problems, store.documents(), store.notes(), entries(index)))
    assert made[0] == made[1]
    assert len(made[0][4]) == 357
    site.put({"/k/items/009.json": item("new")})
    assert counts(update_index(root, SourceKind.CATALOG, tmp_path / "2.sqlite")) == (1, 0, 1, 0)


def test_a_process_that_is_ended_is_told_and_the_run_goes_on(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, index = put_catalog(site, 40), tmp_path / "index.sqlite"
    with monkeypatch.context() as patched:
        patched.setattr("rasterwire.catalog.ingest.parsing.core_count", lambda: 2)
        patched.setattr("rasterwire.catalog.ingest.parsing._ALONE", 10)
        patched.setattr("rasterwire.catalog.ingest.parsing._begin", os._exit)  # which takes no encoder
        patched.setattr("rasterwire.catalog.ingest.run._FIRST_BATCH", 5)
        with pytest.raises(SourceUnavailable, match="was ended"):
            update_index(root, SourceKind.CATALOG, index)
    assert 0 < len(entries(index)) < 40
    update_index(root, SourceKind.CATALOG, index)
    assert len(entries(index)) == 40


# STAC APIs


def put_api(site: Site, count: int, page: int = 10) -> dict[str, dict[str, Any]]:
    """Serve items in pages; the next page is asked for by POST."""
    items = {f"i{number:03d}": item(f"i{number:03d}", f"{site.address}B1.tif") for number in range(count)}

    def answer(path: str, body: Any) -> Any:
        if urlsplit(path).path != "/search":
            return {
                "type": "Catalog",
                "id": "api",
                "links": [],
                "conformsTo": ["https://api.stacspec.org/v1.0.0/item-search"],
            }
        start = int((body or {}).get("token") or parse_qs(urlsplit(path).query).get("token", ["0"])[0])
        ids = sorted(items)[start : start + page]
        following = {
            "rel": "next",
            "href": f"{site.address}search",
            "method": "POST",
            "merge": True,
            "body": {"token": start + page},
        }
        links = [following] if start + page < len(items) else []
        return {"type": "FeatureCollection", "features": [items[i] for i in ids], "links": links}

    site.answer = answer
    return items


def test_an_api_is_indexed_page_by_page_and_incrementally(site: Site, tmp_path: Path) -> None:
    items, index = put_api(site, 25), tmp_path / "index.sqlite"
    assert counts(update_index(site.address, SourceKind.API, index)) == (25, 0, 0, 0)
    assert sorted(entries(index)) == sorted(items)
    assert len(site.asked) == 3
    items["i003"]["properties"]["eo:cloud_cover"] = 99
    items["i004"]["links"] = [{"rel": "self", "href": "https://example.com/i004?token=5"}]  # says nothing of the item
    del items["i010"]
    assert counts(update_index(site.address, SourceKind.API, index)) == (0, 1, 1, 0)
    assert entries(index)["i003"].properties["eo:cloud_cover"] == 99


def test_an_item_of_an_api_that_is_nested_without_end_hides_no_other(site: Site, tmp_path: Path) -> None:
    items, index = put_api(site, 3), tmp_path / "index.sqlite"
    deep: Any = 1
    for _ in range(300):
        deep = [deep]
    items["i001"]["properties"] |= {"deep": deep, "fine": "yes"}
    assert counts(update_index(site.address, SourceKind.API, index)) == (3, 0, 0, 0)
    assert entries(index)["i001"].properties["fine"] == "yes"
    items["i001"]["properties"]["fine"] = "no"
    assert counts(update_index(site.address, SourceKind.API, index)) == (0, 1, 0, 0)
    assert entries(index)["i001"].properties["fine"] == "no"


def test_after_a_kill_an_api_is_asked_from_the_page_that_it_was_at(site: Site, tmp_path: Path) -> None:
    items, index = put_api(site, 60), tmp_path / "index.sqlite"
    killed(site.address, SourceKind.API, index, 7)
    assert len(IndexStore(index, read_only=True).documents()) == 35
    site.asked.clear()
    summary = update_index(site.address, SourceKind.API, index)
    assert len(site.asked) == 3
    assert (summary.added, summary.removed) == (25, 0)
    assert sorted(entries(index)) == sorted(items)


@pytest.mark.parametrize("features", [0, 3])
def test_pages_of_an_api_that_never_end_are_left(site: Site, tmp_path: Path, features: int) -> None:
    items = put_api(site, features)
    pages = itertools.count()

    def answer(_path: str, _body: Any) -> Any:
        following = {"rel": "next", "href": f"{site.address}search?page={next(pages)}", "method": "POST", "body": {}}
        return {"type": "FeatureCollection", "features": list(items.values()), "links": [following]}

    site.answer = answer
    with pytest.raises(SourceUnavailable, match="50 of them in a row have no new item"):
        update_index(site.address, SourceKind.API, tmp_path / "index.sqlite")
    assert len(site.asked) < 300


def test_an_api_that_makes_up_items_is_left(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rasterwire.catalog.ingest.api._MAX_ITEMS", 40)
    pages = itertools.count()

    def answer(_path: str, _body: Any) -> Any:
        page = next(pages)
        following = {"rel": "next", "href": f"{site.address}search?page={page}", "method": "POST", "body": {}}
        made = [item(f"i{page}-{number}") for number in range(10)]
        return {"type": "FeatureCollection", "features": made, "links": [following]}

    site.answer = answer
    with pytest.raises(SourceUnavailable, match="more than 40 items, or its pages have no end; name collections"):
        update_index(site.address, SourceKind.API, tmp_path / "index.sqlite")
    assert len(site.asked) == 5


def test_an_interrupted_run_over_many_known_pages_goes_on(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    items, index = put_api(site, 80, page=1), tmp_path / "index.sqlite"
    killed(site.address, SourceKind.API, index, 15)
    database = sqlite3.connect(tmp_path / "index.progress")
    database.execute("UPDATE run SET position = ''")  # as if the API knew the page no more
    database.commit()
    database.close()
    update_index(site.address, SourceKind.API, index)
    assert sorted(entries(index)) == sorted(items)


def endless(path: str, _body: Any) -> Any:
    """Answer with a catalog of two items and two catalogs that no other has."""
    if path.endswith("item.json"):
        return item(path)
    name = path.removesuffix(".json")
    return catalog(
        *(("child", f"{name}{letter}.json") for letter in "ab"), *(("item", f"{name}{n}-item.json") for n in range(2))
    )


def test_links_of_a_catalog_that_never_end_are_left(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rasterwire.catalog.ingest.static_catalog._MAX_DOCUMENTS", 300)
    site.answer = endless
    with pytest.raises(SourceUnavailable, match="more than 300 documents, or its links have no end; index its child"):
        update_index(f"{site.address}x.json", SourceKind.CATALOG, tmp_path / "index.sqlite")
    assert len(site.asked) < 400


def test_a_catalog_is_followed_to_a_depth(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rasterwire.catalog.ingest.static_catalog._MAX_DEPTH", 3)
    site.answer = endless
    summary = update_index(f"{site.address}x.json", SourceKind.CATALOG, tmp_path / "index.sqlite")
    assert (summary.added, summary.broken) == (2 * 7, 8)
    assert all("a catalog below 3 others, so its links are not followed" in problem for _, problem in summary.problems)


# stac-geoparquet


def write_parquet(path: Path, items: list[dict[str, Any]], rows: int = 1000) -> None:
    arrow = pytest.importorskip("stac_geoparquet.arrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    arrow.to_parquet(arrow.parse_stac_items_to_arrow(items), path)
    parquet.write_table(parquet.read_table(path), path, row_group_size=rows)


def test_items_come_from_geoparquet_and_go_there_again(site: Site, tmp_path: Path) -> None:
    arrow = pytest.importorskip("stac_geoparquet.arrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    fields = {"proj:shape": [4, 8], "proj:code": "EPSG:32633", "proj:transform": [10.0, 0.0, 5.0, 0.0, -10.0, 7.0]}
    assets = {"B1": {"href": f"{site.address}x.tif", "type": "image/tiff", "raster:bands": [{"nodata": 7}]} | fields}
    items = [item(f"i{number}", assets=assets) for number in range(7)]
    items[3]["geometry"] = shapely.geometry.mapping(shapely.Polygon([(0, 0), (5, 1), (2, 6)]))
    write_parquet(tmp_path / "items.parquet", items)
    index = tmp_path / "index.sqlite"
    address = str(tmp_path / "items.parquet")
    assert counts(update_index(address, SourceKind.GEOPARQUET, index)) == (7, 0, 0, 0)
    own = entries(index)
    assert sorted(own) == [f"i{number}" for number in range(7)]
    claim = own["i1"].sources[0].claim
    assert (claim.shape, claim.crs, claim.bands[0].nodata) == ((4, 8), "EPSG:32633", 7)
    assert counts(update_index(address, SourceKind.GEOPARQUET, index)) == (0, 0, 0, 0)

    export = tmp_path / "export.parquet"
    assert geoparquet.write_geoparquet(placed_entries_of(index, []), export) == 7
    exported = {each["id"]: each for each in arrow.stac_table_to_items(parquet.read_table(export))}
    for given in items:
        got = exported[given["id"]]
        assert shapely.equals(shapely.geometry.shape(got["geometry"]), shapely.geometry.shape(given["geometry"]))
        assert got["properties"]["eo:cloud_cover"] == 12.5
        assert got["properties"]["datetime"].startswith("2024-05-01T10:00:00")
        assert got["assets"]["B1"]["href"] == f"{site.address}x.tif"
    again = tmp_path / "again.sqlite"
    update_index(str(export), SourceKind.GEOPARQUET, again)
    for image_id, entry in entries(again).items():
        before = own[image_id]
        assert (entry.sources, entry.start_time, entry.collection) == (
            before.sources,
            before.start_time,
            before.collection,
        )
        assert entry.footprint == before.footprint
        assert dict(entry.properties) == dict(before.properties)


@pytest.mark.parametrize("column", ["geometry", "assets"])
def test_a_table_that_is_no_geoparquet_is_told(tmp_path: Path, column: str) -> None:
    pyarrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    pytest.importorskip("stac_geoparquet")
    parquet.write_table(pyarrow.table({"id": ["a"], column: [5]}), tmp_path / "x.parquet")
    with pytest.raises(SourceUnavailable, match="no stac-geoparquet"):
        update_index(str(tmp_path / "x.parquet"), SourceKind.GEOPARQUET, tmp_path / "index.sqlite")


def test_geoparquet_is_read_from_a_server_in_parts_and_goes_on_after_a_kill(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(geoparquet, "_ROWS", 10)
    write_parquet(tmp_path / "items.parquet", [item(f"i{number:03d}") for number in range(100)], rows=25)
    site.put({"/items.parquet": (tmp_path / "items.parquet").read_bytes()})
    index = tmp_path / "index.sqlite"
    address = f"{site.address}items.parquet"
    summary = update_index(address, SourceKind.GEOPARQUET, index)
    assert counts(summary) == (100, 0, 0, 0)
    own = entries(index)
    assert len(own) == 100
    assert own["i000"].sources[0].href == f"{site.address}B1.tif"
    write_parquet(tmp_path / "items.parquet", [item(f"j{number:03d}") for number in range(50)], rows=25)
    site.put({"/items.parquet": (tmp_path / "items.parquet").read_bytes()})
    assert counts(update_index(address, SourceKind.GEOPARQUET, index)) == (50, 0, 100, 0)
    assert sorted(entries(index)) == [f"j{number:03d}" for number in range(50)]
    site.put({"/items.parquet": b"PAR1 nothing"})
    with pytest.raises(SourceUnavailable, match="stac-geoparquet"):
        update_index(address, SourceKind.GEOPARQUET, index)


# The command


def test_the_command_indexes_each_kind_and_exports(site: Site, tmp_path: Path) -> None:
    write_raster(tmp_path / "folder" / "dem.tif")
    (tmp_path / "folder" / "i.json").write_text(json.dumps(item("i", "dem.tif")))
    index = tmp_path / "index.sqlite"

    def run(*arguments: str) -> Any:
        return CliRunner().invoke(cli, ["index", *arguments])

    done = run(str(tmp_path / "folder"), "--into", str(index))
    assert (done.exit_code, done.stdout) == (0, "images: 1 added, 0 changed, 0 removed\n")
    assert list(entries(index)) == ["i"]
    assert run(str(tmp_path / "folder"), "--into", str(index)).stdout.startswith("images: 0 added, 0 changed")
    done = run("--into", str(index), "--export", str(tmp_path / "out.parquet"))
    assert (done.exit_code, done.stdout) == (0, f"1 image written to {tmp_path / 'out.parquet'}\n")
    (tmp_path / "config.toml").write_text(f'[[sources]]\nprefix = "{site.address}"\nprivate_addresses = true\n')
    done = run(put_catalog(site, 3), "--into", str(tmp_path / "k.sqlite"), "--config", str(tmp_path / "config.toml"))
    assert done.stdout == "images: 3 added, 0 changed, 0 removed\n"
    refused = run(put_catalog(site, 3), "--into", str(tmp_path / "k.sqlite"))
    assert refused.exit_code != 0
    assert "Without --config it was asked as a public server." in refused.output
    assert "127.0.0.1" not in refused.output
    for wrong in (["--into", str(index)], [str(tmp_path / "gone"), "--into", str(index)], [str(index)]):
        assert run(*wrong).exit_code == 2


def test_an_index_is_updated_by_one_process_at_a_time(site: Site, tmp_path: Path) -> None:
    root, index = put_catalog(site, 3), tmp_path / "index.sqlite"
    failures: list[BaseException] = []

    def again(_count: int, _total: int | None) -> None:
        try:
            update_index(root, SourceKind.CATALOG, index)
        except IndexInUse as error:
            failures.append(error)

    update_index(root, SourceKind.CATALOG, index, tell=again)
    assert [str(error) for error in failures] == [
        "another process updates this index; wait for it, or choose another file"
    ]


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("https://stac.example.org/v1/", SourceKind.API),
        ("https://stac.example.org/catalog.json?x=1", SourceKind.CATALOG),
        ("s3://eo/items.parquet", SourceKind.GEOPARQUET),
        ("s3://eo/catalog.json", SourceKind.CATALOG),
        ("s3://eo/catalog", SourceKind.BUCKET),
        ("/", SourceKind.FOLDER),
    ],
)
def test_the_kind_of_a_source_is_seen_by_its_address(address: str, kind: SourceKind) -> None:
    assert kind_of(address) is kind


def test_images_of_plain_rasters_are_exported_with_the_places_of_their_files(tmp_path: Path) -> None:
    arrow = pytest.importorskip("stac_geoparquet.arrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    folder = tmp_path / "folder"
    folder.mkdir()
    write_raster(folder / "here.tif")
    (folder / "nowhere.tif").write_bytes(b"no raster")
    index, export = tmp_path / "index.sqlite", tmp_path / "items.parquet"
    update_index(str(folder), SourceKind.FOLDER, index)
    runner = CliRunner()
    result = runner.invoke(cli, ["index", "--into", str(index), "--export", str(export)])
    assert result.exit_code == 0, result.output
    assert "1 image written" in result.output
    assert "1 left out" in result.output
    assert "nowhere" in result.output
    (item,) = arrow.stac_table_to_items(parquet.read_table(export))
    with rasterio.open(folder / "here.tif") as raster:
        box = transform_bounds(raster.crs, "EPSG:4326", *raster.bounds)
    assert np.allclose(item["bbox"], box, atol=1e-6)
    update_index(str(export), SourceKind.GEOPARQUET, tmp_path / "again.sqlite")
    assert [entry.id for entry in entries_of(tmp_path / "again.sqlite")] == ["here"]
