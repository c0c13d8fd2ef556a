"""The table of forms: what a field may be written as beside the JSON of its message.

Objects of Python are told by what they offer (``__geo_interface__``, ``to_wkt``), so that none of their libraries is
needed.
"""

import json
import numbers
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

_MAX_EXACT = 2**53
"""Beyond it a double does not have every whole number."""

_LONGEST_TEXT = 1000
"""Characters of numbers as text; more is not split."""

_TRANSFORM = "six numbers, row-major: [xScale, xShear, xTranslation, yShear, yScale, yTranslation]"
_SIZES = "one whole number or two, width and height, such as 100 or 100x50"
_REGION = "[west, south, east, north], a list of points, GeoJSON, or an object with {members}"
_BOX = "[west, south, east, north], or an object with {members}"
_STRETCH = "two percentiles such as [2, 98], or an object with {members}"
_SHAPES = {"bounding_box", "boundingBox", "geojson"}
_REAL = (int, float, numbers.Real)  # the last alone takes ten times as long to be asked
_size = re.compile(r"\s*(\d{1,10})\s*(?:[xX,\s]\s*(\d{1,10})\s*)?", re.ASCII)
_code = re.compile(r"[A-Za-z][\w-]*:\w+", re.ASCII)
_digits = re.compile(r"-?\d{16,20}", re.ASCII)

JsonSchema = Mapping[str, Any]
"""Of JSON Schema 2020-12, as OpenAPI 3.1 has it."""

_NUMBER: JsonSchema = {"type": "number"}
_TEXT: JsonSchema = {"type": "string"}


class Unfit(ValueError):
    """A value that no form allows.

    Attributes:
        description: what is wrong, without the value; ``{members}`` stands for the names of the message's fields.
        reason: a name in upper case.
    """

    def __init__(self, description: str, reason: str = "VALUE_UNFIT") -> None:
        super().__init__(description)
        self.description = description
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Form:
    """What else a field, or a message, may be written as.

    Attributes:
        wanted: what it has to be, for the sentence that begins with "has to be"; ``{members}`` stands for the names of
            the message's fields.
        plain: returns the JSON of the schema for a value of any form. What is of no form is returned as it is, for the
            reader to refuse, or raises ``Unfit``.
        schemas: of the forms that JSON can have, beside that of the message.
    """

    wanted: str
    plain: Callable[[Any], Any]
    schemas: tuple[JsonSchema, ...] = ()


def _list_of(item: JsonSchema, least: int, most: int, description: str) -> JsonSchema:
    return {"type": "array", "items": item, "minItems": least, "maxItems": most, "description": description}


# -- grids -------------------------------------------------------------------------------------


def _crs(value: Any) -> Any:
    """Return the code of an object of pyproj or rasterio that has one, else its WKT."""
    if isinstance(value, str) or not callable(getattr(value, "to_wkt", None)):
        return value
    text = str(value.to_string() if hasattr(value, "to_string") else value)
    return text if _code.fullmatch(text) else value.to_wkt()


def _transform(value: Any) -> Any:
    """Return the items of six numbers; of a matrix of three rows, such as an ``Affine``, the first two rows."""
    items = _split(value) if isinstance(value, str) else _listed(value)
    if isinstance(items, list) and len(items) == 9 and items[6:] == [0, 0, 1]:
        return items[:6]
    if (
        isinstance(items, list)
        and items
        and len(items) != 6
        and (isinstance(value, str) or all(map(_is_number, items)))
    ):
        raise Unfit(f"has to be {_TRANSFORM}", "CRS_TRANSFORM_SIX_NUMBERS")
    return items


def _dimensions(value: Any) -> Any:
    """Return one or two sizes from 100, [100, 50], "100" or "100x50"."""
    if isinstance(value, str):
        sizes = _size.fullmatch(value) if len(value) <= _LONGEST_TEXT else None
        return value if sizes is None else [int(size) for size in sizes.groups() if size is not None]
    items = [value] if isinstance(value, numbers.Real) and _is_size(value) else _listed(value)
    if isinstance(items, list) and len(items) > 2:
        raise Unfit(f"has to be {_SIZES}", "REPEATED_MAX_ITEMS")
    return items


def _listed(value: Any) -> Any:
    """Return the items of a tuple, of an array or of an ``Affine`` as a list."""
    return list(value) if isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping) else value


def _is_size(value: Any) -> bool:
    return not isinstance(value, bool) and -(1 << 31) <= value < 1 << 31 and bool(value % 1 == 0)


def _split(text: str) -> list[str]:
    """Return the parts of "1, 2" or "[1, 2]"; a text that is too long is one part."""
    return [part for part in re.split(r"[\s,\[\]()]+", text) if part] if len(text) <= _LONGEST_TEXT else [text]


