"""NetCDF files of version 4, and other HDF5 files with named dimensions, read by h5netcdf.

The library lets one thread in at a time, so a lock of ours guards every call. A file is looked through before it is
read: HDF5 can refer to other files of the machine, and those references are refused.
"""

import math
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

import h5netcdf
import h5py
import numpy as np
import numpy.typing as npt

from rasterwire.errors import SourceUnavailable
from rasterwire.files.arrays.hdf5_chunks import Chunks
from rasterwire.files.arrays.hdf5_filters import chunk_bytes, filters_of, problem_of_filters
from rasterwire.files.arrays.known_bytes import KnownBytes
from rasterwire.files.arrays.variables import MAX_VARIABLES, Selection, Variable, Variables, read_selection

__all__ = ["check_signature", "read_variables"]

T = TypeVar("T")

_MAX_DEPTH = 6
"""Groups within groups."""

_PIECE_BYTES = 1 << 20
"""Of an array that is stored as a whole, read at once; roughly."""

_SIGNATURE = b"\x89HDF\r\n\x1a\n"

_lock = threading.RLock()


def check_signature(start: bytes) -> None:
    """Refuse a file that is not HDF5, with the way to convert it.

    Args:
        start: its first bytes, at least 8.

    Raises:
        SourceUnavailable: it is refused.
    """
    if start.startswith(_SIGNATURE):
        return
    if start[:3] == b"CDF":
        problem = "it is classic NetCDF; convert it to NetCDF 4 with: nccopy -k nc4 old.nc new.nc"
    elif start[:4] == b"\x0e\x03\x13\x01":
        problem = "it is HDF4; convert it to GeoTIFF with gdal_translate, or to HDF5 with h4toh5"
    else:
        problem = "it is no NetCDF 4 or HDF5 file"
    raise SourceUnavailable.of_file(problem)


def read_variables(file: str | KnownBytes) -> Variables:
    """Return the variables of a file, and of all groups in it. It stays open as long as these.

    Args:
        file: a path, or a file on another machine.

    Raises:
        SourceUnavailable: it is damaged, refers to other files, or holds too many variables.
    """
    try:
        return _called(file, lambda: _all_variables(file))
    except SourceUnavailable:
        raise
    except Exception as error:  # the errors of the library share no root
        raise SourceUnavailable.of_file("the file is damaged, or cannot be read as it is") from error


def _called(file: str | KnownBytes, function: Callable[[], T]) -> T:
    """Return what a function of the library returns, called with its lock; see ``KnownBytes``."""

    def locked() -> T:
        with _lock:
            return function()

    return locked() if isinstance(file, str) else file.call(locked)


def _all_variables(file: str | KnownBytes) -> Variables:
    variables: dict[str, Variable] = {}
    groups: dict[str, Mapping[str, Any]] = {}
    left_out: list[tuple[str, str]] = []
    stored = h5py.File(file, "r", locking="best-effort") if isinstance(file, str) else h5py.File(file, "r")
    _check_links(stored, "", 0, [0])
    root = h5netcdf.File(stored, "r", phony_dims="access")
    for path, group in _groups(root):
        groups[path] = dict(group.attrs)
        for name, variable in group.variables.items():
            whole = f"{path}/{name}" if path else name
            problem = _problem(stored[whole])
            if problem:
                left_out.append((whole, problem))
            else:
                variables[whole] = _variable(whole, variable, (root, group), stored[whole], file)
    return Variables(variables, groups, tuple(left_out))


def _check_links(group: h5py.Group, path: str, depth: int, count: list[int]) -> None:
    """Refuse links to other files, before anything is opened by its name."""
    for name in group:
        count[0] += 1
        if count[0] > MAX_VARIABLES:
            raise SourceUnavailable.of_file(f"it has more than {MAX_VARIABLES} variables and groups; split it")
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise SourceUnavailable.of_file(
                f"its member {f'{path}{name}'[:60]!r} is a link; store what it points to instead"
            )
        if group.get(name, getclass=True) is h5py.Group:
            if depth == _MAX_DEPTH:
                raise SourceUnavailable.of_file(f"its groups are more than {_MAX_DEPTH} deep; store it flatter")
            _check_links(group[name], f"{path}{name}/", depth + 1, count)


def _groups(root: Any) -> Iterator[tuple[str, Any]]:
    pending = [("", root)]
    while pending:
        path, group = pending.pop(0)
        yield path, group
        pending += [(f"{path}/{name}" if path else name, member) for name, member in group.groups.items()]


def _problem(dataset: h5py.Dataset) -> str:
    """Return why an array is not read, "" for one that is."""
    if dataset.external or dataset.is_virtual:
        return "its values are in other files, which are not read; store them in the file itself"
    return problem_of_filters(filters_of(dataset), chunk_bytes(dataset))


def _variable(
    path: str, stored: Any, owners: tuple[Any, Any], dataset: h5py.Dataset, file: str | KnownBytes
) -> Variable:
    """Return a variable, which keeps its owners: h5netcdf holds them by weak references only."""
    alive = list(owners)
    shape = tuple(int(size) for size in stored.shape)
    dtype = np.dtype(stored.dtype)
    chunk = tuple(int(size) for size in stored.chunks) if stored.chunks else _strips(shape, dtype)
    chunks = Chunks(dataset, lambda function: _called(file, function)) if stored.chunks else None
    read_chunks = chunks.read if chunks is not None and chunks.are_plain else None

    def read(selection: Selection) -> npt.NDArray[Any]:
        if read_chunks is not None:
            return read_selection(read_chunks, shape, chunk, dtype, selection)
        if chunks is not None:
            chunks.check(selection)
        values = _called(file, lambda: np.asarray(stored[selection]) if alive else np.empty(0))
        return values.astype(values.dtype.newbyteorder("="), copy=False)

    return Variable(
        path=path,
        dimensions=tuple(str(name) for name in stored.dimensions),
        shape=shape,
        dtype=dtype,
        attributes=dict(stored.attrs),
        chunk=chunk,
        unit=chunk,
        fill=None,
        read=read,
        read_chunks=read_chunks,
    )


def _strips(shape: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[int, ...]:
    """Return sizes of pieces of an array that is stored as a whole: some rows of one plane."""
    if len(shape) < 2:
        return shape
    rows = max(1, _PIECE_BYTES // max(1, shape[-1] * dtype.itemsize))
    return (*(1,) * (len(shape) - 2), min(rows, max(1, shape[-2])), math.prod(shape[-1:]))
