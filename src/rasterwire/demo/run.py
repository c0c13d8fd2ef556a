"""Runs the five requests of Earth Engine's documentation against a new local server."""

import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio.io import MemoryFile
from rich.console import Console

from rasterwire.client import Client
from rasterwire.client.preview import write_preview
from rasterwire.demo.scene import make_scene

IMAGE = "COPERNICUS/S2_SR/20210109T185751_20210109T185931_T10SEG"

_common = {"image": IMAGE, "bands": ["B3", "B8", "B11"], "region": [-122.0859, 37.0436, -122.0626, 37.0586]}

REQUESTS: dict[str, dict[str, Any]] = {
    "NPY": {**_common, "scale": 20, "format": "NPY"},
    "a file per band": {**_common, "name": "single_band"},
    "one file in a zip": {**_common, "name": "multi_band", "scale": 20, "filePerBand": False},
    "a scale for each band": {
        **_common,
        "name": "custom_single_band",
        "bands": [{"id": "B3", "scale": 10}, {"id": "B8", "scale": 10}, {"id": "B11", "scale": 20}],
    },
    "GEO_TIFF": {**_common, "name": "multi_band", "scale": 20, "format": "GEO_TIFF"},
}
"""The examples of ``ee.data.getDownloadId``, by title."""

_SERVE = "import sys; from rasterwire.cli import main; sys.argv[0] = 'rasterwire'; main()"


def run_demo(folder: Path) -> int:
    """Make a scene, serve it, download the five files into ``folder``, and print a description of each.

    Returns:
        The exit code.
    """
    console = Console()
    folder.mkdir(parents=True, exist_ok=True)
    console.print(f"making a Sentinel-2-like scene under {IMAGE}", highlight=False, soft_wrap=True)
    make_scene(folder / "catalog")
    with _server(folder) as address, Client(address) as client:
        console.print(f"serving it on {address}; requesting the documentation's five downloads\n")
        for number, (title, params) in enumerate(REQUESTS.items(), start=1):
            target = folder / f"{number}"
            target.mkdir(exist_ok=True)
            result = client.download(params, target)
            write_preview(client, params, result.plan, target / "preview.png")
            checksum = f"{result.size:,} bytes, crc32c {result.crc32c:08x}"
            console.print(f"[bold]{title}[/]: {result.path.name}, {checksum}", highlight=False, soft_wrap=True)
            for row in _rows(result.path):
                console.print("    " + "   ".join(row), highlight=False, markup=False, soft_wrap=True)
            console.print(f"    picture: {target / 'preview.png'}\n", highlight=False, soft_wrap=True)
    console.print(f"all files are in {folder}", soft_wrap=True)
    return 0


@contextmanager
def _server(folder: Path) -> Iterator[str]:
    options = ["--grpc-port", "0", "--http-port", "0", "--state-dir", str(folder / "state")]
    command = [sys.executable, "-c", _SERVE, "serve", str(folder / "catalog"), *options]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        try:
            yield _address(server)
        finally:
            server.terminate()
            if server.stderr is not None:
                server.stderr.read()  # to the end, so that the server never blocks at a full pipe
            server.wait(30)


def _address(server: "subprocess.Popen[str]") -> str:
    """Return the gRPC address of the server, from its output."""
    output = ""
    for line in server.stderr or ():
        output += line
        if "serving" in line:
            return line.split(" on grpc ")[1].split(",")[0].strip()
    raise RuntimeError(f"the server did not start:\n{output}")


def _rows(path: Path) -> Iterator[tuple[str, str, str, str]]:
    """Yield file, bands, size and grid of each raster in a downloaded file."""
    if path.suffix == ".npy":
        array = np.load(path)
        fields = array.dtype.fields or {}
        bands = ", ".join(f"{name} {fields[name][0]}" for name in array.dtype.names or ())
        yield path.name, bands, f"{array.shape[1]} x {array.shape[0]}", "(an NPY file has no grid; see the plan)"
    elif path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                with MemoryFile(archive.read(name)) as memory, memory.open() as raster:
                    yield name, *_description(raster)
    else:
        with rasterio.open(path) as raster:
            yield path.name, *_description(raster)


def _description(raster: rasterio.DatasetReader) -> tuple[str, str, str]:
    bands = ", ".join(f"{name} {dtype}" for name, dtype in zip(raster.descriptions, raster.dtypes, strict=True))
    numbers = ", ".join(f"{number:g}" if abs(number) < 1e5 else f"{number:.0f}" for number in raster.transform[:6])
    return bands, f"{raster.width} x {raster.height}", f"{raster.crs.to_string()} [{numbers}]"
