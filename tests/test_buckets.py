"""A bucket without a catalog document: its objects are listed, and become images as the files of a folder do."""

import json
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import obstore
import pytest
import rasterio
import rasterio.warp
from click.testing import CliRunner
from obstore.store import MemoryStore, S3Store
from rasterio.windows import Window

import rasterwire.catalog.followed as of_followed
import rasterwire.catalog.ingest.bucket as of_bucket
import rasterwire.catalog.ingest.folder as of_folder
from cases import every
from doc_blocks import blocks_of
from made_entries import entries_of
from rasterwire import Client
from rasterwire.catalog.entry import Entry
from rasterwire.catalog.folder import FolderCatalog
from rasterwire.catalog.followed import FollowedCatalog
from rasterwire.catalog.index import IndexStore
from rasterwire.catalog.indexed import IndexCatalog
from rasterwire.catalog.ingest import Summary
from rasterwire.catalog.ingest.build import SourceKind, kind_of, update_index
from rasterwire.cli.main import cli
from rasterwire.client.errors import DownloadFailed
from rasterwire.errors import SourceUnavailable
from rasterwire.files.sources import ListedObject, ListingSource, attempts, configure, loop, objects
from rasterwire.files.sources.attempts import Failure
from rasterwire.files.sources.make import make_sources
from rasterwire.files.sources.remote import Answer, StoreSource
from rasterwire.files.sources.settings import SourceSettings
from rasterwire.geo.region import box_region
from rasterwire.query import Query
from rasterwire.server.settings import load_settings
from seaweed import Seaweed, seaweed
from serving import Served, served
from stac_double import item_of
from test_catalog import write_raster
from waiting import until

TOP = "s3://imagery/"


class Bucket:
    """A store in memory, which counts what it is asked for.

    Attributes:
        objects: etags and bytes by key.
        pages: prefixes, one for each page that was listed.
        read: keys, one for each request for bytes.
        denied: keys that it does not give, and prefixes that it does not list.
    """

    def __init__(self) -> None:
        self.objects: dict[str, tuple[str, bytes]] = {}
        self.pages: list[str] = []
        self.read: list[str] = []
        self.denied: set[str] = set()

    def put(self, key: str, content: bytes | str) -> None:
        """Store an object, or replace it."""
        before = self.objects.get(key, ("", b""))[0]
        self.objects[key] = f"{before}+", content if isinstance(content, bytes) else content.encode()

    def forget(self) -> None:
        """Begin to count again."""
        self.pages.clear()
        self.read.clear()

    async def get(self, href: str, offset: int, count: int, version: str) -> Answer:
        """See ``RangeClient``."""
        key = href.removeprefix(TOP)
        self.read.append(key)
        if key in self.denied or key not in self.objects:
            raise Failure("its server does not allow to read it")
        etag, data = self.objects[key]
        assert version in {"", etag}
        return Answer(data[offset : offset + count], len(data), etag)

    def listing(self, href: str) -> "_Pages":
        """See ``ListingClient``."""
        return _Pages(self, href.removeprefix(TOP))

    async def folders(self, href: str) -> list[str]:
        """See ``ListingClient``."""
        raise Failure(f"{href} is not asked for here")


class _Pages:
    def __init__(self, bucket: Bucket, prefix: str) -> None:
        self._bucket = bucket
        self._prefix = prefix
        self._keys = [key for key in sorted(bucket.objects) if key.startswith(prefix)]

    async def page(self) -> Sequence[ListedObject]:
        self._bucket.pages.append(self._prefix)
        if self._prefix in self._bucket.denied:
            raise Failure("its server does not allow to read it")
        keys, self._keys = self._keys[:3], self._keys[3:]
        return [ListedObject(key.removeprefix(self._prefix), self._bucket.objects[key][0]) for key in keys]


@pytest.fixture
def bucket() -> Iterator[Bucket]:
    own = Bucket()
    configure({TOP: StoreSource(SourceSettings(TOP, retries=0), own)})
    yield own
    configure({})
    loop.stop()


@pytest.fixture
def index(tmp_path: Path) -> Path:
    return tmp_path / "index.sqlite"


def pixels(folder: Path, seed: int = 1) -> bytes:
    """Return a GeoTIFF; those of different seeds differ."""
    return write_raster(folder / "made.tif", size=8 + seed).read_bytes()


def update(index: Path, address: str = TOP) -> tuple[int, int, int, int]:
    summary: Summary = update_index(address, SourceKind.BUCKET, index)
    return summary.added, summary.changed, summary.removed, summary.broken


def entries(index: Path) -> dict[str, Entry]:
    return {entry.id: entry for entry in entries_of(index)}


