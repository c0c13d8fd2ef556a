"""Grids of array files: by coordinates of CF, or by the conventions ``spatial`` and ``proj`` of GeoZarr.

A grid has the rows and columns in the order in which they are stored: where y grows with the rows, the transform says
so, and no pixel is moved.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
import pyproj
from affine import Affine
from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox
from pyproj.exceptions import ProjError

from rasterwire.errors import InvalidRequest, SourceUnavailable
from rasterwire.files.arrays.attributes import as_number, as_numbers, as_text
from rasterwire.files.arrays.variables import Variable, Variables
from rasterwire.geo.crs import exact_crs, parse_crs
from rasterwire.units import plural_text

__all__ = ["grid_of", "spatial_axes"]

_TOLERANCE = 0.01
"""In pixels: how far a coordinate may be from its place on a regular axis."""

_ROUNDED_TOLERANCE = 0.1
"""The same for coordinates whose type cannot hold them better."""

_MAX_COORDINATES = 1 << 22
"""Coordinates along an axis."""

_LEAST_PIXEL = 1e-20
"""Units of the crs along the side of a pixel at least."""

_x_names = {"projection_x_coordinate", "longitude", "grid_longitude", "projection_x_angular_coordinate"}
_y_names = {"projection_y_coordinate", "latitude", "grid_latitude", "projection_y_angular_coordinate"}
_usual_x = {"x", "lon", "longitude", "easting", "eastings"}
_usual_y = {"y", "lat", "latitude", "northing", "northings"}
_degrees_east = {"degrees_east", "degree_east", "degree_e", "degrees_e", "degreee", "degreese"}
_degrees_north = {"degrees_north", "degree_north", "degree_n", "degrees_n", "degreen", "degreesn"}

_degrees = {"degree", "degrees"}
_limits_of_degrees = {"lon": (-360, 360), "longitude": (-360, 360), "lat": (-90, 90), "latitude": (-90, 90)}

_metres = {"m": 1.0, "metre": 1.0, "meter": 1.0, "metres": 1.0, "meters": 1.0, "km": 1000.0, "kilometre": 1000.0}
_radians = {"rad", "radian", "radians"}


def spatial_axes(variable: Variable, variables: Variables) -> tuple[int, int] | None:
    """Return which dimensions of a variable are y and x; None for a variable that does not lie in a plane."""
    axis_names = variables.attribute(variable, "spatial:dimensions")
    if (
        isinstance(axis_names, list | tuple)
        and len(axis_names) >= 2
        and set(axis_names[-2:]) <= set(variable.dimensions)
    ):
        return variable.dimensions.index(axis_names[-2]), variable.dimensions.index(axis_names[-1])
    axis_of: dict[str, int] = {}
    for axis, dimension in enumerate(variable.dimensions):
        kind = _kind(dimension, variables.find(dimension, variable.group))
        if kind and kind in axis_of:
            return None
        if kind:
            axis_of[kind] = axis
    return (axis_of["y"], axis_of["x"]) if len(axis_of) == 2 else None


def _kind(dimension: str, coordinate: Variable | None) -> str:
    """Return whether a dimension is "x", "y" or neither, by its coordinate, else by its name."""
    attributes: Mapping[str, Any] = {} if coordinate is None else coordinate.attributes
    axis = as_text(attributes.get("axis")).lower()
    name, units = as_text(attributes.get("standard_name")).lower(), as_text(attributes.get("units")).lower()
    if axis:
        return axis if axis in {"x", "y"} else ""
    if name in _x_names or units in _degrees_east:
        return "x"
    if name in _y_names or units in _degrees_north:
        return "y"
    lower = dimension.lower()
    return "x" if lower in _usual_x else "y" if lower in _usual_y else ""


def grid_of(variable: Variable, variables: Variables, axes: tuple[int, int]) -> GeoBox:
    """Return the grid of the planes of a variable; its crs is None where the file names none.

    Args:
        variable: to place.
        variables: of its file.
        axes: of y and x.

    Raises:
        SourceUnavailable: it has no place, an irregular one, or names a crs that cannot be read.
    """
    shape = variable.shape[axes[0]], variable.shape[axes[1]]
    mapping = _grid_mapping(variable, variables)
    crs = _crs(variable, variables, mapping)
    transform = _spatial_transform(variable, variables, shape)
    if transform is not None:
        return GeoBox(shape, _checked(transform), crs)
    stored = as_numbers(mapping.get("GeoTransform"))
    of_mapping = _from_gdal(stored) if len(stored) == 6 else None
    names = [variable.dimensions[axis] for axis in axes]
    coordinates = [variables.find(name, variable.group) for name in names]
    if any(coordinate is None for coordinate in coordinates):
        if of_mapping is None:
            missing = next(name for name, array in zip(names, coordinates, strict=True) if array is None)
            raise SourceUnavailable.of_file(
                f"its dimension {missing[:60]!r} has no coordinates, and it has no transform; add one of them"
            )
        return GeoBox(shape, _checked(of_mapping), crs)
    if crs is None and all(_are_degrees(coordinate) for coordinate in coordinates if coordinate is not None):
        crs = CRS("EPSG:4326")  # CF names no datum for plain longitudes and latitudes; GDAL takes this one too
    edges = [
        _axis(coordinate, size, _factor(coordinate, mapping, crs))
        for coordinate, size in zip(coordinates, shape, strict=True)
        if coordinate is not None
    ]
    if of_mapping is not None and all(
        _agrees(edge, (origin, step), size)
        for edge, (origin, step), size in zip(
            edges, ((of_mapping.f, of_mapping.e), (of_mapping.c, of_mapping.a)), shape, strict=True
        )
    ):
        return GeoBox(shape, _checked(of_mapping), crs)  # its numbers are not rounded
    if any(edge is None for edge in edges):
        raise SourceUnavailable.of_file("one coordinate along an axis gives no size of pixels; add a transform")
    (top, down), (left, across) = (edge or (0.0, 0.0) for edge in edges)
    return GeoBox(shape, _checked(Affine(across, 0, left, 0, down, top)), crs)


def _agrees(edge: tuple[float, float] | None, other: tuple[float, float], size: int) -> bool:
    """Tell whether an axis of coordinates, if it is known, begins and ends where that of a transform does."""
    if edge is None:
        return size == 1
    ends = ((origin, origin + step * size) for origin, step in (edge, other))
    (first, last), (other_first, other_last) = ends
    return max(abs(first - other_first), abs(last - other_last)) <= _ROUNDED_TOLERANCE * abs(edge[1])


def _from_gdal(numbers: Sequence[float]) -> Affine:
    return Affine(numbers[1], numbers[2], numbers[0], numbers[4], numbers[5], numbers[3])


def _checked(transform: Affine) -> Affine:
    if not all(map(math.isfinite, transform[:6])) or abs(transform.determinant) < _LEAST_PIXEL**2:
        raise SourceUnavailable.of_file("its transform gives pixels no area; georeference it again")
    return transform


def _spatial_transform(variable: Variable, variables: Variables, shape: tuple[int, int]) -> Affine | None:
    """Return the transform of the convention ``spatial``; None where the variable does not follow it.

    Raises:
        SourceUnavailable: it is of a kind that is unknown here.
    """
    numbers = _numbers_of(variable, variables, "spatial:transform")
    kind = as_text(variables.attribute(variable, "spatial:transform_type"))
    if kind not in {"", "affine"}:
        raise SourceUnavailable.of_file(f"its spatial:transform_type is {kind[:40]!r}, only affine is read")
    if not numbers:
        return None
    if len(numbers) != 6:
        raise SourceUnavailable.of_file(
            f"its spatial:transform has {plural_text(len(numbers), 'number')}, six are needed"
        )
    transform = Affine(*numbers)
    declared = _numbers_of(variable, variables, "spatial:shape")
    if declared and tuple(declared[-2:]) != shape:
        raise SourceUnavailable.of_file(
            f"its spatial:shape is {declared[-2:]}, and its array has {list(shape)} rows and columns"
        )
    is_node = as_text(variables.attribute(variable, "spatial:registration")) == "node"
    return transform @ Affine.translation(-0.5, -0.5) if is_node else transform


def _numbers_of(variable: Variable, variables: Variables, name: str) -> list[float | int]:
    """Return the numbers of an attribute, which NetCDF gives as an array; [] where there is none."""
    value = variables.attribute(variable, name)
    return [] if value is None else as_numbers(value)


def _are_degrees(coordinate: Variable) -> bool:
    """Tell whether coordinates are longitudes or latitudes: by what CF asks for, else by their name alone.

    A name alone counts where no units say otherwise, and all values can be degrees: many files have no more.
    """
    units = as_text(coordinate.attributes.get("units")).lower()
    if units:
        is_angle = as_text(coordinate.attributes.get("standard_name")).lower() in {"longitude", "latitude"}
        return units in _degrees_east | _degrees_north or (is_angle and units in _degrees)
    name = as_text(coordinate.attributes.get("standard_name")).lower() or coordinate.name.lower()
    limits = _limits_of_degrees.get(name)
    size = coordinate.shape[0] if len(coordinate.shape) == 1 else 0
    if limits is None or not 0 < size <= _MAX_COORDINATES or coordinate.dtype.kind not in "iuf":
        return False
    values = coordinate.read((slice(0, size),))
    return bool(((values >= limits[0]) & (values <= limits[1])).all())


def _factor(coordinate: Variable | None, mapping: Mapping[str, Any], crs: CRS | None) -> float:
    """Return by how much to multiply coordinates to have units of the crs."""
    units = "" if coordinate is None else as_text(coordinate.attributes.get("units")).lower()
    if units in _radians:
        height = as_number(mapping.get("perspective_point_height"))
        return 1.0 if height is None else float(height)
    if crs is None or crs.geographic or units not in _metres:
        return 1.0
    unit = crs.proj.axis_info[0].unit_conversion_factor
    return _metres[units] / unit if unit else 1.0


def _axis(coordinate: Variable, size: int, factor: float) -> tuple[float, float] | None:
    """Return the outer edge of the first pixel along an axis, and the step from pixel to pixel; None for one pixel.

    Raises:
        SourceUnavailable: the coordinates are not those of a regular axis.
    """
    name = coordinate.name[:60]
    if coordinate.shape != (size,):
        raise SourceUnavailable.of_file(f"its coordinates {name!r} have {len(coordinate.shape)} dimensions, not one")
    if size > _MAX_COORDINATES or coordinate.dtype.kind not in "iuf":
        raise SourceUnavailable.of_file(f"its coordinates {name!r} are too many, or not numbers; add a transform")
    stored = coordinate.read((slice(0, size),))
    scale, offset = (as_number(coordinate.attributes.get(key)) for key in ("scale_factor", "add_offset"))
    values = stored.astype(np.float64) * (1.0 if scale is None else scale) + (0.0 if offset is None else offset)
    values *= factor
    if size == 1:
        return None
    slack = _rounding(stored, abs(factor * (1.0 if scale is None else scale)))
    first, step = float(values[0]), float(values[-1] - values[0]) / (size - 1)
    if not math.isfinite(first) or not math.isfinite(step) or abs(step) < _LEAST_PIXEL:
        raise SourceUnavailable.of_file(f"its coordinates {name!r} do not grow or fall from pixel to pixel")
    error = float(np.abs(values - (first + step * np.arange(size))).max())
    if not error <= max(_TOLERANCE * abs(step), min(slack, _ROUNDED_TOLERANCE * abs(step))):
        raise SourceUnavailable.of_file(
            f"its coordinates {name!r} are not regular: one is {error / abs(step):.2g} pixels from its place; "
            "resample it onto a regular grid"
        )
    first, step = _shortened(values, first, step, slack)
    return first - step / 2, step


def _rounding(stored: npt.NDArray[Any], scale: float) -> float:
    """Return how far coordinates may be from what they were before they were stored."""
    if stored.dtype.kind != "f":
        return 0.5 * scale
    return float(np.abs(stored).max()) * float(np.finfo(stored.dtype).eps) * scale


def _shortened(values: npt.NDArray[np.float64], first: float, step: float, slack: float) -> tuple[float, float]:
    """Return the first coordinate and the step with the fewest digits that give all coordinates as they are stored.

    Coordinates in float32 hold steps such as 0.1 with an error that would move the grid.
    """
    slack = max(slack, 4 * np.finfo(np.float64).eps * float(np.abs(values).max()))
    places = np.arange(len(values))
    for digits in range(1, 12):
        short_step = float(f"{step:.{digits}g}")
        if abs(short_step - step) * len(values) > 2 * slack:
            continue
        decimals = max(0, digits - 1 - math.floor(math.log10(abs(step)))) + 1
        short_first = round(first, decimals)
        if float(np.abs(values - (short_first + short_step * places)).max()) <= slack:
            return short_first, short_step
    return first, step


def _grid_mapping(variable: Variable, variables: Variables) -> Mapping[str, Any]:
    """Return the attributes of the variable that describes the crs; {} where there is none."""
    names = as_text(variables.attribute(variable, "grid_mapping")).split(":")[0].split()
    for name in (*names[:1], *(() if names else ("spatial_ref", "crs"))):
        target = variables.find(name, variable.group)
        if target is not None:
            return target.attributes
    return {}


def _crs(variable: Variable, variables: Variables, mapping: Mapping[str, Any]) -> CRS | None:
    """Return the crs that a variable names, None where it names none.

    Raises:
        SourceUnavailable: it names one that cannot be read.
    """
    try:
        for text in _crs_texts(variable, variables, mapping):
            if text:
                return parse_crs(text, "crs")
        if as_text(mapping.get("grid_mapping_name")):
            plain = {name: _plain(value) for name, value in mapping.items() if name != "GeoTransform"}
            return exact_crs(pyproj.CRS.from_cf(plain))
    except (InvalidRequest, ProjError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise SourceUnavailable.of_file(
            "it names a coordinate reference system that cannot be read; name it by a code of EPSG or by WKT"
        ) from error
    return None


def _crs_texts(variable: Variable, variables: Variables, mapping: Mapping[str, Any]) -> list[str]:
    projjson = variables.attribute(variable, "proj:projjson")
    gdal = variables.attribute(variable, "_CRS")
    codes = (as_text(mapping.get(key)) or as_number(mapping.get(key)) for key in ("epsg_code", "epsg", "EPSG"))
    return [
        as_text(variables.attribute(variable, "proj:code")),
        as_text(variables.attribute(variable, "proj:wkt2")),
        orjson.dumps(projjson).decode() if isinstance(projjson, dict) else as_text(projjson),
        as_text(mapping.get("crs_wkt")) or as_text(mapping.get("spatial_ref")),
        *(
            str(code) if ":" in str(code) else f"EPSG:{code:g}" if isinstance(code, int | float) else f"EPSG:{code}"
            for code in codes
            if code
        ),
        as_text(gdal.get("wkt")) if isinstance(gdal, dict) else "",
    ]


def _plain(value: Any) -> Any:
    """Return a value as pyproj takes it."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    numbers = as_numbers(value) if not isinstance(value, str) else []
    return value if not numbers else numbers[0] if len(numbers) == 1 else numbers
