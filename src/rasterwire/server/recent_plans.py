"""Plans of computed images that were registered a moment ago."""

from collections import OrderedDict

from rasterwire.nodes.computed import Computed
from rasterwire.nodes.nodes import Node
from rasterwire.plan import RenderPlan

MAX_PLANS = 16
"""Plans that are kept."""

MAX_NODES = 5_000
"""Nodes of a plan that is kept; each takes about a kilobyte."""


class RecentPlans:
    """Plans of computed images by etag, so that the first read of a download evaluates no expression again.

    Not safe to use from several threads.
    """

    def __init__(self) -> None:
        self._plans: OrderedDict[str, RenderPlan] = OrderedDict()

    def put(self, plan: RenderPlan) -> None:
        """Keep a plan, unless it reads stored bands alone, which are planned within milliseconds, or is large."""
        roots = [
            band.source.node for raster in plan.rasters for band in raster.bands if isinstance(band.source, Computed)
        ]
        if not roots or _is_large(roots):
            return
        self._plans[plan.etag] = plan
        self._plans.move_to_end(plan.etag)
        if len(self._plans) > MAX_PLANS:
            self._plans.popitem(last=False)

    def get(self, etag: str) -> RenderPlan | None:
        """Return the plan of an etag, or None."""
        return self._plans.get(etag)

    def drop(self, plan: RenderPlan) -> bool:
        """Forget a plan whose files are no longer what they were; tell whether it was kept."""
        return self._plans.pop(plan.etag, None) is not None


def _is_large(roots: list[Node]) -> bool:
    nodes = {id(node): node for node in roots}
    pending = list(nodes.values())
    while pending and len(nodes) <= MAX_NODES:
        for node in pending.pop().inputs:
            if id(node) not in nodes:
                nodes[id(node)] = node
                pending.append(node)
    return len(nodes) > MAX_NODES
