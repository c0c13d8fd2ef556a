"""The command line: its output and exit codes."""

import io
import itertools
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
import rasterio
from grpc_health.v1 import health_pb2, health_pb2_grpc
from rich.console import Console

import rasterwire
from effort import HANG
from images import SCENE
from rasterwire.cli.download import show_plan
from rasterwire.cli.text import console
from rasterwire.client import Client, InvalidParams
from rasterwire.server.process import app
from rasterwire.server.settings import BadSettings, Settings, load_settings
from rasterwire.v1 import download_pb2
from serving import Served, served

BOX = "-122.0859,37.0436,-122.0626,37.0586"


@pytest.fixture(scope="module")
def server(demo_catalog: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("cli")
    with served(Settings(demo_catalog, grpc_port=0, http_port=-1, state_dir=folder / "state")) as service:
        yield service


def run(*arguments: str | Path) -> tuple[int, str, str]:
    command = [sys.executable, "-m", "rasterwire.cli", *map(str, arguments)]
    process = subprocess.run(command, capture_output=True, text=True, timeout=HANG, check=False)
    assert "Traceback" not in process.stderr
    return process.returncode, process.stdout, process.stderr


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
        "-o",
        target,
    ]
    code, output, _ = run("download", SCENE, *options, "--preview", preview, "--server", server.address)
    assert code == 0
    assert re.search(r"x\.tif  [\d,]+ bytes  crc32c [0-9a-f]{8}", output.replace("\n", ""))
    with rasterio.open(target) as tiff, rasterio.open(preview) as picture:
        assert (tiff.count, tiff.width) == (3, 209)
        assert (picture.count, picture.shape) == (3, tiff.shape)
        for layer, values in zip(picture.read(), tiff.read(), strict=True):  # brighter where the values are greater
            assert np.corrcoef(layer.ravel(), values.ravel())[0, 1] > 0.9
    assert sorted(p.name for p in tmp_path.iterdir()) == ["look.png", "x.tif"]


@pytest.mark.parametrize(
    ("name", "options", "start"),
    [
        ("x.npy", [], b"\x93NUMPY"),
        ("x.tif", ["--format", "npy"], b"\x93NUMPY"),
        ("x.tif", ["--file-per-band"], b"PK"),
        ("x", [], b"PK"),
        ("x.ZIP", [], b"PK"),
        ("x.gz", ["--format", "npy"], b"\x93NUMPY"),
    ],
)
def test_the_extension_chooses_the_format_that_no_option_names(
    server: Served, tmp_path: Path, name: str, options: list[str], start: bytes
) -> None:
    target = tmp_path / name
    code, *_ = run("download", SCENE, "-b", "B3", "--region", BOX, *options, "-o", target, "--server", server.address)
    assert code == 0
    assert target.read_bytes().startswith(start)


@pytest.mark.parametrize("name", ["a.tar.gz", "a.jp2", "a.v2"])
def test_an_extension_of_no_format_is_refused_before_a_server_is_asked(tmp_path: Path, name: str) -> None:
    code, _, errors = run("download", "x", "-o", tmp_path / name, "--server", "127.0.0.1:1")
    extension = Path(name).suffix
    assert code == 2
    assert f"--output: no format has the extension {extension}; end the name with one of .tif, .tiff" in errors


def test_plan_shows_a_table_and_what_is_ignored(server: Served) -> None:
    code, output, _ = run("plan", SCENE, "-b", "B3:20", "--region", BOX, "--format", "npy", "--server", server.address)
    assert code == 0
    assert "209 x 170" in output
    assert "path: copy from tiles (B3)" in output
    assert "ignored: bands[0].scale" in output


def test_plan_is_whole_through_a_pipe_and_as_json(server: Served) -> None:
    options = ["-b", "B3", "-b", "B11", "--crs", "EPSG:4326", "--scale", "20", "--server", server.address]
    code, output, _ = run("plan", SCENE, *options)
    assert code == 0
    assert "…" not in output
    assert "20210109T185751_20210109T185931_T10SEG.B11.tif" in output
    code, output, _ = run("plan", SCENE, *options, "--json")
    assert code == 0
    assert [raster["bands"][0]["id"] for raster in json.loads(output)["rasters"]] == ["B3", "B11"]


def test_each_column_of_a_plan_says_something(server: Served) -> None:
    options = ["-b", "B3", "-b", "B11:20", "--region", BOX, "--server", server.address]
    _, said, _ = run("plan", SCENE, *options)
    rows = [[cell.strip() for cell in line.strip("│").split("│")] for line in said.splitlines() if line[0] == "│"]
    assert [row[-1] for row in rows] == ["native pixels", "native pixels"]
    assert all(all(row) for row in rows)


