"""Cloud-optimized files that are made in parts, beside GDAL, rio-cogeo, tifffile and NumPy."""

import io
import json
import math
import pickle
import random
import signal
import subprocess
import sys
import tracemalloc
from collections import Counter
from dataclasses import replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import tifffile
from rasterio.enums import ColorInterp
from rasterio.enums import Resampling as GdalResampling
from rio_cogeo.cogeo import cog_validate

import rasterwire.export.cog_part as of_part
import rasterwire.export.parted_cog as of_cog
from cases import every
from effort import HANG
from images import side_by_side
from parted import joined, made_parts
from rasterwire.encode import Block
from rasterwire.encode.cog import encode_cog
from rasterwire.encode.geotiff import encode_geotiff
from rasterwire.export.folder_destination import FolderDestination
from rasterwire.export.overviews import as_read, halve
from rasterwire.export.parted_cog import CogPart, PartedCog
from rasterwire.pixels import Pixels, Window, smallest_value, type_names
from rasterwire.plan import RasterPlan
from rasterwire.request import Compression, Encoding, MaskOutput, Resampling
from test_encode import expected, made_up, raster

ZSTD = Encoding(Compression.ZSTD, cloud_optimized=True)


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let parts be 2 x 2 tiles of 64 pixels a side, of bands that take two bytes together or more; they are made up."""
    monkeypatch.setattr(of_cog, "_TILE", 64)
    monkeypatch.setattr(of_cog, "_PART_BYTES", 64 * 64 * 2 + 1)
    monkeypatch.setattr(of_cog, "_CLASS_BYTES", 64 * 64 * 2 + 1)
    monkeypatch.setattr(of_part, "_BLOCK_BYTES", 64 * 64 * 3 * 2)
    monkeypatch.setattr(of_part, "render_block", lambda raster, window: next(made_up(raster, [window])))


def averaging(raster: RasterPlan) -> RasterPlan:
    return replace(raster, bands=tuple(replace(band, resampling=Resampling.BILINEAR) for band in raster.bands))


def written(cog: PartedCog, path: Path, seed: int = 1) -> Path:
    """Make the parts in an order by chance."""
    path.write_bytes(joined(cog, made_parts(cog, random.Random(seed).sample(cog.parts, len(cog.parts)))))
    return path


@pytest.mark.usefixtures("small_parts")
@every("size", [(1, 1), (64, 64), (65, 1), (129, 128), (200, 90), (700, 500), (2000, 100)])
@every("mask", [False, True])
def test_files_of_every_size_are_valid(tmp_path: Path, size: tuple[int, int], mask: bool) -> None:
    raster_plan = raster(*size, names=("a", "b"), mask=mask)
    path = written(PartedCog(raster_plan, ZSTD, 1), tmp_path / "x.tif")
    assert cog_validate(path, strict=True, quiet=True) == (True, [], [])
    with rasterio.open(path) as file:
        assert np.array_equal(file.read(2), expected(raster_plan, 1))
        assert file.descriptions == ("a", "b")
        assert file.overviews(1) == [2 ** (n + 1) for n in range(math.ceil(math.log2(max(*size, 64) / 64)))]


@pytest.mark.usefixtures("small_parts")
@every("compression", Compression)
@every("mask", [False, True])
@every("dtype", type_names)
def test_every_type_is_read_back(tmp_path: Path, dtype: str, mask: bool, compression: Compression) -> None:
    raster_plan = raster(300, 270, dtype, ("a", "b"), mask)
    path = written(PartedCog(raster_plan, Encoding(compression), 1), tmp_path / "x.tif")
    assert cog_validate(path, strict=True, quiet=True) == (True, [], [])
    rows, cols = np.indices((270, 300))
    with rasterio.open(path) as file:
        for index in (0, 1):
            assert np.array_equal(file.read(index + 1), expected(raster_plan, index))
        if mask:
            assert np.array_equal(file.read_masks(1) > 0, (rows + cols) % 7 != 3)
    with rasterio.open(path, overview_level=1) as file:
        assert np.array_equal(file.read(2), expected(raster_plan, 1)[::4, ::4])
        if mask:
            assert np.array_equal(file.read_masks(1) > 0, ((rows + cols) % 7 != 3)[::4, ::4])


@pytest.mark.usefixtures("small_parts")
@every("mask", [False, True])
def test_very_many_bands_are_stored_one_after_the_other(tmp_path: Path, mask: bool) -> None:
    raster_plan = raster(150, 130, names=tuple(f"b{number}" for number in range(70)), mask=mask)
    path = written(PartedCog(averaging(raster_plan), ZSTD, 1), tmp_path / "x.tif")
    assert cog_validate(path, strict=True, quiet=True) == (True, [], [])
    with rasterio.open(path) as file:
        assert file.profile["interleave"] == "band"
        assert all(np.array_equal(file.read(n + 1), expected(raster_plan, n)) for n in (0, 40, 69))


@pytest.mark.usefixtures("small_parts")
def test_equal_plans_give_equal_bytes_in_any_order() -> None:
    raster_plan = averaging(raster(700, 500, mask=True))
    cog = PartedCog(raster_plan, Encoding(), 1)
    whole = joined(cog, made_parts(cog, cog.parts))
    for seed in range(3):
        other = PartedCog(raster_plan, Encoding(), 1)
        order = random.Random(seed).sample(other.parts, len(other.parts))
        assert joined(other, made_parts(other, order)) == whole
    part = cog.parts[3]
    assert pickle.loads(pickle.dumps(cog.task))(part) == cog.task(part)


@pytest.mark.usefixtures("small_parts")
def test_each_pixel_is_rendered_once(monkeypatch: pytest.MonkeyPatch) -> None:
    cog = PartedCog(averaging(raster(700, 500)), ZSTD, 1)
    counts = np.zeros((500, 700), int)

    def rendered(raster: RasterPlan, window: Window) -> tuple[Pixels, ...]:
        counts[window.row : window.row + window.height, window.col : window.col + window.width] += 1
        return next(made_up(raster, [window]))

    monkeypatch.setattr(of_part, "render_block", rendered)
    made, read = made_parts(cog, cog.parts), Counter[int]()

    def reduced(number: int) -> bytes:
        read[number] += 1
        return made[number].reduced

    cog.head({number: part.summary for number, part in made.items()}, reduced)
    assert (counts == 1).all()
    assert {*read.values()} == {1}


@pytest.mark.usefixtures("small_parts")
def test_a_part_ends_before_its_next_block(monkeypatch: pytest.MonkeyPatch) -> None:
    cog, rendered = PartedCog(raster(700, 500), ZSTD, 1), list[Window]()

    def render(raster: RasterPlan, window: Window) -> tuple[Pixels, ...]:
        rendered.append(window)
        return next(made_up(raster, [window]))

    def check() -> None:
        if rendered:
            raise KeyboardInterrupt

    monkeypatch.setattr(of_part, "render_block", render)
    with pytest.raises(KeyboardInterrupt):
        cog.task(cog.parts[0], check)
    assert len(rendered) == 1


@pytest.mark.usefixtures("small_parts")
def test_all_parts_but_the_last_are_large_enough(tmp_path: Path) -> None:
    cog = PartedCog(raster(400, 300, mask=True), ZSTD, 30_000)
    made = made_parts(cog, cog.parts)
    head = cog.head({number: part.summary for number, part in made.items()}, lambda number: made[number].reduced)
    last = max(made)
    assert len(head) >= 30_000
    assert all(len(made[number].data) >= 30_000 for number in made if number != last)
    assert made[last].summary.padding == 0
    assert len(made[last].data) < 30_000
    assert all(part.summary.size == len(part.data) for part in made.values())
    path = written(cog, tmp_path / "x.tif")
    assert cog_validate(path, strict=True, quiet=True) == (True, [], [])
    with rasterio.open(path) as file:
        assert np.array_equal(file.read(1), expected(raster(400, 300)))


@pytest.mark.usefixtures("small_parts")
def test_damaged_rests_of_parts_are_refused() -> None:
    cog = PartedCog(raster(400, 300), ZSTD, 1)
    made = made_parts(cog, cog.parts)
    summaries = {number: part.summary for number, part in made.items()}
    for damaged in (b"", b"x" * 100, made[2].reduced[:-1]):
        with pytest.raises(ValueError, match="reduced pixels of a part are damaged"):
            cog.head(summaries, lambda number, damaged=damaged: damaged)  # type: ignore[misc]


def test_more_masks_than_one_are_refused() -> None:
    with pytest.raises(ValueError, match="ask for mask BAND"):
        PartedCog(replace(raster(9, 9, names=("a", "b")), mask=MaskOutput.EACH_BAND), ZSTD, 1)


# Overviews


def noise(shape: tuple[int, int], dtype: str, seed: int = 1) -> Pixels:
    """Return values of all sizes, and small ones, some of them invalid."""
    dice, kind = np.random.default_rng(seed), np.dtype(dtype)
    if kind.kind == "f":
        data = dice.normal(0, 1000, shape).astype(dtype)
    else:
        limits = np.iinfo(kind)
        data = dice.integers(limits.min, limits.max, shape, kind.type, endpoint=True)
        few = dice.integers(max(limits.min, -9), 9, shape).astype(dtype)
        data = np.where(dice.random(shape) < 0.5, data, few)
    valid = dice.random(shape) < 0.7
    valid[:20], valid[:, -20:] = True, False
    return Pixels(data, valid)


def plan_of(pixels: Pixels, mask: MaskOutput | None, nodata: float | None) -> RasterPlan:
    height, width = pixels.data.shape
    plan = averaging(raster(width, height, pixels.data.dtype.name))
    fill = smallest_value(pixels.data.dtype.name) if nodata is None else nodata
    return replace(plan, bands=(replace(plan.bands[0], nodata=nodata, fill=fill),), mask=mask)


@every("mask", [MaskOutput.NODATA, MaskOutput.BAND])
@every("averages", [False, True])
@every("dtype", [name for name in type_names if name not in {"int64", "uint64"}])  # GDAL's averages of these never end
def test_overviews_are_those_of_gdal(tmp_path: Path, dtype: str, averages: bool, mask: MaskOutput) -> None:
    pixels = noise((320, 256), dtype)
    nodata = smallest_value(dtype) if mask is MaskOutput.NODATA else None
    plan, path = plan_of(pixels, mask, nodata), tmp_path / "x.tif"
    profile = {"driver": "GTiff", "height": 320, "width": 256, "count": 1, "dtype": dtype, "nodata": nodata}
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True):
        with rasterio.open(path, "w", tiled=True, blockxsize=64, blockysize=64, **profile) as file:
            file.write(pixels.filled(plan.bands[0].fill), 1)
            if mask is MaskOutput.BAND:
                file.write_mask(pixels.valid)
        with rasterio.open(path, "r+") as file:
            file.build_overviews([2, 4, 8], GdalResampling.average if averages else GdalResampling.nearest)
    block: Block = (pixels,)
    for level in range(3):
        block = halve(plan, as_read(plan, block), averages=averages)
        (mine,) = as_read(plan, block)
        with rasterio.open(path, overview_level=level) as file:
            assert np.array_equal(file.read_masks(1) > 0, mine.valid)
            theirs = file.read(1)[mine.valid]
        if dtype == "float64":
            assert np.allclose(theirs, mine.data[mine.valid], rtol=1e-12, atol=0)
        else:
            assert np.array_equal(theirs, mine.data[mine.valid])


def test_colours_that_are_wholly_transparent_do_not_count(tmp_path: Path) -> None:
    bands = [noise((320, 256), "uint8", seed).data for seed in range(4)]
    bands[3] = np.where(noise((320, 256), "uint8").valid, bands[3], 0)
    bands[3][:40] = 0
    names, path = ("red", "green", "blue", "alpha"), tmp_path / "x.tif"
    plan = averaging(raster(256, 320, "uint8", names))
    opaque = tuple(replace(band, nodata=None) for band in plan.bands)
    plan = replace(plan, bands=opaque, metadata=replace(plan.metadata, colors=names))
    profile = {"driver": "GTiff", "height": 320, "width": 256, "count": 4, "dtype": "uint8"}
    with rasterio.open(path, "w", photometric="rgb", alpha="yes", **profile) as file:
        file.write(np.stack(bands))
    with rasterio.open(path, "r+") as file:
        file.build_overviews([2, 4], GdalResampling.average)
    block: Block = tuple(Pixels(band, np.ones(band.shape, bool)) for band in bands)
    for level in range(2):
        block = halve(plan, as_read(plan, block), averages=True)
        with rasterio.open(path, overview_level=level) as file:
            assert np.array_equal(file.read(), np.stack([pixels.filled(0) for pixels in block]))


def exact_mean(values: list[int]) -> int:
    """Return a mean, rounded with halves away from zero."""
    mean = Fraction(sum(values), len(values))
    return math.floor(abs(mean) + Fraction(1, 2)) * (1 if mean > 0 else -1)


@every("are_all_valid", [False, True])
@every("shape", [(5, 7), (1, 9), (9, 1), (1, 1), (6, 8)])
@every("dtype", [name for name in type_names if "int" in name])
def test_means_of_whole_numbers_are_exact(dtype: str, shape: tuple[int, int], are_all_valid: bool) -> None:
    for seed in range(4):
        pixels = noise((40, 40), dtype, seed)
        pixels = Pixels(pixels.data[17 : 17 + shape[0], : shape[1]], pixels.valid[17 : 17 + shape[0], : shape[1]])
        pixels = Pixels(pixels.data, pixels.valid | are_all_valid)
        (half,) = halve(plan_of(pixels, MaskOutput.BAND, None), (pixels,), averages=True)
        assert half.data.dtype == dtype
        for row, col in np.ndindex(half.data.shape):
            place = np.s_[2 * row : 2 * row + 2, 2 * col : 2 * col + 2]
            values = [int(value) for value in pixels.data[place][pixels.valid[place]]]
            assert half.valid[row, col] == bool(values)
            assert not values or int(half.data[row, col]) == exact_mean(values)


def test_a_pixel_counts_where_the_common_mask_is_valid() -> None:
    valid = np.array([[[True, True], [False, True]], [[True, False], [False, True]]])
    block = tuple(Pixels(np.array([[10, 50], [70, 30]], "uint16"), of_band) for of_band in valid)
    plan = averaging(raster(2, 2, names=("a", "b"), mask=True))
    halves = halve(plan, as_read(plan, block), averages=True)
    assert [(half.data.tolist(), half.valid.tolist()) for half in halves] == [([[20]], [[True]])] * 2


def test_a_mean_that_would_be_read_as_nodata_is_the_value_beside() -> None:
    pixels = Pixels(np.array([[-3, 3], [1, -1]], "int16"), np.ones((2, 2), bool))
    (half,) = halve(plan_of(pixels, MaskOutput.NODATA, 0), (pixels,), averages=True)
    assert (half.data.tolist(), half.valid.tolist()) == ([[-1]], [[True]])


def test_means_of_the_largest_values_are_finite() -> None:
    for dtype in ("float32", "float64"):
        largest = np.finfo(dtype).max
        pixels = Pixels(np.full((2, 2), largest, dtype), np.array([[True, True], [True, False]]))
        (half,) = halve(plan_of(pixels, MaskOutput.BAND, None), (pixels,), averages=True)
        assert half.data[0, 0] == largest


@pytest.mark.usefixtures("small_parts")
@every("mask", [MaskOutput.NODATA, MaskOutput.BAND])
def test_overviews_of_parts_are_those_of_the_whole(tmp_path: Path, mask: MaskOutput) -> None:
    raster_plan = replace(averaging(raster(701, 499, names=("a", "b"))), mask=mask)
    path = written(PartedCog(raster_plan, ZSTD, 1), tmp_path / "x.tif")
    (block,) = made_up(raster_plan, [Window(0, 0, 499, 701)])
    for level in range(4):
        block = halve(raster_plan, as_read(raster_plan, block), averages=True)
        with rasterio.open(path, overview_level=level) as file:
            for index, pixels in enumerate(as_read(raster_plan, block)):
                assert np.array_equal(file.read(index + 1), pixels.filled(raster_plan.bands[index].fill))
                assert np.array_equal(file.read_masks(index + 1) > 0, pixels.valid)


# Tags


def test_tags_are_those_of_plain_files(tmp_path: Path) -> None:
    scaled = raster(1000, 70, names=("a", "b \u00b5"), mask=True)
    source = replace(scaled.bands[0].stored, value_scale=2.75e-5, value_offset=-0.2, unit="m")
    scaled = replace(scaled, bands=(replace(scaled.bands[0], source=source), scaled.bands[1]))
    shown = raster(1000, 70, "uint8", names=("r", "g", "b", "alpha"))
    shown = replace(shown, metadata=replace(shown.metadata, colors=("red", "green", "blue", "alpha"), is_point=True))
    palette = raster(1000, 70, "uint8")
    palette = replace(palette, metadata=replace(palette.metadata, colors=("palette",), palette=bytes(range(30))))
    items = (("TIFFTAG_XRESOLUTION", "72"), ("TIFFTAG_YRESOLUTION", "72"), ("SENSOR", "\u00e9"))
    described = raster(1000, 70, "float64")
    described = replace(described, metadata=replace(described.metadata, items=items, band_items=((("K", "v"),),)))
    many = raster(1000, 70, names=tuple(f"b{number}" for number in range(40)))
    for index, plan in enumerate((scaled, shown, palette, described, many)):
        cog, plain = PartedCog(plan, Encoding(), 1), tmp_path / f"{index}.tif"
        with plain.open("w+b") as out:
            encode_geotiff(plan, Encoding(), side_by_side(made_up), out, tmp_path)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(of_part, "render_block", lambda raster, window: next(made_up(raster, [window])))
            data = joined(cog, made_parts(cog, cog.parts))
        assert tags_of(data)[: 1 + plan.masks] == tags_of(plain.read_bytes())
        plain.unlink()
        with plain.open("w+b") as out:
            encode_cog(plan, Encoding(cloud_optimized=True), side_by_side(made_up), out, tmp_path)
        assert seen_by_gdal(data) == seen_by_gdal(plain.read_bytes())


def tags_of(data: bytes) -> list[dict[int, str]]:
    """Return the tags of each image of a file, but for its tiles and their places."""
    tiles = {322, 323, 324, 325}
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        return [
            {tag.code: repr(np.asarray(tag.value).tolist()) for tag in page.aspage().tags if tag.code not in tiles}
            for page in file.pages
        ]


def seen_by_gdal(data: bytes) -> dict[str, Any]:
    """Return what GDAL tells of a file, but for its layout."""
    with rasterio.MemoryFile(data) as memory, memory.open() as file:
        numbers = range(1, file.count + 1)
        return {
            # of very many bands GDAL's driver makes tiles of all, which take as much memory
            "profile": {**file.profile, "interleave": None},
            "tags": [file.tags(), *map(file.tags, numbers)],
            "scales": (file.scales, file.offsets, file.units),
            "shown": (file.descriptions, file.colorinterp, file.mask_flag_enums),
            "colors": file.colormap(1) if file.colorinterp[0] == ColorInterp.palette else None,
            "mask overviews": file.overviews(1),
        }


# Memory


@pytest.mark.usefixtures("small_parts")
def test_memory_does_not_grow_with_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    peaks = []
    for side in (500, 2000):
        cog = PartedCog(averaging(raster(side, side)), ZSTD, 1)
        made, most = dict[int, CogPart](), 0
        reduced = partial(reduced_of, made)
        for part in cog.parts:
            tracemalloc.start()
            try:
                made[part.number] = cog.task.merge(part, reduced) if part.below else cog.task(part)
                most = max(most, tracemalloc.get_traced_memory()[1])
            finally:
                tracemalloc.stop()
        assert len(cog.parts) > (side // 128) ** 2
        peaks.append(most)
    assert peaks[1] < 1.3 * peaks[0]


@pytest.mark.usefixtures("small_parts")
@every("least", [1, 12 << 20])
def test_a_part_takes_the_memory_of_its_bytes_once(monkeypatch: pytest.MonkeyPatch, least: int) -> None:
    monkeypatch.setattr(of_cog, "_PART_BYTES", 4 << 20)
    noise = np.random.default_rng(3).integers(0, 1 << 16, (64, 1024), "uint16")

    def block(_: RasterPlan, window: Window) -> Block:
        pixels = noise[: window.height, : window.width]
        return (Pixels(pixels, np.ones(pixels.shape, bool)),)

    monkeypatch.setattr(of_part, "render_block", block)
    cog = PartedCog(raster(4096, 4096), ZSTD, 1)
    task = replace(cog.task, least_part_bytes=least)
    tracemalloc.start()
    try:
        part = task(cog.parts[0])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(part.data) == sum(part.summary.tile_bytes) + part.summary.padding >= max(least, 8 << 20)
    assert peak < 1.6 * len(part.data)  # with the pixels of its overviews


def reduced_of(made: dict[int, CogPart], number: int) -> bytes:
    return made[number].reduced


# Processes

_WRITER = """
import json, os, pickle, random, signal, sys
from pathlib import Path
import rasterwire.export.parted_cog as of_cog
of_cog._TILE, of_cog._PART_BYTES = 64, 64 * 64 * 2 + 1
from rasterwire.export.folder_destination import FolderDestination

