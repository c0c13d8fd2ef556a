"""Chunks that decompress to far more than their metadata say, and other metadata that ask for too much."""

import json
import lzma
import shutil
import sys
import threading
import traceback
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import imagecodecs
import numcodecs
import numpy as np
import pytest
import zarr
import zstandard
from zarr.codecs import BloscCodec, GzipCodec, ZstdCodec

from array_files import coordinates, dataset, pixels, rendered
from rasterwire.catalog.folder import FolderCatalog
from rasterwire.errors import SourceUnavailable
from rasterwire.files.arrays import chunks
from rasterwire.files.arrays.hdf5_filters import Filter, problem_of_filters
from test_netcdf import write as write_netcdf
from test_zarr import write as write_zarr
from waiting import until

pytestmark = pytest.mark.filterwarnings("ignore::zarr.errors.ZarrUserWarning")

BOMB = bytes(64 << 20)
ARRAYS = str(Path(chunks.__file__).parent)

MOST = 8 << 20
"""Bytes of memory that a refused chunk may take."""


@contextmanager
def little_memory() -> Iterator[None]:
    tracemalloc.start()
    try:
        yield
        _, peak = tracemalloc.get_traced_memory()
    finally:
        until(is_nothing_decoded, True)  # Python crashes where tracing stops while another thread decompresses
        tracemalloc.stop()
    assert peak < MOST


def is_nothing_decoded() -> bool:
    """Return whether no thread decodes chunks: of several, the others go on when one is refused."""
    return not any(
        inner.f_code.co_filename.startswith(ARRAYS)
        for thread, frame in sys._current_frames().items()
        if thread != threading.get_ident()
        for inner, _ in traceback.walk_stack(frame)
    )


def store(path: Path, version: int, **encoding: Any) -> Path:
    data = dataset({"v": (("y", "x"), pixels((100, 120)))}, **coordinates(100, 120))
    return write_zarr(path, data, version, **encoding)


def chunk_of(path: Path) -> Path:
    return next(file for file in (path / "v").rglob("*") if file.is_file() and file.name in {"0", "0.0"})


def assert_refused(folder: Path) -> None:
    image = FolderCatalog(folder).get("a")
    with little_memory(), pytest.raises(SourceUnavailable, match="decompresses to more bytes"):
        rendered(image, "v")


V3: dict[str, tuple[Any, Callable[[bytes], bytes]]] = {
    "gzip": (GzipCodec(), numcodecs.GZip(1).encode),
    "zstd": (ZstdCodec(), numcodecs.Zstd(1).encode),
    "zstd of unknown length": (ZstdCodec(), zstandard.ZstdCompressor(1, write_content_size=False).compress),
    "blosc": (BloscCodec(cname="lz4"), numcodecs.Blosc("lz4", 1).encode),
}


@pytest.mark.parametrize("name", V3)
def test_a_chunk_of_zarr_3_gives_no_more_than_its_metadata_say(tmp_path: Path, name: str) -> None:
    codec, compress = V3[name]
    path = store(tmp_path / "a.zarr", 3, compressors=[codec])
    rendered(FolderCatalog(tmp_path).get("a"), "v")
    chunk_of(path).write_bytes(compress(BOMB))
    zarr.consolidate_metadata(path)
    assert_refused(tmp_path)


V2 = [
    numcodecs.GZip(1),
    numcodecs.Zlib(1),
    numcodecs.BZ2(1),
    numcodecs.LZMA(preset=0),
    numcodecs.LZMA(lzma.FORMAT_RAW, filters=[{"id": lzma.FILTER_LZMA2, "preset": 0}]),
    numcodecs.Zstd(1),
    numcodecs.Blosc("zstd", 1),
    numcodecs.LZ4(),
]


@pytest.mark.parametrize("codec", V2, ids=lambda codec: codec.codec_id)
@pytest.mark.parametrize("is_filtered", [False, True])
def test_a_chunk_of_zarr_2_gives_no_more_than_its_metadata_say(tmp_path: Path, codec: Any, is_filtered: bool) -> None:
    filters = [numcodecs.Delta("<u2")] if is_filtered else None
    path = store(tmp_path / "a.zarr", 2, compressors=[codec], filters=filters)
    rendered(FolderCatalog(tmp_path).get("a"), "v")
    chunk_of(path).write_bytes(codec.encode(BOMB))
    zarr.consolidate_metadata(path)
    assert_refused(tmp_path)


