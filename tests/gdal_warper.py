"""Windows of a grid by GDAL's warper alone, to compare interpolations with."""

from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio
from affine import Affine
from rasterio.enums import MaskFlags
from rasterio.enums import Resampling as GdalResampling
from rasterio.vrt import WarpedVRT

from rasterwire.pixels import Window
from rasterwire.render.positions import tiles_of
from rasterwire.render.sampling import Sampling

Warped = tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]


def warped(path: str, index: int, sampling: Sampling, window: Window) -> Warped:
    """Return values and validity of a window, with the widths of kernels that the documentation states.

    Args:
        path: of a file whose first level is read.
        index: of the band, from 1.
        sampling: of the band.
        window: of the grid of the sampling.
    """
    data = np.zeros((window.height, window.width), sampling.source.dtype)
    valid = np.zeros(data.shape, bool)
    with rasterio.open(path) as file:
        for tile, scale in tiles_of(sampling, window):
            rows = slice(tile.row - window.row, tile.row - window.row + tile.height)
            cols = slice(tile.col - window.col, tile.col - window.col + tile.width)
            data[rows, cols], valid[rows, cols] = _of_tile(file, index, sampling, tile, scale)
    return data, valid


def _of_tile(
    file: rasterio.DatasetReader, index: int, sampling: Sampling, tile: Window, scale: tuple[float, float]
) -> Warped:
    assert sampling.resampling is not None
    nodata = file.nodata
    mask = {} if MaskFlags.alpha in file.mask_flag_enums[index - 1] else {"add_alpha": True}
    with WarpedVRT(
        file,
        src_crs=file.crs,
        src_transform=file.transform,
        crs=sampling.grid.crs.to_wkt() if sampling.grid.crs else None,
        transform=sampling.grid.affine @ Affine.translation(tile.col, tile.row),
        width=tile.width,
        height=tile.height,
        resampling=GdalResampling[sampling.resampling.value.lower()],
        tolerance=1e-9,
        XSCALE=str(scale[0]),
        YSCALE=str(scale[1]),
        **(mask if nodata is None else {"nodata": nodata, "src_nodata": nodata}),
    ) as vrt:
        data = vrt.read(index)
        return data, vrt.read(vrt.count) > 0 if nodata is None else data != nodata
