"""A catalog of images to look at, and what their pictures have to be, by NumPy and rasterio alone."""

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio
from affine import Affine
from rasterio.enums import Resampling

SIDE = 1200
"""Pixels of the made-up images: more than are looked at at full resolution."""

TRANSFORM = Affine(10, 0, 600000, 0, -10, 5700000)
COMMON_NAMES = {"B02": "blue", "B03": "green", "B04": "red", "B08": "nir"}

Layers = npt.NDArray[Any]


def write_raster(path: Path, layers: Layers, overviews: Sequence[int] = (), **profile: Any) -> None:
    """Write a GeoTIFF, with averaged overviews where factors are given."""
    count, height, width = layers.shape
    profile = {"crs": "EPSG:32632", "transform": TRANSFORM, "tiled": True, "compress": "deflate"} | profile
    with rasterio.open(path, "w", width=width, height=height, count=count, dtype=layers.dtype, **profile) as file:
        file.write(layers)
    if overviews:
        with rasterio.open(path, "r+") as file:
            file.build_overviews(overviews, Resampling.average)


def reflectance(seed: int, size: int = SIDE) -> Layers:
    """Return a band as a satellite has it: most values far above 255, a few very bright; a corner is nodata."""
    rng = np.random.default_rng(seed)
    row, col = np.mgrid[:size, :size]
    layer = 400 + 300 * seed + (row + 2 * col) * 1600 // (3 * size) + rng.integers(0, 300, (size, size))
    layer[:20, :20] = 9000
    layer[-100:, -150:] = 0
    layers: Layers = layer.astype("uint16")[np.newaxis]
    return layers


def write_scene(folder: Path) -> None:
    """Write an image of four bands in four files, whose STAC item gives their common names, blue first."""
    assets = {}
    for seed, (name, common_name) in enumerate(COMMON_NAMES.items(), start=1):
        write_raster(folder / f"{name}.tif", reflectance(seed), [2, 4, 8], nodata=0)
        fields = [{"name": name, "common_name": common_name}]
        assets[name] = {"href": f"./{name}.tif", "type": "image/tiff; application=geotiff", "eo:bands": fields}
    item: dict[str, Any] = {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": "scene",
        "geometry": None,
        "properties": {"datetime": "2021-01-09T18:57:51Z"},
        "assets": assets,
        "links": [],
    }
    (folder / "scene.json").write_text(json.dumps(item))


def overview_percentiles(path: Path, level: int, percents: Sequence[float] = (2, 98), index: int = 1) -> list[float]:
    """Return percentiles of the valid pixels of an overview, as rasterio reads it."""
    with rasterio.open(path, overview_level=level) as file:
        data, mask = file.read(index), file.read_masks(index) > 0
    return [float(value) for value in np.percentile(data[mask].astype("float64"), percents)]


def read_picture(data: bytes) -> Layers:
    """Return the bands of a PNG or JPEG, shape (bands, rows, columns)."""
    with rasterio.open(io.BytesIO(data)) as picture:
        layers: Layers = picture.read()
    return layers


def shades(values: Layers, low: float, high: float, gamma: float = 1.0) -> Layers:
    """Return the bytes that values become."""
    part = np.clip((values.astype("float64") - low) / (high - low), 0, 1)
    bytes_: Layers = np.floor(part ** (1 / gamma) * 255 + 0.5).astype("uint8")
    return bytes_
