"""Levels of multiscale groups: the same variables in coarser and coarser grids, which serve as overviews.

Groups name their levels by the attribute ``multiscales``, in the form of GeoZarr (``layout`` of assets) or of OME
(``datasets`` with paths). A level is a group of variables, or one array.
"""

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from affine import Affine
from odc.geo.geobox import GeoBox

from rasterwire.files.arrays.grids import spatial_axes
from rasterwire.files.arrays.variables import Variable, Variables

__all__ = ["level_names", "levels_by_base", "problem_of_level"]

_MAX_LEVELS = 32
"""Of a group. After so many halvings any raster is one pixel."""

_MAX_NAME = 250

_TOLERANCE = 0.1
"""In pixels of the level: how far its corners may be from those of the full resolution."""


def level_names(attributes: Mapping[str, Any]) -> list[str]:
    """Return the names that the attributes of a group give to its levels, "" for the group itself."""
    ome = attributes.get("ome")
    value = attributes.get("multiscales", ome.get("multiscales") if isinstance(ome, dict) else None)
    names: list[str] = []
    for whole in value if isinstance(value, list) else [value]:
        if not isinstance(whole, dict):
            continue
        levels = whole.get("layout", whole.get("datasets"))
        for level in levels[:_MAX_LEVELS] if isinstance(levels, list) else ():
            name = (
                next((level[key] for key in ("asset", "path") if key in level), "")
                if isinstance(level, dict)
                else level
            )
            if isinstance(name, str) and len(name) <= _MAX_NAME and ".." not in name.split("/"):
                names.append(name.strip("./") if set(name) <= {".", "/"} else name.strip("/").removeprefix("./"))
    return list(dict.fromkeys(names))


def levels_by_base(variables: Variables) -> dict[str, list[str]]:
    """Return the paths of the levels of each variable that has some, from the finest, by the path of the variable.

    Of the levels of one variable, the one with the most pixels is the variable itself.
    """
    found: dict[str, list[str]] = {}
    for group, attributes in variables.groups.items():
        levels = [f"{group}/{name}".strip("/") for name in level_names(attributes)]
        if len(levels) < 2:
            continue
        paths_by_name = defaultdict[str, list[str]](list)
        for path, variable in variables.by_path.items():
            for level in levels:
                name = _within(path, level)
                if name is not None and spatial_axes(variable, variables) is not None:
                    paths_by_name[name].append(path)
        for paths in paths_by_name.values():
            paths.sort(key=lambda path: -math.prod(variables.by_path[path].shape))
            if len(paths) > 1 and paths[0] not in found:
                found[paths[0]] = paths[1:]
    return found


def _within(path: str, level: str) -> str | None:
    """Return the name of a variable within a level, "" where it is the level; None where it is not in it."""
    if path == level:
        return ""
    group, _, name = path.rpartition("/")
    return name if group == level else None


def problem_of_level(base: Variable, grid: GeoBox, level: Variable, level_grid: GeoBox, axes: tuple[int, int]) -> str:
    """Return why a level is no overview of a variable, "" where it is one.

    An overview covers exactly the same ground: its pixels are those of the full resolution, joined.

    Args:
        base: the variable.
        grid: of its planes.
        level: of the same name.
        level_grid: of its planes.
        axes: of y and x, of both.
    """
    others = [(base.shape[axis], level.shape[axis]) for axis in range(len(base.shape)) if axis not in axes]
    if base.dimensions != level.dimensions or any(size != other for size, other in others):
        return "it has other dimensions than the full resolution"
    if base.dtype != level.dtype or list(_meaning(base)) != list(_meaning(level)):
        return "its values are of another type, scale or nodata value than those of the full resolution"
    rows, cols = grid.shape
    level_rows, level_cols = level_grid.shape
    if level_rows >= rows or level_cols >= cols or level_grid.crs != grid.crs:
        return "it is not coarser than the full resolution, or has another crs"
    expected = grid.affine @ Affine.scale(cols / level_cols, rows / level_rows)
    corners = ((0, 0), (level_cols, 0), (0, level_rows), (level_cols, level_rows))
    to_pixels = ~expected
    offset = max(
        max(abs(place - own) for place, own in zip(to_pixels * (level_grid.affine * corner), corner, strict=True))
        for corner in corners
    )
    if not offset <= _TOLERANCE:
        return f"its corners are {offset:.2g} of its pixels from those of the full resolution"
    return ""


def _meaning(variable: Variable) -> Iterator[str]:
    for name in ("_FillValue", "missing_value", "scale_factor", "add_offset", "_Unsigned"):
        yield str(variable.attributes.get(name))
    yield str(variable.fill)
