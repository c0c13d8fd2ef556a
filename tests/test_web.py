"""The HTTP door with web pages, proxies and logs."""

import json
import logging
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
import rasterio
from affine import Affine

from asking import ask
from rasterwire.server.settings import BadSettings, Settings, load_settings
from serving import Served, served
from waiting import until

P = "/v1/projects/my-project"
MAPS = "https://maps.example.org"
JSON = {"Content-Type": "application/json"}
BODY = json.dumps({"expression": {"result": "0", "values": {"0": {"constantValue": 1}}}}).encode()
PARAMS = json.dumps({"image": "image", "format": "FORMAT_NPY"}).encode()
TOKEN = "0123456789abcdef" * 2

_GUARD = 100
"""Seconds after which a test that hangs is given up."""


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    folder = tmp_path_factory.mktemp("web")
    (folder / "catalog").mkdir()
    profile = {"width": 30, "height": 20, "count": 1, "dtype": "uint8", "crs": "EPSG:32633"}
    place = Affine(10, 0, 0, 0, -10, 0)
    with rasterio.open(folder / "catalog" / "image.tif", "w", "GTiff", transform=place, **profile) as file:
        file.write(np.ones((1, 20, 30), "uint8"))
    return Settings(folder / "catalog", grpc_port=0, http_port=0, state_dir=folder / "state")


@pytest.fixture(scope="module")
def server(settings: Settings) -> Iterator[Served]:
    with served(settings) as service:
        yield service


@contextmanager
def other(settings: Settings, state: Path, **changes: object) -> Iterator[Served]:
    with served(replace(settings, state_dir=state, **changes)) as service:  # type: ignore[arg-type]
        yield service


def cors(headers: dict[str, str]) -> dict[str, str]:
    of_origins = ("Access-Control", "Vary")
    return {
        name: value for name, value in headers.items() if name.startswith(of_origins) and value != "Accept-Encoding"
    }


def test_without_a_setting_no_page_of_another_origin_may_read(server: Served) -> None:
    for method, target in (("OPTIONS", P + "/thumbnails"), ("GET", P + "/algorithms"), ("GET", "/livez"), ("GET", "/")):
        _, headers, _ = ask(server, method, target, headers={"Origin": MAPS})
        assert cors(headers) == {}, (method, target)


def test_pages_of_the_origins_that_are_named_may_call_earth_engines_doors_alone(
    settings: Settings, tmp_path: Path
) -> None:
    with other(settings, tmp_path, cors_origins=("http://localhost:3000", MAPS)) as server:
        for method, target in (("OPTIONS", P + "/thumbnails"), ("GET", P + "/algorithms"), ("POST", P + "/nothing")):
            _, headers, _ = ask(server, method, target, headers={"Origin": MAPS})
            assert headers["Access-Control-Allow-Origin"] == MAPS, target
            assert headers["Vary"] == "Origin", target
            for origin in ("https://other.example.org", MAPS + ".evil.org", "null", ""):
                _, headers, _ = ask(server, method, target, headers={"Origin": origin})
                assert cors(headers) == {"Vary": "Origin"}, (target, origin)
        status, headers, body = ask(server, "OPTIONS", P + "/thumbnails", headers={"Origin": MAPS})
        assert (status, body) == (204, b"")
        assert "POST" in headers["Access-Control-Allow-Methods"]
        assert {"Content-Type", "X-Goog-User-Project"} <= set(headers["Access-Control-Allow-Headers"].split(", "))
        for target in ("/v1/downloads", "/v1/downloads:plan", "/readyz"):
            assert cors(ask(server, "OPTIONS", target, headers={"Origin": MAPS})[1]) == {}, target


def test_a_star_lets_pages_of_all_origins(settings: Settings, tmp_path: Path) -> None:
    with other(settings, tmp_path, cors_origins=("*",)) as server:
        _, headers, _ = ask(server, "GET", P + "/algorithms", headers={"Origin": "http://x"})
        assert headers["Access-Control-Allow-Origin"] == "*"
        assert "Vary" not in headers


