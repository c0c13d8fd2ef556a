"""Metrics of a server: whether there are any, and how those of several workers come together."""

import asyncio
import os
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

from rasterwire.server.metrics import Metrics
from rasterwire.server.readiness import Readiness
from rasterwire.server.service import Service
from rasterwire.server.settings import Settings
from rasterwire.store.artifacts import usage
from rasterwire.store.private_files import private_folder

_EVERY = 5.0
"""Seconds between two looks at what is the case, where other workers tell of it too."""

Look = Callable[[], Awaitable[None]]


def make_metrics(settings: Settings) -> Metrics | None:
    """Return the metrics of this process, None where nobody could ask for them."""
    if not settings.has_metrics:
        return None
    return Metrics(_folder(settings) if settings.workers > 1 else None)


def begin_shared(settings: Settings) -> None:
    """Let the workers that this process starts count together, from zero.

    Their library takes the folder from the environment alone, before it is loaded.
    """
    folder = _folder(settings)
    shutil.rmtree(folder, ignore_errors=True)
    if settings.has_metrics:
        private_folder(folder)
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)  # noqa: TID251


def forget_worker(state_dir: Path, pid: int) -> None:
    """Remove what was the case in a worker that ended; what it counted stays."""
    for path in (state_dir / "metrics").glob(f"gauge_live*_{pid}.db"):
        path.unlink(missing_ok=True)


def state_of(metrics: Metrics, service: Service, readiness: Readiness, cache: Path) -> Look:
    """Return what tells the metrics what is the case.

    Args:
        metrics: that are told.
        service: whose renders are counted.
        readiness: whose checks are told.
        cache: the folder of rendered files.
    """

    async def look() -> None:
        metrics.note_state(*service.render_work, await readiness.problems())
        metrics.note_cache(*await asyncio.to_thread(usage, cache))

    return look


async def keep_telling(look: Look) -> None:
    """Look now and then until cancelled, since another worker may be asked."""
    while True:
        await look()
        await asyncio.sleep(_EVERY)


def _folder(settings: Settings) -> Path:
    return settings.state_dir / "metrics"
