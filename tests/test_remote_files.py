"""Files of other machines: read through a source of bytes, they give what the same files of this machine give."""

import queue
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.control import GroundControlPoint

from byte_source_double import PREFIX, REPLACED, MemorySource, memory_source
from cases import every
from rasterwire.catalog.bands import assemble
from rasterwire.catalog.entry import Entry, Naming, Source
from rasterwire.catalog.header import read_header
from rasterwire.catalog.image_reader import ImageReader
from rasterwire.errors import SourceUnavailable
from rasterwire.files import byte_reader, tiff_file
from rasterwire.files import stored_tiles as stored_tiles_module
from rasterwire.files.sources import HEAD_BYTES, OpenedFile, Span
from rasterwire.files.stored_tiles import StoredTiles
from rasterwire.files.tile_folder import TileFolder
from rasterwire.image import Band, Image
from rasterwire.nodes.nodes import Stored
from rasterwire.pixels import Pixels, Window
from rasterwire.plan import Limits, make_plan
from rasterwire.plan.etag import etag_of
from rasterwire.plan.types import RenderPlan
from rasterwire.render.block import render_block
from rasterwire.render.computed import compute
from rasterwire.render.source import read
from rasterwire.render.stored import stored_tiles
from rasterwire.render.tiles import TileCache
from rasterwire.request import DownloadRequest, Format, GridSpec, Resampling

PLACE = Affine(10, 0, 499980, 0, -10, 4200000)
SIDE = 300


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """Seconds; versions are looked at again after some of them."""
    seconds = [0.0]
    monkeypatch.setattr("rasterwire.files.opened_files._clock", lambda: seconds[0])
    forget_files()
    yield seconds
    forget_files()


@pytest.fixture
def source() -> Iterator[MemorySource]:
    with memory_source() as source:
        yield source


def write(path: Path, bands: int = 1, dtype: str = "uint16", **profile: Any) -> Path:
    """Write a raster of noise, part of it nodata or masked."""
    chance = np.random.default_rng(3)
    data = chance.integers(1, 250, (bands, SIDE, SIDE)).astype(dtype)
    data[:, 40:90, 30:200] = 0
    masked, levels = profile.pop("masked", False), profile.pop("levels", [])
    points = profile.pop("points", False)
    options: dict[str, Any] = {"driver": "GTiff", "crs": "EPSG:32610", "transform": PLACE, "nodata": 0}
    if masked or points:
        del options["nodata"]
    if points:
        del options["transform"]
        options["gcps"] = [
            GroundControlPoint(row, col, 499980 + col * 10, 4200000 - row * 10)
            for row in (0, SIDE)
            for col in (0, SIDE)
        ]
    options |= {"width": SIDE, "height": SIDE, "count": bands, "dtype": dtype} | profile
    if options["driver"] == "JP2OpenJPEG":
        path = path.with_suffix(".jp2")  # by any other name it would be a codestream without a crs
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(path, "w", **options) as file:
        file.write(data)
        if masked:
            file.write_mask(data[0] > 0)
        if levels:
            file.build_overviews(levels)
    return path


TILED: dict[str, Any] = {"tiled": True, "blockxsize": 64, "blockysize": 64}

KINDS: dict[str, dict[str, Any]] = {
    "tiles": {"compress": "deflate", "predictor": 2, "levels": [2, 4], **TILED},
    "strips": {"compress": "lzw", "blockysize": 17},
    "uncompressed": {"bands": 3, "interleave": "pixel"},
    "planes": {"bands": 3, "interleave": "band", "compress": "zstd", **TILED},
    "bigtiff, big endian": {"bigtiff": "YES", "endianness": "BIG", "compress": "deflate", **TILED},
    "cog": {"driver": "COG", "compress": "deflate", "blocksize": 128},
    "floats": {"dtype": "float32", "compress": "deflate", "predictor": 3, **TILED},
    "mask": {"masked": True, "compress": "deflate", "bands": 3, "levels": [2], **TILED},
    "jpeg": {"dtype": "uint8", "compress": "jpeg", "bands": 3, "photometric": "ycbcr", "levels": [2], **TILED},
    "jpeg 2000": {"driver": "JP2OpenJPEG", "quality": "100", "reversible": "yes", "blockxsize": 64, "blockysize": 64},
    "control points": {"points": True, "compress": "deflate", **TILED},
    "64 bits": {"dtype": "int64", "nodata": 2**60 + 1, "compress": "deflate", **TILED},
    "sparse": {"sparse_ok": True, "compress": "deflate", "dtype": "uint8", **TILED},
}


