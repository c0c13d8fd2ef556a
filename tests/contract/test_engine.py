"""What every engine keeps to."""

import threading
from collections.abc import Iterator

import pytest

from rasterwire.render import Engine
from rasterwire.render.engine import SerialEngine, ThreadEngine


@pytest.fixture(params=[SerialEngine, lambda: ThreadEngine(3)], ids=["serial", "threads"])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    made: Engine = request.param()
    yield made
    if isinstance(made, ThreadEngine):
        made.close()


def test_results_come_in_the_order_of_the_items(engine: Engine) -> None:
    first_may_end = threading.Event()

    def slow_first(n: int) -> int:
        if n == 0 and isinstance(engine, ThreadEngine):
            assert first_may_end.wait(10)
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
    assert list(results) == [] or isinstance(engine, SerialEngine)


def test_no_items_give_no_results(engine: Engine) -> None:
    assert list(engine.map(str, [])) == []
