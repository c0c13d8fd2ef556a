"""Computed pixels: trees of nodes, each a pure function of its inputs, a grid and a window.

A node is made when an expression is evaluated, and reads nothing then. Later it computes its pixels on
any grid. It yields a request for the pixels of each input that it needs, and returns its own pixels.
``run.evaluate`` answers the requests. So trees may be deep, an input that two nodes share is computed
once a block, and pixels do not depend on how a grid is cut into blocks.
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
from rasterwire.nodes.bounds import (
    Box,
    enclosing_box,
    grid_bounds,
    region_bounds,
    region_key,
    smallest_box,
    widened_box,
)
from rasterwire.pixels import Pixels, Window
from rasterwire.request import Resampling


@dataclass(frozen=True, slots=True)
class Target:
    """The pixels to compute: a window of a grid."""

    grid: GeoBox
    window: Window

    def with_margin(self, margin: int) -> "Target":
        """Return the target with a margin of pixels on all sides.

        The grid grows by the same margin on all sides, so that it does not depend on the window.
        """
        height, width = (int(n) for n in self.grid.shape)
        affine = self.grid.affine @ Affine.translation(-margin, -margin)
        w = self.window
        return Target(
            GeoBox((height + 2 * margin, width + 2 * margin), affine, self.grid.crs),
            Window(w.row, w.col, w.height + 2 * margin, w.width + 2 * margin),
        )


@dataclass(frozen=True, slots=True)
class PixelRequest:
    """A request of a node for the pixels of another node."""

    node: "Node"
    target: Target


Computation = Generator[PixelRequest, Pixels, Pixels]
"""Yields requests, is sent the pixels requested, and returns the pixels of its node."""


class Node:
    """One band, computed.

    Attributes:
        dtype: of its pixels, a numpy name.
        inputs: the nodes whose pixels it may request.
        key: equal for nodes that compute the same pixels.
        bounds: outside this box no pixel is valid; None where any pixel may be valid.
        depth: number of nodes on the longest path down the tree, this one included.
        layers: how many ``Resampled`` nodes lie on one path down the tree.
        margin: pixels that the nodes below request around a target, in total.
        sorted_bytes: of the values sorted at once for each pixel, the most of this node and those below; 0 for none.
    """

    __slots__ = ("bounds", "depth", "dtype", "inputs", "key", "layers", "margin", "sorted_bytes")
    depth: int
    key: bytes
    layers: int
    margin: float
    sorted_bytes: int

    def __init__(self, dtype: str, inputs: Sequence["Node"], bounds: Box | None, *identity: object) -> None:
        self.dtype = dtype
        self.inputs = tuple(inputs)
        self.bounds = bounds
        self.depth = 1 + max((node.depth for node in self.inputs), default=0)
        self.layers = max((node.layers for node in self.inputs), default=0)
        self.margin = max((node.margin for node in self.inputs), default=0.0)
        self.sorted_bytes = max((node.sorted_bytes for node in self.inputs), default=0)
        digest = hashlib.sha1(repr((full_name(type(self)), dtype, identity)).encode(), usedforsecurity=False)
        for node in self.inputs:
            digest.update(node.key)
        self.key = digest.digest()

    def make(self, target: Target) -> Computation:
        """Return the pixels of a target; a generator that yields requests for those of its inputs."""
        raise NotImplementedError


class Stored(Node):
    """A band of a file, sampled on the grid of the target. The renderer reads it."""

    __slots__ = ("band", "resampling", "scene")

    def __init__(self, band: Band, scene: str = "", resampling: Resampling | None = None) -> None:
        """Name the band.

        Args:
            band: of a catalog's image.
            scene: id of the image, for counting images.
            resampling: None takes that of the download.
        """
        grid = band.grid
        lattice = tuple(grid.affine), tuple(grid.shape), str(grid.crs)
        identity = band.href, band.index, band.version, band.nodata, band.masked, band.overviews, lattice
        super().__init__(band.dtype, (), grid_bounds(band.placed), identity, resampling)
        self.band = band
        self.scene = scene
        self.resampling = resampling


class Resampled(Node):
    """Another node computed on a grid of its own, and sampled from that grid. The renderer samples it."""

    __slots__ = ("grid", "resampling")

    def __init__(self, node: Node, grid: GeoBox, resampling: Resampling) -> None:
        if node.layers >= _MAX_LAYERS:
            raise InvalidExpression(f"images are resampled from each other more than {_MAX_LAYERS} deep.")
        bounds = widened_box(node.bounds, grid)
        super().__init__(node.dtype, (node,), bounds, tuple(grid.affine), tuple(grid.shape), str(grid.crs), resampling)
        self.layers = node.layers + 1
        self.margin = 0.0  # the grid below does not grow by a margin
        self.grid = grid
        self.resampling = resampling


_MAX_LAYERS = 10
"""Images that are resampled from each other; each renders the block below it in whole, and takes some of Python's
stack."""


class Constant(Node):
    """The same value everywhere."""

    __slots__ = ("value",)

    def __init__(self, value: float | int, dtype: str) -> None:
        super().__init__(dtype, (), None, value)
        self.value = value

    def make(self, target: Target) -> Computation:
        """See ``Node.make``."""
        yield from ()
        shape = target.window.height, target.window.width
        return Pixels(np.full(shape, self.value, self.dtype), np.ones(shape, bool))


def full_name(definition: Callable[..., object]) -> str:
    """Return the name by which a class or a function of a module differs from all others.

    >>> full_name(full_name)
    'rasterwire.nodes.nodes.full_name'
    """
    return f"{definition.__module__}.{definition.__qualname__}"


Operation = Callable[..., npt.NDArray[np.generic] | tuple[npt.NDArray[np.generic], npt.NDArray[np.bool_]]]


class Applied(Node):
    """A function of the values of pixels; valid where all inputs are valid and the function says so."""

    __slots__ = ("operation", "parameters")

    def __init__(
        self,
        operation: Operation,
        inputs: Sequence[Node],
        dtype: str,
        parameters: tuple[object, ...] = (),
    ) -> None:
        """Name the function and its inputs.

        Args:
            operation: a function of a module, called with the arrays of the inputs, the parameters and
                ``dtype``; returns an array, or an array and which of its pixels are valid.
            inputs: in order.
            dtype: of the result.
            parameters: plain values.
        """
        bounds = smallest_box(node.bounds for node in inputs)
        super().__init__(dtype, inputs, bounds, full_name(operation), parameters)
        self.operation = operation
        self.parameters = parameters

    def make(self, target: Target) -> Computation:
        """See ``Node.make``."""
        arrays = []
        valid: npt.NDArray[np.bool_] | None = None
        for node in self.inputs:
            pixels = yield PixelRequest(node, target)
            arrays.append(pixels.data)
            valid = pixels.valid if valid is None else valid & pixels.valid
        with np.errstate(all="ignore"):
            result = self.operation(*arrays, *self.parameters, dtype=self.dtype)
        assert valid is not None
        if isinstance(result, tuple):
            result, is_defined = result
            valid = valid & is_defined
        return Pixels(result.astype(self.dtype, copy=False), valid)


class Masked(Node):
    """A node that is valid only where another one is valid and not zero."""

    __slots__ = ()

    def __init__(self, node: Node, mask: Node) -> None:
        super().__init__(node.dtype, (node, mask), smallest_box((node.bounds, mask.bounds)))

    def make(self, target: Target) -> Computation:
        """See ``Node.make``."""
        pixels = yield PixelRequest(self.inputs[0], target)
        mask = yield PixelRequest(self.inputs[1], target)
        return Pixels(pixels.data, pixels.valid & mask.valid & (mask.data > 0))


class WithMask(Node):
    """The values of a node with the mask of another one in place of its own; 0 where the node has no value."""

    __slots__ = ()

    def __init__(self, node: Node, mask: Node) -> None:
        super().__init__(node.dtype, (node, mask), mask.bounds)

    def make(self, target: Target) -> Computation:
        """See ``Node.make``."""
        pixels = yield PixelRequest(self.inputs[0], target)
        mask = yield PixelRequest(self.inputs[1], target)
        return Pixels(pixels.filled(0), mask.valid & (mask.data > 0))


class MaskOf(Node):
    """1 where a node is valid, else 0; valid everywhere."""

    __slots__ = ()

    def __init__(self, node: Node, dtype: str) -> None:
        super().__init__(dtype, (node,), None)

    def make(self, target: Target) -> Computation:
        """See ``Node.make``."""
        pixels = yield PixelRequest(self.inputs[0], target)
        return Pixels(pixels.valid.astype(self.dtype), np.ones(pixels.valid.shape, bool))


class Unmasked(Node):
    """A node with the values of another one where it is not valid."""

    __slots__ = ("region",)

    def __init__(self, node: Node, value: Node, dtype: str, region: Region | None) -> None:
        """Name the node and its filling.

        Args:
            node: to fill.
            value: to fill it with.
            dtype: of the result.
            region: where to fill; None is everywhere.
        """
        # a band may lie beyond the footprint of its image, which is that of the first band
        bounds = None if region is None else enclosing_box((node.bounds, region_bounds(region)))
        identity = None if region is None else region_key(region)
        super().__init__(dtype, (node, value), bounds, identity)
        self.region = region

    def make(self, target: Target) -> Computation:
        """See ``Node.make``."""
        pixels = yield PixelRequest(self.inputs[0], target)
        if pixels.valid.all():
            return Pixels(pixels.data.astype(self.dtype, copy=False), pixels.valid)
        value = yield PixelRequest(self.inputs[1], target)
        data = np.where(pixels.valid, pixels.data, value.data).astype(self.dtype, copy=False)
        is_filled = (
            value.valid if self.region is None else value.valid & inside(self.region, target.grid, target.window)
        )
        return Pixels(data, pixels.valid | is_filled)


class Chosen(Node):
    """The values of one node where a test is valid and not zero, else those of another."""

    __slots__ = ()

    def __init__(self, node: Node, test: Node, value: Node, dtype: str) -> None:
        super().__init__(dtype, (node, test, value), node.bounds)

    def make(self, target: Target) -> Computation:
        """See ``Node.make``: as in Earth Engine, the input's mask stays, and a masked value changes nothing."""
        pixels = yield PixelRequest(self.inputs[0], target)
        test = yield PixelRequest(self.inputs[1], target)
        value = yield PixelRequest(self.inputs[2], target)
        is_replaced = test.valid & (test.data != 0) & value.valid
        return Pixels(np.where(is_replaced, value.data, pixels.data).astype(self.dtype, copy=False), pixels.valid)


