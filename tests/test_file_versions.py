"""A replaced file gets another version, even with the same size and times."""

import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox

from rasterwire.catalog.folder import FolderCatalog
from rasterwire.errors import SourceUnavailable
from rasterwire.files.byte_reader import version_of
from rasterwire.image import Band
from rasterwire.pixels import Window
from rasterwire.plan import Limits, make_plan
from rasterwire.plan.types import BandPlan
from rasterwire.query import Query
from rasterwire.render.sampling import sampling_of
from rasterwire.render.source import read
from rasterwire.render.warp import warp
from rasterwire.request import DownloadRequest, Format, Resampling

PLACE = Affine(10, 0, 499980, 0, -10, 4200000)


def write(path: Path, value: int, **profile: Any) -> None:
    """Write a raster of one value; equal profiles give equal sizes."""
    options = {"width": 64, "height": 64, "count": 1, "dtype": "uint8", "crs": "EPSG:32610", "transform": PLACE}
    with rasterio.open(path, "w", driver="GTiff", **options, **profile) as file:
        file.write(np.full((1, 64, 64), value, "uint8"))


def over(path: Path, value: int, way: str, **profile: Any) -> None:
    """Replace a raster by one with the same size and modification time."""
    before = path.stat()
    replacement = path.with_suffix(".other")
    write(replacement, value, **profile)
    os.utime(replacement, ns=(before.st_atime_ns, before.st_mtime_ns))
    if way == "renamed":
        replacement.replace(path)
    else:
        shutil.copyfile(replacement, path)
        shutil.copystat(replacement, path)
        replacement.unlink()
    after = path.stat()
    assert (after.st_size, after.st_mtime_ns) == (before.st_size, before.st_mtime_ns)


PATHS: dict[str, dict[str, Any]] = {"tiles": {"compress": None}, "gdal": {"compress": "packbits"}}


def etag(image: Any) -> str:
    return make_plan(DownloadRequest("i", format=Format.NPY), image, Limits()).etag


@pytest.mark.parametrize("way", ["renamed", "overwritten"])
@pytest.mark.parametrize("path_kind", PATHS)
def test_a_raster_replaced_by_one_of_the_same_size_and_time_is_another_one(
    tmp_path: Path, path_kind: str, way: str
) -> None:
    path, profile = tmp_path / "i.tif", PATHS[path_kind]
    write(path, 1, **profile)
    catalog = FolderCatalog(tmp_path, refresh_seconds=0)
    old = catalog.get("i")
    assert old.bands[0].plain == (path_kind == "tiles")
    assert (read(old.bands[0], overview=None, col=0, row=0, size=(64, 64)).data == 1).all()
    over(path, 2, way, **profile)
    with pytest.raises(SourceUnavailable, match="changed"):
        read(old.bands[0], overview=None, col=0, row=0, size=(64, 64))
    new = catalog.get("i")
    assert (read(new.bands[0], overview=None, col=0, row=0, size=(64, 64)).data == 2).all()
    assert etag(new) != etag(old)


@pytest.mark.parametrize("way", ["renamed", "overwritten"])
def test_a_document_replaced_by_one_of_the_same_size_and_time_is_read_again(tmp_path: Path, way: str) -> None:
    (tmp_path / "scene").mkdir()
    write(tmp_path / "scene" / "a.tif", 1)
    document, replacement = tmp_path / "scene" / "asset.json", tmp_path / "other"
    document.write_text('{"type": "IMAGE", "id": "one"}')
    catalog = FolderCatalog(tmp_path, refresh_seconds=0)
    if catalog.find(Query()).images[0].id != "one":
        pytest.fail("the document is not what names the image")
    before = document.stat()
    replacement.write_text('{"type": "IMAGE", "id": "two"}')
    os.utime(replacement, ns=(before.st_atime_ns, before.st_mtime_ns))
    if way == "renamed":
        replacement.replace(document)
    else:
        shutil.copyfile(replacement, document)
        shutil.copystat(replacement, document)
    assert (document.stat().st_size, document.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    assert [image.id for image in catalog.find(Query()).images] == ["two"]


@pytest.mark.parametrize("reader", ["tiles", "gdal", "warp"])
def test_a_raster_replaced_while_it_is_opened_gives_no_pixels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reader: str
) -> None:
    path, profile = tmp_path / "i.tif", PATHS["gdal" if reader == "gdal" else "tiles"]
    write(path, 1, **profile)
    (band,) = FolderCatalog(tmp_path).get("i").bands
    module = f"rasterwire.render.{'warp' if reader == 'warp' else 'source'}"
    name = {"tiles": "opened_level", "gdal": "dataset", "warp": "dataset"}[reader]
    opened = getattr(__import__(module, fromlist=[name]), name)

    def opened_late(*args: Any, **kwargs: Any) -> Any:
        # as if the change came between stat and open
        monkeypatch.setattr(f"{module}.{name}", opened)
        result = opened(*args, **kwargs)
        over(path, 2, "overwritten", **profile)
        return result

    monkeypatch.setattr(f"{module}.{name}", opened_late)
    with pytest.raises(SourceUnavailable, match="changed"):
        _pixels(band, reader)


def _pixels(band: Band, reader: str) -> object:
    if reader != "warp":
        return read(band, overview=None, col=0, row=0, size=(64, 64))
    plan = BandPlan("a", band, band.dtype, band.nodata, 0, Resampling.SUM)
    grid = GeoBox((50, 60), PLACE @ Affine.rotation(10), CRS("EPSG:32610"))
    return warp(sampling_of(plan, grid), Window(0, 0, 50, 60))


def test_the_version_of_a_file_tells_what_is_known_of_it(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"abc")
    base = path.stat()
    fields = {"st_mtime_ns": 8, "st_ctime_ns": 9, "st_ino": 7, "st_size": 6}

    class Status:
        def __init__(self, **changed: int) -> None:
            for name in fields:
                setattr(self, name, changed.get(name, getattr(base, name)))

    versions = {version_of(Status(**{name: value})) for name, value in fields.items()}  # type: ignore[arg-type]
    assert len(versions | {version_of(base)}) == 5
