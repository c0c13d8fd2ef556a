"""Turns of those who want more than there is: tenants share by cost, and within a tenant its connections do.

This is deficit round robin whose quanta are as small as can be: who was served owes the cost of it, and the next one is
who owes least. Whoever wants nothing for a while saves nothing up. No clock is read.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Generic, NamedTuple, Protocol, TypeVar

__all__ = ["NOBODY", "Caller", "Queue", "Turns", "acting_for", "current_caller"]

T = TypeVar("T")

_MAX_IDLE = 64
"""Accounts of those who want nothing that are kept before they are looked through."""


class Caller(NamedTuple):
    """For whom work is done.

    Attributes:
        tenant: its name; "" where the server knows no tenants.
        peer: the connection, "" where there is none.
        weight: of the tenant; one of twice the weight gets twice as much.
    """

    tenant: str
    peer: str
    weight: int = 1

    @property
    def group(self) -> str:
        """Who shares with others: a tenant, or a connection where the server knows no tenants."""
        return self.tenant or self.peer


NOBODY = Caller("", "")
"""For whom the server works by itself."""

_current: ContextVar[Caller] = ContextVar("caller", default=NOBODY)


@contextmanager
def acting_for(caller: Caller) -> Iterator[None]:
    """Let what is done within the block be done for a caller."""
    token = _current.set(caller)
    try:
        yield
    finally:
        _current.reset(token)


def current_caller() -> Caller:
    """Return for whom this thread works."""
    return _current.get()


class Queue(Protocol[T]):
    """What waits of one connection."""

    def append(self, item: T, /) -> None:
        """Add an item."""
        ...

    def popleft(self) -> T:
        """Take the item that is next."""
        ...

    def __len__(self) -> int:
        """Return how many wait."""
        ...


class _Accounts:
    """What each of several has had so far, in one unit."""

    def __init__(self) -> None:
        self._level = 0.0
        self._had: dict[str, float] = {}

    def open(self, name: str) -> None:
        """Let one begin, who has had no less than who was served last."""
        self._had[name] = max(self._level, self._had.get(name, 0.0))

    def had(self, name: str) -> float:
        """Return what one has had."""
        return self._had[name]

    def charge(self, name: str, cost: float, sharing: int) -> None:
        """Say that one gets something, of so many who want something."""
        # who comes later begins where all of these stand by then, or newcomers would go before who was served once
        self._level = max(self._level + cost / (sharing + 1), self._had[name])
        self._had[name] += cost

    def forget(self, wanting: dict[str, T]) -> None:
        """Forget those who want nothing, but for some who owe most, once they are many."""
        if len(self._had) > len(wanting) + _MAX_IDLE:
            # of connections that each come once, all owe something: what is owed alone bounds nothing
            idle = [name for name, had in self._had.items() if name not in wanting and had > self._level]
            kept = set(sorted(idle, key=self._had.__getitem__, reverse=True)[: _MAX_IDLE // 2])
            self._had = {name: had for name, had in self._had.items() if name in wanting or name in kept}


class Turns(Generic[T]):
    """Work that waits, dealt out so that each tenant gets the same cost, and of it each of its connections.

    Where the server knows no tenants, connections share as tenants do. Not safe to use from several threads.

    Attributes:
        running: items that are at work.
    """

    def __init__(
        self,
        make_queue: Callable[[], Queue[tuple[T, float]]] = deque,
        most: Callable[[Caller], int | None] = lambda _: None,
    ) -> None:
        """Begin without work.

        Args:
            make_queue: makes what keeps the items of one connection, with their costs.
            most: how many items of a tenant may be at work at once; None for any number.
        """
        self._make_queue = make_queue
        self._most = most
        self._waiting: dict[str, dict[str, Queue[tuple[T, float]]]] = {}  # by group and connection
        self._callers: dict[str, Caller] = {}
        self._groups = _Accounts()
        self._peers: dict[str, _Accounts] = {}
        self._running_by_group: Counter[str] = Counter()
        self._count = 0
        self.running = 0

    def __len__(self) -> int:
        """Return how many items wait."""
        return self._count

    def ahead_of(self, caller: Caller) -> int:
        """Return how many items of others a new one would wait for, or of its own tenant where that has some waiting.

        Of all who share with it, each is served once at most before one that has nothing waiting.
        """
        queues = self._waiting.get(caller.group)
        return len(self._waiting) if queues is None else sum(map(len, queues.values()))

    def push(self, caller: Caller, item: T, cost: float) -> None:
        """Let an item wait.

        Args:
            caller: whose it is.
            item: what is dealt out.
            cost: above 0, in any unit that is the same for all.
        """
        group = caller.group
        if group not in self._waiting:
            self._waiting[group] = {}
            self._groups.open(group)
            self._groups.forget(self._waiting)
            self._callers[group] = caller
        queues = self._waiting[group]
        if caller.peer not in queues:
            queues[caller.peer] = self._make_queue()
            self._peers.setdefault(group, _Accounts()).open(caller.peer)
            self._peers[group].forget(queues)
        queues[caller.peer].append((item, cost))
        self._count += 1

    def pop(self) -> tuple[Caller, T] | None:
        """Return whose turn it is, and its item, which is at work until ``leave``; None where nobody may begin."""
        group = min(filter(self._may_begin, self._waiting), key=self._groups.had, default=None)
        if group is None:
            return None
        queues, accounts, caller = self._waiting[group], self._peers[group], self._callers[group]
        peer = min(queues, key=accounts.had)
        item, cost = queues[peer].popleft()
        self._groups.charge(group, cost / caller.weight, len(self._waiting))
        accounts.charge(peer, cost, len(queues))
        self._running_by_group[group] += 1
        self.running += 1
        self._count -= 1
        queues[peer] = queues.pop(peer)  # of those who have had the same, who waits longest is next
        self._waiting[group] = self._waiting.pop(group)
        self._drop_empty(group, peer)
        return Caller(caller.tenant, peer, caller.weight), item

    def _may_begin(self, group: str) -> bool:
        most = self._most(self._callers[group])
        return most is None or self._running_by_group[group] < most

    def leave(self, caller: Caller) -> None:
        """Say that an item of a caller is done."""
        group = caller.group
        self.running -= 1
        self._running_by_group[group] -= 1
        if not self._running_by_group[group]:
            del self._running_by_group[group]
            self._drop_idle(group)

    def remove(self, caller: Caller, item: T) -> None:
        """Drop an item that waits, if it does."""
        queue = self._waiting.get(caller.group, {}).get(caller.peer)
        if queue is None:
            return
        kept = [queue.popleft() for _ in range(len(queue))]
        for other, cost in kept:
            if other is item:
                self._count -= 1
            else:
                queue.append((other, cost))
        self._drop_empty(caller.group, caller.peer)

    def take_all(self) -> list[T]:
        """Drop all that wait, and return them."""
        queues = [queue for queues in self._waiting.values() for queue in queues.values()]
        items = [queue.popleft()[0] for queue in queues for _ in range(len(queue))]
        self._waiting.clear()
        self._count = 0
        return items

    def _drop_empty(self, group: str, peer: str) -> None:
        queues = self._waiting[group]
        if not queues[peer]:
            del queues[peer]
        if not queues:
            del self._waiting[group]
            self._drop_idle(group)

    def _drop_idle(self, group: str) -> None:
        """Forget the connections of a group that has nothing here any more."""
        if group not in self._waiting and group not in self._running_by_group:
            self._callers.pop(group, None)
            self._peers.pop(group, None)
