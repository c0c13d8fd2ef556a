"""The downloads of the plugin of QGIS: over lost connections, checked, and from a real server."""

import math
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import google_crc32c
import pytest
import rasterio
from hypothesis import given
from hypothesis import strategies as st
from rasterio.warp import transform_bounds
from rasterwire_qgis.crc32c import crc32c, crc32c_of_file
from rasterwire_qgis.door import Created, Door
from rasterwire_qgis.failures import Cancelled, Changed, Damaged, Failure, NotWritten, Refused, Unreachable
from rasterwire_qgis.layers import layer_sources
from rasterwire_qgis.listing import find_images
from rasterwire_qgis.plan_text import plan_lines
from rasterwire_qgis.request import Choice, Grid, Kind, View, read_params
from rasterwire_qgis.transfer import Patience, Progress, Transfer, part_path

from cases import every
from door_double import ETAG, DoorDouble, door_double
from images import SCENE
from rasterwire.client import Client
from rasterwire.server.identity.key_file import add_key
from rasterwire.server.identity.settings import AuthSettings, TenantSettings
from rasterwire.server.settings import Settings
from serving import Served, served

DATA = bytes(range(251)) * 8000
CREATED = Created("d1", "t1", {"etag": ETAG})


class Tireless(threading.Event):
    """Is waited for by nobody.

    Attributes:
        waits: seconds that were asked for.
    """

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.waits.append(timeout or 0.0)
        return self.is_set()


@pytest.fixture
def door() -> Iterator[DoorDouble]:
    with door_double(DATA) as double:
        yield double


def bring(double: DoorDouble, target: Path, attempts: int = 3) -> tuple[Path, list[Progress], list[float]]:
    steps: list[Progress] = []
    event = Tireless()
    transfer = Transfer(Door(double.address), CREATED, steps.append, event, Patience(attempts))
    return transfer.save(target), steps, event.waits


# -- checksums ------------------------------------------------------------------------------


@given(st.binary(max_size=3000), st.integers(0, 2**32 - 1), st.integers(1, 40))
def test_the_checksum_is_that_of_googles_library(data: bytes, value: int, times: int) -> None:
    assert crc32c(data * times, value) == google_crc32c.extend(value, data * times)


def test_the_checksum_of_a_file_is_that_of_its_bytes(tmp_path: Path) -> None:
    data = DATA + b"rest"
    (tmp_path / "f").write_bytes(data)
    counts: list[int] = []
    with (tmp_path / "f").open("rb") as file:
        assert crc32c_of_file(file, counts.append) == google_crc32c.value(data)
    assert counts[-1] == len(data)


# -- transfers ------------------------------------------------------------------------------


def test_a_file_is_rendered_fetched_and_checked(door: DoorDouble, tmp_path: Path) -> None:
    rendering = {"state": "STATE_RENDERING", "blocksDone": "3", "blocksTotal": "12"}
    door.states.extend([{"state": "STATE_REGISTERED"}, {}, rendering])
    target, steps, _ = bring(door, tmp_path / "a.tif")
    assert target.read_bytes() == DATA
    assert [path.name for path in tmp_path.iterdir()] == ["a.tif"]
    assert Progress("Rendering", 3, 12) in steps
    assert {step.phase for step in steps} == {"Rendering", "Downloading", "Checking"}
    assert steps[-1].percent == 100
    assert "POST /v1/downloads/d1:prepare" in door.paths()


def test_lost_connections_are_taken_up_where_they_broke(door: DoorDouble, tmp_path: Path) -> None:
    door.faults.extend([1_000_000, 0, 500_000])
    target, _, _ = bring(door, tmp_path / "a.tif")
    assert target.read_bytes() == DATA
    assert door.ranges() == ["bytes=0-", "bytes=1000000-", "bytes=1000000-", "bytes=1500000-"]


def test_patience_does_not_end_while_bytes_come(door: DoorDouble, tmp_path: Path) -> None:
    door.faults.extend([200_000] * 9)
    target, _, _ = bring(door, tmp_path / "a.tif", attempts=1)
    assert target.read_bytes() == DATA
    assert len(door.ranges()) == 10


def test_a_disk_without_room_is_told_before_bytes_come(
    door: DoorDouble, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=len(DATA) - 1))
    with pytest.raises(NotWritten, match="has 1 MiB left, and 2 MiB are to come"):
        bring(door, tmp_path / "a.tif")
    assert door.ranges() == []


