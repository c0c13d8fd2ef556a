"""Tenants share what there is by cost, their connections share their part, and nobody waits for ever."""

import threading
from collections import Counter
from collections.abc import Callable
from functools import partial
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from effort import HANG
from rasterwire.download.fair_share import FairPool, FairSlots
from rasterwire.download.queue_delay import QueueDelay
from rasterwire.errors import Overloaded
from rasterwire.render.engine import ThreadEngine, _Lane
from rasterwire.turns import Caller, Turns, acting_for

A, B = Caller("a", "1"), Caller("b", "1")


def dealt(turns: Turns[str], count: int) -> list[str]:
    """Return the next items; each is done before the next one is dealt out."""
    items = []
    for _ in range(count):
        turn = turns.pop()
        assert turn is not None
        turns.leave(turn[0])
        items.append(turn[1])
    return items


def test_a_block_is_next_but_one_behind_a_thousand_of_another_tenant() -> None:
    turns = Turns[str]()
    for _ in range(1000):
        turns.push(A, "a", 1e6)
    assert dealt(turns, 10) == ["a"] * 10
    turns.push(B, "b", 1e6)
    assert "b" in dealt(turns, 2)


def test_many_connections_get_a_tenant_no_more() -> None:
    turns = Turns[str]()
    for number in range(50):
        for _ in range(10):
            turns.push(Caller("a", f"{number}"), "a", 1)
    for _ in range(100):
        turns.push(B, "b", 1)
    assert Counter(dealt(turns, 200)) == {"a": 100, "b": 100}


@pytest.mark.parametrize("tenant", ["", "a"])
def test_connections_that_came_once_are_forgotten(tenant: str) -> None:
    turns = Turns[str]()
    turns.push(Caller(tenant, "stays"), "at work", 1)
    assert turns.pop() is not None
    for number in range(1000):
        turns.push(Caller(tenant, str(number)), "item", 1)
        assert dealt(turns, 1) == ["item"]
    accounts = [turns._groups, *turns._peers.values()]
    assert max(len(account._had) for account in accounts) <= 100


def test_within_a_tenant_each_connection_gets_as_much() -> None:
    turns = Turns[str]()
    for _ in range(1000):
        turns.push(A, "first", 1)
        turns.push(B, "b", 1)
    for _ in range(50):
        turns.push(Caller("a", "2"), "second", 1)
    assert Counter(dealt(turns, 200)) == {"b": 100, "first": 50, "second": 50}


def test_without_tenants_connections_share_as_tenants_do() -> None:
    turns = Turns[str]()
    for _ in range(100):
        turns.push(Caller("", "1"), "first", 4)
        turns.push(Caller("", "2"), "second", 1)
    assert Counter(dealt(turns, 100)) == {"first": 20, "second": 80}


def test_who_wants_nothing_saves_nothing_up() -> None:
    turns = Turns[str]()
    turns.push(B, "b", 1)
    for _ in range(1000):
        turns.push(A, "a", 1)
    dealt(turns, 500)
    for _ in range(500):
        turns.push(B, "b", 1)
    assert Counter(dealt(turns, 100)) == {"a": 50, "b": 50}


def test_a_tenant_of_twice_the_weight_gets_twice_as_much() -> None:
    turns = Turns[str]()
    for _ in range(300):
        turns.push(A, "a", 7)
        turns.push(Caller("b", "1", weight=2), "b", 7)
    assert Counter(dealt(turns, 300)) == {"a": 100, "b": 200}


@given(
    costs=st.lists(st.lists(st.integers(1, 1000), min_size=60, max_size=60), min_size=2, max_size=4),
    weights=st.lists(st.integers(1, 4), min_size=4, max_size=4),
)
def test_shares_differ_by_less_than_two_items_whatever_they_cost(costs: list[list[int]], weights: list[int]) -> None:
    turns = Turns[int]()
    for number, items in enumerate(costs):
        for cost in items:
            turns.push(Caller(f"tenant {number}", "1", weights[number]), cost, cost)
    left = {f"tenant {number}": len(items) for number, items in enumerate(costs)}
    had = dict.fromkeys(left, 0.0)
    most = {f"tenant {n}": max(items) / weights[n] for n, items in enumerate(costs)}
    while all(left.values()):  # as long as all of them want something
        turn = turns.pop()
        assert turn is not None
        caller, cost = turn
        turns.leave(caller)
        left[caller.tenant] -= 1
        had[caller.tenant] += cost / caller.weight
        for one in left:
            for other in left:
                assert had[one] - had[other] <= most[one] + most[other] + 1e-6


