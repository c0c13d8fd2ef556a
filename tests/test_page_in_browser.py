"""The page in a real browser: what somebody sees and gets there is what scripts get."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import google_crc32c
import numpy as np
import pytest
import rasterio
from google.protobuf import json_format

from asking import ask
from effort import HANG
from rasterwire.server.settings import Settings
from rasterwire.v1 import download_pb2, download_service_pb2
from serving import Served, served

WEB = Path(__file__).parents[1] / "web"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
SCRIPTS = Path(sys.executable).parent


@pytest.fixture(scope="module")
def server(demo_catalog: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    state = tmp_path_factory.mktemp("browser")
    with served(Settings(demo_catalog, grpc_port=0, http_port=0, state_dir=state)) as running:
        yield running


def drive(scenario: str, server: Served, folder: Path) -> Any:
    """Return what came of using the page; nothing of it was asked of another host, and nothing in it failed."""
    if shutil.which("node") is None or not (WEB / "node_modules" / "playwright-core").is_dir():
        pytest.skip("no Node.js here, or not what `make web-check` installs into web/node_modules")
    if CHROMIUM is None:
        pytest.skip("no Chromium here; the package chromium has it")
    command = ["node", str(WEB / "test" / "drive.js"), scenario, server.http, str(folder)]
    environment = os.environ | {"CHROMIUM": CHROMIUM}
    done = subprocess.run(command, capture_output=True, text=True, timeout=HANG, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["elsewhere"] == []
    assert answer["errors"] == []
    return answer


def run(code: str, name: str, folder: Path) -> str:
    """Run copied code in an empty folder, as its reader would; return what it prints."""
    folder.mkdir()
    path = f"{SCRIPTS}{os.pathsep}{os.environ['PATH']}"
    shell = [sys.executable, "-c", code] if name == "Python" else ["bash", "-euo", "pipefail", "-c", code]
    done = subprocess.run(
        shell, cwd=folder, capture_output=True, text=True, timeout=HANG, env=os.environ | {"PATH": path}, check=False
    )
    assert done.returncode == 0, (name, done.stderr)
    return done.stdout


def file_of(name: str, code: str, server: Served, folder: Path) -> bytes:
    """Return the file that copied code leads to."""
    if name == "JSON":
        headers = {"Content-Type": "application/json"}
        _, _, body = ask(server, "POST", "/v1/downloads", code.encode(), headers)
        return bytes(urlopen(json.loads(body)["downloadId"]["url"], timeout=HANG).read())
    printed = run(code, name, folder / name)
    if name == "buf curl":  # which asks for the download, and prints where it is
        return bytes(urlopen(json.loads(printed)["downloadId"]["url"], timeout=HANG).read())
    [piece] = (folder / name).glob("piece.*")
    return piece.read_bytes()


def plain_snippets(case: Any) -> list[tuple[str, str]]:
    """Return the code that needs nothing but what rasterwire is developed with."""
    return [(name, code) for name, code in case["snippets"].items() if name != "ee"]


def checked(download: dict[str, str]) -> bytes:
    """Return the bytes that the browser saved, which have the checksum that the page shows."""
    saved = Path(download["path"]).read_bytes()
    assert f"{google_crc32c.value(saved):08x}" == download["checksum"]
    return saved


def plan_of(code: str, server: Served) -> download_pb2.DownloadPlan:
    params = json_format.Parse(code, download_pb2.DownloadParams())
    request = download_service_pb2.PlanDownloadRequest(params=params)
    return server.downloads.PlanDownload(request, timeout=HANG).plan


def test_what_is_drawn_planned_and_downloaded_is_what_grpc_plans_and_copied_code_gets(
    server: Served, tmp_path: Path
) -> None:
    story = drive("story", server, tmp_path)
    plan = plan_of(story["snippets"]["JSON"], server)
    [raster] = plan.rasters
    assert story["filename"] == story["download"]["filename"] == plan.filename
    assert story["rasters"] == [f"{raster.grid.width} \u00d7 {raster.grid.height} · uint16 · B4 B8"]
    saved = checked(story["download"])
    assert "ee" in story["snippets"]
    for name, code in plain_snippets(story):
        assert file_of(name, code, server, tmp_path) == saved, code
    assert json.loads(story["shared"]) == json.loads(story["snippets"]["JSON"])


def test_code_for_earth_engines_client_gets_the_same_pixels(server: Served, tmp_path: Path) -> None:
    python = WEB.parent / ".venv-earth-engine" / "bin" / "python"
    if not python.is_file():
        pytest.skip("no environment of Earth Engine's client; `make test-earth-engine` makes it, and runs this test")
    story = drive("story", server, tmp_path)
    subprocess.run([python, "-c", story["snippets"]["ee"]], cwd=tmp_path, timeout=HANG, check=True)
    with rasterio.open(tmp_path / "piece.tif") as piece, rasterio.open(story["download"]["path"]) as saved:
        assert (piece.transform, piece.crs, piece.descriptions) == (saved.transform, saved.crs, saved.descriptions)
        np.testing.assert_array_equal(piece.read(), saved.read())


def test_code_says_the_same_with_a_scale_and_with_a_polygon_too(server: Served, tmp_path: Path) -> None:
    for number, case in enumerate(drive("grids", server, tmp_path)["cases"]):
        saved = checked(case["download"])
        folder = tmp_path / str(number)
        folder.mkdir()
        for name, code in plain_snippets(case):
            assert file_of(name, code, server, folder) == saved, code


def test_the_values_under_the_pointer_are_those_of_the_files(
    server: Served, demo_catalog: Path, tmp_path: Path
) -> None:
    readings = drive("pointer", server, tmp_path)["readings"]
    assert readings[0] != readings[1]
    for reading in readings:
        column, row = int(reading["column"]), int(reading["row"])
        for name in ("B2", "B3", "B4", "B8"):
            with rasterio.open(next(demo_catalog.rglob(f"{name}.tif"))) as file:
                assert file.read(1)[row, column] == int(reading["values"][name]), reading


def test_a_handle_of_the_histogram_changes_what_is_drawn_and_downloaded(server: Served, tmp_path: Path) -> None:
    look = drive("look", server, tmp_path)
    maxima = [float(number) for number in look["maxima"].split(",")]
    assert look["params"]["visualization"]["max"] == maxima
    assert len(look["histogram"]["bands"]) == len(maxima) == 3
    shown = plan_of(json.dumps(look["params"]), server).visualization
    assert [band.max for band in shown.bands] == maxima
    automatic = plan_of(json.dumps(look["params"] | {"visualization": {}}), server).visualization
    assert automatic.bands[0].max > maxima[0]
    saved = checked(look["download"])
    for name, code in plain_snippets(look):
        assert file_of(name, code, server, tmp_path) == saved, code


def test_a_box_that_is_snapped_lies_on_the_lines_between_pixels(
    server: Served, demo_catalog: Path, tmp_path: Path
) -> None:
    snap = drive("snap", server, tmp_path)
    with rasterio.open(next(demo_catalog.rglob("B4.tif"))) as file:
        west, south = ~file.transform * snap["corners"][:2]
        east, north = ~file.transform * snap["corners"][2:]
    assert all(number == round(number) for number in (west, south, east, north))
    assert snap["rasters"] == [f"{east - west:.0f} \u00d7 {south - north:.0f} · uint16 · 8 bands"]


def test_what_is_wrong_stands_beside_its_field(server: Served, tmp_path: Path) -> None:
    refusal = drive("refusal", server, tmp_path)
    assert "greater than 0" in refusal["beside"]
    assert (refusal["isMarked"], refusal["describedBy"]) == ("true", "scale-violations")
    assert (refusal["others"], refusal["canDownload"], refusal["after"]) == (1, False, 0)


def test_a_link_that_says_nonsense_shows_the_page_and_asks_for_nothing_else(server: Served, tmp_path: Path) -> None:
    links = drive("links", server, tmp_path)
    plain = {"image": "COPERNICUS/S2_SR/20210109T185751_20210109T185931_T10SEG", "format": "FORMAT_GEO_TIFF"}
    assert {part: json.loads(code) for part, code in links["broken"].items()} == dict.fromkeys(links["broken"], plain)
    assert len(links["broken"]) == 10
    assert links["canCopy"] is False
    assert "No image has the id" in links["outside"]
    assert links["asked"] == []


def test_a_connection_that_is_cut_goes_on_where_it_was_and_a_prefix_may_stand_before(
    server: Served, tmp_path: Path
) -> None:
    cut = drive("cut", server, tmp_path)
    checked(cut["download"])
    first, second = cut["ranges"]
    assert first == ""
    assert 0 < int(second.removeprefix("bytes=").removesuffix("-")) <= 200_000


def test_a_file_that_comes_whole_again_is_read_anew(server: Served, tmp_path: Path) -> None:
    whole = drive("whole", server, tmp_path)
    checked(whole["download"])
    first, second = whole["ranges"]
    assert first == ""
    assert second.startswith("bytes=")


def test_a_fault_that_lasts_is_told_after_some_tries(server: Served, tmp_path: Path) -> None:
    lasting = drive("lasting", server, tmp_path)
    assert lasting["problem"] == "The server failed 5 times in a row: a fault that lasts"
    assert lasting["tries"] == 5


def test_no_more_tiles_are_asked_for_than_are_seen(server: Served, tmp_path: Path) -> None:
    tiles = drive("tiles", server, tmp_path)
    assert 0 < tiles["tiles"] == tiles["distinct"] <= tiles["seen"]


def test_who_cannot_see_or_point_can_use_it_by_the_rules_of_axe(server: Served, tmp_path: Path) -> None:
    states = drive("access", server, tmp_path)["axe"]
    assert states == {state: [] for state in states}
    assert len(states) == 5
