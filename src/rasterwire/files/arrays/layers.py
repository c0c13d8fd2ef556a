"""The layers of an array file: planes of y and x, which are the bands of images.

Of a variable with y and x alone the only plane is a band with the name of the variable. Each other dimension but time
gives a band for each of its places, if it has several: ``variable_level``. A dimension of time gives an image for each
of its moments.
"""

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from operator import attrgetter

import numpy as np
from odc.geo.geobox import GeoBox

from rasterwire.errors import SourceUnavailable
from rasterwire.files.arrays.attributes import as_number, as_text, type_and_nodata
from rasterwire.files.arrays.grids import grid_of, spatial_axes
from rasterwire.files.arrays.labels import MAX_BANDS, MAX_LABEL, TOO_MANY_BANDS, labels_of
from rasterwire.files.arrays.pyramids import levels_by_base, problem_of_level
from rasterwire.files.arrays.times import is_time, times_of
from rasterwire.files.arrays.variables import Selection, Variable, Variables

__all__ = ["MAX_MOMENTS", "GriddedVariable", "Layer", "Layers", "Moment", "layers_of"]

MAX_MOMENTS = 20_000
"""Times of a file, each of which is an image."""

_MAX_NAME = 250
"""Characters of the path of a variable."""

_MAX_DIMENSIONS = 32
"""Dimensions of a variable."""


@dataclass(frozen=True, slots=True)
class Moment:
    """The layers of one time, or those that have none.

    Attributes:
        id: what follows the name of the file in the id of its image; "" for the layers without a time.
        time: with a time zone; None where the file gives none that a date can be.
        places: the index along each dimension of time.
    """

    id: str
    time: datetime | None
    places: Mapping[str, int]


@dataclass(frozen=True, slots=True, eq=False)
class GriddedVariable:
    """A variable whose planes are layers.

    Attributes:
        variable: as stored.
        name: of its bands, or what they begin with.
        grid: of its planes.
        axes: of y and x.
        time_axis: the axis of time, or None.
        levels: the other axes, each with the labels of its places.
        dtype: of the pixels that are served.
        nodata: the stored value of pixels without a value, or None.
        other_nodata: more such values, which are served as ``nodata``.
        scale, offset: physical = stored x scale + offset.
        unit: of the physical value, or "".
        first: the number of its first layer, from 1.
        labels_alone: whether the label of its level is the whole name of a band.
        overviews: the same planes in coarser grids, from the finest.
    """

    variable: Variable
    name: str
    grid: GeoBox
    axes: tuple[int, int]
    time_axis: int | None
    levels: tuple[tuple[int, tuple[str, ...]], ...]
    dtype: str
    nodata: float | int | None
    other_nodata: tuple[float | int, ...]
    scale: float
    offset: float
    unit: str
    first: int
    labels_alone: bool
    overviews: tuple["GriddedVariable", ...] = ()

    @property
    def leading(self) -> tuple[int, ...]:
        """The axes that are neither y nor x: that of time first."""
        times = () if self.time_axis is None else (self.time_axis,)
        return (*times, *(axis for axis, _ in self.levels))

    @property
    def count(self) -> int:
        """How many layers it has."""
        return math.prod(self.variable.shape[axis] for axis in self.leading)

    def selection(self, places: Sequence[int], rows: slice, cols: slice) -> Selection:
        """Return the selection of a rectangle of a layer.

        Args:
            places: along the axes of ``leading``.
            rows: along y.
            cols: along x.
        """
        indices: list[int | slice] = [slice(None)] * len(self.variable.shape)
        for axis, place in zip(self.leading, places, strict=True):
            indices[axis] = place
        indices[self.axes[0]], indices[self.axes[1]] = rows, cols
        return tuple(indices)


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """A plane of a variable.

    Attributes:
        number: from 1, in the file.
        name: of the band.
        source: the variable.
        places: along the axes of ``source.leading``.
    """

    number: int
    name: str
    source: GriddedVariable
    places: tuple[int, ...]

    def at_level(self, overview: int | None) -> "Layer":
        """Return the layer in the grid of an overview; itself for None."""
        if overview is None:
            return self
        source = self.source.overviews[overview]
        return Layer(source.first + self.number - self.source.first, self.name, source, self.places)


