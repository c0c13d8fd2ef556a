"""Tiles of registered downloads, over HTTP."""

import io
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from asking import ask
from cases import every
from graphs import call, graph, load
from images import SCENE
from pictured import read_picture, shades
from rasterwire.server.settings import Settings
from serving import Served, served

JSON = {"Content-Type": "application/json"}
SIDE = 64


@pytest.fixture(scope="module")
def folder(demo_catalog: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiles")
    shutil.copytree(demo_catalog, folder / "catalog")
    return folder


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Served]:
    with served(Settings(folder / "catalog", grpc_port=0, http_port=0, state_dir=folder / "state")) as running:
        yield running


def band(folder: Path) -> Path:
    return next(path for path in sorted((folder / "catalog").rglob("*B4*.tif")))


def created(server: Served, **changes: Any) -> tuple[str, str]:
    params = {"image": SCENE, "bands": ["B4"], "format": "NPY", **changes}
    status, _, body = ask(server, "POST", "/v1/downloads", json.dumps(params).encode(), JSON)
    assert status == 200, body
    identity = json.loads(body)["downloadId"]
    return f"/v1/{identity['name']}/tiles", f"?token={identity['token']}"


def top(folder: Path, zooms: int) -> dict[str, Any]:
    with rasterio.open(band(folder)) as file:
        a, _, x, _, e, y = tuple(file.transform)[:6]
        crs = file.crs.to_string()
    size = 2**zooms
    return {"crs": crs, "crs_transform": [a * size, 0, x, 0, e * size, y], "dimensions": [SIDE, SIDE]}


def test_tiles_at_the_last_zoom_are_the_pixels_of_the_file(server: Served, folder: Path) -> None:
    tiles, token = created(server, **top(folder, 3))
    with rasterio.open(band(folder)) as file:
        pixels = file.read(1)
    for column, row in ((0, 0), (5, 2), (7, 7)):
        status, headers, body = ask(server, "GET", f"{tiles}/3/{column}/{row}{token}")
        assert status == 200
        age = re.fullmatch(r"private, max-age=(\d+), immutable", headers["Cache-Control"])
        assert age is not None
        assert 0 < int(age[1]) <= Settings(folder).lifetime_seconds
        expected = pixels[row * SIDE : (row + 1) * SIDE, column * SIDE : (column + 1) * SIDE]
        np.testing.assert_array_equal(np.load(io.BytesIO(body))["B4"], expected)


def test_the_first_tile_is_the_download_itself(server: Served, folder: Path) -> None:
    tiles, token = created(server, **top(folder, 2))
    _, _, tile = ask(server, "GET", f"{tiles}/0/0/0{token}")
    _, _, file = ask(server, "GET", tiles.removesuffix("/tiles") + f":getPixels{token}")
    assert tile == file


def test_there_are_no_tiles_beside_the_first_one_and_none_without_its_token(server: Served, folder: Path) -> None:
    tiles, token = created(server, **top(folder, 2))
    for place in ("0/1/0", "1/2/0", "1/0/2", "41/0/0"):
        status, _, body = ask(server, "GET", f"{tiles}/{place}{token}")
        assert status == 400
        assert [each["reason"] for each in json.loads(body)["error"]["violations"]] == ["TILE_UNKNOWN"], place
    assert ask(server, "GET", f"{tiles}/0/0/0")[0] == 404
    assert ask(server, "GET", f"{tiles}/0/0/0?token={'0' * 32}")[0] == 404


def test_a_download_without_a_grid_in_full_has_no_tiles(server: Served) -> None:
    tiles, token = created(server, scale=60)
    status, _, body = ask(server, "GET", f"{tiles}/0/0/0{token}")
    assert status == 400
    assert "crs_transform" in json.loads(body)["error"]["message"]


@every("format_", ["NPY", "PNG", "JPEG", "GEO_TIFF"])
def test_an_address_shows_nothing_of_an_image_that_changed_since(server: Served, folder: Path, format_: str) -> None:
    path = band(folder)
    before = path.read_bytes()
    tiles, token = created(server, **top(folder, 2), format=format_)
    try:
        with rasterio.open(path) as file:
            profile, pixels = file.profile, file.read()
        with rasterio.open(path.with_suffix(".new"), "w", **profile) as file:
            file.write(pixels[:, ::-1] + 1)
        path.with_suffix(".new").replace(path)
        status, _, body = ask(server, "GET", f"{tiles}/1/0/0{token}")
        assert status == 409, body[:200]
        assert "changed" in json.loads(body)["error"]["message"]
    finally:
        path.write_bytes(before)


def test_tiles_of_an_image_without_bounds_share_one_stretch(server: Served, folder: Path) -> None:
    image = call("Image.select", input=load(SCENE), bandSelectors=["B4"])
    expression = graph(call("Image.unmask", input=image, value=0, sameFootprint=False))
    params = {"expression": expression, "format": "PNG", **top(folder, 3)}
    status, _, body = ask(server, "POST", "/v1/downloads", json.dumps(params).encode(), JSON)
    assert status == 200, body
    answer = json.loads(body)
    identity, (shown,) = answer["downloadId"], answer["plan"]["visualization"]["bands"]
    with rasterio.open(band(folder)) as file:
        pixels = file.read(1, masked=True).filled(0)
    for column, row in ((0, 0), (5, 2)):
        status, _, body = ask(server, "GET", f"/v1/{identity['name']}/tiles/3/{column}/{row}?token={identity['token']}")
        assert status == 200, body
        values = pixels[row * SIDE : (row + 1) * SIDE, column * SIDE : (column + 1) * SIDE]
        np.testing.assert_array_equal(read_picture(body)[0], shades(values, shown["min"], shown["max"]))
