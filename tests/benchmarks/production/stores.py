"""Stores that fail: how long a caller waits for the error, whether it heals, and whether anything wrong came."""

import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import grpc

from benchmarks.production.shared import Bar, Shared
from door_pairs import check_pixels
from rasterwire.v1 import download_pb2, download_service_pb2, download_service_pb2_grpc
from replica_servers import ReplicaServer
from seaweed import Seaweed
from tcp_proxy import Fault, TcpProxy, tcp_proxy

_MAX_SECONDS = 2.0
_AT_ONCE = 20
_HEALED_WITHIN = 30.0
"""Seconds after which nobody waits any more for a store to be used again."""

_TOLD = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED}


@dataclass(slots=True)
class Outcome:
    """What calls came to.

    Attributes:
        right, told, wrong: files with the right pixels, errors that say when to come back, and everything else.
        longest: seconds that an error took.
    """

    right: int = 0
    told: int = 0
    wrong: int = 0
    longest: float = 0.0


class _Caller:
    """Asks one server for new files, by plain calls."""

    def __init__(self, server: ReplicaServer, image: Path) -> None:
        self._channel = grpc.insecure_channel(server.address)
        self._stub = download_service_pb2_grpc.DownloadServiceStub(self._channel)
        self._image = image
        self._number = 0

    def call(self, number: int) -> tuple[str, float]:
        """Return what came of a new file, as the field of ``Outcome``, and the seconds that it took."""
        began = time.perf_counter()
        params = download_pb2.DownloadParams(image="a", format=download_pb2.FORMAT_GEO_TIFF, nodata=float(number))
        try:
            request = download_service_pb2.CreateDownloadRequest(params=params)
            created = self._stub.CreateDownload(request, timeout=60).download_id
            read = download_service_pb2.ReadDownloadRequest(name=created.name, token=created.token)
            data = b"".join(answer.chunk.data for answer in self._stub.ReadDownload(read, timeout=60))
            check_pixels(data, self._image)
            what = "right"
        except grpc.RpcError as error:
            what = "told" if error.code() in _TOLD else "wrong"
            if what == "wrong":
                print(f"  {error.code()}: {error.details()}")
        except Exception as error:  # noqa: BLE001  counted
            print(f"  {type(error).__name__}: {error}")
            what = "wrong"
        return what, time.perf_counter() - began

    def calls(self, count: int) -> Outcome:
        """Return what came of many, some at once."""
        outcome = Outcome()
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            numbers = range(self._number + 1, self._number + count + 1)
            self._number += count
            for what, seconds in pool.map(self.call, numbers):
                setattr(outcome, what, getattr(outcome, what) + 1)
                if what == "told":
                    outcome.longest = max(outcome.longest, seconds)
        return outcome

    def healed(self) -> float:
        """Return the seconds until a file comes again; infinite where none does."""
        began = time.perf_counter()
        while time.perf_counter() - began < _HEALED_WITHIN:
            if self.calls(1).right:
                return time.perf_counter() - began
            time.sleep(0.1)
        return float("inf")

    def close(self) -> None:
        """Close the connection."""
        self._channel.close()


def store_faults(shared: Shared, count: int) -> Iterator[Bar]:
    """Yield a bar for each fault of a store."""
    image = shared.image(64)
    database = shared.new_database()
    port = shared.database_server.port
    with (
        tcp_proxy(port) as to_database,
        tcp_proxy(urlsplit(shared.object_server.endpoint).port or 0) as to_bucket,
        ExitStack() as stack,
    ):
        proxied = database.replace(f":{port}/", f":{to_database.port}/")
        bucket = Seaweed(f"http://127.0.0.1:{to_bucket.port}")
        config = shared.config(proxied, bucket, database)
        server = ReplicaServer(image.parent, config, shared.new_folder("state"))
        stack.callback(server.end)
        server.start()
        caller = _Caller(server, image)
        stack.callback(caller.close)
        for title, begin, end in _faults(shared, to_database, to_bucket):
            yield _bar(title, caller, count, begin, end)
    yield from _disk_full(shared, image, count)


def _faults(
    shared: Shared, to_database: TcpProxy, to_bucket: TcpProxy
) -> Iterator[tuple[str, Callable[[], object], Callable[[], object]]]:
    for name, proxy in (("bucket", to_bucket), ("PostgreSQL", to_database)):
        for fault in (Fault.SILENCE, Fault.UNAVAILABLE, Fault.CLOSED):
            if proxy is to_bucket or fault is not Fault.UNAVAILABLE:
                word = {Fault.SILENCE: "silent", Fault.UNAVAILABLE: "answers 503", Fault.CLOSED: "down"}[fault]
                yield (
                    f"{name} {word}",
                    lambda proxy=proxy, fault=fault: setattr(proxy, "fault", fault),  # type: ignore[misc]
                    lambda proxy=proxy: setattr(proxy, "fault", Fault.NONE),  # type: ignore[misc]
                )
    yield "PostgreSQL stopped", shared.database_server.stop, shared.database_server.start


def _bar(title: str, caller: _Caller, count: int, begin: Callable[[], object], end: Callable[[], object]) -> Bar:
    before = caller.calls(count)
    begin()
    during = caller.calls(count)
    end()
    healed = caller.healed()
    after = caller.calls(count)
    figure = (
        f"{during.told} of {count} told within {during.longest:.2f} s, {during.right} right, {during.wrong} wrong; "
        f"heals in {healed:.1f} s, then {after.right} of {count} right"
    )
    is_reached = during.wrong == after.wrong == 0 and during.longest <= _MAX_SECONDS and after.right == count
    is_reached &= before.right == count and during.right + during.told == count
    return Bar(title, figure, f"{_MAX_SECONDS:g} s, heals by itself, nothing wrong", is_reached)


@contextmanager
def _small_disk(shared: Shared, megabytes: int) -> Iterator[tuple[list[str], Path]]:
    """Give the beginning of a command that has a small disk of its own, and where that command sees it."""
    place = shared.new_folder("disk")
    script = f'mount -t tmpfs -o size={megabytes}m tmpfs {place} && exec "$@"'
    yield ["unshare", "-m", "--propagation", "private", "sh", "-c", script, "sh"], place


def _disk_full(shared: Shared, image: Path, count: int) -> Iterator[Bar]:
    if shutil.which("unshare") is None:
        print("not measured: a full disk; unshare is missing")
        return
    config = shared.config(shared.new_database())
    with _small_disk(shared, 200) as (before, place), ExitStack() as stack:
        server = ReplicaServer(image.parent, config, place / "state", before)
        stack.callback(server.end)
        server.start()
        caller = _Caller(server, image)
        stack.callback(caller.close)
        ballast = Path(f"/proc/{server.pid}/root{place}/ballast")

        def fill() -> None:
            with ballast.open("wb") as file:
                try:
                    while True:
                        file.write(bytes(1 << 12))
                        file.flush()
                except OSError:
                    return

        yield _bar("disk full", caller, count, fill, ballast.unlink)
