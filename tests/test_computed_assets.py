"""Images of an expression as assets, and an asset's pixels by region, over Earth Engine's doors."""

import io
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rasterio.io import MemoryFile

from effort import HANG
from graphs import call, graph, load
from images import SCENE
from rasterwire.server.settings import Settings
from serving import Served, served

COLLECTION, INDEX = SCENE.rsplit("/", 1)


@pytest.fixture(scope="module")
def server(demo_catalog: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("assets")
    with served(Settings(demo_catalog, grpc_port=0, http_port=0, state_dir=folder / "state")) as server:
        yield server


def ask(server: Served, path: str, body: dict[str, Any]) -> tuple[int, bytes]:
    kind = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{server.http}/v1/projects/{path}", json.dumps(body).encode(), kind)
    try:
        with urllib.request.urlopen(request, timeout=HANG) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def images(server: Served, result: Any, **fields: object) -> tuple[int, dict[str, Any]]:
    body = {"expression": graph(result), **fields}
    status, answer = ask(server, "my-project/imageCollection:computeImages", body)
    return status, json.loads(answer)


LOADED = call("ImageCollection.load", id=COLLECTION)


def test_the_images_of_a_collection_are_told_with_their_grids(server: Served) -> None:
    status, answer = images(server, LOADED)
    assert status == 200
    (image,) = answer["images"]
    assert (image["type"], image["id"], image["properties"]["system:index"]) == ("IMAGE", SCENE, INDEX)
    band = next(band for band in image["bands"] if band["id"] == "B11")
    assert band["dataType"] == {"precision": "INT", "range": {"min": 0, "max": 65535}}
    transform = {"scaleX": 20, "shearX": 0, "translateX": 576960, "shearY": 0, "scaleY": -20, "translateY": 4106280}
    dimensions = {"width": 534, "height": 534}
    assert band["grid"] == {"crsCode": "EPSG:32610", "dimensions": dimensions, "affineTransform": transform}


def test_the_images_come_in_pages(server: Served) -> None:
    twice = call("ImageCollection.fromImages", images=[load(SCENE)] * 2)
    status, first = images(server, twice, pageSize=1)
    assert (status, len(first["images"])) == (200, 1)
    status, last = images(server, twice, pageSize=1, pageToken=first["nextPageToken"])
    assert (status, len(last["images"]), "nextPageToken" in last) == (200, 1, False)
    assert images(server, twice, pageToken="9" * 30)[1]["images"] == []


@pytest.mark.parametrize(
    ("result", "fields"),
    [
        (1, {}),
        (LOADED, {"pageSize": -1}),
        (LOADED, {"pageToken": "abc"}),
        (LOADED, {"pageSize": [1]}),
        (LOADED, {"pageSize": 1e400}),
    ],
)
def test_what_is_no_page_of_images_is_refused(server: Served, result: Any, fields: dict[str, object]) -> None:
    status, answer = images(server, result, **fields)
    assert (status, answer["error"]["status"]) == (400, "INVALID_ARGUMENT")


def test_a_region_of_an_asset_in_another_crs_is_the_right_way_up(server: Served) -> None:
    ring = [[-122.08, 37.05], [-122.07, 37.05], [-122.07, 37.055], [-122.08, 37.055], [-122.08, 37.05]]
    region = {"type": "Polygon", "coordinates": [ring], "geodesic": False}
    grid = {"crsCode": "EPSG:4326", "dimensions": {"width": 20, "height": 10}}
    body = {"fileFormat": "GEO_TIFF", "bandIds": ["B3"], "region": region, "grid": grid}
    status, answer = ask(server, f"earthengine-public/assets/{SCENE}:getPixels", body)
    assert status == 200
    with MemoryFile(io.BytesIO(answer)) as memory, memory.open() as tif:
        assert tif.shape == (10, 20)
        assert tuple(tif.transform)[:6] == pytest.approx((0.0005, 0, -122.08, 0, -0.0005, 37.055))
