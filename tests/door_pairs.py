"""Creates something at a door of the servers and gets it, each by a call of its own, and looks at what came."""

import io
import json
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import rasterio
from rasterio.io import MemoryFile

from effort import HANG
from graphs import call, graph, load
from rasterwire import Client

__all__ = ["PAIRS", "Pair", "check_pixels"]

_PROJECT = "/v1/projects/my-project"

Pair = Callable[[Client, str, Path, int], None]
"""Creates and gets the thing of a number; by a client or at an address of HTTP, of the image in a file."""


def _asked(address: str, body: Any = None) -> bytes:
    """Return what one plain request gets, which is made once."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(address, data, {} if data is None else {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=HANG) as answer:
        return bytes(answer.read())


def check_pixels(data: bytes, image: Path) -> None:
    """Fail where a GeoTIFF has other pixels than the image."""
    with MemoryFile(data) as memory, memory.open() as made, rasterio.open(image) as source:
        assert np.array_equal(made.read(), source.read())


def by_grpc(client: Client, _: str, image: Path, number: int) -> None:
    """By gRPC, with the project's client, which creates a download and reads it, over lost connections too."""
    with TemporaryDirectory() as folder:
        params = {"image": "a", "format": "GEO_TIFF", "nodata": float(number)}
        check_pixels(client.download(params, folder).path.read_bytes(), image)


def by_http(_: Client, http: str, image: Path, number: int) -> None:
    """By HTTP, with the params of the schema."""
    params = {"image": "a", "format": "FORMAT_GEO_TIFF", "nodata": float(number)}
    created = json.loads(_asked(f"{http}/v1/downloads", params))["downloadId"]
    check_pixels(_asked(f"{http}/v1/{created['name']}:getPixels?token={created['token']}"), image)


def by_earth_engine(_: Client, http: str, image: Path, number: int) -> None:
    """By thumbnails, as Earth Engine's clients ask for them."""
    with rasterio.open(image) as source:
        place, shape = source.transform, source.shape
        expected = source.read(1)
    grid = {
        "dimensions": {"width": shape[1], "height": shape[0]},
        "crsCode": "EPSG:32610",
        "affineTransform": {
            "scaleX": place.a, "translateX": place.c, "scaleY": place.e, "translateY": place.f,
        },
    }  # fmt: skip
    added = graph(call("Image.add", image1=load("a"), image2=call("Image.constant", value=number)))
    created = json.loads(
        _asked(f"{http}{_PROJECT}/thumbnails", {"expression": added, "fileFormat": "NPY", "grid": grid})
    )
    values = np.load(io.BytesIO(_asked(f"{http}/v1/{created['name']}:getPixels")))["B1"]
    assert np.array_equal(values, expected.astype(values.dtype) + number)


def by_maps(_: Client, http: str, image: Path, number: int) -> None:
    """By the tiles of a map."""
    shown = call("Image.constant", value=number % 256)
    created = json.loads(_asked(f"{http}{_PROJECT}/maps", {"expression": graph(shown), "fileFormat": "PNG"}))
    with MemoryFile(_asked(f"{http}/v1/{created['name']}/tiles/0/0/0")) as memory, memory.open() as tile:
        assert (tile.read(1) == number % 256).all()


PAIRS: Mapping[str, Pair] = {"gRPC": by_grpc, "HTTP": by_http, "Earth Engine": by_earth_engine, "maps": by_maps}
