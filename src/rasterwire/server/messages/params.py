"""DownloadParams that come as JSON: what was read of them, and all that could not be read."""

from collections.abc import Mapping
from typing import Any

import orjson
from google.protobuf import json_format
from google.protobuf.message import DecodeError

from rasterwire.errors import InvalidExpression, Violation
from rasterwire.expression.language.graph import read_graph
from rasterwire.forms import read_params
from rasterwire.v1 import download_pb2, expression_pb2


def params_from_json(document: Mapping[str, Any], params: download_pb2.DownloadParams) -> tuple[Violation, ...]:
    """Fill a message from a JSON object in any form of ``rasterwire.forms``, and return all that does not fit.

    Args:
        document: as the JSON of ``DownloadParams``.
        params: an empty message; what does not fit stays absent from it.
    """
    reading = read_params(document, params)
    misfits = [Violation(*misfit) for misfit in reading.misfits]
    if reading.expression is not None:
        try:
            expression = expression_document(reading.expression)
            if misfits:
                read_graph(expression)  # to tell of it too; the message would not be used
            else:
                read_expression(expression, params.expression)
        except InvalidExpression as error:
            misfits.append(Violation("expression", "INVALID_EXPRESSION", str(error)))
    return tuple(misfits)


def expression_document(value: Any) -> Any:
    """Return the JSON of an expression that may be given as text, as Earth Engine's library serializes it.

    Raises:
        InvalidExpression: the text is not JSON.
    """
    if not isinstance(value, str):
        return value
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError as error:
        raise InvalidExpression(f"the text is not JSON at line {error.lineno}, column {error.colno}") from None


def read_expression(document: Mapping[str, Any], expression: expression_pb2.Expression) -> None:
    """Fill the message of an expression with what its result needs.

    Raises:
        InvalidExpression: the document is none.
    """
    graph = read_graph(document)
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
