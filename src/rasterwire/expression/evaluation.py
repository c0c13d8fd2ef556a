"""The evaluation of graphs: each value is computed once for each set of the arguments that it depends on."""

import difflib
import logging
import math
import secrets
from collections.abc import Generator, Mapping
from typing import Any

import numpy as np

from rasterwire.budget import current, spending
from rasterwire.errors import NULL_COMPUTED, DownloadError, InvalidExpression, InvalidRequest
from rasterwire.expression.algorithms import TABLE
from rasterwire.expression.coerce import coerce
from rasterwire.expression.language.graph import (
    ArgumentReference,
    Array,
    Call,
    Definition,
    Graph,
    GraphNode,
    Literal,
    Record,
    Reference,
)
from rasterwire.expression.language.signature import Function
from rasterwire.expression.language.sizes import check_size
from rasterwire.expression.language.values import CollectionValue, FeatureValue, FunctionValue, ImageValue, World

_MAX_NESTING = 60
"""Depth of functions that call functions; each level takes some of Python's stack."""

_SHALLOW = frozenset({"List", "Dictionary", "Element"})
"""Families whose functions check the size of nested lists themselves, where they look into them."""

_DEEP = frozenset({"Object", "List", "Dictionary", "Geometry", "FeatureCollection", "Element"})
"""Types of arguments that may hold nested lists; all other types refuse lists without a look into them."""

_LARGE = 256
"""A value of more parts than this is counted only once."""

_Step = Generator[Any, Any, Any]

_log = logging.getLogger("rasterwire.expression")


class _Scope:
    """The arguments of one call of a function, and the values computed with them."""

    __slots__ = ("arguments", "computed", "outer")

    def __init__(self, arguments: Mapping[str, Any], outer: "_Scope | None") -> None:
        self.arguments = arguments
        self.outer = outer
        self.computed: dict[str, Any] = {}


def evaluate_graph(graph: Graph, world: World) -> Any:
    """Return the value of a graph's result.

    Raises:
        InvalidExpression: a function cannot be called with its arguments; the message names the function.
        SourceUnavailable: a raster that the answer needs cannot be read.
    """
    evaluation = _Evaluation(graph, world)
    with np.errstate(all="ignore"), spending(evaluation.budget):
        return evaluation.result()


