"""Files of arrays on other machines: what they give, by how many requests, and what fails."""

import hashlib
import json
from collections.abc import Iterator, Sequence
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
from rasterwire.files import byte_reader, opened_files
from rasterwire.files.arrays import chunks, remote_store
from rasterwire.files.arrays.opened import ask_again
from rasterwire.files.sources import FetchedPart, ObjectSource, OpenedFile, Span, attempts, configure, loop
from rasterwire.files.sources.make import make_sources
from rasterwire.files.sources.settings import SourceSettings
from rasterwire.geo.region import box_region
from test_netcdf import write as write_netcdf
from test_pyramids import write as write_pyramid
from test_zarr import COLS, ROWS, cube, write

pytestmark = pytest.mark.filterwarnings("ignore:Consolidated metadata:zarr.errors.ZarrUserWarning")


@pytest.fixture
def remote(monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultServer]:
    """Serve objects of s3://rasters/ to this process."""
    monkeypatch.setattr(attempts, "_FIRST_PAUSE_SECONDS", 0.0)
    with FaultServer() as server:
        settings = SourceSettings("s3://rasters/", server.url.rstrip("/"), timeout_seconds=60, retries=2)
        configure(make_sources([settings]))
        remote_store._stores.clear()
        byte_reader._remote_files.clear()
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


def plain_store(folder: Path, version: int = 3, seed: int = 1) -> Path:
    """Write a store whose metadata are not consolidated."""
    data = dataset({"v": (("y", "x"), pixels((ROWS, COLS), seed=seed))}, **coordinates(ROWS, COLS))
    return write(folder / "a.zarr", data, version, consolidated=False)


def test_stores_that_cannot_be_listed_need_consolidated_metadata(tmp_path: Path, remote: FaultServer) -> None:
    upload(remote, plain_store(tmp_path / "files"))
    item(tmp_path / "catalog", "a", "s3://rasters/a.zarr")
    with pytest.raises(SourceUnavailable, match=r"cannot be listed.*consolidate_metadata") as caught:
        FolderCatalog(tmp_path / "catalog").get("a")
    assert "SECRET" not in str(caught.value)


class Listed:
    """A source that knows the objects of a server."""

    def __init__(self, server: FaultServer) -> None:
        self._own = make_sources([SourceSettings("s3://rasters/", server.url.rstrip("/"), retries=0)])["s3://rasters/"]
        self._server = server
        self.prefixes: list[str] = []

    def open(self, href: str) -> OpenedFile:
        return self._own.open(href)

    def read(self, file: OpenedFile, spans: Sequence[Span]) -> list[bytes]:
        return self._own.read(file, spans)

    async def fetch(self, href: str, offset: int, count: int, version: str = "") -> FetchedPart | None:
        assert isinstance(self._own, ObjectSource)
        return await self._own.fetch(href, offset, count, version)

    async def folders(self, href: str) -> list[str]:
        self.prefixes.append(href)
        top = "/rasters/" + href.removeprefix("s3://rasters/")
        rest = [path.removeprefix(top) for path in self._server.files if path.startswith(top)]
        return sorted({path.partition("/")[0] for path in rest if "/" in path})

    def listed(self, href: str) -> Iterator[Any]:
        raise NotImplementedError


@pytest.mark.parametrize("version", [2, 3])
def test_stores_without_consolidated_metadata_are_listed(tmp_path: Path, remote: FaultServer, version: int) -> None:
    store = plain_store(tmp_path / "files", version)
    upload(remote, store)
    item(tmp_path / "catalog", "a", "s3://rasters/a.zarr")
    source = Listed(remote)
    configure({"s3://rasters/": source})
    catalog = FolderCatalog(tmp_path / "catalog")
    image = catalog.get("a")
    stored = xr.open_dataset(store, engine="zarr", mask_and_scale=False, consolidated=False)
    assert np.array_equal(rendered(image, "data")[0].data, stored["v"].values)
    assert not [href for href in source.prefixes if href.rstrip("/").endswith("/v")]  # which holds the chunks
    documents = [request.path for request in remote.requests if request.path.endswith((".zarray", "zarr.json"))]
    assert len(documents) == len(set(documents))
    before = len(remote.requests)
    catalog.get("a")
    assert len(remote.requests) == before
    upload(remote, plain_store(tmp_path / "others", version, seed=2))  # chunks alone: the same version
    document = store / "v" / ("zarr.json" if version == 3 else ".zarray")
    remote.put(f"/rasters/a.zarr/v/{document.name}", document.read_bytes() + b" ", '"another"')
    ask_again(["s3://rasters/a.zarr"])
    assert catalog.get("a").bands[0].version != image.bands[0].version


def test_levels_name_the_arrays_of_a_store_that_cannot_be_listed(tmp_path: Path, remote: FaultServer) -> None:
    values = [pixels((120, 160), "int16"), pixels((60, 80), "int16")]
    path = write_pyramid(tmp_path / "files" / "a.zarr", values, "ome 0.5")
    document = json.loads((path / "zarr.json").read_text())
    del document["consolidated_metadata"]
    (path / "zarr.json").write_text(json.dumps(document))
    upload(remote, path)
    item(tmp_path / "catalog", "a", "s3://rasters/a.zarr")
    image = FolderCatalog(tmp_path / "catalog").get("a")
    assert [band.overviews for band in image.bands] == [((80, 60),)]
    assert np.array_equal(rendered(image, "data")[0].data, values[0])


@pytest.mark.parametrize("suffix", ["zarr", "nc"])
def test_a_file_that_was_looked_at_shortly_before_costs_no_request(
    tmp_path: Path, remote: FaultServer, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    data = dataset({"v": (("y", "x"), pixels((ROWS, COLS)))}, **coordinates(ROWS, COLS))
    write_one = write if suffix == "zarr" else write_netcdf
    upload(remote, write_one(tmp_path / "files" / f"a.{suffix}", data))
    item(tmp_path / "catalog", "a", f"s3://rasters/a.{suffix}")
    catalog = FolderCatalog(tmp_path / "catalog")
    image = catalog.get("a")
    before = len(remote.requests)
    for _ in range(5):
        assert catalog.get("a") is image
    assert len(remote.requests) == before
    monkeypatch.setattr(opened_files, "_FRESH_SECONDS", -1.0)
    assert catalog.get("a") is image
    assert len(remote.requests) == before + 1  # for its version; its header is known


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
