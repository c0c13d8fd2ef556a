"""From the dictionaries of Earth Engine's documentation to the message of the schema."""

import contextlib
import difflib
import json
import math
import numbers
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, TypeAlias

from google.protobuf import json_format

from rasterwire.client.errors import FieldViolation, InvalidParams
from rasterwire.client.violations import SOURCES, invalid_params
from rasterwire.json_form import misfits
from rasterwire.v1 import download_pb2

Params: TypeAlias = download_pb2.DownloadParams | Mapping[str, Any]
"""A request, as a message or as a dictionary in camelCase or snake_case."""

_format_aliases = {"GEOTIFF": "GEO_TIFF", "NUMPY": "NPY", "ZIPPED_GEOTIFF": "ZIPPED_GEO_TIFF"}

_MOST_EXACT = 2**53
"""Beyond it a double does not have every whole number."""

A_REGION = "has to be [west, south, east, north], a list of points, or GeoJSON"
"""Said of a region that is none."""

_plain = {
    "id": str,
    "name": str,
    "crs": str,
    "file_per_band": bool,
    "strict": bool,
    "nodata": float,
    "nodata_text": str,
    "clip_to_region": bool,
    "compression_level": int,
    "cloud_optimized": bool,
    "request_id": str,
    "scale": float,
}

_enums: dict[str, Any] = {
    "format": download_pb2.Format,
    "precedence": download_pb2.Precedence,
    "resampling": download_pb2.Resampling,
    "mask": download_pb2.Mask,
    "compression": download_pb2.Compression,
    "edges": download_pb2.Edges,
}


def to_message(params: Params, lines_are_geodesic: bool = False) -> download_pb2.DownloadParams:
    """Return the message of a request; a message is returned as it is.

    Args:
        params: a dictionary as Earth Engine's documentation has it, with the fields of the schema
            besides. None stands for an absent value.
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
    reader = _Reader(lines_are_geodesic)
    return reader.params(params), reader.problems


def _prefixed(prefix: str, value: Any) -> Any:
    """Return the name of an enum's value with its prefix."""
    return prefix + value.upper().removeprefix(prefix) if isinstance(value, str) else value


def _graph(value: Any) -> Any:
    """Return the JSON of a graph: of an object of Earth Engine's library, of its text, or as it is."""
    if hasattr(value, "serialize"):
        value = value.serialize()
    value = json.loads(value) if isinstance(value, str) else value
    if not isinstance(value, Mapping):
        raise TypeError("has to be an object of Earth Engine's library, or what its serialize() gives")
    return value


def _compared(wanted: Any) -> Any:
    """Return a test of a property with the names of the schema."""
    if not isinstance(wanted, Mapping) or "comparison" not in wanted:
        return wanted
    return {**wanted, "comparison": _prefixed("COMPARISON_", wanted["comparison"])}


def _time(value: Any) -> Any:
    """Return a date of Python as JSON has it; without a zone it is of UTC, as Earth Engine has it."""
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).isoformat()
    return f"{value.isoformat()}T00:00:00Z" if isinstance(value, date) else value


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])([A-Z])", lambda found: "_" + found[1].lower(), name)