@dataclass(frozen=True, slots=True, eq=False)
class Layers:
    """The layers of a file.

    Attributes:
        variables: in the order of the file, at least one.
        moments: those without a time first, if there are any, then by time.
        left_out: path and reason of each variable that looks like a raster and is not served.
    """

    variables: tuple[GriddedVariable, ...]
    moments: tuple[Moment, ...]
    left_out: tuple[tuple[str, str], ...]

    def layer(self, number: int) -> Layer:
        """Return a layer by its number.

        Raises:
            IndexError: there is none.
        """
        source = self.variables[bisect_right(self.variables, number, key=attrgetter("first")) - 1]
        if not source.first <= number < source.first + source.count:
            raise IndexError(f"no layer {number}")
        sizes = [source.variable.shape[axis] for axis in source.leading]
        places = tuple(map(int, np.unravel_index(number - source.first, sizes))) if sizes else ()
        return Layer(number, _band_name(source, places), source, places)

    def at(self, moment: Moment) -> Iterator[Layer]:
        """Yield the layers of a moment, by variable, then by level."""
        for source in self.variables:
            if source.time_axis is None:
                first, applies = 0, not moment.places
            else:
                place = moment.places.get(_dimension_path(source.variable, source.time_axis))
                first, applies = place or 0, place is not None
            if applies:
                count = source.count if source.time_axis is None else _levels(source)
                start = source.first + first * count
                for number in range(start, start + count):
                    yield self.layer(number)


def _levels(source: GriddedVariable) -> int:
    return math.prod(len(labels) for _, labels in source.levels)


def _band_name(source: GriddedVariable, places: Sequence[int]) -> str:
    levels = places[len(places) - len(source.levels) :]
    labels = [labels[place] for (_, labels), place in zip(source.levels, levels, strict=True)]
    return "_".join(filter(None, labels if source.labels_alone else [source.name, *labels]))


def layers_of(variables: Variables) -> Layers:
    """Return the layers of a file.

    Raises:
        SourceUnavailable: it has none; the reason is that of the first variable that looks like a raster.
    """
    levels = levels_by_base(variables)
    hidden = _not_pixels(variables) | {path for paths in levels.values() for path in paths}
    names = Counter(variable.name for path, variable in variables.by_path.items() if path not in hidden)
    gridded: list[GriddedVariable] = []
    left_out = list(variables.left_out)
    time_axes: dict[str, list[datetime | None]] = {}
    first = 1
    for path, variable in variables.by_path.items():
        axes = spatial_axes(variable, variables)
        if path in hidden or axes is None or variable.dtype.kind not in "biuf":
            continue
        if len(path) > _MAX_NAME or len(variable.shape) > _MAX_DIMENSIONS:
            problem = f"its name has more than {_MAX_NAME} characters, or it has more than {_MAX_DIMENSIONS} dimensions"
            left_out.append((path[:MAX_LABEL], problem))
            continue
        name = variable.name if names[variable.name] == 1 else path.replace("/", "_")
        try:
            source = _gridded(variable, variables, axes, name, first, time_axes)
        except SourceUnavailable as error:
            left_out.append((path, error.problem))
            continue
        gridded.append(source)
        first += source.count
    if not gridded:
        problem = "it has no variable with numbers along y and x"
        raise SourceUnavailable.of_file(f"{left_out[0][0][:60]}: {left_out[0][1]}" if left_out else problem)
    whole = [
        _with_overviews(source, levels.get(source.variable.path, ()), variables, first, left_out) for source in gridded
    ]
    return Layers(tuple(_named(whole)), _moments(gridded, time_axes), tuple(left_out))


def _with_overviews(
    source: GriddedVariable,
    paths: Sequence[str],
    variables: Variables,
    first: int,
    left_out: list[tuple[str, str]],
) -> GriddedVariable:
    """Return a variable with those of its levels that are overviews; the others are entered in ``left_out``.

    Args:
        source: the variable.
        paths: of its levels.
        variables: of the file.
        first: behind the numbers of all layers; those of levels serve only to tell planes apart.
        left_out: path and reason of each that is not used.
    """
    overviews: list[GriddedVariable] = []
    for number, path in enumerate(paths, 1):
        level = variables.by_path[path]
        try:
            grid = grid_of(level, variables, source.axes)
            problem = problem_of_level(source.variable, source.grid, level, grid, source.axes)
        except (SourceUnavailable, IndexError) as error:
            problem = error.problem if isinstance(error, SourceUnavailable) else "it has other dimensions"
        if problem:
            left_out.append((path, f"it is not used as an overview: {problem}"))
        else:
            overviews.append(replace(source, variable=level, grid=grid, first=number * first + source.first))
    return replace(source, overviews=tuple(overviews))


def _not_pixels(variables: Variables) -> set[str]:
    """Return the paths of coordinates, bounds and descriptions of grids."""
    hidden: set[str] = set()
    for variable in variables.by_path.values():
        names = list(variable.dimensions) if len(variable.shape) != 1 else []
        for attribute in ("coordinates", "bounds", "climatology", "grid_mapping"):
            text = as_text(variable.attributes.get(attribute)).replace(":", " ")
            names += text.split()
        for name in names:
            target = variables.find(name, variable.group)
            if target is not None and target is not variable:
                hidden.add(target.path)
    return hidden


