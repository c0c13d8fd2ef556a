"""Computed bands: runs their nodes, and reads the stored bands these ask for."""

from collections.abc import Sequence
from functools import lru_cache, partial

from odc.geo.geobox import GeoBox

from rasterwire.budget import of_block
from rasterwire.geo.grid import pixel_offset
from rasterwire.nodes.nodes import Cropped, Node, Place, Resampled, Stored
from rasterwire.nodes.rank import MOST_SORTED
from rasterwire.nodes.run import evaluate, shared_keys
from rasterwire.pixels import Pixels, Window
from rasterwire.plan.bands import sampling
from rasterwire.plan.types import BandPlan
from rasterwire.render.band import render_band
from rasterwire.render.source import Readable
from rasterwire.render.splitting import joined
from rasterwire.request import Resampling


def compute(
    nodes: Sequence[Node], grid: GeoBox, window: Window, resampling: Resampling = Resampling.NEAREST
) -> list[Pixels]:
    """Return the pixels of nodes over a window of a grid.

    Args:
        nodes: to compute.
        grid: that stored bands are read on.
        window: of the grid.
        resampling: of stored bands that do not say their own.

    Raises:
        SourceUnavailable: a file cannot be read.
    """
    read, shared = partial(_read, resampling), _shared(tuple(nodes))
    sorts = max((node.sorts for node in nodes), default=1)
    most = max(MOST_SORTED // sorts, min(_LEAST_PART, _MOST_OF_LEAST // sorts))

    def made(part: Window) -> list[Pixels]:
        if part.height * part.width <= most:
            return evaluate(nodes, Place(grid, part), read, shared)
        # all nodes together, so that what they share is made once
        halves = [made(half) for half in part.halves()]
        return [joined(part, of_node) for of_node in zip(*halves, strict=True)]

    with of_block():
        return made(window)


_LEAST_PART = 1 << 15
"""Pixels; smaller parts would decode the tiles of files time and again."""

_MOST_OF_LEAST = 1 << 25
"""Values, where they are of more than a thousand scenes."""


@lru_cache(maxsize=256)
def _shared(nodes: tuple[Node, ...]) -> dict[bytes, int]:
    return shared_keys(nodes)


def _read(resampling: Resampling, node: Node, at: Place) -> Pixels | None:
    match node:
        case Stored():
            return render_band(sampling(node.band, at.grid, node.resampling or resampling), at.grid, at.window)
        case Resampled():
            (child,) = node.inputs
            if node.resampling is Resampling.NEAREST and pixel_offset(at.grid, node.grid) is not None:
                return _cropped(child, node.grid, at, resampling)
            source = Readable("computed", node.grid, node.dtype, child, compute=compute)
            plan = BandPlan("computed", source, node.dtype, None, 0, node.resampling)
            return render_band(plan, at.grid, at.window)
        case _:
            return None


def _cropped(child: Node, grid: GeoBox, at: Place, resampling: Resampling) -> Pixels:
    """Return a node on a grid that shares its lattice, and nothing beyond it."""
    return compute([Cropped(child, grid)], at.grid, at.window, resampling)[0]
