"""Graphs of values: reading them from JSON, and checking their form.

Source of the form: Earth Engine's Expression message, https://developers.google.com/earth-engine/reference/rest/Shared.Types/Expression
"""

import base64
import binascii
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rasterwire.errors import InvalidExpression

_MOST_DIGITS = 20

_MOST_FREE = 60
"""Arguments of functions around it that one value may depend on."""

MAX_DEPTH = 100
"""Of values written within each other; references start anew."""

MAX_VALUES = 100_000
"""In an expression; more would take long to be read before anything could be said of them."""


@dataclass(frozen=True, slots=True)
class Constant:
    """Any JSON value, or bytes."""

    value: Any


@dataclass(frozen=True, slots=True)
class Array:
    """A list of values."""

    items: tuple["GraphNode", ...]


@dataclass(frozen=True, slots=True)
class Record:
    """Values by name."""

    items: Mapping[str, "GraphNode"]


@dataclass(frozen=True, slots=True)
class Reference:
    """Another value of the graph."""

    key: str


@dataclass(frozen=True, slots=True)
class ArgumentReference:
    """An argument of a function around it."""

    name: str


@dataclass(frozen=True, slots=True)
class Definition:
    """A function; its body is a value of the graph."""

    names: tuple[str, ...]
    body: str


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a function of the server by name, or of a value of the graph by key."""

    name: str | None
    reference: str | None
    arguments: Mapping[str, "GraphNode"]


GraphNode = Constant | Array | Record | Reference | ArgumentReference | Definition | Call


@dataclass(frozen=True, slots=True, eq=False)
class Graph:
    """A graph whose references all lead somewhere, and never in a circle.

    Attributes:
        result: key of the result.
        values: by key; those the result needs.
        free: names of arguments that a value takes from the functions around it, by key.
    """

    result: str
    values: Mapping[str, GraphNode]
    free: Mapping[str, frozenset[str]]

    @property
    def made_by(self) -> str:
        """The name of the function that makes the result; "" where none of the server's does."""
        node = self.values[self.result]
        while isinstance(node, Reference):
            node = self.values[node.key]
        return node.name or "" if isinstance(node, Call) else ""


def read_graph(document: object) -> Graph:
    """Return the graph of a JSON document.

    Raises:
        InvalidExpression: it is none.
    """
    if not isinstance(document, dict) or not isinstance(document.get("values"), dict):
        raise InvalidExpression("an expression is an object with 'result' and 'values'")
    result, written = document.get("result"), document["values"]
    if not isinstance(result, str) or not result:
        raise InvalidExpression("an expression names its 'result', a key of 'values'")
    room = _Room()
    room.take(len(written))
    values: dict[str, GraphNode] = {}
    references: dict[str, list[str]] = {}
    free: dict[str, frozenset[str]] = {}
    sets: dict[frozenset[str], frozenset[str]] = {}
    begun: set[str] = set()
    stack = [result]
    while stack:
        key = stack[-1]
        if key in free:
            stack.pop()
            continue
        if key not in values:
            if key not in written:
                raise InvalidExpression(f"value {_short(key)} is referred to, but is not in 'values'")
            try:
                values[key] = _node(written[key], 1, room)
            except InvalidExpression as error:
                if room.left < 0:
                    raise
                raise InvalidExpression(f"value {_short(key)}: {error.problem}") from None
            begun.add(key)
            references[key] = _references(values[key])
            waiting = [other for other in references[key] if other not in free]
            circle = next((other for other in waiting if other in begun), None)
            if circle is not None:
                raise InvalidExpression(f"value {_short(circle)} refers to itself, by way of {_short(key)}")
            stack.extend(waiting)
            if waiting:
                continue
        waiting = [other for other in references[key] if other not in free]
        if waiting:
            circle = next((other for other in waiting if other in begun), None)
            raise InvalidExpression(f"value {_short(circle or key)} refers to itself, by way of {_short(key)}")
        names = _free(values[key], free)
        if len(names) > _MOST_FREE:
            raise InvalidExpression(f"value {_short(key)} depends on more than {_MOST_FREE} arguments around it")
        free[key] = sets.setdefault(names, names)
        begun.discard(key)
        stack.pop()
    return Graph(result, values, free)


