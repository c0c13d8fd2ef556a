"""Downloads as arrays; each function needs an extra, and says which."""

import importlib
import io
import weakref
from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING

from rasterwire.client.params import Params, to_message
from rasterwire.v1 import download_pb2

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import rasterio
    import xarray

Stream = Callable[[download_pb2.DownloadParams], bytes]


def needs(module: str, extra: str) -> ModuleType:
    """Import a module, or say how to install it."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(f"this needs {module}: pip install 'rasterwire[{extra}]'") from error


def _as_format(params: Params, format_: download_pb2.Format.ValueType) -> download_pb2.DownloadParams:
    message = download_pb2.DownloadParams()
    message.CopyFrom(to_message(params))
    message.format = format_
    message.ClearField("file_per_band")
    return message


def to_numpy(stream: Stream, params: Params) -> "npt.NDArray[np.void]":
    """Return a structured array, shape (rows, columns): a field a band, and ``mask`` where the plan has one."""
    numpy = needs("numpy", "numpy")
    data = io.BytesIO(stream(_as_format(params, download_pb2.FORMAT_NPY)))
    # numpy's own limit stops at some 600 bands; the header is as large as the server's limits let it be
    array: npt.NDArray[np.void] = numpy.load(data, max_header_size=1 << 24)
    return array


def open_rasterio(stream: Stream, params: Params) -> "rasterio.DatasetReader":
    """Return an open GeoTIFF of all bands, in memory until it is closed."""
    memory = needs("rasterio.io", "rasterio")
    data = stream(_as_format(params, download_pb2.FORMAT_GEO_TIFF))
    file = memory.MemoryFile(data)
    opened: rasterio.DatasetReader = file.open()
    # GDAL reads from the bytes themselves, so they have to live as long as the dataset
    weakref.finalize(opened, file.close)
    return opened


def to_xarray(stream: Stream, params: Params) -> "xarray.DataArray":
    """Return an array with dimensions band (by name), y and x, and coordinates of pixel centres.

    Where the file has a mask, a coordinate ``valid``, of the dimensions of the array, says which pixels are valid.
    """
    rioxarray = needs("rioxarray", "xarray")
    flags = needs("rasterio.enums", "rasterio").MaskFlags
    opened = open_rasterio(stream, params)
    array: xarray.DataArray = rioxarray.open_rasterio(opened).load()
    array = array.assign_coords(band=list(opened.descriptions))
    if all({flags.all_valid, flags.nodata} & set(told) for told in opened.mask_flag_enums):
        return array
    return array.assign_coords(valid=(("band", "y", "x"), opened.read_masks() > 0))
