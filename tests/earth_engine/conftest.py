"""Fixtures: a server of the tests' catalog, and Earth Engine's client connected to it.

``make test-earth-engine`` starts the server and names it in the environment; see ``tests/with_server.py``.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from earth_engine.initialized import initialized
from earth_engine.oracle import Catalog
from earth_engine.shared_folder import shared_folder


@pytest.fixture(scope="session")
def url() -> str:
    """``http://host:port`` of the server."""
    if "RASTERWIRE_HTTP" not in os.environ:
        pytest.skip("no server here; run `make test-earth-engine`")
    return os.environ["RASTERWIRE_HTTP"]


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    """The rasters that the server serves, read by rasterio."""
    if "RASTERWIRE_CATALOG" not in os.environ:
        pytest.skip("no catalog here; run `make test-earth-engine`")
    return Catalog(Path(os.environ["RASTERWIRE_CATALOG"]))


@pytest.fixture(scope="session")
def exports() -> Path:
    """The folder in which each destination of the server has one of its name."""
    if "RASTERWIRE_EXPORTS" not in os.environ:
        pytest.skip("no exports here; run `make test-earth-engine`")
    return Path(os.environ["RASTERWIRE_EXPORTS"])


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of recorded requests and examples; it is not part of the repository."""
    folder = shared_folder()
    if folder is None:
        pytest.skip("no recorded requests here; name the data folder beside theirs in RASTERWIRE_SHARED_DATA")
    return folder / "earth-engine"


@pytest.fixture(autouse=True)
def client(request: pytest.FixtureRequest) -> Iterator[None]:
    """Initialize the client, unless a test is marked to do without."""
    if request.node.get_closest_marker("uninitialized"):
        yield
        return
    with initialized(request.getfixturevalue("url")):
        yield


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line("markers", "uninitialized: the test initializes the client itself, or needs none")
