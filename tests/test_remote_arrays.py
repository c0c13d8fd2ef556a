"""Files of arrays on other machines: what they give, by how many requests, and what fails."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from odc.geo.crs import CRS

import fault_proxy as faults
from array_files import coordinates, dataset, pixels, rendered
from fault_proxy import FaultServer
from rasterwire.catalog.folder import FolderCatalog
from rasterwire.errors import SourceUnavailable
from rasterwire.files.arrays import chunks
from rasterwire.files.sources import attempts, configure, loop
from rasterwire.files.sources.make import make_sources
from rasterwire.files.sources.settings import SourceSettings
from rasterwire.geo.region import box_region
from test_netcdf import write as write_netcdf
from test_zarr import COLS, ROWS, cube, write

pytestmark = pytest.mark.filterwarnings("ignore:Consolidated metadata:zarr.errors.ZarrUserWarning")


@pytest.fixture
def remote(monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultServer]:
    """Serve objects of s3://rasters/ to this process."""
    monkeypatch.setattr(attempts, "_FIRST_PAUSE_SECONDS", 0.0)
    with FaultServer() as server:
        settings = SourceSettings("s3://rasters/", server.url.rstrip("/"), timeout_seconds=60, retries=2)
        configure(make_sources([settings]))
        yield server
        configure({})
        loop.stop()


def upload(server: FaultServer, store: Path) -> None:
    for path in sorted(store.parent.rglob("*")):
        if path.is_file():
            data = path.read_bytes()
            etag = f'"{hashlib.sha256(data).hexdigest()}"'
            server.put(f"/rasters/{path.relative_to(store.parent)}", data, etag)


def item(folder: Path, image_id: str, href: str, time: str = "2021-01-10T12:30:00Z") -> None:
    document: dict[str, Any] = {
        "type": "Feature",
        "stac_version": "1.1.0",
        "id": image_id,
        "geometry": None,
        "links": [],
    }
    document |= {"properties": {"datetime": time}, "assets": {"data": {"href": href}}}
    folder.mkdir(exist_ok=True)
    (folder / f"{image_id}.json").write_text(json.dumps(document))


def test_stores_on_other_machines_are_read_by_one_request_for_each_chunk(tmp_path: Path, remote: FaultServer) -> None:
    for version in (2, 3):
        upload(remote, write(tmp_path / f"files{version}" / f"cube{version}.zarr", cube(), version))
        item(tmp_path / "catalog", f"cube{version}", f"s3://rasters/cube{version}.zarr")
    catalog = FolderCatalog(tmp_path / "catalog")
    for version in (2, 3):
        image = catalog.get(f"cube{version}")
        stored = xr.open_zarr(tmp_path / f"files{version}" / f"cube{version}.zarr", mask_and_scale=False)
        box = box_region(500_610.0, 3_999_010.0, 501_190.0, 3_999_490.0, CRS("EPSG:32610"))
        before = len(remote.requests)
        got, _ = rendered(image, "temperature_500", region=box)
        assert np.array_equal(got.data, stored["temperature"].values[1, 1][51:99, 61:119])
        assert len(remote.requests) - before == 1
        got, _ = rendered(image, "temperature_500")
        assert np.array_equal(got.data, stored["temperature"].values[1, 1])
        assert len(remote.requests) - before == 9


def test_shards_on_other_machines_are_read_in_part(tmp_path: Path, remote: FaultServer) -> None:
    values = pixels((ROWS, COLS))
    data = dataset({"v": (("y", "x"), values)}, **coordinates(ROWS, COLS))
    upload(remote, write(tmp_path / "files" / "a.zarr", data, shards=(100, 120)))
    item(tmp_path / "catalog", "a", "s3://rasters/a.zarr")
    image = FolderCatalog(tmp_path / "catalog").get("a")
    box = box_region(500_010.0, 3_999_710.0, 500_190.0, 3_999_990.0, CRS("EPSG:32610"))
    got, _ = rendered(image, "data", region=box)
    assert np.array_equal(got.data, values[1:29, 1:19])
    assert np.array_equal(rendered(image, "data")[0].data, values)


def test_chunks_that_are_not_there_differ_from_those_that_cannot_be_read(tmp_path: Path, remote: FaultServer) -> None:
    values = pixels((ROWS, COLS))
    store = write(tmp_path / "files" / "a.zarr", dataset({"v": (("y", "x"), values)}, **coordinates(ROWS, COLS)))
    (store / "v" / "c" / "0" / "0").unlink()
    upload(remote, store)
    item(tmp_path / "catalog", "a", "s3://rasters/a.zarr")
    image = FolderCatalog(tmp_path / "catalog").get("a")
    got, _ = rendered(image, "data")
    assert not got.data[:50, :60].any()
    assert np.array_equal(got.data[50:], values[50:])
    remote.faults.extend([faults.status(403)] * 40)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chunks, "_planes", chunks._Planes(1 << 20))
        with pytest.raises(SourceUnavailable, match="does not allow"):
            rendered(image, "data")


def test_stores_without_consolidated_metadata_need_them_on_other_machines(tmp_path: Path, remote: FaultServer) -> None:
    data = dataset({"v": (("y", "x"), pixels((ROWS, COLS)))}, **coordinates(ROWS, COLS))
    upload(remote, write(tmp_path / "files" / "a.zarr", data, consolidated=False))
    item(tmp_path / "catalog", "a", "s3://rasters/a.zarr")
    with pytest.raises(SourceUnavailable, match="consolidate_metadata"):
        FolderCatalog(tmp_path / "catalog").get("a")


def test_a_file_of_netcdf_on_another_machine_is_read_in_part(tmp_path: Path, remote: FaultServer) -> None:
    values = pixels((1500, 1500))
    data = dataset({"v": (("y", "x"), values)}, **coordinates(1500, 1500))
    file = write_netcdf(tmp_path / "files" / "a.nc", data)
    upload(remote, file)
    item(tmp_path / "catalog", "a", "s3://rasters/a.nc")
    image = FolderCatalog(tmp_path / "catalog").get("a")
    box = box_region(506_010.0, 3_999_710.0, 506_190.0, 3_999_990.0, CRS("EPSG:32610"))
    before = len(remote.requests)
    got, _ = rendered(image, "data", region=box)
    assert np.array_equal(got.data, values[1:29, 601:619])
    assert len(remote.requests) - before <= 2
    size = file.stat().st_size
    assert size > 1 << 20
    remote.put("/rasters/a.nc", file.read_bytes(), etag='"two"')
    with pytest.raises(SourceUnavailable, match="replaced"):
        rendered(image, "data")