def test_a_post_has_to_say_that_it_is_json(server: Served) -> None:
    wrong = [
        {},
        {"Content-Type": ""},
        {"Content-Type": "text/plain"},
        {"Content-Type": "text/plain; a=application/json"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "multipart/form-data; boundary=x"},
        {"Content-Type": "application/json, text/plain"},
    ]
    doors = [(P + "/value:compute", BODY), ("/v1/downloads", PARAMS), ("/v1/downloads:plan", PARAMS)]
    for target, body in doors:
        for headers in wrong:
            status, _, answer = ask(server, "POST", target, body, headers)
            error = json.loads(answer)["error"]
            assert (status, error["code"], error["status"]) == (415, 415, "INVALID_ARGUMENT"), (target, headers)
            assert "application/json" in error["message"]
        for content_type in ("application/json", "application/json; charset=UTF-8", "Application/JSON"):
            assert ask(server, "POST", target, body, {"Content-Type": content_type})[0] == 200, (target, content_type)


def test_a_long_get_that_comes_as_a_form_is_served(server: Served) -> None:
    """Earth Engine's Python client sends it so. A web page cannot: the header needs a preflight request."""
    form = {"X-HTTP-Method-Override": "GET", "Content-Type": "application/x-www-form-urlencoded"}
    status, _, body = ask(server, "POST", P + "/assets:listAssets", b"pageSize=5", form)
    assert (status, len(json.loads(body)["assets"])) == (200, 1)


def test_every_answer_keeps_its_address_and_its_type(server: Served) -> None:
    _, _, body = ask(server, "POST", "/v1/downloads", PARAMS, JSON)
    url = json.loads(body)["downloadId"]["url"].removeprefix(server.http)
    requests = [("GET", url), ("HEAD", url), ("GET", url + "x"), ("GET", P + "/algorithms"), ("GET", "/readyz")]
    for method, target in [*requests, ("OPTIONS", P), ("DELETE", "/v1/downloads")]:
        _, headers, _ = ask(server, method, target)
        assert headers["Referrer-Policy"] == "no-referrer", target
        assert headers["X-Content-Type-Options"] == "nosniff", target
        assert headers["Server"] == "rasterwire", target


def test_an_answer_to_what_is_no_request_names_no_version_either(server: Served) -> None:
    host, port = urlsplit(server.http).netloc.split(":")
    with socket.create_connection((host, int(port)), timeout=_GUARD) as connection:
        connection.sendall(b"GET / HTTX/1.1\r\n\r\n")
        answer = b"".join(iter(lambda: connection.recv(1 << 16), b""))
    assert b"\r\nServer: rasterwire\r\n" in answer
    assert b"aiohttp" not in answer
    assert b"Python" not in answer


def test_requests_are_logged_without_a_token(server: Served, caplog: pytest.LogCaptureFixture) -> None:
    params = PARAMS.replace(b"}", b', "nodata": 77}')  # of a file that no other test made before
    with caplog.at_level(logging.INFO, "rasterwire.server"):
        _, _, body = ask(server, "POST", "/v1/downloads", params, JSON)
        made = json.loads(body)["downloadId"]
        url, token = made["url"].removeprefix(server.http), made["token"]
        size = len(ask(server, "GET", url)[2])
        ask(server, "GET", url, headers={"Range": "bytes=0-9"})
        ask(server, "HEAD", url)
        ask(server, "GET", url + "x")
        ask(server, "POST", "/v1/downloads:plan", b'{"image": "image", "scale": -1}', JSON)
        ask(server, "GET", "/readyz")
        ask(server, "GET", "/nothing%0Aelse")
        ask(server, "GET", f"{P}/thumbnails/{TOKEN[::-1]}-{TOKEN}:getPixels")
        until(lambda: sum(" ms id=" in said for said in caplog.messages), 8)
    pixels = f"GET {url.split('?')[0]}"
    lines = [re.sub(r" [0-9.]+ ms id=[0-9a-f]{16}", "", said) for said in caplog.messages if " ms id=" in said]
    known = f"download={url.split('/')[3].split(':')[0]}"
    assert lines == [
        f"POST /v1/downloads 200 image=image {known} pixels=600",
        f"{pixels} 200 image=image {known} pixels=600 bytes={size}",
        f"{pixels} 206 {known} bytes=10",
        f"HEAD {pixels.removeprefix('GET ')} 200 {known}",
        f"{pixels} 404 reason=DOWNLOAD_NOT_FOUND",
        "POST /v1/downloads:plan 400 reason=INVALID_REQUEST",
        "GET /nothing%0Aelse 404 reason=NOT_FOUND",
        f"GET {P}/thumbnails/{TOKEN[::-1]}-...:getPixels 404 reason=DOWNLOAD_NOT_FOUND",
    ]
    assert token not in caplog.text


