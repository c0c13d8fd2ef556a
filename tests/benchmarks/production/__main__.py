"""The bars of running many servers: each prints its figure beside its limit, and a miss ends the run with 1.

    cd tests && python -m benchmarks.production [--only pairs,kill,rolling,stores,readers,cost,exports] [--count 200]

Needs PostgreSQL, SeaweedFS, nginx and HAProxy; what is not installed is told as not measured.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.production.cost import cost
from benchmarks.production.exports import exports, exports_by_threads
from benchmarks.production.kills import kills
from benchmarks.production.pairs import pairs
from benchmarks.production.readers import readers
from benchmarks.production.rolling import rolling
from benchmarks.production.shared import Bar, Shared, shared
from benchmarks.production.stores import store_faults
from benchmarks.production.workers import plans_on_one_worker, worker_deaths

BENCHES: dict[str, tuple[Callable[[Shared, int], Iterator[Bar]], int]] = {
    "pairs": (pairs, 200),
    "kill": (kills, 100),
    "rolling": (rolling, 2000),
    "stores": (store_faults, 20),
    "readers": (readers, 1000),
    "cost": (cost, 2000),
    "exports": (exports, 10),
    "exports-by-threads": (exports_by_threads, 3),
    "worker-deaths": (worker_deaths, 20),
    "plans-on-one-worker": (plans_on_one_worker, 200),
}
"""By name: what yields the bars, and the full count."""


def main(arguments: list[str]) -> int:
    """Run the benchmarks; returns 1 where a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(BENCHES), help="names with commas between them")
    parser.add_argument("--count", type=int, default=0, help="in place of the full count of each")
    options = parser.parse_args(arguments)
    names = options.only.split(",")
    if unknown := set(names) - set(BENCHES):
        parser.error(f"there is no {', '.join(sorted(unknown))}; there are {', '.join(BENCHES)}")
    is_missed = False
    with tempfile.TemporaryDirectory() as folder, shared(Path(folder)) as stores:
        for name in names:
            bench, count = BENCHES[name]
            for bar in bench(stores, options.count or count):
                print(f"{name}: {bar}", flush=True)
                is_missed |= not bar.is_reached
    return int(is_missed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
