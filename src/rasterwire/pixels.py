"""Pixel values with their validity.

One convention everywhere: ``valid`` is True where a pixel holds a value, the sense of a GDAL mask
band and the opposite of ``numpy.ma``. A nodata number exists only where a file is read or written.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

_MAX_WHOLE = 1 << 64

type_names = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float32", "float64")


@dataclass(frozen=True, slots=True)
class Window:
    """A block of whole pixels of a grid.

    Attributes:
        row, col: top-left pixel, counted from the top left of the grid, from 0.
        height, width: pixels, at least 1.
    """

    row: int
    col: int
    height: int
    width: int

    def __post_init__(self) -> None:
        if min(self.row, self.col) < 0 or min(self.height, self.width) < 1:
            raise ValueError(f"not a window: {self}")

    def halves(self) -> tuple["Window", "Window"]:
        """Return the two halves of the window, cut across its longer side; not for a single pixel."""
        if self.height >= self.width:
            half = self.height // 2
            below = Window(self.row + half, self.col, self.height - half, self.width)
            return Window(self.row, self.col, half, self.width), below
        half = self.width // 2
        beside = Window(self.row, self.col + half, self.height, self.width - half)
        return Window(self.row, self.col, self.height, half), beside


@dataclass(frozen=True, slots=True, eq=False)
class Pixels:
    """One band over a window.

    Attributes:
        data: shape (rows, columns). Where ``valid`` is False the value has no meaning.
        valid: bool, same shape.
    """

    data: npt.NDArray[Any]
    valid: npt.NDArray[np.bool_]

    def filled(self, value: float | int) -> npt.NDArray[Any]:
        """Return the data with ``value`` where it is not valid."""
        if self.valid.all():
            return self.data
        return np.where(self.valid, self.data, np.array(value, dtype=self.data.dtype))


class NodataPixels(Pixels):
    """Pixels of a file with a nodata value; ``valid`` is computed when it is first used.

    Attributes:
        nodata: None where all are valid.
    """

    __slots__ = ("nodata",)
    nodata: float | int | None

    def __init__(self, data: npt.NDArray[Any], nodata: float | int | None) -> None:
        object.__setattr__(self, "data", data)
        object.__setattr__(self, "nodata", nodata)

    def __getattr__(self, name: str) -> npt.NDArray[np.bool_]:
        if name != "valid":
            raise AttributeError(name)
        nodata = self.nodata
        valid = np.ones(self.data.shape, bool) if nodata is None else ~is_nodata(self.data, nodata)
        object.__setattr__(self, "valid", valid)
        return valid

    def __reduce__(self) -> tuple[type["NodataPixels"], tuple[npt.NDArray[Any], float | int | None]]:
        return NodataPixels, (self.data, self.nodata)

    def filled(self, value: float | int) -> npt.NDArray[Any]:
        """See ``Pixels.filled``."""
        is_filled = self.data.dtype.kind != "f" and value == self.nodata
        return self.data if is_filled or self.nodata is None else super().filled(value)


def is_nodata(data: npt.NDArray[Any], nodata: float | int) -> npt.NDArray[np.bool_]:
    """Return which pixels GDAL takes for a nodata value: equal ones, and floats within about five parts in ten million.

    The precision of float32 applies to float64 too, since many files hold values that were float32 once, and a tag
    with fewer digits. Source: ARE_REAL_EQUAL in gdal_priv.h, compared with masks that GDAL reads.
    """
    if data.dtype.kind != "f":
        return np.asarray(data == data.dtype.type(nodata))
    if np.isnan(nodata):
        return np.asarray(np.isnan(data))
    value, epsilon = data.dtype.type(nodata), data.dtype.type(np.finfo(np.float32).eps)
    with np.errstate(invalid="ignore", over="ignore"):
        near = np.abs(data - value) < epsilon * np.abs(data + value) * 2
    return np.asarray(near | (data == value))


def smallest_value(dtype: str) -> float | int:
    """Return the value that Earth Engine writes for masked pixels of a type.

    >>> smallest_value("uint16"), smallest_value("int16"), smallest_value("float32")
    (0, -32768, -inf)
    """
    kind = np.dtype(dtype)
    return -math.inf if kind.kind == "f" else int(np.iinfo(kind).min)


def fits(value: float | int, dtype: str) -> bool:
    """Tell whether a type holds a value exactly (NaN and infinities: any float type).

    A float only has to be within the limits of a float type, since most floats have no exact float32.

    >>> fits(255, "uint8"), fits(-1, "uint8"), fits(0.5, "int16"), fits(2**53 + 1, "float64"), fits(0.1, "float32")
    (True, False, False, False, True)
    """
    kind = np.dtype(dtype)
    if kind.kind == "f":
        if not math.isfinite(value):
            return True
        if isinstance(value, int) and (abs(value) > _MAX_WHOLE or int(kind.type(value)) != value):
            return False
        return abs(value) <= float(np.finfo(kind).max)
    if not math.isfinite(value) or value != int(value):
        return False
    limits = np.iinfo(kind)
    return int(limits.min) <= int(value) <= int(limits.max)
