"""Expressions of the wire's messages as graphs."""

import math
from collections.abc import Sequence
from typing import Any

from google.protobuf.struct_pb2 import Value

from rasterwire.errors import InvalidExpression
from rasterwire.expression.language.graph import (
    MAX_MEMBERS,
    Call,
    Graph,
    GraphNode,
    GraphReader,
    Literal,
    Record,
    check_depth,
)
from rasterwire.v1 import expression_pb2


def graph_of(expression: expression_pb2.Expression) -> Graph:
    """Return the graph of a message.

    Raises:
        InvalidExpression: it is none.
    """
    return _MessageReader(expression.values).graph(expression.result)


class _MessageReader(GraphReader[expression_pb2.ValueNode]):
    """Reads messages, whose types protobuf has checked."""

    _members = MAX_MEMBERS

    def node(self, written: expression_pb2.ValueNode, depth: int) -> GraphNode:
        """See ``GraphReader.node``."""
        check_depth(depth)
        match written.WhichOneof("kind"):
            case "constant_value":
                return Literal(self._json(written.constant_value))
            case "value_reference":
                return self.reference(written.value_reference)
            case "function_invocation_value":
                return self._call(written.function_invocation_value, depth)
            case "array_value":
                return self.array(written.array_value.values, depth)
            case "argument_reference":
                return self.argument(written.argument_reference)
            case "dictionary_value":
                return Record(dict(sorted(self.nodes(written.dictionary_value.values, depth).items())))
            case "function_definition_value":
                function = written.function_definition_value
                return self.definition(function.argument_names, function.body)
            case "integer_value" | "bytes_value" as kind:
                return Literal(getattr(written, kind))
            case _:
                raise InvalidExpression("a value has exactly one kind, and not none")

    def _call(self, written: expression_pb2.FunctionInvocation, depth: int) -> Call:
        match written.WhichOneof("function"):
            case "function_name":
                return self.call(written.function_name, None, self.nodes(written.arguments, depth))
            case "function_reference":
                return self.call(None, written.function_reference, self.nodes(written.arguments, depth))
            case _:
                raise InvalidExpression("a call names its function, or refers to it")

    def _json(self, value: Value) -> Any:
        match value.WhichOneof("kind"):
            case "number_value":
                if not math.isfinite(value.number_value):
                    raise InvalidExpression(f"the number {value.number_value} is not finite")
                return value.number_value
            case "string_value":
                return value.string_value
            case "bool_value":
                return value.bool_value
            case "list_value":
                return self._list(value.list_value.values)
            case "struct_value":
                fields = value.struct_value.fields
                self._count(len(fields))
                return {name: self._json(fields[name]) for name in sorted(fields)}
            case _:
                return None

    def _list(self, items: Sequence[Value]) -> list[Any]:
        self._count(len(items))
        numbers = [item.number_value for item in items]
        # what is no number has 0 for one
        are_all = all(numbers) or {item.WhichOneof("kind") for item in items} == {"number_value"}
        if are_all and math.isfinite(sum(numbers)):
            return numbers
        return [self._json(item) for item in items]

    def _count(self, members: int) -> None:
        self._members -= members
        if self._members < 0:
            raise InvalidExpression(f"an expression whose constants have more than {MAX_MEMBERS} members is too large")
