"""Exports go on after their server is killed, with the same bytes and without doing again what is done."""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import obstore
import pytest
import rasterio

from effort import HANG
from rasterwire.files.sources.objects import make_object_store
from rasterwire.files.sources.settings import SourceSettings
from rasterwire.server.process.stores import migrate_database
from rasterwire.server.settings import load_store_settings
from rasterwire.v1 import download_pb2, export_service_pb2, export_service_pb2_grpc
from rasterwire.v1.export_service_pb2 import Export, ExportParams
from replica_servers import ReplicaServer, replica_servers, write_config, write_image
from seaweed import Seaweed

SIDE = 2600


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_image(tmp_path_factory.mktemp("survive") / "catalog", SIDE)


@contextmanager
def stub_of(server: ReplicaServer) -> Iterator[Any]:
    with grpc.insecure_channel(server.address) as channel:
        yield export_service_pb2_grpc.ExportServiceStub(channel)


def begin(server: ReplicaServer, prefix: str, side: int) -> str:
    """Begin an export of 12 files or of 9 parts, and return its name."""
    download = download_pb2.DownloadParams(
        image="a", scale=10 if side else 3.2, resampling=download_pb2.RESAMPLING_BILINEAR, crs="EPSG:32610"
    )
    if side:
        download.crs_transform[:] = [10, 0, 500_003, 0, -10, 5_000_004]
        download.ClearField("scale")
    params = ExportParams(download=download, destination="results", prefix=prefix, file_side=side)
    with stub_of(server) as stub:
        request = export_service_pb2.CreateExportRequest(params=params)
        name: str = stub.CreateExport(request, timeout=HANG).export.name
    return name


def until(server: ReplicaServer, name: str, is_reached: Callable[[Export], bool]) -> Export:
    """Ask for an export until it has come as far."""
    with stub_of(server) as stub:
        while True:
            export: Export = stub.GetExport(export_service_pb2.GetExportRequest(name=name), timeout=HANG).export
            if is_reached(export) or export.HasField("end_time"):
                return export


def ended(server: ReplicaServer, name: str) -> Export:
    with stub_of(server) as stub:
        for answer in stub.WatchExport(export_service_pb2.WatchExportRequest(name=name), timeout=HANG):
            last: Export = answer.export
    return last


def contents(folder: Path, prefix: str) -> dict[str, bytes]:
    """Return the GeoTIFFs of an export by their names without its prefix."""
    return {path.name.removeprefix(prefix): path.read_bytes() for path in sorted(folder.glob(f"{prefix}*.tif"))}


def writing_times(folder: Path, state: Path, name: str) -> dict[str, int]:
    """Return when the files were written whose parts are done."""
    with closing(sqlite3.connect(state / "exports.sqlite")) as connection:
        query = "SELECT file_key FROM export_parts WHERE export_id = ? AND size > 0"
        rows = connection.execute(query, (name.removeprefix("exports/"),)).fetchall()
    return {key: (folder / key).stat().st_mtime_ns for (key,) in rows}


@pytest.mark.parametrize("side", [256, 0])
def test_an_export_goes_on_after_its_server_was_killed(image: Path, tmp_path: Path, side: int) -> None:
    folder, config = tmp_path / "results", tmp_path / "rasterwire.toml"
    config.write_text(f'threads = 2\n[[export.destinations]]\nname = "results"\nfolder = "{folder}"\n')
    with replica_servers(image.parent, config, tmp_path, 1) as (server,):
        name = begin(server, "killed", side)
        reached = 5 if side else 2
        killed = 0
        while killed < 2:
            at_kill = until(server, name, lambda export: export.parts_done >= reached * (killed + 1))  # noqa: B023
            assert at_kill.state == Export.STATE_RUNNING, at_kill
            server.kill()
            killed += 1
            before = writing_times(folder, server.state, name) if side else {}
            server.start()
        last = ended(server, name)
        assert (last.state, last.attempt) == (Export.STATE_SUCCEEDED, 3), last
        assert last.parts_done == last.parts_total
        after = writing_times(folder, server.state, name) if side else {}
        assert {key: after[key] for key in before} == before
        undisturbed = ended(server, begin(server, "whole", side))
        assert (undisturbed.state, undisturbed.attempt) == (Export.STATE_SUCCEEDED, 1)
        files = contents(folder, "killed")
        assert files == contents(folder, "whole")
        assert len(files) == (121 if side else 1)
        names = {path.name.split(".", 1)[1] for path in folder.iterdir() if path.name.startswith("killed.")}
        assert names == ({"vrt", "provenance.json", "stac.json"} if side else {"tif", "provenance.json", "stac.json"})


