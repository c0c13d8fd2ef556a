"""The page to look with, as the HTTP door serves it."""

import gzip
import mimetypes
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from asking import ask
from rasterwire.server.page.front import page_files
from rasterwire.server.settings import Settings
from serving import Served, served

MOST_BYTES = 600_000


@pytest.fixture(scope="module")
def settings(demo_catalog: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(demo_catalog, grpc_port=0, http_port=0, state_dir=tmp_path_factory.mktemp("page"))


@pytest.fixture(scope="module")
def server(settings: Settings) -> Iterator[Served]:
    with served(settings) as running:
        yield running


def names_in(document: bytes) -> list[str]:
    return re.findall(r'(?:src|href)="([^"#]+)"', document.decode())


def test_the_document_and_all_that_it_names_are_served(server: Served) -> None:
    status, headers, document = ask(server, "GET", "/")
    assert (status, headers["Content-Type"], headers["Cache-Control"]) == (200, "text/html; charset=utf-8", "no-cache")
    names = names_in(document)
    assert len(names) == 3
    for name in names:
        status, headers, body = ask(server, "GET", f"/{name}")
        assert (status, body) == (200, page_files()[name.rpartition("/")[2]].body), name
        assert headers["Cache-Control"] == "public, max-age=31536000, immutable", name


def test_types_of_files_are_not_those_that_the_system_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mimetypes, "guess_type", lambda *_: ("text/plain", None))
    types = {name.rpartition(".")[2]: file.media_type for name, file in page_files().items()}
    assert types["html"] == "text/html"
    assert types["css"] == "text/css"
    assert types["js"] == "text/javascript"
    assert types["svg"] == "image/svg+xml"


def test_addresses_in_the_document_are_relative_so_that_a_proxy_may_put_a_prefix_before(server: Served) -> None:
    _, _, document = ask(server, "GET", "/")
    assert all(name.startswith("assets/") for name in names_in(document))


def test_nothing_may_be_loaded_from_elsewhere_and_nothing_is_written_within_the_document(server: Served) -> None:
    for target in ("/", *(f"/assets/{name}" for name in page_files())):
        _, headers, _ = ask(server, "GET", target)
        rules = dict(rule.strip().split(" ", 1) for rule in headers["Content-Security-Policy"].split(";"))
        assert rules["default-src"] == "'self'", target
        assert rules["frame-ancestors"] == "'none'", target
        assert "unsafe" not in headers["Content-Security-Policy"], target
    _, _, document = ask(server, "GET", "/")
    assert b"<style" not in document
    assert not re.search(rb"<script(?![^>]*src=)|\sstyle=|\son\w+=", document)


def test_files_are_packed_for_who_takes_that_and_not_sent_to_who_has_them(server: Served) -> None:
    [script] = [name for name in page_files() if name.endswith(".js")]
    _, headers, packed = ask(server, "GET", f"/assets/{script}", headers={"Accept-Encoding": "gzip"})
    assert headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed) == page_files()[script].body
    status, _, body = ask(server, "GET", f"/assets/{script}", headers={"If-None-Match": headers["ETag"]})
    assert (status, body) == (304, b"")
    assert ask(server, "HEAD", "/")[0] == 200
    assert ask(server, "GET", "/assets/nothing.js")[0] == 404
    assert ask(server, "GET", "/assets/..%2Ffront.py")[0] == 404


def test_the_page_is_small_and_has_the_licences_of_its_parts() -> None:
    files = page_files()
    assert sum(len(file.packed or file.body) for file in files.values()) < MOST_BYTES
    licences = files["licences.txt"].body.decode()
    for package in ("ol ", "preact ", "proj4 ", "@preact/signals ", "rbush ", "world-atlas "):
        assert f"\n{package}" in licences, package


def test_a_setting_turns_the_page_off(settings: Settings, tmp_path: Path) -> None:
    with served(replace(settings, state_dir=tmp_path, web=False)) as server:
        assert ask(server, "GET", "/")[0] == 404
        assert ask(server, "GET", "/assets/index.html")[0] == 404
