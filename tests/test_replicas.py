"""Two servers that share their stores answer for each other."""

import asyncio
import io
import re
import subprocess
import sys
import threading
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
import numpy as np
import pytest
import rasterio
from affine import Affine
from click.testing import CliRunner

from effort import HANG
from rasterwire.cli.main import cli
from rasterwire.server.process.app import running
from rasterwire.server.process.stores import migrate_database
from rasterwire.server.settings import BadSettings, Settings, load_settings
from rasterwire.v1 import catalog_service_pb2_grpc, download_pb2, download_service_pb2, download_service_pb2_grpc
from seaweed import Seaweed
from serving import Served, refusal, served

SIDE = 1200

Params = download_pb2.DownloadParams


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("replicas")


@pytest.fixture(scope="module")
def catalog(folder: Path) -> Path:
    path = folder / "catalog"
    path.mkdir()
    profile = {"driver": "GTiff", "width": SIDE, "height": SIDE, "count": 1, "dtype": "uint16", "crs": "EPSG:32610"}
    with rasterio.open(path / "a.tif", "w", transform=Affine(10, 0, 0, 0, -10, 0), **profile) as raster:
        raster.write(np.random.default_rng(1).integers(1, 60_000, (1, SIDE, SIDE)).astype("uint16"))
    return path


@dataclass(frozen=True, slots=True)
class Replica:
    """One of several servers, in a process of its own."""

    server: Served
    process: "subprocess.Popen[str]"
    state: Path


