"""Reads windows of a remote file in a process of its own: ``python remote_reader.py rasterwire|GDAL URL FOLDER``.

Prints a line of JSON for each window: its name, seconds, requests, bytes and the checksum of its pixels.
"""

import json
import sys
import time
import urllib.request
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio
from rasterio.windows import Window as RasterWindow

from rasterwire.catalog.bands import assemble
from rasterwire.catalog.entry import Entry, Naming, Source
from rasterwire.catalog.header import read_header
from rasterwire.encode.npy import npy_windows
from rasterwire.files import byte_reader
from rasterwire.files.decoded_tile import warm_up
from rasterwire.files.sources import configure
from rasterwire.files.sources.make import make_sources
from rasterwire.files.sources.settings import SourceSettings
from rasterwire.files.tile_folder import TileFolder
from rasterwire.image import Image
from rasterwire.pixels import Window
from rasterwire.plan import Limits, make_plan
from rasterwire.render.block import render_block
from rasterwire.render.engine import ThreadEngine
from rasterwire.request import DownloadRequest, Format, GridSpec

WINDOWS = (
    ("256, cold", 5000, 5000, 256),
    ("256, elsewhere", 2000, 8000, 256),
    ("256, again", 2000, 8000, 256),
    ("4096", 3000, 3000, 4096),
    ("4096, again", 3000, 3000, 4096),
)
"""Name, column, row and pixels a side."""

_TUNED: dict[str, str | int] = {
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": ".tif",
    "GDAL_HTTP_MERGE_CONSECUTIVE_RANGES": "YES",
    "GDAL_HTTP_MULTIPLEX": "YES",
    "GDAL_INGESTED_BYTES_AT_OPEN": "65536",
    "VSI_CACHE": "TRUE",
    "VSI_CACHE_SIZE": "50000000",
    "GDAL_NUM_THREADS": "2",
    "GDAL_CACHEMAX": 128 << 20,
}

Pixels = npt.NDArray[Any]
Read = Callable[[int, int, int], Pixels]
"""Returns the pixels at a column and row, by pixels a side."""


@contextmanager
def own(url: str, folder: Path) -> Iterator[Read]:
    """Read by this project, whose tiles are kept in a folder."""
    images: list[Image] = []

    def read(col: int, row: int, side: int) -> Pixels:
        if not images:
            images.append(image_of(url))
        return pixels_of(images[0], engine, col, row, side)

    with configured(url, folder) as engine:
        yield read


@contextmanager
def configured(url: str, folder: Path) -> Iterator[ThreadEngine]:
    """Allow addresses beside one for the time of the block, in which the engine may be used."""
    warm_up()
    configure(make_sources([SourceSettings(url.rsplit("/", 1)[0] + "/", private_addresses=("127.0.0.0/8",))]))
    byte_reader.keep_tiles(TileFolder(folder, 1 << 30))
    engine = ThreadEngine(2)
    try:
        yield engine
    finally:
        engine.close()
        configure({})


def pixels_of(image: Image, engine: ThreadEngine, col: int, row: int, side: int) -> Pixels:
    """Return the pixels of the first band of an image at a column and row."""
    grid = image.bands[0].grid[row : row + side, col : col + side]
    spec = GridSpec(grid.crs, grid.affine, (side, side))
    raster = make_plan(DownloadRequest("remote", format=Format.NPY, grid=spec), image, Limits()).rasters[0]

    def block(window: Window) -> Pixels:
        return render_block(raster, window)[0].data

    return np.concatenate(list(engine.map(block, npy_windows(raster))))


def image_of(url: str) -> Image:
    """Return the image of a remote file, whose header is read."""
    entry = Entry("remote", "remote", Naming.WHOLE_FILE, (Source("remote", "remote", url),))
    return Image("remote", assemble(entry, [read_header(url)]))


@contextmanager
def gdal(url: str, folder: Path) -> Iterator[Read]:
    """Read by GDAL's own network."""
    files: list[rasterio.DatasetReader] = []

    def read(col: int, row: int, side: int) -> Pixels:
        if not files:
            files.append(rasterio.open(f"/vsicurl/{url}"))
        pixels: Pixels = files[0].read(1, window=RasterWindow(col, row, side, side))
        return pixels

    with rasterio.Env(**_TUNED):
        yield read
        for file in files:
            file.close()


WAYS = {"rasterwire": own, "GDAL": gdal}


def count(url: str) -> dict[str, int]:
    """Return what the server counted since the last time."""
    with urllib.request.urlopen(url.rsplit("/", 1)[0] + "/count") as answer:
        counts: dict[str, int] = json.load(answer)
        return counts


def main() -> None:
    """Read all windows in one way."""
    way, url, folder = sys.argv[1:4]
    with WAYS[way](url, Path(folder)) as read:
        count(url)
        for name, col, row, side in WINDOWS:
            began = time.perf_counter()
            pixels = read(col, row, side)
            seconds = time.perf_counter() - began
            checksum = zlib.crc32(pixels.tobytes())
            sys.stdout.write(json.dumps({"name": name, "seconds": seconds, "checksum": checksum} | count(url)) + "\n")


if __name__ == "__main__":
    main()
