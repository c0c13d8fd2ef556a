"""Headers with cycles, billions of values or thousands of bands: the work is limited."""

import json
import struct
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.io import DatasetReader

from rasterwire.catalog import header
from rasterwire.catalog.folder import FolderCatalog
from rasterwire.errors import SourceUnavailable
from rasterwire.files.raster_file import open_raster
from rasterwire.image import Image
from rasterwire.query import Query
from rasterwire.render.source import read

SIDE = 16
PIXELS = np.random.default_rng(1).integers(1, 255, (SIDE, SIDE)).astype("uint8")
LONG = 4
Entry = tuple[int, int, int, int]
"""Tag, type, count, value or place."""


class TooMuchWork(BaseException):
    """Raised after more calls than a header may cost. No code under test catches it."""


def calls_of(work: Callable[[], Any], most: int = 20_000_000) -> int:
    """Return the number of function calls of some work; raise TooMuchWork above a limit."""
    calls = 0

    def count(_frame: FrameType, event: str, _arg: object) -> None:
        nonlocal calls
        calls += event in {"call", "c_call"}
        if calls > most:
            sys.setprofile(None)
            raise TooMuchWork

    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(None)
    return calls


def entries_of(offset: int, *extra: Entry) -> list[Entry]:
    """Return the entries of an image with one byte a pixel, stored at an offset in one strip."""
    usual = [
        (256, SIDE),
        (257, SIDE),
        (258, 8),
        (259, 1),
        (262, 1),
        (273, offset),
        (277, 1),
        (278, SIDE),
        (279, SIDE * SIDE),
    ]
    entries = {tag: (tag, LONG, 1, value) for tag, value in usual} | {entry[0]: entry for entry in extra}
    return sorted(entries.values())


def tiff(
    directories: Sequence[Sequence[Entry]], after: dict[int, int], *, order: str = "<", big: bool = False
) -> bytes:
    """Return a file of directories in a chain.

    Args:
        directories: of entries.
        after: by number of a directory, the number of its next one, where that is not the following one.
        order: of bytes.
        big: whether it is a BigTIFF.
    """
    head, number, form, link = (16, "Q", "HHQQ", "Q") if big else (8, "H", "HHII", "I")
    starts, offset = [], head + SIDE * SIDE
    for entries in directories:
        starts.append(offset)
        offset += struct.calcsize(order + number) + len(entries) * struct.calcsize(order + form) + struct.calcsize(link)
    mark = b"II" if order == "<" else b"MM"
    out = [mark, struct.pack(order + ("HHHQ" if big else "HI"), *((43, 8, 0) if big else (42,)), starts[0])]
    out.append(PIXELS.tobytes())
    for index, entries in enumerate(directories):
        out.append(struct.pack(order + number, len(entries)))
        for tag, kind, count, content in entries:
            # a value is at the start of its field
            value = content << 32 if big and order == ">" and (kind, count) == (LONG, 1) else content
            out.append(struct.pack(order + form, tag, kind, count, value))
        default = index + 1 if index + 1 < len(directories) else None
        following = after.get(index, default)
        out.append(struct.pack(order + link, 0 if following is None else starts[following]))
    return b"".join(out)


def image_of(folder: Path) -> Image:
    """Return the image of a file ``a.tif``; check the work."""
    images: list[Image] = []
    calls_of(lambda: images.append(FolderCatalog(folder).get("a")))
    return images[0]


ORDERS = [("<", False), (">", False), ("<", True), (">", True)]
STARTS = {False: 8, True: 16}


@pytest.mark.parametrize(("order", "big"), ORDERS)
def test_directories_in_a_circle_give_the_pixels_gdal_reads(tmp_path: Path, order: str, big: bool) -> None:
    offset = STARTS[big]
    reduced = (254, LONG, 1, 1)
    circles: dict[str, tuple[int, dict[int, int]]] = {
        "itself": (1, {0: 0}),
        "a pair": (2, {1: 0}),
        "a tail that bites itself": (3, {2: 2}),
        "a circle behind the first": (4, {3: 1}),
    }
    if not big and order == "<":
        circles |= {"later than others look": (150, {149: 148}), "back to the first from afar": (150, {149: 0})}
    for name, (length, after) in circles.items():
        for extra in ((), (reduced,)):
            chain = [entries_of(offset), *(entries_of(offset, *extra) for _ in range(length - 1))]
            path = tmp_path / "a.tif"
            path.write_bytes(tiff(chain, after, order=order, big=big))
            (band,) = image_of(tmp_path).bands
            with rasterio.open(path) as file:
                np.testing.assert_array_equal(file.read(1), PIXELS, name)
            np.testing.assert_array_equal(read(band, overview=None, col=0, row=0, size=(SIDE, SIDE)).data, PIXELS, name)


