"""A STAC API for tests: over a list of items, with as much of the standard as a test wants, and with faults."""

import json
import random
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

import shapely

from listed import ListedCatalog, random_images
from rasterwire.catalog.items import footprint_of_item
from rasterwire.image import Image

Json = dict[str, Any]

CORE = ("https://api.stacspec.org/v1.0.0/core", "https://api.stacspec.org/v1.0.0/item-search")
FILTER = (
    "https://api.stacspec.org/v1.0.0/item-search#filter",
    "http://www.opengis.net/spec/cql2/1.0/conf/cql2-json",
    "http://www.opengis.net/spec/cql2/1.0/conf/basic-cql2",
)
LIKE = ("http://www.opengis.net/spec/cql2/1.0/conf/advanced-comparison-operators",)
SORT = ("https://api.stacspec.org/v1.0.0/item-search#sort",)
FIELDS = ("https://api.stacspec.org/v1.0.0/item-search#fields",)
FULL = (*CORE, *FILTER, *LIKE, *SORT, *FIELDS)


@dataclass
class StacDouble:
    """What the API is like; a test may change it at any time.

    Attributes:
        address: of its landing page.
        items: in the order of the API; of any collection.
        conforms: its conformance classes.
        matched: whether it tells how many items there are.
        most: items of a page.
        refuses: a status for searches that fulfil a test, such as those with a filter.
        answer: replaces the answer to a request by a status, headers and a body; None leaves it.
        numbers: properties that it declares as numbers.
        files: by path, served as they are, in ranges.
        requests: method, path and body of each.
        order: the key by which it sorts ids.
    """

    items: list[Json] = field(default_factory=list)
    conforms: Sequence[str] = FULL
    matched: bool = True
    most: int = 1000
    refuses: Callable[[Json], int] = lambda _body: 0
    answer: Callable[[str, str], tuple[int, Mapping[str, str], bytes] | None] = lambda _method, _path: None
    numbers: Sequence[str] = ()
    files: dict[str, bytes] = field(default_factory=dict)
    requests: list[tuple[str, str, Json]] = field(default_factory=list)
    order: Callable[[str], Any] = lambda text: text
    address: str = ""

    @property
    def searches(self) -> list[Json]:
        """The bodies of searches, in their order."""
        return [body for _, path, body in self.requests if path == "/stac/search"]

    def get(self, path: str) -> tuple[int, Json]:
        """Answer a GET below the landing page."""
        parts = [unquote(part) for part in path.split("/") if part]
        match parts:
            case ["stac"]:
                return 200, {"type": "Catalog", "id": "double", "conformsTo": list(self.conforms), "links": []}
            case ["stac", "collections", _, "queryables"]:
                return 200, {"properties": {name: {"type": "number"} for name in self.numbers}}
            case ["stac", "collections", collection, "items", item_id]:
                for item in self.items:
                    if (item["collection"], item["id"]) == (collection, item_id):
                        return 200, item
            case _:
                pass
        return 404, {"code": "NotFound"}

    def search(self, body: Json) -> tuple[int, Json]:
        """Answer a search."""
        if status := self.refuses(body):
            return status, {"code": "no", "description": "password=secret"}
        token = int(body.get("token", 0))
        found = [item for item in self.items if self._matches(item, body)]
        for order in reversed(body.get("sortby", []) if set(SORT) <= set(self.conforms) else []):
            found.sort(key=self._key(order["field"]), reverse=order["direction"] == "desc")
        limit = min(self.most, int(body.get("limit", 10)))
        page = found[token : token + limit]
        links: list[Json] = [{"rel": "self", "href": f"{self.address}/search"}]
        if token + limit < len(found):
            following = {"token": token + limit, "limit": limit}
            links.append(
                {"rel": "next", "href": f"{self.address}/search", "method": "POST", "body": following, "merge": True}
            )
        excluded = body.get("fields", {}).get("exclude", []) if set(FIELDS) <= set(self.conforms) else []
        features = [{name: value for name, value in item.items() if name not in excluded} for item in page]
        answer: Json = {"type": "FeatureCollection", "features": features, "links": links}
        return 200, answer | ({"numberMatched": len(found)} if self.matched else {})

    def _key(self, name: str) -> Callable[[Json], Any]:
        def key(item: Json) -> Any:
            return self.order(item["id"]) if name == "id" else item["properties"]["datetime"]

        return key

    def _matches(self, item: Json, body: Json) -> bool:
        if item["collection"] not in body["collections"] or item["id"] not in body.get("ids", [item["id"]]):
            return False
        time = _time(item["properties"]["datetime"])
        first, _, last = body.get("datetime", "../..").partition("/")
        if (first != ".." and time < _time(first)) or (last != ".." and time > _time(last)):
            return False
        area = shapely.box(*body["bbox"]) if "bbox" in body else None
        area = shapely.from_geojson(json.dumps(body["intersects"])) if "intersects" in body else area
        if area is not None and not area.intersects(shapely.from_geojson(json.dumps(item["geometry"]))):
            return False
        return (
            not set(FILTER) <= set(self.conforms) or "filter" not in body or self._holds(body["filter"], item) is True
        )

    def _holds(self, node: Any, item: Json) -> Any:
        """Return the value of a node of CQL2: null where an operand is, or where the types differ."""
        if not isinstance(node, dict):
            return node
        if "property" in node:
            name = node["property"]
            return self.order(item["id"]) if name == "id" else item["properties"].get(name)
        values = [self._holds(part, item) for part in node["args"]]
        match node["op"]:
            case "and":
                return False if False in values else None if None in values else True
            case "or":
                return True if True in values else None if None in values else False
            case "not":
                return None if values[0] is None else not values[0]
            case "isNull":
                return values[0] is None
            case "like":
                return None if not isinstance(values[0], str) else _is_like(values[0], values[1])
            case operator:
                a, b = values[0], self.order(values[1]) if node["args"][0] == {"property": "id"} else values[1]
                if (
                    isinstance(a, bool)
                    or type(a) not in {type(b), int, float}
                    or isinstance(a, str) != isinstance(b, str)
                ):
                    return None
                return {"=": a == b, "<": a < b, ">": a > b, "<=": a <= b, ">=": a >= b}[operator]


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _is_like(text: str, pattern: str) -> bool:
    """Match a text and a pattern by hand, without regard to escapes."""
    if not pattern:
        return not text
    if pattern[0] == "%":
        return any(_is_like(text[cut:], pattern[1:]) for cut in range(len(text) + 1))
    return bool(text) and pattern[0] in {"_", text[0]} and _is_like(text[1:], pattern[1:])


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    double: StacDouble


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body of an answer go together
    server: _Server

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""

    def _send(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _answer(self, body: Json) -> None:
        double, path = self.server.double, urlsplit(self.path).path
        double.requests.append((self.command, path, body))
        replaced = double.answer(self.command, path)
        if replaced is not None:
            self._send(*replaced)
        elif path in double.files:
            self._send_file(double.files[path])
        elif path == "/stac/search":
            self._send_json(*double.search(body))
        else:
            self._send_json(*double.get(path))

    def _send_json(self, status: int, document: Json) -> None:
        self._send(status, {"Content-Type": "application/geo+json"}, json.dumps(document).encode())

    def _send_file(self, data: bytes) -> None:
        etag = f'"{hash(data)}"'
        first, _, last = self.headers.get("Range", "").removeprefix("bytes=").partition("-")
        if not first:
            self._send(200, {"ETag": etag, "Accept-Ranges": "bytes"}, data)
            return
        end = min(int(last or len(data)), len(data) - 1)
        span = f"bytes {first}-{end}/{len(data)}"
        self._send(206, {"ETag": etag, "Content-Range": span}, data[int(first) : end + 1])

    def do_GET(self) -> None:
        self._answer({})

    def do_POST(self) -> None:
        self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))


