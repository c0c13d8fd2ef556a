"""Commands of ``rasterwire admin``, beside running servers, over both kinds of stores."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
import rasterio
from affine import Affine
from click.testing import CliRunner

from rasterwire.cli.main import cli
from rasterwire.server.identity.key_file import add_key
from rasterwire.server.process import app
from rasterwire.server.settings import Settings, load_settings
from rasterwire.store.leases import SqliteLeases
from rasterwire.v1 import download_pb2
from seaweed import Seaweed
from serving import Served, refusal, served


def run(*arguments: str | Path, code: int = 0) -> str:
    result = CliRunner().invoke(cli, ["admin", *map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result.output


def rows(*arguments: str | Path) -> list[dict[str, Any]]:
    """Return the objects of a command with --json; what it says besides goes to standard error."""
    result = CliRunner().invoke(cli, ["admin", *map(str, arguments), "--json"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    document: list[dict[str, Any]] = json.loads(result.stdout)
    return document


@dataclass(frozen=True, slots=True)
class Place:
    """A running server, and the config file by which an operator finds its stores."""

    server: Served
    config: Path
    settings: Settings


async def _nothing(_: Path | None) -> None:
    pass


LEASE = 3600
"""Seconds; no machine is so slow that one ends within a test."""


@pytest.fixture(scope="module", autouse=True)
def _no_loops() -> Iterator[None]:
    """Compile none: what is compiled in a thread of a test takes the standard output of others."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(app, "warm_up", _nothing)
        yield


@pytest.fixture(scope="module", params=["folder", "shared"])
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("admin")
    (folder / "catalog").mkdir()
    profile = {"width": 30, "height": 20, "count": 1, "dtype": "uint8", "crs": "EPSG:32633"}
    with rasterio.open(folder / "catalog" / "a.tif", "w", transform=Affine(10, 0, 0, 0, -10, 0), **profile) as file:
        file.write(np.ones((1, 20, 30), "uint8"))
    config = folder / "rasterwire.toml"
    text = f'catalog = "{folder / "catalog"}"\nstate_dir = "{folder / "state"}"\ngrpc_port = 0\nhttp_port = 0\n'
    if request.param == "shared":
        new_database: Callable[[], str] = request.getfixturevalue("new_database")
        bucket: Seaweed = request.getfixturevalue("object_server")
        keys, secret = folder / "keys", folder / "database"
        keys.write_text(f"[default]\naws_access_key_id = {bucket.key}\naws_secret_access_key = {bucket.secret}\n")
        secret.write_text(new_database())
        text += f'[store]\ndatabase_file = "{secret}"\nobjects = "s3://admin/a"\nendpoint = "{bucket.endpoint}"\n'
        text += f'region = "us-east-1"\ncredentials = "{keys}"\n'
    config.write_text(text)
    if request.param == "shared":
        run("migrate", "--config", config)
    settings = load_settings(config, {})
    with served(settings) as server:
        yield Place(server, config, settings)


def params(nodata: float) -> download_pb2.DownloadParams:
    return download_pb2.DownloadParams(image="a", nodata=nodata)


def is_known(server: Served, download: download_pb2.DownloadId) -> bool:
    try:
        server.read(download)
    except grpc.RpcError as error:
        assert refusal(error).code is grpc.StatusCode.NOT_FOUND
        return False
    return True


