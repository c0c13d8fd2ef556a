"""What may come by a plan: the most bytes, and the rasters that are opened.

A plan is told before the bytes come, and a caller may have looked at it; what differs from it is not opened.
"""

import io
import re
from pathlib import Path
from typing import TYPE_CHECKING

from rasterwire.client.errors import CorruptData
from rasterwire.client.extras import needs
from rasterwire.units import plural_text
from rasterwire.v1 import download_pb2

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import rasterio
    from rasterio.io import MemoryFile

_SIGNATURES = {
    "GTiff": (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),
    "PNG": (b"\x89PNG\r\n\x1a\n",),
    "JPEG": (b"\xff\xd8\xff",),
}
"""How files begin, by GDAL's driver; source: TIFF 6.0 section 2, BigTIFF, PNG section 5.2, JFIF."""

_DOMAINS = frozenset({"", "IMAGE_STRUCTURE", "DERIVED_SUBDATASETS", "RPC", "COLOR_PROFILE", "EXIF", "xml:XMP"})
"""Domains of GDAL's metadata that lead nowhere; SUBDATASETS and OVERVIEWS name other files, which GDAL opens."""

_TILE_SIDE = 512
_FACTOR = 3
"""Overviews at most double a file, and the worst compression adds a third."""

_ROOM = 8 << 20
"""Bytes of a raster for what is no pixel: a header, metadata of 1 MiB, control points."""

_LONGEST_HEADER = 1 << 24
"""Bytes; numpy's own limit stops at some 600 bands, and this one leaves room for what servers allow."""


def most_bytes(plan: download_pb2.DownloadPlan) -> int:
    """Return the most bytes that a file of a plan can have, with whole tiles, masks and overviews."""
    if plan.format == download_pb2.FORMAT_NPY:
        return plan.estimated_bytes
    total = 0
    for raster in plan.rasters:
        pixels = (raster.grid.width + _TILE_SIDE) * (raster.grid.height + _TILE_SIDE)
        total += _FACTOR * pixels * sum(_pixel_bytes(band) + 1 for band in raster.bands) + _ROOM
    return total


def check_size(plan: download_pb2.DownloadPlan, size: int) -> None:
    """Compare the size of a file with the plan it was made by.

    Raises:
        CorruptData: it cannot be that file.
    """
    most = most_bytes(plan)
    if size > most or (plan.format == download_pb2.FORMAT_NPY and size != most):
        exactly = "" if plan.format == download_pb2.FORMAT_NPY else " at most"
        raise CorruptData(
            f"the server tells of a file of {plural_text(size, 'byte')}, where its plan makes{exactly} {most}"
        )


def _pixel_bytes(band: download_pb2.BandPlan) -> int:
    bits = re.search(r"\d+", download_pb2.DataType.Name(band.data_type))
    return int(bits[0]) // 8 if bits else 0


def _types(plan: download_pb2.DownloadPlan) -> list[str]:
    names = (download_pb2.DataType.Name(band.data_type) for band in plan.rasters[0].bands)
    return [name.removeprefix("DATA_TYPE_").lower() for name in names]


def read_npy(data: bytes, plan: download_pb2.DownloadPlan) -> "npt.NDArray[np.void]":
    """Return the array of an NPY, once its header says what the plan does.

    Raises:
        CorruptData: it is none, or another one.
    """
    numpy = needs("numpy", "numpy")
    file = io.BytesIO(data)
    try:
        version = numpy.lib.format.read_magic(file)
        read = numpy.lib.format.read_array_header_2_0 if version[0] > 1 else numpy.lib.format.read_array_header_1_0
        shape, by_columns, dtype = read(file, max_header_size=_LONGEST_HEADER)
    except Exception as error:  # a text that is read as Python fails in many ways
        raise CorruptData(f"what came is no NPY: {error}") from error
    grid, types = plan.rasters[0].grid, _types(plan)
    # behind the bands there may be a field for masks
    names = [dtype[name].name for name in dtype.names or ()][: len(types)]
    is_other = shape != (grid.height, grid.width) or names != types
    # objects would be unpickled, which runs what it likes
    if dtype.hasobject or by_columns or is_other:
        raise CorruptData(f"an array of shape {shape} and type {dtype} came, which is not what the plan says")
    if len(data) - file.tell() != dtype.itemsize * shape[0] * shape[1]:
        raise CorruptData(
            f"{plural_text(len(data) - file.tell(), 'byte')} of pixels came for an array of shape {shape}"
        )
    file.seek(0)
    array: npt.NDArray[np.void] = numpy.load(file, allow_pickle=False, max_header_size=_LONGEST_HEADER)
    return array


def driver_of(start: bytes) -> str:
    """Return GDAL's driver for a file of this service by its first bytes.

    Raises:
        CorruptData: no such file begins so.
    """
    for driver, starts in _SIGNATURES.items():
        if start.startswith(starts):
            return driver
    raise CorruptData("what came is no TIFF, PNG or JPEG; is it a rasterwire server that is asked?")


def open_raster(source: "Path | MemoryFile", start: bytes) -> "rasterio.DatasetReader":
    """Open a file by the one driver that its first bytes name, if nothing in it leads to other files.

    Raises:
        CorruptData: it is of another kind, or cannot be opened, or names other files.
    """
    library = needs("rasterio", "rasterio")
    driver = driver_of(start)
    opened: rasterio.DatasetReader
    try:
        opened = library.open(source, driver=driver) if isinstance(source, Path) else source.open(driver=driver)
    except library.errors.RasterioIOError as error:
        raise CorruptData(f"what came cannot be opened: {error}") from error
    if others := set(opened.tag_namespaces()) - _DOMAINS:
        opened.close()
        raise CorruptData(f"the file that came may name other files, in {', '.join(sorted(others))}; it is not opened")
    return opened


def check_raster(opened: "rasterio.DatasetReader", plan: download_pb2.DownloadPlan) -> None:
    """Compare an open raster with its plan.

    Raises:
        CorruptData: it has another size, or other bands.
    """
    grid = plan.rasters[0].grid
    actual, expected = (opened.width, opened.height, list(opened.dtypes)), (grid.width, grid.height, _types(plan))
    if actual != expected:
        raise CorruptData(f"a raster came of width, height and types {actual}, where the plan says {expected}")