folder, until, seed = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
raster, encoding = pickle.loads((folder / "plan").read_bytes())
cog, exports = of_cog.PartedCog(raster, encoding, 1), FolderDestination(folder / "exports")
rows = folder / "rows"
lines = rows.read_text().splitlines() if rows.exists() else [json.dumps(exports.begin("x.tif", {}))]
upload, *done = map(json.loads, lines)
with rows.open("a") as out:
    if not done:
        print(json.dumps(upload), file=out, flush=True)
    have = {number: (etag, of_cog.PartSummary(tuple(sizes), padding)) for number, etag, sizes, padding in done}
    load = lambda number: exports.get(f"x.tif.parts/{number}")
    for part in sorted(random.Random(seed).sample(cog.parts, len(cog.parts)), key=lambda part: part.level):
        if part.number in have:
            continue
        made = cog.task.merge(part, load) if part.below else cog.task(part)
        etag = exports.put_part("x.tif", upload, part.number, made.data)
        exports.put(f"x.tif.parts/{part.number}", made.reduced, replace=True)
        if len(have) == until:
            os.kill(os.getpid(), signal.SIGKILL)  # stored, and nobody knows of it
        have[part.number] = etag, made.summary
        print(json.dumps([part.number, etag, made.summary.tile_bytes, made.summary.padding]), file=out, flush=True)