def image_of(href: str) -> Image:
    """Return the image of a file."""
    entry = Entry("a", "a", Naming.WHOLE_FILE, (Source("a", "a", href),))
    return Image("a", assemble(entry, [read_header(href)]))


def band_of(href: str) -> Band:
    return image_of(href).bands[0]


def plan_of(image: Image, resampling: Resampling | None = None) -> RenderPlan:
    """Return the plan of the image as it is stored, or on a grid of its own."""
    grid = GridSpec()
    if resampling is not None:
        crs, side = image.bands[0].placed.crs, 3 if resampling is Resampling.AVERAGE else 1.3
        grid = GridSpec(crs, PLACE @ Affine.translation(3.3, 5.2) @ Affine.scale(side, side), (90, 90))
    kernel = resampling or Resampling.NEAREST
    return make_plan(DownloadRequest("a", format=Format.NPY, grid=grid, resampling=kernel), image, Limits())


def pixels_of(plan: RenderPlan) -> list[Any]:
    """Return data and validity of all bands, from blocks."""
    raster = plan.rasters[0]
    height, width = (int(n) for n in raster.grid.shape)
    blocks: list[Pixels] = []
    for row in range(0, height, 70):
        blocks += render_block(raster, Window(row, 0, min(70, height - row), width))
    return [part for block in blocks for part in (block.data, block.valid)]


def assert_same(left: list[Any], right: list[Any]) -> None:
    assert len(left) == len(right)
    for one, other in zip(left, right, strict=True):
        np.testing.assert_array_equal(one, other)


RESAMPLINGS = [None, Resampling.NEAREST, Resampling.BILINEAR, Resampling.CUBIC_SPLINE, Resampling.AVERAGE]


@every("kind", KINDS)
def test_a_remote_file_gives_the_header_and_the_pixels_of_the_same_local_file(tmp_path: Path, kind: str) -> None:
    local = str(write(tmp_path / "a.tif", **KINDS[kind]))
    with memory_source() as source:
        href = source.put(f"{kind}/{tmp_path}", Path(local))
        header, expected = read_header(href), read_header(local)
        for field in fields(header):
            if field.name != "version":
                assert getattr(header, field.name) == getattr(expected, field.name), field.name
        assert header.version == source.objects[href][0]
        assert source.requests <= 2
        for resampling in RESAMPLINGS[: 3 if kind == "control points" else None]:
            image = image_of(href)
            plan, other = plan_of(image, resampling), plan_of(image_of(local), resampling)
            bands = [replace(band, source=band.stored) for band in plan.rasters[0].bands]
            names = [replace(b.stored, href="", version="") for b in bands]
            assert names == [replace(b.stored, href="", version="") for b in other.rasters[0].bands]
            assert_same(pixels_of(plan), pixels_of(other))


def test_a_plan_of_a_remote_file_has_another_etag_for_another_version(
    tmp_path: Path, source: MemorySource, clock: list[float]
) -> None:
    path = write(tmp_path / "a.tif", **KINDS["tiles"])
    href = source.put("etag", path)
    first = plan_of(image_of(href))
    assert etag_of(first) == etag_of(plan_of(image_of(href)))
    source.put("etag", path)
    clock[0] += 31
    assert etag_of(first) != etag_of(plan_of(image_of(href)))


