"""The types of pixels and of numbers in images, as Earth Engine names them."""

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

Precision = Literal["int", "float", "double"]

_SMALLEST_FIRST = {
    name: (int(np.iinfo(name).min), int(np.iinfo(name).max))
    for name in ("uint8", "int8", "uint16", "int16", "uint32", "int32", "int64")
}
"""Least and greatest value, by type."""


@dataclass(frozen=True, slots=True)
class PixelType:
    """The values that pixels may have.

    Attributes:
        precision: whole numbers, or floats of 32 or 64 bits.
        low, high: least and greatest whole number; None for floats that may have any value.
    """

    precision: Precision
    low: float | int | None = None
    high: float | int | None = None

    @property
    def dtype(self) -> str:
        """The smallest NumPy type that holds the values."""
        if self.precision != "int" or self.low is None or self.high is None:
            return "float32" if self.precision == "float" else "float64"
        for name, (least, greatest) in _SMALLEST_FIRST.items():
            if least <= self.low and self.high <= greatest:
                return name
        return "uint64" if self.low >= 0 else "int64"

    def as_json(self) -> dict[str, Any]:
        """Return the type as clients get it."""
        document: dict[str, Any] = {"type": "PixelType", "precision": self.precision}
        if self.low is not None and self.high is not None:
            document |= {"min": self.low, "max": self.high}
        return document


FLOAT = PixelType("float")
DOUBLE = PixelType("double")
BOOLEAN = PixelType("int", 0, 1)
UINT8 = PixelType("int", 0, 255)


def type_of(dtype: str) -> PixelType:
    """Return the type of stored pixels.

    >>> type_of("int16")
    PixelType(precision='int', low=-32768, high=32767)
    """
    kind = np.dtype(dtype)
    if kind.kind == "f":
        return FLOAT if kind.itemsize <= 4 else DOUBLE
    limits = np.iinfo(kind)
    return PixelType("int", int(limits.min), int(limits.max))


def whole(low: float, high: float) -> PixelType:
    """Return the type of whole numbers of a range; of more than 64 bits, doubles."""
    if not (math.isfinite(low) and math.isfinite(high)) or low < -(1 << 63) or high >= 1 << 63:
        return DOUBLE
    return PixelType("int", int(low), int(high))


def constant_type(value: float | int) -> PixelType:
    """Return the type of a constant: 20.0 is the whole number 20, since JSON has one form for both."""
    if math.isfinite(value) and value == int(value) and abs(value) < 1 << 63:
        return PixelType("int", int(value), int(value))
    return PixelType("double", value, value) if math.isfinite(value) else DOUBLE


def union(first: PixelType, second: PixelType) -> PixelType:
    """Return the smallest type that holds the values of both.

    >>> union(PixelType("int", 0, 255), PixelType("int", -1, 1))
    PixelType(precision='int', low=-1, high=255)
    """
    if first.precision == second.precision == "int":
        assert first.low is not None
        assert first.high is not None
        assert second.low is not None
        assert second.high is not None
        return PixelType("int", min(first.low, second.low), max(first.high, second.high))
    return DOUBLE if "double" in {first.precision, second.precision} else FLOAT


def floating(*types: PixelType) -> PixelType:
    """Return the type of results that are not whole numbers: float for floats and short integers, else double."""
    return DOUBLE if any(t.precision == "double" for t in types) else FLOAT


def wide(*types: PixelType) -> PixelType:
    """Return the type of results that need more bits than their inputs: double for whole numbers, float for floats."""
    return DOUBLE if any(t.precision != "float" for t in types) else FLOAT
