"""Measures what tenants notice of each other, and what an overloaded server does; prints each figure beside its limit.

    python tests/benchmarks/fairness.py fairness [--seconds 20] [--rounds 3]
    python tests/benchmarks/fairness.py overload [--seconds 60]

``fairness``: one tenant keeps the server busy by every door and many connections, another asks for a piece of 64 x 64
every quarter of a second. Rounds with and without the second one take turns, so that the machine is the same for both.
``overload``: as many connections ask for pieces as the server takes at once, and then ten times as many.

The clients share the machine with the server. The program ends with 1 where a limit is missed.
"""

import argparse
import asyncio
import contextlib
import itertools
import json
import random
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import grpc
from google.protobuf import json_format
from google.rpc import error_details_pb2
from grpc_status import rpc_status

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # this folder is the package `benchmarks`

from benchmarks.processes import Tree, answers, free_port, server
from rasterwire.demo.scene import IMAGE_ID, make_scene
from rasterwire.server.identity.key_file import add_key
from rasterwire.v1 import download_pb2, download_service_pb2, download_service_pb2_grpc

MAX_P95 = 1.0
"""Seconds of a piece of the second tenant."""

LEAST_THROUGHPUT = 0.95
"""Of that without the second tenant."""

MAX_P99_RATIO = 2.0
"""Of the p99 of what is admitted, overloaded beside full."""

MAX_GROWTH = 32 << 20
"""Bytes by which memory may grow from the middle of an overload to its end."""

PLACES = 16
"""Pieces that the server takes at once, waiting ones included: four times ``max_renders``."""

_LARGE = {"image": IMAGE_ID, "bands": [{"id": "B3"}], "format": "FORMAT_GEO_TIFF", "dimensions": [4000, 4000]}
_SMALL = {"image": IMAGE_ID, "bands": [{"id": "B3"}], "format": "FORMAT_NPY", "dimensions": [64, 64]}

_SERVE = """
import sys
from pathlib import Path
from rasterwire.server.identity.settings import AuthSettings, TenantSettings
from rasterwire.server.process.app import serve
from rasterwire.server.settings import Settings
root = Path(sys.argv[1])
tenants = tuple(TenantSettings(name, ("*",)) for name in ("greedy", "modest"))
serve(Settings(root / "catalog", grpc_port=int(sys.argv[2]), http_port=int(sys.argv[3]), state_dir=root / "state",
               cache_bytes=1 << 30, log="json", auth=AuthSettings(root / "keys"), tenants=tenants))
"""

Ask = Callable[[], Coroutine[Any, Any, None]]
"""Makes a call, or raises ``Refused``."""

_numbers = itertools.count()
_clock = time.perf_counter


@dataclass
class Tally:
    """What came of the calls of one tenant.

    Attributes:
        seconds: of those that were answered.
        bytes: of files that came.
        refused: calls that were to come again.
        unhinted: those of them that were not told when.
        errors: other failures, by what they said.
    """

    seconds: list[float] = field(default_factory=list)
    bytes: int = 0
    refused: int = 0
    unhinted: int = 0
    errors: Counter[str] = field(default_factory=Counter)

    def quantile(self, part: float) -> float:
        """Return the time within which a part of the calls were answered."""
        ordered = sorted(self.seconds) or [float("inf")]
        return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


class Refused(Exception):
    """A call that is to come again; the argument is the seconds that were told, or None."""


@dataclass(frozen=True)
class Host:
    """A running server.

    Attributes:
        tree: its processes.
        grpc, http: its addresses.
        keys: by tenant.
    """

    tree: Tree
    grpc: str
    http: str
    keys: dict[str, str]

    def metadata(self, tenant: str) -> tuple[tuple[str, str]]:
        """Return what a call of a tenant shows."""
        return (("authorization", f"Bearer {self.keys[tenant]}"),)


