"""Measures the real server over an index of many STAC items, and prints each figure beside its limit.

    python tests/benchmarks/catalog_server.py [--items 1000000] [--folder FOLDER]

The index is that of ``catalog.py``, which is built where FOLDER has none. The files of the items are on a server of
this program that has none of them, and counts how often it is asked. On a machine that others use too, the time of the
processor tells more than that of the clock.
"""

import argparse
import http.client
import json
import random
import statistics
import sys
import tempfile
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # this folder is the package `benchmarks`

from benchmarks.catalog import COLLECTION, EPOCH, bar, build, item, places
from benchmarks.processes import Tree, answers, free_port, server
from graphs import Value, call, graph
from rasterwire.catalog.index import IndexStore
from rasterwire.client import Client, DownloadFailed
from rasterwire.query import Query

PREFIX = "S2"
WALKED = 3
"""Questions whose answers are counted by a walk through all items as well."""

_SERVE = "import sys; from rasterwire.cli import main; sys.argv[0] = 'rasterwire'; main()"


@dataclass
class Asked:
    """What the server of the files was asked."""

    address: str
    count: int = 0


@contextmanager
def no_files() -> Iterator[Asked]:
    """Run an object store that has nothing, and count what it is asked."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            asked.count += 1
            self.send_response(404)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_HEAD = do_GET  # noqa: N815  the name is that of http.server

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listener:
        asked = Asked(f"http://127.0.0.1:{listener.server_address[1]}")
        thread = threading.Thread(target=listener.serve_forever)
        thread.start()
        try:
            yield asked
        finally:
            listener.shutdown()
            thread.join()


@dataclass(frozen=True)
class Served:
    """A running server, as its clients and this machine see it.

    Attributes:
        tree: its processes.
        client: of gRPC.
        web: a connection of HTTP.
        asked: what it asked of the files.
        start_seconds: from its start to its first answer.
    """

    tree: Tree
    client: Client
    web: http.client.HTTPConnection
    asked: Asked
    start_seconds: float

    def get(self, path: str, **query: str | int) -> Any:
        """Return the JSON of a GET."""
        return self._asked("GET", f"{path}?{urllib.parse.urlencode(query)}", None)

    def value(self, expression: Value) -> Any:
        """Return the value of an expression, by the door of Earth Engine."""
        body = json.dumps({"expression": graph(expression)})
        return self._asked("POST", "/v1/projects/any/value:compute", body)["result"]

    def _asked(self, method: str, path: str, body: str | None) -> Any:
        self.web.request(method, path, body, {"Content-Type": "application/json"})
        answer = self.web.getresponse()
        document = json.loads(answer.read())
        if answer.status != 200:
            raise RuntimeError(f"{answer.status}: {json.dumps(document)[:500]}")
        return document


@contextmanager
def served(index: Path, scratch: Path) -> Iterator[Served]:
    """Run a server over an index."""
    ports = free_port(), free_port()
    with no_files() as asked:
        config = scratch / "rasterwire.toml"
        config.write_text(
            f'grpc_port = {ports[0]}\nhttp_port = {ports[1]}\nstate_dir = "{scratch / "state"}"\n'
            f'[[catalogs]]\nprefix = "{PREFIX}"\nkind = "index"\nsource = "{index}"\ncollection = "{COLLECTION}"\n'
            f'[[sources]]\nprefix = "s3://sentinel-cogs/"\nendpoint = "{asked.address}"\n'
            'region = "us-east-1"\ncredentials = "anonymous"\nretries = 0\n'
        )
        command = [sys.executable, "-c", _SERVE, "serve", "--config", str(config)]
        with Client(f"127.0.0.1:{ports[0]}", timeout=600) as client:
            start = time.perf_counter()

            def is_up() -> bool:
                # by HTTP: a client of gRPC pauses for up to 2 s before it tries to connect again
                return answers(f"http://127.0.0.1:{ports[1]}/v1/images?prefix={PREFIX}&page_size=1")

            with server(command, is_up, scratch / "server.log") as tree:
                seconds = time.perf_counter() - start
                web = http.client.HTTPConnection("127.0.0.1", ports[1], timeout=600)
                yield Served(tree, client, web, asked, seconds)
                web.close()


def measured(it: Served, name: str, runs: int, limit: float, ask: Callable[[int], object]) -> None:
    """Ask many times, and print the time of an answer, that of the server's processors, and what it asked of files."""
    times = []
    asked, processor = it.asked.count, it.tree.cpu_seconds()
    for run in range(runs):
        start = time.perf_counter()
        ask(run)
        times.append((time.perf_counter() - start) * 1000)
    processor = (it.tree.cpu_seconds() - processor) * 1000 / runs
    median, highest = statistics.median(times), sorted(times)[min(runs - 1, round(0.99 * runs))]
    print(f"    {name}: median {median:.1f} ms, p99 {highest:.1f} ms; processor of the server {processor:.1f} ms each")
    bar(f"{name}, median", median, limit, "ms")
    if it.asked.count != asked:
        bar(f"{name}, files asked for", it.asked.count - asked, 0)


