"""What a tenant may take in a day, by every door."""

import asyncio
import contextvars
import json
import math
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar

import grpc
import numpy as np
import pytest
import rasterio
from affine import Affine
from click.testing import CliRunner, Result
from google.protobuf import json_format
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from asking import ask
from effort import HANG
from graphs import graph, load
from rasterwire.cli.main import cli
from rasterwire.client.errors import failure
from rasterwire.download import FairPool, Render
from rasterwire.errors import StorageUnavailable
from rasterwire.plan import RenderPlan
from rasterwire.principal import Principal, Quota
from rasterwire.server import quotas as quotas_module
from rasterwire.server import registrations
from rasterwire.server.identity.key_file import add_key
from rasterwire.server.identity.settings import AuthSettings, TenantSettings
from rasterwire.server.messages.parsed_request import ParsedRequest
from rasterwire.server.peer import principal
from rasterwire.server.process.stores import USAGE
from rasterwire.server.quotas import Share
from rasterwire.server.service import Service
from rasterwire.server.settings import Settings
from rasterwire.store import Usage
from rasterwire.store.usage import SqliteUsageStore
from rasterwire.turns import NOBODY
from rasterwire.v1 import download_pb2, download_service_pb2
from serving import Served, served
from waiting import until

PIXELS = 8 * 6
NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
BODY = {"image": "one", "format": "FORMAT_NPY"}
T = TypeVar("T")

EE = {"fileFormat": "NPY"}


class Clock:
    """The time of the server.

    Attributes:
        now: that it is.
    """

    def __init__(self) -> None:
        self.now = NOON


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(quotas_module, "_now", lambda: made.now)
    return made


class Tenant:
    """Calls a server by a key."""

    def __init__(self, server: Served, key: str) -> None:
        self.server = server
        self._key = key

    def http(self, method: str, target: str, body: Any = None, **headers: str) -> tuple[int, Any, bytes]:
        sent = None if body is None else json.dumps(body).encode()
        given = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json", **headers}
        return ask(self.server, method, target, sent, given)

    def create(self, **more: Any) -> tuple[int, Any, dict[str, Any]]:
        status, headers, answer = self.http("POST", "/v1/downloads", BODY | more)
        return status, headers, json.loads(answer)

    def limits(self) -> dict[str, int]:
        request = download_service_pb2.GetLimitsRequest()
        answer = self.server.downloads.GetLimits(request, metadata=self.metadata, timeout=HANG)
        return {quota.name: quota.used for quota in answer.quotas}

    def command(self, *arguments: str) -> Result:
        """Run a command of ``rasterwire`` on the server."""
        server = {"RASTERWIRE_SERVER": self.server.address, "RASTERWIRE_API_KEY": self._key}
        return CliRunner(env=server).invoke(cli, arguments)

    def stream(self) -> bytes:
        params = json_format.ParseDict(BODY, download_pb2.DownloadParams())
        request = download_service_pb2.StreamDownloadRequest(params=params)
        answers = self.server.downloads.StreamDownload(request, metadata=self.metadata, timeout=HANG)
        return b"".join(answer.chunk.data for answer in answers)

    @property
    def metadata(self) -> tuple[tuple[str, str]]:
        return (("authorization", f"Bearer {self._key}"),)


@pytest.fixture
def tenant(tmp_path: Path, clock: Clock) -> Iterator[Callable[[Quota], Tenant]]:
    """Return a function that starts a server with a tenant of a quota. Others begin where it ended."""
    catalog, keys_file = tmp_path / "catalog", tmp_path / "keys"
    catalog.mkdir()
    profile = {"width": 8, "height": 6, "count": 1, "dtype": "uint16", "crs": "EPSG:32633", "nodata": 0}
    with rasterio.open(catalog / "one.tif", "w", "GTiff", transform=Affine(10, 0, 5e5, 0, -10, 4.6e6), **profile) as f:
        f.write(np.ones((1, 6, 8), "uint16"))
    key = add_key(keys_file, "forestry")
    running: list[Any] = []

    def start(quota: Quota) -> Tenant:
        stop()
        tenants = (TenantSettings("forestry", ("*",), quota=quota),)
        state = tmp_path / "state"
        context = served(
            Settings(catalog, grpc_port=0, http_port=0, state_dir=state, auth=AuthSettings(keys_file), tenants=tenants)
        )
        running.append(context)
        return Tenant(context.__enter__(), key)

    def stop() -> None:
        while running:
            running.pop().__exit__(None, None, None)

    yield start
    stop()