class _Evaluation:
    def __init__(self, graph: Graph, world: World) -> None:
        self._graph = graph
        self._world = world
        self._nesting = 0
        self._measured: dict[int, Any] = {}
        self.budget = current()

    def result(self) -> Any:
        return self._run(Reference(self._graph.result), _Scope({}, None))

    def _run(self, node: GraphNode, scope: _Scope) -> Any:
        """Drive generators that yield the generators they wait for: a deep graph does not fill Python's stack."""
        stack: list[_Step] = [self._value(node, scope)]
        answer: Any = None
        while stack:
            try:
                stack.append(stack[-1].send(answer))
                answer = None
            except StopIteration as end:
                stack.pop()
                answer = end.value
        return answer

    def _value(self, node: GraphNode, scope: _Scope) -> _Step:
        match node:
            case Literal(value):
                return value
            case Reference(key):
                owner = self._home(key, scope)
                if key not in owner.computed:
                    owner.computed[key] = yield self._value(self._graph.values[key], owner)
                return owner.computed[key]
            case Array(items):
                values = []
                for item in items:
                    value = item.value if type(item) is Literal else (yield self._value(item, scope))
                    values.append(value)
                return values
            case Record(fields):
                return (yield self._values(fields, scope))
            case ArgumentReference(name):
                return self._argument(name, scope)
            case Definition(names, body):
                return self._function(names, body, scope)
            case Call():
                return (yield self._call_value(node, scope))

    def _values(self, nodes: Mapping[str, GraphNode], scope: _Scope) -> _Step:
        values = {}
        for name, item in nodes.items():
            values[name] = item.value if type(item) is Literal else (yield self._value(item, scope))
        return values

    def _home(self, key: str, scope: _Scope) -> _Scope:
        """Return the innermost scope whose arguments a value depends on."""
        free = self._graph.free[key]
        while scope.outer is not None and free.isdisjoint(scope.arguments):
            scope = scope.outer
        return scope

    def _argument(self, name: str, scope: _Scope) -> Any:
        inner: _Scope | None = scope
        while inner is not None:
            if name in inner.arguments:
                return inner.arguments[name]
            inner = inner.outer
        raise InvalidExpression(f"argument {name[:60]!r} is referred to outside of a function that has it")

    def _function(self, names: tuple[str, ...], body: str, scope: _Scope) -> FunctionValue:
        def call(arguments: Mapping[str, Any]) -> Any:
            missing = [name for name in names if name not in arguments]
            if missing:
                raise InvalidExpression(f"a function was called without its argument {missing[0][:60]!r}")
            self.budget.call()
            self._nesting += 1
            try:
                if self._nesting > _MAX_NESTING:
                    raise InvalidExpression(f"functions call each other more than {_MAX_NESTING} deep")
                return self._run(Reference(body), _Scope(arguments, scope))
            finally:
                self._nesting -= 1

        return FunctionValue(names, call)

    def _call_value(self, node: Call, scope: _Scope) -> _Step:
        self.budget.call()
        if node.name is None:
            assert node.reference is not None
            function = yield self._value(Reference(node.reference), scope)
            if not isinstance(function, FunctionValue):
                raise InvalidExpression(f"value {node.reference[:60]!r} is called, but is no function")
            return function.call((yield self._values(node.arguments, scope)))
        if node.name == "If":
            return (yield self._if_value(node, scope))
        function = TABLE.get(node.name)
        if function is None:
            close = difflib.get_close_matches(node.name[:100], TABLE, 1)
            hint = f"; did you mean {close[0]}?" if close else "."
            raise InvalidExpression(f"there is no such function{hint}", node.name[:100])
        if function.call is None:
            raise InvalidExpression("not implemented by this server", node.name)
        arguments = {name: item for name, item in node.arguments.items() if not _is_null(item)}
        return self._apply(function, (yield self._values(arguments, scope)))

    def _if_value(self, node: Call, scope: _Scope) -> _Step:
        """Evaluate only the chosen side of an If, since the other side may have no value."""
        condition = node.arguments.get("condition", Literal(None))
        holds = yield self._value(condition, scope)
        side = node.arguments.get("trueCase" if is_true(holds) else "falseCase", Literal(None))
        return (yield self._value(side, scope))

    def _result(self, function: Function, arguments: Mapping[str, Any]) -> Any:
        if function.signature.name.split(".")[0] not in _SHALLOW:
            for argument in function.signature.arguments:
                value = arguments.get(argument.name)
                if isinstance(value, list | dict) and argument.type.split("<")[0] in _DEEP:
                    self._measure(value)
        values = _arguments(function, arguments, self._world)
        assert function.call is not None
        result = function.call(self._world, *values) if function.needs_world else function.call(*values)
        self.budget.take(_size(result))
        return result

    def _measure(self, value: Any) -> None:
        """Check the size of a list or dictionary in the arguments; a large one is checked only once."""
        if id(value) not in self._measured and check_size(value) > _LARGE:
            self._measured[id(value)] = value

    def _apply(self, function: Function, arguments: Mapping[str, Any]) -> Any:
        name = function.signature.name
        try:
            return self._result(function, arguments)
        except InvalidExpression as error:
            if error.function:
                raise
            raise InvalidExpression(error.problem, name) from None
        except InvalidRequest as error:
            raise InvalidExpression("; ".join(v.description for v in error.violations), name) from None
        except (OverflowError, ZeroDivisionError) as error:
            raise InvalidExpression("its numbers are too large.", name) from error
        except RecursionError:
            raise InvalidExpression("its values are nested too deeply.", name) from None
        except MemoryError:
            raise InvalidExpression("User memory limit exceeded.", name) from None
        except DownloadError:
            raise
        except Exception as error:  # these arguments caused it, so the request is refused
            incident = secrets.token_hex(4)
            _log.error("unexpected error %s of %s", incident, name, exc_info=error)
            message = f"it cannot be computed of these arguments; the server's log says why under {incident}."
            raise InvalidExpression(message, name) from error


def _is_null(node: GraphNode) -> bool:
    """Tell whether a client wrote null, which means the same as no argument."""
    return type(node) is Literal and node.value is None


def _arguments(function: Function, arguments: Mapping[str, Any], world: World) -> list[Any]:
    names = [argument.name for argument in function.signature.arguments]
    for name in arguments:
        if name not in names:
            raise InvalidExpression(f"there is no parameter '{name[:60]}', but {', '.join(names) or 'none'}.")
    values = []
    for argument in function.signature.arguments:
        value = arguments.get(argument.name)
        if value is None:
            if not argument.optional:
                why = f" {NULL_COMPUTED}" if argument.name in arguments else ""
                raise InvalidExpression(f"Parameter '{argument.name}' is required.{why}")
            value = argument.default
        values.append(None if value is None else coerce(value, argument.type, argument.name, world))
    return values


def is_true(value: Any) -> bool:
    """Tell whether a condition is true: not null, false, 0, NaN or empty. Source: ee.Algorithms.If."""
    if isinstance(value, float) and math.isnan(value):
        return False
    return bool(value) if isinstance(value, bool | int | float | str | list | Mapping) else value is not None


def _size(value: Any) -> int:
    """Return roughly how many bytes a value takes, without the bytes of values within it."""
    match value:
        case list():
            return 56 + 40 * len(value)
        case str() | bytes():
            return 56 + len(value)
        case dict():
            return 64 + 60 * len(value)
        case ImageValue():
            return 200 + 60 * len(value.properties) + 700 * value.resolved_band_count
        case FeatureValue():
            return 200 + 60 * len(value.properties)
        case CollectionValue():
            return 200 + 8 * value.resolved_count
        case _:
            return 100
