"""Downloads whose rendering server is killed at a random moment: the client goes on, and has the same bytes."""

import random
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import rasterio

from benchmarks.production.shared import Bar, Shared
from rasterwire import Client
from rasterwire.client import RetryPolicy
from replica_servers import ReplicaServer, rendering

SIDE, FACTOR = 1000, 5
"""Of the image, and how much finer the downloads are: 50 MB each."""

_PATIENCE = RetryPolicy(attempts=60, longest_wait=1.0)
"""For a server that is started again; without another one nobody answers meanwhile."""


def kills(shared: Shared, count: int) -> Iterator[Bar]:
    """Yield a bar for a server without a balancer, and for each balancer."""
    image = shared.image(SIDE)
    folder = shared.new_folder("downloads")
    with shared.balanced(image) as (servers, balancers, database):
        ways = {"direct": servers[0].address} | {b.name: b.address for b in balancers.values()}
        for way, address in ways.items():
            good = hits = 0
            for number in range(count):
                nodata = float(60_000 + len(way) * 500 + number)
                came, is_hit = _came(address, folder / f"{number}.tif", nodata, servers, database)
                good += came and _is_right(folder / f"{number}.tif", image, nodata, servers[1])
                hits += is_hit
            title = f"{way}: {hits} of {count} servers killed while they rendered, same bytes"
            yield Bar(title, f"{good} of {count}", f"{count} of {count}", good == count)


def _params(nodata: float) -> dict[str, object]:
    return {"image": "a", "format": "GEO_TIFF", "scale": 10 / FACTOR, "nodata": nodata}


def _came(address: str, path: Path, nodata: float, servers: list[ReplicaServer], database: str) -> tuple[bool, bool]:
    """Return whether a download came, and whether a server was killed while it rendered."""
    share, reached = random.random(), threading.Event()

    def progress(done: int, size: int | None) -> None:
        if done > share * (size or 0):
            reached.set()

    with Client(address, retry=_PATIENCE) as client:
        future = client.download_future(_params(nodata), path, progress=progress)
        future.add_done_callback(lambda _: reached.set())
        reached.wait()
        killed = rendering(servers, database)
        if killed is not None:
            killed.kill()
            killed.start()
        with suppress(Exception):
            future.result()
            return True, killed is not None
    print(f"  download {nodata:g} failed: {future.exception()}")
    return False, killed is not None


def _is_right(path: Path, image: Path, nodata: float, server: ReplicaServer) -> bool:
    """Compare a file with another render, which is kept nowhere, and with the source."""
    with Client(server.address, retry=_PATIENCE) as client:
        is_same = path.read_bytes() == client.stream(_params(nodata))
    with rasterio.open(path) as made, rasterio.open(image) as source:
        is_right = np.array_equal(made.read(1)[::FACTOR, ::FACTOR], source.read(1))
    path.unlink()
    if not (is_same and is_right):
        print(f"  download {nodata:g} has other bytes")
    return is_same and is_right
