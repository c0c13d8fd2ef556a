"""Renders: sharing, counting and stopping."""

import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest
import rasterio
from affine import Affine

from effort import HANG
from rasterwire.budget import current
from rasterwire.catalog.folder import FolderCatalog
from rasterwire.download.held_leases import HeldLeases
from rasterwire.download.renders import Renders
from rasterwire.errors import Overloaded, RenderCancelled, StorageUnavailable
from rasterwire.plan import Limits, RenderPlan, make_plan
from rasterwire.request import BandRequest, DownloadRequest, Format, GridSpec
from rasterwire.server.stream_job import StreamJob
from rasterwire.store import Lease
from rasterwire.store.artifacts import FolderArtifactStore
from rasterwire.store.leases import SqliteLeases

A = TypeVar("A")
B = TypeVar("B")


class GatedEngine:
    """An engine that starts items when its gate is open, and counts the calls of map."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.begun = threading.Event()
        self.maps = 0

    def map(
        self,
        function: Callable[[A], B],
        items: Iterable[A],
        cost: Callable[[A], float] | None = None,
        check: Callable[[], None] | None = None,
    ) -> Iterator[B]:
        self.maps += 1
        self.begun.set()
        assert self.gate.wait(HANG)
        return map(function, items)


@pytest.fixture
def plans(tmp_path: Path) -> Callable[[int], RenderPlan]:
    path = tmp_path / "catalog" / "a.tif"
    path.parent.mkdir()
    profile = {"driver": "GTiff", "width": 600, "height": 600, "count": 1, "dtype": "uint8", "crs": "EPSG:32610"}
    with rasterio.open(path, "w", transform=Affine(10, 0, 0, 0, -10, 0), **profile) as raster:
        raster.write(np.ones((1, 600, 600), "uint8"))
    image = FolderCatalog(path.parent).get("a")

    def plan(size: int) -> RenderPlan:
        request = DownloadRequest(
            "a", bands=(BandRequest("B1"),), grid=GridSpec(dimensions=(size,)), format=Format.GEO_TIFF
        )
        return make_plan(request, image, Limits())

    return plan


def renders(tmp_path: Path, engine: GatedEngine, most: int = 1) -> Renders:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    return Renders(engine, FolderArtifactStore(tmp_path / "cache", 1 << 30), scratch, most)


def test_many_readers_of_one_file_cause_one_render(tmp_path: Path, plans: Callable[[int], RenderPlan]) -> None:
    engine = GatedEngine()
    service = renders(tmp_path, engine)
    joined = [service.join(plans(300)) for _ in range(10)]
    engine.gate.set()
    assert len({id(render) for render in joined}) == 1
    assert len({render.result.result(30) for render in joined}) == 1
    assert engine.maps == 1
    service.close()


def test_a_render_ends_when_its_last_reader_leaves(tmp_path: Path, plans: Callable[[int], RenderPlan]) -> None:
    engine = GatedEngine()
    service = renders(tmp_path, engine)
    first, second = service.join(plans(300)), service.join(plans(300))
    assert engine.begun.wait(HANG)
    service.leave(first)
    service.leave(second)
    engine.gate.set()
    with pytest.raises(RenderCancelled):
        first.result.result(30)
    service.close()
    assert list((tmp_path / "cache").iterdir()) == []
    assert list((tmp_path / "scratch").iterdir()) == []


def test_a_render_goes_on_while_one_reader_stays(tmp_path: Path, plans: Callable[[int], RenderPlan]) -> None:
    engine = GatedEngine()
    service = renders(tmp_path, engine)
    first, second = service.join(plans(300)), service.join(plans(300))
    service.leave(first)
    engine.gate.set()
    assert second.result.result(30).size > 0
    assert second.blocks_done == second.blocks_total
    service.close()


def test_a_reader_who_comes_after_the_last_one_left_gets_a_render_of_its_own(
    tmp_path: Path, plans: Callable[[int], RenderPlan]
) -> None:
    engine = GatedEngine()
    service = renders(tmp_path, engine)
    service.leave(service.join(plans(300)))
    late = service.join(plans(300))
    engine.gate.set()
    assert late.result.result(30).size > 0
    service.close()


def test_more_renders_than_the_server_takes_are_told_to_come_back(
    tmp_path: Path, plans: Callable[[int], RenderPlan]
) -> None:
    engine = GatedEngine()
    service = renders(tmp_path, engine, most=1)
    joined = [service.join(plans(100 + i)) for i in range(4)]
    with pytest.raises(Overloaded):
        service.join(plans(200))
    assert service.join(plans(100)) is joined[0]
    engine.gate.set()
    service.close()


def test_a_stream_that_nobody_wants_ends_while_it_is_planned(tmp_path: Path) -> None:
    planning = threading.Event()

    def plan() -> RenderPlan:
        planning.set()
        budget = current()
        while True:
            budget.check()  # as each function of an expression does

    job = StreamJob(plan, renders(tmp_path, GatedEngine()), tmp_path)
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(job.run)
        assert planning.wait(HANG)
        job.stop()
        with pytest.raises(RenderCancelled):
            future.result(30)


def test_the_cache_is_trimmed_once_the_readers_have_their_file(
    tmp_path: Path, plans: Callable[[int], RenderPlan], caplog: pytest.LogCaptureFixture
) -> None:
    trimmed = threading.Event()

    class Store(FolderArtifactStore):
        def trim(self, newest: str) -> None:
            assert render.result.result(30) == self.find(newest)
            trimmed.set()
            raise OSError("no such disk")

    engine = GatedEngine()
    service = Renders(engine, Store(tmp_path / "cache", 1 << 20), tmp_path, 1)
    render = service.join(plans(100))
    engine.gate.set()
    assert render.result.result(30).size > 0
    service.leave(render)
    service.close()
    assert trimmed.is_set()
    assert "the cache could not be trimmed: no such disk" in caplog.text


@pytest.fixture
def processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[GatedEngine], Renders]]:
    """Return a function that makes the renders of another process, which shares rendered files and leases."""
    monkeypatch.setattr("rasterwire.download.render_sizes._SMALL", 0)
    folders = (tmp_path / f"scratch-{n}" for n in range(9))
    with ExitStack() as stack:

        def begin(engine: GatedEngine) -> Renders:
            leases = HeldLeases(SqliteLeases(tmp_path / "leases.sqlite"), "test")
            artifacts = FolderArtifactStore(tmp_path / "cache", 1 << 30)
            return stack.enter_context(closing(Renders(engine, artifacts, next(folders), 1, leases)))

        yield begin


def test_processes_that_share_files_render_one_once(
    plans: Callable[[int], RenderPlan], processes: Callable[[GatedEngine], Renders]
) -> None:
    engines = [GatedEngine(), GatedEngine()]
    services = [processes(engine) for engine in engines]
    first = services[0].join(plans(300))
    assert engines[0].begun.wait(HANG)
    second = services[1].join(plans(300))
    other = services[1].join(plans(200))  # waiting keeps nobody from rendering
    assert engines[1].begun.wait(HANG)
    for engine in engines:
        engine.gate.set()
    assert other.result.result(HANG).size > 0
    assert second.result.result(HANG) == first.result.result(HANG)
    assert [engine.maps for engine in engines] == [1, 1]


def test_a_render_whose_process_died_is_taken_over_when_its_lease_ends(
    tmp_path: Path,
    plans: Callable[[int], RenderPlan],
    processes: Callable[[GatedEngine], Renders],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    refusals, acquire = threading.Semaphore(0), SqliteLeases.acquire

    def noted(leases: SqliteLeases, key: str, owner: str, seconds: float) -> Lease | None:
        lease = acquire(leases, key, owner, seconds)
        if lease is None:
            refusals.release()
        return lease

    monkeypatch.setattr(SqliteLeases, "acquire", noted)
    with closing(SqliteLeases(tmp_path / "leases.sqlite")) as dead:
        lease = dead.acquire(plans(300).etag, "dead", 3600)
        assert lease is not None
        dead.renew(plans(300).etag, lease.fence, 3600, 1.0)
    engine = GatedEngine()
    engine.gate.set()
    render = processes(engine).join(plans(300))
    for _ in range(3):
        assert refusals.acquire(timeout=HANG)
    assert engine.maps == 0
    assert render.blocks_done == render.blocks_total > 0, "what the other told of"
    with closing(sqlite3.connect(tmp_path / "leases.sqlite")) as connection, connection:
        connection.execute("UPDATE leases SET until = until - 3601")
    assert render.result.result(HANG).size > 0
    assert render.blocks_done == render.blocks_total, "they are counted anew"


def test_who_waits_for_another_process_may_leave(
    tmp_path: Path, plans: Callable[[int], RenderPlan], processes: Callable[[GatedEngine], Renders]
) -> None:
    with closing(SqliteLeases(tmp_path / "leases.sqlite")) as other:
        for size in (200, 300):
            assert other.acquire(plans(size).etag, "other", 3600) is not None
    service = processes(GatedEngine())
    render, patient = service.join(plans(300)), service.join(plans(200))
    service.leave(render)
    with pytest.raises(RenderCancelled):
        render.result.result(HANG)
    service.close()
    with pytest.raises(RenderCancelled):
        patient.result.result(HANG)


def test_a_lease_is_let_go_when_a_render_fails(
    tmp_path: Path, plans: Callable[[int], RenderPlan], processes: Callable[[GatedEngine], Renders]
) -> None:
    engine = GatedEngine()
    service = processes(engine)
    render = service.join(plans(300))
    assert engine.begun.wait(HANG)
    service.leave(render)  # nobody wants it any more
    engine.gate.set()
    with pytest.raises(RenderCancelled):
        render.result.result(HANG)
    with closing(SqliteLeases(tmp_path / "leases.sqlite")) as other:
        assert other.acquire(plans(300).etag, "other", 60) is not None


def test_renders_go_on_without_leases_where_these_cannot_be_reached(
    plans: Callable[[int], RenderPlan],
    processes: Callable[[GatedEngine], Renders],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def away(*_: object) -> None:
        raise StorageUnavailable

    monkeypatch.setattr(SqliteLeases, "acquire", away)
    engine = GatedEngine()
    engine.gate.set()
    assert processes(engine).join(plans(300)).result.result(HANG).size > 0
