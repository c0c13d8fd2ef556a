"""The audit file has one line for each call, of every door."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from google.protobuf import json_format
from google.protobuf.message import Message

from asking import ask
from cases import every
from effort import HANG
from graphs import call, graph, load
from rasterwire.errors import StorageUnavailable
from rasterwire.server.audit import AuditFile
from rasterwire.server.identity.key_file import add_key
from rasterwire.server.identity.settings import AuthSettings, TenantSettings
from rasterwire.server.process import app
from rasterwire.server.settings import BadSettings, Settings
from rasterwire.v1 import catalog_service_pb2 as catalog_pb2
from rasterwire.v1 import download_pb2
from rasterwire.v1 import download_service_pb2 as service_pb2
from serving import Served, served

P = "/v1/projects/p"
BODY = {"image": "one", "format": "FORMAT_NPY"}
PARAMS = json_format.ParseDict(BODY, download_pb2.DownloadParams())
TILE = {"expression": graph(load("one")), "fileFormat": "NPY"}

Calls = dict[str, tuple[str, str, str, bool]]
"""By request id: the door, the method, the image that has to be told, and whether it is answered."""


class Caller:
    """Calls a server, each time by an id of its own, and keeps what the line of each has to say."""

    def __init__(self, server: Served, key: str) -> None:
        self._server = server
        self._key = key
        self.lines: Calls = {}

    def _id(self, door: str, method: str, image: str, *, is_answered: bool = True) -> str:
        name = f"call{len(self.lines)}"
        self.lines[name] = door, method, image, is_answered
        return name

    def http(self, door: str, method: str, verb: str, target: str, body: Any = None, image: str = "") -> bytes:
        name = self._id(door, method, image)
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json", "X-Request-Id": name}
        sent = None if body is None else json.dumps(body).encode()
        status, _, answer = ask(self._server, verb, target, sent, headers)
        assert status == 200, answer
        return answer

    def grpc(self, method: str, request: Message, image: str = "") -> Any:
        stub = self._server.downloads if hasattr(self._server.downloads, method) else self._server.catalog
        given = (("authorization", f"Bearer {self._key}"), ("x-request-id", self._id("grpc", method, image)))
        answer = getattr(stub, method)(request, metadata=given, timeout=HANG)
        return answer if isinstance(answer, Message) else list(answer)

    def wrong(self) -> None:
        """Show a wrong key."""
        name = self._id("http", "GetImage", "", is_answered=False)
        headers = {"Authorization": "Bearer wrong", "X-Request-Id": name}
        assert ask(self._server, "GET", "/v1/images/one", None, headers)[0] == 401


def make_catalog(folder: Path) -> None:
    profile = {"width": 8, "height": 6, "count": 1, "dtype": "uint16", "crs": "EPSG:32633", "nodata": 0}
    (folder / "catalog").mkdir()
    path = folder / "catalog" / "one.tif"
    with rasterio.open(path, "w", "GTiff", transform=Affine(10, 0, 5e5, 0, -10, 4.6e6), **profile) as file:
        file.write(np.ones((1, 6, 8), "uint16"))


def by_grpc(caller: Caller) -> None:
    created = caller.grpc("CreateDownload", service_pb2.CreateDownloadRequest(params=PARAMS), "one").download_id
    read = service_pb2.ReadDownloadRequest(name=created.name, token=created.token)
    caller.grpc("ReadDownload", read, "one")
    caller.grpc("StreamDownload", service_pb2.StreamDownloadRequest(params=PARAMS), "one")
    caller.grpc("PlanDownload", service_pb2.PlanDownloadRequest(params=PARAMS), "one")
    caller.grpc("GetDownload", service_pb2.GetDownloadRequest(name=created.name), "one")
    caller.grpc("PrepareDownload", service_pb2.PrepareDownloadRequest(name=created.name), "one")
    caller.grpc("ListDownloads", service_pb2.ListDownloadsRequest())
    caller.grpc("DeleteDownload", service_pb2.DeleteDownloadRequest(name=created.name))
    caller.grpc("GetLimits", service_pb2.GetLimitsRequest())
    caller.grpc("ListImages", catalog_pb2.ListImagesRequest())
    caller.grpc("GetImage", catalog_pb2.GetImageRequest(id="one"), "one")


def by_http(caller: Caller) -> None:
    created = json.loads(caller.http("http", "CreateDownload", "POST", "/v1/downloads", BODY, "one"))["downloadId"]
    url, name = created["url"], created["name"]
    caller.http("http", "GetPixels", "GET", url[url.index("/v1/") :], None, "one")
    caller.http("http", "PlanDownload", "POST", "/v1/downloads:plan", BODY, "one")
    caller.http("http", "GetDownload", "GET", f"/v1/{name}", None, "one")
    caller.http("http", "PrepareDownload", "POST", f"/v1/{name}:prepare", None, "one")
    caller.http("http", "ListDownloads", "GET", "/v1/downloads")
    caller.http("http", "DeleteDownload", "DELETE", f"/v1/{name}")
    caller.http("http", "GetLimits", "GET", "/v1/limits")
    caller.http("http", "ListImages", "GET", "/v1/images")
    caller.http("http", "GetImage", "GET", "/v1/images/one", None, "one")
    caller.wrong()


def by_earth_engine(caller: Caller) -> None:
    door = "earth_engine"
    name = json.loads(caller.http(door, "CreateThumbnail", "POST", f"{P}/thumbnails", TILE, "one"))["name"]
    caller.http(door, "Thumbnail", "GET", f"/v1/{name}:getPixels", None, "one")
    name = json.loads(caller.http(door, "CreateMap", "POST", f"{P}/maps", TILE, "one"))["name"]
    caller.http(door, "Tile", "GET", f"/v1/{name}/tiles/0/0/0", None, "one")
    caller.http(door, "ComputePixels", "POST", f"{P}/image:computePixels", TILE, "one")
    caller.http(door, "AssetPixels", "POST", f"{P}/assets/one:getPixels", {"fileFormat": "NPY"}, "one")
    caller.http(door, "ComputeValue", "POST", f"{P}/value:compute", {"expression": graph(load("one"))})
    caller.http(door, "Asset", "GET", f"{P}/assets/one", None, "one")
    caller.http(door, "List", "GET", f"{P}/assets:listAssets")
    caller.http(door, "Algorithms", "GET", f"{P}/algorithms")


@every("calls", [by_grpc, by_http, by_earth_engine])
def test_each_call_of_each_door_leaves_one_line_without_secrets(
    calls: Callable[[Caller], None], tmp_path: Path
) -> None:
    make_catalog(tmp_path)
    key, audit_file = add_key(tmp_path / "keys", "forestry"), tmp_path / "audit.jsonl"
    settings = Settings(
        tmp_path / "catalog",
        grpc_port=0,
        http_port=0,
        state_dir=tmp_path / "state",
        audit_file=audit_file,
        auth=AuthSettings(tmp_path / "keys"),
        tenants=(TenantSettings("forestry", ("*",)),),
    )
    with served(settings) as server:
        caller = Caller(server, key)
        calls(caller)
    text = audit_file.read_text()
    lines = [json.loads(line) for line in text.splitlines()]
    assert sorted(line["id"] for line in lines) == sorted(caller.lines)
    for line in lines:
        door, method, image, is_answered = caller.lines[line["id"]]
        assert (line["door"], line["method"], line.get("image", "")) == (door, method, image)
        assert (line.get("tenant", "") == "forestry") is is_answered
        assert line["code"] in (("OK", "200") if is_answered else ("401",))
        assert line["time"]
        assert line["peer"].startswith("ipv4:127.0.0.1:")
        if method in {"ReadDownload", "StreamDownload", "GetPixels", "AssetPixels"}:
            assert line["bytes"] > 96
            assert line["pixels"] == 48
    assert key not in text
    assert "token" not in text
    assert audit_file.stat().st_mode & 0o777 == 0o600


def test_a_line_names_the_images_that_are_read_up_to_a_number_of_them(tmp_path: Path) -> None:
    make_catalog(tmp_path)
    one, ids = tmp_path / "catalog" / "one.tif", [f"many/{number:02}" for number in range(25)]
    for name in ids:
        folder = tmp_path / "catalog" / name
        folder.mkdir(parents=True)
        (folder / "one.tif").write_bytes(one.read_bytes())
    audit_file = tmp_path / "audit.jsonl"
    settings = Settings(
        tmp_path / "catalog", grpc_port=0, http_port=0, state_dir=tmp_path / "state", audit_file=audit_file
    )
    grid = {"crs": "EPSG:32633", "crsTransform": [10, 0, 5e5, 0, -10, 4.6e6], "dimensions": [8, 6]}
    affine = {"scaleX": 10, "scaleY": -10, "translateX": 5e5, "translateY": 4.6e6}
    pixel_grid = {"crsCode": "EPSG:32633", "affineTransform": affine, "dimensions": {"width": 8, "height": 6}}
    both = call("ImageCollection.fromImages", images=[load("one"), load(ids[0])])
    asked: dict[str, tuple[str, Any, list[str]]] = {
        "two": ("/v1/downloads", grid | {"mosaic": {"images": {"ids": ["one", ids[0]]}}}, ["one", ids[0]]),
        "many": ("/v1/downloads:plan", grid | {"mosaic": {"query": {"collection": "many"}}}, ids),
        "graph": (
            f"{P}/image:computePixels",
            TILE | {"grid": pixel_grid, "expression": graph(call("reduce.max", collection=both))},
            ["one", ids[0]],
        ),
        "value": (f"{P}/value:compute", {"expression": graph(load("one"))}, ["one"]),
        "plain": ("/v1/downloads", BODY, []),
    }
    with served(settings) as server:
        for name, (target, body, _) in asked.items():
            headers = {"Content-Type": "application/json", "X-Request-Id": name}
            status, _, answer = ask(server, "POST", target, json.dumps(body).encode(), headers)
            assert status == 200, answer
    lines = {line["id"]: line for line in map(json.loads, audit_file.read_text().splitlines())}
    for name, (_, _, read) in asked.items():
        assert lines[name].get("images", 0) == len(read), name
        named = lines[name].get("image_ids", [])
        assert len(named) == min(20, len(read)), name
        assert set(named) <= set(read), name


def test_a_file_that_was_moved_away_is_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "audit"
    audit = AuditFile(path)
    audit.note({"id": "a"})
    path.rename(tmp_path / "old")
    audit.note({"id": "b"})
    audit.reload()
    audit.note({"id": "c"})
    audit.close()
    assert [json.loads(line)["id"] for line in (tmp_path / "old").read_text().splitlines()] == ["a", "b"]
    assert [json.loads(line)["id"] for line in path.read_text().splitlines()] == ["c"]


def test_calls_are_refused_while_no_line_can_be_written_and_none_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written, room = os.write, [10]

    def write(file: int, data: bytes) -> int:
        if not room[0]:
            raise OSError(28, "No space left on device")
        count = written(file, data[: room[0]])
        room[0] -= count
        return count

    monkeypatch.setattr("rasterwire.server.audit.os.write", write)
    audit = AuditFile(tmp_path / "audit")
    audit.note({"id": "a"})
    audit.note({"id": "b"})
    with pytest.raises(StorageUnavailable):
        audit.check()
    assert audit.problem()
    room[0] = 1 << 20
    audit.check()
    assert not audit.problem()
    audit.close()
    lines = (tmp_path / "audit").read_text().splitlines()
    assert [json.loads(line)["id"] for line in lines[1:]] == ["a", "b"]  # the first was cut


def test_a_file_that_cannot_be_written_ends_a_server_before_it_does_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[Settings] = []
    monkeypatch.setattr(app, "log_to_stderr", lambda _: None)
    monkeypatch.setattr(app, "_tell_of_images", looks.append)
    for workers in (1, 2):
        settings = Settings(tmp_path, state_dir=tmp_path / "state", audit_file=tmp_path / "none" / "a", workers=workers)
        with pytest.raises(BadSettings, match="name a file in a folder that this user may write to"):
            app.serve(settings)
    assert not looks
    assert not (tmp_path / "state").exists()