def test_a_version_is_looked_at_again_after_a_while_or_when_the_source_refuses_it(
    tmp_path: Path, source: MemorySource, clock: list[float]
) -> None:
    path = write(tmp_path / "a.tif", **KINDS["tiles"])
    href = source.put("fresh", path)
    for seconds, requests in ((0, 1), (29, 1), (2, 2), (29, 2)):
        clock[0] += seconds
        first = read_header(href)
        assert len(source.opened) == requests
    band = band_of(href)
    source.put("fresh", path)
    assert read_header(href).version == first.version, "as it was shortly before"
    with pytest.raises(SourceUnavailable, match=REPLACED):
        read(band, None, 0, 200, (60, SIDE))
    assert read_header(href).version != first.version, "at once, since the source refused the old one"


def test_files_are_opened_at_the_same_time_and_each_once(tmp_path: Path, source: MemorySource) -> None:
    path = write(tmp_path / "a.tif", **KINDS["tiles"])
    hrefs = [source.put(f"ahead-{number}", path) for number in range(19)]
    started = threading.Barrier(4, timeout=30)  # broken unless four are opened at once
    opened = source.open

    def together(href: str) -> OpenedFile:
        started.wait()
        return opened(href)

    source.open = together  # type: ignore[method-assign]
    errors = byte_reader.open_ahead([*hrefs, *hrefs, PREFIX + "missing"])
    assert {href: error.problem for href, error in errors.items()} == {PREFIX + "missing": "the file is missing"}
    assert not byte_reader.open_ahead(hrefs)
    assert sorted(source.opened) == sorted([*hrefs, PREFIX + "missing"])
    source.open = opened  # type: ignore[method-assign]
    assert {read_header(href).version for href in hrefs} == {source.objects[href][0] for href in hrefs}
    assert len(source.opened) == 20
    with pytest.raises(SourceUnavailable, match="the file is missing"):
        read_header(PREFIX + "missing")


def test_files_that_cannot_be_opened_are_tried_once_for_an_image(tmp_path: Path, source: MemorySource) -> None:
    there = source.put("there", write(tmp_path / "a.tif", **KINDS["tiles"]))
    names = ["b", "a", "there"]
    sources = tuple(Source(name, name, PREFIX + name) for name in names)
    entry = Entry("image", "image.json", Naming.ASSETS, sources)
    image = ImageReader(lambda href, _: read_header(href)).image(entry)
    assert [band.href for band in image.bands] == [there]
    assert image.unreadable == (("b", "the file is missing"), ("a", "the file is missing"))
    assert sorted(source.opened) == sorted(PREFIX + name for name in names)


def test_tiles_of_a_remote_file_are_handed_on_as_they_are(tmp_path: Path, source: MemorySource) -> None:
    path = write(tmp_path / "a.tif", compress="deflate", **TILED)
    href = source.put("handed-on", path)
    tiles = []
    for each in (str(path), href):
        request = DownloadRequest("a", format=Format.GEO_TIFF)
        raster = make_plan(request, image_of(each), Limits()).rasters[0]
        assert raster.tiling is not None
        tiles.append(stored_tiles(raster, Window(64, 0, 128, SIDE)))
    assert tiles[0] == tiles[1]


def large(tmp_path: Path, side: int = 2048, tile: int = 256) -> Path:
    """Write a COG of incompressible noise, 2 bytes a pixel."""
    data = np.random.default_rng(5).integers(0, 1 << 16, (side, side)).astype("uint16")
    options = {"width": side, "height": side, "count": 1, "dtype": "uint16", "crs": "EPSG:32610", "transform": PLACE}
    with rasterio.open(tmp_path / "l.tif", "w", driver="COG", compress="deflate", blocksize=tile, **options) as file:
        file.write(data, 1)
    return tmp_path / "l.tif"


