"""Earth Engine's requests as this server's own: JSON bodies to DownloadParams and graphs.

Source of the forms: https://developers.google.com/earth-engine/reference/rest
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from rasterwire.errors import InvalidExpression, invalid
from rasterwire.expression.language.graph import Graph, GraphNode, Literal, Reference, read_graph
from rasterwire.server.messages.graphs import call, closed_graph, constant, graph_around
from rasterwire.server.messages.parsed_request import ParsedRequest, with_graph
from rasterwire.v1 import download_pb2

_FORMATS = {
    "GEO_TIFF": download_pb2.FORMAT_GEO_TIFF,
    "NPY": download_pb2.FORMAT_NPY,
    "PNG": download_pb2.FORMAT_PNG,
    "JPEG": download_pb2.FORMAT_JPEG,
    "AUTO_JPEG_PNG": download_pb2.FORMAT_PNG,
    "ZIPPED_GEO_TIFF": download_pb2.FORMAT_ZIPPED_GEO_TIFF,
    "ZIPPED_GEO_TIFF_PER_BAND": download_pb2.FORMAT_ZIPPED_GEO_TIFF_PER_BAND,
}
_PICTURES = {download_pb2.FORMAT_PNG, download_pb2.FORMAT_JPEG}
_NORTH_UP = [1, 0, 0, 0, -1, 0]

_whole = re.compile(r"-?\d{1,12}(\.0)?", re.ASCII)
"""Numbers, and texts, as JSON of protobuf has whole numbers of 64 bits."""

Body = Mapping[str, Any]


def parsed_request(body: Body, asset: str | None = None) -> ParsedRequest:
    """Return a request for pixels.

    Args:
        body: of thumbnails, maps, image:computePixels or assets:getPixels.
        asset: the image that an address names; None where the body has an expression.

    Raises:
        InvalidRequest, InvalidExpression: the body is not one.
    """
    format_ = _format(body.get("fileFormat"))
    for member in ("grid", "visualizationOptions"):
        if not isinstance(body.get(member) or {}, Mapping):
            raise invalid(member, "NOT_AN_OBJECT", "has to be an object")
    graph = _expression(body) if asset is None else _asset_graph(asset)
    if asset is not None and body.get("region") is not None:
        graph, body = _within(graph, body["region"], body.get("grid") or {}), {**body, "grid": None}
    bands = [str(name) for name in _list(body, "bandIds")]
    if body.get("visualizationOptions"):  # which shows the bands that are named
        graph, bands = _visualized(graph, body["visualizationOptions"], bands), []
    params = download_pb2.DownloadParams(format=format_, name=_text(body, "filenamePrefix"))
    if format_ in _PICTURES:  # values are cut to bytes, and not stretched
        params.visualization.min.append(0)
        params.visualization.max.append(255)
    params.mask = download_pb2.MASK_NODATA  # as Earth Engine does, whose clients expect it
    request = with_graph(params, graph)
    for name in bands:
        params.bands.add(id=name)
    _set_grid(params, body.get("grid") or {})
    return request


def _format(value: Any) -> "download_pb2.Format.ValueType":
    name = str(value or "AUTO_JPEG_PNG").upper()
    if name not in _FORMATS:
        raise invalid("fileFormat", "FORMAT_UNKNOWN", f"{name[:40]!r} is not one of {', '.join(_FORMATS)}")
    return _FORMATS[name]


def _expression(body: Body) -> Graph:
    document = body.get("expression")
    if not isinstance(document, dict):
        raise InvalidExpression("the body has no 'expression'")
    if not isinstance(document.get("values"), dict) or not isinstance(document.get("result"), str):
        raise InvalidExpression("an expression is an object with 'result' and 'values'")
    return read_graph(document, as_message=True)


def _text(body: Body, key: str) -> str:
    value = body.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise invalid(key, "NOT_A_TEXT", "has to be a text")
    return value


def _list(body: Body, key: str) -> list[Any]:
    value = body.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise invalid(key, "NOT_A_LIST", "has to be a list")
    return value


def _set_grid(params: download_pb2.DownloadParams, grid: Any) -> None:
    if not isinstance(grid, Mapping):
        raise invalid(
            "grid", "NOT_A_GRID", "has to be an object with dimensions, affineTransform and crsCode or crsWkt"
        )
    crs = grid.get("crsCode") or grid.get("crsWkt")
    if crs is not None:
        params.crs = str(crs)
    affine = grid.get("affineTransform")
    if affine is not None:
        params.crs_transform.extend(_affine(affine))
    dimensions = grid.get("dimensions")
    if dimensions is not None:
        params.dimensions.extend(_dimensions(dimensions))


def _affine(value: Any) -> list[float]:
    try:
        keys = ("scaleX", "shearX", "translateX", "shearY", "scaleY", "translateY")
        return [float(value.get(key) or 0.0) for key in keys]
    except (AttributeError, TypeError, ValueError, OverflowError):
        raise invalid(
            "grid.affineTransform", "NOT_A_TRANSFORM", "has to be numbers by name: scaleX and so on"
        ) from None


def _dimensions(value: Any) -> list[int]:
    sides = [str(value.get(side)) for side in ("width", "height")] if isinstance(value, Mapping) else []
    if not sides or not all(map(_whole.fullmatch, sides)):
        raise invalid("grid.dimensions", "NOT_DIMENSIONS", "has to be width and height, whole numbers of pixels")
    numbers = [int(float(side)) for side in sides]
    if not all(0 < number < 1 << 31 for number in numbers):
        raise invalid("grid.dimensions", "NOT_DIMENSIONS", f"{numbers[0]} x {numbers[1]} pixels are not possible")
    return numbers


# -- graphs ------------------------------------------------------------------------------------


def _asset_graph(asset: str) -> Graph:
    return closed_graph("0", {"0": call("Image.load", {"id": Literal(asset)})})


def _visualized(graph: Graph, options: Any, bands: list[str]) -> Graph:
    """Return a graph that shows bands of what another makes, by default its own, as visualizationOptions have it."""
    if not isinstance(options, Mapping):
        raise invalid("visualizationOptions", "NOT_OPTIONS", "has to be an object")
    values = options.get("ranges") or []
    if not isinstance(values, list) or not all(isinstance(r, Mapping) for r in values):
        raise invalid("visualizationOptions.ranges", "NOT_RANGES", "has to be a list of objects with min and max")
    ranges: list[Mapping[str, Any]] = values
    gamma = options.get("gamma")
    arguments = {
        "image": Reference(graph.result),
        "bands": constant(bands or None),
        "min": constant([r.get("min", 0) for r in ranges] or None),
        "max": constant([r.get("max", 0) for r in ranges] or None),
        "gamma": constant(gamma.get("value") if isinstance(gamma, Mapping) else None),
        "opacity": constant(options.get("opacity")),
        "palette": constant(options.get("paletteColors") or None),
    }
    return graph_around(graph, call("Image.visualize", arguments))


def _within(graph: Graph, region: Any, grid: Any) -> Graph:
    """Return a graph of an image within the bounds of a region, on a grid that it may name."""
    image: GraphNode = Reference(graph.result)
    crs = grid.get("crsCode") or grid.get("crsWkt")
    if crs is not None:
        affine = grid.get("affineTransform")
        transform = constant(_NORTH_UP if affine is None else _affine(affine))
        image = call("Image.setDefaultProjection", {"image": image, "crs": constant(crs), "crsTransform": transform})
    width = height = None
    if grid.get("dimensions") is not None:
        width, height = _dimensions(grid["dimensions"])
    arguments = {
        "input": image,
        "geometry": constant(_geojson(region)),
        "width": constant(width),
        "height": constant(height),
    }
    return graph_around(graph, call("Image.clipToBoundsAndScale", arguments))


def _geojson(region: Any) -> Any:
    try:
        return region if isinstance(region, dict) else json.loads(str(region))
    except (ValueError, RecursionError):
        raise invalid("region", "REGION_NOT_GEOJSON", "has to be a GeoJSON geometry") from None


# -- maps --------------------------------------------------------------------------------------

_HALF = 20037508.342789244
"""Half the side of the square of EPSG:3857; source: EPSG Guidance Note 7-2."""

_TILE = 256


def world_params(params: download_pb2.DownloadParams) -> download_pb2.DownloadParams:
    """Return the params of the one tile that shows the world; the others are parts of it."""
    size = 2 * _HALF / _TILE
    tile = download_pb2.DownloadParams()
    tile.CopyFrom(params)
    tile.crs = "EPSG:3857"
    tile.crs_transform[:] = [size, 0.0, -_HALF, 0.0, -size, _HALF]
    tile.dimensions[:] = [_TILE, _TILE]
    return tile
