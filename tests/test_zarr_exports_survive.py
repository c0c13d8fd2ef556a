"""Exports of Zarr stores go on after what makes them was killed, and leave nothing where they were cancelled."""

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import obstore
import pytest
import xarray as xr

from dask_workers import WHY_NOT, helpers_found
from deadly_destination import DeadlyDestination
from effort import HANG
from exporting import exporter, warped
from rasterwire.catalog.folder import FolderCatalog
from rasterwire.errors import RenderCancelled
from rasterwire.export import zarr_layout
from rasterwire.export.folder_destination import FolderDestination
from rasterwire.export.within import Within
from rasterwire.export.zarr_export import _StoringTask
from rasterwire.export.zarr_layout import ZarrPart, lay_out
from rasterwire.export.zarr_metadata import mark
from rasterwire.export.zarr_part import Shard, ZarrTask
from rasterwire.files.sources.objects import make_object_store
from rasterwire.files.sources.settings import SourceSettings
from rasterwire.plan import Limits, make_plan
from rasterwire.request import DownloadRequest, Format
from rasterwire.server.process.stores import migrate_database
from rasterwire.server.settings import Settings, load_store_settings
from rasterwire.v1 import download_pb2, export_service_pb2
from rasterwire.v1.export_service_pb2 import Export, ExportParams
from replica_servers import ReplicaServer, replica_servers, write_config, write_image
from seaweed import Seaweed
from test_exports_survive import driving, ended, stub_of, until, writing_times

SIDE = 2600


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_image(tmp_path_factory.mktemp("survive") / "catalog", SIDE)


def begin(server: ReplicaServer, prefix: str) -> str:
    """Begin an export of nine objects of pixels, and return its name."""
    download = download_pb2.DownloadParams(
        image="a",
        scale=3.2,
        resampling=download_pb2.RESAMPLING_BILINEAR,
        crs="EPSG:32610",
        mask=download_pb2.MASK_NODATA,
        format=download_pb2.FORMAT_ZARR,
    )
    params = ExportParams(download=download, destination="results", prefix=prefix)
    with stub_of(server) as stub:
        request = export_service_pb2.CreateExportRequest(params=params)
        name: str = stub.CreateExport(request, timeout=HANG).export.name
    return name


def pixels_of(store: Path) -> dict[str, bytes]:
    """Return all objects of a store but the metadata of its group, which name the export."""
    paths = sorted(path for path in store.rglob("*") if path.is_file() and path != store / "zarr.json")
    return {str(path.relative_to(store)): path.read_bytes() for path in paths}


def test_a_store_is_whole_after_its_server_was_killed_and_no_object_was_made_twice(image: Path, tmp_path: Path) -> None:
    folder, config = tmp_path / "results", tmp_path / "rasterwire.toml"
    config.write_text(f'threads = 2\n[[export.destinations]]\nname = "results"\nfolder = "{folder}"\n')
    with replica_servers(image.parent, config, tmp_path, 1) as (server,):
        name = begin(server, "killed")
        for done in (2, 5):
            at_kill = until(server, name, lambda export: export.parts_done >= done)  # noqa: B023
            assert at_kill.state == Export.STATE_RUNNING, at_kill
            server.kill()
            before = writing_times(folder, server.state, name)
            with xr.open_zarr(folder / "killed.zarr") as unfinished:
                assert not unfinished.variables
            server.start()
        last = ended(server, name)
        assert (last.state, last.attempt) == (Export.STATE_SUCCEEDED, 3), last
        assert last.parts_done == last.parts_total
        after = writing_times(folder, server.state, name)
        assert {key: after[key] for key in before} == before
        assert ended(server, begin(server, "whole")).attempt == 1
    objects = pixels_of(folder / "killed.zarr")
    assert objects == pixels_of(folder / "whole.zarr")
    assert len([key for key in objects if "/c/" in key and key[0] not in "xy"]) == 9
    names = {path.name for path in folder.iterdir() if path.name.startswith("killed")}
    assert names == {"killed.zarr", "killed.provenance.json", "killed.stac.json"}


def test_a_cancelled_export_leaves_nothing_of_its_store(image: Path, tmp_path: Path) -> None:
    folder, config = tmp_path / "results", tmp_path / "rasterwire.toml"
    config.write_text(f'threads = 2\n[[export.destinations]]\nname = "results"\nfolder = "{folder}"\n')
    with replica_servers(image.parent, config, tmp_path, 1) as (server,), stub_of(server) as stub:
        name = begin(server, "cancelled")
        assert until(server, name, lambda export: export.parts_done >= 1).state == Export.STATE_RUNNING
        stub.CancelExport(export_service_pb2.CancelExportRequest(name=name), timeout=HANG)
        last = ended(server, name)
        assert last.state == Export.STATE_CANCELLED
        assert last.parts_done < last.parts_total
    assert [path for path in folder.rglob("*") if path.is_file()] == []
    assert not (folder / "cancelled.zarr").exists()


