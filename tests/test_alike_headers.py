"""Headers of files whose directories say the same are read by GDAL once, and are what GDAL says of each."""

import struct
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import tifffile
from rasterio.control import GroundControlPoint
from rasterio.enums import ColorInterp
from rasterio.io import DatasetWriter
from rasterio.rpc import RPC
from rasterio.transform import from_origin

from cases import every
from rasterwire.catalog import header
from rasterwire.catalog.header import Header, read_header
from rasterwire.errors import SourceUnavailable
from rasterwire.files import tiff_directories
from rasterwire.files.byte_reader import ByteReader, open_reader
from rasterwire.files.tiff_directories import Directories, directories_of, walk

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")

PLACE = {"crs": "EPSG:32633", "transform": from_origin(500000, 5000000, 10, 10)}
TILED = {"tiled": True, "blockxsize": 64, "blockysize": 64, "compress": "deflate"}
KINDS: dict[str, dict[str, Any]] = {
    "tiles": {**PLACE, **TILED, "nodata": 7},
    "strips": {**PLACE, "compress": "lzw", "dtype": "float32", "predictor": 3},
    "planes": {**PLACE, **TILED, "count": 3, "interleave": "band"},
    "pixels": {**PLACE, **TILED, "count": 3, "interleave": "pixel", "dtype": "uint8", "photometric": "RGB"},
    "large": {**PLACE, **TILED, "BIGTIFF": "YES"},
    "other order": {**PLACE, **TILED, "ENDIANNESS": "BIG"},
    "unplaced": {**TILED},
    "whole numbers": {**PLACE, **TILED, "dtype": "int64", "nodata": -(2**53) - 1},
}


@pytest.fixture(autouse=True)
def _unknown() -> Iterator[None]:
    forget()
    yield
    forget()


def forget() -> None:
    header._described._values.clear()


Change = Callable[[DatasetWriter], object]


def write(path: Path, seed: int, options: dict[str, Any], change: Change, levels: Sequence[int] = ()) -> None:
    """Write a file of 200 x 150 pixels, which differ by the seed; it is changed before its pixels are written."""
    shape = {"driver": "GTiff", "width": 200, "height": 150, "count": 1, "dtype": "uint16", **options}
    pixels = np.random.default_rng(seed).integers(1, 100, (shape["count"], 150, 200))
    with rasterio.open(path, "w", **shape) as file:
        change(file)
        file.write(pixels.astype(shape["dtype"]))
    if levels:
        with rasterio.open(path, "r+") as file:
            file.build_overviews(levels)


def _described(file: DatasetWriter) -> None:
    file.update_tags(SENSOR="A", AREA_OR_POINT="Point")
    file.update_tags(1, WAVELENGTH="665")
    file.set_band_description(1, "red")
    file.scales, file.offsets, file.units = [0.5] * file.count, [2.0] * file.count, ["m"] * file.count


def pair(folder: Path, options: dict[str, Any]) -> list[str]:
    """Return two files of equal kinds with different pixels."""
    paths = [folder / f"{seed}.tif" for seed in range(2)]
    for seed, path in enumerate(paths):
        write(path, seed, options, _described, (2, 4))
    return [str(path) for path in paths]


def by_gdal(href: str) -> Header:
    forget()
    result = read_header(href)
    forget()
    return result


@every("kind", KINDS)
def test_a_file_like_another_one_has_the_header_that_gdal_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    first, second = pair(tmp_path, KINDS[kind])
    expected = by_gdal(second)
    assert expected.bands[0].description == "red"
    assert expected.overviews
    assert read_header(first).plain

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("GDAL was asked")

    monkeypatch.setattr(header, "open_raster", refuse)
    assert read_header(second) == expected


def _transform(file: DatasetWriter) -> None:
    file.transform = from_origin(500010, 5000000, 10, 10)


def _palette(file: DatasetWriter) -> None:
    file.write_colormap(1, {0: (1, 2, 3, 255)})


def _color(file: DatasetWriter) -> None:
    file.colorinterp = [ColorInterp.undefined]


def _points(file: DatasetWriter) -> None:
    file.gcps = [GroundControlPoint(r, c, c, -r) for r, c in ((0, 0), (0, 9), (9, 0), (9, 9))], PLACE["crs"]


def _rpcs(file: DatasetWriter) -> None:
    numbers = [1.0] * 20
    file.rpcs = RPC(0, 1, 5, 1, numbers, numbers, 0, 1, 5, 1, numbers, numbers, 0, 1)


CHANGES: dict[str, Change] = {
    "transform": _transform,
    "crs": lambda file: setattr(file, "crs", "EPSG:32634"),
    "nodata": lambda file: setattr(file, "nodata", 9),
    "description": lambda file: file.set_band_description(1, "green"),
    "item": lambda file: file.update_tags(SENSOR="B"),
    "scale": lambda file: setattr(file, "scales", [0.25]),
    "unit": lambda file: setattr(file, "units", ["K"]),
    "palette": _palette,
    "color": _color,
    "points": _points,
    "rpcs": _rpcs,
    "nothing": lambda _: None,
}


