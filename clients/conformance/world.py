"""The images and the servers that all languages are asked about."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine

__all__ = ["Server", "make_catalog"]

_START_SECONDS = 300
_BIG = 2400
"""Pixels of a side of the image whose file is larger than what clients write between two notes of a part."""


def make_catalog(folder: Path) -> None:
    """Write the images; they are the same on every machine."""
    rows, columns = np.mgrid[:48, :64]
    values = (rows * 64 + columns + 1).astype("uint16")
    _write(folder / "plain.tif", {"B3": values, "B8": values[::-1] * 2, "B11": values * 3}, 10)
    _write(folder / "holes.tif", {"B1": np.where(values % 7, values, 0).astype("uint16")}, 10, nodata=0)
    _write(folder / "float.tif", {"ndvi": (values / 4096).astype("float32")}, 30)
    _write(folder / "Grüße" / "北京 été" / "a.tif", {"Höhe 高": values, "B 2": values + 1}, 10)
    series = [np.full((48, 64), number, "uint16") for number in (1, 2, 3)]
    for number, day in enumerate(series, 1):
        _write(folder / "series" / f"day{number}" / "a.tif", {"B1": day}, 10)
    noise = np.random.default_rng(1).integers(1, 60_000, (2, _BIG, _BIG)).astype("uint16")
    _write(folder / "big.tif", {"B1": noise[0], "B2": noise[1]}, 10)
    tiny = np.ones((2, 2), "uint8")
    for number in range(205):
        _write(folder / "many" / f"i{number:03}" / "a.tif", {"B1": tiny}, 10)


def _write(
    path: Path, bands: "dict[str, np.ndarray[tuple[int, int], np.dtype[np.generic]]]", metres: int, **more: int
) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    layers = list(bands.values())
    height, width = layers[0].shape
    profile = {"driver": "GTiff", "width": width, "height": height, "count": len(layers), "dtype": layers[0].dtype}
    transform = Affine(metres, 0, 500_000, 0, -metres, 4_100_000)
    with rasterio.open(path, "w", crs="EPSG:32610", transform=transform, **profile, **more) as raster:
        raster.write(np.stack(layers))
        raster.descriptions = tuple(bands)


class Server:
    """A server in a process of its own, which keeps its ports when it is started again.

    Attributes:
        grpc_port, http_port: of 127.0.0.1.
    """

    def __init__(self, catalog: Path, state: Path) -> None:
        self.grpc_port, self.http_port = _free_port(), _free_port()
        self._log = state.with_suffix(".log")
        config = state.with_suffix(".toml")
        config.write_text(f"[[export.destinations]]\nname = 'results'\nfolder = '{state}-results'\n", encoding="utf-8")
        self._command = [sys.executable, "-m", "rasterwire.cli", "serve", str(catalog), "--state-dir", str(state)]
        self._command += ["--config", str(config), "--host", "127.0.0.1"]
        self._command += ["--grpc-port", str(self.grpc_port), "--http-port", str(self.http_port)]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def http(self) -> str:
        """Its address for HTTP."""
        return f"http://127.0.0.1:{self.http_port}"

    def start(self) -> None:
        """Start it, and wait until it answers; loops may still be compiled, others serve meanwhile."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        until = time.monotonic() + _START_SECONDS
        while not self._is_up():
            if self._process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"the server did not start: {self._log.read_text()[-2000:]}")
            time.sleep(0.05)

    def _is_up(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.http}/healthz", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def restart(self) -> None:
        """Kill it, so that it can tell nobody, and start it again."""
        self.end()
        self.start()

    def end(self) -> None:
        """Kill it."""
        if self._process is not None:
            os.kill(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])
