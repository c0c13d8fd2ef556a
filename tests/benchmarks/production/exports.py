"""A large export to a bucket whose server is killed again and again: it is right, and no done part is made again."""

import random
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import obstore
import rasterio
from affine import Affine
from rasterio.windows import Window
from rio_cogeo.cogeo import cog_validate

from benchmarks.processes import Tree
from benchmarks.production.shared import Bar, Shared
from rasterwire import Client
from rasterwire.client import RetryPolicy
from rasterwire.files.sources.objects import make_object_store
from rasterwire.files.sources.settings import SourceSettings
from rasterwire.v1 import download_pb2, export_service_pb2, export_service_pb2_grpc
from rasterwire.v1.export_service_pb2 import Export
from replica_servers import ReplicaServer, replica_servers

_MAX_MB = 400

_PIXELS_A_KILL = 400_000_000
_SIDE = 8192
_EVERY = 50
"""One tile in so many is compared with another render."""

_PATIENCE = RetryPolicy(attempts=60, longest_wait=1.0)


def exports(shared: Shared, count: int) -> Iterator[Bar]:
    """Yield the bars of one export whose server is killed so many times."""
    side = round((count * _PIXELS_A_KILL) ** 0.5)
    catalog = _catalog(shared.new_folder("catalog"))
    database = shared.new_database()
    config = shared.config(database)
    bucket = f"exports{next(shared.numbers)}"
    store = _bucket(shared, bucket)
    with config.open("a") as file:
        file.write(_destination(shared, bucket, config.parent / "keys"))
    with ExitStack() as stack:
        servers = stack.enter_context(replica_servers(catalog, config, shared.new_folder("state")))
        began = time.perf_counter()
        name = _begin(servers[0], side)
        peak = redone = 0
        places = random.Random(1)
        for number in range(count):
            share = (number + places.uniform(0.2, 0.9)) / (count + 1)
            last = _until(servers, name, share)
            if last.HasField("end_time"):
                break
            before = _done(database, name)
            driver = _driving(servers, database)
            if driver is not None:
                peak = max(peak, Tree(driver.pid).peak_bytes())
                driver.kill()
                driver.start()
            after = _done(database, name)
            redone += sum(after.get(part) != attempt for part, attempt in before.items())
        last = _until(servers, name, 2.0)
        seconds = time.perf_counter() - began
        peak = max(peak, *(Tree(server.pid).peak_bytes() for server in servers))
        path = shared.new_folder("result") / "big.tif"
        if last.state == Export.STATE_SUCCEEDED:
            with path.open("wb") as out:
                for chunk in obstore.get(store, "exports/big.tif").stream():
                    out.write(chunk)
        title = f"an export of {side} x {side} in {seconds:.0f} s, {last.attempt - 1} times killed and taken up again"
        state = Export.State.Name(last.state)
        yield Bar(title, state, "STATE_SUCCEEDED", last.state == Export.STATE_SUCCEEDED)
        yield Bar("parts that were done and made again", f"{redone}", "0", redone == 0)
        yield Bar("peak memory of a server", f"{peak / 1e6:.0f} MB", f"{_MAX_MB} MB", peak < _MAX_MB * 1e6)
        if last.state == Export.STATE_SUCCEEDED:
            is_valid, problems, _ = cog_validate(path, strict=True)
            yield Bar("rio cogeo validate --strict", "valid" if is_valid else f"{problems}"[:200], "valid", is_valid)
            wrong, tiles = _compared(path, servers[0])
            yield Bar(f"tiles that differ from another render, of {tiles}", f"{wrong}", "0", wrong == 0)


def _catalog(folder: Path) -> Path:
    """Write a smooth image of bytes, so that the object store needs little room."""
    profile: dict[str, Any] = {"driver": "GTiff", "width": _SIDE, "height": _SIDE, "count": 1, "dtype": "uint8"}
    profile |= {"tiled": True, "blockxsize": 512, "blockysize": 512, "compress": "deflate", "crs": "EPSG:32610"}
    y, x = np.mgrid[0:_SIDE, 0:_SIDE].astype("float32") / 700
    with rasterio.open(folder / "a.tif", "w", transform=Affine(10, 0, 500_000, 0, -10, 5_000_000), **profile) as raster:
        raster.write((120 + 60 * np.sin(x) + 60 * np.cos(x * y / 3)).astype("uint8"), 1)
    return folder


