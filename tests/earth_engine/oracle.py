"""Reads files of the catalog and answers of the server with rasterio."""

import io
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio
import requests
from rasterio.io import MemoryFile
from rasterio.transform import Affine
from rasterio.warp import transform
from rasterio.windows import from_bounds

COLLECTION = "COPERNICUS/S2_SR"
SCENE_INDEX = "20210109T185751_20210109T185931_T10SEG"
SCENE = f"{COLLECTION}/{SCENE_INDEX}"
BANDS = ["B1", "B2", "B3", "B4", "B5", "B8", "B11", "B12", "SCL", "QA60"]
REGION = (-122.0859, 37.0436, -122.0626, 37.0586)
"""Of the documentation's example, as west, south, east and north."""

AT_20 = (581260.0, 4100080.0, 583360.0, 4101800.0)
"""The region in EPSG:32610 on whole pixels of 20 m: 105 x 86 of them."""
AT_10 = (581270.0, 4100090.0, 583360.0, 4101790.0)
"""The same of 10 m: 209 x 170."""

Pixels = npt.NDArray[Any]
Bounds = tuple[float, float, float, float]


def piece_index(day: str) -> str:
    """Return the system:index of the generated image of a day."""
    digits = day.replace("-", "")
    return f"{digits}T185741_{digits}T185911_T10SEG"


class Catalog:
    """The served folder."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def path(self, band: str, index: str = SCENE_INDEX) -> Path:
        """Return the file of a band."""
        folder = self._root / COLLECTION if index == SCENE_INDEX else self._root / "pieces"
        return folder / index / f"{band}.tif"

    def read(self, band: str, bounds: Bounds, index: str = SCENE_INDEX) -> Pixels:
        """Return the pixels of a band within bounds in its coordinates. The bounds are on edges of pixels."""
        with rasterio.open(self.path(band, index)) as source:
            window = from_bounds(*bounds, source.transform).round_offsets().round_lengths()
            data: Pixels = source.read(1, window=window)
        return data

    def sample(self, band: str, x: Pixels, y: Pixels, crs: str, index: str = SCENE_INDEX) -> Pixels:
        """Return the pixels at points; points outside get 0."""
        with rasterio.open(self.path(band, index)) as source:
            data = source.read(1)
            east, north = transform(crs, source.crs, x.ravel(), y.ravel())
            t = source.transform  # of north-up files
            columns, rows = (np.array(east) - t.c) / t.a, (np.array(north) - t.f) / t.e
        column, row = np.floor(columns).astype(int), np.floor(rows).astype(int)
        inside = (column >= 0) & (row >= 0) & (column < data.shape[1]) & (row < data.shape[0])
        values = np.zeros(column.shape, data.dtype)
        values[inside] = data[row[inside], column[inside]]
        sampled: Pixels = values.reshape(x.shape)
        return sampled


@dataclass(frozen=True)
class Raster:
    """A GeoTIFF as rasterio reads it; ``data`` is bands x rows x columns."""

    data: Pixels
    transform: Affine
    crs: str
    names: tuple[str, ...]
    nodata: Any

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.data.shape[2], self.data.shape[1]

    def centres(self) -> tuple[Pixels, Pixels]:
        """Return x and y of the pixels' centres."""
        column, row = np.meshgrid(np.arange(self.size[0]) + 0.5, np.arange(self.size[1]) + 0.5)
        t = self.transform
        return t.a * column + t.b * row + t.c, t.d * column + t.e * row + t.f


def within(tif: Raster, bounds: Bounds) -> Pixels:
    """Return which pixel centres are inside an area whose edges are straight in longitude and latitude."""
    x, y = tif.centres()
    lon, lat = (np.array(part).reshape(x.shape) for part in transform(tif.crs, "EPSG:4326", x.ravel(), y.ravel()))
    west, south, east, north = bounds
    inside: Pixels = (lon >= west) & (lon <= east) & (lat >= south) & (lat <= north)
    return inside


def raster(content: bytes) -> Raster:
    """Return a GeoTIFF."""
    with MemoryFile(content) as memory, memory.open() as source:
        return Raster(source.read(), source.transform, str(source.crs), tuple(source.descriptions), source.nodata)


def rasters(content: bytes) -> dict[str, Raster]:
    """Return the GeoTIFFs of a zip by their names."""
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        return {name: raster(packed.read(name)) for name in packed.namelist()}


def fetched(url: str) -> bytes:
    """Return the body of the answer at an address."""
    answer = requests.get(url, timeout=300)
    assert answer.status_code == 200, answer.text
    return bytes(answer.content)


def array(content: bytes) -> Pixels:
    """Return an NPY file."""
    loaded: Pixels = np.load(io.BytesIO(content))
    return loaded
