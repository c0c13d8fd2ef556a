"""Graphs of expressions written in tests, as the clients write them, and a world of images without files."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from affine import Affine
from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox

from rasterwire.errors import InvalidExpression
from rasterwire.expression.answer import answer
from rasterwire.expression.evaluation import evaluate_graph
from rasterwire.expression.language.graph import read_graph
from rasterwire.expression.language.values import BandValue, CollectionValue, ImageValue, Projection
from rasterwire.nodes import nodes
from rasterwire.nodes.pixel_type import PixelType
from rasterwire.pixels import Pixels, Window


@dataclass(frozen=True, eq=False)
class Made:
    """A value of a graph that is not a constant.

    Attributes:
        kind: of the message, such as ``functionInvocationValue``.
        content: of the message, with ``Made`` values in place of nodes.
    """

    kind: str
    content: Any


def call(name: str | Made, /, **arguments: Any) -> Made:
    """Return a call of a function of the server, or of a value of the graph."""
    return Made("functionInvocationValue", (name, arguments))


def function(*names: str, body: Any) -> Made:
    """Return the definition of a function."""
    return Made("functionDefinitionValue", (names, body))


def argument(name: str) -> Made:
    """Return a reference to an argument of a function around it."""
    return Made("argumentReference", name)


def graph(result: Any) -> dict[str, Any]:
    """Return the JSON of a graph; a value that is used twice is written once, as the clients do."""
    writer = _Writer()
    return {"result": writer.key_of(result), "values": writer.values}


class _Writer:
    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self._keys: dict[int, str] = {}

    def key_of(self, value: Any) -> str:
        """Return the key of a value, which is written the first time it is asked for."""
        if id(value) not in self._keys:
            key = self._keys[id(value)] = str(len(self._keys))
            self.values[key] = self._whole(value)
        return self._keys[id(value)]

    def _whole(self, value: Any) -> dict[str, Any]:
        if isinstance(value, Made) and value.kind == "functionDefinitionValue":
            names, body = value.content
            return {value.kind: {"argumentNames": list(names), "body": self.key_of(body)}}
        if isinstance(value, Made) and value.kind == "functionInvocationValue":
            name, arguments = value.content
            who = {"functionReference": self.key_of(name)} if isinstance(name, Made) else {"functionName": name}
            return {value.kind: who | {"arguments": {key: self._node(given) for key, given in arguments.items()}}}
        return self._node(value)

    def _node(self, value: Any) -> dict[str, Any]:
        if isinstance(value, Made):
            if value.kind == "argumentReference":
                return {value.kind: value.content}
            return {"valueReference": self.key_of(value)}
        if isinstance(value, list) and _holds_made(value):
            return {"arrayValue": {"values": [self._node(item) for item in value]}}
        if isinstance(value, dict) and _holds_made(value):
            return {"dictionaryValue": {"values": {key: self._node(item) for key, item in value.items()}}}
        return {"constantValue": value}


def _holds_made(value: Any) -> bool:
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return isinstance(value, Made) or any(map(_holds_made, items))


UTM = Projection(CRS("EPSG:32610"), Affine(10, 0, 500000, 0, -10, 4200000))


def image(*names: str, id: str | None = None, projection: Projection = UTM, **properties: Any) -> ImageValue:  # noqa: A002
    """Return an image of 100 x 100 pixels whose bands hold their number; properties have ``__`` for a colon."""
    bands = [
        BandValue(name, PixelType("int", 0, 65535), nodes.Constant(at, "uint16"), projection, (0, 0, 100, 100))
        for at, name in enumerate(names or ("B1",))
    ]
    return ImageValue(bands, {key.replace("__", ":"): value for key, value in properties.items()}, id)


@dataclass
class World:
    """Images and collections by id, without a pixel; counts what it is asked for.

    Attributes:
        images, collections: by id.
        asked: ids of images, in the order they were asked for.
    """

    images: Mapping[str, ImageValue] = field(default_factory=dict)
    collections: Mapping[str, Sequence[ImageValue]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def image(self, image_id: str) -> ImageValue:
        self.asked.append(image_id)
        if image_id not in self.images:
            raise InvalidExpression(f"Image asset '{image_id}' not found.")
        return self.images[image_id]

    def collection(self, collection_id: str) -> CollectionValue:
        if collection_id not in self.collections:
            raise InvalidExpression(f"ImageCollection asset '{collection_id}' not found.")
        return CollectionValue(tuple(self.collections[collection_id]), of_images=True, id=collection_id)

    def pixels(self, nodes: Sequence[Any], grid: GeoBox, windows: Sequence[Window]) -> Iterator[list[Pixels]]:
        raise AssertionError("no pixel is needed for values")


def evaluated(result: Any, world: World | None = None) -> Any:
    """Return the value of a graph, which goes through JSON first."""
    return evaluate_graph(read_graph(json.loads(json.dumps(graph(result)))), world or World())


def told(result: Any, world: World | None = None) -> Any:
    """Return what a client is told of the value of a graph."""
    return json.loads(json.dumps(answer(evaluated(result, world))))


def refused(result: Any, world: World | None = None) -> str:
    """Return the sentence with which a graph is refused."""
    try:
        value = answer(evaluated(result, world))
    except InvalidExpression as error:
        return str(error)
    raise AssertionError(f"it was not refused, but is {value!r}")
