"""NumPy files: a packed structured array, one field a band."""

import io
import struct
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np

from rasterwire.encode import BlockSource
from rasterwire.pixels import Window
from rasterwire.plan.types import RasterPlan

_STRIP_BYTES = 4 << 20


def record_dtype(raster: RasterPlan) -> np.dtype[Any]:
    """Return the packed little-endian record: the bands in order, then ``mask`` if there is one."""
    fields = [(band.name, np.dtype(band.dtype).newbyteorder("<")) for band in raster.bands]
    return np.dtype([*fields, ("mask", "u1")] if raster.mask else fields)


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
    """Return what 2.0 would be, in UTF-8; NumPy has no public function for it."""
    text = f"{layout}".encode()
    start = len(np.lib.format.magic(3, 0)) + 4
    padding = -(start + len(text) + 1) % np.lib.format.ARRAY_ALIGN
    text += b" " * padding + b"\n"
    return np.lib.format.magic(3, 0) + struct.pack("<I", len(text)) + text


def npy_windows(raster: RasterPlan) -> Iterator[Window]:
    """Yield strips of whole rows, since rows follow each other in the file."""
    height, width = (int(n) for n in raster.grid.shape)
    step = max(1, _STRIP_BYTES // (width * record_dtype(raster).itemsize))
    for row in range(0, height, step):
        yield Window(row, 0, min(step, height - row), width)


def encode_npy(raster: RasterPlan, render: BlockSource, out: BinaryIO) -> None:
    """Write a raster; invalid pixels get the band's fill, and 0 in ``mask``, where valid ones have 255."""
    record = record_dtype(raster)
    height, width = (int(n) for n in raster.grid.shape)
    out.write(npy_header(record, (height, width)))
    for block in render(raster, npy_windows(raster)):
        rows = np.empty(block[0].data.shape, record)
        for band, pixels in zip(raster.bands, block, strict=True):
            rows[band.name] = pixels.filled(band.fill)
        if raster.mask:
            rows["mask"] = np.logical_and.reduce([pixels.valid for pixels in block]) * np.uint8(255)
        out.write(rows.view(np.uint8).data)  # plain bytes: the buffer of a record takes no name with a colon