class _Reader:
    """Reads dictionaries and notes what is wrong with them."""

    def __init__(self, lines_are_geodesic: bool) -> None:
        self.problems: list[FieldViolation] = []
        self._lines_are_geodesic = lines_are_geodesic

    def params(self, given: Mapping[str, Any]) -> download_pb2.DownloadParams:
        message = download_pb2.DownloadParams()
        sources = [str(key) for key, value in given.items() if value is not None and _snake(str(key)) in SOURCES]
        if len(sources) > 1:
            self._problem(
                sources[1], f"is given together with {sources[0]}; an image comes from one of {', '.join(SOURCES)}"
            )
        for key, value in given.items():
            name = _snake(str(key))
            if value is None:
                continue
            if name in ("image", "id"):
                self._image(message, key, value)
            elif name == "bands":
                self._bands(message, value)
            elif name == "region":
                self._noting("region", lambda v: self._region(message, v), value)
            elif name == "mosaic":
                self._noting(key, lambda v: self._mosaic(message, v), value)
            elif name == "expression":
                self._noting(key, lambda v: json_format.ParseDict(_graph(v), message.expression), value)
            else:
                self._field(message, str(key), name, value)
        return message

    def _mosaic(self, message: download_pb2.DownloadParams, value: Any) -> None:
        """Read a mosaic: as the schema has it, names of enums with or without their prefix, bounds as any region."""
        if not isinstance(value, Mapping):
            raise TypeError("has to be a dictionary with images or query, and composite")
        plain = {_snake(str(k)): v for k, v in value.items() if v is not None}
        if "composite" in plain:
            plain["composite"] = _prefixed("COMPOSITE_", plain["composite"])
        if isinstance(plain.get("images"), list | tuple):
            plain["images"] = {"ids": list(plain["images"])}
        if isinstance(plain.get("query"), Mapping):
            query = {_snake(str(k)): v for k, v in plain["query"].items() if v is not None}
            bounds = query.pop("bounds", None)
            query |= {name: _time(query[name]) for name in ("start_time", "end_time") if name in query}
            if isinstance(query.get("filters"), list | tuple):
                query["filters"] = [_compared(one) for one in query["filters"]]
            plain["query"] = query
        found = list(misfits(plain, message.mosaic.DESCRIPTOR, "mosaic"))
        for one in found:
            self._problem(one.field, one.description)
        if found:
            return
        message.mosaic.SetInParent()
        json_format.ParseDict(plain, message.mosaic)
        if isinstance(plain.get("query"), Mapping) and bounds is not None:
            area = download_pb2.DownloadParams()
            self._region(area, bounds)
            message.mosaic.query.bounds.CopyFrom(area.region)

    def _problem(self, field: str, description: str) -> None:
        self.problems.append(FieldViolation(field, description))

    def _field(
        self,
        message: download_pb2.DownloadParams | download_pb2.BandSpec,
        key: str,
        name: str,
        value: Any,
        path: str = "",
    ) -> None:
        """Read a field that requests and, some of them, single bands have."""
        known = list(message.DESCRIPTOR.fields_by_name)
        if name not in known:
            close = difflib.get_close_matches(name, known, 1)
            hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(known)}"
            self._problem(path + key, f"no such parameter; {hint}")
        elif name == "crs_transform":
            self._noting(path + key, lambda v: message.crs_transform.extend(_transform(v)), value)
        elif name == "dimensions":
            self._noting(path + key, lambda v: message.dimensions.extend(_dimensions(v)), value)
        elif name in _enums:
            number = self._enum(path + key, name, value)
            if number is not None:
                setattr(message, name, number)
        elif name == "nodata" and isinstance(value, int) and abs(value) > _MOST_EXACT:
            self._noting(path + key, lambda v: setattr(message, "nodata_text", str(v)), value)
        else:
            self._noting(path + key, lambda v: setattr(message, name, _typed(_plain[name], v)), value)

    def _noting(self, field: str, take: Callable[[Any], object], value: Any) -> None:
        """Let a function take a value, and note what it finds wrong with it."""
        try:
            take(value)
        except UnicodeEncodeError:
            self._problem(field, f"has half of a surrogate pair, which is no text, got {value!r:.80}")
        except (ValueError, TypeError, OverflowError, RecursionError, json_format.ParseError) as error:
            self._problem(field, f"{error}, got {value!r:.80}")

    def _enum(self, field: str, name: str, value: Any) -> int | None:
        kind = _enums[name]
        prefix = name.upper() + "_"
        text = str(value).upper().removeprefix(prefix)
        text = _format_aliases.get(text, text) if name == "format" else text
        if isinstance(value, str) and prefix + text in kind.keys():  # noqa: SIM118  keys() is the wrapper's
            return int(kind.Value(prefix + text))
        known = [k.removeprefix(prefix) for k in kind.keys() if not k.endswith("UNSPECIFIED")]  # noqa: SIM118
        self._problem(field, f"{value!r:.60} is none of {', '.join(known)}")
        return None

    def _image(self, message: download_pb2.DownloadParams, key: str, value: Any) -> None:
        if isinstance(value, str):
            self._noting(key, lambda v: setattr(message, "image", v), value)
        else:
            self._problem(key, f"has to be the id of an image, got {type(value).__name__}")

    def _bands(self, message: download_pb2.DownloadParams, value: Any) -> None:
        if isinstance(value, str):
            value = [name.strip() for name in value.split(",")]
        if not isinstance(value, Sequence):
            self._problem("bands", f"has to be a list of names or of dictionaries, got {type(value).__name__}")
            return
        for index, band in enumerate(value):
            spec = message.bands.add()
            parts = {"id": band} if isinstance(band, str) else band
            if not isinstance(parts, Mapping) or not isinstance(parts.get("id"), str):
                self._problem(f"bands[{index}]", "has to be a name, or a dictionary with an id")
                continue
            for key, part in parts.items():
                if part is not None:
                    self._field(spec, str(key), _snake(str(key)), part, f"bands[{index}].")

    def _region(self, message: download_pb2.DownloadParams, value: Any) -> None:
        if isinstance(value, download_pb2.Region):
            message.region.CopyFrom(value)
            return
        if isinstance(value, str):
            try:
                value = json.loads(value)
            except ValueError:
                raise ValueError(A_REGION) from None
        if isinstance(value, Mapping):
            self._geojson(message, value)
            return
        corners = _corners(value)
        if len(corners) == 2:
            (west, south), (east, north) = corners
            box = download_pb2.BoundingBox(west=west, south=south, east=east, north=north)
            message.region.bounding_box.CopyFrom(box)
        else:
            ring = [*corners, corners[0]] if corners[0] != corners[-1] else corners
            message.region.geojson = json.dumps({"type": "Polygon", "coordinates": [ring]})

    def _geojson(self, message: download_pb2.DownloadParams, value: Mapping[str, Any]) -> None:
        if {"bounding_box", "boundingBox", "geojson"} & set(value):
            self._schemas_own(message, {_snake(str(key)): part for key, part in value.items() if part is not None})
            return
        message.region.geojson = json.dumps(value)
        polygon = value.get("type") in ("Polygon", "MultiPolygon")
        if self._lines_are_geodesic and polygon and "geodesic" not in value and "crs" not in value:
            message.region.edges = download_pb2.EDGES_GEODESIC

    def _schemas_own(self, message: download_pb2.DownloadParams, value: dict[str, Any]) -> None:
        """Read a region in the words of the schema's ``Region``."""
        if "bounding_box" in value:
            sides = value["bounding_box"]
            if not isinstance(sides, Mapping):
                numbers = _flat_box(_numbers(sides))
                if len(numbers) != 4:
                    raise ValueError("bounding_box has to be [west, south, east, north]")
                sides = dict(zip(("west", "south", "east", "north"), numbers, strict=True))
            message.region.bounding_box.CopyFrom(download_pb2.BoundingBox(**sides))
        if "geojson" in value:
            text = value["geojson"]
            message.region.geojson = text if isinstance(text, str) else json.dumps(text)
        message.region.crs = _typed(str, value.get("crs", ""))
        if "edges" in value:
            edges: Any = self._enum("region.edges", "edges", value["edges"]) or 0
            message.region.edges = edges
        for key in value.keys() - {"bounding_box", "geojson", "crs", "edges"}:
            self._problem(f"region.{key}", "no such part of a region; there are bounding_box, geojson, crs, edges")


