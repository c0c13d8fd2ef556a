"""Two servers are replaced one by one, again and again, while calls go on."""

import json
import threading
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count as counted
from pathlib import Path

from benchmarks.production.shared import Bar, Shared
from door_pairs import PAIRS
from rasterwire import Client
from replica_servers import ReplicaServer

_AT_ONCE = 4

Call = Callable[[int], object]


def rolling(shared: Shared, count: int) -> Iterator[Bar]:
    """Yield two bars for each balancer: with the project's client, and with plain requests over HTTP."""
    image = shared.image(64)
    with shared.balanced(image) as (servers, balancers, _):
        for balancer in balancers.values():
            with Client(balancer.address) as client:
                calls = _calls_of(client, balancer.http, image)
                yield _bar(f"{balancer.name}, the project's client", servers, calls, count)
            yield _bar(f"{balancer.name}, plain HTTP", servers, _plain_calls(balancer.http, image), count)


def _calls_of(client: Client, http: str, image: Path) -> list[Call]:
    return [
        lambda number: PAIRS["gRPC"](client, http, image, number),
        lambda number: client.plan({"image": "a", "nodata": float(number)}),
        lambda _: list(client.list_images()),
        lambda number: client.create_download({"image": "a", "nodata": float(number)}),
    ]


def _plain_calls(http: str, image: Path) -> list[Call]:
    def get(path: str) -> object:
        with urllib.request.urlopen(f"{http}{path}", timeout=60) as answer:
            return json.loads(answer.read())

    with Client("localhost:1") as nobody:
        pairs = [PAIRS[door] for door in ("HTTP", "Earth Engine", "maps")]
    return [
        *(lambda number, pair=pair: pair(nobody, http, image, number) for pair in pairs),
        lambda _: get("/v1/images"),
        lambda _: get("/v1/limits"),
    ]


def _bar(title: str, servers: list[ReplicaServer], calls: list[Call], count: int) -> Bar:
    numbers, over, lock = counted(1), threading.Event(), threading.Lock()
    made, failed = 0, 0

    def go_on() -> None:
        nonlocal made, failed
        while not (over.is_set() and made >= count):
            number = next(numbers)
            try:
                calls[number % len(calls)](number)
            except Exception as error:  # noqa: BLE001  counted
                print(f"  call {number} failed: {type(error).__name__}: {error}")
                with lock:
                    failed += 1
            with lock:
                made += 1

    restarts = 0
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        threads = [pool.submit(go_on) for _ in range(_AT_ONCE)]
        while made < count or restarts < 2 * len(servers):
            server = servers[restarts % len(servers)]
            assert server.stop() == 0
            server.start()
            restarts += 1
        over.set()
    for thread in threads:
        thread.result()
    return Bar(f"{title}, {restarts} restarts", f"{failed} of {made} calls failed", "0", not failed)
