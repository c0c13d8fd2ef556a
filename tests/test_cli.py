"""The command line: what it prints, and its exit codes."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
import rasterio
from grpc_health.v1 import health_pb2, health_pb2_grpc

from effort import HANG
from images import SCENE
from rasterwire.demo.scene import make_scene
from rasterwire.server.process import app
from rasterwire.server.settings import BadSettings, Settings, load_settings
from serving import Served, served

BOX = "-122.0859,37.0436,-122.0626,37.0586"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("cli")
    make_scene(folder / "catalog")
    with served(Settings(folder / "catalog", grpc_port=0, http_port=-1, state_dir=folder / "state")) as running:
        yield running


def run(*arguments: str | Path) -> tuple[int, str, str]:
    command = [sys.executable, "-m", "rasterwire.cli", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=HANG, check=False)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout, done.stderr


def test_download_writes_a_file_and_a_preview(server: Served, tmp_path: Path) -> None:
    target, preview = tmp_path / "x.tif", tmp_path / "look.png"
    options: list[str | Path] = [
        "-b",
        "B4",
        "-b",
        "B3",
        "-b",
        "B2",
        "--region",
        BOX,
        "--format",
        "geo_tiff",
        "-o",
        target,
    ]
    code, said, _ = run("download", SCENE, *options, "--preview", preview, "--server", server.address)
    assert code == 0
    assert re.search(r"x\.tif  [\d,]+ bytes  crc32c [0-9a-f]{8}", said.replace("\n", ""))
    with rasterio.open(target) as tiff, rasterio.open(preview) as picture:
        assert (tiff.count, tiff.width) == (3, 209)
        assert (picture.count, picture.width) == (4, 209)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["look.png", "x.tif"]


def test_plan_shows_a_table_and_what_is_ignored(server: Served) -> None:
    code, said, _ = run("plan", SCENE, "-b", "B3:20", "--region", BOX, "--format", "npy", "--server", server.address)
    assert code == 0
    assert "209 x 170" in said
    assert "path: copy from tiles (B3)" in said
    assert "ignored: bands[0].scale" in said


def test_plan_is_whole_through_a_pipe_and_as_json(server: Served) -> None:
    options = ["-b", "B3", "-b", "B11", "--crs", "EPSG:4326", "--scale", "20", "--server", server.address]
    code, said, _ = run("plan", SCENE, *options)
    assert code == 0
    assert "…" not in said
    assert "20210109T185751_20210109T185931_T10SEG.B11.tif" in said
    code, said, _ = run("plan", SCENE, *options, "--json")
    assert code == 0
    assert [raster["bands"][0]["id"] for raster in json.loads(said)["rasters"]] == ["B3", "B11"]


def test_limits_are_told(server: Served) -> None:
    code, said, _ = run("limits", "--server", server.address)
    assert code == 0
    assert "1,000,000" in said
    assert "6:00:00" in said


@pytest.mark.parametrize("option", ["-o", "--preview"])
def test_a_file_that_cannot_be_written_is_told_before_the_transfer(tmp_path: Path, option: str) -> None:
    code, _, said = run("download", "x", option, tmp_path / "no" / "x", "--server", "127.0.0.1:1")  # nobody is asked
    assert code == 2
    assert f"there is no folder '{tmp_path / 'no'}'" in said.replace("\n", "")


def test_names_cannot_steer_a_terminal(tmp_path: Path) -> None:
    (tmp_path / "a\x1b[2Jb.tif").write_bytes(b"no tiff")
    code, said, _ = run("images", tmp_path, "--check")
    assert code == 1
    assert "\\x1b[2J" in said
    assert "\x1b" not in said


def test_images_are_listed_and_shown(server: Served) -> None:
    assert run("images", "--server", server.address)[:2] == (0, SCENE + "\n")
    code, said, _ = run("images", SCENE, "--server", server.address)
    assert (code, "B11" in said) == (0, True)


def test_a_catalog_that_lies_is_reported(shared_data: Path) -> None:
    code, said, _ = run("images", shared_data / "stac_catalog_33T", "--check")
    assert code == 1
    assert "10980 x 10980 pixels; found 915 x 915" in said
    assert str(shared_data) not in said


def test_an_honest_catalog_is_fine(tmp_path: Path) -> None:
    make_scene(tmp_path)
    assert run("images", tmp_path, "--check")[0] == 0


def test_health_tells_by_its_exit_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def nothing(_: Path | None) -> None:
        pass

    monkeypatch.setattr(app, "warm_up", nothing)
    with served(Settings(tmp_path, grpc_port=0, http_port=0, state_dir=tmp_path / "state")) as server:
        with grpc.insecure_channel(server.address) as channel:
            stub: Any = health_pb2_grpc.HealthStub(channel)
            watch = stub.Watch(health_pb2.HealthCheckRequest(), timeout=HANG)
            assert any(told.status == health_pb2.HealthCheckResponse.SERVING for told in watch)
        assert run("health", "--server", server.address)[0] == 0
    assert run("health", "--server", "127.0.0.1:1", "--timeout", "1")[0] == 1


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        pytest.param(
            ["plan", SCENE, "--scale", "-1", "-b", "nope"],
            3,
            ["scale: must be greater", "no band 'nope'"],
            id="refused",
        ),
        pytest.param(["plan", "nothing"], 4, ["no image 'nothing'"], id="not-found"),
        pytest.param(
            ["plan", SCENE, "--region", "1,2,3"], 2, ["neither west,south,east,north nor a file"], id="bad-box"
        ),
        pytest.param(["frobnicate"], 2, ["No such command"], id="no-command"),
    ],
)
def test_failures_are_sentences_with_exit_codes(
    server: Served, arguments: list[str], code: int, words: list[str]
) -> None:
    more = ["--server", server.address] if arguments[0] == "plan" else []
    found, _, said = run(*arguments, *more)
    assert found == code
    assert all(word in said for word in words)


def test_serving_a_folder_that_is_not_there_is_wrong_usage() -> None:
    assert run("serve", "/no/such/folder")[0] == 2


def test_help_teaches_and_version_tells() -> None:
    assert "rasterwire serve /data" in run("--help")[1]
    code, said, _ = run("version")
    assert (code, said.splitlines()[0]) == (0, "rasterwire 0.1.0")


# -- settings ----------------------------------------------------------------------------------


def test_a_flag_wins_over_the_environment_and_that_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "c.toml"
    config.write_text(f'catalog = "{tmp_path}"\ngrpc_port = 1\nhttp_port = 2\nmax_bands = 3\n')
    monkeypatch.setenv("RASTERWIRE_HTTP_PORT", "20")
    monkeypatch.setenv("RASTERWIRE_MAX_BANDS", "30")
    settings = load_settings(config, {"max_bands": 300})
    assert (settings.grpc_port, settings.http_port, settings.max_bands) == (1, 20, 300)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nope = 1", "unknown setting nope"),
        ("threads = 0", "too small"),
        ('threads = "x"', "not a number"),
        ("=", "config file"),
    ],
)
def test_bad_settings_are_named(tmp_path: Path, text: str, said: str) -> None:
    config = tmp_path / "c.toml"
    config.write_text(text)
    with pytest.raises(BadSettings, match=said):
        load_settings(config, {"catalog": tmp_path})


def test_every_setting_is_explained_to_those_who_run_a_server() -> None:
    page = (Path(__file__).parents[1] / "docs" / "pages" / "operations.md").read_text()
    explained = page.split("## Settings")[1].split("## Health")[0]
    assert [name for name in Settings.__dataclass_fields__ if f"`{name}" not in explained] == []