def _typed(kind: type, value: Any) -> Any:
    if kind is float and isinstance(value, str | numbers.Real) and not isinstance(value, bool):
        with contextlib.suppress(ValueError):
            return float(value)
    if kind is bool and isinstance(value, bool):
        return value
    if kind is int and not isinstance(value, bool) and isinstance(value, numbers.Integral) and abs(int(value)) < 2**31:
        return int(value)
    if kind is str and isinstance(value, str):
        return value
    names = {float: "a number", bool: "true or false", int: "a whole number", str: "text"}
    raise TypeError(f"has to be {names[kind]}")


def _numbers(value: Any) -> list[float]:
    """Return a list of numbers, also from "1, 2" or "[1, 2]"."""
    if isinstance(value, str):
        value = [part for part in re.split(r"[\s,\[\]()]+", value) if part]
    if not isinstance(value, Sequence):
        raise TypeError("has to be a list of numbers")
    try:
        return [float(part) for part in value]
    except ValueError:
        raise ValueError("has to be a list of numbers") from None


def _transform(value: Any) -> list[float]:
    numbers = _numbers(value)
    if len(numbers) != 6:
        raise ValueError("has to be six numbers [xScale, xShear, xTranslation, yShear, yScale, yTranslation]")
    return numbers


def _dimensions(value: Any) -> list[int]:
    """Return one or two sizes from 100, [100, 50] or "100x50"."""
    if isinstance(value, str):
        value = re.split(r"\s*[xX,]\s*|\s+", value.strip())  # "10x" has an empty part, which is no number
    try:
        sizes = [float(part) for part in ([value] if isinstance(value, int | float) else list(value))]
    except (ValueError, TypeError):
        sizes = []
    if not 1 <= len(sizes) <= 2 or any(not math.isfinite(n) or n != int(n) or abs(n) >= 2**31 for n in sizes):
        raise ValueError("has to be one whole number or two, width and height")
    return [int(n) for n in sizes]


class _Ambiguous(ValueError):
    """Numbers that can be read in two ways."""


def _flat_box(numbers: list[Any]) -> list[Any]:
    """Return six numbers as a box without its heights, others as they are; source: RFC 7946, section 5."""
    if len(numbers) != 6:
        return numbers
    west, south, lowest, east, north, highest = numbers
    if south > north or lowest > highest:
        said = "six numbers are a box with heights, [west, south, lowest, east, north, highest], and here "
        which = "south is above north" if south > north else "lowest is above highest"
        raise _Ambiguous(f"{said}{which}; a triangle is [[x, y], [x, y], [x, y]]")
    return [west, south, east, north]


def _corners(value: Any) -> list[tuple[float, float]]:
    """Return points from [w, s, e, n], [[x, y], [x, y]], or a ring of points."""
    try:
        items = list(value)
        if len(items) == 1 and isinstance(items[0], Sequence):
            items = list(items[0])  # a list of one ring
        if all(isinstance(item, int | float) for item in items):
            items = _flat_box(items)
        if len(items) == 4 and all(isinstance(item, int | float) for item in items):
            return [(items[0], items[1]), (items[2], items[3])]
        if all(isinstance(item, int | float) for item in items) and len(items) % 2 == 0:
            items = [items[i : i + 2] for i in range(0, len(items), 2)]
        points = [
            (float(x), float(y)) for x, y in (item[:2] if len(item) == 3 else item for item in items)
        ]  # no heights
    except _Ambiguous:
        raise
    except (ValueError, TypeError):
        points = []
    if len(points) < 2:
        raise ValueError(A_REGION)
    if len(points) == 2:
        (x0, y0), (x1, y1) = points
        return [(x0, min(y0, y1)), (x1, max(y0, y1))]
    return points
