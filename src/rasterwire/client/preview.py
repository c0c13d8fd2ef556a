"""A small picture of a delivered file, for people."""

import warnings
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rasterwire.client.errors import CorruptData
from rasterwire.client.expected import open_raster
from rasterwire.client.extras import needs

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from rasterio.io import MemoryFile

SIDE = 512
"""Pixels along the longer side."""

_START = 16
"""Bytes that tell what a file is."""


def write_preview(path: Path, png: Path) -> None:
    """Write a PNG of the first three bands of a file, or of the first where there are fewer.

    Bands are stretched from their 2nd to their 98th percentile; invalid pixels are transparent.

    Args:
        path: a GeoTIFF, a zip of them, or an NPY.
        png: the picture.

    Raises:
        ImportError: numpy or rasterio is not installed.
        CorruptData: it is no such file, or one that names other files.
    """
    np = needs("numpy", "rasterio")
    rasterio = needs("rasterio", "rasterio")
    bands = _bands(path)
    bands = bands[:3] if len(bands) >= 3 else bands[:1] * 3
    shape = bands[0][0].shape
    alpha = np.zeros(shape, "uint8")
    layers = []
    for data, valid in bands:
        if data.shape != shape:  # bands of other resolutions, drawn on the first one's pixels
            rows = np.arange(shape[0]) * data.shape[0] // shape[0]
            cols = np.arange(shape[1]) * data.shape[1] // shape[1]
            data, valid = data[np.ix_(rows, cols)], valid[np.ix_(rows, cols)]
        layers.append(_stretched(data, valid))
        alpha[valid] = 255
    profile = {"driver": "PNG", "width": shape[1], "height": shape[0], "count": 4, "dtype": "uint8"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a picture has no place on earth
        with rasterio.open(png, "w", **profile) as picture:
            picture.write(np.stack([*layers, alpha]))
    png.with_name(png.name + ".aux.xml").unlink(missing_ok=True)


def _bands(path: Path) -> "list[tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]]":
    """Return data and validity of bands, at most ``SIDE`` pixels a side."""
    np = needs("numpy", "rasterio")
    if path.suffix == ".npy":
        array = np.load(path, mmap_mode="r", allow_pickle=False)
        step = max(1, -(-max(array.shape) // SIDE))
        small = array[::step, ::step]
        names = [name for name in small.dtype.names if name != "mask"]
        mask = small["mask"] > 0 if "mask" in small.dtype.names else np.ones(small.shape, bool)
        return [(small[name].astype("float64"), mask & np.isfinite(small[name])) for name in names[:3]]
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()[:3]
            if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
                raise CorruptData("the entries of the zip are compressed, which those of a rasterwire server never are")
            return [band for entry in entries for band in _raster_bands(archive.read(entry))]
    return _raster_bands(path)


def _raster_bands(source: "Path | bytes | MemoryFile") -> "list[tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]]":
    np = needs("numpy", "rasterio")
    if isinstance(source, bytes):
        start = source[:_START]
        source = needs("rasterio.io", "rasterio").MemoryFile(source)
    else:
        with source.open("rb") as file:
            start = file.read(_START)
    with open_raster(source, start) as raster:
        shrink = max(1.0, max(raster.shape) / SIDE)
        shape = tuple(max(1, round(side / shrink)) for side in raster.shape)
        found = []
        for index in raster.indexes[:3]:
            data = raster.read(index, out_shape=shape).astype("float64")
            found.append((data, (raster.read_masks(index, out_shape=shape) > 0) & np.isfinite(data)))
        return found


def _stretched(data: "npt.NDArray[Any]", valid: "npt.NDArray[np.bool_]") -> "npt.NDArray[np.uint8]":
    np = needs("numpy", "rasterio")
    if not valid.any():
        return np.zeros(data.shape, "uint8")  # type: ignore[no-any-return]
    low, high = np.percentile(data[valid], [2, 98])
    scaled = (np.where(valid, data, low) - low) / max(high - low, 1e-12)
    return (np.clip(scaled, 0, 1) * 255).astype("uint8")  # type: ignore[no-any-return]
