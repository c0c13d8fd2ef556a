"""Computed bands: runs their nodes, and reads the stored bands that the nodes request."""

from collections.abc import Sequence
from functools import lru_cache, partial

from odc.geo.geobox import GeoBox

from rasterwire.budget import of_block
from rasterwire.errors import SourceUnavailable
from rasterwire.geo.grid import pixel_offset
from rasterwire.nodes.nodes import Cropped, Node, Resampled, Stored, Target
from rasterwire.nodes.run import count_requests, evaluate
from rasterwire.pixels import Pixels, Window
from rasterwire.plan.bands import plan_band
from rasterwire.plan.types import BandPlan
from rasterwire.render.ahead import LeavesAhead, SharedFetches, remote_leaves
from rasterwire.render.band import render_band
from rasterwire.render.source import ReadableBand
from rasterwire.render.splitting import concatenate
from rasterwire.request import Resampling


def compute(
    nodes: Sequence[Node],
    grid: GeoBox,
    window: Window,
    resampling: Resampling = Resampling.NEAREST,
    fetches: SharedFetches | None = None,
) -> list[Pixels]:
    """Return the pixels of nodes over a window of a grid.

    Args:
        nodes: to compute.
        grid: that stored bands are read on.
        window: of the grid.
        resampling: of stored bands that have none of their own.
        fetches: of the tiles of remote bands, shared with others that compute the same nodes; None for those under
            the window.

    Raises:
        SourceUnavailable: a file cannot be read.
    """
    counts, leaves, size = _request_counts(tuple(nodes)), remote_leaves(tuple(nodes)), pixels_at_once(nodes)

    def pixels_of(part: Window) -> list[Pixels]:
        if part.height * part.width <= size:
            ahead = LeavesAhead(leaves, resampling, grid, fetches or SharedFetches(part)) if leaves else None
            read = partial(_read, resampling, ahead)
            return evaluate(nodes, Target(grid, part), read, counts)
        # all nodes together, so that a node that they share is computed once
        halves = [pixels_of(half) for half in part.halves()]
        return [concatenate(part, of_node) for of_node in zip(*halves, strict=True)]

    with of_block():
        return pixels_of(window)


_MAX_PART = 1 << 21
"""Pixels that are computed at once at most."""

_SORTED_BYTES = 4 << 20
"""Of values to sort, which exist at once in each thread."""

_LEAST_PART = 1 << 18
"""Pixels that are computed at once though their values take more: with smaller parts, tiles of files would be decoded
again and again."""

_MAX_SORTED_BYTES = 56 << 20
"""Of the values of such a part, where very many scenes are sorted."""


def pixels_at_once(nodes: Sequence[Node]) -> int:
    """Return how many pixels of nodes are computed at once at most, at least 1."""
    each = max((node.sorted_bytes for node in nodes), default=0) or 1
    return max(1, min(_MAX_PART, max(_SORTED_BYTES // each, min(_LEAST_PART, _MAX_SORTED_BYTES // each))))


@lru_cache(maxsize=256)
def _request_counts(nodes: tuple[Node, ...]) -> dict[bytes, int]:
    return count_requests(nodes)


def _read(resampling: Resampling, ahead: LeavesAhead | None, node: Node, target: Target) -> Pixels | None:
    match node:
        case Stored():
            plan = plan_band(node.band, target.grid, node.resampling or resampling)
            try:
                if ahead is not None:
                    ahead.reach(node)
                return render_band(plan, target.grid, target.window)
            except SourceUnavailable as error:
                if error.image_id or not node.scene:
                    raise
                raise SourceUnavailable(node.scene, error.band, error.problem) from error
        case Resampled():
            (child,) = node.inputs
            if node.resampling is Resampling.NEAREST and pixel_offset(target.grid, node.grid) is not None:
                return _cropped(child, node.grid, target, resampling)
            source = ReadableBand("computed", node.grid, node.dtype, child, compute=compute)
            plan = BandPlan("computed", source, node.dtype, nodata=None, fill=0, resampling=node.resampling)
            return render_band(plan, target.grid, target.window)
        case _:
            return None


def _cropped(child: Node, grid: GeoBox, target: Target, resampling: Resampling) -> Pixels:
    """Return a node within a grid whose lattice the target shares."""
    return compute([Cropped(child, grid)], target.grid, target.window, resampling)[0]
