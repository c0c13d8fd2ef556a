"""Windows of a remote COG: requests, bytes and time beside GDAL. Run by ``make bench-remote``.

The file has 10980 pixels a side and tiles of 512, and its server waits 20 ms before each answer.
"""

import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import tifffile
from affine import Affine

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # this folder is the package `benchmarks`

from benchmarks.processes import answers, free_port, server
from benchmarks.remote_reader import WAYS, WINDOWS, configured, image_of, pixels_of
from benchmarks.remote_service import RemoteFiles, whole_trips
from benchmarks.report import Bar
from benchmarks.source import make_source
from rasterwire.errors import SourceUnavailable
from rasterwire.files import byte_reader

_DELAY_MS = 20
_SIDE = 10980
_FOLDER = Path(__file__).parent
_RENDERS = 1000


def main() -> int:
    """Print the table and the bars; returns 1 where one is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path(".bench-data"), help="where the scene is, or is made")
    parser.add_argument("--runs", type=int, default=5, help="of each way, in turns")
    peers = os.environ.get("PEERS_PYTHON")
    parser.add_argument("--peers-python", type=Path, default=peers, help="python with titiler (or PEERS_PYTHON)")
    arguments = parser.parse_args()
    source = make_source(arguments.data, _SIDE)
    bars: list[Bar] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "scene.tif").symlink_to(source.path("B02"))
        runs: dict[str, list[dict[str, dict[str, Any]]]] = {way: [] for way in WAYS}
        with _serving(folder, _DELAY_MS) as base:
            for _ in range(arguments.runs):
                for way in WAYS:
                    runs[way].append(_read(way, f"{base}/scene.tif", folder))
        _print_table(runs)
        bars += _bars(runs, source.path("B02"))
        bars.append(_replaced(folder))
        served = folder / "whole trips"
        served.mkdir()
        with _serving(served, _DELAY_MS) as base:
            bars += whole_trips(RemoteFiles(served, base, source, arguments.runs), arguments.peers_python)
    for bar in bars:
        print(bar, flush=True)
    return int(not all(bar.passed for bar in bars))


@contextmanager
def _serving(folder: Path, delay_ms: int) -> Iterator[str]:
    port = free_port()
    command = [sys.executable, str(_FOLDER / "range_server.py"), str(folder), str(port), str(delay_ms)]
    base = f"http://127.0.0.1:{port}"
    with server(command, lambda: answers(f"{base}/count"), folder / "range_server.log"):
        yield base


def _read(way: str, url: str, folder: Path) -> dict[str, dict[str, Any]]:
    """Return what a new process that reads in one way tells of each window."""
    kept = folder / "kept"
    shutil.rmtree(kept, ignore_errors=True)
    command = [sys.executable, str(_FOLDER / "remote_reader.py"), way, url, str(kept)]
    paths = os.pathsep.join([str(_FOLDER.parent), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        command, check=True, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": paths}
    )
    return {line["name"]: line for line in map(json.loads, done.stdout.splitlines())}


def _print_table(runs: dict[str, list[dict[str, dict[str, Any]]]]) -> None:
    for name, *_ in WINDOWS:
        for way, results in runs.items():
            seconds = sorted(result[name]["seconds"] for result in results)
            first = results[0][name]
            times = f"{statistics.median(seconds):.3f} s ({seconds[0]:.3f} - {seconds[-1]:.3f})"
            print(f"{name:16} {way:11} {first['requests']:3} requests {first['bytes'] / 1e6:6.2f} MB  {times}")
        checksums = {result[name]["checksum"] for results in runs.values() for result in results}
        print(f"{name:16} pixels {'equal' if len(checksums) == 1 else 'DIFFER'}", flush=True)


def _bars(runs: dict[str, list[dict[str, dict[str, Any]]]], path: Path) -> list[Bar]:
    results = runs["rasterwire"]
    bars = []
    for name, most in zip((name for name, *_ in WINDOWS), (3, 2, 0, 12, 0), strict=True):
        requests = max(result[name]["requests"] for result in results)
        bars.append(Bar(f"{name}: at most {most} requests", str(requests), requests <= most))
    ratio = max(result["4096"]["bytes"] for result in results) / _tile_bytes(path, *WINDOWS[3][1:])
    bars.append(Bar("4096: at most 1.2 times the bytes of its tiles", f"{ratio:.2f}", ratio <= 1.2))
    own_seconds, gdal_seconds = (
        statistics.median(result["4096"]["seconds"] for result in runs[way]) for way in ("rasterwire", "GDAL")
    )
    share = own_seconds / gdal_seconds
    bars.append(Bar("4096: no slower than GDAL with tuned settings", f"{share:.2f} of its time", share <= 1))
    return bars


def _tile_bytes(path: Path, col: int, row: int, side: int) -> int:
    """Return the stored bytes of the tiles under a window."""
    with tifffile.TiffFile(path) as file:
        page = file.pages.first
        across = -(-page.imagewidth // page.tilewidth)
        return sum(
            page.databytecounts[down * across + right]
            for down in range(row // page.tilelength, -(-(row + side) // page.tilelength))
            for right in range(col // page.tilewidth, -(-(col + side) // page.tilewidth))
        )


def _replaced(folder: Path) -> Bar:
    """Render from a file that is replaced by its inverse again and again."""
    data = np.random.default_rng(1).integers(0, 1 << 16, (3072, 3072)).astype("uint16")
    versions = data, ~data
    for number, pixels in enumerate(versions):
        _write_cog(folder / f"{number}.tif", pixels)
    served, following = folder / "replaced.tif", folder / "next.tif"
    served.symlink_to("0.tif")
    stop = threading.Event()

    def replace() -> None:
        count = 0
        while not stop.wait(0.02):
            count += 1
            following.symlink_to(f"{count % 2}.tif")
            following.replace(served)

    wrong = refused = 0
    chance = random.Random(3)
    with _serving(folder, 2) as base, configured(f"{base}/", folder / "kept") as engine:
        byte_reader.keep_tiles(None)
        replacing = threading.Thread(target=replace)
        replacing.start()
        try:
            for _ in range(_RENDERS):
                col, row = chance.randrange(2048), chance.randrange(2048)
                byte_reader.forget_tiles()  # so that each render asks the server
                try:
                    pixels = pixels_of(image_of(f"{base}/replaced.tif"), engine, col, row, 1024)
                except SourceUnavailable:
                    refused += 1
                    continue
                window = np.s_[row : row + 1024, col : col + 1024]
                wrong += not any(np.array_equal(pixels, version[window]) for version in versions)
        finally:
            stop.set()
            replacing.join()
    reached = f"{wrong} wrong, {refused} refused of {_RENDERS}"
    return Bar("an object replaced in the middle of renders: no wrong pixel", reached, not wrong)


def _write_cog(path: Path, pixels: Any) -> None:
    height, width = pixels.shape
    options = {"width": width, "height": height, "count": 1, "dtype": "uint16", "crs": "EPSG:32610"}
    place = Affine(10, 0, 499980, 0, -10, 4200000)
    with rasterio.open(path, "w", driver="COG", compress="lzw", overviews="none", transform=place, **options) as file:
        file.write(pixels, 1)


if __name__ == "__main__":
    sys.exit(main())
