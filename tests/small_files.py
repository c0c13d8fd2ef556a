"""Small files of every format and layout that is served, made here, to compare with and to damage."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio
import tifffile
from affine import Affine
from rasterio.windows import Window

from tile_indexes import write_index

SIDE = 96
"""Pixels; no multiple of a tile of 64, so that tiles at the edges are cut."""

_PLACE = Affine(10, 0, 500_000, 0, -10, 5_000_000)


@dataclass(frozen=True, slots=True)
class SmallFile:
    """A file of one layout.

    Attributes:
        name: of the layout.
        suffix: of its name.
        write: writes it to a path; equal bytes each time.
    """

    name: str
    suffix: str
    write: Callable[[Path], None]


def pixels(dtype: str, count: int, side: int = SIDE) -> npt.NDArray[Any]:
    """Return smooth pixels with some noise, shape (count, side, side)."""
    noise = np.random.default_rng(7).integers(0, 9, (count, side, side))
    slope = np.arange(side)[:, None] + np.arange(side) + 10 * np.arange(count)[:, None, None]
    values = (slope + noise) % 120
    return (values / 4 if np.dtype(dtype).kind == "f" else values).astype(dtype)


def _gdal(
    dtype: str = "uint16",
    count: int = 1,
    driver: str = "GTiff",
    *,
    overviews: bool = False,
    mask: bool = False,
    is_partly_written: bool = False,
    **more: Any,
) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        profile = {"width": SIDE, "height": SIDE, "count": count, "dtype": dtype, "crs": "EPSG:32633"}
        options = {"GDAL_TIFF_INTERNAL_MASK": True, "GDAL_PAM_ENABLED": "NO"}
        with (
            rasterio.Env(**options),
            rasterio.open(path, "w", driver=driver, **{"transform": _PLACE} | profile | more) as file,
        ):
            if is_partly_written:
                file.write(pixels(dtype, count, 64), window=Window(0, 0, 64, 64))
            else:
                file.write(pixels(dtype, count))
            if mask:
                file.write_mask(np.eye(SIDE, dtype="uint8") * np.uint8(255))
            if overviews:
                file.build_overviews([2, 4])

    return write


def _tifffile(dtype: str = "uint16", **more: Any) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        tifffile.imwrite(path, pixels(dtype, 1)[0], photometric="minisblack", metadata=None, software="", **more)

    return write


_TILES: dict[str, Any] = {"tiled": True, "blockxsize": 64, "blockysize": 64}

_tiffs: dict[str, Callable[[Path], None]] = {
    "strips": _gdal("uint8"),
    "tiles": _gdal(**_TILES),
    "deflate, predictor 2": _gdal(compress="DEFLATE", predictor=2, **_TILES),
    "deflate, predictor 3": _gdal("float32", compress="DEFLATE", predictor=3, nodata=-9999, **_TILES),
    "deflate, overviews": _gdal(compress="DEFLATE", overviews=True, nodata=0, **_TILES),
    "deflate strips of bands": _gdal("int16", 3, compress="DEFLATE", interleave="band", blockysize=16),
    "LZW, predictor 2": _gdal("uint8", 3, compress="LZW", predictor=2, interleave="pixel", **_TILES),
    "LZW strips": _gdal("uint16", compress="LZW", blockysize=8),
    "zstd, predictor 2": _gdal("int32", compress="ZSTD", predictor=2, **_TILES),
    "zstd, predictor 3": _gdal("float64", compress="ZSTD", predictor=3, nodata=float("nan"), **_TILES),
    "BigTIFF": _gdal(compress="DEFLATE", BIGTIFF="YES", **_TILES),
    "big-endian": _gdal("uint16", 2, compress="LZW", predictor=2, ENDIANNESS="BIG", **_TILES),
    "big-endian BigTIFF": _gdal("float32", compress="DEFLATE", predictor=3, ENDIANNESS="BIG", BIGTIFF="YES", **_TILES),
    "mask": _gdal("uint8", 3, compress="DEFLATE", mask=True, **_TILES),
    "alpha": _gdal("uint8", 4, compress="DEFLATE", photometric="RGB", alpha="YES", **_TILES),
    "sparse": _gdal(compress="DEFLATE", SPARSE_OK=True, is_partly_written=True, nodata=5, **_TILES),
    "JPEG": _gdal("uint8", 3, compress="JPEG", photometric="YCBCR", interleave="pixel", **_TILES),
    "PackBits": _gdal("uint8", compress="PACKBITS"),
    "LERC": _gdal("float32", compress="LERC", MAX_Z_ERROR=0, **_TILES),
    "one bit": _gdal("uint8", compress="CCITTFAX4", NBITS=1),
    "twelve bits": _gdal("uint16", compress="DEFLATE", NBITS=12),
    "64 bits": _gdal("uint64", compress="DEFLATE", nodata=0),
    "cloud-optimised": _gdal(driver="COG", compress="DEFLATE", BLOCKSIZE=64, OVERVIEW_COUNT=1),
    "written by tifffile": _tifffile(tile=(32, 32), compression="zlib", predictor=True),
    "written by tifffile, strips": _tifffile("uint8", rowsperstrip=16),
}

_jpeg2000s: dict[str, Callable[[Path], None]] = {
    "lossless": _gdal(driver="JP2OpenJPEG", QUALITY=100, REVERSIBLE="YES", BLOCKXSIZE=64, BLOCKYSIZE=64),
    "lossy, three bands": _gdal("uint8", 3, driver="JP2OpenJPEG", QUALITY=30),
}

SMALL_FILES = [
    *(SmallFile(name, ".tif", write) for name, write in _tiffs.items()),
    *(SmallFile(f"JPEG 2000, {name}", ".jp2", write) for name, write in _jpeg2000s.items()),
]
"""A format is added by a line here: its files go through the sandbox's tests and the fuzz run."""