@pytest.mark.parametrize("width", [40, 60, 79, 80, 120, 100_000])
def test_a_plan_loses_no_column_and_no_value_at_any_width(width: int) -> None:
    for format_, count in itertools.product(download_pb2.Format.values()[1:], (1, 3, 40)):
        plan = download_pb2.DownloadPlan(filename="x", format=format_)
        numbers = [[number] for number in range(count)] if format_ == 2 else [range(count)]
        for group in numbers:
            grid = download_pb2.PixelGrid(
                crs="EPSG:32610", crs_transform=[10, 0, 576960, 0, -10, 4102960], width=209, height=170
            )
            raster = plan.rasters.add(path=f"20210109T185751_T10SEG.B{group[0]}.tif", grid=grid)
            for number in group:
                raster.bands.add(id=f"B{number}", data_type=download_pb2.DATA_TYPE_UINT16, overview=2)
        shown = io.StringIO()
        show_plan(plan, Console(file=shown, width=width))
        lines = [line for line in shown.getvalue().splitlines() if line[:1] in set("│┃")]
        columns = list(zip(*([cell.strip() for cell in line[1:-1].split(line[0])] for line in lines), strict=True))
        assert len(columns) == 7
        assert "…" not in shown.getvalue()
        texts = ["".join(column).replace(" ", "") for column in columns]
        assert texts[-1] == "resampling" + "nativepixelsofoverview1:2" * count
        assert texts[1] == "band" + "".join(f"B{number}" for number in range(count))
        assert "576960" in texts[-2]


def test_a_table_has_room_for_its_columns_on_any_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    for columns, width in (("10", 40), ("100", 100)):
        monkeypatch.setenv("COLUMNS", columns)
        assert console().width == width


def test_all_that_is_wrong_is_told_at_once_in_the_words_of_the_options(server: Served) -> None:
    wrong = ["--format", "TIFF", "--mask", "x", "--scale", "-1", "--nodata", "no", "--compression-level", "1.5"]
    wrong += ["-b", "nope", "-b", "B3:-2", "--dimensions", "10x", "--crs-transform", "1,2"]
    code, _, said = run("plan", SCENE, *wrong, "--server", server.address)
    assert code == 3
    fields = [line.removeprefix("Error: ").split(":")[0] for line in said.splitlines()]
    numbers = ["--compression-level", "--crs-transform", "--dimensions", "--nodata", "--scale"]
    assert sorted(fields) == sorted([*numbers, "--format", "--mask", "--band", "--band no. 2, scale"])
    with Client(server.address) as client, pytest.raises(InvalidParams) as caught:
        client.plan({"image": "nothing", "mask": "x", "resampling": "sharp", "scale": -1})
    assert {v.field for v in caught.value.violations} == {"mask", "resampling", "scale", "image"}


def test_a_region_may_be_a_file_or_geojson_and_no_other_file(server: Served, tmp_path: Path) -> None:
    west, south, east, north = map(float, BOX.split(","))
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    long_ring = [[west + (east - west) * n / 200, south] for n in range(200)] + ring[1:]
    (tmp_path / "area.json").write_text(json.dumps({"type": "Polygon", "coordinates": [ring]}))
    (tmp_path / "pixels.tif").write_bytes(b"II*\0\xff\xfe")
    for region in (tmp_path / "area.json", json.dumps({"type": "Polygon", "coordinates": [long_ring]})):
        _, said, _ = run("plan", SCENE, "-b", "B3", "--region", region, "--server", server.address)
        assert "209 x 170" in said
    code, _, note = run("plan", SCENE, "--region", tmp_path / "pixels.tif", "--server", server.address)
    assert (code, "--region: has to be west,south,east,north, or a file of GeoJSON" in note) == (3, True)


def test_what_the_client_alone_finds_is_told_where_no_server_answers() -> None:
    with Client("127.0.0.1:1") as client, pytest.raises(InvalidParams) as caught:
        client.plan({"image": "a", "mask": "x", "scale": -1})
    assert [v.field for v in caught.value.violations] == ["mask"]