def test_a_window_costs_few_requests_and_hardly_more_bytes_than_its_tiles(tmp_path: Path, source: MemorySource) -> None:
    path = large(tmp_path)
    href = source.put("large", path)
    band = band_of(href)
    assert (source.opened, source.ranges) == ([href], [])
    source.forget()
    expected = read(band_of(str(path)), None, 300, 300, (256, 256))
    np.testing.assert_array_equal(read(band, None, 300, 300, (256, 256)).data, expected.data)
    assert source.requests == 2, "two rows of tiles"
    source.forget()
    read(band, None, 300, 300, (256, 256))
    assert source.requests == 0, "again"
    read(band, None, 1024, 512, (1024, 1024))
    assert source.requests == 4, "a request for each row of tiles"
    assert sum(count for _, (_, count) in source.ranges) < 1.02 * 16 * 256 * 256 * 2
    spans = [span for _, span in source.ranges]
    assert len(spans) == len(set(spans))


def test_a_window_that_gdal_reads_is_fetched_together(tmp_path: Path, source: MemorySource) -> None:
    side = 2048
    data = np.random.default_rng(5).integers(0, 256, (3, side, side)).astype("uint8")
    options = {"width": side, "height": side, "count": 3, "dtype": "uint8", "crs": "EPSG:32610", "transform": PLACE}
    path = tmp_path / "j.tif"
    with (
        rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True),
        rasterio.open(path, "w", compress="jpeg", photometric="ycbcr", interleave="pixel", **options, **TILED) as file,
    ):
        file.write(data)
        file.write_mask(data[0] > 5)
    band = band_of(source.put("jpeg", path))
    source.forget()
    pixels, expected = (read(each, None, 512, 512, (512, 512)) for each in (band, band_of(str(path))))
    np.testing.assert_array_equal(pixels.data, expected.data)
    np.testing.assert_array_equal(pixels.valid, expected.valid)
    assert source.requests <= 10, "not one for each of 128 tiles"


def test_bands_of_a_computation_are_fetched_while_others_are_read(tmp_path: Path, source: MemorySource) -> None:
    path = write(tmp_path / "a.tif", compress="deflate", **TILED)
    bands = [band_of(source.put(f"scene-{number}", path)) for number in range(12)]
    fetched = threading.Barrier(4, timeout=30)  # broken unless four are fetched at once
    read_now = source.read

    def together(file: OpenedFile, spans: Sequence[Span]) -> list[bytes]:
        fetched.wait()
        return read_now(file, spans)

    source.read = together  # type: ignore[method-assign]
    source.forget()
    pixels = compute([Stored(band) for band in bands], bands[0].grid, Window(0, 0, SIDE, SIDE))
    expected = read(band_of(str(path)), None, 0, 0, (SIDE, SIDE)).data
    assert_same([each.data for each in pixels], [expected] * 12)
    assert len({href for href, _ in source.ranges}) == len(source.ranges) == 12, "each once"


def test_a_header_beyond_the_first_bytes_costs_few_requests(tmp_path: Path, source: MemorySource) -> None:
    options = {"interleave": "band", "compress": "deflate", "bigtiff": "YES"}
    path = write(tmp_path / "a.tif", 200, blockysize=1, **options)
    href = source.put("long", path)
    header = read_header(href)
    assert len(header.bands) == 200
    assert path.stat().st_size > 10 * HEAD_BYTES
    assert len(source.opened) == 1
    assert len(source.ranges) <= 8


def test_a_band_of_an_earlier_process_costs_one_request_more(tmp_path: Path, source: MemorySource) -> None:
    href = source.put("earlier", write(tmp_path / "a.tif", **KINDS["tiles"]))
    band = band_of(href)
    forget_files()
    source.forget()
    assert read(band, None, 0, 0, (60, 60)).data.any()
    assert source.opened == [href]
    assert len(source.ranges) == 1, "the directory of an overview after the pixels; the first tiles came with the head"


