"""Scenes for the benchmark of remote files: COGs of their own, the items that name them, and their plain download."""

import asyncio
import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path

import aiohttp
import rasterio
import tifffile
from rasterio.windows import Window

from benchmarks.source import Source

SIDE = 1024
COUNT = 200
_IN_FLIGHT = 16
_BANDS = ("B02", "B03")
_FOLDER = "scenes"
_PLACE = rasterio.Affine(10, 0, 399960, 0, -10, 5000040)


def make_scenes(source: Source) -> list[Path]:
    """Return files with different pixels of a scene at the same place, made beside it if they are not there."""
    folder = source.catalog.with_name(_FOLDER)
    folder.mkdir(exist_ok=True)
    places = list(product(_BANDS, range(0, 10 * SIDE, SIDE), range(0, 10 * SIDE, SIDE)))
    paths = [folder / f"{number}.tif" for number in range(COUNT)]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda path, place: _make(source, path, *place), paths, places))
    return paths


def _make(source: Source, path: Path, band: str, row: int, col: int) -> None:
    if path.exists():
        return
    with rasterio.open(source.path(band)) as whole:
        pixels = whole.read(1, window=Window(col, row, SIDE, SIDE))
        crs = whole.crs
    part = path.with_suffix(".part")
    shape = {"driver": "COG", "height": SIDE, "width": SIDE, "count": 1, "dtype": "uint16", "nodata": 0}
    layout = {"compress": "deflate", "predictor": 2, "blocksize": 512, "overviews": "none"}
    with rasterio.open(part, "w", crs=crs, transform=_PLACE, **shape, **layout) as file:
        file.write(pixels, 1)
    part.replace(path)


def tiles_of(path: Path) -> tuple[int, int]:
    """Return the first byte and the number of bytes from the first to the last tile of a file."""
    with tifffile.TiffFile(path) as file:
        page = file.pages.first
        first = min(page.dataoffsets)
        end = max(map(sum, zip(page.dataoffsets, page.databytecounts, strict=True)))
    return first, end - first


def write_item(folder: Path, image_id: str, url: str) -> None:
    """Write a STAC item whose one asset is a remote file."""
    item: dict[str, object] = {
        "type": "Feature",
        "stac_version": "1.1.0",
        "id": image_id,
        "geometry": None,
        "properties": {},
        "links": [],
        "assets": {"B02": {"href": url}},
    }
    folder.mkdir(exist_ok=True)
    (folder / f"{image_id}.json").write_text(json.dumps(item))


def download(parts: Sequence[tuple[str, int, int]]) -> int:
    """Download parts by one request each, 16 at the same time.

    Args:
        parts: address of a file, first byte and number of bytes.

    Returns:
        How many bytes came.
    """
    return asyncio.run(_download(iter(parts)))


async def _download(parts: Iterator[tuple[str, int, int]]) -> int:
    async with aiohttp.ClientSession() as session:

        async def take_turns() -> int:
            size = 0
            for url, first, number in parts:
                headers = {"Range": f"bytes={first}-{first + number - 1}"}
                async with session.get(url, headers=headers) as answer:
                    size += len(await answer.read())
            return size

        return sum(await asyncio.gather(*(take_turns() for _ in range(_IN_FLIGHT))))