@pytest.mark.parametrize("side", [256, 0])
def test_a_cancelled_export_leaves_nothing(image: Path, tmp_path: Path, side: int) -> None:
    folder, config = tmp_path / "results", tmp_path / "rasterwire.toml"
    config.write_text(f'threads = 2\n[[export.destinations]]\nname = "results"\nfolder = "{folder}"\n')
    with replica_servers(image.parent, config, tmp_path, 1) as (server,), stub_of(server) as stub:
        name = begin(server, "cancelled", side)
        at_cancel = until(server, name, lambda export: export.parts_done >= 1)
        assert at_cancel.state == Export.STATE_RUNNING
        answer = stub.CancelExport(export_service_pb2.CancelExportRequest(name=name), timeout=HANG)
        assert answer.export.state == Export.STATE_CANCELLING
        last = ended(server, name)
        assert last.state == Export.STATE_CANCELLED
        assert last.parts_done < last.parts_total
        assert [path for path in folder.rglob("*") if path.is_file()] == []
        scratch = server.state / "scratch" / f"{server.pid}" / "exports"
        assert list(scratch.iterdir()) == []
        assert stub.CancelExport(export_service_pb2.CancelExportRequest(name=name), timeout=HANG).export == last


def test_another_server_goes_on_with_an_export_to_a_bucket(
    image: Path, tmp_path: Path, object_server: Seaweed, new_database: Callable[[], str]
) -> None:
    database = new_database()
    bucket = f"exports-{os.getpid()}"
    config = write_config(tmp_path, database, object_server, bucket, "threads = 2")
    keys = tmp_path / "keys"
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
    store = make_object_store(source, secrets, bucket)
    obstore.put(store, "makes-the-bucket", b"")
    migrate_database(load_store_settings(config))
    with replica_servers(image.parent, config, tmp_path) as servers:
        name = begin(servers[0], "moved", 0)
        until(servers[0], name, lambda export: export.parts_done >= 2)
        driver = driving(servers, database)
        driver.kill()
        (other,) = (server for server in servers if server is not driver)
        last = ended(other, name)
        assert (last.state, last.attempt) == (Export.STATE_SUCCEEDED, 2), last
        path = tmp_path / "moved.tif"
        path.write_bytes(obstore.get(store, "exports/moved.tif").bytes())
        assert len([meta for page in obstore.list(store, "exports") for meta in page]) == 3
        with rasterio.open(path) as raster, rasterio.open(image) as source_raster:
            assert raster.shape == (8125, 8125)
            centre = raster.read(1, window=((4000, 4001), (4000, 4001)))[0, 0]
            col, row = 4000.5 * 3.2 / 10, 4000.5 * 3.2 / 10
            near = source_raster.read(1)[int(row - 0.5) : int(row - 0.5) + 2, int(col - 0.5) : int(col - 0.5) + 2]
            x, y = col - 0.5 - int(col - 0.5), row - 0.5 - int(row - 0.5)
            weights = np.outer([1 - y, y], [1 - x, x])
            assert abs(float((near * weights).sum()) - centre) <= 1


def driving(servers: list[ReplicaServer], database: str) -> ReplicaServer:
    """Return the server that works at an export."""
    import psycopg

    with psycopg.connect(database) as connection:
        query = "SELECT owner FROM rasterwire.leases WHERE key LIKE 'exports/%' AND until > clock_timestamp()"
        rows = connection.execute(query).fetchall()
    pids = {int(owner.rpartition(":")[2]) for (owner,) in rows}
    return next(server for server in servers if server.pid in pids)
