"""Servers over shared stores, each a process of its own, that can be killed and started again at the same ports."""

import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import monotonic, sleep

import numpy as np
import rasterio
from affine import Affine

from effort import HANG
from ports import free_port
from seaweed import Seaweed

__all__ = ["ReplicaServer", "rendering", "replica_servers", "write_config", "write_image"]


def write_image(folder: Path, side: int) -> Path:
    """Write the only image of a catalog, ``a``, and return its file."""
    folder.mkdir(parents=True, exist_ok=True)
    profile = {"driver": "GTiff", "width": side, "height": side, "count": 1, "dtype": "uint16", "crs": "EPSG:32610"}
    path = folder / "a.tif"
    with rasterio.open(path, "w", transform=Affine(10, 0, 500_000, 0, -10, 5_000_000), **profile) as raster:
        raster.write(np.random.default_rng(1).integers(1, 60_000, (1, side, side)).astype("uint16"))
    return path


def write_config(folder: Path, database: str, objects: Seaweed, bucket: str, settings: str = "") -> Path:
    """Write the config file of servers that share their stores.

    Args:
        folder: of the file, and of those with secrets.
        database: address of a database whose tables are migrated.
        objects: the object store; clients do not reach it.
        bucket: its name.
        settings: lines before the tables.
    """
    secret, keys, path = folder / "database", folder / "keys", folder / "rasterwire.toml"
    secret.write_text(f"{database}\n")
    keys.write_text(f"[default]\naws_access_key_id = {objects.key}\naws_secret_access_key = {objects.secret}\n")
    path.write_text(
        f"""
        {settings}
        [store]
        database_file = "{secret}"
        objects = "s3://{bucket}/rasterwire"
        endpoint = "{objects.endpoint}"
        client_endpoint = "none"
        region = "us-east-1"
        credentials = "{keys}"
        """
    )
    return path


class ReplicaServer:
    """One of several servers.

    Attributes:
        grpc_port, http_port: of 127.0.0.1; the same after a restart.
        state: its state folder.
    """

    def __init__(self, catalog: Path, config: Path, state: Path, before: Sequence[str] = ()) -> None:
        """Begin without a process.

        Args:
            catalog: a folder of images.
            config: a config file.
            state: the state folder.
            before: the command is run by this one.
        """
        self.grpc_port, self.http_port = free_port(), free_port()
        self.state = state
        self._command = [*before, sys.executable, "-m", "rasterwire.cli", "serve", str(catalog)]
        self._command += ["--config", str(config), "--state-dir", str(state)]
        self._command += ["--grpc-port", f"{self.grpc_port}", "--http-port", f"{self.http_port}"]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Of its process."""
        assert self._process is not None
        return self._process.pid

    @property
    def address(self) -> str:
        """``host:port`` of gRPC."""
        return f"127.0.0.1:{self.grpc_port}"

    @property
    def http(self) -> str:
        """``http://host:port``."""
        return f"http://127.0.0.1:{self.http_port}"

    @property
    def is_ready(self) -> bool:
        """Whether it says so."""
        try:
            with urllib.request.urlopen(f"{self.http}/readyz", timeout=5) as answer:
                return bool(answer.status == 200)
        except (OSError, urllib.error.URLError):
            return False

    def start(self) -> None:
        """Start it, and wait until it is ready."""
        self.state.mkdir(parents=True, exist_ok=True)
        with self.state.with_suffix(".log").open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        self.wait_until_ready()

    def wait_until_ready(self) -> None:
        """Wait until it says that it is ready."""
        until = monotonic() + HANG
        while not self.is_ready:
            if self._process is None or self._process.poll() is not None or monotonic() > until:
                raise AssertionError(self.state.with_suffix(".log").read_text()[-2000:])
            sleep(0.05)

    def stop(self) -> int:
        """Stop it as an operator does, and return its exit status."""
        assert self._process is not None
        self._process.terminate()
        return self._process.wait(HANG)

    def kill(self) -> None:
        """Kill it, so that it can tell nobody."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(HANG)

    def end(self) -> None:
        """End its process, if there is one."""
        if self._process is not None and self._process.poll() is None:
            self.kill()


@contextmanager
def replica_servers(catalog: Path, config: Path, folder: Path, count: int = 2) -> Iterator[list[ReplicaServer]]:
    """Run some servers over the same stores while the context is open.

    Args:
        catalog: a folder of images.
        config: of all of them.
        folder: for their state.
        count: of servers.
    """
    with ExitStack() as stack:
        servers = []
        for number in range(count):
            server = ReplicaServer(catalog, config, folder / f"replica-{number}-{os.getpid()}")
            stack.callback(server.end)
            server.start()
            servers.append(server)
        yield servers


def rendering(servers: Sequence[ReplicaServer], database: str) -> ReplicaServer | None:
    """Return the server that holds the lease of a render; None where there is none now.

    Args:
        servers: that are asked about.
        database: address of theirs.
    """
    import psycopg

    with psycopg.connect(database) as connection:
        rows = connection.execute("SELECT owner FROM rasterwire.leases WHERE until > clock_timestamp()").fetchall()
    pids = {int(owner.rpartition(":")[2]) for (owner,) in rows}
    return next((server for server in servers if server.pid in pids), None)
