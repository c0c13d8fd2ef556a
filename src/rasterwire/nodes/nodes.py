"""Computed pixels: trees of nodes, each a pure function of its inputs, a grid and a window.

A node is made when an expression is evaluated, and reads nothing. Later it is asked for its pixels on
any grid: it asks its inputs, by yielding what it wants of them, and returns what it makes of the
answers. Who runs a node answers what it yields (see ``block``); so trees may be deep, an input that
two nodes share is computed once a block, and pixels do not depend on how a grid is cut into blocks.
"""

import hashlib
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from affine import Affine
from odc.geo.geobox import GeoBox

from rasterwire.errors import InvalidExpression
from rasterwire.geo.crs import transformer
from rasterwire.geo.grid import pixel_offset
from rasterwire.geo.lattice import coordinates
from rasterwire.geo.region import Region, inside
from rasterwire.image import Band
from rasterwire.nodes.bounds import Box, joining, meeting, reach_of, reach_of_region, region_key, wider
from rasterwire.pixels import Pixels, Window
from rasterwire.request import Resampling


@dataclass(frozen=True, slots=True)
class Place:
    """Where pixels are wanted: a window of a grid."""

    grid: GeoBox
    window: Window

    def within(self, margin: int) -> "Place":
        """Return the place with so many more pixels on all sides.

        The grid grows by the same everywhere, so that it does not depend on the window.
        """
        height, width = (int(n) for n in self.grid.shape)
        affine = self.grid.affine @ Affine.translation(-margin, -margin)
        w = self.window
        return Place(
            GeoBox((height + 2 * margin, width + 2 * margin), affine, self.grid.crs),
            Window(w.row, w.col, w.height + 2 * margin, w.width + 2 * margin),
        )


@dataclass(frozen=True, slots=True)
class Ask:
    """What a node wants: another node's pixels at a place."""

    node: "Node"
    at: Place


Making = Generator[Ask, Pixels, Pixels]


class Node:
    """One band, computed.

    Attributes:
        dtype: of its pixels, a numpy name.
        inputs: the nodes it may ask.
        key: equal for nodes that make the same pixels.
        reach: outside of this box no pixel is valid; None where any may be.
        depth: of the tree below.
        layers: how often what is below is resampled from a grid of its own.
        margin: pixels around that the nodes below ask for, all together.
        sorts: values of each pixel that are sorted at once, by this node or the one below that has most of them.
    """

    __slots__ = ("depth", "dtype", "inputs", "key", "layers", "margin", "reach", "sorts")
    depth: int
    key: bytes
    layers: int
    margin: float
    sorts: int

    def __init__(self, dtype: str, inputs: Sequence["Node"], reach: Box | None, *identity: object) -> None:
        self.dtype = dtype
        self.inputs = tuple(inputs)
        self.reach = reach
        self.depth = 1 + max((node.depth for node in self.inputs), default=0)
        self.layers = max((node.layers for node in self.inputs), default=0)
        self.margin = max((node.margin for node in self.inputs), default=0.0)
        self.sorts = max((node.sorts for node in self.inputs), default=1)
        digest = hashlib.sha1(repr((type(self).__name__, dtype, identity)).encode(), usedforsecurity=False)
        for node in self.inputs:
            digest.update(node.key)
        self.key = digest.digest()

    def make(self, at: Place) -> Making:
        """Return the pixels at a place; a generator that yields what it wants of its inputs."""
        raise NotImplementedError


class Stored(Node):
    """A band of a file, sampled where it is wanted. Made by the renderer, which knows files."""

    __slots__ = ("band", "resampling", "scene")

    def __init__(self, band: Band, scene: str = "", resampling: Resampling | None = None) -> None:
        """Name the band.

        Args:
            band: of a catalog's image.
            scene: the image, for those who count them.
            resampling: None takes what the download asks for.
        """
        grid = band.grid
        place = tuple(grid.affine), tuple(grid.shape), str(grid.crs)
        known = band.href, band.index, band.version, band.nodata, band.masked, band.overviews, place
        reach = reach_of(band.placed)
        super().__init__(band.dtype, (), reach, known, resampling)
        self.band = band
        self.scene = scene
        self.resampling = resampling


