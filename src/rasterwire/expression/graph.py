"""Graphs of values: reading them from JSON, and checking their form.

Source of the form: Earth Engine's Expression message, https://developers.google.com/earth-engine/reference/rest/Shared.Types/Expression
"""

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from rasterwire.errors import InvalidExpression

Written = TypeVar("Written")

_MOST_DIGITS = 20

_MOST_FREE = 60
"""Arguments of functions around it that one value may depend on."""

MAX_DEPTH = 100
"""Of values written within each other; references start anew."""

MAX_VALUES = 30_000
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


Link = tuple[str, Sequence[str]]
"""Key of another value, and the arguments that it is given where it is referred to, as a function's body is."""

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
    return _DocumentReader(document["values"]).graph(document.get("result"))


class GraphReader(Generic[Written]):
    """Reads the values of one expression that the result needs, and counts them; subclasses know how they are written.

    Attributes:
        values: those that were read.
        links: to other values, of the value that is being read.
        names: of arguments that it refers to.
    """

    def __init__(self, written: Mapping[str, Written]) -> None:
        self.values: dict[str, GraphNode] = {}
        self.links: list[Link] = []
        self.names: list[str] = []
        self._written = written
        self._left = MAX_VALUES
        self._links: dict[str, list[Link]] = {}
        self._names: dict[str, list[str]] = {}
        self._sets: dict[frozenset[str], frozenset[str]] = {}
        self.take(len(written))

    def graph(self, result: object) -> Graph:
        """Return the graph; see ``Graph``.

        Args:
            result: key of the result.

        Raises:
            InvalidExpression: it is none.
        """
        if not isinstance(result, str) or not result:
            raise InvalidExpression("an expression names its 'result', a key of 'values'")
        free: dict[str, frozenset[str]] = {}
        stack = [result]
        while stack:
            key = stack[-1]
            if key not in self.values:
                waiting = [other for other, _ in self._read(key) if other not in free]
                for other in waiting:
                    if other in self.values:  # and so on the way to this one
                        raise InvalidExpression(f"value {_short(other)} refers to itself, by way of {_short(key)}")
                if waiting:
                    stack.extend(waiting)
                    continue
            if key not in free:
                free[key] = self._free(key, free)
            stack.pop()
        return Graph(result, self.values, free)

    def node(self, written: Written, depth: int) -> GraphNode:
        """Return a value; adds to links and names.

        Args:
            written: the value.
            depth: 1, and one more for each value around it.

        Raises:
            InvalidExpression: it is none.
        """
        raise NotImplementedError

    def take(self, count: int) -> None:
        """Count values.

        Raises:
            InvalidExpression: they are too many.
        """
        self._left -= count
        if self._left < 0:
            raise InvalidExpression(f"an expression of more than {MAX_VALUES} values is too large")

    def _read(self, key: str) -> list[Link]:
        """Read a value, and return its links to others."""
        if key not in self._written:
            raise InvalidExpression(f"value {_short(key)} is referred to, but is not in 'values'")
        links: list[Link] = []
        self.links = self._links[key] = links
        try:
            self.values[key] = self.node(self._written[key], 1)
        except InvalidExpression as error:
            if self._left < 0:
                raise
            raise InvalidExpression(f"value {_short(key)}: {error.problem}") from None
        if self.names:
            self._names[key] = self.names
            self.names = []
        return links

    def _free(self, key: str, known: Mapping[str, frozenset[str]]) -> frozenset[str]:
        """Return the arguments that a value takes from functions around it, by those of the values it refers to."""
        needed = frozenset(self._names.get(key, ()))
        for other, given in self._links[key]:
            if known[other]:
                needed |= known[other].difference(given)
        if len(needed) > _MOST_FREE:
            raise InvalidExpression(f"value {_short(key)} depends on more than {_MOST_FREE} arguments around it")
        return self._sets.setdefault(needed, needed)  # many values depend on the same


class _DocumentReader(GraphReader[object]):
    """Reads JSON."""

    def node(self, written: object, depth: int) -> GraphNode:
        if depth > MAX_DEPTH:
            raise InvalidExpression(f"values are written more than {MAX_DEPTH} deep within each other; use references")
        if not isinstance(written, dict) or len(written) != 1:
            kinds = ", ".join(map(_short, list(written)[:3])) if isinstance(written, dict) else ""
            said = f"one with {kinds or 'none'}" if isinstance(written, dict) else _short(written)
            raise InvalidExpression(f"a value is an object with exactly one kind, and not {said}")
        ((kind, content),) = written.items()
        if kind == "constantValue":  # as most are
            return Constant(content)
        match kind, content:
            case "valueReference", str():
                self.links.append((content, ()))
                return Reference(content)
            case "functionInvocationValue", dict():
                name, reference = content.get("functionName"), content.get("functionReference")
                if isinstance(name, str) != isinstance(reference, str):
                    if reference is not None:
                        self.links.append((reference, ()))
                    return Call(name, reference, self._nodes(content.get("arguments") or {}, depth))
            case "arrayValue", dict():
                items = content.get("values") or []
                if isinstance(items, list):
                    self.take(len(items))
                    return Array(tuple([self.node(item, depth + 1) for item in items]))
            case "argumentReference", str():
                self.names.append(content)
                return ArgumentReference(content)
            case "dictionaryValue", dict():
                return Record(self._nodes(content.get("values") or {}, depth))
            case "functionDefinitionValue", {"body": str(body)}:
                names = content.get("argumentNames") or []
                if isinstance(names, list) and all(isinstance(name, str) for name in names):
                    self.take(len(names))
                    self.links.append((body, tuple(names)))
                    return Definition(tuple(names), body)
            case "integerValue", str() | int():
                try:
                    if len(str(content)) > _MOST_DIGITS:
                        raise ValueError
                    return Constant(int(content))
                except ValueError:
                    said = f"integerValue {_short(content)} is not a whole number of 64 bits"
                    raise InvalidExpression(said) from None
            case "bytesValue", str():
                try:
                    return Constant(base64.b64decode(content, validate=True))
                except binascii.Error:
                    raise InvalidExpression("bytesValue is not base64") from None
            case _:
                pass
        raise InvalidExpression(f"{_short(kind)} is no kind of value, or not written as one: {_short(content)}")

    def _nodes(self, written: object, depth: int) -> dict[str, GraphNode]:
        if not isinstance(written, dict):
            raise InvalidExpression(f"values by name are an object, and not {_short(written)}")
        self.take(len(written))
        return {name: self.node(item, depth + 1) for name, item in written.items()}


def _short(value: object) -> str:
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    text = repr(value[:100] if isinstance(value, str) else value)
    return text if len(text) <= 60 else text[:57] + "..."
