"""Means in the type of their band: within its limits, and distinct from its nodata value."""

from typing import Any

import numpy as np
import numpy.typing as npt

from rasterwire.pixels import Pixels, is_nodata


def limits(dtype: np.dtype[Any]) -> tuple[float, float]:
    """Return the least and greatest value of an integer type as doubles; 1 and 0 for floats, which are not rounded."""
    if dtype.kind == "f":
        return 1.0, 0.0
    greatest = int(np.iinfo(dtype).max)
    high = float(greatest)
    return float(np.iinfo(dtype).min), high if int(high) <= greatest else float(np.nextafter(high, 0.0))


def beside_nodata(data: npt.NDArray[Any], valid: npt.NDArray[np.bool_], nodata: float | int | None) -> Pixels:
    """Change valid values that readers would take for the nodata value, as GDAL changes those that equal it."""
    if nodata is None or np.isnan(nodata):
        return Pixels(data, valid)
    collides = valid & is_nodata(data, nodata)
    if collides.any():
        data[collides] = _beside(nodata, data.dtype)
    return Pixels(data, valid)


def _beside(nodata: float | int, dtype: np.dtype[Any]) -> Any:
    """Return a value close to nodata that no reader takes for it."""
    value = dtype.type(nodata)
    if dtype.kind != "f":
        return int(value) + 1 if value == np.iinfo(dtype).min else int(value) - 1
    if value == 0 or np.isinf(value):
        return np.nextafter(value, dtype.type(1 if value <= 0 else 0))
    distance = 5 * np.finfo(np.float32).eps
    # readers take all large floats for the least or the greatest one
    while is_nodata(near := np.array([value * dtype.type(1 - distance)], dtype), nodata).any():
        distance *= 2
    return near[0]