def _bucket(shared: Shared, bucket: str) -> Any:
    server = shared.object_server
    secrets = {"access_key_id": server.key, "secret_access_key": server.secret}
    source = SourceSettings(f"s3://{bucket}/", endpoint=server.endpoint, region="us-east-1", credentials="env")
    store = make_object_store(source, secrets, bucket)
    obstore.put(store, "makes-the-bucket", b"")
    return store


def _destination(shared: Shared, bucket: str, keys: Path) -> str:
    return f"""
        [[export.destinations]]
        name = "results"
        objects = "s3://{bucket}/exports"
        endpoint = "{shared.object_server.endpoint}"
        region = "us-east-1"
        credentials = "{keys}"
        """


def _begin(server: ReplicaServer, side: int) -> str:
    download = download_pb2.DownloadParams(image="a", resampling=download_pb2.RESAMPLING_BILINEAR, crs="EPSG:32610")
    step = 10 * _SIDE / side
    download.crs_transform[:] = [step, 0, 500_000, 0, -step, 5_000_000]
    download.dimensions[:] = [side, side]
    params = export_service_pb2.ExportParams(download=download, destination="results", prefix="big", max_pixels=1 << 40)
    with grpc.insecure_channel(server.address) as channel:
        stub = export_service_pb2_grpc.ExportServiceStub(channel)
        name: str = stub.CreateExport(export_service_pb2.CreateExportRequest(params=params), timeout=60).export.name
    return name


def _until(servers: list[ReplicaServer], name: str, share: float) -> Export:
    """Wait until a part of an export is done, or it has ended."""
    while True:
        for server in servers:
            with grpc.insecure_channel(server.address) as channel:
                stub = export_service_pb2_grpc.ExportServiceStub(channel)
                export: Export = stub.GetExport(export_service_pb2.GetExportRequest(name=name), timeout=60).export
            if export.HasField("end_time") or export.parts_done >= share * export.parts_total:
                return export
            time.sleep(0.2)


def _done(database: str, name: str) -> dict[int, int]:
    """Return the attempts that did the parts which are done."""
    import psycopg

    with psycopg.connect(database) as connection:
        query = "SELECT number, attempt FROM rasterwire.export_parts WHERE export_id = %s AND size > 0"
        return dict(connection.execute(query, (name.removeprefix("exports/"),)).fetchall())


def _driving(servers: list[ReplicaServer], database: str) -> ReplicaServer | None:
    import psycopg

    with psycopg.connect(database) as connection:
        query = "SELECT owner FROM rasterwire.leases WHERE key LIKE 'exports/%' AND until > clock_timestamp()"
        pids = {int(owner.rpartition(":")[2]) for (owner,) in connection.execute(query).fetchall()}
    return next((server for server in servers if server.pid in pids), None)


def _compared(path: Path, server: ReplicaServer) -> tuple[int, int]:
    """Compare one tile in some with a render of that window alone; return how many differ, and how many there were."""
    import io

    wrong = tiles = 0
    with rasterio.open(path) as made, Client(server.address, retry=_PATIENCE) as client:
        for _, window in list(made.block_windows(1))[::_EVERY]:
            transform = list(made.window_transform(window))[:6]
            params: dict[str, Any] = {"image": "a", "format": "NPY", "resampling": "BILINEAR", "crs": "EPSG:32610"}
            params |= {"crs_transform": transform, "dimensions": [window.width, window.height]}
            record = np.load(io.BytesIO(client.stream(params)))
            own = made.read(1, window=Window(window.col_off, window.row_off, window.width, window.height))
            wrong += not np.array_equal(record[record.dtype.names[0]], own)
            tiles += 1
    return wrong, tiles