def _picture(driver: str, world: str, count: int, **more: Any) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        _gdal("uint8", count, driver=driver, **more)(path)
        path.with_suffix(world).write_text("10\n0\n0\n-10\n500005\n4999995\n")

    return write


def _cube(dtype: str, write: Callable[[Any, Path], object]) -> Callable[[Path], None]:
    def write_cube(path: Path) -> None:
        import xarray as xr

        coords = {"y": 5_000_000 - 10 * (np.arange(SIDE) + 0.5), "x": 500_000 + 10 * (np.arange(SIDE) + 0.5)}
        data = xr.Dataset({ARRAY: (("y", "x"), pixels(dtype, 1)[0])}, coords=coords)
        write(data, path)

    return write_cube


def _netcdf(dtype: str, **encoding: Any) -> Callable[[Path], None]:
    return _cube(dtype, lambda data, path: data.to_netcdf(path, engine="h5netcdf", encoding={ARRAY: encoding}))


def _zarr(dtype: str, version: int) -> Callable[[Path], None]:
    return _cube(
        dtype,
        lambda data, path: data.to_zarr(
            path, zarr_format=version, encoding={ARRAY: {"chunks": (64, 64)}}, consolidated=version == 2
        ),
    )


ARRAY = "v"
"""The one array with pixels in files of arrays."""


def _tile_index(*, is_document: bool) -> Callable[[Path], None]:
    """Return what writes two tiles that lie on each other, and their index: a GeoPackage, or XML that names one."""

    def write(path: Path) -> None:
        tiles = []
        for number, column in enumerate((0, SIDE // 2)):
            name = f"tile{number}.tif"
            place = _PLACE @ Affine.translation(column, 0)
            _gdal("uint16", compress="DEFLATE", nodata=number, transform=place, **_TILES)(path.with_name(name))
            with rasterio.open(path.with_name(name)) as file:
                tiles.append({"location": name, "box": tuple(file.bounds)})
        table = path.with_name("table.gpkg") if is_document else path
        write_index(table, tiles, epsg=32633)
        if is_document:
            path.write_text(
                f"<GDALTileIndexDataset><IndexDataset>{table.name}</IndexDataset><NoDataValue>7</NoDataValue>"
                "</GDALTileIndexDataset>"
            )

    return write


BY_CHOICE = [
    SmallFile("PNG", ".png", _picture("PNG", ".pgw", 3)),
    SmallFile("PNG with alpha", ".png", _picture("PNG", ".pgw", 4)),
    SmallFile("JPEG with a world file", ".jpg", _picture("JPEG", ".jgw", 3)),
    SmallFile("NetCDF", ".nc", _netcdf("uint16", chunksizes=(64, 64), zlib=True, shuffle=True)),
    SmallFile("NetCDF as a whole", ".nc", _netcdf("float32")),
    SmallFile("NetCDF with checksums", ".nc", _netcdf("int16", chunksizes=(32, 32), fletcher32=True)),
    SmallFile("Zarr 2", ".zarr", _zarr("uint16", 2)),
    SmallFile("Zarr 3", ".zarr", _zarr("float32", 3)),
    SmallFile("GTI", ".gti", _tile_index(is_document=True)),
    SmallFile("GTI in a GeoPackage", ".gti.gpkg", _tile_index(is_document=False)),
]
"""Formats that are read where the operator says so, and those of extras: they go through the fuzz run."""
