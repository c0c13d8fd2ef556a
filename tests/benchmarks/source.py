"""The scene that is measured on: twelve bands with the sizes of Sentinel-2's, made up, always the same.

Smooth reflectance of many scales with the noise of a sensor, so that deflate makes of it what it makes of
real scenes. The south-west corner is nodata, as beside a swath.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import rasterio
import tifffile
from rasterio.shutil import copy

from benchmarks.work import CRS, Grid, Part, Window

IMAGE = "scene"
BANDS = {
    "B02": 10, "B03": 10, "B04": 10, "B08": 10,
    "B05": 20, "B06": 20, "B07": 20, "B8A": 20, "B11": 20, "B12": 20,
    "B01": 60, "B09": 60,
}  # fmt: skip
"""Metres a pixel; the first three are the ones most cases take."""

_WEST, _NORTH = 399960.0, 5000040.0
_FULL = 10980
_STEP = 16  # pixels from one value of the smooth part to the next
_ROWS = 512
_NOISE = 24.0

_Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Source:
    """The scene on disk.

    Attributes:
        catalog: folder of images.
        size: pixels along a side of the bands of 10 m.
    """

    catalog: Path
    size: int

    def path(self, band: str) -> Path:
        """Return the file of a band."""
        return self.catalog / IMAGE / f"{band}.tif"

    def ratio(self, band: str = "B02") -> float:
        """Return bytes of the pixels of the full resolution, before compression by after."""
        with tifffile.TiffFile(self.path(band)) as file:
            return 2 * self.size**2 / sum(file.pages[0].databytecounts)

    def scaled(self, pixels: int) -> int:
        """Return a length given for the full size."""
        return max(1, round(pixels * self.size / _FULL))

    def native(self, band: str, column: int, row: int, side: int) -> Part:
        """Return a square window of a band of 10 m."""
        transform = (10.0, 0.0, _WEST + 10 * column, 0.0, -10.0, _NORTH - 10 * row)
        return Part(band, Grid(CRS, transform, side, side), Window(column, row, side, side))

    def placed(self, band: str, metres: float, width: int, height: int) -> Part:
        """Return a grid from the north-west corner with pixels of another size."""
        return Part(band, Grid(CRS, (metres, 0.0, _WEST, 0.0, -metres, _NORTH), width, height))

    def point(self, column: float, row: float) -> tuple[float, float]:
        """Return the coordinates of a place in pixels of 10 m."""
        return _WEST + 10 * column, _NORTH - 10 * row


def make_source(folder: Path, size: int) -> Source:
    """Return the scene, made below ``folder`` if it is not there."""
    source = Source(folder.resolve() / f"catalog-{size}", size)
    source.path("B02").parent.mkdir(parents=True, exist_ok=True)
    (folder / ".gitignore").write_text("*\n")
    missing = [band for band in BANDS if not source.path(band).exists()]
    if missing:
        print(f"making {', '.join(missing)} in {source.path(missing[0]).parent}", flush=True)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(lambda band: _make(source, band), missing))
    return source


def _make(source: Source, band: str) -> None:
    seed, metres = list(BANDS).index(band), BANDS[band]
    side = -(-source.size * 10 // metres)
    coarse = _smooth(np.random.default_rng([seed, 0]), side // _STEP + 2)
    pixels = np.empty((side, side), np.uint16)
    for start in range(0, side, _ROWS):
        pixels[start : start + _ROWS] = _strip(seed, coarse, start, side)
    _write(source.path(band), band, metres, pixels)


def _strip(seed: int, coarse: _Floats, start: int, side: int) -> npt.NDArray[np.uint16]:
    at_row = np.arange(start, min(start + _ROWS, side), dtype=np.float32) / _STEP
    at_column = np.arange(side, dtype=np.float32) / _STEP
    low = at_row.astype(np.intp)
    part = (at_row - low)[:, None]
    lines = coarse[low] * (1 - part) + coarse[low + 1] * part
    left = at_column.astype(np.intp)
    part = at_column - left
    values = lines[:, left] * (1 - part) + lines[:, left + 1] * part
    values += np.random.default_rng([seed, 1, start]).standard_normal(values.shape, np.float32) * np.float32(_NOISE)
    pixels = np.clip(values, 1, 12000).astype(np.uint16)
    beside = at_column * _STEP < 0.2 * (at_row * _STEP - 0.6 * side)[:, None]
    pixels[beside] = 0
    return pixels


def _smooth(random: np.random.Generator, side: int) -> _Floats:
    """Return reflectance x 10000 without noise: octaves of blended random values."""
    total = np.zeros((side, side), np.float32)
    cells, height = 4, 1.0
    while cells < side:
        corners = random.standard_normal((cells + 2, cells + 2), dtype=np.float32)
        position = np.linspace(0, cells, side, endpoint=False, dtype=np.float32)
        low = position.astype(np.intp)
        part = position - low
        rows = corners[low] * (1 - part)[:, None] + corners[low + 1] * part[:, None]
        total += np.float32(height) * (rows[:, low] * (1 - part) + rows[:, low + 1] * part)
        cells, height = cells * 2, height * 0.6
    spread: _Floats = 2500 + 900 * total
    return spread


def _write(path: Path, band: str, metres: int, pixels: npt.NDArray[np.uint16]) -> None:
    """Write a cloud-optimized GeoTIFF under its name only when it is whole."""
    side = pixels.shape[0]
    place = {"crs": CRS, "transform": rasterio.Affine(metres, 0, _WEST, 0, -metres, _NORTH), "nodata": 0}
    plain = path.with_suffix(".plain")
    part = path.with_suffix(".part")
    shape = {"driver": "GTiff", "height": side, "width": side, "count": 1, "dtype": "uint16"}
    with rasterio.open(plain, "w", **shape, **place) as raster:
        raster.write(pixels, 1)
        raster.set_band_description(1, band)
    layout = {"compress": "deflate", "predictor": 2, "blocksize": 512, "overview_resampling": "average"}
    copy(plain, part, driver="COG", num_threads="all_cpus", **layout)
    plain.unlink()
    part.replace(path)