class _Room:
    """What an expression may still have of values."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = MAX_VALUES

    def take(self, count: int) -> None:
        self.left -= count
        if self.left < 0:
            raise InvalidExpression(f"an expression of more than {MAX_VALUES} values is too large")


def _node(written: object, depth: int, room: _Room) -> GraphNode:
    if depth > MAX_DEPTH:
        raise InvalidExpression(f"values are written more than {MAX_DEPTH} deep within each other; use references")
    if not isinstance(written, dict) or len(written) != 1:
        kinds = f"one with {', '.join(map(_short, list(written)[:3])) or 'none'}" if isinstance(written, dict) else None
        raise InvalidExpression(f"a value is an object with exactly one kind, and not {kinds or _short(written)}")
    ((kind, content),) = written.items()
    if kind == "constantValue":  # as most are
        return Constant(content)
    match kind, content:
        case "integerValue", str() | int():
            try:
                if len(str(content)) > _MOST_DIGITS:
                    raise ValueError
                return Constant(int(content))
            except ValueError:
                raise InvalidExpression(f"integerValue {_short(content)} is not a whole number of 64 bits") from None
        case "bytesValue", str():
            try:
                return Constant(base64.b64decode(content, validate=True))
            except binascii.Error:
                raise InvalidExpression("bytesValue is not base64") from None
        case "arrayValue", dict():
            items = content.get("values") or []
            if isinstance(items, list):
                room.take(len(items))
                return Array(tuple([_node(item, depth + 1, room) for item in items]))
        case "dictionaryValue", dict():
            return Record(_nodes(content.get("values") or {}, depth, room))
        case "valueReference", str():
            return Reference(content)
        case "argumentReference", str():
            return ArgumentReference(content)
        case "functionDefinitionValue", {"body": str(body)}:
            names = content.get("argumentNames") or []
            if isinstance(names, list) and all(isinstance(name, str) for name in names):
                return Definition(tuple(names), body)
        case "functionInvocationValue", dict():
            name, reference = content.get("functionName"), content.get("functionReference")
            if isinstance(name, str) != isinstance(reference, str):
                return Call(name, reference, _nodes(content.get("arguments") or {}, depth, room))
        case _:
            pass
    raise InvalidExpression(f"{_short(kind)} is no kind of value, or not written as one: {_short(content)}")


def _nodes(written: object, depth: int, room: _Room) -> dict[str, GraphNode]:
    if not isinstance(written, dict):
        raise InvalidExpression(f"values by name are an object, and not {_short(written)}")
    room.take(len(written))
    return {name: _node(item, depth + 1, room) for name, item in written.items()}


def _within(node: GraphNode) -> Iterator[GraphNode]:
    """Yield a node and those written within it but for constants, without the values it refers to."""
    pending = [node]
    while pending:
        at = pending.pop()
        yield at
        within: Iterable[GraphNode] = ()
        match at:
            case Array(items):
                within = items
            case Record(named) | Call(_, _, named):
                within = named.values()
            case _:
                pass
        pending.extend([inner for inner in within if type(inner) is not Constant])


def _references(node: GraphNode) -> list[str]:
    """Return the keys of the values that a node refers to, each once."""
    found: dict[str, None] = {}
    for part in _within(node):
        match part:
            case Reference(key) | Definition(_, key) | Call(_, str(key), _):
                found[key] = None
            case _:
                pass
    return list(found)


def _free(node: GraphNode, known: Mapping[str, frozenset[str]]) -> frozenset[str]:
    """Return the arguments that a node needs from functions around it, by those of the values it refers to."""
    found: set[str] = set()
    for part in _within(node):
        match part:
            case Reference(key) | Call(_, str(key), _):
                found |= known[key]
            case ArgumentReference(name):
                found.add(name)
            case Definition(names, body):
                found |= known[body].difference(names)
            case _:
                pass
    return frozenset(found)


def _short(value: object) -> str:
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    text = repr(value[:100] if isinstance(value, str) else value)
    return text if len(text) <= 60 else text[:57] + "..."