def dated(values: Value, start: datetime, end: datetime) -> Value:
    """Return what clients write for filterDate."""
    dates = call("DateRange", start=start.isoformat()[:19], end=end.isoformat()[:19])
    return filtered(values, call("Filter.dateRangeContains", leftValue=dates, rightField="system:time_start"))


def bounded(values: Value, west: float, south: float, east: float, north: float) -> Value:
    """Return what clients write for filterBounds."""
    ring = [[west, south], [east, south], [east, north], [west, north]]
    shape = call("GeometryConstructors.Polygon", coordinates=[ring], evenOdd=True)
    return filtered(values, call("Filter.intersects", leftField=".all", rightValue=call("Feature", geometry=shape)))


def filtered(values: Value, condition: Value) -> Value:
    """Return what clients write for filter."""
    return call("Collection.filter", collection=values, filter=condition)


def clear(values: Value, limit: float) -> Value:
    """Return what clients write for filterMetadata of few clouds."""
    return filtered(values, call("Filter.lessThan", leftField="eo:cloud_cover", rightValue=limit))


@dataclass(frozen=True)
class Question:
    """A time and a place with about 100 images."""

    start: datetime
    end: datetime
    west: float
    south: float
    east: float
    north: float

    @classmethod
    def at_random(cls, rng: random.Random, tiles: list[tuple[float, float, int, str]], per_place: float) -> "Question":
        """Return one; ``per_place`` is the images of a place in eight years."""
        years = min(8.0, 8.0 * 100 / (1.6 * per_place))
        start = EPOCH + timedelta(days=int(rng.uniform(0, 8 - years) * 365))
        west, north, _, _ = rng.choice(tiles)
        end = start + timedelta(days=int(years * 365))
        sides = round(west + 0.2, 3), round(north - 1.99, 3), min(round(west + 1.2, 3), 179.9), round(north - 0.1, 3)
        return cls(start, end, *sides)

    def of(self, values: Value) -> Value:
        """Return the images of a collection."""
        return bounded(dated(values, self.start, self.end), self.west, self.south, self.east, self.north)

    def text(self) -> str:
        """Return the filter of a list of assets."""
        ring = [[self.west, self.south], [self.east, self.south], [self.east, self.north], [self.west, self.north]]
        shape = json.dumps({"type": "Polygon", "coordinates": [[*ring, ring[0]]]}).replace('"', "'")
        times = (f"{self.start:%Y-%m-%dT%H:%M:%SZ}", f"{self.end:%Y-%m-%dT%H:%M:%SZ}")
        return f'startTime >= "{times[0]}" AND startTime < "{times[1]}" AND intersects("{shape}")'

    def holds(self, document: dict[str, Any]) -> bool:
        """Tell whether an item is one, by its box, which is its outline."""
        west, south, east, north = document["bbox"]
        taken = datetime.fromisoformat(document["properties"]["datetime"])
        return (
            self.start <= taken < self.end
            and west <= self.east
            and self.west <= east
            and south <= self.north
            and self.south <= north
        )


def measure(index: Path, scratch: Path, count: int) -> None:
    """Print all figures of the server over an index."""
    rng = random.Random(9)
    tiles = places()
    ids = [str(item(rng.randrange(count), count, tiles)["id"]) for _ in range(500)]
    questions = [Question.at_random(rng, tiles, max(1.0, count / 5000)) for _ in range(200)]
    collection = call("ImageCollection.load", id=PREFIX)
    expected = sizes_of(questions[:WALKED], count, tiles)
    with served(index, scratch) as it:
        print(f"    time of the processor until then: {it.tree.cpu_seconds():.1f} s")
        bar("first answer after the start of the server", it.start_seconds, 2, "s")
        lists(it, ids, questions)
        expressions(it, collection, questions, expected)
        errors(it, ids)
        bar("memory of the server", it.tree.peak_bytes() / 1e6, 500, "MB")