def test_pixels_are_counted_when_they_are_asked_for_until_the_day_ends(
    tenant: Callable[[Quota], Tenant], clock: Clock
) -> None:
    forestry = tenant(Quota(pixels_per_day=3 * PIXELS))
    assert forestry.limits() == {"pixels_per_day": 0}
    assert forestry.create()[0] == 200
    assert len(forestry.stream()) > 2 * PIXELS
    assert forestry.http("POST", "/v1/projects/p/assets/one:getPixels", EE)[0] == 200
    assert forestry.limits() == {"pixels_per_day": 3 * PIXELS}
    status, headers, answer = forestry.create()
    assert (status, answer["error"]["reason"]) == (429, "QUOTA_EXCEEDED")
    assert int(headers["Retry-After"]) == 12 * 3600
    assert headers["RateLimit-Policy"] == f'"pixels_per_day";q={3 * PIXELS};w=86400'
    assert headers["RateLimit"] == '"pixels_per_day";r=0;t=43200'
    told = forestry.command("limits").output
    assert f"pixels_per_day         {3 * PIXELS} of {3 * PIXELS} used, until 2026-07-02T00:00:00Z" in told
    assert forestry.http("POST", "/v1/projects/p/assets/one:getPixels", EE)[0] == 429
    with pytest.raises(grpc.RpcError) as caught:
        forestry.stream()
    told = rpc_status.from_call(caught.value)  # type: ignore[arg-type]
    assert told is not None
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    failure, retry = error_details_pb2.QuotaFailure(), error_details_pb2.RetryInfo()
    assert any(detail.Unpack(failure) for detail in told.details)
    assert any(detail.Unpack(retry) for detail in told.details)
    assert failure.violations[0].quota_id == "pixels_per_day"
    assert failure.violations[0].quota_value == 3 * PIXELS
    assert retry.retry_delay.seconds == 12 * 3600
    clock.now += timedelta(hours=12)
    assert forestry.create()[0] == 200


def test_what_is_refused_for_other_reasons_or_repeated_is_not_counted(tenant: Callable[[Quota], Tenant]) -> None:
    forestry = tenant(Quota(pixels_per_day=2 * PIXELS))
    assert forestry.create(image="none")[0] == 404
    for _ in range(3):
        assert forestry.create(requestId="6f1c2f0e-8d5e-4c0a-9a53-0d8f4a1c7b11")[0] == 200
    assert forestry.limits() == {"pixels_per_day": PIXELS}


def test_more_than_the_whole_quota_is_refused_without_a_time(tenant: Callable[[Quota], Tenant]) -> None:
    forestry = tenant(Quota(pixels_per_day=PIXELS - 1))
    status, headers, answer = forestry.create()
    assert status == 429
    assert "Retry-After" not in headers
    assert "never" in answer["error"]["message"]
    assert forestry.limits() == {"pixels_per_day": 0}


def test_bytes_are_counted_as_they_are_sent_by_every_door(tenant: Callable[[Quota], Tenant]) -> None:
    forestry = tenant(Quota(bytes_per_day=1000))
    size = len(forestry.stream())
    assert forestry.limits() == {"bytes_per_day": size}
    url = forestry.create()[2]["downloadId"]["url"]
    path = url[url.index("/v1/") :]
    assert len(ask(forestry.server, "GET", path, None, {"Range": "bytes=0-9"})[2]) == 10  # and nobody said who it is
    assert forestry.http("HEAD", path)[0] == 200
    assert forestry.limits() == {"bytes_per_day": size + 10}
    for _ in range(math.floor((1000 - size - 10) / size)):
        assert len(forestry.http("GET", path)[2]) == size
    status, _, answer = forestry.http("GET", path)
    assert (status, json.loads(answer)["error"]["reason"]) == (429, "QUOTA_EXCEEDED")
    assert forestry.create()[0] == 429  # told before anything is rendered


def test_files_of_registered_downloads_are_stored_until_they_are_deleted(tenant: Callable[[Quota], Tenant]) -> None:
    size = 224  # of an NPY of these pixels
    forestry = tenant(Quota(stored_bytes=2 * size))
    names = [forestry.create(nodata=value)[2]["downloadId"]["name"] for value in (1, 2)]
    assert forestry.create(nodata=2)[0] == 200, "the same file"
    assert forestry.limits() == {"stored_bytes": 2 * size}
    assert forestry.command("limits").output.splitlines()[-1] == f"stored_bytes           {2 * size} of {2 * size} used"
    assert len(forestry.stream()) == size, "it is kept nowhere"
    status, headers, answer = forestry.create(nodata=3)
    assert (status, answer["error"]["reason"]) == (429, "QUOTA_EXCEEDED")
    assert "delete downloads that are not needed any more" in answer["error"]["message"]
    assert 0 < int(headers["Retry-After"]) <= 6 * 3600
    assert headers["RateLimit-Policy"] == f'"stored_bytes";q={2 * size}'
    assert "RateLimit" not in headers
    assert forestry.http("DELETE", f"/v1/{names[0]}")[0] == 200
    assert forestry.create(nodata=3)[0] == 200
    tile = {"expression": graph(load("one")), "fileFormat": "NPY"}
    assert forestry.http("POST", "/v1/projects/p/maps", tile)[0] == 200, "a map keeps no file"
    status, _, body = forestry.http("POST", "/v1/projects/p/thumbnails", tile)
    assert (status, json.loads(body)["error"]["status"]) == (429, "RESOURCE_EXHAUSTED")


