"""Renders: sharing, counting and stopping."""

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest
import rasterio
from affine import Affine

from effort import HANG
from rasterwire.budget import current
from rasterwire.catalog.folder import FolderCatalog
from rasterwire.download.renders import Renders
from rasterwire.errors import Overloaded, RenderCancelled
from rasterwire.plan import Limits, RenderPlan, make_plan
from rasterwire.request import BandRequest, DownloadRequest, Format, GridSpec
from rasterwire.server.stream_job import StreamJob
from rasterwire.store.artifacts import FolderArtifactStore

A = TypeVar("A")
B = TypeVar("B")


class GatedEngine:
    """An engine that starts items when its gate is open, and counts the calls of map."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.begun = threading.Event()
        self.maps = 0

    def map(self, function: Callable[[A], B], items: Iterable[A]) -> Iterator[B]:
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
