"""Expression graphs for tests: values, JSON nodes, and the evaluation of graphs over images without files.

Tests write a graph in one of two ways. ``call``, ``function``, ``argument`` and ``load`` make values, and ``graph``
writes them as the clients do. Tests of the JSON itself write nodes under their own keys, with ``call_node`` and the
other functions of that name.
"""

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
class Value:
    """A value of a graph that is not a constant.

    Attributes:
        kind: of the message, such as ``functionInvocationValue``.
        content: of the message, with values in place of nodes.
    """

    kind: str
    content: Any


def call(name: str | Value, /, **arguments: Any) -> Value:
    """Return a call of a function of the server, or of a function that is a value of the graph."""
    return Value("functionInvocationValue", (name, arguments))


def function(*names: str, body: Any) -> Value:
    """Return the definition of a function."""
    return Value("functionDefinitionValue", (names, body))


def argument(name: str) -> Value:
    """Return a reference to an argument of an enclosing function."""
    return Value("argumentReference", name)


def load(image_id: str) -> Value:
    """Return an image of the catalog."""
    return call("Image.load", id=image_id)


def graph(result: Any) -> dict[str, Any]:
    """Return the JSON of the graph of a value or constant. A value that is used twice is written once."""
    writer = _Writer()
    return {"result": writer.key_of(result), "values": writer.values}


class _Writer:
    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self._keys: dict[int, str] = {}

    def key_of(self, value: Any) -> str:
        """Return the key of a value, and write the value if this is the first call for it."""
        if id(value) not in self._keys:
            key = self._keys[id(value)] = str(len(self._keys))
            self.values[key] = self._whole(value)
        return self._keys[id(value)]

    def _whole(self, value: Any) -> dict[str, Any]:
        if isinstance(value, Value) and value.kind == "functionDefinitionValue":
            names, body = value.content
            return {value.kind: {"argumentNames": list(names), "body": self.key_of(body)}}
        if isinstance(value, Value) and value.kind == "functionInvocationValue":
            name, arguments = value.content
            target = {"functionReference": self.key_of(name)} if isinstance(name, Value) else {"functionName": name}
            return {value.kind: target | {"arguments": {key: self._node(item) for key, item in arguments.items()}}}
        return self._node(value)

    def _node(self, value: Any) -> dict[str, Any]:
        if isinstance(value, Value):
            if value.kind == "argumentReference":
                return {value.kind: value.content}
            return {"valueReference": self.key_of(value)}
        if isinstance(value, list) and _contains_value(value):
            return {"arrayValue": {"values": [self._node(item) for item in value]}}
        if isinstance(value, dict) and _contains_value(value):
            return {"dictionaryValue": {"values": {key: self._node(item) for key, item in value.items()}}}
        return {"constantValue": value}


def _contains_value(value: Any) -> bool:
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return isinstance(value, Value) or any(map(_contains_value, items))


def call_node(name: str, /, **arguments: Any) -> dict[str, Any]:
    """Return the JSON node of a call; arguments are nodes."""
    return {"functionInvocationValue": {"functionName": name, "arguments": arguments}}


def constant_node(value: Any) -> dict[str, Any]:
    """Return the JSON node of a constant."""
    return {"constantValue": value}


def reference_node(key: object) -> dict[str, Any]:
    """Return the JSON node of a reference to the value under a key."""
    return {"valueReference": str(key)}


def array_node(*items: dict[str, Any]) -> dict[str, Any]:
    """Return the JSON node of a list of nodes."""
    return {"arrayValue": {"values": list(items)}}


def argument_node(name: str) -> dict[str, Any]:
    """Return the JSON node of a reference to an argument."""
    return {"argumentReference": name}


def function_node(names: list[str], body: str) -> dict[str, Any]:
    """Return the JSON node of a function definition; ``body`` is the key of its value."""
    return {"functionDefinitionValue": {"argumentNames": names, "body": body}}


def node_graph(result: dict[str, Any], **values: dict[str, Any]) -> dict[str, Any]:
    """Return the JSON of a graph of nodes: the result under the key "result", the others under their own."""
    return {"result": "result", "values": {"result": result, **values}}


UTM = Projection(CRS("EPSG:32610"), Affine(10, 0, 500000, 0, -10, 4200000))


def image(*names: str, id: str | None = None, projection: Projection = UTM, **properties: Any) -> ImageValue:  # noqa: A002
    """Return an image of 100 x 100 pixels. The pixels of a band are its index; ``__`` in properties is a colon."""
    bands = [
        BandValue(name, PixelType("int", 0, 65535), nodes.Constant(index, "uint16"), projection, (0, 0, 100, 100))
        for index, name in enumerate(names or ("B1",))
    ]
    return ImageValue(bands, {key.replace("__", ":"): value for key, value in properties.items()}, id)


@dataclass
class World:
    """Images and collections by id, without pixels. It records the images that were requested.

    Attributes:
        images, collections: by id.
        requests: ids of images, in the order of the calls of ``image``.
    """

    images: Mapping[str, ImageValue] = field(default_factory=dict)
    collections: Mapping[str, Sequence[ImageValue]] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)

    def image(self, image_id: str) -> ImageValue:
        self.requests.append(image_id)
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
    """Return the value of a graph that was converted to JSON and back."""
    return evaluate_graph(read_graph(json.loads(json.dumps(graph(result)))), world or World())


def told(result: Any, world: World | None = None) -> Any:
    """Return the answer to a client that requests the value of a graph."""
    return json.loads(json.dumps(answer(evaluated(result, world))))


def refused(result: Any, world: World | None = None) -> str:
    """Return the message of the error for a graph."""
    try:
        value = answer(evaluated(result, world))
    except InvalidExpression as error:
        return str(error)
    raise AssertionError(f"no error, the value is {value!r}")
