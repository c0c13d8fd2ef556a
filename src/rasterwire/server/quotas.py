"""What callers may still take of their quotas.

What all servers count is in a store. A server takes a thousandth of a quota in advance, so that most requests need not
ask the store. What it has not used when it is killed stays counted.
"""

import asyncio
import logging
import threading
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping
from contextvars import Context, copy_context
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from typing import Any, Protocol, TypeVar

from rasterwire.errors import QuotaExceeded, StorageUnavailable
from rasterwire.plan import RenderPlan
from rasterwire.principal import NO_QUOTA
from rasterwire.server.peer import principal
from rasterwire.store import Usage, UsageStore

__all__ = ["BYTES", "EXPORTS", "NO_SHARE", "PIXELS", "RENDERS", "STORED", "Quotas", "Share", "Standing"]

PIXELS, BYTES, RENDERS, STORED = "pixels_per_day", "bytes_per_day", "concurrent_renders", "stored_bytes"
EXPORTS = "concurrent_exports"
"""Names of quotas; see ``Quota``."""

_RENDER_SECONDS = 2.0
"""After which one of the renders of a tenant may have ended."""

_SHARES = 1000
"""A server takes a quota divided by this in advance."""

DAY_SECONDS = 86400

_log = logging.getLogger("rasterwire.server")

T = TypeVar("T")


class _Run(Protocol):
    """Runs something that blocks on files, without blocking the loop."""

    def __call__(self, function: Callable[[], T]) -> Coroutine[Any, Any, T]: ...


@dataclass(frozen=True, slots=True)
class Standing:
    """How a quota of the caller stands.

    Attributes:
        quota: its name.
        limit: of it.
        used: of it, as far as this server knows; None where it did not ask yet.
        reset: when it begins anew; None where it is of no time.
    """

    quota: str
    limit: int
    used: int | None
    reset: datetime | None

    @property
    def seconds(self) -> float | None:
        """Until it begins anew; None where it is of no time."""
        return None if self.reset is None else max(0.0, (self.reset - _now()).total_seconds())


@dataclass(slots=True)
class _Account:
    """What this process knows of one quota of one tenant on one day.

    Attributes:
        day: of UTC.
        reserve: that was taken in advance and not used yet.
        counted: by all servers, as the store told last; None before it was asked.
        asking: held while the store is asked.
        returning: gives the store what is in reserve beyond what is taken in advance.
    """

    day: date
    reserve: int = 0
    counted: int | None = None
    asking: asyncio.Lock = field(default_factory=asyncio.Lock)
    returning: asyncio.Task[None] | None = None

    @property
    def used(self) -> int | None:
        """Of the quota, but for what this process has in reserve."""
        return None if self.counted is None else max(0, self.counted - self.reserve)


@dataclass(frozen=True, slots=True)
class Share:
    """What was taken of a quota for one call; of the day that it was taken on, though the next one may have begun."""

    _count: int
    _give_back: Callable[[int], None]

    def give_back(self, count: int | None = None) -> None:
        """Undo a part of it; None stands for all. Called in the event loop, in the context of any call."""
        self._give_back(self._count if count is None else count)


NO_SHARE = Share(0, lambda _: None)
"""Of whom nothing is counted."""


