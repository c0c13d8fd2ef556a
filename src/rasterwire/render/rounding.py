"""Means in the type of their band: within its limits, and beside its nodata value."""

from typing import Any

import numpy as np
import numpy.typing as npt

from rasterwire.pixels import Pixels, is_nodata


def limits(dtype: np.dtype[Any]) -> tuple[float, float]:
    """Return the least and greatest value of integers that a double has; 1 and 0 for floats, which are not rounded."""
    if dtype.kind == "f":
        return 1.0, 0.0
    most = int(np.iinfo(dtype).max)
    high = float(most)
    return float(np.iinfo(dtype).min), high if int(high) <= most else float(np.nextafter(high, 0.0))


def beside_nodata(data: npt.NDArray[Any], valid: npt.NDArray[np.bool_], nodata: float | int | None) -> Pixels:
    """Move means that readers would take for the nodata value, as GDAL moves those that equal it."""
    if nodata is None or np.isnan(nodata):
        return Pixels(data, valid)
    hit = valid & is_nodata(data, nodata)
    if hit.any():
        data[hit] = _beside(nodata, data.dtype)
    return Pixels(data, valid)


def _beside(nodata: float | int, dtype: np.dtype[Any]) -> Any:
    """Return a value close to nodata that nobody takes for it."""
    value = dtype.type(nodata)
    if dtype.kind != "f":
        return int(value) + 1 if value == np.iinfo(dtype).min else int(value) - 1
    if value == 0 or np.isinf(value):
        return np.nextafter(value, dtype.type(1 if value <= 0 else 0))
    away = 5 * np.finfo(np.float32).eps
    while is_nodata(near := np.array([value * dtype.type(1 - away)], dtype), nodata).any():  # of the least and the
        away *= 2  # greatest floats all that are large are taken for them
    return near[0]
