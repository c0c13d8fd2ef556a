"""Graphs of values: their nodes, and the readers that check their form.

Source of the form: Earth Engine's Expression message, https://developers.google.com/earth-engine/reference/rest/Shared.Types/Expression
"""

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import orjson

from rasterwire.errors import InvalidExpression

Written = TypeVar("Written")

_MAX_DIGITS = 20
"""Digits of a whole number that is written as text."""

_MAX_FREE = 60
"""The most arguments of surrounding functions that one value may depend on."""

MAX_DEPTH = 100
"""Depth of values written within each other; references begin anew."""

MAX_VALUES = 30_000
"""Values in an expression; more would take long to be read before anything could be said of them."""

MAX_MEMBERS = 320_000
"""Members of all lists and objects in constants; the coordinates of 100,000 vertices take 300,000."""


@dataclass(frozen=True, slots=True)
class Literal:
    """A value written in the expression itself: any JSON value, or bytes."""

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
    """A reference to another value of the graph."""

    key: str


@dataclass(frozen=True, slots=True)
class ArgumentReference:
    """A reference to an argument of a surrounding function."""

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
"""The key of another value, and the arguments that the reference to it binds, as a definition does for its body."""

GraphNode = Literal | Array | Record | Reference | ArgumentReference | Definition | Call


@dataclass(frozen=True, slots=True, eq=False)
class Graph:
    """A graph whose references all have a target and form no cycle.

    Attributes:
        result: key of the result.
        values: the values that the result needs, by key.
        free: names of the arguments that a value takes from surrounding functions, by key.
    """

    result: str
    values: Mapping[str, GraphNode]
    free: Mapping[str, frozenset[str]]

    @property
    def result_function(self) -> str:
        """The name of the server's function whose call is the result; "" where the result is no such call."""
        node = self.values[self.result]
        while isinstance(node, Reference):
            node = self.values[node.key]
        return node.name or "" if isinstance(node, Call) else ""


def read_graph(document: object, *, as_message: bool = False) -> Graph:
    """Return the graph of a JSON document.

    Args:
        document: the JSON.
        as_message: whether constants are read as the message of the expression would hold them: numbers as doubles,
            members of objects by name. Both ways then give equal nodes, and equal etags.

    Raises:
        InvalidExpression: the document is not an expression.
    """
    if not isinstance(document, dict) or not isinstance(document.get("values"), dict):
        raise InvalidExpression("an expression is an object with 'result' and 'values'")
    return _DocumentReader(document["values"], as_message).graph(document.get("result"))


class GraphReader(Generic[Written]):
    """Reads the values of one expression that the result needs, and counts them; subclasses read one encoding each.

    Attributes:
        values: the values read so far.
    """

    def __init__(self, written: Mapping[str, Written]) -> None:
        self.values: dict[str, GraphNode] = {}
        self._written = written
        self._remaining = MAX_VALUES
        self._links: dict[str, list[Link]] = {}
        self._names: dict[str, list[str]] = {}
        self._sets: dict[frozenset[str], frozenset[str]] = {}
        # of the value that is being read
        self._own_links: list[Link] = []
        self._own_names: list[str] = []
        self._take(len(written))

    def graph(self, result: object) -> Graph:
        """Return the graph; see ``Graph``.

        Args:
            result: key of the result.

        Raises:
            InvalidExpression: the values do not form a graph.
        """
        if not isinstance(result, str) or not result:
            raise InvalidExpression("an expression names its 'result', a key of 'values'")
        free: dict[str, frozenset[str]] = {}
        stack = [result]
        while stack:
            key = stack[-1]
            if key not in self.values:
                unread = [target for target, _ in self._read(key) if target not in free]
                for target in unread:
                    if target in self.values:  # it is on the stack: a cycle
                        raise InvalidExpression(f"value {_short(target)} refers to itself, by way of {_short(key)}")
                if unread:
                    stack.extend(unread)
                    continue
            if key not in free:
                free[key] = self._free(key, free)
            stack.pop()
        return Graph(result, self.values, free)

    def node(self, written: Written, depth: int) -> GraphNode:
        """Return the node of a value, with the help of the methods below.

        Args:
            written: the value as the request has it.
            depth: 1, and one more for each surrounding value; see ``check_depth``.

        Raises:
            InvalidExpression: it is not a value.
        """
        raise NotImplementedError

    # -- kinds of values ------------------------------------------------------------------------

    def reference(self, key: str) -> Reference:
        """Return a reference to another value."""
        self._own_links.append((key, ()))
        return Reference(key)

    def argument(self, name: str) -> ArgumentReference:
        """Return a reference to an argument of a surrounding function."""
        self._own_names.append(name)
        return ArgumentReference(name)

    def array(self, items: Sequence[Written], depth: int) -> Array:
        """Return a list of values."""
        self._take(len(items))
        return Array(tuple([self.node(item, depth + 1) for item in items]))

    def nodes(self, written: Mapping[str, Written], depth: int) -> dict[str, GraphNode]:
        """Return values by name."""
        self._take(len(written))
        return {name: self.node(item, depth + 1) for name, item in written.items()}

    def definition(self, names: Sequence[str], body: str) -> Definition:
        """Return a function."""
        self._take(len(names))
        self._own_links.append((body, tuple(names)))
        return Definition(tuple(names), body)

    def call(self, name: str | None, reference: str | None, arguments: Mapping[str, GraphNode]) -> Call:
        """Return a call; see ``Call``."""
        if reference is not None:
            self._own_links.append((reference, ()))
        return Call(name, reference, arguments)

    # -- bookkeeping ----------------------------------------------------------------------------

    def _read(self, key: str) -> list[Link]:
        """Read a value, and return its links to others."""
        if key not in self._written:
            raise InvalidExpression(f"value {_short(key)} is referred to, but is not in 'values'")
        links: list[Link] = []
        self._own_links = self._links[key] = links
        try:
            self.values[key] = self.node(self._written[key], 1)
        except InvalidExpression as error:
            if self._remaining < 0:
                raise
            raise InvalidExpression(f"value {_short(key)}: {error.problem}") from None
        if self._own_names:
            self._names[key] = self._own_names
            self._own_names = []
        return links

    def _free(self, key: str, free: Mapping[str, frozenset[str]]) -> frozenset[str]:
        """Return the arguments that a value takes from surrounding functions, from those of the values it refers to."""
        names = set(self._names.get(key, ()))
        for target, own_names in self._links[key]:
            if free[target]:
                names |= free[target].difference(own_names)
        if len(names) > _MAX_FREE:
            raise InvalidExpression(f"value {_short(key)} depends on more than {_MAX_FREE} arguments around it")
        needed = frozenset(names)
        return self._sets.setdefault(needed, needed)  # many values depend on the same

    def _take(self, count: int) -> None:
        self._remaining -= count
        if self._remaining < 0:
            raise InvalidExpression(f"an expression of more than {MAX_VALUES} values is too large")


