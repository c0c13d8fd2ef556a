"""Two servers behind nginx and HAProxy, by the files of deploy/: any of them answers, may die and may be replaced."""

import hashlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import rasterio
from click.testing import CliRunner

from balancers import BALANCERS, Balancer
from door_pairs import PAIRS
from effort import HANG
from rasterwire import Client
from rasterwire.cli.main import cli
from replica_servers import ReplicaServer, rendering, replica_servers, write_config, write_image
from seaweed import Seaweed

pytestmark = pytest.mark.slow

COUNT = 8
"""Pairs at each door, half of them before a server is killed."""

LAME_DUCK = 3
"""Seconds; what the files of deploy/ ask for."""


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_image(tmp_path_factory.mktemp("balanced") / "catalog", 300)


@pytest.fixture(scope="module")
def database(new_database: Callable[[], str]) -> str:
    """The address of a database that the servers share."""
    return new_database()


@pytest.fixture(scope="module")
def config(image: Path, database: str, object_server: Seaweed) -> Path:
    settings = f"lame_duck_seconds = {LAME_DUCK}"
    path = write_config(image.parents[1], database, object_server, "balanced", settings)
    assert CliRunner().invoke(cli, ["admin", "migrate", "--config", str(path)]).exit_code == 0
    return path


@pytest.fixture(scope="module")
def servers(image: Path, config: Path) -> Iterator[list[ReplicaServer]]:
    with replica_servers(image.parent, config, image.parents[1]) as running:
        yield running


@pytest.fixture(params=BALANCERS)
def balancer(request: pytest.FixtureRequest, servers: list[ReplicaServer], tmp_path: Path) -> Iterator[Balancer]:
    with BALANCERS[request.param](tmp_path / "balancer", servers) as running:
        yield running


def test_what_one_call_made_the_next_one_gets_also_when_a_server_is_killed(
    balancer: Balancer, servers: list[ReplicaServer], image: Path
) -> None:
    with Client(balancer.address) as client, ThreadPoolExecutor(len(PAIRS)) as pool:
        half = threading.Barrier(len(PAIRS) + 1)

        def pairs(door: str) -> int:
            for number in range(COUNT):
                if number == COUNT // 2:
                    half.wait(HANG)
                PAIRS[door](client, balancer.http, image, number + 1)
            return COUNT

        counts = [pool.submit(pairs, door) for door in PAIRS]
        half.wait(HANG)
        servers[0].kill()
        try:
            assert [count.result(HANG) for count in counts] == [COUNT] * len(PAIRS)
        finally:
            servers[0].start()


def test_servers_are_replaced_one_by_one_and_no_call_fails(
    balancer: Balancer, servers: list[ReplicaServer], image: Path
) -> None:
    replaced = threading.Event()

    def pairs(door: str) -> int:
        number = 0
        while not replaced.is_set():
            number += 1
            PAIRS[door](client, balancer.http, image, 1000 + number)
        return number

    with Client(balancer.address) as client, ThreadPoolExecutor(len(PAIRS)) as pool:
        counts = [pool.submit(pairs, door) for door in PAIRS]
        try:
            for server in servers:
                assert server.stop() == 0
                server.start()
        finally:
            replaced.set()
        assert all(count.result(HANG) for count in counts)


def test_a_download_goes_on_when_the_server_that_renders_it_is_killed(
    balancer: Balancer, servers: list[ReplicaServer], database: str, image: Path, tmp_path: Path
) -> None:
    params = {"image": "a", "format": "GEO_TIFF", "scale": 1.0, "nodata": float(len(balancer.name))}
    begun = threading.Event()

    def progress(done: int, _: int | None) -> None:
        if done:
            begun.set()

    with Client(balancer.address) as client:
        future = client.download_future(params, tmp_path / "a.tif", progress=progress)
        assert begun.wait(HANG)
        if (killed := rendering(servers, database)) is not None:  # else it was quicker than the question
            killed.kill()
            killed.start()
        path = future.result(HANG).path
        assert hashlib.sha256(path.read_bytes()).digest() == hashlib.sha256(client.stream(params)).digest()
    with rasterio.open(path) as made, rasterio.open(image) as source:
        assert (made.read(1)[::10, ::10] == source.read(1)).all()


def test_no_log_of_a_balancer_has_a_token(balancer: Balancer, servers: list[ReplicaServer], image: Path) -> None:
    assert len(servers) == 2
    with Client(balancer.address) as client:
        for pair in PAIRS.values():
            pair(client, balancer.http, image, 7)
        token = client.create_download({"image": "a"}).download_id.token
    logs = "".join(path.read_text() for path in balancer.folder.glob("*.log"))
    assert "200" in logs, "calls are logged"
    assert "token=" not in logs
    assert token not in logs
    assert "/thumbnails/" not in logs