head = exports.put_part("x.tif", upload, 1, cog.head({n: summary for n, (_, summary) in have.items()}, load))
exports.finish("x.tif", upload, [(1, head), *sorted((n, etag) for n, (etag, _) in have.items())])
for number in have:
    exports.delete(f"x.tif.parts/{number}")
"""


@pytest.mark.usefixtures("small_parts")
def test_a_writer_that_is_killed_is_continued_by_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raster_plan = averaging(stored_raster(tmp_path))
    (tmp_path / "plan").write_bytes(pickle.dumps((raster_plan, ZSTD)))
    for until, seed, status in ((5, 1, -signal.SIGKILL), (-1, 2, 0)):
        command = [sys.executable, "-c", _WRITER, str(tmp_path), str(until), str(seed)]
        assert subprocess.run(command, timeout=HANG, check=False).returncode == status
    monkeypatch.undo()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(of_cog, "_TILE", 64)
        patch.setattr(of_cog, "_PART_BYTES", 64 * 64 * 2 + 1)
        cog = PartedCog(raster_plan, ZSTD, 1)
    data = FolderDestination(tmp_path / "exports").get("x.tif")
    assert data == joined(cog, made_parts(cog, cog.parts))
    rows = [json.loads(line) for line in (tmp_path / "rows").read_text().splitlines()[1:]]
    assert Counter(number for number, *_ in rows) == dict.fromkeys(range(2, len(cog.parts) + 2), 1)
    files = {path.name for path in (tmp_path / "exports").rglob("*")}
    assert files == {"x.tif", ".uploads"}
    assert cog_validate(tmp_path / "exports" / "x.tif", strict=True, quiet=True) == (True, [], [])
    with rasterio.open(tmp_path / "exports" / "x.tif") as file, rasterio.open(tmp_path / "scenes" / "a.tif") as source:
        assert np.array_equal(file.read(1), source.read(1))


def stored_raster(folder: Path) -> RasterPlan:
    """Return the plan of a file that is copied as it is."""
    from rasterwire.catalog.folder import FolderCatalog
    from rasterwire.plan import Limits, make_plan
    from rasterwire.request import DownloadRequest, Format

    (folder / "scenes").mkdir()
    data = noise((500, 700), "uint16").data
    profile = {"driver": "GTiff", "height": 500, "width": 700, "count": 1, "dtype": "uint16", "nodata": 0}
    affine = rasterio.Affine(10, 0, 500000, 0, -10, 5000000)
    with rasterio.open(folder / "scenes" / "a.tif", "w", crs="EPSG:32633", transform=affine, **profile) as file:
        file.write(data, 1)
    request = DownloadRequest("a", format=Format.GEO_TIFF, cloud_optimized=True)
    return make_plan(request, FolderCatalog(folder / "scenes").get("a"), Limits()).rasters[0]
