"""A request for pixels, as a door has read it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from rasterwire.errors import InvalidExpression, Violation
from rasterwire.expression.language.graph import Graph, read_graph
from rasterwire.forms import fill_params
from rasterwire.server.messages.expression import parse_expression, write_graph
from rasterwire.v1 import download_pb2


@dataclass(frozen=True, slots=True)
class ParsedRequest:
    """A request for pixels.

    Attributes:
        params: the message. Where there is a ``graph``, its expression has a result and no values.
        graph: of an expression that came as JSON. Its message takes many times as long to make, and is only
            needed once the request is registered.
        misfits: what could not be read of a request that came as JSON, and is absent from the message. Such a request
            is only good for being refused.
    """

    params: download_pb2.DownloadParams
    graph: Graph | None = None
    misfits: tuple[Violation, ...] = ()

    def message(self) -> download_pb2.DownloadParams:
        """Return the message with the whole expression.

        Raises:
            InvalidExpression: values are nested more deeply within each other than messages can hold.
        """
        if self.graph is None:
            return self.params
        params = download_pb2.DownloadParams()
        params.CopyFrom(self.params)
        write_graph(self.graph, params.expression)
        return params


def with_graph(params: download_pb2.DownloadParams, graph: Graph) -> ParsedRequest:
    """Return the request of params that lack their expression, and of its graph.

    Args:
        params: the message; receives the key of the result.
        graph: with constants as messages hold them; see ``read_graph``.
    """
    params.expression.result = graph.result
    return ParsedRequest(params, graph)


def read_request(document: Mapping[str, Any]) -> ParsedRequest:
    """Return the request of a JSON object, in any form of ``rasterwire.forms``, with all of it that does not fit."""
    params = download_pb2.DownloadParams()
    reading = fill_params(document, params)
    misfits = [Violation(*misfit) for misfit in reading.misfits]
    request = ParsedRequest(params)
    if reading.expression is not None:
        try:
            request = with_graph(params, read_graph(parse_expression(reading.expression), as_message=True))
        except InvalidExpression as error:
            misfits.append(Violation("expression", "INVALID_EXPRESSION", str(error)))
    return replace(request, misfits=tuple(misfits))
