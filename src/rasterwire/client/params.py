"""From the dictionaries of Earth Engine's documentation to the message of the schema."""

import json
from collections.abc import Mapping
from typing import Any, TypeAlias

from google.protobuf import json_format

from rasterwire.client.errors import FieldViolation, InvalidParams, invalid_params
from rasterwire.forms import fill_params, fill_request
from rasterwire.v1 import catalog_service_pb2, download_pb2, expression_pb2

Params: TypeAlias = download_pb2.DownloadParams | Mapping[str, Any]
"""A request, as a message or as a dictionary in camelCase or snake_case."""

HistogramParams: TypeAlias = catalog_service_pb2.ComputeHistogramRequest | Mapping[str, Any]
"""Likewise, for histograms."""


def to_message(params: Params, lines_are_geodesic: bool = False) -> download_pb2.DownloadParams:
    """Return the message of a request; a message is returned as it is.

    Args:
        params: a dictionary as Earth Engine's documentation has it, with the fields of the schema
            besides. None stands for an absent value. Geometries may be objects with ``__geo_interface__``, a crs one of
            pyproj or rasterio, a transform an ``Affine``, and times dates of Python.
        lines_are_geodesic: what a GeoJSON polygon without a ``geodesic`` member has for edges;
            Earth Engine's clients say yes, the GeoJSON standard says no.

    Raises:
        InvalidParams: with everything that cannot be understood.
    """
    message, problems = read_params(params, lines_are_geodesic)
    if problems:
        raise invalid_params(problems)
    return message


def read_params(
    params: Params, lines_are_geodesic: bool = False
) -> tuple[download_pb2.DownloadParams, list[FieldViolation]]:
    """Return the message of what can be understood, and what cannot be; see ``to_message``.

    Raises:
        InvalidParams: it is no dictionary.
    """
    if isinstance(params, download_pb2.DownloadParams):
        return params, []
    if not isinstance(params, Mapping):
        raise InvalidParams(f"params: has to be a dictionary or a DownloadParams, got {type(params).__name__}")
    message = download_pb2.DownloadParams()
    reading = fill_params(params, message, lines_are_geodesic)
    problems = [FieldViolation(misfit.field, misfit.description, misfit.reason) for misfit in reading.misfits]
    if reading.expression is not None:
        try:
            message.expression.CopyFrom(_expression(reading.expression))
        except (ValueError, TypeError, RecursionError, json_format.ParseError) as error:
            problems.append(
                FieldViolation("expression", f"{error}, got {reading.expression!r:.80}", "INVALID_EXPRESSION")
            )
    return message, problems


def to_histogram_request(request: HistogramParams) -> catalog_service_pb2.ComputeHistogramRequest:
    """Return the message of a request for histograms; a message is returned as it is.

    Raises:
        InvalidParams: with everything that cannot be understood.
    """
    message = catalog_service_pb2.ComputeHistogramRequest()
    if isinstance(request, Mapping):
        misfits = fill_request(request, message)
        if misfits:
            raise invalid_params(
                [FieldViolation(misfit.field, misfit.description, misfit.reason) for misfit in misfits]
            )
        return message
    message.CopyFrom(request)
    return message


def _expression(value: Any) -> expression_pb2.Expression:
    """Return the message of a graph: of an object of Earth Engine's library, of its text, or of its JSON."""
    if isinstance(value, expression_pb2.Expression):
        return value
    if hasattr(value, "serialize"):
        value = value.serialize()
    value = json.loads(value) if isinstance(value, str) else value
    if not isinstance(value, Mapping):
        raise TypeError("has to be an object of Earth Engine's library, or what its serialize() gives")
    return json_format.ParseDict(dict(value), expression_pb2.Expression())
