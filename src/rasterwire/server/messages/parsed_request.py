"""A request for pixels, as a door has read it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rasterwire.errors import InvalidExpression, Violation, Violations
from rasterwire.expression.language.graph import Graph, read_graph
from rasterwire.server.messages.params import read_expression, read_params
from rasterwire.v1 import download_pb2


@dataclass(frozen=True, slots=True)
class ParsedRequest:
    """A request for pixels.

    Attributes:
        params: the message. Where there is a ``graph``, its expression has a result and no values.
        graph: of an expression that came as JSON. Its message takes many times as long to make, and is only
            needed once the request is registered.
        document: the JSON of the expression.
    """

    params: download_pb2.DownloadParams
    graph: Graph | None = None
    document: Mapping[str, Any] | None = None

    def message(self) -> download_pb2.DownloadParams:
        """Return the message with the whole expression.

        Raises:
            InvalidExpression: values are nested more deeply within each other than messages can hold.
        """
        if self.document is None:
            return self.params
        params = download_pb2.DownloadParams()
        params.CopyFrom(self.params)
        read_expression(self.document, params.expression)
        return params


def with_expression(params: download_pb2.DownloadParams, document: Mapping[str, Any]) -> ParsedRequest:
    """Return the request of params that lack their expression, and of the JSON of the expression.

    Raises:
        InvalidExpression: the document is no expression.
    """
    graph = read_graph(document)
    params.expression.result = graph.result
    return ParsedRequest(params, graph, document)


_STAND_IN = {"result": "0", "values": {"0": {"constantValue": None}}}
"""An expression that is read at once."""


def read_request(document: Mapping[str, Any]) -> ParsedRequest:
    """Return the request of a JSON object with the fields of the message.

    Raises:
        InvalidRequest: with every field that does not fit the schema, the expression included.
    """
    expression = document.get("expression")
    if expression is None:
        return ParsedRequest(read_params(document))
    problems = Violations()
    params = download_pb2.DownloadParams()
    with problems.catching():
        params = read_params({**document, "expression": _STAND_IN})
    params.ClearField("expression")
    try:
        request = with_expression(params, expression)
    except InvalidExpression as error:
        problems.add(Violation("expression", "INVALID_EXPRESSION", str(error)))
    problems.raise_if_any()
    return request