def fill(bucket: Bucket, folder: Path) -> None:
    """Put the same files into a bucket and into a folder."""
    tif = pixels(folder / "made")
    item = item_of("item", assets={"a": {"href": "./a%20b.tif"}, "b": {"href": f"{TOP}2024/stac/b.tif"}})
    description = {"type": "Image", "id": "described/one", "properties": {"x": 5}}
    files: dict[str, bytes | str] = {
        "top.tif": tif,
        "2024/scene/B2.tif": tif,
        "2024/scene/B10.tif": tif,
        "2024/scene/B2.tif.aux.xml": "<x/>",
        "2024/scene/later.tif.part": tif,
        "2024/.hidden/x.tif": tif,
        "2024/ee/B1.tif": tif,
        "2024/ee/asset.json": json.dumps(description),
        "2024/stac/item.json": json.dumps(item),
        "2024/stac/a b.tif": tif,
        "2024/stac/b.tif": tif,
        "2024/stac/notes.json": "no JSON",
    }
    for name, content in files.items():
        bucket.put(name, content)
        path = folder / "files" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.replace(TOP, "../../").encode())


def test_objects_become_the_images_that_files_become(bucket: Bucket, index: Path, tmp_path: Path) -> None:
    fill(bucket, tmp_path)
    update(index)
    folder = FolderCatalog(tmp_path / "files")
    try:
        expected = {image.id for image in folder.find(Query()).images}
        made = entries(index)
        assert set(made) == expected == {"top", "2024/scene", "described/one", "item"}
        catalog = IndexCatalog(IndexStore(index))
        for image_id in expected:
            there, here = folder.get(image_id), catalog.get(image_id)
            assert [band.name for band in here.bands] == [band.name for band in there.bands]
            assert here.properties == there.properties
        catalog.store.close()
    finally:
        folder.close()
    assert [source.href for source in made["item"].sources] == [f"{TOP}2024/stac/a b.tif", f"{TOP}2024/stac/b.tif"]


def test_a_part_of_the_keys_has_ids_without_it(bucket: Bucket, index: Path, tmp_path: Path) -> None:
    fill(bucket, tmp_path)
    bucket.put("20245/other.tif", pixels(tmp_path))
    update(index, f"{TOP}2024/")
    assert set(entries(index)) == {"scene", "described/one", "item"}
    assert set(bucket.pages) == {"2024/"}


def test_listing_opens_no_raster_and_an_update_reads_what_changed(bucket: Bucket, index: Path, tmp_path: Path) -> None:
    fill(bucket, tmp_path)
    assert update(index) == (4, 0, 0, 1)
    assert len(bucket.pages) == 5, "4 pages of 3, and the end"
    assert not [key for key in bucket.read if not key.endswith(".json")]
    bucket.forget()
    assert update(index) == (0, 0, 0, 0)
    assert (len(bucket.pages), bucket.read) == (5, [])
    bucket.put("2024/stac/item.json", json.dumps(item_of("renamed", assets={"a": {"href": "a b.tif"}})))
    bucket.put("top.tif", pixels(tmp_path, 2))
    del bucket.objects["2024/scene/B2.tif"], bucket.objects["2024/ee/B1.tif"]
    assert update(index) == (2, 2, 2, 0)
    assert bucket.read == ["2024/stac/item.json"]
    # the raster that the item has no longer is one of its folder
    made = entries(index)
    assert set(made) == {"top", "2024/scene", "renamed", "2024/stac"}
    assert [source.key for source in made["2024/scene"].sources] == ["B10"]
    assert [source.key for source in made["2024/stac"].sources] == ["b"]


