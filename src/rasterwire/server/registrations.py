"""Downloads that are registered, each once for its request id."""

import asyncio
from concurrent.futures import Future
from functools import partial

from rasterwire.download import Downloads, FairPool, Registered
from rasterwire.plan import RenderPlan
from rasterwire.server.messages.parsed_request import ParsedRequest
from rasterwire.server.peer import caller
from rasterwire.server.planning import register
from rasterwire.server.quotas import Quotas

__all__ = ["Registrations"]

_THREADS = 4


class Registrations:
    """Registers downloads, in threads of its own: reads of what is registered shall not wait for what is new.

    Attributes:
        queue: what waits for these threads.
    """

    def __init__(self, quotas: Quotas) -> None:
        """Begin with none.

        Args:
            quotas: of pixels, which are taken where a file is to be read.
        """
        self.queue = FairPool(_THREADS, "register")
        self._quotas = quotas

    async def enter(self, downloads: Downloads, request: ParsedRequest, plan: RenderPlan) -> Registered:
        """Register a request whose file is not what the caller reads: it counts for no quota."""
        work = partial(register, downloads, request, plan, is_kept=False)
        return await asyncio.wrap_future(self.queue.submit(caller(), work))

    async def enter_counted(self, downloads: Downloads, request: ParsedRequest, plan: RenderPlan) -> Registered:
        """Register a request whose pixels count, once for each request id.

        Raises:
            QuotaExceeded: the caller may not have as much.
        """
        share = await self._quotas.take_pixels(plan)
        loop = asyncio.get_running_loop()

        def settle(done: Future[Registered]) -> None:
            if done.cancelled() or done.exception() is not None or done.result().is_repeated:
                loop.call_soon_threadsafe(share.give_back)

        work = self.queue.submit(caller(), partial(register, downloads, request, plan))
        work.add_done_callback(settle)  # a call that is cancelled meanwhile may be registered all the same
        return await asyncio.wrap_future(work)
