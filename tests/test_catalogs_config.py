"""The config file of the documentation serves a bucket, a STAC API and a folder at once."""

import json
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import obstore
import pytest
import rasterio
from obstore.store import S3Store
from rasterio.transform import from_origin

from doc_blocks import blocks_of
from effort import HANG
from rasterwire import Client
from rasterwire.client.errors import DownloadFailed
from rasterwire.files.sources import configure, loop
from rasterwire.server.settings import Settings, load_settings
from seaweed import Seaweed, seaweed
from serving import Served, served
from stac_double import Json, StacDouble, item_of, stac_double

REGION = [-122.1, 37.0, -122.0, 37.1]


def raster(path: Path, seed: int) -> bytes:
    """Write a tiled raster of random pixels over the region, and return its bytes."""
    pixels = np.random.default_rng(seed).integers(1, 1000, (300, 300), np.uint16)
    profile = {"driver": "GTiff", "width": 300, "height": 300, "count": 1, "dtype": "uint16", "crs": "EPSG:32610"}
    grid = from_origin(580_000, 4_106_000, 30, 30)
    tiles = {"tiled": True, "blockxsize": 64, "blockysize": 64, "compress": "deflate"}
    with rasterio.open(path, "w", transform=grid, **profile, **tiles) as file:
        file.write(pixels, 1)
    return path.read_bytes()


def item_with(item_id: str, collection: str, href: str, band: str) -> Json:
    """Return an item over the region with one raster, whose asset is called ``visual``."""
    west, south, east, north = REGION
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    asset = {"href": href, "type": "image/tiff; application=geotiff", "eo:bands": [{"name": band}]}
    geometry = {"type": "Polygon", "coordinates": [ring]}
    return item_of(item_id, collection, assets={"visual": asset}, bbox=REGION, geometry=geometry)


def fill_bucket(store: Seaweed, files: dict[str, bytes]) -> None:
    keys = {"access_key_id": store.key, "secret_access_key": store.secret, "region": "us-east-1"}
    bucket = S3Store("imagery", endpoint=store.endpoint, client_options={"allow_http": True}, **keys)  # type: ignore[arg-type]
    for name, data in files.items():
        obstore.put(bucket, name, data)


def config_of_the_page(folder: Path, double: StacDouble, store: Seaweed, keys: Path) -> str:
    """Return the first config file of the page, with the addresses of this machine in place of those of the page."""
    text = next(block.text for block in blocks_of("docs/pages/catalogs.md") if block.language == "toml")
    host = urlsplit(double.address).netloc
    places = {
        '"/data"': json.dumps(str(folder)),
        "https://stac.example.org/v1": double.address,
        "https://s3.example.org": store.endpoint,
        "https://data.example.org/": f"http://{host}/",
        "/etc/rasterwire/s3-keys": str(keys),
    }
    for place, replacement in places.items():
        assert place in text
        text = text.replace(place, replacement)
    return text


@pytest.fixture(scope="module")
def rasters(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("rasters")
    return {name: raster(folder / f"{name}.tif", seed) for seed, name in enumerate(("folder", "bucket", "api"))}


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory, rasters: dict[str, bytes]) -> Iterator[Settings]:
    root = tmp_path_factory.mktemp("config")
    folder = root / "folder"
    folder.mkdir()
    (folder / "mine.tif").write_bytes(rasters["folder"])
    keys = root / "keys"
    with seaweed() as store, stac_double() as double:
        keys.write_text(f"[default]\naws_access_key_id = {store.key}\naws_secret_access_key = {store.secret}\n")
        item = item_with("m_37122", "naip", "image.tif", "N")
        links = [{"rel": "item", "href": "item.json"}]
        catalog = {"type": "Catalog", "id": "naip", "stac_version": "1.0.0", "description": "", "links": links}
        documents = {"catalog.json": catalog, "item.json": item}
        fill_bucket(store, {name: json.dumps(document).encode() for name, document in documents.items()})
        fill_bucket(store, {"image.tif": rasters["bucket"]})
        double.files["/files/api.tif"] = rasters["api"]
        href = double.address.replace("/stac", "/files/api.tif")
        double.items = [item_with("S2_X", "sentinel-2-l2a", href, "B4"), item_of("not served", "other")]
        config = root / "rasterwire.toml"
        config.write_text(config_of_the_page(folder, double, store, keys))
        yield load_settings(config, {"grpc_port": 0, "http_port": 0, "state_dir": root / "state"})
    configure({})
    loop.stop()


@pytest.fixture(scope="module")
def server(settings: Settings) -> Iterator[Served]:
    with served(settings) as running:
        _wait_for_the_index(running)
        yield running


def _wait_for_the_index(server: Served) -> None:
    """Wait until the bucket was read for the first time; until then the server says that it was not."""
    end = time.monotonic() + HANG
    with Client(server.address) as client:
        while time.monotonic() < end:
            try:
                list(client.list_images("NAIP/"))
            except DownloadFailed as error:
                assert "the index of this catalog is being made" in str(error), error
                time.sleep(0.05)
            else:
                return


def test_a_bucket_a_stac_api_and_a_folder_are_one_catalog(server: Served) -> None:
    with Client(server.address) as client:
        ids = [image.id for image in client.list_images()]
    assert ids == ["COPERNICUS/S2_SR/S2_X", "NAIP/m_37122", "mine"]


@pytest.mark.parametrize(
    ("image", "band", "name"),
    [("mine", "B1", "folder"), ("NAIP/m_37122", "visual", "bucket"), ("COPERNICUS/S2_SR/S2_X", "B4", "api")],
)
def test_pixels_of_each_are_those_of_its_file(
    server: Served, rasters: dict[str, bytes], tmp_path: Path, image: str, band: str, name: str
) -> None:
    (tmp_path / "expected.tif").write_bytes(rasters[name])
    with Client(server.address) as client:
        client.download({"image": image, "bands": [band], "format": "GEO_TIFF"}, tmp_path / "piece.tif")
    with rasterio.open(tmp_path / "expected.tif") as expected, rasterio.open(tmp_path / "piece.tif") as piece:
        assert piece.transform == expected.transform
        np.testing.assert_array_equal(piece.read(1), expected.read(1))


def test_a_collection_is_called_by_its_prefix(server: Served) -> None:
    with Client(server.address) as client:
        assert [image.id for image in client.list_images("COPERNICUS/S2_SR/")] == ["COPERNICUS/S2_SR/S2_X"]


def test_a_collection_of_the_api_is_composed(server: Served) -> None:
    query = {"collection": "COPERNICUS/S2_SR", "startTime": "2019-12-01T00:00:00Z", "endTime": "2020-02-01T00:00:00Z"}
    params = {"mosaic": {"query": query, "composite": "median"}, "bands": ["B4"], "region": REGION, "scale": 30}
    with Client(server.address) as client:
        assert client.plan(params).scenes == 1


def test_what_is_served_is_told_without_addresses(settings: Settings) -> None:
    assert settings.images == f"{settings.catalog}, NAIP (index), COPERNICUS/S2_SR (stac-api)"


def test_a_toml_block_is_the_whole_config_file() -> None:
    text = next(block.text for block in blocks_of("docs/pages/catalogs.md") if block.language == "toml")
    assert set(tomllib.loads(text)) == {"catalog", "catalogs", "sources", "cache"}