def forget_files() -> None:
    """Forget what a process has read, as a new process would."""
    byte_reader._remote_files.clear()
    byte_reader.forget_tiles()
    byte_reader._blocks._blocks.clear()
    tiff_file._files.clear()
    tiff_file._remote_files.clear()


@every("kind", ["tiles", "strips", "mask", "jpeg", "jpeg 2000"])
def test_a_file_that_was_replaced_is_an_error_and_never_a_mixture(tmp_path: Path, kind: str) -> None:
    path = write(tmp_path / "a.tif", **KINDS[kind])
    with memory_source() as source:
        href = source.put(f"replaced/{tmp_path}", path)
        band = band_of(href)
        forget_files_but_readers()
        source.put(f"replaced/{tmp_path}", path)
        with pytest.raises(SourceUnavailable, match=REPLACED) as caught:
            read(band, None, 0, 0, (SIDE, SIDE))
        assert caught.value.band == band.name
        forget_files()
        with pytest.raises(SourceUnavailable, match="the file changed since the request was planned; ask again"):
            read(band, None, 0, 0, (60, 60))
        assert_same(
            [read(band_of(href), None, 0, 0, (60, 60)).data], [read(band_of(str(path)), None, 0, 0, (60, 60)).data]
        )


def forget_files_but_readers() -> None:
    """Forget bytes, so that they are read again in the version that was opened."""
    byte_reader.forget_tiles()
    byte_reader._blocks._blocks.clear()


def cut_short(source: MemorySource) -> None:
    source.cut_after = 100


def refuse(source: MemorySource) -> None:
    source.refusal = "its server answered with an error"


@every("kind", ["tiles", "mask", "jpeg", "jpeg 2000"])
@every(
    ("fail", "problem"), [(cut_short, "fewer bytes than the file has"), (refuse, "its server answered with an error")]
)
def test_the_error_of_a_source_is_told_in_place_of_what_a_library_makes_of_it(
    tmp_path: Path, kind: str, fail: Callable[[MemorySource], None], problem: str
) -> None:
    path = write(tmp_path / "a.tif", **KINDS[kind])
    for resampling in (None, Resampling.CUBIC_SPLINE):
        with memory_source() as source:
            href = source.put(f"fails/{tmp_path}/{resampling}", path)
            plan = plan_of(image_of(href), resampling)
            forget_files_but_readers()
            fail(source)
            with pytest.raises(SourceUnavailable, match=problem) as caught:
                pixels_of(plan)
            assert caught.value.band
            assert href not in str(caught.value)
            # and what failed is not kept
            source.cut_after, source.refusal = None, ""
            assert_same(pixels_of(plan), pixels_of(plan_of(image_of(str(path)), resampling)))


@every("kind", ["tiles", "jpeg 2000"])
def test_a_header_whose_source_fails_is_not_taken_for_another_one(tmp_path: Path, kind: str) -> None:
    path = write(tmp_path / "a.tif", **KINDS[kind])
    content = path.read_bytes()
    with memory_source() as source:
        href = source.put(f"header/{tmp_path}", content)
        opened = source.open
        source.refusal = "its server answered with an error"
        source.open = lambda href: replace(opened(href), head=b"")  # type: ignore[method-assign]
        with pytest.raises(SourceUnavailable, match="its server answered with an error"):
            read_header(href)