def root_url(server: Served, **headers: str) -> str:
    forwarded = {"X-Forwarded-" + name: value for name, value in headers.items() if name != "Host_"}
    if "Host_" in headers:
        forwarded["Host"] = headers["Host_"]
    status, _, body = ask(server, "GET", "/$discovery/rest?version=v1", headers=forwarded)
    assert status == 200
    root = json.loads(body)["rootUrl"]
    assert isinstance(root, str)
    return root


def test_the_address_in_the_discovery_document_is_not_the_senders_to_say(
    server: Served, settings: Settings, tmp_path: Path
) -> None:
    forged = {"Host_": "evil.example", "Host": "evil.example", "Proto": "https", "Prefix": "/x"}
    assert root_url(server, **forged) == server.http + "/"
    public = "https://rasters.example.org/api"
    with other(settings, tmp_path / "a", public_url=public + "/", trust_forwarded=True) as public_server:
        assert root_url(public_server, **forged) == public + "/"
    with other(settings, tmp_path / "b", trust_forwarded=True) as trusting:
        assert root_url(trusting, Host="a.example.org", Proto="https") == "https://a.example.org/"
        assert root_url(trusting, Host="a.example.org:8443", Proto="https", Prefix="/api/") == (
            "https://a.example.org:8443/api/"
        )
        # the nearest proxy appends the address that it saw
        assert root_url(trusting, Host="evil, a.example.org", Proto="http, https") == "https://a.example.org/"
        for wrong in ({}, {"Host": "a"}, {"Host": "a/b@c?d", "Proto": "https"}, {"Host": "a", "Proto": "javascript"}):
            assert root_url(trusting, **wrong) == trusting.http + "/", wrong


def test_the_settings_of_the_web_are_read_and_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "config.toml"
    config.write_text(
        f'catalog = "{tmp_path}"\ntrust_forwarded = true\ncors_origins = ["{MAPS}", "http://localhost:3000"]'
    )
    loaded = load_settings(config, {})
    assert (loaded.trust_forwarded, loaded.cors_origins) == (True, (MAPS, "http://localhost:3000"))
    monkeypatch.setenv("RASTERWIRE_CORS_ORIGINS", f"{MAPS}, *")
    monkeypatch.setenv("RASTERWIRE_TRUST_FORWARDED", "False")
    loaded = load_settings(config, {})
    assert (loaded.trust_forwarded, loaded.cors_origins) == (False, (MAPS, "*"))
    monkeypatch.setenv("RASTERWIRE_CORS_ORIGINS", "")
    assert load_settings(config, {}).cors_origins == ()
    for wrong in ("maps.example.org", MAPS + "/", "https://a b", "https://*.example.org"):
        with pytest.raises(BadSettings, match="cors_origins"):
            load_settings(config, {"cors_origins": wrong})
    with pytest.raises(BadSettings, match="trust_forwarded: 'maybe' is neither true nor false"):
        load_settings(config, {"trust_forwarded": "maybe"})


def test_the_log_names_no_token(settings: Settings, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "rasterwire.cli", "serve", str(settings.catalog), "--grpc-port", "0"]
    command += ["--http-port", "0", "--state-dir", str(tmp_path / "state")]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        begun = next(match for line in server.stderr if (match := re.search(r"http://127\.0\.0\.1:(\d+)", line)))
        # the parser's errors repeat what it could not read
        targets = [f"/v1/downloads/x:getPixels?token={TOKEN}", f"{P}/thumbnails/{TOKEN[::-1]}-{TOKEN}:getPixels"]
        for target in targets:
            for request in (f"GET {target} HTTX/1.1\r\n\r\n", f"GET  {target}\x00\r\n\r\n", f"GET {target}\r\n\r\n"):
                with socket.create_connection(("127.0.0.1", int(begun[1])), timeout=_GUARD) as connection:
                    connection.sendall(request.encode())
                    connection.shutdown(socket.SHUT_WR)
                    while connection.recv(1 << 16):
                        pass
        server.terminate()
        _, log = server.communicate(timeout=_GUARD)
    assert "Error handling request" in log
    assert "/v1/downloads/x:getPixels?token=..." in log
    assert f"{TOKEN[::-1]}-..." in log
    assert TOKEN not in log
