"""Fixtures that several test modules use."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real rasters and STAC documents; it is not part of the repository."""
    default = Path(__file__).parents[2] / "shared" / "data"
    folder = Path(os.environ.get("RASTERWIRE_SHARED_DATA", default))
    if not folder.is_dir():
        pytest.skip("no real rasters here; name their folder in RASTERWIRE_SHARED_DATA")
    return folder
