"""Damaged tiles: every path refuses what the reference library refuses, and reads the same pixels otherwise."""

import struct
from collections import Counter
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import rasterio
import tifffile
from rasterio.errors import RasterioError

from rasterwire.catalog.folder import FolderCatalog
from rasterwire.errors import SourceUnavailable
from rasterwire.files.tiff_file import opened_level
from rasterwire.image import Band
from rasterwire.render.source import read

LAYOUTS: dict[str, dict[str, Any]] = {
    "tiles": {"tiled": True, "blockxsize": 64, "blockysize": 64},
    "strips": {"tiled": False, "blockysize": 48},
}
SIZE = 64, 128
Pixels = npt.NDArray[Any]


def store(path: Path, dtype: str, codec: str, predictor: int, layout: str, order: str) -> tuple[int, int, int]:
    """Write a raster; return offset and bytes of its first tile, and the offset of the count of these bytes."""
    pixels = np.cumsum(np.random.default_rng(5).integers(-3, 4, (1, *SIZE[::-1])), axis=2) + 100
    profile = {"width": SIZE[0], "height": SIZE[1], "count": 1, "dtype": dtype, "compress": codec}
    with rasterio.open(
        path, "w", driver="GTiff", **profile, predictor=predictor, ENDIANNESS=order, **LAYOUTS[layout]
    ) as f:
        f.write(pixels.astype(dtype))
    with tifffile.TiffFile(path) as parsed:
        page = parsed.pages.first
        return page.dataoffsets[0], page.databytecounts[0], page.tags[325 if page.is_tiled else 279].valueoffset


def by_gdal(path: Path, rows: int) -> Pixels | None:
    try:
        with rasterio.open(path) as file:
            pixels: Pixels = file.read(1)
            return pixels[:rows]
    except RasterioError:
        return None


def by_us(path: Path, rows: int, until: int | None) -> Pixels | None:
    try:
        (band,) = FolderCatalog(path.parent).get(path.stem).bands
        return read(band, overview=None, col=0, row=0, size=(rows, SIZE[0]), until=until).data
    except SourceUnavailable:
        return None


def is_handed_on(path: Path) -> bool:
    try:
        (band,) = FolderCatalog(path.parent).get(path.stem).bands
        return bool(opened_level(band.href, band.version, None).verified_tile(0))
    except Exception:  # noqa: BLE001  the errors of codecs share no root
        return False


