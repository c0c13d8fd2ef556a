"""Expressions that come as JSON."""

from collections.abc import Mapping
from typing import Any

import orjson
from google.protobuf import json_format
from google.protobuf.message import DecodeError

from rasterwire.errors import InvalidExpression
from rasterwire.expression.language.graph import MAX_MEMBERS, Graph
from rasterwire.v1 import download_pb2, expression_pb2


def parse_expression(value: Any) -> Any:
    """Return the document of an expression that may be text, as Earth Engine's library serializes it.

    Raises:
        InvalidExpression: the text is not JSON.
    """
    if not isinstance(value, str):
        return value
    if sum(map(value.count, ",{[")) > MAX_MEMBERS:  # escapes of the text around it hid them from the door's count
        raise InvalidExpression(f"a text of more than {MAX_MEMBERS} values is too large")
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError as error:
        raise InvalidExpression(f"the text is not JSON at line {error.lineno}, column {error.colno}") from None


def read_expression(document: Mapping[str, Any], graph: Graph, expression: expression_pb2.Expression) -> None:
    """Fill the message of an expression with what its result needs.

    Args:
        document: the JSON of the expression.
        graph: that was read from it.
        expression: the message.

    Raises:
        InvalidExpression: values are nested more deeply within each other than messages can hold.
    """
    needed = {"result": graph.result, "values": {key: document["values"][key] for key in graph.values}}
    try:
        json_format.ParseDict(needed, expression, ignore_unknown_fields=True)
        _check_depth(expression)
    except (json_format.ParseError, DecodeError, ValueError, RecursionError):
        said = "values of the expression are nested too deeply within each other; use references"
        raise InvalidExpression(said) from None


def _check_depth(expression: expression_pb2.Expression) -> None:
    """Raise DecodeError for values nested more deeply than protobuf reads, which shows once they are sent or kept."""
    download_pb2.DownloadParams.FromString(download_pb2.DownloadParams(expression=expression).SerializeToString())
