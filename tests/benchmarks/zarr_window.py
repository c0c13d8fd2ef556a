"""Reads a window of a Zarr store on SeaweedFS by rasterwire, and by xarray over obstore, in turns.

    python -m benchmarks.zarr_window [--runs 5]

Prints the median of each, and their ratio with its limit.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import numpy.typing as npt
import obstore
import xarray as xr
import zarr.storage
from obstore.store import S3Store
from odc.geo.crs import CRS

from array_files import coordinates, dataset, plan_of
from rasterwire.catalog.folder import FolderCatalog
from rasterwire.files.arrays import chunks, opened, remote_store
from rasterwire.files.sources import configure, loop
from rasterwire.files.sources.make import make_sources
from rasterwire.files.sources.settings import SourceSettings
from rasterwire.geo.region import box_region
from rasterwire.pixels import Window
from rasterwire.render.block import render_block
from rasterwire.render.engine import ThreadEngine
from seaweed import Seaweed, seaweed

SIDE, WINDOW, CHUNK, FIRST = 8192, 4096, 512, 512
LIMIT = 1.2
"""Of the time of xarray."""

Values = npt.NDArray[np.uint16]


def scene() -> Values:
    """Return smooth values with some noise, which deflate to about half their size."""
    dice = np.random.default_rng(7)
    y, x = np.mgrid[:SIDE, :SIDE]
    smooth = 2000 + 800 * np.sin(x / 371) + 500 * np.cos(y / 293)
    values: Values = (smooth + dice.normal(0, 40, (SIDE, SIDE))).astype("uint16")
    return values


def bucket(server: Seaweed) -> S3Store:
    return S3Store(
        "bench",
        prefix="a.zarr",
        endpoint=server.endpoint,
        access_key_id=server.key,
        secret_access_key=server.secret,
        region="us-east-1",
        virtual_hosted_style_request=False,
        client_options={"allow_http": True},
    )


def load_by_xarray(server: Seaweed) -> Values:
    store = zarr.storage.ObjectStore(bucket(server), read_only=True)
    part = slice(FIRST, FIRST + WINDOW)
    with xr.open_zarr(store, mask_and_scale=False) as data:
        return np.asarray(data["v"].isel(y=part, x=part).load().values)


@contextmanager
def prepared(folder: Path, server: Seaweed) -> Iterator[Callable[[], Values]]:
    """Yield a function that renders the window as a download does, with nothing cached but the settings."""
    keys = folder / "keys"
    keys.write_text(f"[default]\naws_access_key_id = {server.key}\naws_secret_access_key = {server.secret}\n")
    keys.chmod(0o600)
    settings = SourceSettings("s3://bench/", server.endpoint, "us-east-1", str(keys))
    item: dict[str, Any] = {"type": "Feature", "stac_version": "1.1.0", "id": "a", "geometry": None, "links": []}
    item |= {"properties": {}, "assets": {"v": {"href": "s3://bench/a.zarr"}}}
    (folder / "catalog").mkdir()
    (folder / "catalog" / "a.json").write_text(json.dumps(item))
    configure(make_sources([settings]))
    engine = ThreadEngine(2)
    catalog = FolderCatalog(folder / "catalog")
    left, top = 500_000 + 10 * FIRST, 4_000_000 - 10 * FIRST
    box = box_region(left, top - 10 * WINDOW, left + 10 * WINDOW, top, CRS("EPSG:32610"))

    def load() -> Values:
        chunks._planes = chunks._Planes(chunks._CACHE_BYTES)
        opened._layers.clear()
        remote_store._stores.clear()
        raster = plan_of(catalog.get("a"), region=box)
        windows = [Window(row, 0, CHUNK, WINDOW) for row in range(0, WINDOW, CHUNK)]
        blocks = engine.map(lambda window: render_block(raster, window)[0].data, windows)
        return np.concatenate(list(blocks))

    try:
        yield load
    finally:
        engine.close()
        catalog.close()
        configure({})
        loop.stop()


def measure(runs: int) -> tuple[float, float]:
    """Return the median of seconds of xarray and of rasterwire; the first run of each does not count."""
    times: dict[str, list[float]] = {"xarray": [], "rasterwire": []}
    with seaweed() as server, tempfile.TemporaryDirectory() as folder:
        values = scene()
        obstore.put(bucket(server), "made", b"1")  # makes the bucket too
        store = zarr.storage.ObjectStore(bucket(server))
        data = dataset({"v": (("y", "x"), values)}, **coordinates(SIDE, SIDE))
        data.to_zarr(store, mode="a", zarr_format=3, consolidated=True, encoding={"v": {"chunks": (CHUNK, CHUNK)}})
        want = values[FIRST : FIRST + WINDOW, FIRST : FIRST + WINDOW]
        with prepared(Path(folder), server) as load:
            for number in range(runs + 1):
                for name, function in (("xarray", partial(load_by_xarray, server)), ("rasterwire", load)):
                    start = time.perf_counter()
                    got = function()
                    seconds = time.perf_counter() - start
                    if not np.array_equal(got, want):
                        raise AssertionError(f"{name} gives other pixels")
                    if number:
                        times[name].append(seconds)
    return median(times["xarray"]), median(times["rasterwire"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    by_xarray, ours = measure(parser.parse_args().runs)
    ratio = ours / by_xarray
    verdict = "pass" if ratio <= LIMIT else "FAIL"
    print(
        f"Zarr v3 on S3, {WINDOW} x {WINDOW} of {CHUNK}-px chunks: xarray + obstore {by_xarray:.3f} s, "
        f"rasterwire {ours:.3f} s, ratio {ratio:.2f}, at most {LIMIT}: {verdict}"
    )
    sys.exit(ratio > LIMIT)


if __name__ == "__main__":
    main()