def test_registered_downloads_are_listed_and_deleted_while_the_server_runs(place: Place) -> None:
    first, second = (place.server.create(params(value)).download_id for value in (1, 2))
    ids = [download.name.removeprefix("downloads/") for download in (first, second)]
    listed = rows("downloads", "list", "--config", place.config)
    assert {*ids} <= {row["id"] for row in listed}
    assert all(row["tenant"] == "" and row["request_bytes"] > 0 for row in listed)
    assert first.token not in json.dumps(listed)
    assert ids[0] in run("downloads", "list", "--config", place.config)
    told = run("downloads", "delete", ids[0], "--config", place.config, "--dry-run")
    size = next(row["request_bytes"] for row in listed if row["id"] == ids[0])
    assert told == f"would delete 1 registered download, {size} bytes of requests\n"
    assert is_known(place.server, first)
    told = run("downloads", "delete", ids[0], "downloads/" + "0" * 32, "--config", place.config)
    assert "1 of the ids are unknown" in told
    assert f"deleted 1 registered download, {size} bytes of requests" in told
    assert (is_known(place.server, first), is_known(place.server, second)) == (False, True)
    for verb in (["list"], ["delete", "--dry-run"], ["delete"]):
        told = run("downloads", *verb, "--tenant", "forstry", "--config", place.config, code=1)
        assert "the config file names no tenant forstry" in told
    count = len(rows("downloads", "list", "--config", place.config))
    assert f"deleted {count} " in run("downloads", "delete", "--all", "--config", place.config)
    assert not is_known(place.server, second)


def test_a_list_that_is_cut_says_so(place: Place) -> None:
    for value in range(3, 6):
        place.server.create(params(value))
    assert len(rows("downloads", "list", "--config", place.config, "--limit", "2")) == 2
    assert "the first 2 of " in run("downloads", "list", "--config", place.config, "--limit", "2")


def test_rendered_files_are_listed_and_deleted_and_rendered_again_to_the_same_bytes(place: Place) -> None:
    download = place.server.create(params(7)).download_id
    data = place.server.read(download)
    places = ["disk", "bucket"] if place.settings.store.objects else ["disk"]
    for name in places:
        option = ["--bucket"] if name == "bucket" else []
        listed = rows("cache", "list", "--config", place.config, *option)
        (row,) = [row for row in listed if row["bytes"] == len(data)][-1:]
        assert row["place"] == name
        assert row["etag"] in run("cache", "list", "--config", place.config, *option)
        told = run("cache", "delete", row["etag"], "--config", place.config, *option, "--dry-run")
        assert told == f"would delete 1 rendered file, {len(data)} bytes\n"
        assert rows("cache", "list", "--config", place.config, *option) == listed
        assert "would delete 0 " in run(
            "cache", "delete", "--unused-hours", "1", "--config", place.config, *option, "--dry-run"
        )
        assert f"deleted {len(listed)} " in run("cache", "delete", "--all", "--config", place.config, *option)
        assert rows("cache", "list", "--config", place.config, *option) == []
        assert "there is no file of 1 etag" in run("cache", "delete", row["etag"], "--config", place.config, *option)
    assert place.server.read(download) == data


@pytest.mark.parametrize(
    "arguments",
    [
        ["downloads", "delete"],
        ["downloads", "delete", "--all", "--tenant", "a"],
        ["cache", "delete"],
        ["cache", "delete", "e", "--all"],
    ],
)
def test_nothing_is_deleted_that_was_not_named(place: Place, arguments: list[str]) -> None:
    assert "name the " in run(*arguments, "--config", place.config, code=2)


def test_leases_are_listed_and_ended(tmp_path: Path) -> None:
    assert rows("leases", "list", "--state-dir", tmp_path) == []
    with closing(SqliteLeases(tmp_path / "leases.sqlite")) as leases:
        assert leases.acquire("etag", "host:1", LEASE) is not None
        (row,) = rows("leases", "list", "--state-dir", tmp_path)
        assert (row["etag"], row["owner"], 0 < row["seconds"] <= LEASE) == ("etag", "host:1", True)
        assert run("leases", "end", "etag", "--state-dir", tmp_path, "--dry-run") == "would end 1 lease, of host:1\n"
        assert leases.acquire("etag", "host:2", LEASE) is None
        assert run("leases", "end", "etag", "--state-dir", tmp_path) == "ended 1 lease, of host:1\n"
        assert leases.acquire("etag", "host:2", LEASE) is not None
        assert "there is no lease of 'none'" in run("leases", "end", "none", "--state-dir", tmp_path, code=1)