def _gridded(
    variable: Variable,
    variables: Variables,
    axes: tuple[int, int],
    name: str,
    first: int,
    time_axes: dict[str, list[datetime | None]],
) -> GriddedVariable:
    if 0 in variable.shape:
        raise SourceUnavailable.of_file("it is empty")
    grid = grid_of(variable, variables, axes)
    time_axis: int | None = None
    levels: list[tuple[int, tuple[str, ...]]] = []
    labels_alone = False
    for axis, dimension in enumerate(variable.dimensions):
        if axis in axes:
            continue
        coordinate = variables.find(dimension, variable.group)
        if coordinate is not None and coordinate.shape != (variable.shape[axis],):
            coordinate = None
        if coordinate is not None and time_axis is None and is_time(coordinate):
            time_axis = axis
            _add_times(coordinate, _dimension_path(variable, axis), time_axes)
            continue
        labels, labels_alone = labels_of(coordinate, variable.shape[axis])
        levels.append((axis, labels))
    if math.prod(len(labels) for _, labels in levels) > MAX_BANDS:
        raise SourceUnavailable.of_file(TOO_MANY_BANDS)
    dtype, nodata, extra = type_and_nodata(variable)
    scale, offset = (as_number(variable.attributes.get(key)) for key in ("scale_factor", "add_offset"))
    return GriddedVariable(
        variable=variable,
        name=name,
        grid=grid,
        axes=axes,
        time_axis=time_axis,
        levels=tuple(levels),
        dtype=dtype,
        nodata=nodata,
        other_nodata=extra,
        scale=1.0 if scale is None else float(scale),
        offset=0.0 if offset is None else float(offset),
        unit=as_text(variable.attributes.get("units"))[:200],
        first=first,
        labels_alone=labels_alone and len(levels) == 1,
    )


def _dimension_path(variable: Variable, axis: int) -> str:
    """Return a name of a dimension that those of other groups do not share."""
    return f"{variable.group}/{variable.dimensions[axis]}"


def _add_times(coordinate: Variable, path: str, time_axes: dict[str, list[datetime | None]]) -> None:
    if path in time_axes:
        return
    if coordinate.shape[0] > MAX_MOMENTS:
        raise SourceUnavailable.of_file(f"it has {coordinate.shape[0]} times, at most {MAX_MOMENTS} are read; split it")
    time_axes[path] = times_of(coordinate, coordinate.read((slice(0, coordinate.shape[0]),)))


def _named(sources: Sequence[GriddedVariable]) -> Iterator[GriddedVariable]:
    """Yield the variables; the labels of a level are names alone only where those of no other variable are the same."""
    labels = Counter(label for source in sources if source.labels_alone for label in source.levels[0][1])
    names = {source.name for source in sources}
    for source in sources:
        is_clear = source.labels_alone and all(
            labels[label] == 1 and label not in names for label in source.levels[0][1]
        )
        yield _with_labels(source, is_clear)


def _with_labels(source: GriddedVariable, alone: bool) -> GriddedVariable:
    return source if source.labels_alone == alone else replace(source, labels_alone=alone)


def _moments(sources: Sequence[GriddedVariable], time_axes: Mapping[str, list[datetime | None]]) -> tuple[Moment, ...]:
    used = {_dimension_path(source.variable, source.time_axis) for source in sources if source.time_axis is not None}
    moments: dict[str, tuple[datetime | None, dict[str, int]]] = {}
    for path in sorted(used):
        times = time_axes[path]
        ids = [_time_id(time) for time in times]
        counts = Counter(ids)
        for place, (time, name) in enumerate(zip(times, ids, strict=True)):
            name = name if name and counts[name] == 1 else f"time_{place + 1}"
            moments.setdefault(name, (time, {}))[1][path] = place
    without = [Moment("", None, {})] if any(source.time_axis is None for source in sources) else []
    dated = [Moment(name, time, places) for name, (time, places) in moments.items()]
    latest = datetime.max.replace(tzinfo=UTC)
    return (*without, *sorted(dated, key=lambda moment: (moment.time or latest, min(moment.places.values()))))


def _time_id(time: datetime | None) -> str:
    """Return a time as it stands in ids, "" for None.

    >>> _time_id(datetime(2021, 1, 9, 18, 57, 51, tzinfo=UTC))
    '20210109T185751Z'
    """
    if time is None:
        return ""
    fraction = f".{time.microsecond:06d}".rstrip("0") if time.microsecond else ""
    return f"{time.year:04d}{time:%m%dT%H%M%S}{fraction}Z"