@given(
    st.lists(
        st.tuples(st.sampled_from(["push", "pop", "leave", "remove"]), st.integers(0, 2), st.integers(0, 2)),
        max_size=80,
    )
)
def test_each_item_is_dealt_out_once_in_whatever_order_things_happen(steps: list[tuple[str, int, int]]) -> None:
    turns, waiting, at_work = Turns[object](most=lambda caller: 2), list[tuple[Caller, object]](), list[Caller]()
    for step, tenant, peer in steps:
        caller = Caller(f"{tenant}", f"{peer}")
        if step == "push":
            waiting.append((caller, object()))
            turns.push(*waiting[-1], 1 + peer)
        elif step == "pop":
            turn = turns.pop()
            per_tenant = Counter(one.tenant for one in at_work)
            assert (turn is None) == all(per_tenant[one.tenant] >= 2 for one, _ in waiting)
            if turn is not None:
                waiting.remove(turn)
                at_work.append(turn[0])
        elif step == "leave" and at_work:
            turns.leave(at_work.pop())
        elif step == "remove" and waiting:
            turns.remove(*waiting.pop())
        assert (len(turns), turns.running) == (len(waiting), len(at_work))
    assert sorted(map(id, turns.take_all())) == sorted(id(item) for _, item in waiting)


@pytest.mark.parametrize("tenant", ["", "a"])
def test_who_was_served_once_is_served_again_however_many_come_for_the_first_time(tenant: str) -> None:
    turns, again = Turns[str](), Caller(tenant, "again")
    turns.push(again, "first", 1)
    assert dealt(turns, 1) == ["first"]
    for number in range(10):
        turns.push(Caller(tenant, f"{number}"), "another", 1)
    turns.push(again, "second", 1)
    for number in range(10, 50):
        if dealt(turns, 1) == ["second"]:
            return
        turns.push(Caller(tenant, f"{number}"), "another", 1)
    raise AssertionError("newcomers went first for ever")


# -- threads ---------------------------------------------------------------------------------------


def test_a_tenant_leaves_a_thread_to_others_however_many_connections_it_has() -> None:
    turns, gate = FairPool(3, "test"), threading.Event()
    for number in range(20):
        turns.submit(Caller("a", f"{number}"), partial(gate.wait, HANG))
    assert turns.submit(B, lambda: "done").result(HANG) == "done"
    gate.set()
    turns.close()


def test_a_tenant_that_has_too_much_waiting_is_refused_and_others_are_not() -> None:
    turns, gate = FairPool(2, "test", room=FairSlots(8)), threading.Event()
    waiting = [turns.submit(A, partial(gate.wait, HANG)) for _ in range(8)]
    with pytest.raises(Overloaded) as caught:
        turns.submit(A, lambda: True)
    assert caught.value.retry_after > 0
    waiting += [turns.submit(B, lambda: True) for _ in range(2)]
    gate.set()
    assert all(future.result(HANG) for future in waiting)
    turns.submit(A, lambda: True).result(HANG)
    turns.close()


