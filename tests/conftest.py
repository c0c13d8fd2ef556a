"""Fixtures that several test modules use."""

import os
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from postgres import Postgres, postgres
from rasterwire.demo.scene import make_scene
from seaweed import Seaweed, seaweed

settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")  # by default examples that a busy machine makes in 30 s fail a test


def pytest_xdist_auto_num_workers() -> int:
    """Tests wait for servers and other processes for half of their time, so one more runs than there are cores."""
    return min((os.cpu_count() or 1) + 1, 6)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real rasters and STAC documents; it is not part of the repository."""
    default = Path(__file__).parents[2] / "shared" / "data"
    folder = Path(os.environ.get("RASTERWIRE_SHARED_DATA", default))
    if not folder.is_dir():
        pytest.skip("no real rasters here; name their folder in RASTERWIRE_SHARED_DATA")
    return folder


@pytest.fixture(scope="session")
def demo_catalog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the scene of the demo, which no test changes: making it takes longer than copying it."""
    folder = tmp_path_factory.mktemp("demo")
    make_scene(folder)
    return folder


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    """A server that tests share; skips the test where PostgreSQL or its client is not installed."""
    pytest.importorskip("psycopg_pool", reason="psycopg is not installed: pip install '.[postgres]'")
    with postgres() as server:
        yield server


@pytest.fixture(scope="session")
def object_server() -> Iterator[Seaweed]:
    """An S3 server that tests share; skips the test where SeaweedFS is not installed."""
    with seaweed() as server:
        yield server


_databases = count()


@pytest.fixture(scope="session")
def new_database(postgres_server: Postgres) -> Callable[[], str]:
    """Return a function that makes an empty database, and returns its address."""

    def make() -> str:
        name = f"db{next(_databases)}"
        postgres_server.run("createdb", "-h", "127.0.0.1", "-p", f"{postgres_server.port}", "-U", "test", name)
        return postgres_server.conninfo(name)

    return make