class Resampled(Node):
    """Another node computed on a grid of its own, and sampled from there. Made by the renderer."""

    __slots__ = ("grid", "resampling")

    def __init__(self, node: Node, grid: GeoBox, resampling: Resampling) -> None:
        if node.layers >= _MOST_LAYERS:
            raise InvalidExpression(f"images are resampled from each other more than {_MOST_LAYERS} deep.")
        reach = wider(node.reach, grid)
        super().__init__(node.dtype, (node,), reach, tuple(grid.affine), tuple(grid.shape), str(grid.crs), resampling)
        self.layers = node.layers + 1
        self.margin = 0.0  # the grid below ends where it does
        self.grid = grid
        self.resampling = resampling


_MOST_LAYERS = 10
"""Images that are resampled from each other; each renders the block below it in whole, and takes some of Python's
stack."""


class Constant(Node):
    """The same value everywhere."""

    __slots__ = ("value",)

    def __init__(self, value: float | int, dtype: str) -> None:
        super().__init__(dtype, (), None, value)
        self.value = value

    def make(self, at: Place) -> Making:
        """See ``Node.make``."""
        yield from ()
        shape = at.window.height, at.window.width
        return Pixels(np.full(shape, self.value, self.dtype), np.ones(shape, bool))


Operation = Callable[..., npt.NDArray[np.generic] | tuple[npt.NDArray[np.generic], npt.NDArray[np.bool_]]]


class Applied(Node):
    """A function of the values of pixels; valid where all inputs are, and the function has it so."""

    __slots__ = ("operation", "parameters")

    def __init__(
        self,
        operation: Operation,
        inputs: Sequence[Node],
        dtype: str,
        parameters: tuple[object, ...] = (),
    ) -> None:
        """Say what is applied.

        Args:
            operation: a function of a module, called with the arrays of the inputs, the parameters and
                ``dtype``; returns an array, or an array and what of it is valid.
            inputs: in order.
            dtype: of the result.
            parameters: plain values.
        """
        reach = meeting(node.reach for node in inputs)
        super().__init__(dtype, inputs, reach, operation.__name__, parameters)
        self.operation = operation
        self.parameters = parameters

    def make(self, at: Place) -> Making:
        """See ``Node.make``."""
        arrays = []
        valid: npt.NDArray[np.bool_] | None = None
        for node in self.inputs:
            pixels = yield Ask(node, at)
            arrays.append(pixels.data)
            valid = pixels.valid if valid is None else valid & pixels.valid
        with np.errstate(all="ignore"):
            made = self.operation(*arrays, *self.parameters, dtype=self.dtype)
        assert valid is not None
        if isinstance(made, tuple):
            made, also = made
            valid = valid & also
        return Pixels(made.astype(self.dtype, copy=False), valid)


class Masked(Node):
    """A node valid only where another one is, and is not zero."""

    __slots__ = ()

    def __init__(self, node: Node, mask: Node) -> None:
        super().__init__(node.dtype, (node, mask), meeting((node.reach, mask.reach)))

    def make(self, at: Place) -> Making:
        """See ``Node.make``."""
        pixels = yield Ask(self.inputs[0], at)
        mask = yield Ask(self.inputs[1], at)
        return Pixels(pixels.data, pixels.valid & mask.valid & (mask.data > 0))


class WithMask(Node):
    """The values of a node with the mask of another one in place of its own; 0 where it had none."""

    __slots__ = ()

    def __init__(self, node: Node, mask: Node) -> None:
        super().__init__(node.dtype, (node, mask), mask.reach)

    def make(self, at: Place) -> Making:
        """See ``Node.make``."""
        pixels = yield Ask(self.inputs[0], at)
        mask = yield Ask(self.inputs[1], at)
        return Pixels(pixels.filled(0), mask.valid & (mask.data > 0))


class MaskOf(Node):
    """1 where a node is valid, else 0; valid everywhere."""

    __slots__ = ()

    def __init__(self, node: Node, dtype: str) -> None:
        super().__init__(dtype, (node,), None)

    def make(self, at: Place) -> Making:
        """See ``Node.make``."""
        pixels = yield Ask(self.inputs[0], at)
        return Pixels(pixels.valid.astype(self.dtype), np.ones(pixels.valid.shape, bool))


