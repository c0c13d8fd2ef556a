"""Checksums at which GDAL does not look: what they show to be damaged is refused, and nothing else is."""

import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import imagecodecs
import numpy as np
import pytest
import rasterio
import tifffile
import zstandard
from google.protobuf import json_format

from rasterwire.catalog.folder import FolderCatalog
from rasterwire.errors import SourceUnavailable
from rasterwire.files import checked_blocks
from rasterwire.image import Band
from rasterwire.pixels import Pixels
from rasterwire.render.source import read
from rasterwire.server.settings import Settings
from rasterwire.v1 import download_pb2
from serving import refusal, served
from small_files import SIDE, SMALL_FILES, pixels

_LAYOUTS = ("mask", "alpha", "twelve bits")

_MASK, _REDUCED = 4, 1


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return the sizes of the blocks that were refused here: some builds of GDAL refuse most of them too."""
    sizes: list[int] = []

    def watched(check: Callable[[bytes], None]) -> Callable[[bytes], None]:
        def run(stored: bytes) -> None:
            try:
                check(stored)
            except Exception:
                sizes.append(len(stored))
                raise

        return run

    for name in ("_check_deflate", "_check_zstd"):
        monkeypatch.setattr(checked_blocks, name, watched(getattr(checked_blocks, name)))
    return sizes


def write(folder: Path, name: str) -> Path:
    small = next(small for small in SMALL_FILES if small.name == name)
    small.write(folder / "a.tif")
    return folder / "a.tif"


def damage_checksum(path: Path, kind: int, block: int) -> None:
    """Change the last byte of a block of the first image of a kind: the full resolution, an overview or a mask."""
    with tifffile.TiffFile(path) as file:
        page = next(page for page in file.pages if isinstance(page, tifffile.TiffPage) and page.subfiletype == kind)
        last = page.dataoffsets[block] + page.databytecounts[block] - 1
        assert page.compression == tifffile.COMPRESSION.ADOBE_DEFLATE
    content = bytearray(path.read_bytes())
    content[last] ^= 1
    path.write_bytes(content)
    with pytest.raises(imagecodecs.ZlibError):
        imagecodecs.zlib_decode(bytes(content[last + 1 - page.databytecounts[block] : last + 1]))


def first_band(folder: Path) -> Band:
    return FolderCatalog(folder).get("a").bands[0]


def part(band: Band, col: int, row: int, overview: int | None = None) -> Pixels:
    return read(band, overview, col, row, (8, 8))


@pytest.mark.parametrize("name", _LAYOUTS)
def test_a_block_with_a_wrong_checksum_is_refused_and_others_are_read(
    tmp_path: Path, refused: list[int], name: str
) -> None:
    path = write(tmp_path, name)
    with rasterio.open(path) as file:
        want = file.read(1), file.read_masks(1)
        across = file.block_shapes[0][1] < SIDE
    last = (SIDE - 8, SIDE - 8) if across else (0, SIDE - 8)
    damage_checksum(path, 0, 0)
    for _ in range(2):
        with pytest.raises(SourceUnavailable, match="damaged"):
            part(first_band(tmp_path), 0, 0)
        there = part(first_band(tmp_path), *last)
        rows, cols = slice(last[1], last[1] + 8), slice(last[0], last[0] + 8)
        np.testing.assert_array_equal(there.data, want[0][rows, cols])
        np.testing.assert_array_equal(there.valid, want[1][rows, cols] > 0)
    assert refused


def test_a_mask_with_a_wrong_checksum_is_refused(tmp_path: Path, refused: list[int]) -> None:
    damage_checksum(write(tmp_path, "mask"), _MASK, 0)
    with pytest.raises(SourceUnavailable, match="damaged"):
        part(first_band(tmp_path), 0, 0)
    assert part(first_band(tmp_path), 64, 64).valid.shape == (8, 8)
    assert refused


def test_an_overview_with_a_wrong_checksum_is_refused(tmp_path: Path, refused: list[int]) -> None:
    size = {"width": 512, "height": 512, "count": 4, "dtype": "uint8", "photometric": "RGB", "alpha": "YES"}
    tiles = {"tiled": True, "blockxsize": 64, "blockysize": 64, "compress": "DEFLATE"}
    with rasterio.open(tmp_path / "a.tif", "w", driver="GTiff", **size, **tiles) as file:
        file.write(pixels("uint8", 4, 512))
        file.build_overviews([2])
    damage_checksum(tmp_path / "a.tif", _REDUCED, 0)
    band = first_band(tmp_path)
    assert part(band, 0, 0).data.any()
    with pytest.raises(SourceUnavailable, match="damaged"):
        part(band, 0, 0, overview=0)
    assert refused


def test_the_warper_of_gdal_reads_no_block_with_a_wrong_checksum(tmp_path: Path, refused: list[int]) -> None:
    """It reads plain files too, whose tiles the server decodes itself otherwise."""
    folder = tmp_path / "catalog"
    folder.mkdir()
    request: dict[str, Any] = {"image": "a", "format": "FORMAT_NPY", "crs": "EPSG:32634", "scale": 30}
    params = json_format.ParseDict(request | {"resampling": "RESAMPLING_SUM"}, download_pb2.DownloadParams())
    with served(Settings(folder, grpc_port=0, http_port=0, state_dir=tmp_path / "state", threads=1)) as server:
        path = write(folder, "deflate, predictor 2")
        assert server.stream(params)[0]
        damage_checksum(path, 0, 0)
        with pytest.raises(grpc.RpcError) as raised:
            server.stream(params)
        assert "damaged" in refusal(raised.value).message
    assert refused


@pytest.mark.parametrize("is_damaged", [False, True])
def test_checksums_of_zstd_are_looked_at(tmp_path: Path, refused: list[int], is_damaged: bool) -> None:
    image = np.ascontiguousarray(pixels("uint8", 4, 64).transpose(1, 2, 0))
    options: dict[str, Any] = {"compression": "zstd", "tile": (64, 64), "metadata": None}
    tile = zstandard.ZstdCompressor(write_checksum=True).compress(image.tobytes())
    of_image: dict[str, Any] = {"shape": image.shape, "dtype": "uint8", "photometric": "rgb"}
    tifffile.imwrite(tmp_path / "a.tif", iter([tile]), extrasamples=["unassalpha"], **of_image, **options)
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        last = file.pages.first.dataoffsets[0] + file.pages.first.databytecounts[0] - 1
    content = bytearray((tmp_path / "a.tif").read_bytes())
    content[last] ^= is_damaged
    (tmp_path / "a.tif").write_bytes(content)
    band = first_band(tmp_path)
    assert not band.plain
    if is_damaged:
        with pytest.raises(SourceUnavailable, match="damaged"):
            part(band, 0, 0)
    else:
        np.testing.assert_array_equal(part(band, 0, 0).data, image[:8, :8, 0])
    assert bool(refused) == is_damaged


def test_a_block_is_checked_once_for_a_version_of_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checked: list[int] = []
    check = checked_blocks._check_deflate

    def counted(stored: bytes) -> None:
        checked.append(len(stored))
        check(stored)

    monkeypatch.setattr(checked_blocks, "_check_deflate", counted)
    write(tmp_path, "mask")
    for _ in range(3):
        read(first_band(tmp_path), None, 0, 0, (SIDE, SIDE))
        for band in FolderCatalog(tmp_path).get("a").bands:
            part(band, 0, 0)
    assert len(checked) == 4 + 4, "the tiles of all bands, and those of the mask"


def test_a_block_that_inflates_without_end_is_refused_in_little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checked_blocks, "_MAX_BLOCK_BYTES", 4 << 20)
    checked_blocks._check_deflate(zlib.compress(bytes(4 << 20)))
    for stored in (zlib.compress(bytes(16 << 20)), zlib.compress(bytes(999))[:-1], b"", b"x"):
        with pytest.raises(Exception, match=r"."):
            checked_blocks._check_deflate(stored)