KINDS = [
    (dtype, codec, predictor)
    for dtype, codec in product(["uint8", "uint16", "float32"], ["none", "deflate", "lzw", "zstd"])
    for predictor in ([1] if codec == "none" else [1, 2, 3] if dtype == "float32" else [1, 2])
]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_bits_that_flipped_are_refused_where_gdal_refuses_them_and_read_as_it_reads_them(
    tmp_path: Path, layout: str
) -> None:
    rng = np.random.default_rng(11)
    path = tmp_path / "a.tif"
    counts: Counter[bool] = Counter()
    for (dtype, codec, predictor), order in product(KINDS, ["LITTLE", "BIG"]):
        place, count, _ = store(path, dtype, codec, predictor, layout, order)
        good = path.read_bytes()
        bits = [
            int(rng.integers(low, high))
            for low, high in [(0, 48), (9, 18), (0, 8 * count), (8 * count // 2, 8 * count)]
        ]
        for bit in bits:
            content = bytearray(good)
            content[place + bit // 8] ^= 0x80 >> bit % 8
            path.write_bytes(content)
            for rows, until in ((8, 8), (8, None), (48, None)):
                case = f"{dtype} {codec} {predictor} {order} bit {bit} of {8 * count} rows {rows} until {until}"
                expected, pixels = by_gdal(path, rows), by_us(path, rows, until=until)
                counts[pixels is None] += 1
                if pixels is not None:
                    assert expected is not None, case
                    np.testing.assert_array_equal(pixels, expected, case)
                elif codec not in {"deflate", "zstd"}:  # GDAL does not check all of their checksums and frames
                    assert expected is None, case
            if by_gdal(path, 48) is None:
                assert not is_handed_on(path), (dtype, codec, predictor, order, bit)
    assert min(counts[True], counts[False]) > 20


def test_the_checksum_of_a_deflated_tile_counts_on_every_path(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    for (dtype, codec, predictor), layout, order in product(KINDS, LAYOUTS, ["LITTLE", "BIG"]):
        if codec != "deflate":
            continue
        place, count, _ = store(path, dtype, codec, predictor, layout, order)
        assert by_us(path, 8, until=8) is not None
        content = bytearray(path.read_bytes())
        content[place + count - 1] ^= 1
        path.write_bytes(content)
        for rows, until in ((8, 8), (8, None), (48, None)):
            assert by_us(path, rows, until=until) is None, (dtype, predictor, layout, order, rows, until)
        assert not is_handed_on(path)


def test_a_tile_whose_bytes_are_counted_too_short_gives_no_pixels_but_those_of_gdal(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    refused = 0
    for (dtype, codec, predictor), layout, order in product(KINDS, LAYOUTS, ["LITTLE", "BIG"]):
        _, count, position = store(path, dtype, codec, predictor, layout, order)
        content, sound = bytearray(path.read_bytes()), by_gdal(path, 48)
        wide = content[position : position + 4] == struct.pack("<I" if order == "LITTLE" else ">I", count)
        form = ("<" if order == "LITTLE" else ">") + ("I" if wide else "H")
        for missing in (1, 2, 3, 40):
            content[position : position + struct.calcsize(form)] = struct.pack(form, count - missing)
            path.write_bytes(content)
            case = f"{dtype} {codec} {predictor} {layout} {order} {missing} short"
            expected, pixels = by_gdal(path, 48), by_us(path, 48, until=None)
            refused += pixels is None
            if pixels is not None:
                assert expected is not None or codec == "lzw", case
                # where only the end of a stream is missing for GDAL, all pixels may be complete
                np.testing.assert_array_equal(pixels, sound if expected is None else expected, case)
            else:
                assert codec != "none", case
    assert refused > 20


def test_a_predictor_that_does_not_fit_is_left_to_gdal(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    for dtype, codec, claimed in (
        ("uint16", "deflate", 3),
        ("uint8", "lzw", 3),
        ("int32", "zstd", 3),
        ("uint16", "none", 2),
        ("float32", "none", 3),
    ):
        store(path, dtype, codec, 1 if codec == "none" else 2, "tiles", "LITTLE")
        with tifffile.TiffFile(path) as parsed:
            tag = parsed.pages.first.tags.get(317) or parsed.pages.first.tags[284]
            place = tag.offset
        content = bytearray(path.read_bytes())
        # where no predictor is named, the planes of one band need no name
        struct.pack_into("<HHIHH", content, place, 317, 3, 1, claimed, 0)
        path.write_bytes(content)
        expected, pixels = by_gdal(path, 48), by_us(path, 48, until=None)
        assert (expected is None) == (pixels is None), (dtype, codec, claimed)
        if expected is not None and pixels is not None:
            np.testing.assert_array_equal(pixels, expected, f"{dtype} {codec}")


def test_streams_of_lzw_without_their_end_are_read_where_all_pixels_are_there(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    store(path, "uint8", "lzw", 1, "tiles", "LITTLE")
    with tifffile.TiffFile(path) as parsed:
        place, count = parsed.pages.first.dataoffsets[0], parsed.pages.first.databytecounts[0]
    content = bytearray(path.read_bytes())
    stream = int.from_bytes(content[place : place + count], "big")
    spare = (stream & -stream).bit_length() - 1
    cut = (stream >> spare + 9 << spare + 9).to_bytes(count, "big")  # the last nine bits with a code
    content[place : place + count] = cut
    path.write_bytes(content)
    expected = by_gdal(path, 48)
    assert expected is not None
    np.testing.assert_array_equal(by_us(path, 48, until=None), expected)


def packed(codes: list[int]) -> bytes:
    """Return LZW codes, valid or not, in the bits that a TIFF reader expects."""
    bits, width, entries, begins = "", 9, 258, True
    for code in codes:
        bits += f"{code:0{width}b}"
        if code == 256:
            width, entries, begins = 9, 258, True
            continue
        entries += not begins
        begins = False
        if entries >= (1 << width) - 1 and width < 12:
            width += 1
    bits += "0" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big")


def test_codes_of_lzw_that_say_nothing_are_refused_wherever_gdal_refuses_them(tmp_path: Path) -> None:
    rng, path, place = np.random.default_rng(8), tmp_path / "a.tif", 0
    outcomes: Counter[bool] = Counter()
    for number in range(300):
        store(path, "uint8", "lzw", 1, "tiles", "LITTLE")
        codes = [256]
        while sum(code < 256 for code in codes) < 4096:
            codes += [int(value) for value in rng.integers(0, 256, rng.integers(1, 900))] + [256] * int(
                rng.integers(1, 3)
            )
        codes.append(257)
        if number:
            clears = [index for index, code in enumerate(codes) if code == 256 and index + 1 < len(codes)]
            # some versions of GDAL check bytes after the last pixel, and others do not
            last = [index for index, code in enumerate(codes) if code < 256][4095]
            place = min(int(rng.choice(clears) + rng.choice([0, 1, 1, 1, 2, 3, 400])), last)
            width_of = 512 if codes[place - 1] == 256 else 260
            codes[place] = int(rng.integers(255, width_of))
        stream = packed(codes)
        with tifffile.TiffFile(path, mode="r+") as parsed:
            page = parsed.pages.first
            offset, counts = path.stat().st_size, page.tags[325]
            page.tags[324].overwrite([offset, page.dataoffsets[1]])
            counts.overwrite([len(stream), page.databytecounts[1]])
        with path.open("ab") as file:
            file.write(stream)
        expected, pixels = by_gdal(path, 48), by_us(path, 48, until=None)
        outcomes[expected is None] += 1
        assert (expected is None) == (pixels is None), (number, place, codes[place - 2 : place + 3])
        if expected is not None and pixels is not None:
            np.testing.assert_array_equal(pixels, expected, f"{number} at {place}")
    assert min(outcomes[True], outcomes[False]) > 30


def test_a_tile_once_found_sound_is_decoded_as_far_as_is_wanted(tmp_path: Path) -> None:
    store(tmp_path / "a.tif", "uint8", "deflate", 1, "tiles", "LITTLE")
    band: Band
    (band,) = FolderCatalog(tmp_path).get("a").bands
    level = opened_level(band.href, band.version, None)
    assert (level.rows_to_decode(0, 8), level.rows_to_decode(1, 8)) == (64, 64)
    level.tile(0, 64)
    assert (level.rows_to_decode(0, 8), level.rows_to_decode(1, 8)) == (8, 64)
    assert level.tile(0, 8).samples.shape == (8, 64, 1)


@pytest.mark.parametrize("masked", [False, True])
def test_deflated_tiles_that_are_longer_than_their_size_are_refused_on_every_path(tmp_path: Path, masked: bool) -> None:
    path = tmp_path / "a.tif"
    profile = {"driver": "GTiff", "height": 96, "width": 96, "count": 1, "dtype": "uint16", "compress": "deflate"}
    with (
        rasterio.Env(GDAL_TIFF_INTERNAL_MASK="YES"),
        rasterio.open(path, "w", tiled=True, blockxsize=64, blockysize=64, **profile) as raster,
    ):
        raster.write(np.arange(96 * 96, dtype="uint16").reshape(1, 96, 96))
        if masked:  # so that GDAL reads the pixels
            raster.write_mask(np.ones((96, 96), bool))
    with tifffile.TiffFile(path, mode="r+") as tiff:
        page = tiff.pages.first
        page.tags["TileLength"].overwrite(63)
    with pytest.raises(SourceUnavailable, match="multiples of 16" if masked else "damaged"):
        read(FolderCatalog(tmp_path).get("a").bands[0], overview=None, col=0, row=0, size=(96, 96))
