"""Links that are put in the place of a file while it is opened: no file is read but the one that was looked at.

The swap is made at the worst time: after all checks, just before a library or the server opens the file.
"""

import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import zarr

from array_files import coordinates, dataset
from rasterwire.catalog import header
from rasterwire.catalog.document import read_document
from rasterwire.catalog.folder import FolderCatalog
from rasterwire.catalog.header import Header, read_header
from rasterwire.catalog.kept import Kept
from rasterwire.errors import SourceUnavailable
from rasterwire.files import regular_file
from rasterwire.files.arrays import hdf5_file, object_reader, opened
from rasterwire.files.byte_reader import open_reader
from rasterwire.render.source import read
from small_files import SMALL_FILES, pixels

SECRET = 77


def swap(path: Path, target: Path) -> None:
    """Put a link to a target in the place of a file or folder, as a writer of the folder can."""
    path.rename(path.with_name("moved"))
    path.symlink_to(target)


def before(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, act: Callable[[], None]) -> list[str]:
    """Do something once, just before a function is called; return what it was called with first."""
    function = getattr(owner, name)
    calls: list[str] = []

    def called(*arguments: Any, **options: Any) -> Any:
        if not calls:
            calls.append(str(arguments[0]))
            act()
        return function(*arguments, **options)

    monkeypatch.setattr(owner, name, called)
    return calls


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """Write a raster outside of the catalog's folder, all pixels of one value."""
    (tmp_path / "catalog").mkdir()
    path = tmp_path / "secret"
    size = {"width": 96, "height": 96, "count": 3, "dtype": "uint8"}
    with rasterio.open(path, "w", driver="GTiff", **size) as file:
        file.write(np.full((3, 96, 96), SECRET, "uint8"))
    return path


@pytest.mark.parametrize("name", ["tiles", "mask", "JPEG", "JPEG 2000, lossless"])
@pytest.mark.parametrize("is_header", [True, False])
def test_gdal_opens_the_file_that_was_looked_at(
    tmp_path: Path, secret: Path, monkeypatch: pytest.MonkeyPatch, name: str, is_header: bool
) -> None:
    small = next(small for small in SMALL_FILES if small.name == name)
    path = tmp_path / "catalog" / f"a{small.suffix}"
    small.write(path)
    with rasterio.open(path) as file:
        want = file.read(1)
    band = FolderCatalog(path.parent).get("a").bands[0]
    if is_header:
        monkeypatch.setattr(header, "_described", Kept[Header](1, math.inf))  # GDAL is asked, as for a first file
        calls = before(monkeypatch, rasterio, "open", lambda: swap(path, secret))
        assert read_header(str(path)).shape == want.shape
    elif band.plain:
        swap(path, secret)
        calls = [name]
        with pytest.raises(SourceUnavailable, match="changed"):
            read(band, None, 0, 0, (96, 96))
    else:
        calls = before(monkeypatch, rasterio, "open", lambda: swap(path, secret))
        with pytest.raises(SourceUnavailable, match="changed"):
            read(band, None, 0, 0, (96, 96))
    assert calls
    with pytest.raises(SourceUnavailable, match="a link"):
        open_reader(str(path))


def test_a_link_in_the_place_of_a_folder_is_seen(tmp_path: Path, secret: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inner = tmp_path / "catalog" / "inner"
    inner.mkdir()
    SMALL_FILES[0].write(inner / "secret")
    before(monkeypatch, os, "open", lambda: swap(inner, tmp_path))
    with pytest.raises(SourceUnavailable, match="a link"):
        open_reader(str(inner / "secret"))


def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.tif"
    SMALL_FILES[0].write(path)

    def replace() -> None:
        path.unlink()
        os.mkfifo(path)

    before(monkeypatch, os, "open", replace)
    with pytest.raises(SourceUnavailable, match="not a regular file"):
        open_reader(str(path))


def test_documents_that_a_link_leads_to_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "keys.json").write_text('{"key": 1}')
    path = tmp_path / "item.json"
    path.write_text("{}")
    before(monkeypatch, os, "open", lambda: swap(path, tmp_path / "keys.json"))
    with pytest.raises(ValueError, match="cannot be opened"):
        read_document(str(path))


def test_hdf5_opens_the_file_that_was_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "catalog").mkdir()
    path = tmp_path / "catalog" / "a.nc"
    dataset({"v": (("y", "x"), np.ones((4, 4), "uint8"))}, **coordinates(4, 4)).to_netcdf(path, engine="h5netcdf")
    other = tmp_path / "secret"
    other.write_bytes(b"no NetCDF")
    (array_format, version) = opened.array_format(str(path)), opened.array_version(str(path))
    names = before(monkeypatch, hdf5_file, "_all_variables", lambda: swap(path, other))
    assert array_format == "netcdf"
    assert opened.opened_layers(str(path), version).moments
    assert names
    assert str(path) not in names


def test_a_chunk_that_a_link_leads_to_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = tmp_path / "a.zarr"
    array = zarr.create_array(store, shape=(4, 4), chunks=(4, 4), dtype="u1", compressors=None, filters=None)
    array[:] = 1
    (tmp_path / "secret").write_bytes(bytes([SECRET]) * 16)
    (chunk,) = [path for path in store.rglob("*") if path.is_file() and path.name != "zarr.json"]
    reader = object_reader.FolderReader(str(store))
    key = str(chunk.relative_to(store))
    assert reader._read(key, None) == bytes([1]) * 16
    before(monkeypatch, object_reader, "open_regular", lambda: swap(chunk, tmp_path / "secret"))
    with pytest.raises(SourceUnavailable, match="cannot be read"):
        reader._read(key, None)


def test_where_the_system_tells_no_paths_the_path_is_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(regular_file, "_HAS_NAMES", False)
    path = tmp_path / "a.tif"
    SMALL_FILES[0].write(path)
    band = FolderCatalog(tmp_path).get("a").bands[0]
    np.testing.assert_array_equal(read(band, None, 0, 0, (96, 96)).data, pixels("uint8", 1)[0])
    (tmp_path / "link.tif").symlink_to(path)
    with pytest.raises(SourceUnavailable, match="a link"):
        open_reader(str(tmp_path / "link.tif"))