def test_footprints_are_learnt_when_they_are_asked_for(bucket: Bucket, index: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        bucket.put(f"{name}.tif", pixels(tmp_path))
    update(index)
    catalog = IndexCatalog(IndexStore(index))
    with rasterio.open(tmp_path / "made.tif") as raster:
        west, south, east, north = rasterio.warp.transform_bounds(raster.crs, "EPSG:4326", *raster.bounds)
    assert [image.id for image in catalog.find(Query()).images] == ["a", "b"]
    assert bucket.read == []
    near, far = box_region(west, south, east, north), box_region(0, 0, 1, 1)
    assert len(catalog.find(Query(regions=(near,))).images) == 2
    assert sorted(bucket.read) == ["a.tif", "b.tif"]
    assert catalog.find(Query(regions=(far,))).images == []
    assert len(bucket.read) == 2
    bucket.put("a.tif", pixels(tmp_path, 3))
    update(index)
    assert len(catalog.find(Query(regions=(near,))).images) == 2
    assert sorted(bucket.read) == ["a.tif", "a.tif", "b.tif"]
    catalog.store.close()


def test_a_server_learns_footprints_in_the_background(
    bucket: Bucket, index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(of_followed, "_PAUSE", 0.01)
    for number in range(9):
        bucket.put(f"{number}.tif", pixels(tmp_path))
    catalog = FollowedCatalog(TOP, index)
    try:
        until(lambda: len(set(bucket.read)), 9)
        bucket.put("later.tif", pixels(tmp_path))
        until(partial(catalog.count, Query()), 10)
        until(lambda: "later.tif" in bucket.read, True)
    finally:
        catalog.close()
    assert len(bucket.read) == 10, "each of them once"


def test_a_document_that_cannot_be_read_now_is_read_by_the_next_update(
    bucket: Bucket, index: Path, tmp_path: Path
) -> None:
    fill(bucket, tmp_path)
    update(index)
    bucket.put("2024/stac/item.json", json.dumps(item_of("renamed", assets={"a": {"href": "a b.tif"}})))
    bucket.put("2024/ee/asset.json", json.dumps({"type": "Image", "id": "described/two"}))
    bucket.denied = {"2024/stac/item.json", "2024/ee/asset.json"}
    assert update(index)[3] == 3, "one of them as a description too"
    assert {"item", "described/one"} <= set(entries(index))
    bucket.denied = set()
    update(index)
    assert set(entries(index)) == {"top", "2024/scene", "renamed", "described/two", "2024/stac"}


def test_an_update_ends_where_no_document_can_be_read(
    bucket: Bucket, index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(of_folder, "_MAX_BATCH", 2)
    bucket.put("a.json", "{}")
    bucket.put("b.json", "{}")
    bucket.denied = {"a.json", "b.json"}
    with pytest.raises(SourceUnavailable, match="does not allow"):
        update(index)


def test_a_zarr_store_is_one_file(bucket: Bucket) -> None:
    for key in ("cube.zarr/zarr.json", "cube.zarr/B/zarr.json", "cube.zarr/B/c/0/0", "cube.zarr/.zattrs"):
        bucket.put(key, "{}")
    before = of_bucket.list_bucket(TOP)
    assert before.names() == ["cube.zarr"]
    bucket.put("cube.zarr/B/c/0/1", "x")
    assert of_bucket.list_bucket(TOP) == before
    bucket.put("cube.zarr/B/zarr.json", "{ }")
    assert of_bucket.list_bucket(TOP) != before


@every("href", ["../../out.tif", "/out.tif", "file:///etc/out.tif", "s3://imagery/out.tif", "..", "."])
def test_no_address_leads_out_of_the_part_that_was_listed(bucket: Bucket, href: str) -> None:
    bucket.put("out.tif", "x")
    bucket.put("2024/a/x.tif", "x")
    assert of_bucket.list_bucket(f"{TOP}2024/").locate(href, "a/item.json") is None


@every(
    ("address", "words"),
    [
        (f"{TOP}nothing/", "there are no objects"),
        (f"{TOP}closed/", "cannot be listed: its server does not allow"),
        ("s3://other/", "no source of this server's settings covers"),
        ("https://host/", "only those at s3://, gs:// and az:// can be"),
    ],
)
def test_what_cannot_be_listed_is_a_clear_error_and_removes_nothing(tmp_path: Path, address: str, words: str) -> None:
    bucket = Bucket()
    source = StoreSource(SourceSettings(TOP, retries=0), bucket)
    configure({TOP: source} | dict(make_sources([SourceSettings("https://host/")])))
    try:
        bucket.put("a.tif", "x")
        bucket.denied = {"closed/"}
        update(tmp_path / "index.sqlite")
        with pytest.raises(SourceUnavailable, match=words) as caught:
            update_index(address, SourceKind.BUCKET, tmp_path / "index.sqlite", replaces=True)
        assert not any(secret in str(caught.value) for secret in ("imagery", "closed", "nothing", "host", "other/"))
        assert set(entries(tmp_path / "index.sqlite")) == {"a"}
    finally:
        configure({})
        loop.stop()


def test_more_objects_than_can_be_held_are_refused(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(of_bucket, "_MAX_OBJECTS", 3)
    for number in range(9):
        bucket.put(f"{number}.tif", "x")
    with pytest.raises(SourceUnavailable, match="more than 3 objects; name a longer prefix"):
        of_bucket.list_bucket(TOP)
    assert len(bucket.pages) == 2, "it was not listed to its end"


@every(
    ("address", "kind"),
    [
        ("s3://imagery/", SourceKind.BUCKET),
        ("gs://imagery/2024/", SourceKind.BUCKET),
        ("az://imagery/2024/", SourceKind.BUCKET),
        ("https://imagery.example.org/2024/", SourceKind.API),
        ("s3://imagery/2024", SourceKind.BUCKET),
        ("s3://imagery", SourceKind.BUCKET),
        ("s3://imagery/catalog.json", SourceKind.CATALOG),
        ("gs://imagery/items.parquet", SourceKind.GEOPARQUET),
    ],
)
def test_an_address_of_objects_is_a_bucket_unless_it_names_a_document(address: str, kind: SourceKind) -> None:
    assert kind_of(address) is kind


def test_a_listing_goes_on_behind_the_last_page_after_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "_FIRST_PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(objects, "_PAGE", 2)
    store = MemoryStore()
    for name in "abcde":
        obstore.put(store, f"2024/{name}.tif", b"x")
    monkeypatch.setattr(objects, "make_object_store", lambda *_: store)
    real, offsets = obstore.list, []

    class Failing:
        def __init__(self, offset: str | None) -> None:
            offsets.append(offset)
            self._stream = real(store, "2024/", offset=offset, chunk_size=2)
            self._pages = 1

        async def __anext__(self) -> object:
            if self._pages == 0:
                raise obstore.exceptions.GenericError("http://secret/ broke off")
            self._pages -= 1
            return await anext(self._stream)

    monkeypatch.setattr(obstore, "list", lambda _store, _prefix, *, offset, chunk_size: Failing(offset))
    source = make_sources([SourceSettings(TOP)])[TOP]
    assert isinstance(source, StoreSource)
    try:
        pages = list(source.listed(f"{TOP}2024/"))
    finally:
        loop.stop()
    assert [[each.name for each in page] for page in pages] == [["a.tif", "b.tif"], ["c.tif", "d.tif"], ["e.tif"]]
    assert offsets == [None, "2024/b.tif", "2024/d.tif", "2024/e.tif"]


# Against a real store.


@pytest.fixture(scope="module")
def store() -> Iterator[Seaweed]:
    with seaweed() as running:
        yield running


def opened(store: Seaweed, bucket: str) -> S3Store:
    keys = {"access_key_id": store.key, "secret_access_key": store.secret, "region": "us-east-1"}
    return S3Store(bucket, endpoint=store.endpoint, client_options={"allow_http": True}, **keys)  # type: ignore[arg-type]


def write_config(folder: Path, store: Seaweed, source: str, secret: str | None = None) -> Path:
    """Write the config file of the page that serves a bucket alone, with the addresses of this machine."""
    keys = folder / "keys"
    keys.write_text(f"[default]\naws_access_key_id = {store.key}\naws_secret_access_key = {secret or store.secret}\n")
    texts = [block.text for block in blocks_of("docs/pages/catalogs.md") if block.language == "toml"]
    (text,) = (text for text in texts if "s3://imagery/2024/" in text)
    places = {
        'source = "s3://imagery/2024/"': f'source = "{source}"',
        'prefix = "s3://imagery/"': 'prefix = "s3://"',
        "https://s3.example.org": store.endpoint,
        "/etc/rasterwire/s3-keys": str(keys),
    }
    for place, replacement in places.items():
        assert place in text
        text = text.replace(place, replacement)
    config = folder / "rasterwire.toml"
    config.write_text(text)
    return config


def index_by_command(folder: Path, config: Path, source: str) -> tuple[int, str]:
    arguments = ["index", source, "--into", str(folder / "made.sqlite"), "--config", str(config)]
    result = CliRunner().invoke(cli, arguments)
    configure({})
    loop.stop()
    return result.exit_code, result.output


def test_all_pages_of_a_real_store_are_listed_and_keys_are_read_as_they_are(store: Seaweed, tmp_path: Path) -> None:
    odd = "2024/odd name/50% #1 é.tif"
    own = opened(store, "paged")
    for number in range(5):
        obstore.put(own, f"2024/{number}.tif", b"x")
    obstore.put(own, odd, pixels(tmp_path))
    obstore.put(own, "20245/other.tif", b"x")
    config = write_config(tmp_path, store, "s3://paged/")
    code, output = index_by_command(tmp_path, config, "s3://paged/2024/")
    assert (code, output.splitlines()[-1]) == (0, "images: 6 added, 0 changed, 0 removed")
    code, output = index_by_command(tmp_path, config, "s3://paged/2024/")
    assert (code, output.splitlines()[-1]) == (0, "images: 0 added, 0 changed, 0 removed")
    obstore.put(own, "2024/0.tif", b"other bytes")
    obstore.delete(own, "2024/1.tif")
    code, output = index_by_command(tmp_path, config, "s3://paged/2024/")
    assert (code, output.splitlines()[-1]) == (0, "images: 0 added, 1 changed, 1 removed")
    made = entries(tmp_path / "made.sqlite")
    assert set(made) == {"0", "2", "3", "4", "odd name"}
    (source,) = made["odd name"].sources
    assert source.href == f"s3://paged/{odd}"


def test_a_real_store_lists_the_arrays_of_a_zarr_store_and_not_its_chunks(store: Seaweed, tmp_path: Path) -> None:
    own = opened(store, "paged")  # a bucket more would be one too many for this small server
    for key in ("zarr.json", "v/zarr.json", "v/c/0/0", "v/c/0/1", "x/zarr.json"):
        obstore.put(own, f"a.zarr/{key}", b"{}")
    keys = tmp_path / "keys"
    keys.write_text(f"[default]\naws_access_key_id = {store.key}\naws_secret_access_key = {store.secret}\n")
    keys.chmod(0o600)
    source = make_sources([SourceSettings("s3://paged/", store.endpoint, "us-east-1", str(keys))])["s3://paged/"]
    assert isinstance(source, ListingSource)
    try:
        assert loop.run(source.folders("s3://paged/a.zarr/")) == ["v", "x"]
        assert "a.zarr" in loop.run(source.folders("s3://paged/"))
        assert loop.run(source.folders("s3://paged/nothing/")) == []
    finally:
        loop.stop()


@every(
    ("source", "secret", "words"),
    [
        ("s3://no-such-bucket/", None, "cannot be listed"),
        ("s3://refusing/nothing/", None, "there are no objects"),
        ("s3://refusing/", "wrongsecret", "does not allow"),
    ],
)
def test_a_real_store_that_refuses_is_a_clear_error(
    store: Seaweed, tmp_path: Path, source: str, secret: str | None, words: str
) -> None:
    obstore.put(opened(store, "refusing"), "a.tif", b"x")
    code, output = index_by_command(tmp_path, write_config(tmp_path, store, source, secret), source)
    assert (code, words in output) == (1, True), output
    assert not any(text in output for text in ("127.0.0.1", "http", "testkey", "wrongsecret", "s3://", "nothing"))


@pytest.fixture(scope="module")
def pair(store: Seaweed, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Two rasters in a bucket, as they are on the disk."""
    folder = tmp_path_factory.mktemp("pair")
    rasters: dict[str, Path] = {}
    for seed, name in enumerate(("north", "south")):
        path = folder / f"{name}.tif"
        grid = rasterio.transform.from_origin(580_000, 4_106_000 - 100_000 * seed, 30, 30)
        profile = {"driver": "COG", "width": 1100, "height": 900, "count": 1, "dtype": "uint16", "crs": "EPSG:32610"}
        values = np.random.default_rng(seed).integers(1, 60_000, (900, 1100), np.uint16)
        with rasterio.open(path, "w", transform=grid, blocksize=256, compress="deflate", **profile) as file:
            file.write(values, 1)
        obstore.put(opened(store, "imagery"), path.name, path.read_bytes())
        rasters[name] = path
    return rasters


@pytest.fixture(scope="module")
def server(store: Seaweed, pair: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("served")
    assert pair
    config = write_config(folder, store, TOP)
    with served(load_settings(config, {"grpc_port": 0, "http_port": 0, "state_dir": folder / "state"})) as running:
        yield running
    configure({})
    loop.stop()


def ids_of(client: Client) -> list[str]:
    try:
        return [image.id for image in client.list_images()]
    except DownloadFailed:
        return []


def test_a_window_of_a_bucket_has_the_pixels_of_its_file(server: Served, pair: dict[str, Path], tmp_path: Path) -> None:
    with Client(server.address) as client:
        until(lambda: ids_of(client), ["IMAGERY/north", "IMAGERY/south"])
        for name, path in pair.items():
            with rasterio.open(path) as file:
                window = Window(300, 200, 500, 400)
                transform, expected = file.window_transform(window), file.read(1, window=window)
            params = {
                "image": f"IMAGERY/{name}",
                "bands": ["B1"],
                "crs": "EPSG:32610",
                "crs_transform": list(transform)[:6],
                "dimensions": [500, 400],
                "format": "GEO_TIFF",
            }
            client.download(params, tmp_path / f"{name}.tif")
            with rasterio.open(tmp_path / f"{name}.tif") as piece:
                assert piece.transform == transform
                np.testing.assert_array_equal(piece.read(1), expected)
