"""Blocks of medians of very many scenes are computed in parts: each tile is fetched and decoded once."""

import random
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import rasterio
from affine import Affine
from odc.geo.geobox import GeoBox

from byte_source_double import MemorySource, memory_source
from cases import every
from rasterwire.catalog.bands import assemble
from rasterwire.catalog.entry import Entry, Naming, Source
from rasterwire.catalog.header import read_header
from rasterwire.encode.npy import npy_windows
from rasterwire.encode.tiles import tile_windows
from rasterwire.expression.reducers.per_pixel import Reduced
from rasterwire.files import byte_reader, tiff_file
from rasterwire.image import Band
from rasterwire.nodes.computed import Computed, Product
from rasterwire.nodes.nodes import Stored
from rasterwire.pixels import Pixels, Window
from rasterwire.plan import Limits, make_plan
from rasterwire.plan.types import RasterPlan
from rasterwire.render import computed, parts
from rasterwire.render.engine import SerialEngine, ThreadEngine
from rasterwire.render.parts import by_parts, has_parts
from rasterwire.render.tiles import TileCache
from rasterwire.request import DownloadRequest, Format

SCENES, TILE, SIDE = 34, 64, 256
AROUND = 30
"""Pixels around the scenes in which no scene is valid."""
PLACE = Affine(10, 0, 499_980, 0, -10, 4_200_000)

