"""A caller with large work does not delay the small work of others."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
import rasterio
from affine import Affine

from rasterwire.catalog.folder import FolderCatalog
from rasterwire.download import NO_METER, Downloads, Render, Renders, block_task, render_sizes
from rasterwire.download.fair_share import FairPool, FairSlots
from rasterwire.errors import Overloaded, RenderCancelled
from rasterwire.pixels import Pixels, Window
from rasterwire.plan import Limits, RenderPlan, make_plan
from rasterwire.plan.types import RasterPlan
from rasterwire.render.block import render_block
from rasterwire.render.engine import _YOUNG, ThreadEngine, _Lane
from rasterwire.request import BandRequest, DownloadRequest, Format, GridSpec
from rasterwire.server import service as service_module
from rasterwire.server.evaluations import Evaluations
from rasterwire.server.messages.parsed_request import ParsedRequest
from rasterwire.server.planning import plan_request
from rasterwire.server.settings import Settings
from rasterwire.store.artifacts import FolderArtifactStore
from rasterwire.turns import Caller
from rasterwire.v1 import download_pb2, download_service_pb2, download_service_pb2_grpc
from serving import served

SECONDS = 60  # a guard against hangs; no result depends on it


class Log:
    """Records names in order."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def note(self, name: str) -> Callable[[], str]:
        def work() -> str:
            self.names.append(name)
            return name

        return work


def peer(name: str) -> Caller:
    """Return a connection to a server that knows no tenants."""
    return Caller("", name)


def held(turns: FairPool, caller: Caller) -> tuple[threading.Event, threading.Event]:
    """Submit work that runs until an event is set; return the event of its start and that event."""
    begun, gate = threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        assert gate.wait(SECONDS)

    turns.submit(caller, work)
    return begun, gate


def test_peers_take_turns_however_much_one_of_them_wants() -> None:
    turns, log = FairPool(1, "test"), Log()
    begun, gate = held(turns, peer("a"))
    assert begun.wait(SECONDS)
    waiting = [turns.submit(peer("a"), log.note(f"a{n}")) for n in range(50)]
    waiting += [turns.submit(peer(name), log.note(f"{name}{n}")) for n in range(2) for name in "bc"]
    gate.set()
    assert [future.result(SECONDS) for future in waiting]
    assert log.names[:6] == ["b0", "c0", "a0", "b1", "c1", "a1"]
    turns.close()


def test_a_peer_leaves_a_thread_to_others() -> None:
    turns, log = FairPool(3, "test", most_a_peer=2), Log()
    holds = [held(turns, peer("a")) for _ in range(5)]
    assert all(begun.wait(SECONDS) for begun, _ in holds[:2])
    assert turns.submit(peer("b"), log.note("b")).result(SECONDS) == "b"
    assert not any(begun.is_set() for begun, _ in holds[2:])
    for _, gate in holds:
        gate.set()
    assert all(begun.wait(SECONDS) for begun, _ in holds)
    turns.close()