def sizes_of(questions: list[Question], count: int, tiles: list[tuple[float, float, int, str]]) -> list[int]:
    """Return how many items each question has, by a walk through all."""
    sizes = [0] * len(questions)
    # an item of a place is near another by its number; all else of it is not looked at
    for place, (west, north, _, _) in enumerate(tiles):
        near = [q for q in questions if q.west - 40 <= west <= q.east and q.south <= north <= q.north + 1]
        for number in range(place, count, len(tiles)) if near else ():
            document = item(number, count, tiles)
            for position, question in enumerate(questions):
                sizes[position] += question.holds(document)
    return sizes


def lists(it: Served, ids: list[str], questions: list[Question]) -> None:
    """Print the figures of lists."""

    def page(prefix: str, size: int) -> list[Any]:
        images = list(islice(it.client.list_images(f"{PREFIX}/{prefix}"), size))
        assert images
        assert all(image.id.startswith(f"{PREFIX}/{prefix}") for image in images)
        return images

    measured(it, "ListImages, a page of 100 behind a prefix of ids", 200, 50, lambda run: page(ids[run][:9], 100))
    measured(it, "ListImages, one image by its id", 200, 20, lambda run: page(ids[run], 1))

    def web_page(run: int) -> None:
        answer = it.get("/v1/images", prefix=f"{PREFIX}/{ids[run][:9]}", page_size=100)
        assert answer["images"]

    measured(it, "GET /v1/images, a page of 100", 200, 50, web_page)

    def assets(run: int) -> None:
        it.get(f"/v1/projects/any/assets/{PREFIX}:listAssets", view="BASIC", filter=questions[run].text(), pageSize=100)

    measured(it, "list of assets with a filter of time and bounds", 200, 100, assets)


def expressions(it: Served, collection: Value, questions: list[Question], expected: list[int]) -> None:
    """Print the figures of expressions; ``expected`` are the sizes of the first questions."""
    sizes = [call("Collection.size", collection=question.of(collection)) for question in questions]
    found: list[int] = []
    measured(it, "filterDate + filterBounds + size", 200, 200, lambda run: found.append(it.value(sizes[run])))
    wrong = sum(has != size for has, size in zip(found, expected, strict=False))
    bar(f"sizes that are not those of {len(expected)} walks through all items", wrong, 0)
    print(f"    images of an answer: {statistics.mean(found):.0f} on average")
    first = call("Collection.first", collection=collection)
    newest = call(
        "Collection.limit",
        collection=call("Collection.limit", collection=collection, key="system:time_start", ascending=False),
        limit=5,
    )
    times = call("AggregateFeatureCollection.array", collection=newest, property="system:time_start")
    ident = call("Element.getString", object=first, property="system:index")
    measured(it, "first", 50, 100, lambda _: it.value(ident))
    measured(it, "sort by time and limit(5)", 50, 100, lambda _: it.value(times))
    few = call("Collection.size", collection=clear(questions[0].of(collection), 20))
    measured(it, "filterDate + filterBounds + filterMetadata + size", 50, 200, lambda _: it.value(few))
    whole = call("Collection.size", collection=collection)
    all_clear = call("Collection.size", collection=clear(collection, 20))
    clearest = call("Collection.limit", collection=collection, limit=5, key="eo:cloud_cover", ascending=True)
    clouds = call("AggregateFeatureCollection.array", collection=clearest, property="eo:cloud_cover")
    measured(it, "filterMetadata + size of the whole collection", 1, 3_000, lambda _: it.value(all_clear))
    measured(it, "sort by another property of the whole collection", 1, 300_000, lambda _: it.value(clouds))
    measured(it, "size of the collection", 5, 1000, lambda _: it.value(whole))


def errors(it: Served, ids: list[str]) -> None:
    """Print the figures of what there is not."""

    def refused(image_id: str, wanted: str) -> None:
        try:
            it.client.get_image(image_id)
        except DownloadFailed as error:
            assert wanted in str(error), error
        else:
            raise AssertionError(image_id)

    measured(it, "GetImage of a misspelt id", 100, 20, lambda run: refused(f"{PREFIX}/{ids[run][:-1]}", "did you mean"))


def main() -> None:
    """Measure as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, help="where catalog.py keeps its index")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.folder or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        index = folder / f"items-{options.items}.sqlite"
        if not index.exists() or IndexStore(index).count(Query()) != options.items:
            build(index, options.items)
        measure(index, Path(scratch), options.items)


if __name__ == "__main__":
    main()