@contextmanager
def replica(catalog: Path, config: Path, state: Path) -> Iterator[Replica]:
    command = [sys.executable, "-m", "rasterwire.cli", "serve", str(catalog), "--config", str(config)]
    command += ["--grpc-port", "0", "--http-port", "0", "--state-dir", str(state)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            log = []
            for line in process.stderr:
                log.append(line)
                if match := re.search(r"on grpc (\S+), (http\S+)", line):
                    break
            else:
                raise AssertionError("".join(log))
            threading.Thread(target=process.stderr.read, daemon=True).start()
            with grpc.insecure_channel(match[1]) as channel:
                downloads = download_service_pb2_grpc.DownloadServiceStub(channel)
                images = catalog_service_pb2_grpc.CatalogServiceStub(channel)
                yield Replica(Served(match[1], match[2], downloads, images), process, state)
        finally:
            process.terminate()
            process.wait(HANG)


async def begin(settings: Settings) -> None:
    async with running(settings):
        pass


Start = Callable[[], Replica]


@pytest.fixture(scope="module")
def config(folder: Path, new_database: Callable[[], str], object_server: Seaweed) -> Path:
    """A config file of servers that share their stores."""
    secret, keys, path = folder / "database", folder / "keys", folder / "rasterwire.toml"
    secret.write_text(f"{new_database()}\n")
    keys.write_text(
        f"[default]\naws_access_key_id = {object_server.key}\naws_secret_access_key = {object_server.secret}\n"
    )
    path.write_text(
        f"""
        [store]
        database_file = "{secret}"
        objects = "s3://shared/rasterwire"
        endpoint = "{object_server.endpoint}"
        region = "us-east-1"
        credentials = "{keys}"
        """
    )
    assert CliRunner().invoke(cli, ["admin", "migrate", "--config", str(path)]).exit_code == 0
    return path


@pytest.fixture(scope="module")
def start(folder: Path, catalog: Path, config: Path) -> Iterator[Start]:
    """Return a function that starts another server over the same stores."""
    with ExitStack() as stack:
        states = (folder / f"state-{n}" for n in range(9))
        yield lambda: stack.enter_context(replica(catalog, config, next(states)))


@pytest.fixture(scope="module")
def pair(start: Start) -> tuple[Replica, Replica]:
    """Two servers over the same stores."""
    return start(), start()


def files_of(server: Replica) -> list[str]:
    """Return the names of rendered files on the disk of a server."""
    return sorted(path.name for path in (server.state / "cache").rglob("*.*.*"))


def by_http(server: Served, download: download_pb2.DownloadId, headers: dict[str, str] | None = None) -> bytes:
    address = f"{server.http}/v1/{download.name}:getPixels?token={download.token}"
    with urllib.request.urlopen(urllib.request.Request(address, headers=headers or {}), timeout=HANG) as answer:
        return bytes(answer.read())


def params(name: str, format_: "download_pb2.Format.ValueType" = download_pb2.FORMAT_GEO_TIFF) -> Params:
    """Return a request of a file that no other test asks for."""
    return Params(image="a", format=format_, nodata=float(sum(name.encode())))


def test_any_server_answers_any_id(pair: tuple[Replica, Replica]) -> None:
    answers = set()
    for number in range(4):
        creator, reader = (replica.server for replica in pair[:: 1 if number % 2 else -1])
        download = creator.create(params("any id")).download_id
        answers |= {reader.read(download), by_http(reader, download), creator.read(download)}
        with pytest.raises(grpc.RpcError) as caught:
            reader.read(download_pb2.DownloadId(name=download.name, token="0" * 32))
        assert refusal(caught.value).code is grpc.StatusCode.NOT_FOUND
    assert len(answers) == 1


def test_a_file_is_rendered_once_and_read_in_parts_from_any_server(pair: tuple[Replica, Replica]) -> None:
    first, second = pair
    before = files_of(second)
    for format_ in (download_pb2.FORMAT_GEO_TIFF, download_pb2.FORMAT_NPY):
        download = first.server.create(params("in parts", format_)).download_id
        data = first.server.read(download)
        assert len(data) > 2 << 20
        assert second.server.read(download) == by_http(second.server, download) == data
        assert second.server.read(download, 1000, 300_000) == data[1000:301_000]
        assert second.server.read(download, len(data)) == b""
        for first_byte, last_byte in ((0, 0), (5, 70_000), (100, len(data) - 1)):
            part = by_http(second.server, download, {"Range": f"bytes={first_byte}-{last_byte}"})
            assert part == data[first_byte : last_byte + 1]
    assert files_of(second) == before, "it rendered what the other had"


def test_a_request_id_is_one_download_at_all_servers(pair: tuple[Replica, Replica]) -> None:
    request = params("request id")
    request.request_id = str(uuid.uuid4())
    assert len({replica.server.create(request).download_id.name for replica in pair}) == 1


def test_an_id_and_its_file_outlive_the_server_that_gave_them(start: Start, pair: tuple[Replica, Replica]) -> None:
    third, second = start(), pair[0]
    download = third.server.create(params("outlived")).download_id
    before, rendered = third.server.read(download), files_of(second)
    third.process.kill()
    third.process.wait(HANG)
    assert second.server.read(download) == before
    assert files_of(second) == rendered


def test_a_render_whose_server_is_killed_is_taken_over_with_the_same_bytes(
    catalog: Path, start: Start, pair: tuple[Replica, Replica]
) -> None:
    third, second = start(), pair[0]
    request = Params(image="a", format=download_pb2.FORMAT_NPY, scale=2)
    download = third.server.create(request).download_id
    read = download_service_pb2.ReadDownloadRequest(name=download.name, token=download.token)
    chunks = (answer.chunk for answer in third.server.downloads.ReadDownload(read, timeout=HANG))
    begun = next(chunk for chunk in chunks if chunk.data)  # of a file that is still rendered
    third.process.kill()
    third.process.wait(HANG)
    data = second.server.read(download)
    assert data[: len(begun.data)] == begun.data
    with rasterio.open(catalog / "a.tif") as source:
        expected = source.read(1).repeat(5, 0).repeat(5, 1)
    assert np.array_equal(np.load(io.BytesIO(data))["B1"], expected)
    assert by_http(pair[1].server, download) == data


def test_a_server_does_not_start_before_the_tables_are_migrated(
    catalog: Path, tmp_path: Path, new_database: Callable[[], str]
) -> None:
    secret, config = tmp_path / "database", tmp_path / "rasterwire.toml"
    secret.write_text(new_database())
    config.write_text(f'[store]\ndatabase_file = "{secret}"\n')
    settings = load_settings(config, {"catalog": catalog, "grpc_port": 0, "http_port": 0, "state_dir": tmp_path / "s"})
    with pytest.raises(BadSettings, match="run rasterwire admin migrate"):
        asyncio.run(begin(settings))
    answer = CliRunner().invoke(cli, ["admin", "migrate", "--config", str(config)])
    assert "the tables have version" in answer.output
    with served(settings) as server:
        assert server.create(params("migrated")).download_id.name


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        ("store = 1", "store: it is not a table"),
        ('[store]\ndatabase = "postgresql://a:secret@host/b"', "store.database: it holds a password"),
        ('[store]\ndatabase = "host=a password = secret"', "store.database: it holds a password"),
        ("[store]\ndatabase = 1", "store.database: it is no text"),
        ('[store]\ndatabase_file = "secret"', "store.database_file: it is no absolute path"),
        ('[store]\ndatabase_file = "/no/secret"', "store.database_file: the file cannot be read"),
        ('[store]\ndatabase = "host=a"\ndatabase_file = "/dev/null"', "store.database: database_file names one too"),
        ('[store]\nbase = "host=a"', "store.base: there is no such setting"),
        ('[store]\nobjects = "/data"', "store.objects: '/data' is no place in an object store"),
        ('[store]\nobjects = "s3://a/../b"', "store.objects: 's3://a/../b' is no place in an object store"),
        ('[store]\nregion = "a"', "store.region: it is of an object store; set objects too"),
        ('[store]\nobjects = "s3://a"\ncredentials = "secret@"', "store.credentials: it is neither"),
    ],
)
def test_what_is_wrong_with_the_table_is_told_without_secrets(
    tmp_path: Path, catalog: Path, table: str, problem: str
) -> None:
    config = tmp_path / "a.toml"
    config.write_text(table)
    with pytest.raises(BadSettings) as caught:
        load_settings(config, {"catalog": catalog})
    assert problem in str(caught.value)
    assert "secret@" not in f"{caught.value}"
    assert "= secret" not in f"{caught.value}"


