"""Functions that compute a pixel from those around it."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from rasterwire.errors import InvalidExpression
from rasterwire.expression.functions.image.kernels import circle, cross, diamond, plus, square
from rasterwire.expression.language.signature import table
from rasterwire.expression.language.values import BandValue, ImageValue, KernelValue
from rasterwire.expression.reducers.definitions import Reducer
from rasterwire.expression.reducers.per_pixel import KINDS, STREAMED, reduced_type
from rasterwire.geo.grid import pixel_metres
from rasterwire.nodes.nodes import Ask, Making, Node, Place
from rasterwire.nodes.pixel_type import DOUBLE, FLOAT, PixelType
from rasterwire.nodes.rank import MOST_SORTED, ranked
from rasterwire.pixels import Pixels

_MOST_MARGIN = 1024
"""Pixels on each side, of all neighbourhoods that are computed of each other."""

MOST_RADIUS = 512
"""Pixels on each side of one neighbourhood: more would make every block many times larger than it is."""

Array = npt.NDArray[Any]


def pixels_of(length: float, units: str, at: Place) -> float:
    """Return a length in pixels of a place."""
    return length if units == "pixels" else length / pixel_metres(at.grid.affine, at.grid.crs)


class Around(Node):
    """A node whose pixels are computed from a square around each: it asks for a margin."""

    __slots__ = ("radius", "units")

    def __init__(self, node: Node, dtype: str, radius: float, units: str, *identity: object) -> None:
        """Say what is needed.

        Args:
            node: that is asked.
            dtype: of the result.
            radius: of the square, half its side.
            units: of the radius, ``pixels`` or ``meters``.
            identity: what else tells this node from others.
        """
        super().__init__(dtype, (node,), None, radius, units, *identity)
        self.margin += radius if units == "pixels" else 0.0
        if self.margin > _MOST_MARGIN:
            raise InvalidExpression(
                f"neighbourhoods of neighbourhoods reach {self.margin:g} pixels far, at most {_MOST_MARGIN}."
            )
        self.radius = radius
        self.units = units

    def make(self, at: Place) -> Making:
        """See ``Node.make``."""
        margin = math.ceil(pixels_of(self.radius, self.units, at) - 1e-9)
        if margin > MOST_RADIUS:
            raise InvalidExpression(f"a neighbourhood of {margin} pixels is too large, at most {MOST_RADIUS}.")
        pixels = yield Ask(self.inputs[0], at.within(margin))
        return self.around(pixels, margin, at)

    def around(self, pixels: Pixels, margin: int, at: Place) -> Pixels:
        """Return the pixels within a margin of others."""
        raise NotImplementedError


# -- kernels -----------------------------------------------------------------------------------


class Gathered(Around):
    """A statistic of the pixels under a kernel that are valid."""

    __slots__ = ("kernel", "kind", "parameters", "skips", "weighs")

    def __init__(
        self, node: Node, kind: tuple[str, tuple[Any, ...], str], kernel: KernelValue, *, weighs: bool, skips: bool
    ) -> None:
        """Say what is computed.

        Args:
            node: of the pixels.
            kind: of reducer, its parameters, and dtype of the result.
            kernel: where the weights are not 0.
            weighs: whether the weights count, for means, sums and the like.
            skips: whether a pixel that is not valid itself stays so.
        """
        name, parameters, dtype = kind
        radius = max(len(kernel.weights), len(kernel.weights[0])) // 2
        super().__init__(node, dtype, float(radius), "pixels", name, parameters, kernel.weights, weighs, skips)
        self.kind = name
        self.parameters = parameters
        self.kernel = kernel
        self.weighs = weighs
        self.skips = skips

    def around(self, pixels: Pixels, margin: int, at: Place) -> Pixels:
        """See ``Around.around``."""
        height, width = at.window.height, at.window.width
        weights = np.asarray(self.kernel.weights, np.float64)
        top, left = margin - weights.shape[0] // 2, margin - weights.shape[1] // 2
        parts, shares, valid = [], [], []
        for (row, col), weight in np.ndenumerate(weights):
            if weight == 0:
                continue
            there = slice(top + row, top + row + height), slice(left + col, left + col + width)
            parts.append(pixels.data[there])
            valid.append(pixels.valid[there])
            shares.append(float(weight) if self.weighs else 1.0)
        data, state = _statistic(self.kind, self.parameters, (parts, valid, shares), self.dtype, (height, width))
        if self.skips:
            state = state & pixels.valid[margin : margin + height, margin : margin + width]
        return Pixels(data, state)


def _statistic(
    kind: str,
    parameters: tuple[Any, ...],
    taken: tuple[Sequence[Array], Sequence[Array], Sequence[float]],
    dtype: str,
    shape: tuple[int, int],
) -> tuple[Array, npt.NDArray[np.bool_]]:
    parts, valid, shares = taken
    if kind in {"mean", "sum"}:
        total, weight = np.zeros(shape), np.zeros(shape)
        for part, there, share in zip(parts, valid, shares, strict=True):
            total += np.where(there, part * share, 0.0)
            weight += np.where(there, share, 0.0)
        made = np.divide(total, weight, out=np.zeros(shape), where=weight != 0) if kind == "mean" else total
        return made.astype(dtype), np.logical_or.reduce(valid) & ((weight != 0) | (kind == "sum"))
    if kind in STREAMED:
        running = STREAMED[kind](dtype, shape)
        for part, there in zip(parts, valid, strict=True):
            running.add(Pixels(part, there))
        result = running.result()
        return result.data, result.valid
    data, state = np.zeros(shape, dtype), np.zeros(shape, bool)
    if not parts:
        return data, state
    step = max(1, MOST_SORTED // (len(parts) * shape[1]))
    for top in range(0, shape[0], step):
        rows = slice(top, top + step)
        stacks = np.stack([part[rows] for part in parts]), np.stack([there[rows] for there in valid])
        data[rows], state[rows] = ranked(kind, parameters, *stacks, dtype)
    return data, state


@table.listed(
    'Image.reduceNeighborhood(image: Image, reducer: Reducer, kernel: Kernel, inputWeight: String = "kernel", '
    "skipMasked: Boolean = true, optimization: String = null) -> Image"
)
def reduce_neighborhood(
    image: ImageValue, reducer: Reducer, kernel: KernelValue, weight: str, skips: bool, _: str | None
) -> ImageValue:
    """Applies a reducer to the pixels under a kernel around each pixel; bands are named by band and output."""
    _check_kernel(kernel)
    bands = []
    for band in image.bands:
        for part in reducer.simple_parts():
            if part.kind not in KINDS or part.inputs != 1:
                raise InvalidExpression(f"reducer {part.kind}: not implemented by this server for neighbourhoods.")
            kind = reduced_type(part.kind, [band.type])
            weighs = weight == "kernel" and part.is_weighted
            made = Gathered(band.node, (part.kind, part.parameters, kind.dtype), kernel, weighs=weighs, skips=skips)
            bands.append(BandValue(f"{band.name}_{part.outputs[0]}", kind, made, band.projection, band.extent))
    return image.with_bands(bands)


def _check_kernel(kernel: KernelValue) -> None:
    if kernel.units != "pixels":
        raise InvalidExpression("a kernel in metres: not implemented by this server; give its radius in pixels.")


def _focal(name: str, kind: str, said: str) -> None:
    def call(
        image: ImageValue, radius: float, shape: str, units: str, iterations: int, kernel: KernelValue | None
    ) -> ImageValue:
        made = kernel if kernel is not None else _kernel(shape, radius, units)
        _check_kernel(made)
        if not 1 <= iterations <= 10:
            raise InvalidExpression(f"'iterations' is {iterations}; it has to be between 1 and 10.")
        bands = list(image.bands)
        for _ in range(iterations):
            bands = [_focal_band(band, kind, made) for band in bands]
        return image.with_bands(bands)

    call.__doc__ = said
    old = f"Image.focal_{name.removeprefix('focal').lower()}"
    table.listed(
        f'Image.{name}(image: Image, radius: Float = 1.5, kernelType: String = "circle", units: String = "pixels", '
        "iterations: Integer = 1.0, kernel: Kernel = null) -> Image",
        old,
    )(call)


def _focal_band(band: BandValue, kind: str, kernel: KernelValue) -> BandValue:
    made_type: PixelType = reduced_type(kind, [band.type])
    node = Gathered(band.node, (kind, (), made_type.dtype), kernel, weighs=kind == "mean", skips=False)
    return BandValue(band.name, made_type, node, band.projection, band.extent)


def _kernel(shape: str, radius: float, units: str) -> KernelValue:
    makers = {"circle": circle, "square": square, "cross": cross, "plus": plus, "octagon": circle, "diamond": diamond}
    if shape not in makers:
        raise InvalidExpression(f"'kernelType' is '{shape[:30]}'; there are {', '.join(makers)}.")
    return makers[shape](radius, units, True, 1.0)


for _name, _kind, _said in [
    ("focalMean", "mean", "The mean of the pixels under a kernel."),
    ("focalMedian", "median", "The median of the pixels under a kernel."),
    ("focalMax", "max", "The greatest of the pixels under a kernel."),
    ("focalMin", "min", "The least of the pixels under a kernel."),
    ("focalMode", "mode", "The commonest of the pixels under a kernel."),
]:
    _focal(_name, _kind, _said)


class Convolved(Around):
    """A weighted sum of the pixels under a kernel; not valid where one of them is not."""

    __slots__ = ("kernel",)

    def __init__(self, node: Node, dtype: str, kernel: KernelValue) -> None:
        radius = max(len(kernel.weights), len(kernel.weights[0])) // 2
        super().__init__(node, dtype, float(radius), "pixels", kernel.weights)
        self.kernel = kernel

    def around(self, pixels: Pixels, margin: int, at: Place) -> Pixels:
        """See ``Around.around``."""
        height, width = at.window.height, at.window.width
        weights = np.asarray(self.kernel.weights, np.float64)
        top, left = margin - weights.shape[0] // 2, margin - weights.shape[1] // 2
        total, valid = np.zeros((height, width)), np.ones((height, width), bool)
        for (row, col), weight in np.ndenumerate(weights):
            if weight != 0:
                there = slice(top + row, top + row + height), slice(left + col, left + col + width)
                total += pixels.data[there] * weight
                valid &= pixels.valid[there]
        return Pixels(total.astype(self.dtype), valid)


@table.listed("Image.convolve(image: Image, kernel: Kernel) -> Image")
def convolve(image: ImageValue, kernel: KernelValue) -> ImageValue:
    """Convolves each band with a kernel."""
    _check_kernel(kernel)
    bands = []
    for band in image.bands:
        kind = FLOAT if band.type.precision == "float" else DOUBLE
        bands.append(BandValue(band.name, kind, Convolved(band.node, kind.dtype, kernel), band.projection, band.extent))
    return image.with_bands(bands)
