"""Generates a small scene that looks like Sentinel-2, to try the service without other data.

It covers the region in Earth Engine's documentation of ``getDownloadURL``,
``BBox(-122.0859, 37.0436, -122.0626, 37.0586)``, on the grid of tile 10SEG. Hills, a river, fields, a town
and clouds are generated from noise with a fixed seed. Each run gives the same pixels.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import rasterio
from rasterio.enums import Resampling

__all__ = ["IMAGE_ID", "make_scene"]

IMAGE_ID = "COPERNICUS/S2_SR/20210109T185751_20210109T185931_T10SEG"

_crs = "EPSG:32610"
_west, _north = 576960.0, 4106280.0  # metres; whole 60 m pixels from the corner 499980, 4200000 of the tile
_side = 1068  # pixels of 10 m: 10.68 km
_metres = {"B2": 10, "B3": 10, "B4": 10, "B8": 10, "B5": 20, "B11": 20, "B12": 20, "SCL": 20}
_common = ("B2", "B3", "B4", "B5", "B8", "B11", "B12")
_block = 256

# Reflectance x 10000 of each land cover in the order of _common, and its class in the SCL band.
_covers = {
    "forest": ((260, 420, 300, 800, 3000, 1500, 700), 4),
    "grass": ((480, 800, 640, 1350, 3300, 2300, 1250), 4),
    "crop": ((420, 780, 460, 1300, 4600, 1900, 850), 4),
    "soil": ((900, 1250, 1650, 1950, 2350, 3200, 2700), 5),
    "town": ((1450, 1550, 1650, 1800, 2050, 2250, 2050), 5),
    "water": ((480, 520, 320, 220, 130, 60, 40), 6),
}
_cloud = (6800, 6700, 6600, 6650, 7000, 4300, 3300)
_scl_shadow, _scl_cloud, _scl_cirrus = 3, 9, 8

_Floats = npt.NDArray[np.float32]
_Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class _Ground:
    """Land cover, light and clouds. All arrays are rows x columns of 10 m pixels.

    Attributes:
        cover: index into ``_covers``.
        light: factor of brightness from the slope, about 1.
        texture: factor of brightness beside other pixels of the same cover, about 1.
        cloud: opacity of the clouds, 0 to 1.
        shadow: share of the light that clouds absorb, 0 to 1.
    """

    cover: _Bytes
    light: _Floats
    texture: _Floats
    cloud: _Floats
    shadow: _Floats


def make_scene(root: Path) -> Path:
    """Write the scene below ``root``. It replaces an earlier one.

    Bands B2, B3, B4, B8 at 10 m and B5, B11, B12 at 20 m are uint16, reflectance x 10000, with
    nodata 0; SCL at 20 m holds the scene classes of Sentinel-2.

    Returns:
        The folder of the image.

    Raises:
        OSError: the folder cannot be written.
    """
    folder = root / IMAGE_ID
    folder.mkdir(parents=True, exist_ok=True)
    ground = _ground()
    for index, name in enumerate(_common):
        fine = _reflectance(ground, index)
        pixels = fine if _metres[name] == 10 else _halved(fine)
        _write(folder, name, np.clip(np.rint(pixels), 1, 10000).astype(np.uint16))
    _write(folder, "SCL", _classes(ground))
    (folder / "asset.json").write_text(json.dumps(_description(), indent=1) + "\n", encoding="utf-8")
    return folder


def _noise(random: np.random.Generator, cells: int, octaves: int) -> _Floats:
    """Return smooth noise of mean 0 and deviation 1. Each octave has twice the cells and half the amplitude."""
    total = np.zeros((_side, _side), np.float32)
    for octave in range(octaves):
        total += _lattice(random, cells << octave) * np.float32(0.5**octave)
    total -= total.mean()
    total /= total.std()
    return total


def _lattice(random: np.random.Generator, cells: int) -> _Floats:
    """Return random values at ``cells`` x ``cells`` points, interpolated smoothly."""
    corners = random.standard_normal((cells + 2, cells + 2), dtype=np.float32)
    position = np.linspace(0, cells, _side, endpoint=False, dtype=np.float32)
    low = position.astype(np.intp)
    weight = position - low
    weight = weight * weight * (3 - 2 * weight)
    rows = corners[low] * (1 - weight)[:, None] + corners[low + 1] * weight[:, None]
    values: _Floats = rows[:, low] * (1 - weight) + rows[:, low + 1] * weight
    return values


def _ground() -> _Ground:
    random = np.random.default_rng(20210109)
    relief = _noise(random, 4, 6)
    row, column = np.mgrid[0:_side, 0:_side].astype(np.float32)
    river = _river(row, column)
    # Fields and the town are on the plain beside the river.
    plain = np.exp(-np.square(river / 150))
    valley = 1 - np.exp(-np.abs(river) / 400)
    height = (relief * (1 - 0.9 * plain) + 1.4 * valley).astype(np.float32)
    cover, texture = _land(random, height, river, row, column)
    cloud, shadow = _clouds(random)
    water = cover == _index("water")
    east, south = np.gradient(height, axis=1), np.gradient(height, axis=0)
    # In January the sun is low in the south-east.
    light = np.where(water, np.float32(1), np.clip(1 + 24 * (south - east), 0.4, 1.5))
    return _Ground(cover, light.astype(np.float32), texture, cloud, shadow)


def _index(cover: str) -> int:
    return tuple(_covers).index(cover)


def _river(row: _Floats, column: _Floats) -> _Floats:
    """Return the distance of each pixel from the middle of the river, in pixels, negative west of it."""
    y = row[:, :1]
    middle = 560 + 150 * np.sin(y / 190) + 55 * np.sin(y / 61 + 1) + 12 * np.sin(y / 23)
    slope = np.gradient(middle, axis=0)
    across: _Floats = ((column - middle) / np.sqrt(1 + slope * slope)).astype(np.float32)
    return across


def _land(
    random: np.random.Generator, height: _Floats, river: _Floats, row: _Floats, column: _Floats
) -> tuple[_Bytes, _Floats]:
    """Return cover and texture: woods on the hills, fields and a town in the plain, and the river."""
    patches, detail = _noise(random, 12, 5), _noise(random, 130, 3)
    texture = 1 + np.float32(0.07) * detail + np.float32(0.05) * patches
    cover = np.where(height + 0.5 * patches + 0.12 * detail > 0.35, _index("forest"), _index("grass")).astype(np.uint8)

    is_plain = (np.abs(river) < 150 + 30 * patches) & (height < 1.4)
    crops, tone = _fields(random, row, column)
    cover = np.where(is_plain, crops, cover)
    texture = np.where(is_plain, texture * tone, texture)

    distance = np.hypot(row - 690, column - 590) + 35 * patches
    is_town = distance < 95
    streets = ((row + column // 3) % 13 < 1.5) | ((column - row // 3) % 17 < 1.5)
    parks = detail > 1.1
    cover = np.where(is_town & ~parks, _index("town"), cover)
    texture = np.where(is_town, np.where(streets, 0.72, 1 + 0.22 * detail), texture)

    width = 6.5 + 1.5 * np.sin(row[:, :1] / 47)
    ponds = _noise(random, 20, 3) > 3.1
    is_water = (np.abs(river) < width) | ponds
    cover = np.where(is_water, _index("water"), cover).astype(np.uint8)
    return cover, np.where(is_water, 1 + 0.04 * detail, texture).astype(np.float32)


def _fields(random: np.random.Generator, row: _Floats, column: _Floats) -> tuple[_Bytes, _Floats]:
    """Return cover and tone of parcels in oblique rows. Each parcel is crop, meadow or bare soil."""
    along, across = column * 0.94 + row * 0.34 + 400, row * 0.94 - column * 0.34 + 400
    strip = (across // 31).astype(np.intp)
    parcel = ((along + 17 * (strip % 5)) // (34 + 9 * (strip % 4))).astype(np.intp)
    kinds = random.choice([_index("crop"), _index("grass"), _index("soil")], size=(64, 64), p=[0.5, 0.2, 0.3])
    tones = random.uniform(0.75, 1.25, size=(64, 64))
    furrows = 1 + 0.03 * np.sin(along * 1.7)
    hedges = np.where((across % 31 < 1.2), 0.7, 1.0)
    index = (strip % 64, parcel % 64)
    return kinds[index].astype(np.uint8), (tones[index] * furrows * hedges).astype(np.float32)


def _clouds(random: np.random.Generator) -> tuple[_Floats, _Floats]:
    """Return opacity of the clouds and the light that their shadows absorb. Most clouds are in the north."""
    north = np.linspace(1.0, -1.3, _side, dtype=np.float32)[:, None]
    density = _noise(random, 7, 6) + north - np.float32(1.92)
    cloud = np.clip(density * 1.6, 0, 1).astype(np.float32)
    # Shadows fall to the north-west, away from the sun.
    shadow = np.roll(cloud, (-24, -30), axis=(0, 1)) * np.float32(0.62)
    shadow[-24:], shadow[:, -30:] = 0, 0
    return cloud, shadow * (1 - cloud)


def _reflectance(ground: _Ground, band: int) -> _Floats:
    """Return a band at 10 m, reflectance x 10000."""
    table = np.array([values[band] for values, _ in _covers.values()], np.float32)
    surface = table[ground.cover] * ground.texture * ground.light * (1 - ground.shadow)
    haze = np.float32((90, 60, 40, 25, 15, 5, 3)[band])
    # The middle of a cloud is brighter than its edge.
    bright = np.float32(_cloud[band]) * (0.8 + 0.2 * ground.cloud)
    return (surface + haze) * (1 - ground.cloud) + bright * ground.cloud


def _classes(ground: _Ground) -> _Bytes:
    """Return the scene classification at 20 m, from one pixel of four."""
    table = np.array([scl for _, scl in _covers.values()], np.uint8)
    classes = table[ground.cover]
    classes = np.where(ground.shadow > 0.25, _scl_shadow, classes)
    classes = np.where(ground.cloud > 0.12, _scl_cirrus, classes)
    return np.where(ground.cloud > 0.5, _scl_cloud, classes)[::2, ::2].astype(np.uint8)


def _halved(fine: _Floats) -> _Floats:
    """Return the means of 2 x 2 pixels."""
    half = _side // 2
    coarse: _Floats = fine.reshape(half, 2, half, 2).mean(axis=(1, 3))
    return coarse


def _write(folder: Path, name: str, pixels: npt.NDArray[np.uint16] | _Bytes) -> None:
    metres = _metres[name]
    height, width = pixels.shape
    profile = {"driver": "GTiff", "height": height, "width": width, "count": 1, "dtype": pixels.dtype.name}
    layout = {
        "tiled": True,
        "blockxsize": _block,
        "blockysize": _block,
        "compress": "deflate",
        "predictor": 2,
    }
    place = {"crs": _crs, "transform": rasterio.Affine(metres, 0, _west, 0, -metres, _north), "nodata": 0}
    # Classes have no mean: an average of water and cloud would be a class of its own.
    resampling = Resampling.mode if name == "SCL" else Resampling.average
    with (
        rasterio.Env(GDAL_TIFF_OVR_BLOCKSIZE=str(_block)),
        rasterio.open(folder / f"{name}.tif", "w", **profile, **layout, **place) as raster,
    ):
        raster.write(pixels, 1)
        raster.set_band_description(1, name)
        raster.build_overviews([2, 4], resampling)


_common_names = {"B2": "blue", "B3": "green", "B4": "red", "B8": "nir", "B11": "swir16", "B12": "swir22"}
"""STAC's, by which a picture is in true colour."""


