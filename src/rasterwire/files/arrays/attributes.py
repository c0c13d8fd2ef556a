"""Values of attributes of array files, which may be of any type."""

import base64
import binascii
import math
import struct
from typing import Any

import numpy as np

from rasterwire.files.arrays.variables import Variable
from rasterwire.files.nodata_text import nodata_pixel

__all__ = ["as_number", "as_numbers", "as_text", "fill_value", "type_and_nodata"]

_MAX_TEXT = 1 << 20
"""Characters of a text that is read."""

_served_types = {"bool": "uint8", "float16": "float32"}
"""Types that no format of a download holds, and those that hold their values exactly."""


def as_text(value: Any) -> str:
    """Return a text, "" for what is none."""
    if isinstance(value, np.ndarray) and value.size == 1:
        value = value.reshape(-1)[0]
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    return str(value).strip() if isinstance(value, str) and len(value) <= _MAX_TEXT else ""


def as_number(value: Any) -> float | int | None:
    """Return a finite number, or one in a text or in an array of one value; None for what is none."""
    numbers = as_numbers(value)
    return numbers[0] if len(numbers) == 1 and math.isfinite(numbers[0]) else None


def as_numbers(value: Any) -> list[float | int]:
    """Return the numbers of a sequence, or of a text with spaces between them; [] for what are none."""
    if isinstance(value, str | bytes):
        value = as_text(value).split()
    values = np.asarray(value).reshape(-1).tolist() if not isinstance(value, list | tuple) else value
    numbers: list[float | int] = []
    for item in values:
        if isinstance(item, bool) or not isinstance(item, int | float | str | np.number):
            return []
        try:
            numbers.append(int(item) if isinstance(item, int | np.integer) else float(item))
        except ValueError:
            return []
    return numbers


def fill_value(value: Any, dtype: np.dtype[Any]) -> list[float | int]:
    """Return the values that an attribute such as ``_FillValue`` gives, exactly; [] for none.

    xarray writes those of floats to Zarr as base64 of a double.
    """
    if isinstance(value, str) and dtype.kind == "f":
        try:
            return [struct.unpack("<d", base64.b64decode(value, validate=True))[0]]
        except (binascii.Error, struct.error, ValueError):
            pass
    return as_numbers(value)


def type_and_nodata(variable: Variable) -> tuple[str, float | int | None, tuple[float | int, ...]]:
    """Return the type of the pixels of a variable as they are served, nodata in this type, and more such values.

    The attribute ``_Unsigned`` says that signed integers are to be read as unsigned ones.
    """
    stored, attributes = variable.dtype, variable.attributes
    dtype = stored
    if as_text(attributes.get("_Unsigned")).lower() == "true" and stored.kind == "i":
        dtype = np.dtype(f"u{stored.itemsize}")
    marker = attributes.get("_FillValue", variable.fill)
    values = fill_value(marker, stored) if marker is not None else []
    if "missing_value" in attributes:
        values += fill_value(attributes["missing_value"], stored)
    served = np.dtype(_served_types.get(dtype.name, dtype.newbyteorder("=").name))
    pixels: list[float | int] = []
    for value in values:
        if isinstance(value, int) and value < 0 and dtype.kind == "u":
            value += 1 << (8 * dtype.itemsize)
        pixel = nodata_pixel(value, served.name)
        if pixel is not None and not any(
            pixel == earlier or (pixel != pixel and earlier != earlier) for earlier in pixels
        ):
            pixels.append(pixel)
    return served.name, pixels[0] if pixels else None, tuple(pixels[1:])
