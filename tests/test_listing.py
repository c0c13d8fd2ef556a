"""Lists of images, narrowed by what their ids hold, by time and by place."""

import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
import rasterio
from affine import Affine
from google.protobuf.timestamp_pb2 import Timestamp

from asking import ask
from cases import every
from effort import HANG
from images import SCENE
from rasterwire import budget
from rasterwire.errors import RenderCancelled
from rasterwire.server.settings import Settings
from rasterwire.v1 import catalog_service_pb2 as catalog_pb2
from serving import Served, refusal, served

PLAIN = "ELSEWHERE"


@pytest.fixture(scope="module")
def server(demo_catalog: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("listing")
    shutil.copytree(demo_catalog, folder / "catalog")
    (folder / "catalog" / PLAIN).mkdir()
    profile = {"width": 4, "height": 4, "count": 1, "dtype": "uint8", "crs": "EPSG:4326"}
    with rasterio.open(
        folder / "catalog" / PLAIN / "band.tif", "w", "GTiff", transform=Affine(1, 0, 10, 0, -1, 50), **profile
    ):
        pass
    with served(Settings(folder / "catalog", grpc_port=0, http_port=0, state_dir=folder / "state")) as running:
        yield running


def time(text: str) -> Timestamp:
    stamp = Timestamp()
    stamp.FromJsonString(text)
    return stamp


@every(
    ("query", "ids"),
    [
        ("", [SCENE, PLAIN]),
        ("contains=T10SEG", [SCENE]),
        ("contains=t10seg", []),
        ("contains=LSEWH", [PLAIN]),
        ("startTime=2021-01-09T00:00:00Z", [SCENE]),
        ("start_time=2021-01-10T00:00:00Z", []),
        ("startTime=2021-01-09T00:00:00Z&endTime=2021-01-10T00:00:00Z", [SCENE]),
        ("endTime=2021-01-09T00:00:00Z", []),
        ("bounds=11,47,12,48", [PLAIN]),
        ("bounds=-123,36,13,51", [SCENE, PLAIN]),
        ("bounds=-10,0,0,1", []),
        ("bounds=11,47,12,48&contains=S2", []),
        ("prefix=COPERNICUS/&contains=1", [SCENE]),
    ],
)
def test_only_images_that_are_as_asked_for_are_listed(server: Served, query: str, ids: list[str]) -> None:
    status, _, body = ask(server, "GET", f"/v1/images?{query}")
    assert status == 200, body
    assert [image["id"] for image in json.loads(body).get("images", [])] == ids


def test_pages_of_a_narrowed_list_go_on_where_the_one_before_ended(server: Served) -> None:
    request = catalog_pb2.ListImagesRequest(page_size=1, contains="T10")
    first = server.catalog.ListImages(request, timeout=HANG)
    assert [image.id for image in first.images] == [SCENE]
    assert not first.next_page_token
    request = catalog_pb2.ListImagesRequest(page_size=1, contains="E")
    ids = []
    for _ in range(2):
        page = server.catalog.ListImages(request, timeout=HANG)
        ids += [image.id for image in page.images]
        request.page_token = page.next_page_token
    assert ids == [SCENE, PLAIN]


def test_all_that_is_wrong_with_times_and_places_is_told_at_once(server: Served) -> None:
    request = catalog_pb2.ListImagesRequest(
        start_time=time("2021-01-02T00:00:00Z"), end_time=time("2021-01-01T00:00:00Z")
    )
    request.bounds.bounding_box.west = 5
    request.bounds.crs = "EPSG:1"
    with pytest.raises(grpc.RpcError) as caught:
        server.catalog.ListImages(request, timeout=HANG)
    assert set(refusal(caught.value).fields) >= {"end_time", "bounds.crs"}


def test_a_list_that_takes_long_ends_with_its_caller(server: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, ended, given_up = threading.Event(), threading.Event(), threading.Event()
    errors: list[Exception] = []

    def list_for_ever(*_: object) -> None:
        begun.set()
        try:
            while not given_up.is_set():
                budget.check()
        except RenderCancelled as error:
            errors.append(error)
            raise
        finally:
            ended.set()

    monkeypatch.setattr("rasterwire.server.calls.list_images", list_for_ever)
    call = server.catalog.ListImages.future(catalog_pb2.ListImagesRequest(contains="a"), timeout=HANG)
    try:
        assert begun.wait(HANG)
        call.cancel()
        assert ended.wait(HANG)
    finally:
        given_up.set()
    assert errors