# -- regions -----------------------------------------------------------------------------------


def _region(value: Any) -> Any:
    """Return a region as the schema has it, its GeoJSON as an object or as text."""
    value = getattr(value, "__geo_interface__", value)
    if isinstance(value, str):
        value = _parsed(value)
    if isinstance(value, Mapping):
        return {"geojson": value} if "type" in value and not _SHAPES & set(value) else value
    if not isinstance(value, Iterable) or isinstance(value, str | bytes):
        return value
    corners = _corners(list(value))
    if len(corners) == 2:
        (west, south), (east, north) = corners
        return {"bounding_box": {"west": west, "south": south, "east": east, "north": north}}
    ring = [*corners, corners[0]] if corners[0] != corners[-1] else corners
    return {"geojson": json.dumps({"type": "Polygon", "coordinates": [ring]})}


def _parsed(text: str) -> Any:
    """Return what a text holds: JSON, or numbers between commas."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        parts = _split(text)
    try:
        return [float(part) for part in parts]
    except ValueError:
        return text


def _corners(items: list[Any]) -> list[tuple[float, float]]:
    """Return points from [w, s, e, n], [[x, y], [x, y]], or a ring of points."""
    if len(items) == 1 and isinstance(items[0], list | tuple):
        items = list(items[0])  # a list of one ring
    if all(map(_is_number, items)):
        items = _flat_box(items)
        if len(items) % 2 == 0:
            items = [items[i : i + 2] for i in range(0, len(items), 2)]
    try:
        # three numbers are a point with its height
        points = [(float(x), float(y)) for x, y in (item[:2] if len(item) == 3 else item for item in items)]
    except (ValueError, TypeError, OverflowError):
        points = []
    if len(points) < 2:
        raise Unfit(f"has to be {_REGION}")
    if len(points) == 2:
        (x0, y0), (x1, y1) = points
        return [(x0, min(y0, y1)), (x1, max(y0, y1))]
    return points


def _is_number(value: object) -> bool:
    return isinstance(value, _REAL) and not isinstance(value, bool)


def _flat_box(items: list[Any]) -> list[Any]:
    """Return six numbers as a box without its heights, others as they are; source: RFC 7946, section 5."""
    if len(items) != 6:
        return items
    west, south, lowest, east, north, highest = items
    if south > north or lowest > highest:
        message = "six numbers are a box with heights, [west, south, lowest, east, north, highest], and here "
        which = "south is above north" if south > north else "lowest is above highest"
        raise Unfit(f"{message}{which}; a triangle is [[x, y], [x, y], [x, y]]")
    return [west, south, east, north]


def _box(value: Any) -> Any:
    """Return a box of four numbers, or of six with heights, by the names of its sides."""
    items = _parsed(value) if isinstance(value, str) else value
    if not isinstance(items, list | tuple):
        return items
    sides = _flat_box(list(items)) if all(map(_is_number, items)) else list(items)
    if len(sides) != 4:
        raise Unfit(f"has to be {_BOX}")
    return dict(zip(("west", "south", "east", "north"), sides, strict=True))


def _geojson(value: Any) -> Any:
    """Return GeoJSON as text, as the schema has it."""
    value = getattr(value, "__geo_interface__", value)
    try:
        return json.dumps(value) if isinstance(value, Mapping) else value
    except (TypeError, ValueError, RecursionError) as error:
        raise Unfit(f"is no GeoJSON: {error}") from None


def with_geodesic_lines(region: Any) -> Any:
    """Return a region as the schema has it, with geodesic edges where it is a polygon that does not say what it has."""
    shape = region.get("geojson") if isinstance(region, Mapping) else None
    if not isinstance(shape, Mapping) or shape.get("type") not in ("Polygon", "MultiPolygon"):
        return region
    says = "geodesic" in shape or "crs" in shape or "edges" in region
    return region if says else {**region, "edges": "EDGES_GEODESIC"}


# -- bands, images, nodata and times -----------------------------------------------------------


def _bands(value: Any) -> Any:
    return [name.strip() for name in value.split(",")] if isinstance(value, str) else value


def _band(value: Any) -> Any:
    return {"id": value} if isinstance(value, str) else value


def _number_list(value: Any) -> Any:
    """Return a list of numbers from one number, or from several as text."""
    if isinstance(value, str):
        return _split(value)
    return [value] if isinstance(value, numbers.Real) else _listed(value)


def _palette(value: Any) -> Any:
    return [colour.strip() for colour in value.split(",")] if isinstance(value, str) else value


def _stretch(value: Any) -> Any:
    """Return two percentiles by their names."""
    items = _split(value) if isinstance(value, str) else _listed(value)
    if not isinstance(items, list):
        return items
    if len(items) != 2:
        raise Unfit(f"has to be {_STRETCH}")
    return dict(zip(("lower_percent", "upper_percent"), items, strict=True))


def _images(value: Any) -> Any:
    return {"ids": value} if isinstance(value, list | tuple) else value


def _with_exact_nodata(params: Any) -> Any:
    """Return params whose ``nodata`` is text where it is a whole number that a double does not have."""
    if not isinstance(params, Mapping) or any(params.get(name) is not None for name in ("nodata_text", "nodataText")):
        return params
    nodata = params.get("nodata")
    if isinstance(nodata, str) and _digits.fullmatch(nodata):
        nodata = int(nodata)
    if not isinstance(nodata, int | numbers.Integral) or not _MAX_EXACT < abs(int(nodata)) < 1 << 128:
        return params
    others = {key: part for key, part in params.items() if key not in {"nodata", "nodata_text", "nodataText"}}
    return {**others, "nodata_text": str(int(nodata))}


def _time(value: Any) -> Any:
    """Return a date of Python as JSON has it; without a zone it is of UTC, as Earth Engine has it."""
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).isoformat()
    return f"{value.isoformat()}T00:00:00Z" if isinstance(value, date) else value


# -- the table ---------------------------------------------------------------------------------

_OBJECT = "an object with {members}"

_NUMBER_LIST = Form(
    "a number, or a list of numbers", _number_list, (_NUMBER, {**_TEXT, "description": "Numbers, by commas."})
)

FIELD_FORMS: dict[str, Form] = {
    "bands": Form(
        "a list of names, or of objects with an id", _bands, ({**_TEXT, "description": "Names, by commas."},)
    ),
    "crs": Form("a code such as EPSG:32610, WKT or PROJJSON", _crs),
    "crs_transform": Form(
        _TRANSFORM,
        _transform,
        (
            {**_TEXT, "description": "Six numbers, by commas."},
            _list_of(_NUMBER, 9, 9, "A matrix of three rows, of which the last is 0, 0, 1."),
        ),
    ),
    "dimensions": Form(_SIZES, _dimensions, ({"type": "integer"}, {**_TEXT, "description": "Such as 100 or 100x50."})),
    "gamma": _NUMBER_LIST,
    "max": _NUMBER_LIST,
    "min": _NUMBER_LIST,
    "palette": Form("a list of colours", _palette, ({**_TEXT, "description": "Colours, by commas."},)),
    "percents": _NUMBER_LIST,
    "geojson": Form("GeoJSON, as an object or as text", _geojson, ({"type": "object"},)),
}
"""By the name of the field, in any message."""

PLAIN_MESSAGE = Form(_OBJECT, lambda value: value)
"""Of messages that have no form but their own."""

MESSAGE_FORMS: dict[str, Form] = {
    "google.protobuf.Timestamp": Form("a time such as 2021-01-03T00:00:00Z", _time),
    "rasterwire.v1.BandSpec": Form(f"a name, or {_OBJECT}", _band, ({**_TEXT, "description": "The name of a band."},)),
    "rasterwire.v1.BoundingBox": Form(_BOX, _box, (_list_of(_NUMBER, 4, 6, "West, south, east, north."),)),
    "rasterwire.v1.DownloadParams": Form(_OBJECT, _with_exact_nodata),
    "rasterwire.v1.ImageIds": Form(
        f"a list of ids, or {_OBJECT}", _images, ({"type": "array", "items": _TEXT, "description": "Ids of images."},)
    ),
    "rasterwire.v1.Stretch": Form(
        _STRETCH, _stretch, (_list_of(_NUMBER, 2, 2, "The lower and the upper percentile."),)
    ),
    "rasterwire.v1.Region": Form(
        _REGION,
        _region,
        (
            _list_of(_NUMBER, 4, 6, "West, south, east, north in degrees; six have heights."),
            {"type": "array", "items": {"type": "array", "items": _NUMBER}, "description": "A ring of points [x, y]."},
            {"type": "object", "required": ["type"], "description": "GeoJSON."},
            {**_TEXT, "description": "Any of these as text."},
        ),
    ),
}
"""By the full name of the message, wherever a field has it."""

ALIASES: dict[str, dict[str, str]] = {
    "rasterwire.v1.DownloadParams": {"id": "image"},
    "rasterwire.v1.Format": {"GEOTIFF": "GEO_TIFF", "NUMPY": "NPY", "ZIPPED_GEOTIFF": "ZIPPED_GEO_TIFF"},
}
"""Other names: of fields by the full name of their message, of values by that of their enum, without its prefix."""