def test_patience_ends_and_the_next_download_goes_on(door: DoorDouble, tmp_path: Path) -> None:
    door.faults.extend([700_000, 0, 0, 0, 0])
    with pytest.raises(Unreachable, match="connection to the server was lost"):
        bring(door, tmp_path / "a.tif")
    assert not (tmp_path / "a.tif").exists()
    door.faults.clear()
    door.requests.clear()
    bring(door, tmp_path / "a.tif")
    assert door.ranges() == ["bytes=700000-"]
    assert (tmp_path / "a.tif").read_bytes() == DATA


def test_a_cancelled_download_leaves_nothing(door: DoorDouble, tmp_path: Path) -> None:
    event = threading.Event()

    def cancel(progress: Progress) -> None:
        if progress.phase == "Downloading":
            event.set()

    with pytest.raises(Cancelled):
        Transfer(Door(door.address), CREATED, cancel, event).save(tmp_path / "a.tif")
    assert list(tmp_path.iterdir()) == []


def test_damage_is_found_and_nothing_is_left(door: DoorDouble, tmp_path: Path) -> None:
    part = part_path(tmp_path / "a.tif", ETAG)
    part.write_bytes(b"x" * 1000)  # as a disk may have it
    with pytest.raises(Damaged):
        bring(door, tmp_path / "a.tif")
    assert list(tmp_path.iterdir()) == []
    assert door.ranges() == ["bytes=1000-"]


def test_a_longer_part_than_the_file_is_damage(door: DoorDouble, tmp_path: Path) -> None:
    part_path(tmp_path / "a.tif", ETAG).write_bytes(DATA + b"x")
    with pytest.raises(Damaged):
        bring(door, tmp_path / "a.tif")


def test_a_file_without_a_checksum_is_refused(door: DoorDouble, tmp_path: Path) -> None:
    door.headers = {"Repr-Digest": ""}
    with pytest.raises(Refused, match="checksum"):
        bring(door, tmp_path / "a.tif")


def test_an_answer_from_another_place_in_the_file_is_refused(door: DoorDouble, tmp_path: Path) -> None:
    door.headers = {"Content-Range": "bytes 5-9/10"}
    with pytest.raises(Changed):
        bring(door, tmp_path / "a.tif")


def test_a_busy_server_is_asked_again_when_it_says(door: DoorDouble, tmp_path: Path) -> None:
    door.refusals.append((503, {"Retry-After": "7"}, b"{}"))
    target, _, waits = bring(door, tmp_path / "a.tif")
    assert target.read_bytes() == DATA
    assert waits[0] == 7


def test_a_render_that_fails_is_told_with_its_reason(door: DoorDouble, tmp_path: Path) -> None:
    failed = {"state": "STATE_FAILED", "failure": "the image is gone"}
    door.states.extend([failed, {}, failed])  # one that failed before is tried again
    with pytest.raises(Refused, match="could not make the file: the image is gone"):
        bring(door, tmp_path / "a.tif")
    assert door.paths().count("POST /v1/downloads/d1:prepare") == 1


def test_a_folder_that_is_missing_is_told(door: DoorDouble, tmp_path: Path) -> None:
    with pytest.raises(NotWritten, match="cannot be written"):
        bring(door, tmp_path / "none" / "a.tif")


# -- the door -------------------------------------------------------------------------------


def test_the_key_goes_with_requests_and_not_with_bytes(door: DoorDouble) -> None:
    client = Door(door.address + "/", "secret")
    client.images()
    created = client.create({"image": "a"})
    client.head(created)
    client.bytes_from(created, 5).close()
    assert [headers.get("authorization") for _, headers in door.requests] == ["Bearer secret"] * 2 + [None] * 2
    assert [headers.get("if-match") for _, headers in door.requests][2:] == [f'"{ETAG}"'] * 2


def test_no_redirect_takes_the_key_along(door: DoorDouble) -> None:
    door.refusals.append((302, {"Location": "http://elsewhere.example/v1"}, b""))
    with pytest.raises(Refused, match=r"leads on to elsewhere\.example; give that address instead"):
        Door(door.address, "secret").images()
    assert len(door.requests) == 1


@every(
    ("refusal", "sentence"),
    [
        ((401, {}, b'{"error": {"message": "no key", "requestId": "r1"}}'), "no key (request id r1)\nGive the API key"),
        (
            (400, {}, b'{"error": {"message": "m", "violations": [{"field": "a", "description": "b"}]}}'),
            "a: b",
        ),
        ((500, {}, b"<html>"), "answered with the status 500 (Internal Server Error), without a reason"),
        ((500, {}, b"[]"), "answered with the status 500"),
        ((412, {}, b""), "plan it again"),
        ((200, {}, b"<html>"), "is no rasterwire server"),
        ((200, {}, b"[1]"), "is no rasterwire server"),
        ((200, {"Content-Length": "9999"}, b"{"), "connection to the server was lost"),
    ],
)
def test_refusals_are_sentences(refusal: tuple[int, dict[str, str], bytes], sentence: str) -> None:
    with door_double() as double:
        double.refusals.append(refusal)
        door = Door(double.address, "k")
        with pytest.raises(Failure) as caught:
            door.plan({})
    assert sentence in str(caught.value)