@contextmanager
def stac_double() -> Iterator[StacDouble]:
    """Run a STAC API while the context is open."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.double = StacDouble(address=f"http://127.0.0.1:{server.server_port}/stac")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.double
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def item_of(item_id: str, collection: str = "c", **fields: Any) -> Json:
    """Return a STAC item of a small square without assets.

    Args:
        item_id: its id.
        collection: its collection.
        fields: others, or in place of those.
    """
    ring = [[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]
    item = {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": item_id,
        "collection": collection,
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "bbox": [0, 0, 1, 1],
        "properties": {"datetime": "2020-01-01T00:00:00Z"},
        "links": [],
        "assets": {},
    }
    return item | fields


def items_at_random(chance: random.Random, count: int) -> tuple[list[Json], ListedCatalog]:
    """Return items in any order, and the same as images."""
    names = [f"{chance.choice(['S2A_', 's2%', 'B-', 'x.'])}{number:03}" for number in range(count)]
    items, images = [], []
    for image in random_images(chance, names, [""]):
        if image.start_time is None or image.footprint is None:
            continue  # no item is without a time
        west, south, east, north = image.footprint.geometry.bounds
        ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
        properties = {**image.properties, "datetime": image.start_time.isoformat()}
        geometry = {"type": "Polygon", "coordinates": [ring]}
        item = item_of(image.id, geometry=geometry, bbox=[west, south, east, north], properties=properties)
        items.append(item)
        images.append(
            Image(image.id, (), image.start_time, properties, footprint=footprint_of_item(item), without_rasters=True)
        )
    items.append(item_of("of another", "d"))
    chance.shuffle(items)
    return items, ListedCatalog(images)