class Unmasked(Node):
    """A node with the values of another one where it is not valid."""

    __slots__ = ("within",)

    def __init__(self, node: Node, value: Node, dtype: str, within: Region | None) -> None:
        """Say what is filled with what.

        Args:
            node: to fill.
            value: to fill it with.
            dtype: of the result.
            within: where to fill; None is everywhere.
        """
        # a band may reach farther than the footprint of its image, which is that of the first
        reach = None if within is None else joining((node.reach, reach_of_region(within)))
        identity = None if within is None else region_key(within)
        super().__init__(dtype, (node, value), reach, identity)
        self.within = within

    def make(self, at: Place) -> Making:
        """See ``Node.make``."""
        pixels = yield Ask(self.inputs[0], at)
        if pixels.valid.all():
            return Pixels(pixels.data.astype(self.dtype, copy=False), pixels.valid)
        value = yield Ask(self.inputs[1], at)
        data = np.where(pixels.valid, pixels.data, value.data).astype(self.dtype, copy=False)
        there = value.valid if self.within is None else value.valid & inside(self.within, at.grid, at.window)
        return Pixels(data, pixels.valid | there)


class Chosen(Node):
    """The values of one node where a test is valid and not zero, else those of another."""

    __slots__ = ()

    def __init__(self, node: Node, test: Node, value: Node, dtype: str) -> None:
        super().__init__(dtype, (node, test, value), node.reach)

    def make(self, at: Place) -> Making:
        """See ``Node.make``: as Earth Engine has it, the input's mask stays, and a masked value changes nothing."""
        pixels = yield Ask(self.inputs[0], at)
        test = yield Ask(self.inputs[1], at)
        value = yield Ask(self.inputs[2], at)
        there = test.valid & (test.data != 0) & value.valid
        return Pixels(np.where(there, value.data, pixels.data).astype(self.dtype, copy=False), pixels.valid)


class Clipped(Node):
    """A node within a region: pixels whose centre is outside are not valid."""

    __slots__ = ("region",)

    def __init__(self, node: Node, region: Region) -> None:
        super().__init__(node.dtype, (node,), meeting((node.reach, reach_of_region(region))), region_key(region))
        self.region = region

    def make(self, at: Place) -> Making:
        """See ``Node.make``."""
        held = inside(self.region, at.grid, at.window)
        if not held.any():
            return Pixels(np.zeros(held.shape, self.dtype), held)
        pixels = yield Ask(self.inputs[0], at)
        return Pixels(pixels.data, pixels.valid & held)


class Cropped(Node):
    """A node within the rectangle of a grid."""

    __slots__ = ("grid",)

    def __init__(self, node: Node, grid: GeoBox) -> None:
        super().__init__(
            node.dtype,
            (node,),
            meeting((node.reach, reach_of(grid))),
            tuple(grid.affine),
            tuple(grid.shape),
            str(grid.crs),
        )
        self.grid = grid

    def make(self, at: Place) -> Making:
        """See ``Node.make``."""
        pixels = yield Ask(self.inputs[0], at)
        held = self._held(at)
        return pixels if held is None else Pixels(pixels.data, pixels.valid & held)

    def _held(self, at: Place) -> npt.NDArray[np.bool_] | None:
        """Return which pixels lie in the rectangle, None for all."""
        window = at.window
        rows, cols = (int(n) for n in self.grid.shape)
        offset = pixel_offset(at.grid, self.grid)
        if offset is not None:
            col, row = offset[0] + window.col, offset[1] + window.row
            if col >= 0 and row >= 0 and col + window.width <= cols and row + window.height <= rows:
                return None
            i = np.arange(col, col + window.width)
            j = np.arange(row, row + window.height)[:, None]
            return np.asarray((i >= 0) & (i < cols) & (j >= 0) & (j < rows))
        centre_x = np.arange(window.col, window.col + window.width) + 0.5
        centre_y = (np.arange(window.row, window.row + window.height) + 0.5)[:, None]
        x, y = np.broadcast_arrays(*coordinates(at.grid, centre_x, centre_y))
        if at.grid.crs != self.grid.crs and at.grid.crs is not None and self.grid.crs is not None:
            x, y = transformer(at.grid.crs, self.grid.crs).transform(x, y)
        b = ~self.grid.affine
        across, down = b.a * x + b.b * y + b.c, b.d * x + b.e * y + b.f
        return np.asarray((across >= 0) & (across < cols) & (down >= 0) & (down < rows))


@lru_cache(maxsize=1024)
def reach_of_place(at: Place) -> Box | None:
    """Return the box of the ground of a place."""
    affine = at.grid.affine @ Affine.translation(at.window.col, at.window.row)
    if at.grid.crs is None:
        return None
    return reach_of(GeoBox((at.window.height, at.window.width), affine, at.grid.crs))