@every(("change", "levels"), [*((change, ()) for change in CHANGES), ("nothing", (2,))])
def test_a_file_that_says_anything_else_has_a_header_of_its_own(
    tmp_path: Path, change: str, levels: Sequence[int]
) -> None:
    first, second = (tmp_path / name for name in ("first.tif", "second.tif"))
    options = {**PLACE, **TILED, "dtype": "uint8"}
    write(first, 1, options, CHANGES["nothing"])
    write(second, 2, options, CHANGES[change], levels)
    expected = by_gdal(str(second))
    assert read_header(str(first)).plain
    assert read_header(str(second)) == expected


def test_tiles_that_were_never_written_are_not_passed_through_though_the_file_is_like_another_one(
    tmp_path: Path,
) -> None:
    first, second = (tmp_path / name for name in ("first.tif", "second.tif"))
    for path, columns in ((first, 200), (second, 64)):
        shape = {"driver": "GTiff", "width": 200, "height": 150, "count": 1, "dtype": "uint8", "SPARSE_OK": True}
        with rasterio.open(path, "w", **shape, **PLACE, **TILED) as file:
            file.write(np.ones((1, 150, columns), "uint8"), window=((0, 150), (0, columns)))
    readers = [open_reader(str(path)) for path in (first, second)]
    assert len({walk(reader).description(reader) for reader in readers}) == 1
    assert read_header(str(first)).tiling is not None
    assert read_header(str(second)).tiling is None


def test_a_file_that_ends_early_is_refused_though_it_is_like_another_one(tmp_path: Path) -> None:
    first, second = pair(tmp_path, KINDS["tiles"])
    read_header(first)
    data = Path(second).read_bytes()
    reader = open_reader(second)
    end = max(directory.pixels_end(reader) for directory in walk(reader).chain)
    Path(second).write_bytes(data[: end - 1])
    with pytest.raises(SourceUnavailable):
        read_header(second)


def test_a_file_that_is_replaced_while_it_is_read_says_nothing_of_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, other = (tmp_path / f"{name}.tif" for name in ("first", "second", "other"))
    options = {**PLACE, **TILED, "dtype": "uint8"}
    write(first, 1, options, CHANGES["nothing"])
    write(second, 2, options, CHANGES["nothing"])
    write(other, 3, options, CHANGES["scale"])
    expected = by_gdal(str(second))
    by_gdal_of = header._by_gdal

    def replace_and_read(*arguments: Any) -> Header:
        if other.exists():
            other.replace(first)
        return by_gdal_of(*arguments)

    monkeypatch.setattr(header, "_by_gdal", replace_and_read)
    read_header(str(first))
    assert read_header(str(second)) == expected


def test_the_directories_of_a_version_are_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, other = tmp_path / "a.tif", tmp_path / "b.tif"
    for number, name in enumerate((path, other)):
        write(name, number, KINDS["tiles"], CHANGES["nothing"])
    files: list[str] = []

    def counted(reader: ByteReader) -> Directories:
        files.append(reader.href)
        return walk(reader)

    monkeypatch.setattr(tiff_directories, "walk", counted)
    first = read_header(str(path))
    assert files == [str(path)]
    assert read_header(str(other)).shape == first.shape
    assert files == [str(path), str(other)]
    tifffile.imwrite(path, np.zeros((64, 32), "uint8"))
    assert read_header(str(path)).shape == (64, 32)
    assert files == [str(path), str(other), str(path)]


def test_directories_of_many_entries_are_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.tif"
    write(path, 1, KINDS["tiles"], CHANGES["nothing"])
    monkeypatch.setattr(tiff_directories, "_MAX_KEPT_ENTRIES", 3)
    reader = open_reader(str(path))
    assert directories_of(reader) is not directories_of(reader)


def description_of(path: Path) -> bytes:
    reader = open_reader(str(path))
    return walk(reader).description(reader)


def test_files_that_say_more_elsewhere_have_no_description(tmp_path: Path) -> None:
    plain, deep, long, repeated = (tmp_path / f"{name}.tif" for name in ("plain", "deep", "long", "repeated"))
    pixels = np.zeros((64, 64), "uint8")
    tifffile.imwrite(plain, pixels)
    with tifffile.TiffWriter(deep) as writer:
        writer.write(pixels, subifds=1)
        writer.write(pixels[::2, ::2], subfiletype=1)
    tifffile.imwrite(long, pixels, extratags=[(65000, 2, 0, "x" * (1 << 16), True)])
    data = bytearray(plain.read_bytes())
    (directory,) = struct.unpack("<I", data[4:8])
    (count,) = struct.unpack("<H", data[directory : directory + 2])
    last = directory + 2 + 12 * (count - 1)
    data[last : last + 2] = data[last - 12 : last - 10]  # the tag before
    repeated.write_bytes(data)
    assert description_of(plain)
    assert not any(map(description_of, (deep, long, repeated)))