def test_work_that_is_cancelled_before_its_turn_is_never_done_and_errors_reach_who_waits() -> None:
    turns, log = FairPool(1, "test"), Log()
    begun, gate = held(turns, peer("a"))
    assert begun.wait(SECONDS)
    dropped, failing = turns.submit(peer("a"), log.note("dropped")), turns.submit(peer("a"), lambda: 1 // 0)
    last = turns.submit(peer("a"), log.note("last"))
    assert dropped.cancel()
    gate.set()
    with pytest.raises(ZeroDivisionError):
        failing.result(SECONDS)
    assert last.result(SECONDS) == "last"
    assert log.names == ["last"]
    turns.close()


def test_closing_drops_what_waits() -> None:
    turns, log = FairPool(1, "test"), Log()
    begun, gate = held(turns, peer("a"))
    assert begun.wait(SECONDS)
    waiting = turns.submit(peer("b"), log.note("b"))
    threading.Thread(target=turns.close).start()
    waiting.add_done_callback(lambda _: gate.set())
    assert gate.wait(SECONDS)
    assert waiting.cancelled()
    assert log.names == []


def test_a_full_room_has_a_place_for_who_has_none() -> None:
    room = FairSlots(3)
    for _ in range(3):
        room.enter(peer("a"))
    with pytest.raises(Overloaded):
        room.enter(peer("a"))
    for name in "bcd":
        room.enter(peer(name))
        with pytest.raises(Overloaded):
            room.enter(peer(name))
    with pytest.raises(Overloaded):
        room.enter(peer("e"))
    room.leave(peer("a"))
    room.enter(peer("e"))
    assert room.taken == 6


def test_blocks_of_small_renders_go_before_those_of_large_ones_and_do_not_starve_them() -> None:
    engine, gate, names = ThreadEngine(1), threading.Event(), list[str]()
    first = engine._submit(_Lane(lambda _: gate.wait(SECONDS)), 0)
    large = _Lane[int, None](lambda _: names.append("large"))
    large.started = _YOUNG  # it had as many as count as small
    futures = [engine._submit(large, n) for n in range(12)]
    for name in "abcd":
        small = _Lane[int, None](partial(lambda name, _: names.append(name), name))
        futures += [engine._submit(small, n) for n in range(3)]
    gate.set()
    assert first.result(SECONDS)
    for future in futures:
        future.result(SECONDS)
    assert [name for name in names if name != "large"] == list("abcdabcdabcd")
    assert names[:16].count("large") == 4
    assert names[16:] == ["large"] * 8
    engine.close()


def test_a_map_that_is_closed_with_its_engine_does_not_wait_for_ever() -> None:
    engine, begun, gate = ThreadEngine(1), threading.Event(), threading.Event()

    def work(_: int) -> None:
        begun.set()
        assert gate.wait(SECONDS)

    first, second = (engine._submit(_Lane(work), n) for n in range(2))
    assert begun.wait(SECONDS)
    second.add_done_callback(lambda _: gate.set())
    engine.close()
    assert second.cancelled()
    assert first.done()


# -- renders -------------------------------------------------------------------------------------


class Gate:
    """Lets small rasters be rendered at once, and others when it is open."""

    def __init__(self) -> None:
        self.is_open = threading.Event()
        self.begun = threading.Semaphore(0)

    def __call__(self, raster: RasterPlan, window: Window) -> tuple[Pixels, ...]:
        if int(raster.grid.shape[1]) > 100:
            self.begun.release()
            assert self.is_open.wait(SECONDS)
        return render_block(raster, window)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    gate = Gate()
    monkeypatch.setattr(block_task, "render_block", gate)
    monkeypatch.setattr(render_sizes, "_SMALL", 600 * 600 + 50 * 50 * 2)  # all of the raster is read
    yield gate
    gate.is_open.set()


@pytest.fixture
def catalog(tmp_path: Path) -> Path:
    folder = tmp_path / "catalog"
    folder.mkdir()
    profile = {"driver": "GTiff", "width": 600, "height": 600, "count": 1, "dtype": "uint8", "crs": "EPSG:32610"}
    with rasterio.open(folder / "a.tif", "w", transform=Affine(10, 0, 0, 0, -10, 0), **profile) as raster:
        raster.write(np.ones((1, 600, 600), "uint8"))
    return folder


def plan_of(catalog: Path, size: int) -> RenderPlan:
    request = DownloadRequest(
        "a", bands=(BandRequest("B1"),), grid=GridSpec(dimensions=(size,)), format=Format.GEO_TIFF
    )
    return make_plan(request, FolderCatalog(catalog).get("a"), Limits())


@pytest.fixture
def renders(tmp_path: Path, catalog: Path, gate: Gate) -> Iterator[Renders]:
    engine = ThreadEngine(8)
    instance = Renders(engine, FolderArtifactStore(tmp_path / "cache", 1 << 30), tmp_path / "scratch", 3)
    yield instance
    gate.is_open.set()
    instance.close()
    engine.close()


def test_small_renders_and_those_of_others_go_on_beside_large_ones(catalog: Path, gate: Gate, renders: Renders) -> None:
    huge = [renders.join(plan_of(catalog, 500 + n), peer("a")) for n in range(8)]
    for _ in range(2):
        assert gate.begun.acquire(timeout=SECONDS)
    for name in "ab":
        small = renders.join(plan_of(catalog, 50 if name == "a" else 45), peer(name))
        assert small.result.result(SECONDS).size > 0
    renders.join(plan_of(catalog, 400), peer("b"))
    assert gate.begun.acquire(timeout=SECONDS), "a thread was left to others"
    assert not any(render.result.done() for render in huge)


def test_a_full_server_takes_a_render_of_who_has_none(catalog: Path, gate: Gate, renders: Renders) -> None:
    for n in range(12):
        renders.join(plan_of(catalog, 300 + n), peer("a"))
    with pytest.raises(Overloaded):
        renders.join(plan_of(catalog, 200), peer("a"))
    assert renders.join(plan_of(catalog, 200), peer("b")).readers == 1
    small = renders.join(plan_of(catalog, 50), peer("a"))
    assert small.result.result(SECONDS).size > 0, "small ones have room of their own"


def test_a_render_that_nobody_wants_gives_its_place_back_before_its_turn(
    catalog: Path, gate: Gate, renders: Renders
) -> None:
    joined = [renders.join(plan_of(catalog, 300 + n), peer("a")) for n in range(12)]
    renders.leave(joined[-1])
    with pytest.raises(RenderCancelled):
        joined[-1].result.result(SECONDS)
    assert renders.join(plan_of(catalog, 200), peer("a")).readers == 1


# -- the server ----------------------------------------------------------------------------------


def channel(address: str) -> grpc.Channel:
    """Return a channel with its own connection."""
    return grpc.insecure_channel(address, options=[("grpc.use_local_subchannel_pool", 1)])


def params(size: int, format_: "download_pb2.Format.ValueType" = download_pb2.FORMAT_NPY) -> Any:
    return download_pb2.DownloadParams(image="a", dimensions=[size], format=format_)


def test_a_tiny_request_is_served_while_another_connection_has_many_huge_ones(
    tmp_path: Path, catalog: Path, gate: Gate
) -> None:
    with (
        served(Settings(catalog, grpc_port=0, http_port=-1, state_dir=tmp_path / "state")) as server,
        channel(server.address) as greedy,
    ):
        stub = download_service_pb2_grpc.DownloadServiceStub(greedy)
        calls: list[Any] = []
        for n in range(6):
            request = download_service_pb2.StreamDownloadRequest(params=params(300 + n))
            calls.append(stub.StreamDownload(request, timeout=SECONDS))
            download = stub.CreateDownload(
                download_service_pb2.CreateDownloadRequest(params=params(400 + n)), timeout=SECONDS
            ).download_id
            read_request = download_service_pb2.ReadDownloadRequest(name=download.name, token=download.token)
            calls.append(stub.ReadDownload(read_request, timeout=SECONDS))
        assert gate.begun.acquire(timeout=SECONDS)
        assert server.stream(params(40))[0]
        assert server.read(server.create(params(50)).download_id)
        for call in calls:
            call.cancel()
        gate.is_open.set()


def test_a_call_whose_deadline_passed_stops_its_work(
    tmp_path: Path, catalog: Path, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped, stop = threading.Semaphore(0), Render.stop

    def noted(render: Render) -> None:
        stop(render)
        stopped.release()

    monkeypatch.setattr(Render, "stop", noted)
    with served(Settings(catalog, grpc_port=0, http_port=-1, state_dir=tmp_path / "state", max_renders=1)) as server:
        download = server.create(params(300, download_pb2.FORMAT_GEO_TIFF)).download_id
        request = download_service_pb2.ReadDownloadRequest(name=download.name, token=download.token)
        begun = server.downloads.ReadDownload(request, timeout=1)
        assert gate.begun.acquire(timeout=SECONDS)
        with pytest.raises(grpc.RpcError) as caught:
            list(begun)
        assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        assert stopped.acquire(timeout=SECONDS)
        streamed = server.downloads.StreamDownload(
            download_service_pb2.StreamDownloadRequest(params=params(200)), timeout=1
        )
        with pytest.raises(grpc.RpcError) as caught:
            list(streamed)
        assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        gate.is_open.set()
        assert server.stream(params(210))[0], "the only place is free again"


def test_a_plan_of_a_mosaic_comes_while_graphs_are_at_work(
    tmp_path: Path, catalog: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_work, go = threading.Event(), threading.Event()
    plan = plan_request

    def slow(downloads: Downloads, request: ParsedRequest, *, is_measured: bool = True) -> RenderPlan:
        if request.params.WhichOneof("source") == "expression":
            at_work.set()
            assert go.wait(SECONDS)
        return plan(downloads, request, is_measured=is_measured)

    monkeypatch.setattr(service_module, "plan_request", slow)
    graph = download_pb2.DownloadParams()
    graph.expression.result = "0"
    mosaic = download_pb2.DownloadParams(crs="EPSG:32610", crs_transform=[10, 0, 0, 0, -10, 0], dimensions=[10, 10])
    mosaic.mosaic.images.ids.append("a")
    with (
        served(Settings(catalog, grpc_port=0, http_port=-1, state_dir=tmp_path / "state")) as server,
        channel(server.address) as greedy,
    ):
        stub = download_service_pb2_grpc.DownloadServiceStub(greedy)
        request = download_service_pb2.PlanDownloadRequest(params=graph)
        calls = [stub.PlanDownload.future(request, timeout=SECONDS) for _ in range(40)]
        assert at_work.wait(SECONDS)
        for query in (mosaic, params(40)):
            answer = server.downloads.PlanDownload(
                download_service_pb2.PlanDownloadRequest(params=query), timeout=SECONDS
            )
            assert answer.plan.rasters
        assert not any(call.done() for call in calls)
        go.set()


def test_an_evaluation_that_nobody_waits_for_gives_its_place_back_before_its_turn() -> None:
    evaluations = Evaluations(1, NO_METER)
    begun, go, log = threading.Event(), threading.Event(), Log()

    def busy() -> None:
        begun.set()
        assert go.wait(SECONDS)

    async def check() -> None:
        first = asyncio.create_task(evaluations.computed(busy))
        await asyncio.to_thread(begun.wait, SECONDS)
        second = asyncio.create_task(evaluations.computed(log.note("second")))
        await asyncio.sleep(0)  # it starts, and takes its slot
        assert evaluations.taken == 2
        second.cancel()
        with pytest.raises(asyncio.CancelledError):
            await second
        assert evaluations.taken == 1
        go.set()
        await first

    asyncio.run(check())
    evaluations.close()
    assert log.names == []