def test_new_work_is_refused_while_what_waits_has_waited_long_and_others_get_in(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now, begun, steps = [0.0], threading.Semaphore(0), threading.Semaphore(0)
    monkeypatch.setattr("rasterwire.download.fair_share.time", SimpleNamespace(perf_counter=lambda: now[0]))
    turns = FairPool(1, "test")

    def work() -> bool:
        begun.release()
        return steps.acquire(timeout=HANG)

    waiting = [turns.submit(A, work) for _ in range(4)]
    for seconds in (0.0, 0.5, 1.1):  # when the first three begin
        now[0] = seconds
        if seconds:
            steps.release()
        assert begun.acquire(timeout=HANG)
        turns.check_delay(A, 1)  # a burst of calls is dealt with
    now[0] = 1.5
    turns.check_delay(A, 2)
    waiting += [turns.submit(A, work) for _ in range(20)]
    with pytest.raises(Overloaded):
        turns.check_delay(A, 20)
    turns.check_delay(B, 2)  # one tenant goes before it, however much that has waiting
    steps.release(len(waiting))
    assert all(future.result(HANG) for future in waiting)
    turns.submit(A, lambda: True).result(HANG)  # which has not waited
    turns.check_delay(A, 0)
    turns.close()


def test_a_queue_that_stood_is_given_less_time_for_a_while() -> None:
    delay = QueueDelay()
    for now, wait, is_standing in [
        (0.0, 0.2, False),
        (0.9, 0.2, False),
        (1.0, 0.2, True),
        (1.1, 0.0, False),
        (1.2, 0.2, False),
        (1.3, 0.2, True),
        (1.4, 0.0, False),
        (20.0, 0.2, False),
        (20.9, 0.2, False),
        (21.0, 0.2, True),
    ]:
        delay.note(now, wait)
        assert delay.is_standing(now) == is_standing, now


def entered(room: FairSlots, caller: Caller, most: int = 100) -> int:
    """Take places until there is none; return how many they were."""
    for count in range(most):
        try:
            room.enter(caller)
        except Overloaded:
            return count
    return most


def test_places_are_kept_for_tenants_that_have_few_and_for_connections_of_one_that_have_none() -> None:
    room = FairSlots(16)
    assert entered(room, A) == 16
    assert [entered(room, Caller("a", f"{number}")) for number in range(2, 9)] == [1, 1, 1, 1, 0, 0, 0]
    assert [entered(room, Caller(name, "1")) for name in "bcd"] == [4, 4, 4]
    assert entered(room, Caller("e", "1")) == 0
    for _ in range(16):
        room.leave(A)
    assert entered(room, A) == 1, "it has none by this connection, and others have as many as anybody may"
    assert room.taken == 17


# -- blocks ----------------------------------------------------------------------------------------


def blocks_in_order(costs: dict[Caller, tuple[int, float]]) -> list[str]:
    """Return whose blocks one thread renders, in their order; it is held until all of them wait."""
    engine, gate, names = ThreadEngine(1), threading.Event(), list[str]()
    first = engine._submit(_Lane(lambda _: gate.wait(HANG)), 0)
    futures = []
    for caller, (count, cost) in costs.items():
        with acting_for(caller):
            lane = _Lane[int, None](partial(lambda name, _: names.append(name), f"{caller.tenant}{caller.peer}"))
            lane.cost = partial(lambda cost, _: cost, cost)
        futures += [engine._submit(lane, number) for number in range(count)]
    gate.set()
    assert first.result(HANG)
    for future in futures:
        future.result(HANG)
    engine.close()
    return names


def test_blocks_of_a_tenant_come_at_once_behind_a_thousand_of_another() -> None:
    large = {Caller("a", f"{number}"): (100, 1e6) for number in range(10)}
    names = blocks_in_order(large | {B: (4, 1e6)})
    assert [index for index, name in enumerate(names) if name == "b1"] == [1, 3, 5, 7]


def test_tenants_share_threads_by_what_their_blocks_cost() -> None:
    names = blocks_in_order({A: (60, 3e6), B: (60, 1e6)})
    assert Counter(names[:40]) == {"a1": 10, "b1": 30}


@pytest.mark.parametrize("tenants", ["ab", "aa"])
def test_maps_know_for_whom_they_are(tenants: str) -> None:
    engine, turns = ThreadEngine(2), FairPool(4, "test")
    seen: list[Caller] = []
    submit: Callable[..., object] = engine._submit

    def noted(lane: _Lane[int, int], item: int) -> object:
        seen.append(lane.caller)
        return submit(lane, item)

    engine._submit = noted  # type: ignore[assignment, method-assign]
    callers = [Caller(tenant, f"{number}") for number, tenant in enumerate(tenants)]
    sums = [turns.submit(caller, lambda: sum(engine.map(int, range(5)))) for caller in callers]
    assert [future.result(HANG) for future in sums] == [10, 10]
    assert Counter(seen) == dict.fromkeys(callers, 5)
    turns.close()
    engine.close()
