"""Variables of array files, in whatever format they are stored."""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["MAX_VARIABLES", "Place", "Selection", "Variable", "Variables", "places_of", "read_selection"]

MAX_VARIABLES = 10_000
"""Variables and groups of a file."""

Selection = tuple[int | slice, ...]
"""An index or a range with both ends for each dimension of a variable."""


Place = tuple[int, ...]
"""A whole number for each dimension of a variable: the place of a chunk among the chunks."""


@dataclass(frozen=True, slots=True, eq=False)
class Variable:
    """An array with named dimensions.

    Attributes:
        path: names of its groups and its own, with slashes.
        dimensions: a name for each.
        shape: a size for each.
        dtype: as stored.
        attributes: as stored.
        chunk: sizes of the pieces that are decoded as a whole, one for each dimension.
        unit: sizes of the pieces that are stored together: of a shard of chunks, else of a chunk.
        fill: the value that marks missing ones by the format's own rule, or None.
        read: returns the values of a selection, in the byte order of this machine. Several threads may call it.
        read_chunks: returns whole chunks by their places among the chunks, each of the sizes in ``chunk`` also where
            the array ends within it; None where chunks cannot be read by themselves.
    """

    path: str
    dimensions: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    attributes: Mapping[str, Any]
    chunk: tuple[int, ...]
    unit: tuple[int, ...]
    fill: Any
    read: Callable[[Selection], npt.NDArray[Any]]
    read_chunks: Callable[[Sequence[Place]], list[npt.NDArray[Any]]] | None = None

    @property
    def name(self) -> str:
        """Its name without those of its groups."""
        return self.path.rsplit("/", 1)[-1]

    @property
    def group(self) -> str:
        """The path of its group, "" for the root."""
        return self.path.rpartition("/")[0]


def places_of(selection: Selection, shape: Sequence[int], chunk: Sequence[int]) -> Iterator[Place]:
    """Yield the places of the chunks under a selection."""
    ranges = (
        range(part.start // size, -(-part.stop // size))
        for part, size in zip(_slices(selection, shape), chunk, strict=True)
    )
    yield from itertools.product(*ranges)


def read_selection(
    read_chunks: Callable[[Sequence[Place]], list[npt.NDArray[Any]]],
    shape: Sequence[int],
    chunk: Sequence[int],
    dtype: np.dtype[Any],
    selection: Selection,
) -> npt.NDArray[Any]:
    """Return the values of a selection, from whole chunks; see ``Variable``."""
    parts = _slices(selection, shape)
    out = np.empty([part.stop - part.start for part in parts], dtype.newbyteorder("="))
    for place in places_of(selection, shape, chunk):
        values = read_chunks([place])[0]
        target, source = [], []
        for part, number, size in zip(parts, place, chunk, strict=True):
            start, stop = max(part.start, number * size), min(part.stop, (number + 1) * size)
            target.append(slice(start - part.start, stop - part.start))
            source.append(slice(start - number * size, stop - number * size))
        out[tuple(target)] = values[tuple(source)]
    return out[tuple(0 if isinstance(index, int) else slice(None) for index in selection)]


def _slices(selection: Selection, shape: Sequence[int]) -> list[slice]:
    parts = [
        slice(part, part + 1) if isinstance(part, int) else slice(*part.indices(size))
        for part, size in zip(selection, shape, strict=True)
    ]
    return [slice(part.start, max(part.start, part.stop)) for part in parts]


@dataclass(frozen=True, slots=True, eq=False)
class Variables:
    """The variables of a file.

    Attributes:
        by_path: in the order of the file.
        groups: the attributes of each group, by its path; "" is the root.
        left_out: path and reason of each that cannot be read.
    """

    by_path: Mapping[str, Variable]
    groups: Mapping[str, Mapping[str, Any]]
    left_out: tuple[tuple[str, str], ...] = field(default=())

    def find(self, name: str, group: str) -> Variable | None:
        """Return the variable that a name means within a group: of the group itself, else of those around it."""
        if name.startswith("/"):
            return self.by_path.get(name[1:])
        while True:
            variable = self.by_path.get(f"{group}/{name}" if group else name)
            if variable is not None or not group:
                return variable
            group = group.rpartition("/")[0]

    def attribute(self, variable: Variable, name: str) -> Any:
        """Return an attribute of a variable, else of the nearest group around it that has it; None for none."""
        if name in variable.attributes:
            return variable.attributes[name]
        group = variable.group
        while True:
            if name in self.groups.get(group, {}):
                return self.groups[group][name]
            if not group:
                return None
            group = group.rpartition("/")[0]
