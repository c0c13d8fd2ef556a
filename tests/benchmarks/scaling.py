"""Simulates more workers than a machine has, by costs that were measured on one; prints a table in Markdown.

    python tests/benchmarks/scaling.py [--seed 1]

Each task goes through stations that serve one after the other: the front that submits it, the scheduler of Dask, a
thread of a worker, and then either the way back to the front with its encoded tiles (a download), or the object store
and the database (an export). As many tasks are on their way as the front allows; a station that all of them wait for is
saturated. Times of rendering scatter, all others are constant. Nothing is read from a clock, so that equal seeds give
equal tables.
"""

import argparse
import heapq
import random
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import count

MEGAPIXELS_A_SECOND = 14.0
"""Of a thread that renders and encodes reflectance, bilinear: 8192 x 8192 took 4.4 to 5.5 s of one core."""

BYTES_A_PIXEL = 0.8
"""Of a deflate GeoTIFF of the same: 13 MB of 4096 x 4096."""

COMMITS_A_PART = 2
"""Of an export: what it leaves for overviews, and the part itself."""

SCATTER = 0.25
"""Of the time of a task: the standard deviation of its logarithm."""

WINDOW = 3
"""Tasks on their way for each thread of a worker."""


@dataclass(frozen=True, slots=True)
class Costs:
    """Seconds and bytes of what all workers share.

    Attributes:
        submit: seconds of the front for each task. With ``receive`` it gives the 0.11 s that were measured of 64 blocks
            of 4096 x 4096.
        receive: seconds of the front for each megabyte that comes back.
        schedule: seconds of the scheduler for each task, from its submission to its end; one process, one core. A front
            with the scheduler in its process took 0.90 s of 256 blocks of 8192 x 8192; these costs give 0.90.
        connection: megabytes a second that one thread sends to the object store.
        store: megabytes a second that the object store takes from all of them.
        requests: a second that it takes from all of them.
        commits: a second of the database.
    """

    submit: float = 0.001
    receive: float = 0.0035
    schedule: float = 0.0018
    connection: float = 80.0
    store: float = 5000.0
    requests: float = 3500.0
    commits: float = 1181.0


@dataclass(frozen=True, slots=True)
class Job:
    """What is rendered.

    Attributes:
        pixels: of the whole.
        task_pixels: of one task.
        is_export: whether workers put what they made into the object store, or send it back.
        fronts: servers that share the work and the scheduler.
    """

    pixels: float
    task_pixels: float
    is_export: bool
    fronts: int = 1


@dataclass(slots=True)
class Station:
    """Serves tasks in the order in which they come.

    Attributes:
        free: when each of its servers is free, a heap.
        busy: seconds that they served.
    """

    servers: int
    free: list[float] = field(init=False)
    busy: float = 0.0

    def __post_init__(self) -> None:
        self.free = [0.0] * self.servers

    def serve(self, arrival: float, seconds: float) -> float:
        """Return when a task has been served."""
        end = max(arrival, self.free[0]) + seconds
        heapq.heapreplace(self.free, end)
        self.busy += seconds
        return end


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a simulation gives.

    Attributes:
        seconds: of the job.
        busy: part of that time that each station served, by its name.
    """

    seconds: float
    busy: dict[str, float]


def simulate(job: Job, workers: int, costs: Costs, seed: int) -> Outcome:
    """Return how a job goes on so many workers of one thread."""
    scatter = random.Random(seed)
    tasks = max(1, round(job.pixels / job.task_pixels))
    megabytes = job.task_pixels * BYTES_A_PIXEL / 1e6
    render = job.task_pixels / 1e6 / MEGAPIXELS_A_SECOND
    stations = {name: Station(1) for name in ("scheduler", "store", "database")}
    stations |= {"front": Station(job.fronts), "workers": Station(workers)}
    way: list[tuple[str, float]] = [("front", costs.submit), ("scheduler", costs.schedule), ("workers", render)]
    if job.is_export:
        # a thread sends its part while the store takes it; whichever is slower decides
        way[-1] = ("workers", render + megabytes / costs.connection)
        way += [
            ("store", max(megabytes / costs.store, 1 / costs.requests)),
            ("database", COMMITS_A_PART / costs.commits),
        ]
    else:
        way.append(("front", megabytes * costs.receive))
    waiting, numbers = iter(range(tasks)), count()
    events: list[tuple[float, int, int]] = []  # when, in which order, and the station that is next

    def submit(now: float) -> None:
        if next(waiting, None) is not None:
            heapq.heappush(events, (now, next(numbers), 0))

    for _ in range(WINDOW * workers):
        submit(0.0)
    now = 0.0
    while events:
        now, _, step = heapq.heappop(events)
        if step == len(way):
            submit(now)
            continue
        name, seconds = way[step]
        if name == "workers":
            seconds *= scatter.lognormvariate(-SCATTER * SCATTER / 2, SCATTER)
        heapq.heappush(events, (stations[name].serve(now, seconds), next(numbers), step + 1))
    return Outcome(now, {name: station.busy / station.servers / now for name, station in stations.items()})


def cases() -> Iterator[tuple[str, Job, Costs]]:
    """Yield what the table tells of: its name, the job for each worker, and the costs."""
    costs = Costs()
    yield "download, blocks of 1 MP", Job(1e9, 1e6, is_export=False), costs
    yield "download, blocks of 4 MP", Job(4e9, 4e6, is_export=False), costs
    yield "the same by 8 servers", Job(4e9, 4e6, is_export=False, fronts=8), costs
    yield "export, parts of 16 MP", Job(64e9, 16e6, is_export=True), costs
    yield "export, parts of 64 MP", Job(256e9, 64e6, is_export=True), costs
    yield "the same, a store of 300 MB/s", Job(256e9, 64e6, is_export=True), replace(costs, store=300.0)


def table(seed: int, numbers: Sequence[int] = (10, 100, 1000)) -> str:
    """Return the table."""
    lines = [
        "| | workers | megapixels a second | of what they could | busiest beside them |",
        "|---|---|---|---|---|",
    ]
    for name, job, costs in cases():
        for workers in numbers:
            outcome = simulate(job, workers, costs, seed)
            rate = job.pixels / 1e6 / outcome.seconds
            shared = {station: part for station, part in outcome.busy.items() if station != "workers"}
            busiest = max(shared, key=shared.__getitem__)
            part = min(1.0, rate / workers / MEGAPIXELS_A_SECOND)  # the times of few tasks scatter to either side
            lines.append(f"| {name} | {workers} | {rate:,.0f} | {part:.0%} | {busiest} {shared[busiest]:.0%} |")
    return "\n".join(lines)


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1, help="of the times that scatter")
    print(table(parser.parse_args().seed))
    return 0


if __name__ == "__main__":
    sys.exit(main())