def check_depth(depth: int) -> None:
    """Raise InvalidExpression for values that are nested too deeply."""
    if depth > MAX_DEPTH:
        raise InvalidExpression(f"values are written more than {MAX_DEPTH} deep within each other; use references")


def message_constant(value: Any) -> Any:
    """Return a constant of JSON as the message of an expression holds it: with numbers as doubles, members by name.

    Raises:
        InvalidExpression: it is nested too deeply within itself.
    """
    match value:
        case bool():
            return value
        case int():
            return float(value)
        case list() | dict():  # by two parsers in C, since there may be 300,000 values
            try:
                text = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
            except orjson.JSONEncodeError:
                raise InvalidExpression("a constant is nested too deeply within itself; use references") from None
            return json.loads(text, parse_int=float)
        case _:
            return value


class _DocumentReader(GraphReader[object]):
    """Reads JSON."""

    def __init__(self, written: Mapping[str, object], as_message: bool) -> None:
        super().__init__(written)
        self._as_message = as_message

    def node(self, written: object, depth: int) -> GraphNode:
        """See ``GraphReader.node``."""
        check_depth(depth)
        if not isinstance(written, dict) or len(written) != 1:
            kinds = ", ".join(map(_short, list(written)[:3])) if isinstance(written, dict) else ""
            description = f"one with {kinds or 'none'}" if isinstance(written, dict) else _short(written)
            raise InvalidExpression(f"a value is an object with exactly one kind, and not {description}")
        ((kind, content),) = written.items()
        match kind, content:
            case "constantValue", _:  # as most are
                return Literal(message_constant(content) if self._as_message else content)
            case "valueReference", str():
                return self.reference(content)
            case "functionInvocationValue", dict():
                return self._call(content, depth)
            case "arrayValue", dict():
                items = content.get("values") or []
                if isinstance(items, list):
                    return self.array(items, depth)
            case "argumentReference", str():
                return self.argument(content)
            case "dictionaryValue", dict():
                record = self._named(content.get("values"), depth)
                return Record(dict(sorted(record.items())) if self._as_message else record)
            case "functionDefinitionValue", {"body": str(body)}:
                names = content.get("argumentNames") or []
                if isinstance(names, list) and all(isinstance(name, str) for name in names):
                    return self.definition(names, body)
            case "integerValue" | "bytesValue", str() | int():
                return Literal(_integer(content) if kind == "integerValue" else _bytes(content))
            case _:
                pass
        raise InvalidExpression(f"{_short(kind)} is no kind of value, or not written as one: {_short(content)}")

    def _call(self, written: dict[str, object], depth: int) -> Call:
        match written.get("functionName"), written.get("functionReference"):
            case (str(name), None):
                return self.call(name, None, self._named(written.get("arguments"), depth))
            case (None, str(key)):
                return self.call(None, key, self._named(written.get("arguments"), depth))
            case _:
                raise InvalidExpression("a call has either a 'functionName' or a 'functionReference', a text")

    def _named(self, written: object, depth: int) -> dict[str, GraphNode]:
        if written is not None and not isinstance(written, dict):
            raise InvalidExpression(f"values by name are an object, and not {_short(written)}")
        return self.nodes(written or {}, depth)


def _integer(written: str | int) -> int:
    try:
        if len(str(written)) > _MAX_DIGITS:
            raise ValueError
        number = int(written)
        if not -(1 << 63) <= number < 1 << 63:
            raise ValueError
        return number
    except ValueError:
        raise InvalidExpression(f"integerValue {_short(written)} is not a whole number of 64 bits") from None


def _bytes(written: str | int) -> bytes:
    try:
        return base64.b64decode(written, validate=True)  # type: ignore[arg-type]  # TypeError for a number
    except (binascii.Error, TypeError):
        raise InvalidExpression("bytesValue is not base64") from None


def _short(value: object) -> str:
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    text = repr(value[:100] if isinstance(value, str) else value)
    return text if len(text) <= 60 else text[:57] + "..."
