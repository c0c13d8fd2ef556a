"""Functions of expressions, as functions of arrays of pixels.

Each takes arrays of one shape, or plain numbers for constants, then plain parameters, and ``dtype``,
the type of the result; it returns an array, or an array and where it is valid.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from rasterwire.compiled import carried
from rasterwire.nodes import loops

Array = npt.NDArray[Any]
MaskedArray = tuple[Array, npt.NDArray[np.bool_]]


def add(a: Array, b: Array, *, dtype: str) -> Array:
    """Return a + b."""
    return np.add(a, b, dtype=dtype, casting="unsafe")


def subtract(a: Array, b: Array, *, dtype: str) -> Array:
    """Return a - b."""
    return np.subtract(a, b, dtype=dtype, casting="unsafe")


def multiply(a: Array, b: Array, *, dtype: str) -> Array:
    """Return a * b."""
    return np.multiply(a, b, dtype=dtype, casting="unsafe")


def divide(a: Array, b: Array, *, dtype: str) -> Array:
    """Return a / b; 0 where b is 0."""
    quotient = np.divide(a, b, dtype=dtype, casting="unsafe")
    return _zero_where(quotient, np.equal(b, 0))


def mod(a: Array, b: Array, *, dtype: str) -> Array:
    """Return the remainder of a / b with the sign of a; 0 where b is 0."""
    # the type of the result may be too small for the operands
    kind = dtype if np.dtype(dtype).kind == "f" else np.result_type(a, b)
    return _zero_where(np.fmod(a, b, dtype=kind, casting="unsafe"), np.equal(b, 0))


def power(a: Array, b: Array, *, dtype: str) -> Array:
    """Return a to the power of b."""
    return np.power(a, b, dtype=dtype, casting="unsafe")


def _zero_where(values: Array, is_zero: Array) -> Array:
    return np.where(is_zero, values.dtype.type(0), values) if np.any(is_zero) else values


def hypot(a: Array, b: Array, *, dtype: str) -> Array:
    """Return the length of the vector (a, b)."""
    return np.hypot(a, b, dtype=dtype, casting="unsafe")


def atan2(a: Array, b: Array, *, dtype: str) -> Array:
    """Return the angle of the vector of x = a and y = b, in radians."""
    return np.arctan2(b, a, dtype=dtype, casting="unsafe")


def minimum(a: Array, b: Array, *, dtype: str) -> Array:
    """Return the smaller value."""
    return np.minimum(a, b, dtype=dtype, casting="unsafe")


def maximum(a: Array, b: Array, *, dtype: str) -> Array:
    """Return the greater value."""
    return np.maximum(a, b, dtype=dtype, casting="unsafe")


def normalized_difference(a: Array, b: Array, *, dtype: str) -> Array | MaskedArray:
    """Return (a - b) / (a + b); 0 where the sum is 0, not valid where a or b is negative."""
    x, y = np.broadcast_arrays(a, b)
    if x.dtype != y.dtype or x.dtype != np.uint16 or dtype != "float32":
        x, y = x.astype(dtype, copy=False), y.astype(dtype, copy=False)
    result = np.empty(x.shape, dtype)
    loops.normalized_difference(carried(x), carried(y), result)
    return result if x.dtype == np.uint16 else (result, (x >= 0) & (y >= 0))


def abs_(a: Array, *, dtype: str) -> Array:
    """Return the absolute value."""
    values = np.asarray(a)
    if np.dtype(dtype).kind == "f":
        values = values.astype(dtype, copy=False)
    result: Array = np.abs(values)  # before a cast to a type without negative numbers
    return result


def unary(a: Array, function: str, *, dtype: str) -> Array:
    """Return a NumPy function of floats, such as ``sqrt``."""
    result: Array = getattr(np, function)(a, dtype=dtype, casting="unsafe")
    return result


def rounded(a: Array, function: str, *, dtype: str) -> Array:
    """Return whole numbers: ``round`` goes up at a half, as in Java, beside ``floor`` and ``ceil``."""
    values = np.asarray(a, dtype)
    if function != "round" or values.dtype.kind != "f":
        result: Array = getattr(np, "floor" if function == "round" else function)(values)
        return result
    low = np.floor(values)  # a half added to the number just below one half would give 1
    nearest: Array = low + (values - low >= 0.5)
    return nearest


def sign(a: Array, *, dtype: str) -> Array:
    """Return -1, 0 or 1."""
    return np.sign(np.asarray(a, np.float64)).astype(dtype)


def compare(a: Array, b: Array, function: str, *, dtype: str) -> Array:
    """Return 1 where a comparison such as ``less`` holds, else 0."""
    result: Array = getattr(np, function)(a, b)
    return result.view(np.uint8) if dtype == "uint8" else result.astype(dtype)


def both(a: Array, b: Array, *, dtype: str) -> Array:
    """Return 1 where both are not 0."""
    return np.logical_and(a, b).astype(dtype)


def either(a: Array, b: Array, *, dtype: str) -> Array:
    """Return 1 where one is not 0."""
    return np.logical_or(a, b).astype(dtype)


def negated(a: Array, *, dtype: str) -> Array:
    """Return 1 where the value is 0."""
    return np.equal(a, 0).astype(dtype)


def bits(a: Array, b: Array, function: str, *, dtype: str) -> Array:
    """Return a function of bits, such as ``bitwise_and``; of the whole part of floats."""
    kind = "int64" if dtype != "uint64" else dtype
    x, y = np.asarray(a).astype(kind, casting="unsafe"), np.asarray(b).astype(kind, casting="unsafe")
    result: Array = getattr(np, function)(x, y)
    return result.astype(dtype)


def flipped(a: Array, *, dtype: str) -> Array:
    """Return the bits of values inverted; of the whole part of floats."""
    result: Array = np.invert(np.asarray(a).astype("int64", casting="unsafe"))
    return result.astype(dtype)


def shifted_bits(a: Array, b: Array, function: str, *, dtype: str) -> Array:
    """Return bits shifted by 0 to 63 places: 0, or the sign, beyond."""
    x, y = np.asarray(a).astype("int64", casting="unsafe"), np.asarray(b).astype("int64", casting="unsafe")
    if function == "left_shift":
        return np.where((y >= 0) & (y < 64), np.left_shift(x, np.clip(y, 0, 63)), 0).astype(dtype)
    result: Array = np.right_shift(x, np.clip(y, 0, 63)).astype(dtype)
    return result


def cast(a: Array, *, dtype: str) -> Array:
    """Return values in another type: whole parts, clamped to the limits of the type."""
    values = np.asarray(a)
    target = np.dtype(dtype)
    if values.dtype == target or np.can_cast(values.dtype, target, "safe"):
        return values.astype(target, copy=False)
    if target.kind == "f":
        return values.astype(target)
    limits = np.iinfo(target)
    if values.dtype.kind == "f":
        values = np.trunc(np.nan_to_num(values, nan=0.0, posinf=np.inf, neginf=-np.inf))
        low, high = float(limits.min), float(limits.max)
        whole = np.clip(values, low, np.nextafter(high, 0) if int(high) > limits.max else high).astype(target)
        return np.where(values >= high, limits.max, whole).astype(target, copy=False)
    nearest: Array = np.clip(values, limits.min, limits.max).astype(target)
    return nearest


def clamp(a: Array, low: float, high: float, *, dtype: str) -> Array:
    """Return the nearest value between low and high."""
    if np.dtype(dtype).kind in "iu":  # an end may be beyond the type of the values
        return np.clip(np.asarray(a).astype(np.int64), int(low), int(high)).astype(dtype)
    result: Array = np.clip(np.asarray(a, np.float64 if dtype == "float64" else None), low, high).astype(dtype)
    return result


def unit_scale(a: Array, low: float, high: float, *, dtype: str) -> Array:
    """Return values scaled linearly, so that low becomes 0 and high 1."""
    values = np.asarray(a, np.float64)
    result: Array = ((values - low) / (high - low)).astype(dtype)
    return result


def remap(
    a: Array, before: tuple[float, ...], after: tuple[float, ...], default: float | None, *, dtype: str
) -> MaskedArray:
    """Return values replaced by a table; values that are not in it become the default, or are not valid."""
    keys = np.asarray(before, np.float64)
    order = np.argsort(keys, kind="stable")
    values = np.asarray(a, np.float64)
    index = np.clip(np.searchsorted(keys[order], values), 0, len(keys) - 1)
    is_key = keys[order][index] == values
    mapped = np.where(is_key, np.asarray(after, np.float64)[order][index], 0.0 if default is None else default)
    return mapped.astype(dtype), is_key if default is None else np.ones(is_key.shape, bool)


def stretched(a: Array, low: float, high: float, gamma: float, *, dtype: str) -> MaskedArray:
    """Return bytes for a display: low becomes 0 and high 255, with a gamma between. NaN is not valid."""
    values: Array = np.asarray(a, np.float64)
    result: Array = np.floor(np.power(_share(values, low, high), 1.0 / gamma) * 255.0 + 0.5)
    return np.nan_to_num(result).astype(dtype), ~np.isnan(values)


def painted(a: Array, low: float, high: float, colours: tuple[int, ...], *, dtype: str) -> MaskedArray:
    """Return one channel of a palette, whose colours lie evenly between low and high. NaN is not valid."""
    values = np.asarray(a, np.float64)
    channel = np.interp(_share(values, low, high) * (len(colours) - 1), np.arange(len(colours)), colours)
    shades: Array = np.floor(np.nan_to_num(channel) + 0.5).astype(dtype)
    return shades, ~np.isnan(values)


def _share(values: Array, low: float, high: float) -> Array:
    """Return how far values lie from low, which becomes 0, to high, which becomes 1; not less and not more."""
    if high == low:
        return (values >= low).astype(np.float64)
    if not np.isfinite(high - low):  # that of their halves is not infinite
        values, low, high = values / 2, low / 2, high / 2
    share: Array = np.clip((values - low) / (high - low), 0, 1)
    return share


def looked_up(a: Array, channel: bytes, *, dtype: str) -> Array:
    """Return one channel of a table of colours, which has a byte for each value from 0 on; 0 for other values."""
    shades = np.frombuffer(channel, np.uint8)
    is_listed = (a >= 0) & (a < shades.size)
    result: Array = np.where(is_listed, shades[np.where(is_listed, a, 0).astype(np.int64)], 0).astype(dtype)
    return result