Array = npt.NDArray[Any]


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Array, Array]:
    """Return a folder of scenes of one place, a fifth of them nodata, and their median and where it is valid."""
    folder = tmp_path_factory.mktemp("scenes")
    chance = np.random.default_rng(7)
    data = chance.integers(0, 1 << 16, (SCENES, SIDE, SIDE)).astype("uint16")
    data[chance.random(data.shape) < 0.2] = 0
    data[:, 5, 9] = 0
    profile = {"driver": "GTiff", "width": SIDE, "height": SIDE, "count": 1, "dtype": "uint16", "nodata": 0}
    layout = {"tiled": True, "blockxsize": TILE, "blockysize": TILE, "compress": "deflate", "predictor": 2}
    for number, pixels in enumerate(data):
        path = folder / f"{number}.tif"
        with rasterio.open(path, "w", crs="EPSG:32610", transform=PLACE, **profile, **layout) as file:
            file.write(pixels, 1)
    # as NumPy's median of masked values, which takes seconds
    values = np.sort(np.where(data == 0, np.inf, data), axis=0)
    count = (data != 0).sum(axis=0)[None]
    low, high = (np.take_along_axis(values, np.maximum(n, 0), axis=0)[0] for n in ((count - 1) // 2, count // 2))
    valid = np.pad(count[0] > 0, AROUND)
    return folder, np.where(valid, np.pad((low + high) / 2, AROUND), 0), valid


@pytest.fixture
def source(monkeypatch: pytest.MonkeyPatch) -> Iterator[MemorySource]:
    """A source of bytes; parts of the output are as large as a tile."""
    monkeypatch.setattr(computed, "_LEAST_PART", TILE * TILE)
    monkeypatch.setattr(computed, "_SORTED_BYTES", 1)
    monkeypatch.setattr("rasterwire.render.source._tiles", TileCache(24 << 20))
    byte_reader.forget_tiles()
    with memory_source() as source:
        yield source


def bands_of(folder: Path, source: MemorySource) -> list[Band]:
    """Return the bands of the scenes, under names that no other test has."""
    key = random.Random().getrandbits(64)
    hrefs = [source.put(f"{key}-{number}", folder / f"{number}.tif") for number in range(SCENES)]
    entries = [Entry("a", "a", Naming.WHOLE_FILE, (Source("a", "a", href),)) for href in hrefs]
    return [assemble(entry, [read_header(entry.sources[0].href)])[0] for entry in entries]


def median_of(bands: list[Band], grid: GeoBox) -> RasterPlan:
    node = Reduced("median", [Stored(band) for band in bands], "float64")
    product = Product("", (Computed("median", grid, "float64", node),))
    return make_plan(DownloadRequest("", format=Format.NPY), product, Limits()).rasters[0]


def assert_expected(pixels: Pixels, scenes: tuple[Path, Array, Array], col: int = 0, row: int = 0) -> None:
    rows, cols = pixels.data.shape
    place = np.s_[AROUND + row : AROUND + row + rows, AROUND + col : AROUND + col + cols]
    _, median, valid = scenes
    np.testing.assert_array_equal(pixels.valid, valid[place])
    np.testing.assert_array_equal(pixels.data[valid[place]], median[place][valid[place]])


def pasted(raster: RasterPlan, windows: list[Window], blocks: list[tuple[Pixels, ...]]) -> Pixels:
    shape = tuple(int(n) for n in raster.grid.shape)
    whole = Pixels(np.zeros(shape), np.zeros(shape, bool))
    for window, (pixels,) in zip(windows, blocks, strict=True):
        place = np.s_[window.row : window.row + window.height, window.col : window.col + window.width]
        whole.data[place], whole.valid[place] = pixels.data, pixels.valid
    return whole


def count_decodes(monkeypatch: pytest.MonkeyPatch) -> Mapping[tuple[str, int], int]:
    counts: Counter[tuple[str, int]] = Counter()
    decode = tiff_file.Level._decode

    def counted(self: tiff_file.Level, data: bytes, index: int, rows: int) -> bytes:
        counts[self._tiff.reader.href, index] += 1
        return decode(self, data, index, rows)

    monkeypatch.setattr(tiff_file.Level, "_decode", counted)
    return counts


@every(("part", "kept_bytes", "most_requests"), [(TILE * TILE, 0, 8), (TILE * TILE // 2, 24 << 20, 16)])
def test_each_tile_is_fetched_and_decoded_once(
    scenes: tuple[Path, Array, Array],
    source: MemorySource,
    monkeypatch: pytest.MonkeyPatch,
    part: int,
    kept_bytes: int,
    most_requests: int,
) -> None:
    monkeypatch.setattr(computed, "_LEAST_PART", part)
    bands = bands_of(scenes[0], source)
    raster = median_of(bands, bands[0].grid)
    assert has_parts(raster)
    monkeypatch.setattr("rasterwire.render.source._tiles", TileCache(kept_bytes))
    counts = count_decodes(monkeypatch)
    source.forget()
    engine = ThreadEngine(2)
    windows = list(npy_windows(raster))
    blocks = list(by_parts(raster, windows, engine.map))
    engine.close()
    assert_expected(pasted(raster, windows, blocks), scenes)
    tiles = (SIDE // TILE) ** 2
    assert (len(counts), set(counts.values())) == (SCENES * tiles, {1})
    assert not source.opened
    assert len(source.ranges) <= SCENES * most_requests, "tiles side by side by one request, where parts are whole"
    assert len(set(source.ranges)) == len(source.ranges)


@every("size", [(256, 256), (57, 256), (256, 100), (64, 64)])
def test_pixels_do_not_depend_on_windows_and_parts(
    scenes: tuple[Path, Array, Array], source: MemorySource, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    bands = bands_of(scenes[0], source)
    monkeypatch.setattr(parts, "_MAX_STRIP_BYTES", 200 * 9 * TILE)
    monkeypatch.setattr(computed, "_LEAST_PART", TILE * TILE // 3 if size[0] == 57 else TILE * TILE)
    for col, row, cols, rows in ((11, 50, 190, 170), (-20, -30, 100, 60)):
        grid = GeoBox((rows, cols), bands[0].grid.affine @ Affine.translation(col, row), bands[0].grid.crs)
        raster = median_of(bands, grid)
        height, width = size
        windows = [
            Window(top, left, min(height, rows - top), min(width, cols - left))
            for top in range(0, rows, height)
            for left in range(0, cols, width)
        ]
        whole = pasted(raster, windows, list(by_parts(raster, windows, SerialEngine().map)))
        assert_expected(whole, scenes, col, row)


def test_blocks_of_few_scenes_are_computed_whole(scenes: tuple[Path, Array, Array], source: MemorySource) -> None:
    bands = bands_of(scenes[0], source)
    assert not has_parts(median_of(bands[:8], bands[0].grid))


def test_parts_end_where_tiles_end(scenes: tuple[Path, Array, Array], source: MemorySource) -> None:
    bands = bands_of(scenes[0], source)
    grid = GeoBox((200, 150), bands[0].grid.affine @ Affine.translation(30, 40), bands[0].grid.crs)
    raster = median_of(bands, grid)
    reached: list[Window] = []

    def run(render: Any, items: Any) -> Iterator[Any]:
        for part in items:
            reached.append(part.window)
            yield render(part)

    windows = list(tile_windows(raster))
    assert len(list(by_parts(raster, windows, run))) == len(windows)
    edges = {(window.col, window.row) for window in reached}
    assert edges == {(col, row) for col in (0, 34, 98) for row in (0, 24, 88, 152)}