def test_a_name_of_a_folder_and_an_image_is_the_folder_unless_a_server_is_named(
    server: Served, demo_catalog: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RASTERWIRE_SERVER", server.address)
    shutil.copytree(demo_catalog, tmp_path / SCENE)
    code, said, note = run("images", SCENE)
    assert (code, said) == (0, SCENE + "\n")
    assert note == f"'{SCENE}' is a folder here; for an image of this id add --server\n"
    assert run("images", f"./{SCENE}")[2] == ""
    code, said, note = run("images", SCENE, "--server", server.address)
    assert (code, "B11" in said, note) == (0, True, "")
    code, _, note = run("images", "./nothing")
    assert (code, "there is no folder './nothing'" in note) == (2, True)


def test_refusals_name_commands_and_options(server: Served) -> None:
    at = ["--server", server.address]
    assert "did you mean" in run("images", SCENE[:-1] + "F", *at)[2]
    assert run("images", "nothing", *at)[2] == (
        "Error: no image 'nothing' in this catalog; `rasterwire images` lists those there are\n"
    )
    both = ["--format", "npy", "--compression-level", "3", "--strict"]
    assert "--compression-level: would be ignored: --format npy is no GeoTIFF" in run("plan", SCENE, *both, *at)[2]


@pytest.mark.parametrize("command", [["limits"], ["plan", "x"], ["health"]])
def test_an_address_for_http_is_wrong_usage(command: list[str]) -> None:
    code, _, said = run(*command, "--server", "http://localhost:8080")
    assert code == 2
    assert "give host:port of the server's gRPC port, as localhost:50051" in said


def test_a_port_that_is_taken_is_told_in_one_sentence_and_by_nobody_else(server: Served, tmp_path: Path) -> None:
    port = server.address.rsplit(":", 1)[1]
    (tmp_path / "catalog").mkdir()
    ports = ["--grpc-port", port, "--http-port", "0"]
    code, _, said = run("serve", tmp_path / "catalog", *ports, "--state-dir", tmp_path / "state")
    assert code == 2
    ours = [line for line in said.splitlines() if "rasterwire" not in line and line]
    problem = f"grpc_port: cannot listen on 127.0.0.1:{port}: it is taken"
    assert ours == [f"Error: {problem}; stop what listens there, or choose another port with --grpc-port"]


@pytest.mark.parametrize("host", ["rasters.nowhere.invalid", "203.0.113.1"])
@pytest.mark.parametrize("workers", [1, 2])
def test_a_host_that_is_none_of_this_machine_is_told(tmp_path: Path, host: str, workers: int) -> None:
    (tmp_path / "catalog").mkdir()
    config = tmp_path / "config.toml"
    config.write_text(f'host = "{host}"\nworkers = {workers}\n')
    ports = ["--grpc-port", "0", "--http-port", "0"]
    folders: list[str | Path] = ["serve", tmp_path / "catalog", "--config", config, "--state-dir", tmp_path / "state"]
    code, _, said = run(*folders, *ports)
    assert code == 2
    remedy = "name an address of this machine, or 0.0.0.0 for all"
    assert f"Error: host: cannot listen on {host}; {remedy}\n" in said


def test_limits_are_told(server: Served) -> None:
    code, output, _ = run("limits", "--server", server.address)
    assert code == 0
    assert "1,000,000" in output
    assert "(1 TiB)" in output
    assert "6:00:00" in output


@pytest.mark.parametrize("option", ["-o", "--preview"])
def test_a_file_that_cannot_be_written_is_told_before_the_transfer(tmp_path: Path, option: str) -> None:
    code, _, errors = run(
        "download", "x", option, tmp_path / "no" / "x", "--server", "127.0.0.1:1"
    )  # no server is contacted
    assert code == 2
    assert f"there is no folder '{tmp_path / 'no'}'" in errors.replace("\n", "")


def test_names_cannot_steer_a_terminal(tmp_path: Path) -> None:
    (tmp_path / "a\x1b[2Jb.tif").write_bytes(b"no tiff")
    code, output, told = run("images", tmp_path, "--check")
    assert code == 1
    assert "1 disagreement" in told
    assert "1 disagreements" not in told
    assert "\\x1b[2J" in output
    assert "\x1b" not in output


def test_images_are_listed_and_shown(server: Served) -> None:
    assert run("images", "--server", server.address)[:2] == (0, SCENE + "\n")
    code, output, _ = run("images", SCENE, "--server", server.address)
    assert (code, "B11" in output) == (0, True)


def test_a_catalog_that_lies_is_reported(shared_data: Path) -> None:
    code, output, _ = run("images", shared_data / "stac_catalog_33T", "--check")
    assert code == 1
    assert "10980 x 10980 pixels; found 915 x 915" in output
    assert str(shared_data) not in output


def test_an_honest_catalog_is_fine(demo_catalog: Path) -> None:
    assert run("images", demo_catalog, "--check")[0] == 0


def test_health_tells_by_its_exit_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def nothing(_: Path | None) -> None:
        pass

    monkeypatch.setattr(app, "warm_up", nothing)
    with served(Settings(tmp_path, grpc_port=0, http_port=0, state_dir=tmp_path / "state")) as server:
        with grpc.insecure_channel(server.address) as channel:
            stub: Any = health_pb2_grpc.HealthStub(channel)
            watch = stub.Watch(health_pb2.HealthCheckRequest(), timeout=HANG)
            assert any(answer.status == health_pb2.HealthCheckResponse.SERVING for answer in watch)
        assert run("health", "--server", server.address)[0] == 0
        code, said, note = run("images", "--server", server.address)
        assert (code, said, note.startswith("the server has no images")) == (0, "", True)
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
            ["plan", SCENE, "--region", "1,2,3", "--scale", "-1"],
            3,
            ["--region: has to be west,south,east,north, or a file of GeoJSON, got '1,2,3'", "--scale: must be"],
            id="bad-box",
        ),
        pytest.param(["frobnicate"], 2, ["No such command"], id="no-command"),
    ],
)
def test_failures_are_sentences_with_exit_codes(
    server: Served, arguments: list[str], code: int, words: list[str]
) -> None:
    more = ["--server", server.address] if arguments[0] == "plan" else []
    exit_code, _, errors = run(*arguments, *more)
    assert exit_code == code
    assert all(word in errors for word in words)


