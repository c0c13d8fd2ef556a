"""Processes of Dask for tests."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rasterwire.render.engine import SerialEngine
from rasterwire.server.settings import Settings
from waiting import until

WHY_NOT = "distributed is not installed: pip install 'rasterwire[dask]'"


@contextmanager
def helpers_found() -> Iterator[None]:
    """Let processes that start meanwhile import the modules of the tests."""
    path = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    with pytest.MonkeyPatch.context() as patches:
        patches.setenv("PYTHONPATH", path)
        yield


@contextmanager
def local_workers(folder: Path, count: int) -> Iterator[Any]:
    """Run processes that render, with an engine that gives them even the smallest maps."""
    pytest.importorskip("distributed", reason=WHY_NOT)
    from rasterwire.server.process.dask_engine import LocalWorkers

    settings = Settings(state_dir=folder / "state", engine="dask")
    settings = replace(settings, dask=replace(settings.dask, processes=count))
    with helpers_found():
        workers = LocalWorkers(settings, SerialEngine())
        workers.engine._small_cost = 0
        try:
            until(lambda: workers.engine._census().threads, count)
            workers.engine._threads = count
            yield workers
        finally:
            workers.close()
