"""What Jupyter shows: HTML that no text of a server can break, with a picture that is one."""

import base64
import gc
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import grpc
import numpy as np
import pytest
from google.protobuf.message import Message
from rasterio.io import MemoryFile

from cases import every
from effort import HANG
from images import SCENE
from rasterwire.client import Client, Created, Downloaded
from rasterwire.client.html import block
from rasterwire.client.notebook import plan_html
from rasterwire.client.thumbnails import SIDE, Thumbnail, read_png, remember, small_request, thumbnail
from rasterwire.server.settings import Settings
from rasterwire.v1 import catalog_service_pb2, download_pb2, download_service_pb2
from serving import Served, served

REGION = [-122.0859, 37.0436, -122.0626, 37.0586]
PARAMS = {"image": SCENE, "bands": ["B3", {"id": "B11", "scale": 20}], "region": REGION}
ATTACK = "</td><script>alert(1)</script><img src=x onerror='alert(2)' alt=\"\u202e\0"

_VOID = {"img"}


class Page(HTMLParser):
    """HTML as a strict reader sees it.

    Attributes:
        elements: names and attributes, in order.
        text: all of it.
        captions: of tables.
    """

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.captions: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag == "caption":
            self.captions.append("")
        if tag not in _VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._open[-1:] == ["caption"]:
            self.captions[-1] += data

    def attributes(self, tag: str) -> list[dict[str, str | None]]:
        """Return the attributes of all elements of a name."""
        return [attributes for name, attributes in self.elements if name == tag]

    def picture(self) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
        """Return the pixels of the one picture, shape (bands, rows, columns)."""
        (image,) = self.attributes("img")
        kind, _, data = f"{image['src']}".partition(",")
        assert kind == "data:image/png;base64"
        with MemoryFile(base64.b64decode(data, validate=True)) as file, file.open(driver="PNG") as raster:
            assert (image["width"], image["height"]) == (str(raster.width), str(raster.height))
            pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]] = raster.read()
            return pixels