class Quotas:
    """Takes from the quotas of callers, and refuses what is beyond. Used by the event loop alone."""

    def __init__(self, usage: UsageStore | None, run: _Run, kept_bytes: Callable[[str], int] = lambda _: 0) -> None:
        """Begin with nothing taken.

        Args:
            usage: what all servers count; None where no tenant has a quota.
            run: runs what blocks.
            kept_bytes: returns the bytes of a tenant's files at all servers.
        """
        self._usage = usage
        self._run = run
        self._kept_bytes = kept_bytes
        self._lock = threading.Lock()
        self.count_exports: Callable[[str], int] = lambda _: 0  # of a tenant at all servers, where there are any
        self._renders: Counter[str] = Counter()
        self._accounts: dict[tuple[str, str], _Account] = {}

    def limit_of(self, name: str) -> int | None:
        """Return a limit of the caller, None where there is none."""
        caller = principal.get(None)
        limit: int | None = None if caller is None or self._usage is None else getattr(caller.quota, name)
        return limit

    @property
    def is_limited(self) -> bool:
        """Whether the caller has a quota."""
        caller = principal.get(None)
        return self._usage is not None and caller is not None and caller.quota != NO_QUOTA

    async def take_pixels(self, plan: RenderPlan) -> Share:
        """Take the pixels of a plan, where its file can be expected to fit what is left of the bytes too.

        Raises:
            QuotaExceeded: the caller has not as much left.
            StorageUnavailable: what was used cannot be told.
        """
        limit = self.limit_of(BYTES)
        if limit is not None and plan.estimated_bytes:
            account = self._account(BYTES)
            if account.counted is None or plan.estimated_bytes > limit - account.counted + account.reserve:
                await self._look(account, BYTES)
            used = account.used or 0
            if plan.estimated_bytes > limit - used:
                raise QuotaExceeded(BYTES, limit, used, plan.estimated_bytes, _seconds_left())
        return await self.take(PIXELS, plan.pixels)

    async def take(self, name: str, count: int) -> Share:
        """Take so much of a quota of the caller, which has it if it has no such quota; return it.

        Raises:
            QuotaExceeded: it has not as much left.
            StorageUnavailable: what was used cannot be told.
        """
        limit = self.limit_of(name)
        if limit is None or count <= 0:
            return NO_SHARE
        account = self._account(name)
        while account.reserve < count:
            # what a call that is cancelled takes is left to the next ones: the store has counted it
            await asyncio.shield(asyncio.ensure_future(self._refill(account, name, limit, count)))
        account.reserve -= count
        return Share(count, partial(self._give_back, account, name, limit // _SHARES, copy_context()))

    def _give_back(self, account: _Account, name: str, kept: int, taker: Context, count: int) -> None:
        """Put into the reserve what a call did not use; what is then more than is kept goes to the other servers."""
        account.reserve += count
        is_returning = account.returning is not None and not account.returning.done()
        if account.reserve > kept and not is_returning:
            returning = self._return(account, name, kept)
            account.returning = asyncio.get_running_loop().create_task(returning, context=taker)

    async def _return(self, account: _Account, name: str, kept: int) -> None:
        async with account.asking:
            while (count := account.reserve - kept) > 0:
                account.reserve -= count  # before the store has it, so that no call takes it meanwhile
                try:
                    await self._take(account, name, -count, 0)
                except (StorageUnavailable, RuntimeError):  # the threads may have ended
                    account.reserve += count
                    return

    def check_render(self) -> None:
        """Refuse a render of the caller that could not begin now.

        Raises:
            QuotaExceeded: see ``begin_render``.
        """
        limit, count = self.limit_of(RENDERS), self._renders[_tenant()]
        if limit is not None and count >= limit:
            raise QuotaExceeded(RENDERS, limit, count, 1, _RENDER_SECONDS)

    def begin_render(self) -> Callable[[], None]:
        """Count a render of the caller, and return what says that it has ended, once and from any thread.

        Raises:
            QuotaExceeded: it has as many under way at this process as it may have.
        """
        tenant = _tenant()
        with self._lock:
            self.check_render()
            self._renders[tenant] += 1

        def end() -> None:
            with self._lock:
                self._renders[tenant] -= 1
                if not self._renders[tenant]:
                    del self._renders[tenant]

        return end

    async def _refill(self, account: _Account, name: str, limit: int, needed: int) -> None:
        async with account.asking:
            missing = needed - account.reserve
            if missing > 0 and not await self._add(account, name, limit, missing):
                raise QuotaExceeded(name, limit, account.used or 0, needed, _seconds_left())

    async def _add(self, account: _Account, name: str, limit: int, missing: int) -> bool:
        """Take more from the store, and return whether it was there."""
        for count in (missing + limit // _SHARES, missing):
            is_taken = await self._take(account, name, count, limit)
            if is_taken:
                account.reserve += count
                return True
        return False

    async def _take(self, account: _Account, name: str, count: int, limit: int) -> bool:
        usage, store = Usage(_tenant(), name, account.day, count), self._usage
        assert store is not None
        is_taken, account.counted = await self._run(lambda: store.take(usage, limit))
        return is_taken

    async def _look(self, account: _Account, name: str) -> None:
        store, tenant = self._usage, _tenant()
        assert store is not None
        usages = await self._run(lambda: store.usages(account.day, tenant))
        account.counted = sum(usage.used for usage in usages if usage.quota == name)

    def _account(self, name: str) -> _Account:
        key, today = (_tenant(), name), _now().date()
        account = self._accounts.get(key)
        if account is None or account.day != today:
            account = self._accounts[key] = _Account(today)
        return account

    def standings(self) -> list[Standing]:
        """Return how the quotas of the caller stand, as far as this server knows without asking."""
        caller = principal.get(None)
        quota = NO_QUOTA if caller is None or self._usage is None else caller.quota
        standings = []
        for name, limit in quota.limits():
            match name:
                case "concurrent_renders":
                    standings.append(Standing(name, limit, self._renders[_tenant()], None))
                case "stored_bytes" | "concurrent_exports":
                    standings.append(Standing(name, limit, None, None))
                case _:
                    standings.append(Standing(name, limit, self._account(name).used, _midnight()))
        return standings

    async def asked_standings(self) -> list[Standing]:
        """Return how the quotas of the caller stand at all servers.

        Raises:
            StorageUnavailable: what was used cannot be told.
        """
        tenant, answer = _tenant(), []
        for standing in self.standings():
            used = standing.used
            if standing.quota == STORED:
                used = await self._run(lambda: self._kept_bytes(tenant))
            elif standing.quota == EXPORTS:
                used = await self._run(lambda: self.count_exports(tenant))
            elif standing.reset is not None:
                account = self._account(standing.quota)
                await self._look(account, standing.quota)
                used = account.used
            answer.append(replace(standing, used=used))
        return answer

    def close(self) -> None:
        """Give back what was taken in advance, and close the store. It blocks."""
        if self._usage is None:
            return
        try:
            for (tenant, name), account in self._accounts.items():
                if account.reserve:
                    self._usage.take(Usage(tenant, name, account.day, -account.reserve), 0)
        except StorageUnavailable:
            _log.warning("quotas: what was taken in advance could not be given back, and stays counted")
        self._usage.close()


def _tenant() -> str:
    caller = principal.get(None)
    return "" if caller is None else caller.tenant


def _now() -> datetime:
    return datetime.now(UTC)


def _midnight() -> datetime:
    return datetime.combine(_now().date() + timedelta(days=1), time(), UTC)


def _seconds_left() -> float:
    return (_midnight() - _now()).total_seconds()


def headers(standings: list[Standing]) -> Mapping[str, str]:
    """Return the headers of HTTP that tell of quotas; source: draft-ietf-httpapi-ratelimit-headers-10."""
    if not standings:
        return {}
    policies, states = [], []
    for standing in standings:
        window, wait = "", ""
        if (seconds := standing.seconds) is not None:
            window, wait = f";w={DAY_SECONDS}", f";t={seconds:.0f}"
        policies.append(f'"{standing.quota}";q={standing.limit}{window}')
        if standing.used is not None:
            states.append(f'"{standing.quota}";r={max(0, standing.limit - standing.used)}{wait}')
    answer = {"RateLimit-Policy": ", ".join(policies)}
    return answer | {"RateLimit": ", ".join(states)} if states else answer
