"""Stored tiles that are copied into a file: pixels as of the general path, bytes of the source."""

import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import shapely
import tifffile
from affine import Affine
from odc.geo.crs import CRS
from rasterio.io import MemoryFile
from rasterio.windows import Window

from rasterwire.catalog.folder import FolderCatalog
from rasterwire.download import Render, Renders
from rasterwire.errors import SourceUnavailable
from rasterwire.geo.region import Region
from rasterwire.plan import Limits, RenderPlan, make_plan
from rasterwire.render.engine import SerialEngine
from rasterwire.request import Compression, DownloadRequest, Format, GridSpec, MaskOutput
from rasterwire.store.artifacts import FolderArtifactStore

UTM = Affine(10, 0, 499980, 0, -10, 4200000)
COLS, ROWS = 611, 700
PROFILE: dict[str, Any] = {
    "transform": UTM,
    "crs": "EPSG:32610",
    "compress": "deflate",
    "tiled": True,
    "blockxsize": 128,
    "blockysize": 64,
}


def store(folder: Path, dtype: str = "uint16", count: int = 1, **profile: Any) -> Path:
    """Write a raster of noise; a part of its pixels is 0."""
    data = np.random.default_rng(3).integers(0, 120, (count, ROWS, COLS))
    data[:, 200:400, 100:300] = 0
    options = PROFILE | {"nodata": 0} | profile
    folder.mkdir(exist_ok=True)
    path = folder / "noise.tif"
    with rasterio.open(path, "w", driver="GTiff", width=COLS, height=ROWS, count=count, dtype=dtype, **options) as file:
        file.write(data.astype(dtype) / (7 if dtype.startswith("f") else 1))
        file.set_band_description(1, "noise")
    return path


def planned(
    folder: Path, col: int = 0, row: int = 0, size: tuple[int, int] = (COLS, ROWS), **fields: Any
) -> RenderPlan:
    """Return the plan of a window; of all by default."""
    grid = GridSpec(crs=CRS("EPSG:32610"), transform=UTM @ Affine.translation(col, row), dimensions=size)
    values: dict[str, Any] = {"grid": grid, "format": Format.GEO_TIFF} | fields
    request = DownloadRequest("noise", **values)
    return make_plan(request, FolderCatalog(folder).get("noise"), Limits())


def is_handed_on(plan: RenderPlan) -> bool:
    return all(raster.tiling is not None for raster in plan.rasters)


@contextmanager
def made(plan: RenderPlan, folder: Path) -> Iterator[rasterio.DatasetReader]:
    out = io.BytesIO()
    Renders(SerialEngine(), FolderArtifactStore(folder / "cache", 1 << 30), folder, 1).to_file(Render(plan), out)
    with MemoryFile(out.getvalue()) as memory, memory.open() as file:
        yield file


def block_sizes(file: rasterio.DatasetReader, across: range, down: range) -> list[int]:
    """Return the sizes of stored blocks, from GDAL."""
    return [int(file.get_tag_item(f"BLOCK_SIZE_{x}_{y}", "TIFF", bidx=1)) for y in down for x in across]


KINDS = [
    (dtype, compression, predictor)
    for dtype in ["uint8", "int16", "uint32", "float32"]
    for compression in Compression
    for predictor in ([1] if compression is Compression.NONE else [1, 3 if dtype == "float32" else 2])
]


@pytest.mark.parametrize(("dtype", "compression", "predictor"), KINDS)
def test_all_of_a_file_is_handed_on(tmp_path: Path, dtype: str, compression: Compression, predictor: int) -> None:
    path = store(tmp_path / "catalog", dtype, compress=compression.value.lower(), predictor=predictor)
    plan = planned(tmp_path / "catalog", compression=compression)
    assert is_handed_on(plan)
    with made(plan, tmp_path) as file, rasterio.open(path) as source:
        assert np.array_equal(file.read(), source.read())
        for name in ("transform", "crs", "nodata", "descriptions", "dtypes", "block_shapes", "shape", "count"):
            assert getattr(file, name) == getattr(source, name), name
        assert block_sizes(file, range(5), range(11)) == block_sizes(source, range(5), range(11))


