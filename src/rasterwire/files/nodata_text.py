"""The text of a TIFF's nodata tag (42113), read like GDAL does, but whole numbers never through a double."""

import math
import re

import numpy as np

_WHOLE = re.compile(r"\s*([+-]?\d+)")
_NUMBER = re.compile(r"\s*([+-]?(?:\d+[.,]?\d*|[.,]\d+)(?:[eEdD][+-]?\d+)?)")
_NOT_FINITE = re.compile(r"\s*([+-]?)(?:(nan|1\.#(?:q|s)?nan|1\.#ind)|(inf|1\.#inf))", re.IGNORECASE)


def read_nodata(text: str, dtype: str) -> float | int:
    """Return the number of a text: an int for 64-bit integers, else a float; 0 for a text without a number.

    For 64-bit integers GDAL reads the whole number at the beginning of the text and clamps it to the limits of the
    type. For unsigned ones it counts negative numbers from the greatest value down.

    >>> read_nodata("9007199254740993", "int64"), read_nodata("-1", "uint64"), read_nodata("-9999", "int16")
    (9007199254740993, 18446744073709551615, -9999.0)
    """
    if dtype in {"int64", "uint64"}:
        return _whole(text, dtype)
    special = _NOT_FINITE.match(text)
    if special is not None:
        return math.nan if special[2] else math.copysign(math.inf, -1.0 if special[1] == "-" else 1.0)
    number = _NUMBER.match(text)
    return 0.0 if number is None else float(number[1].replace(",", ".").lower().replace("d", "e"))


def nodata_pixel(value: float | int | None, dtype: str) -> float | int | None:
    """Return the pixel value of a nodata value of a header, None where no pixel can equal it.

    As in GDAL, integers lose the fraction, and float32 takes the nearest value.

    >>> nodata_pixel(0.5, "uint8"), nodata_pixel(-9999.0, "uint8"), nodata_pixel(0.1, "float32")
    (0, None, 0.10000000149011612)
    """
    if value is None:
        return None
    kind = np.dtype(dtype)
    if kind.kind not in "iu":
        if kind.kind != "f":
            return value
        with np.errstate(over="ignore"):
            return float(kind.type(value))
    limits = np.iinfo(kind)
    if not math.isfinite(value) or not limits.min <= value <= limits.max:
        return None
    return int(value)


def unwritten_pixel(text: str, dtype: str) -> float | int:
    """Return the pixel value of a tile that was never written: nodata, rounded and clamped to the type."""
    value = read_nodata(text, dtype)
    kind = np.dtype(dtype)
    if kind.kind == "f":
        return value
    limits = np.iinfo(kind)
    if not math.isfinite(value):
        return 0 if math.isnan(value) else int(limits.max if value > 0 else limits.min)
    whole = value if isinstance(value, int) else int(math.copysign(math.floor(abs(value) + 0.5), value))
    return min(max(whole, int(limits.min)), int(limits.max))


def _whole(text: str, dtype: str) -> int:
    number = _WHOLE.match(text)
    value = 0 if number is None else int(number[1][:40])
    least, greatest = int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)
    if dtype == "int64":
        return min(max(value, least), greatest)
    return value % (greatest + 1) if abs(value) <= greatest else greatest