@contextmanager
def hosted() -> Iterator[Host]:
    """Run a server of two tenants."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_scene(folder / "catalog")
        keys = {tenant: add_key(folder / "keys", tenant) for tenant in ("greedy", "modest")}
        grpc_port, http_port = free_port(), free_port()
        command = [sys.executable, "-c", _SERVE, name, str(grpc_port), str(http_port)]
        http = f"http://127.0.0.1:{http_port}"

        with server(command, lambda: answers(f"{http}/livez"), folder / "log") as tree:
            yield Host(tree, f"127.0.0.1:{grpc_port}", http, keys)


def hint_of(error: grpc.aio.AioRpcError) -> float | None:
    """Return after how many seconds a refused call is to come again, None where that was not told."""
    status = rpc_status.from_call(error)  # type: ignore[arg-type]
    retry = error_details_pb2.RetryInfo()
    for detail in status.details if status is not None else ():
        if detail.Unpack(retry):
            return float(retry.retry_delay.seconds + retry.retry_delay.nanos / 1e9)
    return None


# -- asking ----------------------------------------------------------------------------------------


@asynccontextmanager
async def grpc_asking(host: Host, tenant: str, tally: Tally, fields: dict[str, Any]) -> AsyncIterator[Ask]:
    """Yield a function that makes a new download and reads it, by a connection of its own."""
    options = [("grpc.use_local_subchannel_pool", 1)]
    async with grpc.aio.insecure_channel(host.grpc, options=options) as channel:
        stub: Any = download_service_pb2_grpc.DownloadServiceStub(channel)
        metadata = host.metadata(tenant)

        async def ask() -> None:
            params = json_format.ParseDict(fields | {"name": f"n{next(_numbers)}"}, download_pb2.DownloadParams())
            try:
                created = await stub.CreateDownload(
                    download_service_pb2.CreateDownloadRequest(params=params), metadata=metadata
                )
                name, token = created.download_id.name, created.download_id.token
                request = download_service_pb2.ReadDownloadRequest(name=name, token=token)
                async for answer in stub.ReadDownload(request, metadata=metadata):
                    tally.bytes += len(answer.chunk.data)
            except grpc.aio.AioRpcError as error:
                if error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED:
                    raise Refused(hint_of(error)) from None
                raise

        yield ask


@asynccontextmanager
async def http_asking(host: Host, tenant: str, tally: Tally, fields: dict[str, Any]) -> AsyncIterator[Ask]:
    """Yield the same over HTTP."""
    headers = dict(host.metadata(tenant))
    async with aiohttp.ClientSession(host.http, headers=headers) as session:

        async def ask() -> None:
            document = fields | {"name": f"n{next(_numbers)}"}
            async with session.post("/v1/downloads", json=document) as answer:
                created = await checked(answer)
            async with session.get(json.loads(created)["downloadId"]["url"]) as answer:
                tally.bytes += len(await checked(answer))

        yield ask


@asynccontextmanager
async def earth_engine_asking(host: Host, tenant: str, tally: Tally, fields: dict[str, Any]) -> AsyncIterator[Ask]:
    """Yield a function that gets a whole band by Earth Engine's door."""
    async with aiohttp.ClientSession(host.http, headers=dict(host.metadata(tenant))) as session:

        async def ask() -> None:
            async with session.post(f"/v1/projects/p/assets/{IMAGE_ID}:getPixels", json=fields) as answer:
                tally.bytes += len(await checked(answer))

        yield ask


async def checked(answer: aiohttp.ClientResponse) -> bytes:
    """Return the body of an answer, or raise what it tells."""
    body = await answer.read()
    if answer.status in {429, 503}:
        hint = answer.headers.get("Retry-After")
        raise Refused(None if hint is None else float(hint))
    if answer.status != 200:
        raise OSError(f"status {answer.status}: {body[:200]!r}")
    return body


async def keep_asking(
    asking: contextlib.AbstractAsyncContextManager[Ask], tally: Tally, end: float, pause: float = 0.0
) -> None:
    """Ask again and again until the clock says ``end``, and come again when it is told after a refusal."""
    async with asking as ask:
        while (began := _clock()) < end:
            try:
                async with asyncio.timeout(max(0.1, end - began) if not pause else None):
                    await ask()
            except Refused as refused:
                tally.refused += 1
                tally.unhinted += refused.args[0] is None
                await asyncio.sleep((refused.args[0] or 1.0) * random.uniform(1, 1.5))
            except TimeoutError:  # the round is over
                return
            except (grpc.aio.AioRpcError, aiohttp.ClientError, OSError) as error:
                tally.errors[f"{type(error).__name__} {error}"[:200]] += 1
                await asyncio.sleep(0.2)
            else:
                tally.seconds.append(_clock() - began)
                await asyncio.sleep(pause)


# -- the two measurements ----------------------------------------------------------------------------


async def saturated(host: Host, seconds: float, modest: bool) -> tuple[Tally, Tally, float]:
    """Let the greedy tenant take what it gets, beside the modest one or alone.

    Returns:
        What came of each, and the bytes of both in a second.
    """
    greedy, other, end = Tally(), Tally(), _clock() + seconds
    whole = {"fileFormat": "NPY", "bandIds": ["B3"]}
    tasks = [keep_asking(grpc_asking(host, "greedy", greedy, _LARGE), greedy, end) for _ in range(12)]
    for _ in range(6):
        tasks.append(keep_asking(http_asking(host, "greedy", greedy, _LARGE), greedy, end))
        tasks.append(keep_asking(earth_engine_asking(host, "greedy", greedy, whole), greedy, end))
    if modest:
        tasks.append(keep_asking(grpc_asking(host, "modest", other, _SMALL), other, end, pause=0.25))
        tasks.append(keep_asking(http_asking(host, "modest", other, _SMALL), other, end, pause=0.25))
    began = _clock()
    await asyncio.gather(*tasks)
    return greedy, other, (greedy.bytes + other.bytes) / (_clock() - began)


