"""Functions that compute each pixel from the pixels around it, and their nodes."""

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
from rasterwire.expression.reducers.per_pixel import ACCUMULATORS, reduced_type
from rasterwire.expression.reducers.table import REDUCERS, PixelEngine
from rasterwire.geo.grid import pixel_metres
from rasterwire.nodes.nodes import Computation, Node, PixelRequest, Target
from rasterwire.nodes.pixel_type import DOUBLE, FLOAT, PixelType
from rasterwire.nodes.rank import MAX_SORTED, Layers
from rasterwire.pixels import Pixels

_MAX_MARGIN = 1024
"""The most pixels on each side of all neighbourhoods that are nested, together."""

MAX_RADIUS = 512
"""Pixels on each side of one neighbourhood: more would make every block many times larger than it is."""

Array = npt.NDArray[Any]


def pixels_of(length: float, units: str, place: Target) -> float:
    """Convert a length to pixels of a place."""
    return length if units == "pixels" else length / pixel_metres(place.grid.affine, place.grid.crs)


class Around(Node):
    """A node whose pixels are computed from a square around each; it asks its input for a margin."""

    __slots__ = ("radius", "units")

    def __init__(self, node: Node, dtype: str, radius: float, units: str, *identity: object) -> None:
        """Set the input and the square.

        Args:
            node: the input.
            dtype: of the result.
            radius: half the side of the square.
            units: of the radius, ``pixels`` or ``meters``.
            identity: all other values that the result depends on.
        """
        super().__init__(dtype, (node,), None, radius, units, *identity)
        self.margin += radius if units == "pixels" else 0.0
        if self.margin > _MAX_MARGIN:
            raise InvalidExpression(
                f"neighbourhoods of neighbourhoods reach {self.margin:g} pixels far, at most {_MAX_MARGIN}."
            )
        self.radius = radius
        self.units = units

    def make(self, place: Target) -> Computation:
        """See ``Node.make``."""
        margin = math.ceil(pixels_of(self.radius, self.units, place) - 1e-9)
        if margin > MAX_RADIUS:
            raise InvalidExpression(f"a neighbourhood of {margin} pixels is too large, at most {MAX_RADIUS}.")
        pixels = yield PixelRequest(self.inputs[0], place.with_margin(margin))
        return self.around(pixels, margin, place)

    def around(self, pixels: Pixels, margin: int, place: Target) -> Pixels:
        """Compute the pixels of a place from the pixels of the input, which have a margin around it."""
        raise NotImplementedError


# -- kernels -----------------------------------------------------------------------------------


class Gathered(Around):
    """A statistic of the valid pixels under a kernel."""

    __slots__ = ("kernel", "kind", "parameters", "skips", "weighs")

    def __init__(
        self, node: Node, statistic: tuple[str, tuple[Any, ...], str], kernel: KernelValue, *, weighs: bool, skips: bool
    ) -> None:
        """Set the statistic.

        Args:
            node: the input.
            statistic: the kind of the reducer, its parameters, and the dtype of the result.
            kernel: pixels with a weight of 0 do not count.
            weighs: whether the weights count, for mean and sum.
            skips: whether a masked pixel stays masked.
        """
        name, parameters, dtype = statistic
        radius = max(len(kernel.weights), len(kernel.weights[0])) // 2
        super().__init__(node, dtype, float(radius), "pixels", name, parameters, kernel.weights, weighs, skips)
        self.kind = name
        self.parameters = parameters
        self.kernel = kernel
        self.weighs = weighs
        self.skips = skips

    def around(self, pixels: Pixels, margin: int, place: Target) -> Pixels:
        """See ``Around.around``."""
        height, width = place.window.height, place.window.width
        weights = np.asarray(self.kernel.weights, np.float64)
        top, left = margin - weights.shape[0] // 2, margin - weights.shape[1] // 2
        parts, shares, valid = [], [], []
        for (row, col), weight in np.ndenumerate(weights):
            if weight == 0:
                continue
            part = slice(top + row, top + row + height), slice(left + col, left + col + width)
            parts.append(pixels.data[part])
            valid.append(pixels.valid[part])
            shares.append(float(weight) if self.weighs else 1.0)
        data, state = _statistic(self.kind, self.parameters, (parts, valid, shares), self.dtype, (height, width))
        if self.skips:
            state = state & pixels.valid[margin : margin + height, margin : margin + width]
        return Pixels(data, state)


