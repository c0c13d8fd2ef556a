"""Downloads that workers of Dask render: while one is killed, and of all kinds on a single one."""

import random
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from typing import TypeVar

from affine import Affine
from odc.geo.crs import CRS

from benchmarks.production.exports import SIDE, write_smooth_image
from benchmarks.production.shared import Bar, Shared
from dask_workers import local_workers
from many_plans import bytes_of, make_images, many_plans
from rasterwire.catalog.folder import FolderCatalog
from rasterwire.plan import Limits, RenderPlan, make_plan
from rasterwire.render import Engine
from rasterwire.render.engine import ThreadEngine
from rasterwire.request import DownloadRequest, Format, GridSpec, Resampling
from waiting import until

_MAX_GAP = 2.0
_OUTPUT = 6000
"""Pixels a side of the downloads whose workers are killed."""

A = TypeVar("A")
B = TypeVar("B")


class _Timed:
    """An engine that notes when each result came, and says so.

    Attributes:
        times: of the results, in seconds of the clock that only goes forward; the first is that of the beginning.
    """

    def __init__(self, engine: Engine, note: Callable[[int], None]) -> None:
        self._engine = engine
        self._note = note
        self.times = [time.monotonic()]

    def map(
        self,
        function: Callable[[A], B],
        items: Iterable[A],
        cost: Callable[[A], float] | None = None,
        check: Callable[[], None] | None = None,
    ) -> Iterator[B]:
        """See ``Engine.map``."""
        for result in self._engine.map(function, items, cost, check):
            self.times.append(time.monotonic())
            self._note(len(self.times) - 1)
            yield result


def worker_deaths(shared: Shared, count: int) -> Iterator[Bar]:
    """Yield the bars of downloads during each of which one of two workers is killed."""
    folder, places = shared.new_folder("deaths"), random.Random(2)
    plan = _large_plan(shared)
    with closing(ThreadEngine(2)) as threads:
        counted = _Timed(threads, lambda _: None)
        expected = bytes_of(plan, counted, folder)
    blocks, good, gaps = len(counted.times) - 1, 0, list[float]()
    with local_workers(shared.new_folder("workers"), 2) as workers:
        for number in range(count):
            until(lambda: workers.engine._census().threads, 2)
            moment, process = places.randrange(1, blocks), workers.processes[number % 2]

            def note(came: int, moment: int = moment, process: object = process) -> None:
                if came == moment:
                    process.send_signal(signal.SIGKILL)  # type: ignore[attr-defined]

            timed = _Timed(workers.engine, note)
            good += bytes_of(plan, timed, folder) == expected
            gaps.append(max(b - a for a, b in zip(timed.times[moment:], timed.times[moment + 1 :], strict=False)))
    title = f"downloads of {blocks} blocks with the bytes of threads, though a worker was killed"
    yield Bar(title, f"{good} of {count}", f"{count} of {count}", good == count)
    figure = f"{max(gaps):.2f} s, median {sorted(gaps)[count // 2]:.2f} s"
    yield Bar("longest time without a block after a worker was killed", figure, f"{_MAX_GAP} s", max(gaps) < _MAX_GAP)


def plans_on_one_worker(shared: Shared, count: int) -> Iterator[Bar]:
    """Yield the bar of plans of all kinds on a single worker; the tests have two, and kill them."""
    folder = shared.new_folder("plans")
    differing = []
    with local_workers(shared.new_folder("worker"), 1) as workers, closing(ThreadEngine(2)) as threads:
        for name, plan in many_plans(make_images(folder / "images"), count):
            if bytes_of(plan, workers.engine, folder) != bytes_of(plan, threads, folder):
                differing.append(name)
    figure = f"{len(differing)} {' '.join(differing[:3])}".strip()
    yield Bar(f"files of {count} plans that one worker makes otherwise than threads", figure, "0", not differing)


def _large_plan(shared: Shared) -> RenderPlan:
    catalog = FolderCatalog(write_smooth_image(shared.new_folder("catalog")), 3600)
    step = 10 * SIDE / _OUTPUT
    grid = GridSpec(CRS("EPSG:32610"), Affine(step, 0, 500_000, 0, -step, 5_000_000), (_OUTPUT, _OUTPUT))
    request = DownloadRequest("a", grid=grid, resampling=Resampling.BILINEAR, format=Format.GEO_TIFF)
    return make_plan(request, catalog.get("a"), Limits())