def test_a_chunk_within_a_shard_gives_no_more_than_its_metadata_say(tmp_path: Path) -> None:
    path = store(tmp_path / "a.zarr", 3, compressors=[GzipCodec()], shards=(100, 120))
    rendered(FolderCatalog(tmp_path).get("a"), "v")
    bomb = bytes(numcodecs.GZip(1).encode(BOMB))
    index = np.array([[0, len(bomb)]] * 4, "<u8").tobytes()
    with_checksum = bytes(numcodecs.checksum32.CRC32C(location="end").encode(np.frombuffer(index, "u1")))
    chunk_of(path).write_bytes(bomb + with_checksum)
    zarr.consolidate_metadata(path)
    assert_refused(tmp_path)


HDF5: dict[str, dict[str, Any]] = {
    "deflate": {"compression": "gzip"},
    "shuffle and deflate": {"compression": "gzip", "shuffle": True},
    "with a checksum": {"compression": "gzip", "shuffle": True, "fletcher32": True},
    "with an offset": {"compression": "gzip", "scaleoffset": 0},
}


@pytest.mark.parametrize("name", HDF5)
def test_a_chunk_of_hdf5_gives_no_more_than_its_metadata_say(tmp_path: Path, name: str) -> None:
    values = pixels((100, 120))
    with h5py.File(tmp_path / "a.nc", "w") as file:
        stored = file.create_dataset("v", data=values, chunks=(50, 60), **HDF5[name])
        for dimension, (axis, places) in enumerate(coordinates(100, 120).items()):
            file[axis] = places
            file[axis].make_scale(axis)
            stored.dims[dimension].attach_scale(file[axis])
    got, _ = rendered(FolderCatalog(tmp_path).get("a"), "v")
    assert np.array_equal(got.data, values)
    shutil.copy(tmp_path / "a.nc", tmp_path / "a.new")
    (tmp_path / "a.nc").unlink()
    with h5py.File(tmp_path / "a.new", "r+") as file:
        file["v"].id.write_direct_chunk((0, 0), zlib.compress(BOMB, 1) + bytes(4 if "fletcher32" in HDF5[name] else 0))
    shutil.copy(tmp_path / "a.new", tmp_path / "a.nc")
    assert_refused(tmp_path)


def with_filters(path: Path, filters: list[tuple[int, tuple[int, ...]]], itemsize: int = 2) -> None:
    """Write a dataset whose filters are these; nothing of it is stored."""
    properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    properties.set_chunk((50, 60))
    for code, settings in filters:
        properties.set_filter(code, h5py.h5z.FLAG_OPTIONAL, settings)
    with h5py.File(path, "w") as file:
        space = h5py.h5s.create_simple((100, 120))
        dtype = h5py.h5t.py_create(np.dtype(f"<u{itemsize}"))
        stored = h5py.Dataset(h5py.h5d.create(file.id, b"v", dtype, space, properties))
        for dimension, (axis, places) in enumerate(coordinates(100, 120).items()):
            file[axis] = places
            file[axis].make_scale(axis)
            stored.dims[dimension].attach_scale(file[axis])


@pytest.mark.parametrize(
    ("filters", "problem"),
    [
        ([(32015, (3,))], r"HDF5 filter 32015 \(Zstandard\), which is not read"),
        ([(2, (2,)), (32001, (2, 2, 2, 6000, 5, 1, 1))], r"HDF5 filter 32001 \(Blosc\), which is not read"),
        ([(60000, ())], "HDF5 filter 60000, which is not read"),
        ([(1, (1,)), (1, (1,))], "filtered again"),
        ([(1, (1,)), (32000, (4, 261, 6000))], "filtered again"),
    ],
)
def test_filters_that_cannot_be_bounded_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, filters: list[tuple[int, tuple[int, ...]]], problem: str
) -> None:
    monkeypatch.setattr(h5py.h5z, "filter_avail", lambda code: True)  # as if there were a plug-in
    with_filters(tmp_path / "a.nc", filters)
    with pytest.raises(SourceUnavailable, match=problem):
        rendered(FolderCatalog(tmp_path).get("a"), "v")


@pytest.mark.parametrize(
    "applied",
    [
        Filter(32000, (4, 261, 4_000_000_000)),
        Filter(6, (2, 0, 4_000_000_000, 0, 2, 0, 0, 0)),
        Filter(5, (8, 0, 2_000_000_000, 1, 2, 0, 16, 0)),
    ],
)
def test_filters_that_give_more_than_a_chunk_are_refused(applied: Filter) -> None:
    """The library sets these numbers itself where it makes a dataset."""
    assert "more bytes than a chunk has" in problem_of_filters([applied], 6000)
    settings = (*applied.settings[:2], 3000, *applied.settings[3:])
    assert not problem_of_filters([Filter(applied.code, settings)], 6000)