def test_a_truncated_remote_file_is_refused_like_a_local_one(tmp_path: Path, source: MemorySource) -> None:
    for kind in ("tiles", "strips", "jpeg 2000"):
        content = write(tmp_path / "a.tif", **KINDS[kind]).read_bytes()
        half = tmp_path / "half"
        half.write_bytes(content[: len(content) // 2])
        with pytest.raises(SourceUnavailable) as local:
            read_header(str(half))
        with pytest.raises(SourceUnavailable) as remote:
            read_header(source.put(f"truncated {kind}", half))
        assert remote.value.problem == local.value.problem


def test_addresses_without_a_source_are_refused(source: MemorySource) -> None:
    del source
    for href in ("https://elsewhere.example.org/a.tif", "/vsicurl/https://elsewhere.example.org/a.tif", "a.tif"):
        with pytest.raises(SourceUnavailable):
            read_header(href)


def test_tiles_are_kept_in_a_folder_for_other_processes(
    tmp_path: Path, source: MemorySource, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "a.tif", compress="deflate", **TILED)
    href = source.put("kept", path)
    folder = tmp_path / "kept"
    monkeypatch.setattr(byte_reader._tiles, "folder", TileFolder(folder, 1 << 30))
    band = band_of(href)
    expected = read(band, None, 0, 0, (SIDE, SIDE)).data
    wait_for_writer()
    kept = sorted(folder.glob("??/*"))
    assert len(kept) == 25
    assert {file.stat().st_mode & 0o777 for file in kept} == {0o600}
    # the first tiles come with the header, so only one that lies behind them must be fetched again
    content = path.read_bytes()
    kept.sort(key=lambda file: content.index(file.read_bytes()[-200:]))
    source.forget()
    for damaged in (None, b"", b"damaged", kept[0].read_bytes()):
        forget_files()
        monkeypatch.setattr("rasterwire.render.source._tiles", TileCache(24 << 20))
        if damaged is not None:
            kept[-1].write_bytes(damaged)
        np.testing.assert_array_equal(read(band, None, 0, 0, (SIDE, SIDE)).data, expected)
        assert len(source.ranges) == (damaged is not None)
        source.forget()
        wait_for_writer()
    assert kept[-1].stat().st_size > 100, "the damaged tile was fetched again and kept"


def test_tiles_are_written_while_others_are_fetched_only_where_many_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored_tiles_module, "_MAX_WAITING", 100)
    monkeypatch.setattr(stored_tiles_module, "_QUIET_SECONDS", 3600.0)
    written: queue.Queue[list[Span]] = queue.Queue()

    class Folder(TileFolder):
        def put(self, file: tuple[str, str], tiles: Mapping[Span, bytes]) -> None:
            super().put(file, tiles)
            written.put(list(tiles))

    tiles = StoredTiles(1 << 20)
    tiles.folder = Folder(tmp_path, 1 << 30)
    file = "memory://a", "1"
    begins, may_end = threading.Event(), threading.Event()

    def bytes_of(spans: Sequence[Span]) -> list[bytes]:
        return [bytes(count) for _, count in spans]

    def slow(spans: Sequence[Span]) -> list[bytes]:
        begins.set()
        assert may_end.wait(30)
        return bytes_of(spans)

    fetching = threading.Thread(target=lambda: tiles.fetch(file, [(0, 5)], slow))
    fetching.start()
    assert begins.wait(30)
    for size in (10, 20, 30):
        tiles.fetch(file, [(0, size)], bytes_of)
    assert written.get(timeout=30) == [(0, 10)], "when 60 of 100 bytes wait"
    assert written.empty()
    monkeypatch.setattr(stored_tiles_module, "_QUIET_SECONDS", 0.0)
    may_end.set()
    fetching.join()
    tiles.fetch(file, [(0, 1)], bytes_of)  # wakes the writer
    assert [written.get(timeout=30) for _ in range(4)] == [[(0, 20)], [(0, 30)], [(0, 5)], [(0, 1)]]


def wait_for_writer() -> None:
    """Wait until all tiles are written that were fetched."""
    stored_tiles_module._writer().submit(int).result()


def test_the_folder_of_tiles_drops_those_that_were_used_longest_ago(tmp_path: Path) -> None:
    file = "memory://a", "1"
    for number in range(40):
        TileFolder(tmp_path, 40_000).put(file, {(number, 5_000): bytes([number]) * 5_000})
    kept = [number for number in range(40) if TileFolder(tmp_path, 40_000).get(file, (number, 5_000)) is not None]
    assert 5 <= len(kept) <= 8
    assert kept[-1] == 39
