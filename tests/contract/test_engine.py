"""Tests of the contract of engines."""

import threading
from collections.abc import Generator, Iterator
from typing import cast

import pytest

from effort import HANG
from rasterwire.render import Engine
from rasterwire.render.engine import SerialEngine, ThreadEngine


@pytest.fixture(params=[SerialEngine, lambda: ThreadEngine(3)], ids=["serial", "threads"])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    instance: Engine = request.param()
    yield instance
    if isinstance(instance, ThreadEngine):
        instance.close()


def test_results_come_in_the_order_of_the_items(engine: Engine) -> None:
    first_may_end = threading.Event()

    def slow_first(n: int) -> int:
        if n == 0 and isinstance(engine, ThreadEngine):
            assert first_may_end.wait(HANG)
        first_may_end.set()
        return n

    assert list(engine.map(slow_first, range(1, 20))) == list(range(1, 20))
    assert list(engine.map(slow_first, range(20))) == list(range(20))


def test_no_more_than_a_few_results_wait(engine: Engine) -> None:
    begun: list[int] = []

    def note(n: int) -> int:
        begun.append(n)
        return n

    results = engine.map(note, range(1000))
    next(results)
    assert len(begun) <= 6


def test_the_first_error_comes_in_place_of_its_result(engine: Engine) -> None:
    results = engine.map(lambda n: 10 // n, [5, 2, 0, 1])
    assert [next(results), next(results)] == [2, 5]
    with pytest.raises(ZeroDivisionError):
        next(results)
    assert list(results) == []


def test_no_items_give_no_results(engine: Engine) -> None:
    assert list(engine.map(str, [])) == []


def test_closing_drops_what_has_not_begun(engine: Engine) -> None:
    begun: list[int] = []
    go = threading.Event()

    def wait(n: int) -> int:
        begun.append(n)
        assert n == 0 or isinstance(engine, SerialEngine) or go.wait(HANG)
        return n

    results = engine.map(wait, range(1000))
    assert next(results) == 0
    cast(Generator[int, None, None], results).close()
    go.set()
    assert list(results) == []
    assert list(engine.map(str, [1, 2])) == ["1", "2"]  # while others still run
    assert len(begun) <= 5


def test_nothing_runs_before_the_first_result_is_asked_for(engine: Engine) -> None:
    begun: list[int] = []
    cast(Generator[None, None, None], engine.map(begun.append, range(3))).close()
    assert begun == []


def test_an_error_ends_the_iteration_and_is_the_same_object(engine: Engine) -> None:
    error = KeyError("of the item")
    begun: list[int] = []

    def fail(n: int) -> int:
        begun.append(n)
        if n == 2:
            raise error
        return n

    results = engine.map(fail, range(1000))
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(KeyError) as raised:
        next(results)
    assert raised.value is error
    assert list(results) == []
    assert len(begun) <= 7


def test_an_error_of_the_items_comes_through(engine: Engine) -> None:
    def items() -> Iterator[int]:
        yield 1
        raise OSError("no more")

    with pytest.raises(OSError, match="no more"):
        list(engine.map(str, items()))


def test_two_maps_at_once_do_not_wait_for_each_other(engine: Engine) -> None:
    first, second = engine.map(str, range(50)), engine.map(str, range(50, 100))
    pairs = list(zip(first, second, strict=True))
    assert pairs == [(str(n), str(n + 50)) for n in range(50)]


def test_a_check_ends_the_wait_for_a_result_that_takes_long() -> None:
    engine, may_end = ThreadEngine(2), threading.Event()
    checked: list[int] = []

    def check() -> None:
        checked.append(1)
        if len(checked) > 4:  # two items began by then
            raise InterruptedError

    results = engine.map(lambda _: may_end.wait(HANG), range(5), check=check)
    with pytest.raises(InterruptedError):
        next(results)
    assert not may_end.is_set()
    may_end.set()
    engine.close()