def test_an_address_where_nobody_listens_is_told(door: DoorDouble) -> None:
    with pytest.raises(Unreachable, match=r"cannot be reached .*does it run"):
        Door("http://127.0.0.1:1").images()


@every("address", ["", "ftp://a", "http://", "http://a:b", "http://a b", "http://u:p@a", "http://a\n.b"])
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(Refused, match="looks like"):
        Door(address)


def test_a_key_with_a_line_break_is_refused() -> None:
    with pytest.raises(Refused, match="API key"):
        Door("localhost:8080", "a\r\nX: y")


def test_a_key_in_plain_text_over_a_network_is_known() -> None:
    assert Door("http://rasters.example", "k").shows_key
    assert not any(
        door.shows_key for door in (Door("https://a", "k"), Door("http://a"), Door("http://localhost:8080", "k"))
    )


# -- a real server --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def server(demo_catalog: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("qgis")
    with served(Settings(demo_catalog, grpc_port=0, http_port=0, state_dir=folder / "state")) as service:
        yield service


CANVAS = View("EPSG:3857", False, -13589000.0, 4445000.0, -13587000.0, 4446500.0, 20.0)


@every("kind", list(Kind))
def test_the_canvas_becomes_the_file_that_the_python_client_downloads(
    server: Served, tmp_path: Path, kind: Kind
) -> None:
    door = Door(server.http)
    assert find_images(door, "COPERNICUS").ids == (SCENE,)
    assert [band["id"] for band in door.image(SCENE)["bands"]][:2] == ["B2", "B3"]
    params = read_params(Choice(SCENE, ("B3", "B11"), Grid.VIEW_CANVAS, kind, "RESAMPLING_BILINEAR"), CANVAS)
    lines = plan_lines(door.plan(params))
    assert "100 x 75 pixels of 20 x 20, EPSG:3857" in "\n".join(lines)
    created = door.create(params)
    target = Transfer(door, created).save(tmp_path / f"a{kind.suffix}")
    with Client(server.address) as client:
        expected = client.download(params, tmp_path / f"b{kind.suffix}")
    assert target.read_bytes() == expected.path.read_bytes()
    for _, source in layer_sources(target, created.plan):
        with rasterio.open(source) as raster:
            assert raster.transform[:6] == (20, 0, -13589000, 0, -20, 4446500)
            assert (raster.width, raster.height, raster.crs.to_epsg()) == (100, 75, 3857)


def test_the_visible_part_has_the_pixels_of_the_image(server: Served, tmp_path: Path) -> None:
    door = Door(server.http)
    created = door.create(read_params(Choice(SCENE, ("B3",)), CANVAS))
    with rasterio.open(Transfer(door, created).save(tmp_path / "a.tif")) as raster:
        assert raster.crs.to_epsg() == 32610
        assert raster.res == (10, 10)
        box = transform_bounds(3857, 32610, CANVAS.west, CANVAS.south, CANVAS.east, CANVAS.north)
        outward = [math.floor(side / 10) for side in box[:2]] + [math.ceil(side / 10) for side in box[2:]]
        assert [round(side / 10) for side in raster.bounds] == outward


def test_all_violations_of_a_server_are_told(server: Served) -> None:
    with pytest.raises(Refused) as caught:
        Door(server.http).plan({"image": SCENE, "bands": [{"id": "B99"}], "compressionLevel": 99})
    assert "compression" in str(caught.value)


def test_a_key_opens_a_server_that_asks_for_one(demo_catalog: Path, tmp_path: Path) -> None:
    key = add_key(tmp_path / "keys", "forestry")
    settings = Settings(
        demo_catalog,
        grpc_port=0,
        http_port=0,
        state_dir=tmp_path / "state",
        auth=AuthSettings(tmp_path / "keys"),
        tenants=(TenantSettings("forestry", ("*",)),),
    )
    with served(settings) as server:
        with pytest.raises(Refused, match="Give the API key that the operator"):
            Door(server.http).images()
        with pytest.raises(Refused, match="Give the API key"):
            Door(server.http, key + "x").images()
        door = Door(server.http, f" {key}\n")
        created = door.create({"image": SCENE, "bands": ["B3"], "format": "FORMAT_GEO_TIFF", "dimensions": [9, 9]})
        assert Transfer(door, created).save(tmp_path / "a.tif").stat().st_size > 0