def test_directories_beside_the_chain_that_name_themselves_are_not_followed(tmp_path: Path) -> None:
    start = STARTS[False] + SIDE * SIDE
    for tag in (330, 34665, 34853, 40965):  # SubIFDs, Exif, GPS, interoperability
        for kind in (LONG, 13):
            (tmp_path / "a.tif").write_bytes(tiff([entries_of(8, (tag, kind, 1, start))], {}))
            (band,) = image_of(tmp_path).bands
            np.testing.assert_array_equal(
                read(band, overview=None, col=0, row=0, size=(SIDE, SIDE)).data, PIXELS, str(tag)
            )


def test_more_directories_than_a_header_is_worth_are_refused_with_the_number(tmp_path: Path) -> None:
    for length, is_served in ((2048, True), (2049, False)):
        (tmp_path / "a.tif").write_bytes(tiff([entries_of(8)] * length, {}))
        if is_served:
            assert image_of(tmp_path).bands[0].grid.shape == (SIDE, SIDE)
            continue
        with pytest.raises(SourceUnavailable, match="more than 2048 pages"):
            image_of(tmp_path)


def test_a_bad_file_fails_its_own_request_only(tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_bytes(tiff([entries_of(8)] * 3000, {}))
    (tmp_path / "b.tif").write_bytes(tiff([entries_of(8)], {}))
    catalog = FolderCatalog(tmp_path)
    assert [image.id for image in catalog.find(Query()).images] == ["a", "b"]
    with pytest.raises(SourceUnavailable) as raised:
        catalog.get("a")
    assert (raised.value.image_id, raised.value.band) == ("a", "a")
    assert catalog.get("b").bands


@pytest.mark.parametrize(("order", "big"), [ORDERS[0], ORDERS[3]])
def test_claimed_counts_take_no_memory(tmp_path: Path, order: str, big: bool) -> None:
    offset = STARTS[big]
    most = (1 << 62) if big else (1 << 32) - 1
    claims = [
        (tag, kind, count, place)
        for tag in (258, 273, 279, 320, 339, 42112, 34735, 33550)
        for kind in (2, 3, LONG, 12)
        for count in ((1 << 31) + 1, most)
        for place in (offset, 1 << 30)
    ]
    paths = [tmp_path / str(number) / "a.tif" for number in range(len(claims))]
    for path, claim in zip(paths, claims, strict=True):
        path.parent.mkdir()
        path.write_bytes(tiff([entries_of(offset, claim)], {}, order=order, big=big))
    read_by_process = memory_and_pixels(paths)
    for path, claim, (peak, pixels) in zip(paths, claims, read_by_process, strict=True):
        assert peak < 16 << 20, claim
        if pixels is not None:
            with rasterio.open(path) as file:
                np.testing.assert_array_equal(file.read(1), pixels, str(claim))
    assert 0 < sum(pixels is None for _, pixels in read_by_process) < len(claims)


def memory_and_pixels(paths: Sequence[Path]) -> list[tuple[int, list[list[int]] | None]]:
    """Return the peak of memory of a read of each file, and its pixels, None of one that is refused."""
    script = Path(__file__).with_name("memory_of_reads.py")
    command = [sys.executable, str(script), *(str(path.parent) for path in paths)]
    lines = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout.splitlines()
    return [(peak, pixels) for peak, pixels in map(json.loads, lines)]


def test_values_that_lie_over_each_other_are_not_read_again_and_again(tmp_path: Path) -> None:
    many = [(50_000 + number, 1, 1 << 18, 8) for number in range(300)]
    content = tiff([entries_of(8, *many)], {})
    (tmp_path / "a.tif").write_bytes(content + bytes((1 << 18) + 64))
    ((peak, pixels),) = memory_and_pixels([tmp_path / "a.tif"])
    assert peak < 16 << 20
    np.testing.assert_array_equal(pixels, PIXELS)


def test_boxes_without_number_are_refused(tmp_path: Path) -> None:
    with rasterio.open(
        tmp_path / "a.jp2", "w", driver="JP2OpenJPEG", width=64, height=64, count=1, dtype="uint8"
    ) as file:
        file.write(np.ones((1, 64, 64), "uint8"))
    content = (tmp_path / "a.jp2").read_bytes()
    empty = struct.pack(">I4s", 8, b"free")
    for count, is_served in ((100, True), (5_000, False)):
        (tmp_path / "a.jp2").write_bytes(content[:12] + empty * count + content[12:])
        if is_served:
            assert len(image_of(tmp_path).bands) == 1
            continue
        with pytest.raises(SourceUnavailable, match="more than 4096 boxes"):
            image_of(tmp_path)


def many_bands(folder: Path, bands: int, description: str = "", **profile: Any) -> None:
    options = {"driver": "GTiff", "width": 16, "height": 16, "count": bands, "dtype": "uint8", "nodata": 3}
    with rasterio.open(folder / "a.tif", "w", **options, **profile) as file:
        file.write(np.ones((bands, 16, 16), "uint8"))
        if description:
            file.descriptions = [description] * bands


@pytest.mark.parametrize("interleave", ["pixel", "band"])
def test_the_work_of_a_header_grows_with_its_bands_and_no_faster(tmp_path: Path, interleave: str) -> None:
    for description in ("", "the same for all"):
        calls = []
        for bands in (100, 200, 400):
            many_bands(tmp_path, bands, description, interleave=interleave)
            calls.append(calls_of(lambda: FolderCatalog(tmp_path).get("a")))
        once, twice = calls[1] - calls[0], calls[2] - calls[1]
        assert twice < 2.2 * once, (calls, description)


def test_each_property_of_a_raster_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    many_bands(tmp_path, 50)
    reads: Counter[str] = Counter()
    properties = ("nodatavals", "mask_flag_enums", "scales", "offsets", "units", "block_shapes")

    class Counting:
        def __init__(self, raster: DatasetReader) -> None:
            self._raster = raster

        def __getattr__(self, name: str) -> Any:
            reads[name] += 1
            return getattr(self._raster, name)

    @contextmanager
    def counted(*args: Any, alone: bool = False) -> Any:
        with open_raster(*args, alone=alone) as raster:
            yield Counting(raster)

    monkeypatch.setattr(header, "open_raster", counted)
    assert len(FolderCatalog(tmp_path).get("a").bands) == 50
    for name in properties:
        assert reads[name] <= 2, (name, reads[name])
    assert reads["nodatavals"] > 0


def test_lists_of_tiles_that_are_too_short_for_the_image_are_refused(tmp_path: Path) -> None:
    for rows, is_served in ((SIDE, True), (SIDE // 2, False)):
        (tmp_path / "a.tif").write_bytes(tiff([entries_of(8, (278, LONG, 1, rows))], {}))
        if is_served:
            assert image_of(tmp_path).bands
            continue
        with pytest.raises(SourceUnavailable, match="too short for its size"):
            image_of(tmp_path)


def test_more_bands_than_a_header_is_worth_are_refused_with_the_number(tmp_path: Path) -> None:
    size = {"width": 16, "height": 16, "count": 16_385, "dtype": "uint8"}
    with rasterio.open(tmp_path / "a.tif", "w", driver="GTiff", SPARSE_OK=True, interleave="pixel", **size):
        pass
    with pytest.raises(SourceUnavailable, match="more than 16384 bands"):
        image_of(tmp_path)


def test_blocks_that_take_too_much_memory_are_refused(tmp_path: Path) -> None:
    size = {"width": 512, "height": 512, "blockxsize": 512, "blockysize": 512, "count": 2_000, "dtype": "uint8"}
    options = {"driver": "GTiff", "SPARSE_OK": True, "tiled": True, "interleave": "pixel"}
    with rasterio.open(tmp_path / "a.tif", "w", **size, **options):
        pass
    with pytest.raises(SourceUnavailable, match="more than 256 MB of memory"):
        image_of(tmp_path)
