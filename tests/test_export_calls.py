"""What calls about exports ask of the store of exports."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import TypeVar

import pytest

from rasterwire.errors import Overloaded
from rasterwire.export.queue import ExportQueue
from rasterwire.plan import Limits
from rasterwire.principal import Principal
from rasterwire.server import exports
from rasterwire.server.exports import Exports
from rasterwire.server.peer import principal
from rasterwire.store.jobs import ExportRecord, Speed
from rasterwire.store.sqlite_jobs import SqliteJobStore
from rasterwire.v1 import export_service_pb2
from rasterwire.v1.export_service_pb2 import Export

T = TypeVar("T")


class CountedStore(SqliteJobStore):
    """Counts how often it is asked for the speed, which it always knows."""

    count_of_speeds = 0

    def speed(self) -> Speed:
        self.count_of_speeds += 1
        return Speed(1000, 10.0)


@dataclass
class Calls:
    """The calls of a server without doors.

    Attributes:
        jobs: its exports.
        exports: the calls.
    """

    jobs: CountedStore
    exports: Exports

    def put(self, number: int, tenant: str = "") -> str:
        record = ExportRecord(f"{number:032x}", tenant, "", b"", "results", "p", "", "etag", 2000, 1, 1, 100)
        return f"exports/{self.jobs.put(record).id}"

    def ask(self, call: Callable[[], Awaitable[T]], tenant: str = "") -> T:
        """Return the answer to a call of a tenant."""

        async def asking() -> T:
            principal.set(Principal(tenant, ("",)))
            return await call()

        return asyncio.run(asking())


@pytest.fixture
def calls(tmp_path: Path) -> Iterator[Calls]:
    with closing(CountedStore(tmp_path / "exports.sqlite")) as jobs:

        async def run(function: Callable[[], T]) -> T:
            return function()

        service = SimpleNamespace(
            check_caller=lambda: None,
            export_queue=ExportQueue(jobs, {}, {}, {}, Limits(), lambda: None),
            run=run,
            is_stopping=False,
        )
        yield Calls(jobs, Exports(service))  # type: ignore[arg-type]


def test_a_list_asks_for_the_speed_once_whatever_its_length(calls: Calls) -> None:
    for number in range(30):
        calls.put(number)
    answer = calls.ask(lambda: calls.exports.list(export_service_pb2.ListExportsRequest()))
    assert [export.estimated_duration.seconds for export in answer.exports] == [20] * 30
    assert calls.jobs.count_of_speeds == 1


def test_a_list_of_what_has_ended_asks_for_no_speed(calls: Calls) -> None:
    calls.jobs.cancel(calls.put(1).removeprefix("exports/"))
    answer = calls.ask(lambda: calls.exports.list(export_service_pb2.ListExportsRequest()))
    assert len(answer.exports) == 1
    assert calls.jobs.count_of_speeds == 0


def test_a_tenant_that_watches_leaves_others_as_much_room(calls: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "_MAX_WATCHES", 8)
    names = {tenant: calls.put(number, tenant) for number, tenant in enumerate("abc")}
    open_watches = list[AsyncGenerator[Export, None]]()

    async def fill(tenant: str) -> int:
        principal.set(Principal(tenant, ("",)))
        for count in range(9):
            watch = calls.exports.watch(names[tenant])
            try:
                await anext(watch)
            except Overloaded:
                return count
            open_watches.append(watch)
        raise AssertionError

    async def run() -> None:
        assert [await fill(tenant) for tenant in "abc"] == [4, 2, 1]
        for watch in open_watches:
            await watch.aclose()
        assert await fill("c") == 4
        for watch in open_watches:
            await watch.aclose()

    asyncio.run(run())