def test_chunks_of_lzf_are_read_and_give_no_more_than_their_metadata_say(tmp_path: Path) -> None:
    values = np.repeat(pixels((100, 1)), 120, axis=1)
    with h5py.File(tmp_path / "a.nc", "w") as file:
        stored = file.create_dataset("v", data=values, chunks=(50, 60), compression="lzf", fletcher32=True)
        for dimension, (axis, places) in enumerate(coordinates(100, 120).items()):
            file[axis] = places
            file[axis].make_scale(axis)
            stored.dims[dimension].attach_scale(file[axis])
    got, _ = rendered(FolderCatalog(tmp_path).get("a"), "v")
    assert np.array_equal(got.data, values)
    shutil.copy(tmp_path / "a.nc", tmp_path / "a.new")
    (tmp_path / "a.nc").unlink()
    with h5py.File(tmp_path / "a.new", "r+") as file:
        file["v"].id.write_direct_chunk((0, 0), imagecodecs.lzf_encode(BOMB) + bytes(4))
    shutil.copy(tmp_path / "a.new", tmp_path / "a.nc")
    with pytest.raises(SourceUnavailable, match="holds more bytes than it may"):
        rendered(FolderCatalog(tmp_path).get("a"), "v")


def test_chunks_of_hdf5_that_are_not_stored_have_the_fill_value_and_filters_may_be_left_out(tmp_path: Path) -> None:
    values = pixels((100, 120))
    file_path = write_netcdf(tmp_path / "a.nc", dataset({"v": (("y", "x"), values)}, **coordinates(100, 120)))
    with h5py.File(file_path, "r+") as file:
        part = values[:50, 60:].tobytes()
        file["v"].id.write_direct_chunk((0, 60), part, filter_mask=0b11)  # neither shuffled nor compressed
    with h5py.File(file_path) as file:
        expected = file["v"][:]
    got, _ = rendered(FolderCatalog(tmp_path).get("a"), "v")
    assert np.array_equal(got.data, expected)
    with h5py.File(tmp_path / "b.nc", "w") as file:
        stored = file.create_dataset("v", (100, 120), "i4", chunks=(50, 60), fillvalue=-5, compression="gzip")
        stored[60:, 70:] = 3
        for dimension, (axis, places) in enumerate(coordinates(100, 120).items()):
            file[axis] = places
            file[axis].make_scale(axis)
            stored.dims[dimension].attach_scale(file[axis])
        expected = stored[:]
    got, _ = rendered(FolderCatalog(tmp_path).get("b"), "v")
    assert np.array_equal(got.data, expected)
    assert (got.data == -5).any()


def test_a_block_in_very_many_chunks_is_refused_before_they_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(tmp_path / "a.zarr", 3)
    monkeypatch.setattr(chunks, "_MAX_CHUNKS", 3)
    with pytest.raises(SourceUnavailable, match="store it in larger chunks"):
        rendered(FolderCatalog(tmp_path).get("a"), "v")


def test_codecs_whose_output_cannot_be_bounded_are_refused(tmp_path: Path) -> None:
    path = store(tmp_path / "a.zarr", 2)
    zarr.consolidate_metadata(path)
    for document in (path / "v" / ".zarray", path / ".zmetadata"):
        text = json.loads(document.read_text())
        array = text if "chunks" in text else text["metadata"]["v/.zarray"]
        array |= {"compressor": None, "filters": [{"id": "packbits"}, {"id": "json2", "encoding": "utf-8"}]}
        document.write_text(json.dumps(text))
    with pytest.raises(SourceUnavailable, match=r"codec 'json2'|damaged"):
        FolderCatalog(tmp_path).get("a")


def test_variables_with_huge_names_or_very_many_dimensions_do_not_hide_the_others(tmp_path: Path) -> None:
    path = store(tmp_path / "a.zarr", 3)
    group = zarr.open_group(path)
    for name, extra in (("n" * 251, 0), ("deep", 31)):
        dimensions = [f"d{number}" for number in range(extra)]
        group.create_array(
            name, shape=(*(1,) * extra, 100, 120), dtype="u1", dimension_names=[*dimensions, "y", "x"], chunks="auto"
        )
    zarr.consolidate_metadata(path)
    image = FolderCatalog(tmp_path).get("a")
    assert [band.name for band in image.bands] == ["v"]
    assert [name for name, _ in image.unreadable] == ["deep", "n" * 60]
