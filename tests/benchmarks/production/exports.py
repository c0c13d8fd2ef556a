"""A large export to a bucket whose processes are killed again and again: it is right, and little is made again."""

import random
import time
from collections.abc import Iterator
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
from benchmarks.production.render_cluster import KillableProcess, RenderCluster, render_cluster
from benchmarks.production.shared import Bar, Shared
from rasterwire import Client
from rasterwire.client import RetryPolicy
from rasterwire.files.sources.objects import make_object_store
from rasterwire.files.sources.settings import SourceSettings
from rasterwire.v1 import download_pb2, export_service_pb2, export_service_pb2_grpc
from rasterwire.v1.export_service_pb2 import Export
from replica_servers import ReplicaServer, replica_servers

_MAX_MB = 400

_PIXELS_A_KILL = (1 << 32) // 10
SIDE = 8192
_EVERY = 50
"""One tile in so many is compared with another render."""

_WORKERS = 2
"""Of one thread each."""

_PATIENCE = RetryPolicy(attempts=60, longest_wait=1.0)


def exports(shared: Shared, count: int) -> Iterator[Bar]:
    """Yield the bars of one export on workers; a server, the scheduler and a worker are killed in turns."""
    with render_cluster(shared.new_folder("cluster"), _WORKERS) as cluster:
        yield from _bars(shared, count, cluster)


def exports_by_threads(shared: Shared, count: int) -> Iterator[Bar]:
    """Yield the bars of one export that servers render themselves; the one that works at it is killed."""
    yield from _bars(shared, count, None)


def _bars(shared: Shared, count: int, cluster: RenderCluster | None) -> Iterator[Bar]:
    side = round((count * _PIXELS_A_KILL) ** 0.5)
    database, bucket = shared.new_database(), f"exports{next(shared.numbers)}"
    settings = "" if cluster is None else f'engine = "dask"\n[dask]\nscheduler = "{cluster.address}"'
    config = shared.config(database, settings=settings)
    store = _bucket(shared, bucket)
    with config.open("a") as file:
        file.write(_destination(shared, bucket, config.parent / "keys"))
    catalog = write_smooth_image(shared.new_folder("catalog"))
    with replica_servers(catalog, config, shared.new_folder("state")) as servers:
        began = time.perf_counter()
        name = _begin(servers[0], side)
        run = _Run(servers, database, name, cluster)
        places = random.Random(1)
        for number in range(count):
            if _until(servers, name, (number + places.uniform(0.2, 0.9)) / (count + 1)).HasField("end_time"):
                break
            run.kill(number)
        last = _until(servers, name, 2.0)
        is_done, state = last.state == Export.STATE_SUCCEEDED, Export.State.Name(last.state)
        title = f"an export of {side} x {side} in {time.perf_counter() - began:.0f} s, {len(run.killed)} times killed"
        yield Bar(f"{title}, {last.attempt} attempts", state, "STATE_SUCCEEDED", is_done)
        yield from run.bars()
        if is_done:
            path = shared.new_folder("result") / "big.tif"
            with path.open("wb") as out:
                for chunk in obstore.get(store, "exports/big.tif").stream():
                    out.write(chunk)
            is_valid, problems, _ = cog_validate(path, strict=True)
            yield Bar("rio cogeo validate --strict", "valid" if is_valid else f"{problems}"[:200], "valid", is_valid)
            wrong, tiles = _compared(path, servers[0])
            yield Bar(f"tiles that differ from another render, of {tiles}", f"{wrong}", "0", wrong == 0)


class _Run:
    """An export whose processes are killed.

    Attributes:
        killed: what was killed, in this order, and how many parts had been begun then.
    """

    def __init__(self, servers: list[ReplicaServer], database: str, name: str, cluster: RenderCluster | None) -> None:
        self._servers = servers
        self._database = database
        self._name = name
        self._cluster = cluster
        self._redone = 0
        self._peak = 0
        self.killed: list[tuple[str, int]] = []

    def kill(self, number: int) -> None:
        """Kill a process, and start it again."""
        before = _done(self._database, self._name)
        kind = "server" if self._cluster is None else ("server", "scheduler", "worker")[number % 3]
        process: ReplicaServer | KillableProcess | None = _driving(self._servers, self._database)
        if self._cluster is not None and kind != "server":
            workers = self._cluster.workers
            process = self._cluster.scheduler if kind == "scheduler" else workers[number // 3 % len(workers)]
        if process is None:
            return
        self._look()
        process.kill()
        self.killed.append((kind, len(self._begun())))
        process.start()
        after = _done(self._database, self._name)
        self._redone += sum(after.get(part) != attempt for part, attempt in before.items())
        print(f"  {kind} killed when {len(before)} parts were done", flush=True)

    def _begun(self) -> list[int]:
        return [] if self._cluster is None else self._cluster.begun()

    def _look(self) -> None:
        self._peak = max(self._peak, *(Tree(server.pid).peak_bytes() for server in self._servers))

    def bars(self) -> Iterator[Bar]:
        """Yield what was done again, and the memory of each kind of process."""
        self._look()
        yield Bar("parts that were done and made again", f"{self._redone}", "0", self._redone == 0)
        peaks = {"server": self._peak}
        if self._cluster is not None:
            begun, most = self._begun(), {"server": _WORKERS, "scheduler": _WORKERS, "worker": 1}
            ends = [*(first for _, first in self.killed[1:]), len(begun)]
            for (kind, first), end in zip(self.killed, ends, strict=True):
                again = sum(part in begun[:place] for place, part in enumerate(begun[:end]) if place >= first)
                title = f"parts that were begun a second time after a {kind} was killed"
                yield Bar(title, f"{again}", f"{most[kind]}, one a worker that it ended", again <= most[kind])
            for process in (self._cluster.scheduler, *self._cluster.workers):
                process.look()
            peaks["scheduler"] = self._cluster.scheduler.peak
            peaks["worker"] = max(worker.peak for worker in self._cluster.workers)
        for kind, peak in peaks.items():
            yield Bar(f"peak memory of a {kind}", f"{peak / 1e6:.0f} MB", f"{_MAX_MB} MB", peak < _MAX_MB * 1e6)


def write_smooth_image(folder: Path) -> Path:
    """Write a smooth image of bytes, so that the object store needs little room."""
    profile: dict[str, Any] = {"driver": "GTiff", "width": SIDE, "height": SIDE, "count": 1, "dtype": "uint8"}
    profile |= {"tiled": True, "blockxsize": 512, "blockysize": 512, "compress": "deflate", "crs": "EPSG:32610"}
    y, x = np.mgrid[0:SIDE, 0:SIDE].astype("float32") / 700
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
    step = 10 * SIDE / side
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