def _description() -> dict[str, object]:
    """Return the content of ``asset.json``, in the form of Earth Engine's ``ee.Image.getInfo()``."""
    return {
        "type": "Image",
        "id": IMAGE_ID,
        "bands": [_band_description(name, metres) for name, metres in sorted(_metres.items(), key=_band_order)],
        "properties": {
            "system:index": IMAGE_ID.rsplit("/", 1)[-1],
            "system:time_start": 1610218671000,  # 2021-01-09T18:57:51Z, the time in the id
            "SPACECRAFT_NAME": "made up",
        },
    }


def _band_order(item: tuple[str, int]) -> tuple[bool, int]:
    """Order bands by number; SCL is the last."""
    number = item[0].removeprefix("B")
    return not number.isdecimal(), int(number) if number.isdecimal() else 0


def _band_description(name: str, metres: int) -> dict[str, object]:
    size = _side * 10 // metres
    common_name = {"common_name": _common_names[name]} if name in _common_names else {}
    return {
        "id": name,
        **common_name,
        "data_type": {
            "type": "PixelType",
            "precision": "int",
            "min": 0,
            "max": 255 if name == "SCL" else 65535,
        },
        "dimensions": [size, size],
        "crs": _crs,
        "crs_transform": [metres, 0, _west, 0, -metres, _north],
    }
