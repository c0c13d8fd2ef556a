"""Renders that callers begin, within what they may have under way at once."""

from rasterwire.download import Render, Renders
from rasterwire.errors import DownloadError
from rasterwire.plan import RenderPlan
from rasterwire.server.peer import caller
from rasterwire.server.quotas import Quotas

__all__ = ["LimitedRenders"]


class LimitedRenders:
    """Joins renders for callers, and counts those that they begin. Used by the event loop alone."""

    def __init__(self, renders: Renders, quotas: Quotas) -> None:
        """Set what makes them, and what counts them."""
        self._renders = renders
        self._quotas = quotas

    def check(self, etag: str) -> None:
        """Refuse what ``join`` would refuse, before it costs a plan.

        Raises:
            QuotaExceeded: see ``join``.
        """
        if self._renders.find(etag) is None:
            self._quotas.check_render()

    def join(self, plan: RenderPlan) -> Render:
        """Join the render of a plan for the caller; every join needs ``Renders.leave``.

        Raises:
            QuotaExceeded: it would be a new one, and the caller has as many under way as it may have.
            Overloaded: see ``Renders.join``.
        """
        if self._renders.find(plan.etag) is not None:
            return self._renders.join(plan, caller())
        end = self._quotas.begin_render()
        try:
            render = self._renders.join(plan, caller())
        except DownloadError:
            end()
            raise
        render.result.add_done_callback(lambda _: end())
        return render
