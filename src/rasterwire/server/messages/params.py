"""DownloadParams that come as JSON: all that does not fit the schema is told at once, field by field."""

import itertools
from collections.abc import Mapping
from typing import Any

from google.protobuf import json_format
from google.protobuf.message import DecodeError

from rasterwire.errors import InvalidExpression, InvalidRequest, Violation, invalid
from rasterwire.expression.language.graph import read_graph
from rasterwire.json_form import misfits
from rasterwire.v1 import download_pb2, expression_pb2

_MOST_TOLD = 100

_MOST_EXACT = 2**53
"""Beyond it a double does not have every whole number."""


def read_params(document: Mapping[str, Any]) -> download_pb2.DownloadParams:
    """Return the message of a JSON object.

    Raises:
        InvalidRequest: with every field that does not fit the schema.
    """
    params = download_pb2.DownloadParams()
    found = [Violation(*one) for one in itertools.islice(misfits(document, params.DESCRIPTOR), _MOST_TOLD)]
    expression = document.get("expression")
    if expression is not None:
        try:
            if found:
                read_graph(expression)  # to tell of it too
            else:
                read_expression(expression, params.expression)
        except InvalidExpression as error:
            found.append(Violation("expression", "INVALID_EXPRESSION", str(error)))
    if found:
        raise InvalidRequest(tuple(found))
    plain = {key: value for key, value in document.items() if key != "expression"}
    nodata = plain.get("nodata")
    if isinstance(nodata, int) and abs(nodata) > _MOST_EXACT and not (plain.keys() & {"nodataText", "nodata_text"}):
        plain["nodataText"] = str(plain.pop("nodata"))  # JSON has it in full, a double would not
    try:
        json_format.ParseDict(plain, params)
    except (json_format.ParseError, ValueError, RecursionError):
        said = "the body is not DownloadParams as JSON; download.proto says what each field may be"
        raise invalid("", "BODY_NOT_PARAMS", said) from None
    return params


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
