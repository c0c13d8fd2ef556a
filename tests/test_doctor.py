"""``rasterwire doctor``: what it finds, beside servers that run and stores that fail."""

import json
import platform
import resource
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
import rasterio
from affine import Affine
from click.testing import CliRunner

from rasterwire import cgroups, compiled
from rasterwire.catalog.make import source_index
from rasterwire.cli.main import cli
from rasterwire.files import system_calls
from rasterwire.server.identity.key_file import add_key
from rasterwire.server.process import app
from rasterwire.server.process.doctor import machine
from rasterwire.server.settings import load_settings
from rasterwire.store.sqlite import SqliteDownloadStore
from rasterwire.v1 import download_pb2
from seaweed import Seaweed
from serving import served


def examined(*arguments: str | Path, code: int = 0) -> dict[str, tuple[str, str, str]]:
    """Return the findings by what was looked at."""
    result = CliRunner().invoke(cli, ["doctor", *map(str, arguments), "--json"], catch_exceptions=False)
    assert result.exit_code == code, result.output
    return {row["subject"]: (row["state"], row["figure"], row["remedy"]) for row in json.loads(result.stdout)}


async def _nothing(_: Path | None) -> None:
    pass


@pytest.fixture(autouse=True)
def _no_loops(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compile none: what is compiled in a thread of a test takes the standard output of others."""
    monkeypatch.setattr(app, "warm_up", _nothing)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "catalog"
    path.mkdir()
    profile = {"width": 30, "height": 20, "count": 1, "dtype": "uint8", "crs": "EPSG:32633"}
    with rasterio.open(path / "a.tif", "w", transform=Affine(10, 0, 0, 0, -10, 0), **profile) as file:
        file.write(np.ones((1, 20, 30), "uint8"))
    return path


def config_of(folder: Path, text: str) -> Path:
    path = folder.with_name("rasterwire.toml")
    state = folder.with_name("state")
    path.write_text(f'catalog = "{folder}"\nstate_dir = "{state}"\ngrpc_port = 0\nhttp_port = 0\n{text}')
    return path


def test_each_finding_is_one_line_and_a_failure_is_the_exit_code(folder: Path) -> None:
    state = folder.with_name("state")
    result = CliRunner().invoke(cli, ["doctor", str(folder), "--state-dir", str(state)])
    assert result.exit_code in {0, 1}  # the ports of a server may be taken on this machine
    lines = result.output.splitlines()
    assert all(line.split()[0] in {"ok", "warn", "fail"} for line in lines), result.output
    assert f"ok    {'config':<22}  it can be used" in lines
    assert not state.exists(), "it makes nothing"
    result = CliRunner().invoke(cli, ["doctor", str(folder / "none")])
    assert result.exit_code == 1
    assert result.output.startswith("fail  config ")


def test_a_setting_that_is_wrong_has_its_own_remedy_alone(folder: Path) -> None:
    config = config_of(folder, 'max_bands = "many"\nlogs = "text"\n')
    result = CliRunner().invoke(cli, ["doctor", "--config", str(config)])
    assert result.output.splitlines() == [
        f"fail  {'config':<22}  logs: there is no such setting; did you mean log?",
        f"fail  {'config':<22}  max_bands: 'many' is not a number  correct it",
    ]


def test_a_config_whose_credentials_cannot_be_read_is_not_told_to_be_well(folder: Path) -> None:
    missing = folder / "none"
    config = config_of(folder, f'[[sources]]\nprefix = "https://example.org/"\ncredentials = "{missing}"\n')
    lines = CliRunner().invoke(cli, ["doctor", "--config", str(config)]).output.splitlines()
    of_config = [line for line in lines if line.split()[1] == "config"]
    assert [line.split()[0] for line in of_config] == ["fail"]
    assert "sources[0].credentials: " in of_config[0]


def test_a_running_server_is_looked_at_and_left_alone(folder: Path) -> None:
    config = config_of(folder, "")
    settings = load_settings(config, {})
    with served(settings) as server:
        download = server.create(download_pb2.DownloadParams(image="a")).download_id
        data = server.read(download)
        before = sorted(path.name for path in settings.state_dir.rglob("*"))
        found = examined("--config", config)
        assert found["server"][1] == "one runs with this state folder"
        assert found["catalog"] == ("ok", "1 image", "")
        assert found["downloads"][1] == "1 registered"
        assert {"modes", "device", "disk", "PROJ", "GDAL", "memory", "open files", "processors", "loops"} <= set(found)
        assert found["modes"][0] == found["PROJ"][0] == found["device"][0] == "ok"
        assert sorted(path.name for path in settings.state_dir.rglob("*")) == before
        assert server.read(download) == data
    assert examined("--config", config)["server"][1] == "none runs with this state folder"


def test_a_damaged_store_of_ids_is_told_also_after_a_server_set_it_aside(folder: Path) -> None:
    config = config_of(folder, "")
    state = folder.with_name("state")
    state.mkdir(0o700)
    path = state / "downloads.sqlite"
    with closing(SqliteDownloadStore(path)):
        pass
    assert examined("--config", config)["downloads"] == ("ok", "0 registered", "")
    data = path.read_bytes()
    path.write_bytes(data[:4096] + b"\xff" * (len(data) - 4096))
    assert examined("--config", config, code=1)["downloads"][0] == "fail"
    path.write_bytes(b"no database" * 1000)
    assert examined("--config", config, code=1)["downloads"][0] == "fail"
    with closing(SqliteDownloadStore(path)):
        pass
    found = examined("--config", config)
    assert found["downloads"][0] == "ok"
    kind, figure, remedy = found["damaged file"]
    assert (kind, figure.startswith("downloads.sqlite.damaged was set aside, and what it held is lost")) == (
        "warn",
        True,
    )
    assert remedy == f"look whether the disk fails, then delete it: rm {path}.damaged*"


def test_modes_that_let_others_read_are_told_with_the_command(folder: Path) -> None:
    config = config_of(folder, "")
    state = folder.with_name("state")
    (state / "cache").mkdir(parents=True)
    (state / "cache").chmod(0o755)
    kind, figure, remedy = examined("--config", config)["modes"]
    assert (kind, figure, remedy) == ("warn", "others can read cache", f"chmod go= {state / 'cache'}")


def test_modes_of_all_that_is_stored_are_looked_at_unless_nobody_else_enters_the_folder(folder: Path) -> None:
    config = config_of(folder, "")
    state = folder.with_name("state")
    state.mkdir()
    names = ["downloads.sqlite.damaged", "index", "metrics", "tiles", "usage.sqlite", "usage.sqlite-wal"]
    for name in (*names, "lock"):
        (state / name).touch(0o644)
    told = examined("--config", config)["modes"]
    assert told == ("warn", f"others can read {', '.join(names[:5])} and 1 more", f"chmod go= {state}")
    state.chmod(0o750)
    (state / "index").chmod(0o600)
    assert examined("--config", config)["modes"][1] == f"others can read {', '.join([names[0], *names[2:]])}"
    state.chmod(0o700)
    assert examined("--config", config)["modes"][0] == "ok"


@pytest.mark.parametrize("source", ["s3://eo/2024/", "http://127.0.0.1:1/catalog.json", "s3://eo/items.parquet"])
def test_an_index_whose_source_cannot_be_reached_is_a_failure(folder: Path, source: str) -> None:
    prefix = "/".join(source.split("/")[:3]) + "/"
    of_objects = 'endpoint = "http://127.0.0.1:1"\nregion = "a"\n' if source.startswith("s3") else ""
    of_web = "" if of_objects else "private_addresses = true\n"
    config = config_of(
        folder,
        f'[[sources]]\nprefix = "{prefix}"\nretries = 0\n{of_objects}{of_web}'
        f'[[catalogs]]\nkind = "index"\nprefix = "eo"\nsource = "{source}"\n',
    )
    kind, figure, remedy = examined("--config", config, code=1)["catalog eo"]
    assert (kind, figure.startswith("its source cannot be read: ")) == ("fail", True)
    assert remedy == "look whether this machine reaches it, whether its address is right, and whether it needs keys"
    assert "127.0.0.1" not in figure
    settings = load_settings(config, {})
    index = source_index(settings.catalogs[0], settings.state_dir / "index")
    index.parent.mkdir(parents=True)
    index.with_suffix(".complete").touch()
    kind, figure, _ = examined("--config", config)["catalog eo"]
    assert (kind, figure.endswith("; the index of before is served")) == ("warn", True)


def test_an_index_whose_source_is_reached_is_made_by_a_server(folder: Path, tmp_path: Path) -> None:
    document = tmp_path / "catalog.json"
    document.write_text('{"type": "Catalog", "id": "a", "stac_version": "1.0.0", "description": "", "links": []}')
    config = config_of(folder, f'[[catalogs]]\nkind = "index"\nprefix = "eo"\nsource = "{document}"\n')
    found = examined("--config", config)["catalog eo"]
    assert found == ("warn", "it is not indexed yet", "a server makes it in the background")


def test_a_port_that_another_has_is_a_failure(folder: Path) -> None:
    config = config_of(folder, "")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        config.write_text(config.read_text().replace("http_port = 0", f"http_port = {port}"))
        assert examined("--config", config, code=1)["http_port"][:2] == ("fail", f"{port} is taken")
    assert examined("--config", config)["http_port"][:2] == ("ok", f"{port} is free")


def test_an_audit_file_that_cannot_be_written_is_a_failure_and_none_is_made(folder: Path) -> None:
    audit_file = folder.with_name("audit") / "audit.jsonl"
    config = config_of(folder, f'audit_file = "{audit_file}"\n')
    assert examined("--config", config, code=1)["audit_file"][0] == "fail"
    audit_file.parent.mkdir()
    assert examined("--config", config)["audit_file"] == ("ok", f"{audit_file} can be written", "")
    assert not audit_file.exists()


def test_images_without_rasters_and_indexes_that_are_missing_are_told(folder: Path) -> None:
    config = config_of(folder, '[[catalogs]]\nkind = "index"\nsource = "INDEX"\nprefix = "more"\n')
    assert "INDEX" in " ".join(examined("--config", config, code=1)["config"])
    config = config_of(folder, "")
    assert examined("--config", config)["catalog"][:2] == ("warn", "it is not indexed yet")


def test_little_of_the_machine_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    config = config_of(folder, "threads = 64\n")
    (tmp_path / "memory.max").write_text("268435456\n")
    (tmp_path / "cpu.max").write_text("150000 100000\n")
    monkeypatch.setattr(cgroups, "_FOLDER", tmp_path)
    monkeypatch.setattr(resource, "getrlimit", lambda _: (200, 4000))
    monkeypatch.setattr(compiled, "are_cached", lambda: False)
    found = examined("--config", config, code=1)
    assert found["memory"][:2] == ("warn", "256 MiB for 1 worker, by the limit of the container")
    assert found["processors"][1].endswith("for 64 threads in each of 1 worker")
    assert found["processors"][0] == "warn"
    assert found["open files"][:2] == ("fail", "200 at once, 4000 if the server asks")
    assert found["loops"][0] == "warn"


def test_keys_of_unknown_tenants_and_open_files_of_keys_are_told(folder: Path) -> None:
    keys = folder.with_name("keys")
    add_key(keys, "forestry")
    text = f'[auth]\nkeys_file = "{keys}"\n[[tenants]]\nname = "forestry"\nprefixes = ["*"]\n'
    config = config_of(folder, text)
    assert examined("--config", config)["API keys"] == ("ok", "1 key", "")
    keys.chmod(0o644)
    assert examined("--config", config)["API keys"][0] == "warn"
    add_key(keys, "gone")
    assert examined("--config", config)["API keys"][1] == "no table names the tenants gone"


@pytest.fixture
def shared(folder: Path, new_database: Callable[[], str], object_server: Seaweed) -> Path:
    """A config file of servers that share their stores, whose tables are not there yet."""
    keys, secret = folder.with_name("keys"), folder.with_name("database")
    keys.write_text(
        f"[default]\naws_access_key_id = {object_server.key}\naws_secret_access_key = {object_server.secret}\n"
    )
    secret.write_text(new_database())
    return config_of(
        folder,
        f'[store]\ndatabase_file = "{secret}"\nobjects = "s3://doctor/part"\nendpoint = "{object_server.endpoint}"\n'
        f'region = "us-east-1"\ncredentials = "{keys}"\n',
    )


def test_stores_that_are_well_pass_and_are_left_as_they_were(shared: Path) -> None:
    found = examined("--config", shared, code=1)
    assert "run rasterwire admin migrate" in found["tables"][1]
    assert CliRunner().invoke(cli, ["admin", "migrate", "--config", str(shared)]).exit_code == 0
    found = examined("--config", shared)
    for what in ("tables", "database", "round trip", "bucket", "create if absent", "signed addresses"):
        assert found[what][0] == "ok", found[what]
    assert found["clock of the database"][0] == found["clock of the bucket"][0] == "ok"
    import obstore

    from rasterwire.server.process.bucket import opened_bucket

    bucket = opened_bucket(load_settings(shared, {}).store)
    assert [item for page in obstore.list(bucket.patient, "part/") for item in page] == []
    listed = CliRunner().invoke(cli, ["admin", "downloads", "list", "--config", str(shared), "--json"])
    assert json.loads(listed.stdout) == []


def test_a_clock_that_differs_is_told(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert CliRunner().invoke(cli, ["admin", "migrate", "--config", str(shared)]).exit_code == 0
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() - 60)
    found = examined("--config", shared)
    assert (found["clock of the database"][0], found["clock of the bucket"][0]) == ("warn", "warn")
    assert "60.0 s ahead of this machine" in found["clock of the database"][1]


def test_stores_that_are_down_fail_without_their_secrets(shared: Path) -> None:
    config = shared.read_text()
    secret, keys = shared.with_name("database"), shared.with_name("keys")
    secret.write_text("postgresql://someone:hidden-word@127.0.0.1:1/none")
    keys.write_text("[default]\naws_access_key_id = hidden-key\naws_secret_access_key = hidden-word\n")
    shared.write_text(config)
    result = CliRunner().invoke(cli, ["doctor", "--config", str(shared)])
    assert result.exit_code == 1
    assert f"fail  {'database':<22}  it cannot be reached" in result.output
    assert f"fail  {'bucket':<22}  it refuses the keys" in result.output
    assert "hidden" not in result.output


class _Overwriting(BaseHTTPRequestHandler):
    """An object store that takes no notice of conditions."""

    objects: dict[str, bytes]

    def do_PUT(self) -> None:
        self.objects[self.path] = self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(200, b"", {"ETag": '"a"'})

    def do_GET(self) -> None:
        data = self.objects.get(self.path.partition("?")[0])
        headers = {"ETag": '"a"', "Last-Modified": "Wed, 21 Oct 2015 07:28:00 GMT"}
        self._answer(404 if data is None else 200, data or b"", headers)

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.objects.clear()
        self._answer(200, b"<DeleteResult></DeleteResult>", {})

    def do_DELETE(self) -> None:
        self.objects.clear()
        self._answer(204, b"", {})

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in ({"Content-Length": f"{len(body)}"} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def overwriting_store() -> Iterator[str]:
    _Overwriting.objects = {}
    with ThreadingHTTPServer(("127.0.0.1", 0), _Overwriting) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_a_bucket_that_overwrites_is_refused(folder: Path) -> None:
    pytest.importorskip("obstore", reason="obstore is not installed: pip install '.[remote]'")
    keys = folder.with_name("keys")
    keys.write_text("[default]\naws_access_key_id = a\naws_secret_access_key = b\n")
    with overwriting_store() as endpoint:
        text = (
            f'[store]\nobjects = "s3://b/part"\nendpoint = "{endpoint}"\nregion = "us-east-1"\ncredentials = "{keys}"\n'
        )
        found = examined("--config", config_of(folder, text), code=1)
    assert found["create if absent"][0] == "fail"
    assert found["bucket"][0] == "ok"


def test_a_system_on_which_the_sandbox_forbids_less_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = config_of(folder, 'sandbox = "process"\n')
    supports = sys.platform == "linux" and platform.machine() in {"x86_64", "aarch64"}
    assert examined("--config", config)["sandbox"][0] == ("ok" if supports else "warn")
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    assert not system_calls.forbid_calls_to_others(), "so that the next line says what a trial there says"
    monkeypatch.setattr(machine, "can_forbid_calls", system_calls.forbid_calls_to_others)
    assert examined("--config", config)["sandbox"][0] == "warn"
    assert "sandbox" not in examined("--config", config_of(folder, ""))


def test_destinations_of_exports_are_tried_and_left_as_they_were(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "exports").mkdir()
    tables = [("good", tmp_path / "exports"), ("bad", tmp_path / "file" / "below"), ("new", tmp_path / "new" / "one")]
    text = "".join(f'[[export.destinations]]\nname = "{name}"\nfolder = "{place}"\n' for name, place in tables)
    findings = examined("--config", config_of(folder, text), code=1)
    assert findings["export to good"][0] == "ok"
    assert findings["export to bad"][0] == "fail"
    assert "a file lies above it" in findings["export to bad"][1]
    state, figure, remedy = findings["export to new"]
    assert (state, figure) == ("warn", f"there is no folder {tmp_path / 'new' / 'one'} yet")
    assert "the first export makes it" in remedy
    assert not (tmp_path / "new").exists()
    assert [path for path in (tmp_path / "exports").rglob("*") if path.is_file()] == []