class Clipped(Node):
    """A node within a region: pixels whose centre is outside are not valid."""

    __slots__ = ("region",)

    def __init__(self, node: Node, region: Region) -> None:
        super().__init__(node.dtype, (node,), smallest_box((node.bounds, region_bounds(region))), region_key(region))
        self.region = region

    def make(self, target: Target) -> Computation:
        """See ``Node.make``."""
        is_within = inside(self.region, target.grid, target.window)
        if not is_within.any():
            return Pixels(np.zeros(is_within.shape, self.dtype), is_within)
        pixels = yield PixelRequest(self.inputs[0], target)
        return Pixels(pixels.data, pixels.valid & is_within)


class Cropped(Node):
    """A node within the rectangle of a grid."""

    __slots__ = ("grid",)

    def __init__(self, node: Node, grid: GeoBox) -> None:
        super().__init__(
            node.dtype,
            (node,),
            smallest_box((node.bounds, grid_bounds(grid))),
            tuple(grid.affine),
            tuple(grid.shape),
            str(grid.crs),
        )
        self.grid = grid

    def make(self, target: Target) -> Computation:
        """See ``Node.make``."""
        pixels = yield PixelRequest(self.inputs[0], target)
        is_within = self._within(target)
        return pixels if is_within is None else Pixels(pixels.data, pixels.valid & is_within)

    def _within(self, target: Target) -> npt.NDArray[np.bool_] | None:
        """Return which pixels lie in the rectangle, None for all."""
        window = target.window
        rows, cols = (int(n) for n in self.grid.shape)
        offset = pixel_offset(target.grid, self.grid)
        if offset is not None:
            col, row = offset[0] + window.col, offset[1] + window.row
            if col >= 0 and row >= 0 and col + window.width <= cols and row + window.height <= rows:
                return None
            i = np.arange(col, col + window.width)
            j = np.arange(row, row + window.height)[:, None]
            return np.asarray((i >= 0) & (i < cols) & (j >= 0) & (j < rows))
        centre_x = np.arange(window.col, window.col + window.width) + 0.5
        centre_y = (np.arange(window.row, window.row + window.height) + 0.5)[:, None]
        x, y = np.broadcast_arrays(*coordinates(target.grid, centre_x, centre_y))
        if target.grid.crs != self.grid.crs and target.grid.crs is not None and self.grid.crs is not None:
            x, y = transformer(target.grid.crs, self.grid.crs).transform(x, y)
        inverse = ~self.grid.affine
        across = inverse.a * x + inverse.b * y + inverse.c
        down = inverse.d * x + inverse.e * y + inverse.f
        return np.asarray((across >= 0) & (across < cols) & (down >= 0) & (down < rows))


@lru_cache(maxsize=1024)
def target_bounds(target: Target) -> Box | None:
    """Return the box of the ground that a target covers."""
    affine = target.grid.affine @ Affine.translation(target.window.col, target.window.row)
    if target.grid.crs is None:
        return None
    return grid_bounds(GeoBox((target.window.height, target.window.width), affine, target.grid.crs))
