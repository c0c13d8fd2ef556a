"""The record and the header of an NPY, which decide its exact size."""

import io
import struct
from functools import lru_cache
from typing import Any

import numpy as np

from rasterwire.plan.types import RasterPlan


def record_dtype(raster: RasterPlan) -> np.dtype[Any]:
    """Return the packed little-endian record: the bands in order, then ``mask`` if there is one.

    A mask is one byte, or as many bytes as bands where each has a mask of its own.
    """
    fields = [(band.name, np.dtype(band.dtype).newbyteorder("<")) for band in raster.bands]
    match raster.masks:
        case 0:
            return np.dtype(fields)
        case 1:
            return np.dtype([*fields, ("mask", "u1")])
        case count:
            return np.dtype([*fields, ("mask", "u1", (count,))])


@lru_cache(maxsize=256)
def npy_header(record: np.dtype[Any], shape: tuple[int, int]) -> bytes:
    """Return the bytes that precede the data.

    Version 1.0; 2.0 where the band names do not fit into its 64 KiB; 3.0 where they are not Latin-1.

    Args:
        record: structured type.
        shape: rows, columns.

    Source: NEP 1, https://numpy.org/neps/nep-0001-npy-format.html
    """
    layout = {"descr": np.lib.format.dtype_to_descr(record), "fortran_order": False, "shape": shape}
    out = io.BytesIO()
    try:
        np.lib.format.write_array_header_1_0(out, layout)
    except UnicodeEncodeError:
        return _header_3_0(layout)
    except ValueError:
        np.lib.format.write_array_header_2_0(out, layout)
    return out.getvalue()


def _header_3_0(layout: dict[str, Any]) -> bytes:
    """Return a header of version 2.0, but in UTF-8; NumPy has no public function for it."""
    text = f"{layout}".encode()
    start = len(np.lib.format.magic(3, 0)) + 4
    padding = -(start + len(text) + 1) % np.lib.format.ARRAY_ALIGN
    text += b" " * padding + b"\n"
    return np.lib.format.magic(3, 0) + struct.pack("<I", len(text)) + text