@pytest.mark.parametrize(
    ("col", "row", "size"),
    [(0, 0, (128, 64)), (128, 192, (256, 128)), (256, 0, (COLS - 256, 640)), (512, 640, (COLS - 512, ROWS - 640))],
)
def test_a_window_along_tiles_is_handed_on(tmp_path: Path, col: int, row: int, size: tuple[int, int]) -> None:
    path = store(tmp_path / "catalog")
    plan = planned(tmp_path / "catalog", col, row, size)
    assert is_handed_on(plan)
    slow = replace(plan, rasters=tuple(replace(raster, tiling=None) for raster in plan.rasters))
    with made(plan, tmp_path) as file, made(slow, tmp_path) as same, rasterio.open(path) as source:
        assert np.array_equal(file.read(), source.read(window=Window(col, row, *size)))
        assert np.array_equal(file.read_masks(), same.read_masks())
        assert (file.transform, file.tags(), file.descriptions) == (same.transform, same.tags(), same.descriptions)
        across, down = range(-(-size[0] // 128)), range(-(-size[1] // 64))
        tiles = range(col // 128, col // 128 + len(across)), range(row // 64, row // 64 + len(down))
        assert block_sizes(file, across, down) == block_sizes(source, *tiles)


def test_a_file_per_band_is_handed_on_too(tmp_path: Path) -> None:
    store(tmp_path / "catalog")
    assert is_handed_on(planned(tmp_path / "catalog", format=Format.ZIPPED_GEO_TIFF_PER_BAND))


BOX = Region(shapely.box(*(UTM @ (0, 70)), *(UTM @ (70, 0))), CRS("EPSG:32610"))

OTHERWISE: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "another compression": ({}, {"compression": Compression.ZSTD}),
    "a level": ({}, {"compression_level": 9}),
    "cloud-optimized": ({}, {"cloud_optimized": True}),
    "another nodata": ({}, {"nodata": 5.0}),
    "a nodata of its own": ({"nodata": None}, {"nodata": 5.0}),
    "a mask": ({}, {"mask": MaskOutput.BAND}),
    "clipped": ({}, {"region": BOX, "clip_to_region": True, "grid": GridSpec()}),
    "beside tiles": ({}, {"col": 1}),
    "a part of a tile": ({}, {"size": (COLS - 1, ROWS)}),
    "beyond the edge": ({}, {"size": (640, 704)}),
    "an array": ({}, {"format": Format.NPY}),
    "another scale": ({}, {"grid": GridSpec(scale=20.0)}),
    "strips": ({"tiled": False, "blockxsize": COLS, "blockysize": 16}, {}),
    "several bands": ({"count": 2}, {}),
    "several bands by band": ({"count": 2, "interleave": "band"}, {}),
    "big endian": ({"endianness": "BIG"}, {}),
    "differences of floats": ({"dtype": "float32", "predictor": 2}, {}),
    "jpeg": ({"dtype": "uint8", "compress": "jpeg"}, {}),
    "a type that is widened": ({"dtype": "uint8", "nbits": 4, "nodata": None}, {}),
}


@pytest.mark.parametrize("why", OTHERWISE)
def test_all_else_is_made_anew(tmp_path: Path, why: str) -> None:
    profile, fields = OTHERWISE[why]
    store(
        tmp_path / "catalog", **{key: value for key, value in profile.items() if value is not None or key == "nodata"}
    )
    assert not is_handed_on(planned(tmp_path / "catalog", **fields))


def test_tiles_that_were_never_written_are_made(tmp_path: Path) -> None:
    path = store(tmp_path / "catalog")
    options = PROFILE | {"nodata": 7, "dtype": "uint8", "count": 1, "sparse_ok": True}
    with rasterio.open(path, "w", driver="GTiff", width=COLS, height=ROWS, **options) as file:
        file.write(np.ones((1, 64, 128), "uint8"), window=Window(0, 0, 128, 64))
    plan = planned(tmp_path / "catalog")
    assert not is_handed_on(plan)
    with made(plan, tmp_path) as same, rasterio.open(path) as source:
        assert np.array_equal(same.read(), source.read())


@pytest.mark.parametrize("compression", [Compression.DEFLATE, Compression.LZW, Compression.ZSTD])
def test_a_damaged_tile_is_not_handed_on(tmp_path: Path, compression: Compression) -> None:
    path = store(tmp_path / "catalog", compress=compression.value.lower())
    with rasterio.open(path) as file:
        start = int(file.get_tag_item("BLOCK_OFFSET_1_1", "TIFF", bidx=1))
    damaged = bytearray(path.read_bytes())
    damaged[start : start + 40] = b"\xff" * 40
    path.write_bytes(damaged)
    with (
        pytest.raises(SourceUnavailable, match="damaged") as raised,
        made(planned(tmp_path / "catalog", compression=compression), tmp_path),
    ):
        pass
    assert str(tmp_path) not in str(raised.value)


def test_a_file_that_changed_is_not_handed_on(tmp_path: Path) -> None:
    store(tmp_path / "catalog")
    plan = planned(tmp_path / "catalog")
    store(tmp_path / "catalog", "uint8")
    with pytest.raises(SourceUnavailable, match="changed"), made(plan, tmp_path):
        pass


def test_an_etag_tells_the_two_apart(tmp_path: Path) -> None:
    store(tmp_path / "catalog")
    plan, anew = (planned(tmp_path / "catalog", compression_level=level) for level in (None, 1))
    assert is_handed_on(plan)
    assert not is_handed_on(anew)
    assert plan.etag != anew.etag


@pytest.mark.parametrize("why", ["half of its rows", "no checksum"])
@pytest.mark.parametrize("compression", [Compression.DEFLATE, Compression.ZSTD])
def test_a_tile_that_ends_too_early_is_told(tmp_path: Path, why: str, compression: Compression) -> None:
    path = store(tmp_path / "catalog")
    with tifffile.TiffFile(path, mode="r+") as file:
        page = file.pages[0]
        assert isinstance(page, tifffile.TiffPage)
        stored = path.read_bytes()[page.dataoffsets[7] :][: page.databytecounts[7]]
        half = zlib.decompress(stored)[: 128 * 64]
        short = zlib.compress(half, 9) if why == "half of its rows" else stored[:-4]
        assert len(short) <= page.databytecounts[7]
        counts = list(page.databytecounts)
        counts[7] = len(short)
        page.tags["TileByteCounts"].overwrite(counts)
        start = page.dataoffsets[7]
    with path.open("r+b") as raw:
        raw.seek(start)
        raw.write(short)
    plan = planned(tmp_path / "catalog", compression=compression)
    with pytest.raises(SourceUnavailable, match="damaged"), made(plan, tmp_path):
        pass


def test_tiles_of_sides_that_tiff_does_not_know_are_made_anew(tmp_path: Path) -> None:
    path = store(tmp_path / "catalog")
    assert FolderCatalog(tmp_path / "catalog").get("noise").bands[0].tiling is not None
    with tifffile.TiffFile(path, mode="r+") as file:
        page = file.pages[0]
        assert isinstance(page, tifffile.TiffPage)
        page.tags["TileLength"].overwrite(66)  # as many tiles as of 64 rows
    bands = FolderCatalog(tmp_path / "catalog").get("noise").bands
    assert bands[0].plain
    assert bands[0].tiling is None