def measure_fairness(host: Host, seconds: float, rounds: int) -> bool:
    """Print the figures of the two tenants; return whether all limits hold."""
    speeds: dict[bool, list[float]] = {False: [], True: []}
    greedy, modest = Tally(), Tally()
    asyncio.run(saturated(host, min(5.0, seconds), modest=True))  # does not count
    for number in range(2 * rounds):
        with_modest = number % 4 in {1, 2}  # A B B A
        one, other, speed = asyncio.run(saturated(host, seconds, with_modest))
        speeds[with_modest].append(speed)
        for total, part in ((greedy, one), (modest, other)):
            total.seconds += part.seconds
            total.refused, total.unhinted = total.refused + part.refused, total.unhinted + part.unhinted
            total.errors += part.errors
    alone, both = (statistics.median(speeds[key]) for key in (False, True))
    print(f"     greedy tenant: {len(greedy.seconds)} answers, {greedy.refused} refused, {alone / 1e6:.1f} MB/s alone")
    print(f"     modest tenant: {len(modest.seconds)} answers, p50 {modest.quantile(0.5):.3f} s")
    return all(
        [
            bar("p95 of 64 x 64 beside a greedy tenant, s", modest.quantile(0.95), MAX_P95),
            bar("refusals of the modest tenant", modest.refused, 0),
            bar("throughput beside that without the modest tenant", both / alone, LEAST_THROUGHPUT, least=True),
            bar("refusals without a time", greedy.unhinted + modest.unhinted, 0),
            no_errors(greedy.errors + modest.errors),
        ]
    )


async def crowded(host: Host, count: int, seconds: float) -> tuple[Tally, list[int]]:
    """Let connections of several tenants ask for pieces at once; return what came of it, and the memory in between."""
    tally, end, memory = Tally(), _clock() + seconds, list[int]()
    tasks = []
    for number in range(count):
        door = http_asking if number % 4 == 3 else grpc_asking
        tenant = "modest" if number % 2 else "greedy"
        tasks.append(asyncio.create_task(keep_asking(door(host, tenant, tally, _SMALL), tally, end)))
    while _clock() < end:
        await asyncio.sleep(seconds / 20)
        memory.append(host.tree.resident_bytes())
    await asyncio.gather(*tasks)
    return tally, memory


def measure_overload(host: Host, seconds: float) -> bool:
    """Print the figures of a full and of an overloaded server; return whether all limits hold."""
    asyncio.run(crowded(host, PLACES, 3.0))  # does not count
    full, _ = asyncio.run(crowded(host, PLACES, seconds / 2))
    over, memory = asyncio.run(crowded(host, 10 * PLACES, seconds))
    for name, tally in (("full", full), ("overloaded", over)):
        times = f"p50 {tally.quantile(0.5):.3f} s, p99 {tally.quantile(0.99):.3f} s"
        print(f"     {name}: {len(tally.seconds)} answers, {tally.refused} refused, {times}")
    middle = statistics.median(memory[5:10])
    last = statistics.median(memory[-5:])
    print(f"     memory: {middle / 1e6:.0f} MB in the middle, {last / 1e6:.0f} MB at the end")
    return all(
        [
            bar("p99 overloaded beside full", over.quantile(0.99) / full.quantile(0.99), MAX_P99_RATIO),
            bar("refusals without a time", full.unhinted + over.unhinted, 0),
            bar("growth of memory, MB", max(0.0, last - middle) / 1e6, MAX_GROWTH / 1e6),
            no_errors(full.errors + over.errors),
        ]
    )


def bar(name: str, value: float, limit: float, least: bool = False) -> bool:
    """Print a figure beside its limit; return whether it holds."""
    is_met = value >= limit if least else value <= limit
    print(f"{'ok  ' if is_met else 'MISS'} {name}: {value:.3f}, limit {'>=' if least else '<='} {limit:g}", flush=True)
    return is_met


def no_errors(errors: Counter[str]) -> bool:
    """Print how many calls failed otherwise, and the first few; return whether there are none."""
    for text, count in errors.most_common(3):
        print(f"     {count} x {text}")
    return bar("other failures", errors.total(), 0)


def main() -> int:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["fairness", "overload"])
    parser.add_argument("--seconds", type=float, help="of a round")
    parser.add_argument("--rounds", type=int, default=3, help="with the second tenant, and as many without")
    asked = parser.parse_args()
    with hosted() as host:
        if asked.what == "fairness":
            is_well = measure_fairness(host, asked.seconds or 20.0, asked.rounds)
        else:
            is_well = measure_overload(host, asked.seconds or 60.0)
    return 0 if is_well else 1


if __name__ == "__main__":
    sys.exit(main())
