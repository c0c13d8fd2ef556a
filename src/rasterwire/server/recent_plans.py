"""Plans of computed images that were registered a moment ago."""

import threading
from collections import OrderedDict

from rasterwire.nodes.nodes import Applied, Node, Stored
from rasterwire.nodes.pictures import PICTURE_OPERATIONS
from rasterwire.plan import RenderPlan

MAX_PLANS = 16
"""Plans of computed images that are kept until they are rendered."""

MAX_NODES = 5_000
"""Nodes of a plan that is kept; each takes about a kilobyte."""

MAX_BYTES = 4 << 20
"""Bytes that the values of an expression may take for its plan to be kept."""


class RecentPlans:
    """Plans of computed images by etag, so that the first read of a download evaluates no expression again.

    Safe to use from several threads.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._plans: OrderedDict[str, RenderPlan] = OrderedDict()

    def put(self, plan: RenderPlan, size: int) -> None:
        """Keep a plan, unless it reads or shows stored bands alone, or is large.

        Those are planned within milliseconds, and again for each file, so that a change of the image is seen.

        Args:
            plan: of a registered download.
            size: bytes that the values of its expression took.
        """
        roots = [band.node for raster in plan.rasters for band in raster.bands if band.node is not None]
        if all(map(_is_cheap, roots)) or size > MAX_BYTES or _is_large(roots):
            return
        with self._lock:
            self._plans[plan.etag] = plan
            self._plans.move_to_end(plan.etag)
            if len(self._plans) > MAX_PLANS:
                self._plans.popitem(last=False)

    def get(self, etag: str) -> RenderPlan | None:
        """Return the plan of an etag, or None."""
        return self._plans.get(etag)

    def drop(self, plan: RenderPlan) -> None:
        """Forget a plan, if it is kept."""
        with self._lock:
            self._plans.pop(plan.etag, None)


def _is_cheap(root: Node) -> bool:
    """Tell whether a node does no more than to show a stored band."""
    is_shown = isinstance(root, Applied) and root.operation in PICTURE_OPERATIONS
    return is_shown and all(isinstance(node, Stored) for node in root.inputs)


def _is_large(roots: list[Node]) -> bool:
    nodes = {id(node): node for node in roots}
    pending = list(nodes.values())
    while pending and len(nodes) <= MAX_NODES:
        for node in pending.pop().inputs:
            if id(node) not in nodes:
                nodes[id(node)] = node
                pending.append(node)
    return len(nodes) > MAX_NODES
