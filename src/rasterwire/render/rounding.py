"""Means in the type of their band: within its limits, and beside its nodata value."""

from typing import Any

import numpy as np
import numpy.typing as npt

from rasterwire.pixels import Pixels


def limits(dtype: np.dtype[Any]) -> tuple[float, float]:
    """Return the least and greatest value of integers; 1 and 0 for floats, which are not rounded."""
    return (1.0, 0.0) if dtype.kind == "f" else (float(np.iinfo(dtype).min), float(np.iinfo(dtype).max))


def beside_nodata(data: npt.NDArray[Any], valid: npt.NDArray[np.bool_], nodata: float | int | None) -> Pixels:
    """Move means that happen to equal the nodata value by the least step, as GDAL does."""
    if nodata is None or np.isnan(nodata):
        return Pixels(data, valid)
    hit = valid & (data == nodata)
    if hit.any():
        value = data.dtype.type(nodata)
        if data.dtype.kind == "f":
            top = np.finfo(data.dtype).max
            data[hit] = np.nextafter(value, value.dtype.type(0) if value == top else top)
        else:
            least = np.iinfo(data.dtype).min
            data[hit] = int(value) + 1 if value == least else int(value) - 1
    return Pixels(data, valid)
