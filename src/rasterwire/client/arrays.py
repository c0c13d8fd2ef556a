"""Downloads as arrays; each function needs an extra, and says which."""

import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING

from rasterwire.client.expected import check_raster, open_raster, read_npy
from rasterwire.client.extras import needs
from rasterwire.client.params import Params, to_message
from rasterwire.v1 import download_pb2

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import rasterio
    import xarray

Stream = Callable[[download_pb2.DownloadParams], tuple[bytes, download_pb2.DownloadPlan]]
"""Returns a file, and the plan that it was made by."""


def _as_format(params: Params, format_: download_pb2.Format.ValueType) -> download_pb2.DownloadParams:
    message = download_pb2.DownloadParams()
    message.CopyFrom(to_message(params))
    message.format = format_
    message.ClearField("file_per_band")
    return message


def to_numpy(stream: Stream, params: Params) -> "npt.NDArray[np.void]":
    """Return a structured array, shape (rows, columns): a field a band, and ``mask`` where the plan has one."""
    needs("numpy", "numpy")
    return read_npy(*stream(_as_format(params, download_pb2.FORMAT_NPY)))


def open_rasterio(stream: Stream, params: Params) -> "rasterio.DatasetReader":
    """Return an open GeoTIFF of all bands, in memory until it is closed."""
    memory = needs("rasterio.io", "rasterio")
    data, plan = stream(_as_format(params, download_pb2.FORMAT_GEO_TIFF))
    file = memory.MemoryFile(data)
    opened = open_raster(file, data[:16])
    check_raster(opened, plan)
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
    array: xarray.DataArray = rioxarray.open_rasterio(opened, driver="GTiff").load()  # it opens by name, once more
    array = array.assign_coords(band=list(opened.descriptions))
    if all({flags.all_valid, flags.nodata} & set(told) for told in opened.mask_flag_enums):
        return array
    return array.assign_coords(valid=(("band", "y", "x"), opened.read_masks() > 0))