def test_leases_of_a_database_are_listed_and_ended(tmp_path: Path, new_database: Callable[[], str]) -> None:
    from rasterwire.store.postgres.database import Database
    from rasterwire.store.postgres.leases import PostgresLeases

    config, secret = tmp_path / "a.toml", tmp_path / "database"
    secret.write_text(new_database())
    config.write_text(f'[store]\ndatabase_file = "{secret}"\n')
    assert "run rasterwire admin migrate" in run("leases", "list", "--config", config, code=2)
    run("migrate", "--config", config)
    with closing(Database(secret.read_text())) as database:
        leases = PostgresLeases(database)
        assert leases.acquire("etag", "host:1", LEASE) is not None
        (row,) = rows("leases", "list", "--config", config)
        assert (row["etag"], row["owner"], 0 < row["seconds"] <= LEASE) == ("etag", "host:1", True)
        run("leases", "end", "etag", "--config", config)
        assert leases.acquire("etag", "host:2", LEASE) is not None


def test_tenants_are_listed_with_what_they_have(place: Place, tmp_path: Path) -> None:
    if place.settings.store.database_file:
        pytest.skip("one kind of stores suffices here")
    keys, config = tmp_path / "keys", tmp_path / "a.toml"
    key = add_key(keys, "forestry")
    add_key(keys, "gone")
    config.write_text(
        f'catalog = "{place.settings.catalog}"\nstate_dir = "{tmp_path / "state"}"\n[auth]\nkeys_file = "{keys}"\n'
        '[[tenants]]\nname = "forestry"\nprefixes = ["*"]\n[[tenants]]\nname = "survey"\nprefixes = ["a"]\n'
    )
    settings = replace(load_settings(config, {}), grpc_port=0, http_port=0)
    with served(settings) as server:
        with pytest.raises(grpc.RpcError):
            server.create(params(1))
        from rasterwire.client import Client

        with Client(server.address, api_key=key) as client:
            client.create_download({"image": "a"})
        listed = {row["tenant"]: row for row in rows("tenants", "list", "--config", config)}
        for name, count in (("forestry", 1), ("survey", 0)):
            assert len(rows("downloads", "list", "--tenant", name, "--config", config)) == count
        assert "names no tenant gone" in run("downloads", "list", "--tenant", "gone", "--config", config, code=1)
    assert {name: (row["keys"], row["downloads"], row["is_listed"]) for name, row in listed.items()} == {
        "forestry": (1, 1, True),
        "survey": (0, 0, True),
        "gone": (1, 0, False),
    }
    assert "the config file names no tenant gone" in run("tenants", "list", "--config", config)