def shown(value: object) -> Page:
    """Return what Jupyter shows of a value, as it asks for it."""
    return Page(value._repr_html_())  # type: ignore[attr-defined]


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for a thumbnail as long as a busy machine takes."""
    monkeypatch.setattr("rasterwire.client.sync.SECONDS", HANG)


@pytest.fixture(scope="module")
def server(demo_catalog: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("notebook")
    with served(Settings(demo_catalog, grpc_port=0, http_port=0, state_dir=folder / "state")) as service:
        yield service


def test_an_image_shows_its_bands_and_a_picture_of_all_of_it(server: Served) -> None:
    with Client(server.address) as client:
        page = shown(client.get_image(SCENE))
    assert page.captions[:2] == [SCENE, "Bands"]
    for text in ("B11", "1068 x 1068", "EPSG:32610"):
        assert text in page.text
    assert page.picture().shape[1:] == (SIDE, SIDE)
    assert page.attributes("img")[0]["alt"] == f"Thumbnail of {SCENE}"


def test_a_plan_shows_each_raster_and_a_picture_of_its_area(server: Served) -> None:
    with Client(server.address) as client:
        plan = client.plan(PARAMS | {"scale": 10, "crs": "EPSG:32610"})
        page = shown(plan)
        same_area = client.stream(
            {
                "image": SCENE,
                "bands": ["B3"],
                "crs": "EPSG:32610",
                "crs_transform": list(plan.rasters[0].grid.crs_transform),
                "dimensions": [plan.rasters[0].grid.width, plan.rasters[0].grid.height],
                "format": "PNG",
            }
        )
    grid = plan.rasters[0].grid
    assert max(grid.width, grid.height) <= SIDE  # so that the picture has the pixels of the plan
    for text in ("Plan of", "Rasters", plan.rasters[1].path, f"{grid.width} x {grid.height}", "B11 (uint16"):
        assert text in page.text
    with MemoryFile(same_area) as file, file.open(driver="PNG") as raster:
        np.testing.assert_array_equal(page.picture(), raster.read())


def test_downloads_show_where_they_are_and_never_their_token(server: Served, tmp_path: Path) -> None:
    with Client(server.address) as client:
        created = client.create_download(PARAMS)
        result = client.download(PARAMS, tmp_path / "piece.zip")
        registered = client.get_download(created.download_id)
        pages = [shown(created), shown(result)]
        state = shown(registered)
    token = created.download_id.token
    assert created.download_id.name in pages[0].text
    assert str(result.path) in pages[1].text
    assert f"{result.crc32c:08x}" in pages[1].text
    assert "ready" in state.text
    for page in pages:
        assert page.picture().size
        assert token not in page.text + repr(page.elements)


def test_without_a_server_the_tables_are_shown_alone(server: Served) -> None:
    with Client(server.address) as client:
        plan, image = client.plan(PARAMS), client.get_image(SCENE)
    for value in (plan, image):  # the client is closed
        page = shown(value)
        assert page.captions
        assert page.attributes("img") == []
    del client
    gc.collect()
    assert shown(plan).attributes("img") == []


class _Refusing:
    def fetch(self, params: download_pb2.DownloadParams) -> bytes:
        raise grpc.RpcError

    def lie(self, params: download_pb2.DownloadParams) -> bytes:
        return b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"


def test_what_is_no_picture_is_not_shown() -> None:
    source = _Refusing()
    for fetch in (source.fetch, source.lie):
        plan = download_pb2.DownloadPlan(filename="a.tif")
        remember(plan, download_pb2.DownloadParams(image="a"), fetch)
        assert thumbnail(plan, download_pb2.PixelGrid()) is None
        assert shown(plan).attributes("img") == []


def _attacked(message: Message) -> Message:
    """Return a message whose every text is an attack, with one element in each list."""
    for field in message.DESCRIPTOR.fields:
        kind = field.message_type
        if kind is not None and kind.full_name == "google.protobuf.Struct":
            getattr(message, field.name)[ATTACK] = ATTACK
        elif kind is not None and kind.file.package == "rasterwire.v1":
            value = getattr(message, field.name)
            _attacked(value.add() if field.is_repeated else value)
        elif field.type == field.TYPE_STRING and not field.is_repeated:
            setattr(message, field.name, ATTACK)
    return message


@every(
    "value",
    [
        _attacked(download_pb2.DownloadPlan()),
        _attacked(catalog_service_pb2.ImageInfo()),
        _attacked(download_service_pb2.Download()),
    ],
)
def test_no_text_of_a_server_becomes_markup(value: Message) -> None:
    page = shown(value)
    assert "<script>alert(1)</script>" in page.text  # as text
    assert not {"script", "img", "svg", "iframe"} & {name for name, _ in page.elements}
    assert not {name for _, attributes in page.elements for name in attributes} - {"class", "scope", "colspan"}
    assert not {"\0", "\u202e"} & set(page.text)


def test_the_alternative_text_of_a_picture_is_escaped_too() -> None:
    page = Page(block([], Thumbnail(b"png", 1, 2), ATTACK))
    assert [name for name, _ in page.elements] == ["style", "div", "figure", "img", "div"]
    (image,) = page.attributes("img")
    assert set(image) == {"src", "width", "height", "alt"}
    assert f"{image['alt']}".startswith("Thumbnail of </td><script>")


def test_created_and_downloaded_values_escape_their_own_texts() -> None:
    identity = download_pb2.DownloadId(name=ATTACK, token="secret", url="http://h/secret")
    for value in (
        Created(identity, download_pb2.DownloadPlan()),
        Downloaded(Path(ATTACK.replace("\0", "")), 1, 2, "", ""),
    ):
        page = shown(value)
        assert "script" not in {name for name, _ in page.elements}
        assert "secret" not in value._repr_html_()


def test_long_lists_and_texts_are_cut() -> None:
    plan = download_pb2.DownloadPlan(rasters=[download_pb2.RasterPlan(path=str(n)) for n in range(5000)])
    plan.filename = "x" * 100_000
    assert "and 4970 more" in Page(plan_html(plan)).text
    assert len(plan_html(plan)) < 20_000


def test_a_thumbnail_with_a_palette_is_of_one_band() -> None:
    params = download_pb2.DownloadParams(image="a", visualization=download_pb2.Visualization(palette=["red", "blue"]))
    params.bands.extend(download_pb2.BandSpec(id=name) for name in "abc")
    assert [band.id for band in small_request(params, download_pb2.PixelGrid()).bands] == ["a"]


def test_a_thumbnail_is_the_grid_of_the_plan_in_larger_pixels() -> None:
    params = download_pb2.DownloadParams(
        image="a", scale=10, strict=True, compression_level=9, nodata=3, crs="EPSG:4326"
    )
    params.bands.extend(download_pb2.BandSpec(id=name, scale=7) for name in "abcd")
    grid = download_pb2.PixelGrid(crs="EPSG:32610", crs_transform=[10, 0, 500, 0, -10, 900], width=1024, height=512)
    expected = download_pb2.DownloadParams(
        image="a",
        crs="EPSG:32610",
        crs_transform=[40, 0, 500, 0, -40, 900],
        dimensions=[SIDE, SIDE // 2],
        format=download_pb2.FORMAT_PNG,
        bands=[download_pb2.BandSpec(id=name) for name in "abc"],
    )
    assert small_request(params, grid) == expected


def test_a_clipped_region_stays_clipped(server: Served) -> None:
    triangle = {"type": "Polygon", "coordinates": [[REGION[:2], [REGION[2], REGION[1]], REGION[2:], REGION[:2]]]}
    with Client(server.address) as client:
        page = shown(client.plan({"image": SCENE, "bands": ["B3"], "region": triangle, "clip_to_region": True}))
    alpha = page.picture()[-1]
    assert 0.4 < (alpha > 0).mean() < 0.6


def test_a_picture_too_large_for_a_thumbnail_is_none() -> None:
    start = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
    assert read_png(start + b"\0\0\0\1\0\0\0\2") == Thumbnail(start + b"\0\0\0\1\0\0\0\2", 1, 2)
    assert read_png(start + b"\0\1\0\0\0\0\0\2") is None
    assert read_png(start) is None
    assert read_png(b"<svg onload='al>" + b"\0\0\0\1\0\0\0\2") is None


def test_only_the_last_messages_are_remembered() -> None:
    plans = [download_pb2.DownloadPlan() for _ in range(100)]
    calls = []

    class Counting:
        def fetch(self, params: download_pb2.DownloadParams) -> bytes:
            calls.append(params.image)
            return b""

    counting = Counting()
    for number, plan in enumerate(plans):
        remember(plan, download_pb2.DownloadParams(image=str(number)), counting.fetch)
    remember(large := download_pb2.DownloadPlan(), download_pb2.DownloadParams(image="x" * (2 << 20)), counting.fetch)
    for plan in (plans[0], plans[99], large):
        thumbnail(plan, download_pb2.PixelGrid())
    assert calls == ["99"]