def test_serving_a_folder_that_is_not_there_is_wrong_usage() -> None:
    assert run("serve", "/no/such/folder")[0] == 2


def test_help_teaches_and_version_tells() -> None:
    assert "rasterwire serve /data" in run("--help")[1]
    code, output, _ = run("version")
    assert (code, output.splitlines()[0]) == (0, f"rasterwire {rasterwire.__version__}")
    assert run("--version")[:2] == (0, f"rasterwire {rasterwire.__version__}\n")


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
    ("text", "message"),
    [
        ("nope = 1", "nope: there is no such setting; there are catalog, "),
        ("threads = 0", "too small"),
        ('threads = "x"', "not a number"),
        ("=", "config file"),
    ],
)
def test_bad_settings_are_named(tmp_path: Path, text: str, message: str) -> None:
    config = tmp_path / "c.toml"
    config.write_text(text)
    with pytest.raises(BadSettings, match=message):
        load_settings(config, {"catalog": tmp_path})


def test_every_setting_is_explained_to_those_who_run_a_server() -> None:
    page = (Path(__file__).parents[1] / "docs" / "pages" / "operations.md").read_text()
    explained = page.split("## Settings")[1].split("## Health")[0]
    names = [name for name, field in Settings.__dataclass_fields__.items() if not field.metadata]
    assert [name for name in names if f"`{name}" not in explained] == []


def test_a_folder_that_is_missing_is_told_before_anything_is_made(server: Served, tmp_path: Path) -> None:
    code, _, output = run("download", SCENE, "-o", f"{tmp_path}/nothing/", "--server", server.address)
    assert (code, "there is no folder" in output) == (2, True)
    assert not (tmp_path / "nothing").exists()


def test_the_catalog_may_be_named_by_the_settings_alone(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text(f'catalog = "{tmp_path}/gone"')
    code, _, output = run("serve", "--config", tmp_path / "settings.toml")
    assert (code, f"catalog: {tmp_path}/gone is not a folder" in output) == (2, True)
    assert "catalog: not set" in run("serve")[2]


def test_a_file_in_place_of_a_folder_and_the_other_way_round_are_told_with_the_remedy(tmp_path: Path) -> None:
    config, raster = tmp_path / "ok.toml", tmp_path / "a.tif"
    config.write_text(f'catalog = "{tmp_path}"')
    raster.touch()
    messages = {
        config: f"catalog: {config} is not a folder, but a file; for a config file: rasterwire serve --config {config}",
        raster: f"catalog: {raster} is not a folder, but a file; to serve the folder that holds it: rasterwire serve "
        f"{tmp_path}",
    }
    index, lost = tmp_path / "d.sqlite", Path("s3://eo/2024/")
    index.touch()
    messages |= {
        path: f'catalog: {path} is not a folder; write it as a table [[catalogs]] with kind = "index" and its source '
        "in a config file, and start with rasterwire serve --config FILE"
        for path in (index, lost)
    }
    for path, message in messages.items():
        with pytest.raises(BadSettings) as error:
            load_settings(None, {"catalog": path})
        assert str(error.value) == message
    with pytest.raises(BadSettings, match="is a folder; to serve its images: rasterwire serve "):
        load_settings(tmp_path, {})
    with pytest.raises(BadSettings, match="No such file or directory; name a TOML file"):
        load_settings(tmp_path / "gone.toml", {})
    config.write_text(f'[[catalogs]]\nkind = "folder"\nsource = "{index}"')
    with pytest.raises(BadSettings, match=r'd.sqlite\' is not a folder; set kind = "index"$'):
        load_settings(config, {})
    config.write_text('[[catalog]]\nkind = "folder"')
    with pytest.raises(BadSettings, match=r"catalog: it is a list; did you mean \[\[catalogs\]\]\?"):
        load_settings(config, {"catalog": tmp_path})


def test_a_port_that_is_no_number_is_wrong_usage() -> None:
    code, _, output = run("limits", "--server", "localhost:abc")
    assert (code, "names port abc; a port is a number from 1 to 65535" in output) == (2, True)