def test_keys_are_shown_as_json_and_revoked_after_a_look(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    key = add_key(path, "forestry")
    (row,) = rows("keys", "list", "--keys-file", path)
    assert (row["id"], row["tenant"]) == (key.split("_")[1], "forestry")
    assert "would revoke 1 key, of forestry" in run("keys", "revoke", row["id"], "--keys-file", path, "--dry-run")
    assert rows("keys", "list", "--keys-file", path) == [row]


def test_what_cannot_be_used_is_told_in_a_sentence(tmp_path: Path) -> None:
    missing = run("downloads", "list", "--state-dir", tmp_path / "none", code=1)
    assert missing.startswith(f"Error: state_dir: there is no folder {tmp_path / 'none'}; name that of the server")
    assert run("downloads", "list", "--state-dir", tmp_path) == "none\n"
    with closing(sqlite3.connect(tmp_path / "downloads.sqlite")) as connection:
        connection.execute("PRAGMA user_version = 99")
    assert "has version 99" in run("downloads", "list", "--state-dir", tmp_path, code=1)
    config = tmp_path / "a.toml"
    config.write_text('[store]\ndatabase = "postgresql://127.0.0.1:1/none"\n')
    pytest.importorskip("psycopg_pool", reason="psycopg is not installed: pip install '.[postgres]'")
    assert "store.database: it cannot be reached" in run("downloads", "list", "--config", config, code=2)
    assert "store.objects: it is not set" in run("cache", "list", "--bucket", "--config", config, code=2)


def test_the_config_file_names_the_file_of_keys_which_need_not_be_there_yet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, config = tmp_path / "keys", tmp_path / "a.toml"
    assert "auth.keys_file: it is not set" in run("keys", "list", "--config", _written(config, ""), code=2)
    assert "--keys-file" in run("keys", "list", code=2)
    _written(config, f'[auth]\nkeys_file = "{path}"\n')
    key, told = run("keys", "add", "forestry", "--config", config).splitlines()
    assert path.exists()
    assert told == "added; a running server takes it after SIGHUP"
    monkeypatch.setenv("RASTERWIRE_KEYS_FILE", str(tmp_path / "other"))
    (row,) = rows("keys", "list", "--config", config)
    assert row["id"] == key.split("_")[1]
    run("keys", "revoke", row["id"], "--config", config)
    assert rows("keys", "list", "--config", config) == []


def test_a_key_is_of_a_tenant_that_the_config_file_names(tmp_path: Path) -> None:
    path, config = tmp_path / "keys", tmp_path / "a.toml"
    _written(config, f'[auth]\nkeys_file = "{path}"\n[[tenants]]\nname = "forestry"\nprefixes = ["*"]\n')
    choices: list[list[str | Path]] = [[], ["--keys-file", path]]
    for more in choices:
        refused = run("keys", "add", "forrestry", "--config", config, *more, code=1)
        assert "the config file names no tenant forrestry; rasterwire admin tenants list shows" in refused
        assert not path.exists()
    run("keys", "add", "forestry", "--config", config)
    run("keys", "add", "forrestry", "--keys-file", path)


def _written(config: Path, text: str) -> Path:
    config.write_text(text)
    return config


def test_quotas_are_listed_with_what_was_taken_of_them_today(
    request: pytest.FixtureRequest, tmp_path: Path, place: Place
) -> None:
    keys, config = tmp_path / "keys", tmp_path / "a.toml"
    key = add_key(keys, "forestry")
    text = f'catalog = "{place.settings.catalog}"\nstate_dir = "{tmp_path / "state"}"\n'
    if place.settings.store.database_file:
        (tmp_path / "database").write_text(request.getfixturevalue("new_database")())
        text += f'[store]\ndatabase_file = "{tmp_path / "database"}"\n'
    quota = 'quota = {pixels_per_day = 2400, concurrent_renders = 3, stored_bytes = "1 MiB"}'
    text += f'[auth]\nkeys_file = "{keys}"\n[[tenants]]\nname = "forestry"\nprefixes = ["*"]\n{quota}\n'
    text += '[[tenants]]\nname = "survey"\nprefixes = ["*"]\nquota = {bytes_per_day = 0}\n'
    _written(config, text)
    if place.settings.store.database_file:
        run("migrate", "--config", config)
    else:
        (tmp_path / "state").mkdir()
    assert {row["used"] for row in rows("quotas", "list", "--config", config)} == {0, None}
    with served(replace(load_settings(config, {}), grpc_port=0, http_port=0)) as server:
        from rasterwire.client import Client

        with Client(server.address, api_key=key) as client:
            client.create_download({"image": "a", "format": "FORMAT_NPY"})
            listed = rows("quotas", "list", "--config", config)
    size = 30 * 20 + 128  # of an NPY
    assert [tuple(row.values()) for row in listed] == [
        ("forestry", "concurrent_renders", None, 3, None),
        ("forestry", "pixels_per_day", 602, 2400, 25.1),  # with a thousandth that the server took in advance
        ("forestry", "stored_bytes", size, 1 << 20, 0.1),
        ("survey", "bytes_per_day", 0, 0, None),
    ]
    table = run("quotas", "list", "--config", config)
    assert "25.0" in table, "it was given back"
    assert "728 bytes" in table
    assert "1 MiB" in table
    today = datetime.now(UTC).date()
    before = rows("quotas", "list", "--config", config, "--day", str(today - timedelta(days=399)))
    assert [(row["quota"], row["used"]) for row in before] == [("pixels_per_day", 0), ("bytes_per_day", 0)]
    for days in (-2, 401, 10_000):  # -1 would be today after a midnight
        told = run("quotas", "list", "--config", config, "--day", str(today - timedelta(days=days)), code=2)
        assert "is kept for 400 days" in told