def test_renders_of_a_tenant_are_counted_while_they_are_under_way(
    tenant: Callable[[Quota], Tenant], monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, goes_on = threading.Semaphore(0), threading.Event()
    write = Render.write

    def slowly(render: Render, *arguments: Any) -> None:
        begun.release()
        assert goes_on.wait(HANG)
        write(render, *arguments)

    monkeypatch.setattr(Render, "write", slowly)
    forestry = tenant(Quota(concurrent_renders=2))
    first, other, last = (forestry.create(nodata=value)[2]["downloadId"] for value in (1, 2, 3))
    paths = [download["url"][download["url"].index("/v1/") :] for download in (first, other, last)]
    with ThreadPoolExecutor(4) as pool:
        stream = pool.submit(forestry.stream)
        reads = [pool.submit(forestry.http, "GET", paths[0])]
        for _ in range(2):
            assert begun.acquire(timeout=HANG)
        assert forestry.limits() == {"concurrent_renders": 2}
        reads.append(pool.submit(forestry.http, "GET", paths[0]))
        plans = planned(monkeypatch)
        for path in (paths[1], f"/v1/{last['name']}:prepare"):
            status, headers, body = forestry.http("GET" if path == paths[1] else "POST", path)
            assert (status, json.loads(body)["error"]["reason"]) == (429, "QUOTA_EXCEEDED")
            assert headers["Retry-After"] == "2"
            assert headers["RateLimit-Policy"] == '"concurrent_renders";q=2'
            assert headers["RateLimit"] == '"concurrent_renders";r=0'
        with pytest.raises(grpc.RpcError) as caught:
            forestry.stream()
        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert not {2, 3} & set(plans), "what is refused is not planned before"
        assert failure(caught.value).is_passing, "the client waits for its turn"
        goes_on.set()
        assert stream.result(HANG)
        assert [read.result(HANG)[0] for read in reads] == [200, 200]
    assert forestry.http("GET", paths[1])[0] == 200
    until(forestry.limits, {"concurrent_renders": 0})


def test_a_server_takes_a_thousandth_in_advance_and_gives_back_what_is_left(tenant: Callable[[Quota], Tenant]) -> None:
    quota = Quota(pixels_per_day=10_000_000)
    forestry = tenant(quota)
    assert forestry.create()[0] == 200
    assert forestry.limits() == {"pixels_per_day": PIXELS}
    forestry = tenant(quota)
    assert forestry.limits() == {"pixels_per_day": PIXELS}
    assert forestry.create()[0] == 200
    assert forestry.limits() == {"pixels_per_day": 2 * PIXELS}


def planned(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return what gets the nodata of each request that is planned from now on."""
    values: list[float] = []
    plan = Service.plan

    async def counted(service: Service, request: ParsedRequest, *more: Any) -> RenderPlan:
        values.append(request.params.nodata)
        return await plan(service, request, *more)

    monkeypatch.setattr(Service, "plan", counted)
    return values


class Counting:
    """A store without an end.

    Attributes:
        taken: of each time that it was asked.
    """

    def __init__(self) -> None:
        self.taken: list[Usage] = []

    def take(self, usage: Usage, _limit: int) -> tuple[bool, int]:
        self.taken.append(usage)
        return True, sum(taken.used for taken in self.taken if taken.day == usage.day)

    def usages(self, day: date, tenant: str | None = None) -> Sequence[Usage]:
        return [usage for usage in self.taken if usage.day == day and tenant in {None, usage.tenant}]

    def close(self) -> None:
        """Have nothing to close."""


async def _run(function: Callable[[], T]) -> T:
    return function()


def test_small_pieces_rarely_ask_the_store_and_none_of_a_day_goes_to_the_next(clock: Clock) -> None:
    store = Counting()
    quotas = quotas_module.Quotas(store, _run)

    async def check() -> None:
        principal.set(Principal("forestry", ("",), quota=Quota(pixels_per_day=1_000_000_000)))
        shares = [await quotas.take("pixels_per_day", 64 * 64) for _ in range(1000)]
        assert len(store.taken) <= 1000 * 64 * 64 / 1_000_000 + 1
        clock.now += timedelta(days=1)
        for share in shares:
            share.give_back()
        await quotas.take("pixels_per_day", 64 * 64)
        assert store.taken[-1].day == clock.now.date()
        assert store.taken[-1].used >= 64 * 64

    asyncio.run(check())


def test_what_a_call_did_not_use_goes_to_the_other_servers_but_for_a_thousandth(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, failing = Counting(), [True]

    def take(usage: Usage, limit: int) -> tuple[bool, int]:
        if usage.used < 0 and failing:
            failing.pop()
            raise StorageUnavailable
        return Counting.take(store, usage, limit)

    monkeypatch.setattr(store, "take", take)
    quotas = quotas_module.Quotas(store, _run)

    async def given_back(share: Share) -> None:
        contextvars.Context().run(share.give_back)  # as from a thread, which knows no caller
        returning = quotas._account("pixels_per_day").returning
        assert returning is not None
        await returning

    async def check() -> None:
        principal.set(Principal("forestry", ("",), quota=Quota(pixels_per_day=10_000)))
        large, small = await quotas.take("pixels_per_day", 5000), await quotas.take("pixels_per_day", 4)
        await given_back(large)
        assert sum(usage.used for usage in store.taken) == 5010, "the store could not be reached"
        assert [standing.used for standing in quotas.standings()] == [4]
        await given_back(small)
        assert sum(usage.used for usage in store.taken) == 10
        assert {usage.tenant for usage in store.taken} == {"forestry"}
        assert [standing.used for standing in quotas.standings()] == [0]
        before = len(store.taken)
        (await quotas.take("pixels_per_day", 10)).give_back()
        await asyncio.sleep(0)
        assert len(store.taken) == before, "small pieces need not ask the store"

    asyncio.run(check())


def test_a_download_that_would_keep_too_much_counts_no_pixels_at_other_servers(
    tenant: Callable[[Quota], Tenant], tmp_path: Path
) -> None:
    forestry = tenant(Quota(pixels_per_day=2 * PIXELS, stored_bytes=1))
    assert "quota stored_bytes" in forestry.create()[2]["error"]["message"]
    usage = SqliteUsageStore(tmp_path / "state" / USAGE)
    until(lambda: [each.used for each in usage.usages(NOON.date())], [0])
    usage.close()


def test_a_call_that_is_cancelled_while_the_store_counts_leaves_its_share_to_the_next(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, begun, goes_on = Counting(), threading.Event(), threading.Event()
    pool = FairPool(1, "files")

    def slowly(usage: Usage, limit: int) -> tuple[bool, int]:
        begun.set()
        assert goes_on.wait(HANG)
        return Counting.take(store, usage, limit)

    monkeypatch.setattr(store, "take", slowly)

    async def run(function: Callable[[], T]) -> T:
        return await asyncio.wrap_future(pool.submit(NOBODY, function))

    quotas = quotas_module.Quotas(store, run)

    async def check() -> None:
        principal.set(Principal("forestry", ("",), quota=Quota(pixels_per_day=500)))
        call = asyncio.ensure_future(quotas.take("pixels_per_day", 100))
        await asyncio.to_thread(begun.wait, HANG)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        goes_on.set()
        await quotas.take("pixels_per_day", 100)
        assert [usage.used for usage in store.taken] == [100]

    asyncio.run(check())
    pool.close()


@pytest.mark.parametrize("is_repeated", [False, True])
def test_a_call_that_is_cancelled_while_it_is_registered_is_counted(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, is_repeated: bool
) -> None:
    begun, goes_on = threading.Event(), threading.Event()

    def register(*_: object) -> Any:
        begun.set()
        assert goes_on.wait(HANG)
        return SimpleNamespace(is_repeated=is_repeated)

    monkeypatch.setattr(registrations, "register", register)
    store = Counting()
    quotas: Any = quotas_module.Quotas(store, _run)
    entered: Any = registrations.Registrations(quotas)

    async def check() -> None:
        principal.set(Principal("forestry", ("",), quota=Quota(pixels_per_day=500)))
        plan = SimpleNamespace(pixels=100, estimated_bytes=0)
        call = asyncio.ensure_future(entered.enter_counted(None, None, plan))
        await asyncio.to_thread(begun.wait, HANG)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        goes_on.set()
        await asyncio.to_thread(entered.queue.close)
        await asyncio.sleep(0)
        if returning := quotas._account("pixels_per_day").returning:
            await returning
        assert [usage.used for usage in store.taken] == ([100, -100] if is_repeated else [100])

    asyncio.run(check())
