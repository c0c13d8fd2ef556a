"""What every engine does alike: order, bounded results, errors, and who has turns."""

import itertools
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from dask_workers import local_workers
from effort import HANG
from engine_tasks import Failing, Gated, Uneven, begun, open_gate
from rasterwire.errors import RenderCancelled, SourceUnavailable
from rasterwire.render import Engine
from rasterwire.render.engine import SerialEngine, ThreadEngine
from rasterwire.turns import Caller, acting_for
from waiting import until

WORKERS = 2


@pytest.fixture(scope="module", params=["serial", "threads", "dask"])
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    match request.param:
        case "serial":
            yield SerialEngine()
        case "threads":
            with closing(ThreadEngine(WORKERS)) as threads:
                yield threads
        case _:
            with local_workers(tmp_path_factory.mktemp("workers"), WORKERS) as workers:
                yield workers.engine


def test_results_have_the_order_of_the_items(engine: Engine) -> None:
    assert list(engine.map(Uneven(), range(24))) == [number * number for number in range(24)]
    assert list(engine.map(Uneven(), [])) == []
    assert list(engine.map(Uneven(), [7])) == [49]


def test_few_items_are_taken_before_their_results_are(engine: Engine) -> None:
    endless = itertools.count()
    results = engine.map(Uneven(), endless)
    assert [next(results) for _ in range(10)] == [number * number for number in range(10)]
    assert next(endless) <= 10 + 4 * WORKERS


def closed(results: Iterator[int]) -> None:
    results.close()  # type: ignore[attr-defined]


def test_items_that_did_not_begin_are_dropped(engine: Engine, tmp_path: Path) -> None:
    results = engine.map(Gated(tmp_path), range(30))
    assert next(results) == 0
    closed(results)
    open_gate(tmp_path)
    assert list(engine.map(Uneven(), range(20)))[-1] == 361  # behind all that was sent before
    assert len(begun(tmp_path)) < 12


def test_the_first_error_is_raised_in_place_of_its_result_with_all_that_it_says(engine: Engine) -> None:
    results = engine.map(Failing(3), range(20))
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(SourceUnavailable) as caught:
        next(results)
    error = caught.value
    assert (error.image_id, error.band, error.problem) == ("scene", "B1", "number 3 is bad")
    assert next(results, None) is None


def test_nothing_begins_after_a_check_failed(engine: Engine, tmp_path: Path) -> None:
    def check() -> None:
        raise RenderCancelled

    with pytest.raises(RenderCancelled):
        next(engine.map(Gated(tmp_path), range(5), None, check))
    assert begun(tmp_path) == []


def test_tenants_share_by_cost(engine: Engine, tmp_path: Path) -> None:
    if isinstance(engine, SerialEngine):
        pytest.skip("one thread at a time runs there")

    def run(caller: Caller, task: Gated, count: int, cost: Callable[[int], float]) -> list[int]:
        with acting_for(caller):
            return list(engine.map(task, range(count), cost))

    with ThreadPoolExecutor(2) as pool:
        many = pool.submit(run, Caller("a", "1"), Gated(tmp_path, 0, "a"), 40, lambda _: 5.0)
        until(lambda: len(begun(tmp_path)), WORKERS)
        waiting = len(engine._turns)  # type: ignore[attr-defined]
        few = pool.submit(run, Caller("b", "2"), Gated(tmp_path, 0, "b"), 4, lambda _: 5.0)
        until(lambda: len(engine._turns) > waiting, True)  # type: ignore[attr-defined]
        open_gate(tmp_path)
        assert few.result(HANG) == [0, 1, 2, 3]
        assert many.result(HANG) == [*range(40)]
    order = begun(tmp_path)
    assert max(order.index(f"b{number}") for number in range(4)) < 25


def test_several_maps_at_once_give_all_their_results(engine: Engine) -> None:
    begin = threading.Barrier(4)

    def run(count: int) -> list[int]:
        begin.wait(HANG)
        return list(engine.map(Uneven(), range(count)))

    with ThreadPoolExecutor(4) as pool:
        for count, found in zip((2, 5, 9, 14), pool.map(run, (2, 5, 9, 14)), strict=True):
            assert found == [number * number for number in range(count)]
