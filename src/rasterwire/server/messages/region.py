"""Areas of the wire's messages."""

import math
from dataclasses import replace

from rasterwire.errors import InvalidRequest
from rasterwire.geo.crs import parse_crs
from rasterwire.geo.region import Region, box_region, check_edges, geojson_region
from rasterwire.v1 import download_pb2

_HOME = "region"
"""The field that errors of regions name."""


def read_region(message: download_pb2.Region, field: str = _HOME) -> Region | None:
    """Return the area of a message; None where the rules of the schema say that it has none.

    Args:
        message: as the caller wrote it.
        field: where.

    Raises:
        InvalidRequest: it means nothing; with the path of the field that is wrong.
    """
    try:
        return _read(message)
    except InvalidRequest as error:
        raise InvalidRequest(
            tuple(
                replace(
                    violation,
                    field=field + violation.field.removeprefix(_HOME),
                    description=violation.description.replace(f"{_HOME}.crs", f"{field}.crs"),
                )
                for violation in error.violations
            )
        ) from None


def _read(message: download_pb2.Region) -> Region | None:
    crs = parse_crs(message.crs, f"{_HOME}.crs") if message.crs else None
    match message.WhichOneof("shape"):
        case "bounding_box":
            sides = message.bounding_box
            corners = (sides.west, sides.south, sides.east, sides.north)
            if not all(map(math.isfinite, corners)):
                return None
            box = box_region(*corners, crs) if crs else box_region(*corners)
            geodesic = message.edges == download_pb2.EDGES_GEODESIC
            check_edges(f"{_HOME}.edges", box.crs, geodesic)
            return Region(box.geometry, box.crs, geodesic)
        case "geojson":
            edges = {download_pb2.EDGES_PLANAR: False, download_pb2.EDGES_GEODESIC: True}
            return geojson_region(message.geojson, crs, edges.get(message.edges))
        case _:
            return None
