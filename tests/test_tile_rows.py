"""The upper rows of a tile are the same when only they are decoded."""

import zlib
from pathlib import Path

import numpy as np
import pytest
import rasterio
import tifffile

from cases import every
from rasterwire.catalog.folder import FolderCatalog
from rasterwire.errors import SourceUnavailable
from rasterwire.files.tiff_file import opened_level
from rasterwire.render.source import read

SIZE = 200
DTYPES = ("uint8", "int16", "uint32", "int64", "float32", "float64")


@every(
    ("dtype", "predictor"),
    [(dtype, predictor) for dtype in DTYPES for predictor in (1, 2)] + [("float32", 3), ("float64", 3)],
)
@every("order", ["LITTLE", "BIG"])
@every(
    "layout",
    [
        {"tiled": True, "blockxsize": 64, "blockysize": 128},
        {"tiled": True, "blockxsize": 64, "blockysize": 64, "interleave": "pixel"},
        {"tiled": False, "blockysize": 48},  # the last strip has 8 rows
    ],
)
@every("codec", ["deflate", "lzw"])
def test_the_top_of_a_tile_is_what_gdal_reads_there(
    tmp_path: Path, dtype: str, predictor: int, order: str, layout: dict[str, object], codec: str
) -> None:
    path = tmp_path / "a.tif"
    pixels = np.random.default_rng(1).integers(0, 200, (2, SIZE, SIZE)).astype(dtype)
    profile = {"driver": "GTiff", "width": SIZE, "height": SIZE, "count": 2, "dtype": dtype, "compress": codec}
    with rasterio.open(path, "w", **profile, predictor=predictor, ENDIANNESS=order, **layout) as file:
        file.write(pixels)
    level = opened_level(str(path), "1", None)
    begins, sample = level.first_tile(2)
    for index, count in [(0, 1), (0, 9), (1, 33), (level.across, 40), (2 * level.across, 8)]:
        row, col = index // level.across * level.tile_height, index % level.across * level.tile_width
        if row >= SIZE:
            continue
        level.tile(begins + index, level.tile_height)
        rows = level.rows_to_decode(begins + index, count)
        assert count <= rows <= level.tile_height
        target = np.empty((count, level.tile_width), dtype)
        level.tile(begins + index, rows).copy_to(target, slice(0, count), slice(0, level.tile_width), (0, 0), sample)
        expected = pixels[1, row : row + count, col : col + level.tile_width]
        np.testing.assert_array_equal(target[: expected.shape[0], : expected.shape[1]], expected)


def test_deflate_stops_at_an_eighth_and_others_do_not(tmp_path: Path) -> None:
    counts = {}
    for codec in ("deflate", "lzw"):
        path = tmp_path / f"{codec}.tif"
        profile = {"driver": "GTiff", "width": 512, "height": 512, "count": 1, "dtype": "uint16", "tiled": True}
        with rasterio.open(path, "w", **profile, blockxsize=512, blockysize=512, compress=codec, predictor=2) as file:
            file.write(np.ones((1, 512, 512), "uint16"))
        level = opened_level(str(path), "1", None)
        assert [level.rows_to_decode(0, rows) for rows in (1, 64, 65, 512)] == [
            512
        ] * 4  # its checksum was not compared yet
        assert level.tile(0, 512).samples.shape == (512, 512, 1)
        counts[codec] = [level.rows_to_decode(0, rows) for rows in (1, 64, 65, 512)]
        assert level.tile(0, level.rows_to_decode(0, 65)).samples.shape == (counts[codec][2], 512, 1)
    assert counts == {"deflate": [64, 64, 128, 512], "lzw": [512] * 4}


@every("predictor", [1, 2])
@every("rows", [10, 65])
def test_a_strip_of_too_few_or_too_many_rows_gives_no_pixels(tmp_path: Path, predictor: int, rows: int) -> None:
    path = tmp_path / "a.tif"
    profile = {"driver": "GTiff", "width": 64, "height": 192, "count": 1, "dtype": "uint8", "blockysize": 64}
    with rasterio.open(path, "w", **profile, compress="deflate", predictor=predictor) as file:
        file.write(np.random.default_rng(1).integers(0, 200, (1, 192, 64)).astype("uint8"))
    with tifffile.TiffFile(path) as parsed:
        page = parsed.pages[0]
        place, room = page.dataoffsets[0], page.databytecounts[0]
    odd = zlib.compress(bytes(64 * rows))
    assert len(odd) < room
    content = bytearray(path.read_bytes())
    content[place : place + len(odd)] = odd
    path.write_bytes(content)
    image = FolderCatalog(tmp_path).get("a")
    (band,) = image.bands
    assert read(band, overview=None, col=0, row=70, size=(60, 64)).data.shape == (60, 64)
    with pytest.raises(SourceUnavailable, match="damaged"):
        read(band, overview=None, col=0, row=0, size=(64, 64))