@pytest.mark.parametrize("address", ["postgresql://127.0.0.1:1/none", "no address", "http://127.0.0.1"])
def test_a_database_that_cannot_be_used_ends_the_start_with_a_sentence(
    tmp_path: Path, catalog: Path, address: str
) -> None:
    pytest.importorskip("psycopg_pool", reason="psycopg is not installed: pip install '.[postgres]'")
    config = tmp_path / "a.toml"
    config.write_text(f'[store]\ndatabase = "{address}"')
    settings = load_settings(config, {"catalog": catalog, "state_dir": tmp_path / "state"})
    with pytest.raises(BadSettings, match=r"^store\.database: it "):
        asyncio.run(begin(settings))


@pytest.mark.parametrize("text", [None, "", "\n"])
def test_a_file_of_the_address_that_is_gone_at_the_start_ends_it_with_a_sentence(
    tmp_path: Path, catalog: Path, text: str | None
) -> None:
    config, secret = tmp_path / "a.toml", tmp_path / "database"
    config.write_text(f'[store]\ndatabase_file = "{secret}"')
    secret.write_text("postgresql://127.0.0.1:1/none")
    settings = load_settings(config, {"catalog": catalog, "state_dir": tmp_path / "state"})
    secret.unlink()
    if text is not None:
        secret.write_text(text)
    with pytest.raises(BadSettings, match=r"^store\.database_file: the file "):
        asyncio.run(begin(settings))
    with pytest.raises(BadSettings, match=r"^store\.database_file: the file "):
        migrate_database(settings.store)