def test_another_server_goes_on_with_a_store_in_a_bucket(
    image: Path, tmp_path: Path, object_server: Seaweed, new_database: Callable[[], str]
) -> None:
    database, bucket, keys = new_database(), f"stores-{os.getpid()}", tmp_path / "keys"
    config = write_config(tmp_path, database, object_server, bucket, "threads = 2")
    with config.open("a") as file:
        file.write(
            f"""
            [[export.destinations]]
            name = "results"
            objects = "s3://{bucket}/exports"
            endpoint = "{object_server.endpoint}"
            region = "us-east-1"
            credentials = "{keys}"
            """
        )
    secrets = {"access_key_id": object_server.key, "secret_access_key": object_server.secret}
    source = SourceSettings(f"s3://{bucket}/", endpoint=object_server.endpoint, region="us-east-1", credentials="env")
    objects = make_object_store(source, secrets, bucket)
    obstore.put(objects, "makes-the-bucket", b"")
    migrate_database(load_store_settings(config))
    with replica_servers(image.parent, config, tmp_path) as servers:
        name = begin(servers[0], "moved")
        until(servers[0], name, lambda export: export.parts_done >= 2)
        driver = driving(servers, database)
        driver.kill()
        (other,) = (server for server in servers if server is not driver)
        last = ended(other, name)
        assert (last.state, last.attempt) == (Export.STATE_SUCCEEDED, 2), last
        undisturbed = begin(other, "whole")
        assert ended(other, undisturbed).attempt == 1
    files: dict[str, bytes] = {}
    for page in obstore.list(objects, "exports"):
        for meta in page:
            files[meta["path"]] = bytes(obstore.get(objects, meta["path"]).bytes())
    moved = {key.replace("moved", "whole"): data for key, data in files.items() if ".zarr/" in key and "moved" in key}
    whole = {key: data for key, data in files.items() if ".zarr/" in key and "whole" in key}
    assert len(whole) == 9 + 2 + 4 + 1
    of_group = "exports/whole.zarr/zarr.json"
    assert (
        json.loads(moved.pop(of_group))["consolidated_metadata"]
        == json.loads(whole.pop(of_group))["consolidated_metadata"]
    )
    assert moved == whole
    folder = tmp_path / "copied"
    for key, data in files.items():
        (folder / key).parent.mkdir(parents=True, exist_ok=True)
        (folder / key).write_bytes(data)
    with xr.open_zarr(folder / "exports" / "moved.zarr") as cube:
        (array,) = cube.data_vars.values()
        assert array.shape == (8125, 8125)


def test_a_store_has_the_bytes_of_threads_though_a_worker_of_dask_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("distributed", reason=WHY_NOT)
    monkeypatch.setattr("rasterwire.render.dask_engine._MAX_PEEKED", 0)  # small maps go to workers too
    monkeypatch.setattr(zarr_layout, "_CHUNK", 128)
    monkeypatch.setattr(zarr_layout, "_LEAST_BYTES", 1)
    monkeypatch.setattr("rasterwire.server.process.exports.FolderDestination", DeadlyDestination)
    dask = replace(Settings().dask, processes=2)
    stores: dict[str, dict[str, bytes]] = {}
    params = warped(mask=download_pb2.MASK_BAND)
    params.format = download_pb2.FORMAT_ZARR
    for engine in ("threads", "dask"):
        (tmp_path / engine).mkdir()
        with helpers_found(), exporter(tmp_path / engine, engine=engine, dask=dask) as running:
            name = running.create(params, prefix="one").name
            assert running.ended(name).state == Export.STATE_SUCCEEDED
            stores[engine] = pixels_of(running.folder / "one.zarr")
    assert not (tmp_path / "threads" / "results.dead").exists()
    assert (tmp_path / "dask" / "results.dead").read_text().startswith("one.zarr/")
    assert len(stores["threads"]) > 60
    assert stores["dask"] == stores["threads"]


class _Late:
    """Stands for a task that is slow: the export is removed before it ends.

    Attributes:
        layout: of the store.
    """

    def __init__(self, task: ZarrTask, folder: Path) -> None:
        self._task = task
        self._folder = folder
        self.layout = task.layout

    def __call__(self, part: ZarrPart, check: Callable[[], None]) -> Sequence[Shard]:
        shards = self._task(part, check)
        (self._folder / "s.zarr" / "zarr.json").unlink()
        return shards


@pytest.mark.parametrize("is_there", [False, True])
def test_what_a_slow_process_stores_after_its_export_was_removed_is_removed_by_it(
    image: Path, tmp_path: Path, is_there: bool
) -> None:
    plan = make_plan(
        DownloadRequest("a", format=Format.ZARR), FolderCatalog(image.parent).get("a"), Limits(are_of_exports=True)
    )
    task = ZarrTask(plan.rasters[0], plan.encoding, lay_out(plan.rasters[0]))
    destination = FolderDestination(tmp_path)
    destination.put("s.zarr/zarr.json", mark("1" * 32))
    part = next(task.layout.parts())
    key = f"s.zarr/{task.layout.key(part, 0)}"
    if is_there:
        destination.put(key, task(part)[0].joined())
    storing = _StoringTask(_Late(task, tmp_path), destination, "s.zarr", "1" * 32, Within())  # type: ignore[arg-type]
    with pytest.raises(RenderCancelled):
        storing(part)
    assert (tmp_path / key).exists() == is_there
