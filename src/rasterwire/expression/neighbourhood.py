"""Functions that compute a pixel from those around it."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from rasterwire.compiled import compiled
from rasterwire.errors import InvalidExpression
from rasterwire.expression.nodes import Ask, Making, Node, Place
from rasterwire.expression.reducers import Reducer
from rasterwire.expression.signature import table
from rasterwire.expression.statistics import KINDS, reduced_type
from rasterwire.expression.types import DOUBLE, FLOAT, PixelType
from rasterwire.expression.values import BandValue, ImageValue, KernelValue
from rasterwire.grid import pixel_metres
from rasterwire.pixels import Pixels

_MOST_MARGIN = 1024
"""Pixels on each side, of all neighbourhoods that are computed of each other."""

_MOST_RADIUS = 512
"""Pixels on each side: more would make every block many times larger than it is."""

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
        if margin > _MOST_RADIUS:
            raise InvalidExpression(f"a neighbourhood of {margin} pixels is too large, at most {_MOST_RADIUS}.")
        pixels = yield Ask(self.inputs[0], at.within(margin))
        return self.around(pixels, margin, at)

    def around(self, pixels: Pixels, margin: int, at: Place) -> Pixels:
        """Return the pixels within a margin of others."""
        raise NotImplementedError


class Distance(Around):
    """The squared distance to the nearest pixel that is not 0, as far as the neighbourhood reaches."""

    __slots__ = ("metric",)

    def __init__(self, node: Node, neighbourhood: int, metric: str) -> None:
        super().__init__(node, "float32", float(neighbourhood), "pixels", metric)
        self.metric = metric

    def around(self, pixels: Pixels, margin: int, at: Place) -> Pixels:
        """See ``Around.around``: pixels farther away than the corners of the neighbourhood get their distance."""
        source = (pixels.valid & (pixels.data != 0)).view(np.uint8)
        height, width = at.window.height, at.window.width
        made = np.empty((height, width), np.float32)
        if self.metric == "squared_euclidean":
            squared_distances(source, margin, made)
        else:
            _other_distances(source, margin, self.metric == "manhattan", made)
        within_square(source, margin, _METRICS.index(self.metric), made)
        return Pixels(made, np.ones((height, width), bool))


_METRICS = ("squared_euclidean", "manhattan", "chebyshev")


@compiled
def within_square(source: Array, margin: int, metric: int, made: Array) -> None:
    """Correct distances that are to a pixel beyond a square of a margin, which not every block would see.

    What is found within the length of the margin is within the square; all else is looked for again,
    and is the distance of the corners of the square where there is nothing in it.
    """
    sure = margin * margin if metric == 0 else margin
    most = 2 * margin * margin if metric == 0 else 2 * margin if metric == 1 else margin
    height, width = made.shape
    far = margin + 1
    near = np.full(source.shape[1], far, np.int64)  # rows to the nearest pixel of each column
    for r in range(height):
        known = False
        for c in range(width):
            if made[r, c] <= sure:
                continue
            if not known:
                known = True
                for k in range(source.shape[1]):
                    near[k] = far
                    for d in range(far):
                        if source[r + margin - d, k] or source[r + margin + d, k]:
                            near[k] = d
                            break
            best = most
            for k in range(c, c + 2 * margin + 1):
                if near[k] < far:
                    x, y = abs(k - c - margin), near[k]
                    best = min(best, x * x + y * y if metric == 0 else x + y if metric == 1 else max(x, y))
            made[r, c] = best


@compiled
def squared_distances(source: Array, margin: int, made: Array) -> None:
    """Fill in squared Euclidean distances to the nearest pixel that is not 0, within a square of a margin.

    By the lower envelope of parabolas along rows, after distances down each column: exact, in a time
    that does not depend on the margin. Source: Felzenszwalb and Huttenlocher, 2012.
    """
    rows, cols = source.shape
    far = 4 * margin + 4
    down = np.full(cols, far, np.int64)
    column = np.empty((made.shape[0], cols), np.int64)
    for r in range(margin + made.shape[0]):
        for c in range(cols):
            down[c] = 0 if source[r, c] else min(down[c] + 1, far)
            if r >= margin:
                column[r - margin, c] = down[c]
    down[:] = far
    for r in range(rows - 1, margin - 1, -1):
        for c in range(cols):
            down[c] = 0 if source[r, c] else min(down[c] + 1, far)
            if r < margin + made.shape[0]:
                column[r - margin, c] = min(column[r - margin, c], down[c])
    place = np.empty(cols, np.int64)
    begin = np.empty(cols + 1)
    for r in range(made.shape[0]):
        k = -1
        for c in range(cols):
            if column[r, c] > margin:
                continue
            height = float(column[r, c]) ** 2 + float(c) ** 2
            at = -1e18
            while k >= 0:
                p = place[k]
                at = (height - float(column[r, p]) ** 2 - float(p) ** 2) / (2.0 * (c - p))
                if at > begin[k]:
                    break
                k -= 1
            if k < 0:
                at = -1e18
            k += 1
            place[k], begin[k] = c, at
        begin[k + 1] = 1e18
        j = 0
        for c in range(made.shape[1]):
            if k < 0:
                made[r, c] = 1e12
                continue
            x = c + margin
            while begin[j + 1] < x:
                j += 1
            made[r, c] = float(x - place[j]) ** 2 + float(column[r, place[j]]) ** 2


@compiled
def _other_distances(source: Array, margin: int, is_manhattan: bool, made: Array) -> None:
    """Fill in Manhattan or Chebyshev distances to the nearest pixel that is not 0, by two passes of a chamfer."""
    rows, cols = source.shape
    diagonal = 2 if is_manhattan else 1
    d = np.full((rows + 2, cols + 2), 4 * margin + 4, np.int32)
    for r in range(rows):
        for c in range(cols):
            if source[r, c]:
                d[r + 1, c + 1] = 0
    for r in range(1, rows + 1):
        for c in range(1, cols + 1):
            d[r, c] = min(
                d[r, c], d[r - 1, c] + 1, d[r, c - 1] + 1, d[r - 1, c - 1] + diagonal, d[r - 1, c + 1] + diagonal
            )
    for r in range(rows, 0, -1):
        for c in range(cols, 0, -1):
            d[r, c] = min(
                d[r, c], d[r + 1, c] + 1, d[r, c + 1] + 1, d[r + 1, c + 1] + diagonal, d[r + 1, c - 1] + diagonal
            )
    for r in range(made.shape[0]):
        for c in range(made.shape[1]):
            made[r, c] = d[r + margin + 1, c + margin + 1]


@table.listed(
    'Image.fastDistanceTransform(image: Image, neighborhood: Integer = 256.0, units: String = "pixels", '
    'metric: String = "squared_euclidean") -> Image'
)
def fast_distance_transform(image: ImageValue, neighbourhood: int, units: str, metric: str) -> ImageValue:
    """Returns the squared distance to the nearest pixel that is not 0, as band distance."""
    if units != "pixels":
        raise InvalidExpression(f"'units' is '{units[:20]}': only pixels are implemented by this server.")
    if metric not in _METRICS:
        raise InvalidExpression(f"'metric' is '{metric[:30]}'; there are squared_euclidean, manhattan and chebyshev.")
    if not 1 <= neighbourhood <= _MOST_RADIUS:
        raise InvalidExpression(f"'neighborhood' is {neighbourhood}; it has to be between 1 and {_MOST_RADIUS}.")
    if len(image.bands) != 1:
        raise InvalidExpression(f"the image has to have one band, and has {len(image.bands)}.")
    band = image.bands[0]
    made = Distance(band.node, neighbourhood, metric)
    return image.with_bands([BandValue("distance", FLOAT, made, band.projection, band.extent)])


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
    from rasterwire.expression.statistics import _STREAMED, ranked

    parts, valid, shares = taken
    if kind in {"mean", "sum"}:
        total, weight = np.zeros(shape), np.zeros(shape)
        for part, there, share in zip(parts, valid, shares, strict=True):
            total += np.where(there, part * share, 0.0)
            weight += np.where(there, share, 0.0)
        made = np.divide(total, weight, out=np.zeros(shape), where=weight != 0) if kind == "mean" else total
        return made.astype(dtype), np.logical_or.reduce(valid) & ((weight != 0) | (kind == "sum"))
    if kind in _STREAMED:
        running = _STREAMED[kind](dtype, shape)
        for part, there in zip(parts, valid, strict=True):
            running.add(Pixels(part, there))
        result = running.result()
        return result.data, result.valid
    data, state = np.zeros(shape, dtype), np.zeros(shape, bool)
    ranked(kind, parameters, np.stack(parts), np.stack(valid), data, state)
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


_MOST_MAGNITUDE = 1e30

_shape = 'radius: Float, units: String = "pixels", normalize: Boolean = true, magnitude: Float = 1.0'


def _made(weights: Array, units: str, normalize: bool, magnitude: float) -> KernelValue:
    if units not in {"pixels", "meters"}:
        raise InvalidExpression(f"'units' is '{units[:20]}'; there are pixels and meters.")
    if not abs(magnitude) < _MOST_MAGNITUDE:
        raise InvalidExpression(f"'magnitude' is {magnitude:g}; it has to be a number below {_MOST_MAGNITUDE:g}.")
    scaled = weights * magnitude / (np.abs(weights).sum() if normalize else 1.0)
    if not np.isfinite(scaled).all():
        raise InvalidExpression("the weights of the kernel are not finite.")
    return KernelValue(tuple(tuple(row) for row in scaled.tolist()), units)


def _offsets(radius: float) -> tuple[Array, Array]:
    if not 0 <= radius <= 50:
        raise InvalidExpression(f"a radius of {radius:g} pixels is not between 0 and 50.")
    reach = math.floor(radius + 1e-9)
    along = np.arange(-reach, reach + 1.0)
    return np.broadcast_arrays(along, along[:, None])  # type: ignore[return-value]


@table.listed(f"Kernel.square({_shape}) -> Kernel")
def square(radius: float, units: str, normalize: bool, magnitude: float) -> KernelValue:
    """Returns a kernel of a square."""
    x, _ = _offsets(radius)
    return _made(np.ones(x.shape), units, normalize, magnitude)


@table.listed(f"Kernel.circle({_shape}) -> Kernel")
def circle(radius: float, units: str, normalize: bool, magnitude: float) -> KernelValue:
    """Returns a kernel of a disk."""
    x, y = _offsets(radius)
    return _made((x * x + y * y <= radius * radius + 1e-9).astype(float), units, normalize, magnitude)


@table.listed(f"Kernel.cross({_shape}) -> Kernel")
def cross(radius: float, units: str, normalize: bool, magnitude: float) -> KernelValue:
    """Returns a kernel of two diagonals."""
    x, y = _offsets(radius)
    return _made((np.abs(x) == np.abs(y)).astype(float), units, normalize, magnitude)


@table.listed(f"Kernel.plus({_shape}) -> Kernel")
def plus(radius: float, units: str, normalize: bool, magnitude: float) -> KernelValue:
    """Returns a kernel of a row and a column."""
    x, y = _offsets(radius)
    return _made(((x == 0) | (y == 0)).astype(float), units, normalize, magnitude)


@table.listed(f"Kernel.diamond({_shape}) -> Kernel")
def diamond(radius: float, units: str, normalize: bool, magnitude: float) -> KernelValue:
    """Returns a kernel of a diamond."""
    x, y = _offsets(radius)
    return _made((np.abs(x) + np.abs(y) <= radius + 1e-9).astype(float), units, normalize, magnitude)


@table.listed(
    'Kernel.gaussian(radius: Float, sigma: Float = 1.0, units: String = "pixels", normalize: Boolean = true, '
    "magnitude: Float = 1.0) -> Kernel"
)
def gaussian(radius: float, sigma: float, units: str, normalize: bool, magnitude: float) -> KernelValue:
    """Returns a kernel of a Gaussian bell."""
    if not sigma > 0:
        raise InvalidExpression("'sigma' has to be greater than 0.")
    x, y = _offsets(radius)
    return _made(np.exp(-(x * x + y * y) / (2 * sigma * sigma)), units, normalize, magnitude)


@table.listed(
    "Kernel.fixed(width: Integer = -1.0, height: Integer = -1.0, weights: List<List<Object>>, x: Integer = -1.0, "
    "y: Integer = -1.0, normalize: Boolean = false) -> Kernel"
)
def fixed(width: int, height: int, weights: list[Any], x: int, y: int, normalize: bool) -> KernelValue:
    """Returns a kernel of given weights."""
    try:
        values = np.asarray(weights, np.float64)
    except (TypeError, ValueError):
        raise InvalidExpression("'weights' has to be rows of numbers, all of one length.") from None
    if values.ndim != 2 or not values.size or max(values.shape) > 101:
        raise InvalidExpression("'weights' has to be at most 101 rows of at most 101 numbers.")
    if x not in {-1, values.shape[1] // 2} or y not in {-1, values.shape[0] // 2}:
        raise InvalidExpression("a kernel whose focus is not its middle: not implemented by this server.")
    if values.shape[0] % 2 == 0 or values.shape[1] % 2 == 0:
        raise InvalidExpression("a kernel of an even number of rows or columns: not implemented by this server.")
    return _made(values, "pixels", normalize, 1.0)