def _statistic(
    kind: str,
    parameters: tuple[Any, ...],
    inputs: tuple[Sequence[Array], Sequence[Array], Sequence[float]],
    dtype: str,
    shape: tuple[int, int],
) -> tuple[Array, npt.NDArray[np.bool_]]:
    parts, valid, shares = inputs
    if kind in {"mean", "sum"}:
        total, weight = np.zeros(shape), np.zeros(shape)
        for part, part_valid, share in zip(parts, valid, shares, strict=True):
            total += np.where(part_valid, part * share, 0.0)
            weight += np.where(part_valid, share, 0.0)
        values = np.divide(total, weight, out=np.zeros(shape), where=weight != 0) if kind == "mean" else total
        return values.astype(dtype), np.logical_or.reduce(valid) & ((weight != 0) | (kind == "sum"))
    if REDUCERS[kind].at_pixels is PixelEngine.ACCUMULATOR:
        accumulator = ACCUMULATORS[kind](dtype, shape)
        for part, part_valid in zip(parts, valid, strict=True):
            accumulator.add(Pixels(part, part_valid))
        pixels = accumulator.result()
        return pixels.data, pixels.valid
    data, state = np.zeros(shape, dtype), np.zeros(shape, bool)
    if not parts:
        return data, state
    step = max(1, MAX_SORTED // (len(parts) * shape[1]))
    for top in range(0, shape[0], step):
        rows = slice(top, top + step)
        layers = Layers(len(parts), (len(data[rows]), shape[1]), parts[0].dtype)
        for part, part_valid in zip(parts, valid, strict=True):
            layers.add(Pixels(part[rows], part_valid[rows]))
        data[rows], state[rows] = layers.ranked(kind, parameters, dtype)
    return data, state


@table.listed(
    'Image.reduceNeighborhood(image: Image, reducer: Reducer, kernel: Kernel, inputWeight: String = "kernel", '
    "skipMasked: Boolean = true, optimization: String = null) -> Image"
)
def reduce_neighborhood(
    image: ImageValue, reducer: Reducer, kernel: KernelValue, weight: str, skips: bool, optimization: str | None
) -> ImageValue:
    """Applies a reducer to the pixels under a kernel around each pixel; bands are named by band and output."""
    _check_kernel(kernel)
    bands = []
    for band in image.bands:
        for part in reducer.simple_parts():
            if REDUCERS[part.kind].at_pixels is None or part.inputs != 1:
                raise InvalidExpression(f"reducer {part.kind}: not implemented by this server for neighbourhoods.")
            pixel_type = reduced_type(part.kind, [band.type])
            weighs = weight == "kernel" and part.is_weighted
            node = Gathered(
                band.node, (part.kind, part.parameters, pixel_type.dtype), kernel, weighs=weighs, skips=skips
            )
            bands.append(BandValue(f"{band.name}_{part.outputs[0]}", pixel_type, node, band.projection, band.extent))
    return image.with_bands(bands)


def _check_kernel(kernel: KernelValue) -> None:
    if kernel.units != "pixels":
        raise InvalidExpression("a kernel in metres: not implemented by this server; give its radius in pixels.")


def _focal(name: str, kind: str, description: str) -> None:
    def call(
        image: ImageValue, radius: float, shape: str, units: str, iterations: int, kernel: KernelValue | None
    ) -> ImageValue:
        own_kernel = kernel if kernel is not None else _kernel(shape, radius, units)
        _check_kernel(own_kernel)
        if not 1 <= iterations <= 10:
            raise InvalidExpression(f"'iterations' is {iterations}; it has to be between 1 and 10.")
        bands = list(image.bands)
        for _ in range(iterations):
            bands = [_focal_band(band, kind, own_kernel) for band in bands]
        return image.with_bands(bands)

    call.__doc__ = description
    alias = f"Image.focal_{name.removeprefix('focal').lower()}"
    table.listed(
        f'Image.{name}(image: Image, radius: Float = 1.5, kernelType: String = "circle", units: String = "pixels", '
        "iterations: Integer = 1.0, kernel: Kernel = null) -> Image",
        alias,
    )(call)


def _focal_band(band: BandValue, kind: str, kernel: KernelValue) -> BandValue:
    pixel_type: PixelType = reduced_type(kind, [band.type])
    node = Gathered(band.node, (kind, (), pixel_type.dtype), kernel, weighs=kind == "mean", skips=False)
    return BandValue(band.name, pixel_type, node, band.projection, band.extent)


def _kernel(shape: str, radius: float, units: str) -> KernelValue:
    makers = {"circle": circle, "square": square, "cross": cross, "plus": plus, "octagon": circle, "diamond": diamond}
    if shape not in makers:
        raise InvalidExpression(f"'kernelType' is '{shape[:30]}'; use one of {', '.join(makers)}.")
    return makers[shape](radius, units, normalize=True, magnitude=1.0)


for _name, _kind, _description in [
    ("focalMean", "mean", "Returns the mean of the pixels under a kernel."),
    ("focalMedian", "median", "Returns the median of the pixels under a kernel."),
    ("focalMax", "max", "Returns the greatest of the pixels under a kernel."),
    ("focalMin", "min", "Returns the least of the pixels under a kernel."),
    ("focalMode", "mode", "Returns the most frequent value of the pixels under a kernel."),
]:
    _focal(_name, _kind, _description)


class Convolved(Around):
    """A weighted sum of the pixels under a kernel; masked where one of them is masked."""

    __slots__ = ("kernel",)

    def __init__(self, node: Node, dtype: str, kernel: KernelValue) -> None:
        radius = max(len(kernel.weights), len(kernel.weights[0])) // 2
        super().__init__(node, dtype, float(radius), "pixels", kernel.weights)
        self.kernel = kernel

    def around(self, pixels: Pixels, margin: int, place: Target) -> Pixels:
        """See ``Around.around``."""
        height, width = place.window.height, place.window.width
        weights = np.asarray(self.kernel.weights, np.float64)
        top, left = margin - weights.shape[0] // 2, margin - weights.shape[1] // 2
        total, valid = np.zeros((height, width)), np.ones((height, width), bool)
        for (row, col), weight in np.ndenumerate(weights):
            if weight != 0:
                part = slice(top + row, top + row + height), slice(left + col, left + col + width)
                total += pixels.data[part] * weight
                valid &= pixels.valid[part]
        return Pixels(total.astype(self.dtype), valid)


@table.listed("Image.convolve(image: Image, kernel: Kernel) -> Image")
def convolve(image: ImageValue, kernel: KernelValue) -> ImageValue:
    """Convolves each band with a kernel."""
    _check_kernel(kernel)
    bands = []
    for band in image.bands:
        pixel_type = FLOAT if band.type.precision == "float" else DOUBLE
        bands.append(
            BandValue(
                band.name, pixel_type, Convolved(band.node, pixel_type.dtype, kernel), band.projection, band.extent
            )
        )
    return image.with_bands(bands)
