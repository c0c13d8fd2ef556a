"""Distances to the nearest pixel that is not 0."""

from typing import Any

import numpy as np
import numpy.typing as npt

from rasterwire.compiled import compiled, loop
from rasterwire.errors import InvalidExpression
from rasterwire.expression.functions.image.neighbourhood import MAX_RADIUS, Around
from rasterwire.expression.language.signature import table
from rasterwire.expression.language.values import BandValue, ImageValue
from rasterwire.nodes.nodes import Node, Target
from rasterwire.nodes.pixel_type import FLOAT
from rasterwire.pixels import Pixels

Array = npt.NDArray[Any]


class Distance(Around):
    """The squared distance to the nearest pixel that is not 0, within a neighbourhood."""

    __slots__ = ("metric",)

    def __init__(self, node: Node, neighbourhood: int, metric: str) -> None:
        super().__init__(node, "float32", float(neighbourhood), "pixels", metric)
        self.metric = metric

    def around(self, pixels: Pixels, margin: int, place: Target) -> Pixels:
        """See ``Around.around``: without a pixel in the neighbourhood, the distance is that of its corners."""
        source = (pixels.valid & (pixels.data != 0)).view(np.uint8)
        height, width = place.window.height, place.window.width
        result = np.empty((height, width), np.float32)
        distances(source, margin, _METRICS.index(self.metric), result)
        return Pixels(result, np.ones((height, width), bool))


_METRICS = ("squared_euclidean", "manhattan", "chebyshev")


def _distances(source: Array, margin: int, metric: int, result: Array) -> None:
    """Do the same as ``distances`` by NumPy: the nearest pixel of each column, then the best of the columns around."""
    height, width = result.shape
    far = margin + 1
    near = np.full((height, source.shape[1]), far, np.int64)
    for d in range(far):
        is_target = source[margin - d : margin - d + height] | source[margin + d : margin + d + height]
        near = np.where((near == far) & (is_target != 0), d, near)
    best = np.full((height, width), 2 * margin * margin if metric == 0 else 2 * margin if metric == 1 else margin)
    for k in range(2 * margin + 1):
        x, y = abs(k - margin), near[:, k : k + width]
        length = x * x + y * y if metric == 0 else x + y if metric == 1 else np.maximum(x, y)
        best = np.where(y < far, np.minimum(best, length), best)
    result[...] = best


@loop(_distances)
def distances(source: Array, margin: int, metric: int, result: Array) -> None:
    """Fill in distances to the nearest pixel that is not 0, within a square of a margin.

    Args:
        source: uint8, with a margin around the pixels of ``result``.
        margin: pixels.
        metric: 0 squared Euclidean, 1 Manhattan, 2 Chebyshev.
        result: float32, is filled; where the square has only zeros, with the distance of its corners.
    """
    if metric == 0:
        _squared_distances(source, margin, result)
    else:
        _chamfer_distances(source, margin, metric == 1, result)
    _within_square(source, margin, metric, result)


def warm_up() -> None:
    """Compile the loop, or load it from the cache."""
    distances(np.zeros((3, 3), np.uint8), 1, 0, np.zeros((1, 1), np.float32))


@compiled
def _within_square(source: Array, margin: int, metric: int, result: Array) -> None:
    """Correct distances to pixels outside of the square of a margin, which depend on the borders of the block.

    A distance up to the margin is to a pixel within the square. All others are computed again; where
    the square has only zeros, the result is the distance of its corners.
    """
    sure = margin * margin if metric == 0 else margin
    most = 2 * margin * margin if metric == 0 else 2 * margin if metric == 1 else margin
    height, width = result.shape
    far = margin + 1
    near = np.full(source.shape[1], far, np.int64)  # rows to the nearest pixel of each column
    for r in range(height):
        is_column_ready = False
        for c in range(width):
            if result[r, c] <= sure:
                continue
            if not is_column_ready:
                is_column_ready = True
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
            result[r, c] = best


@compiled
def _squared_distances(source: Array, margin: int, result: Array) -> None:
    """Fill in squared Euclidean distances to the nearest pixel that is not 0, within a square of a margin.

    By the lower envelope of parabolas along rows, after distances down each column: exact, in a time
    that does not depend on the margin. Source: Felzenszwalb and Huttenlocher, 2012.
    """
    rows, cols = source.shape
    far = 4 * margin + 4
    down = np.full(cols, far, np.int64)
    column = np.empty((result.shape[0], cols), np.int64)
    for r in range(margin + result.shape[0]):
        for c in range(cols):
            down[c] = 0 if source[r, c] else min(down[c] + 1, far)
            if r >= margin:
                column[r - margin, c] = down[c]
    down[:] = far
    for r in range(rows - 1, margin - 1, -1):
        for c in range(cols):
            down[c] = 0 if source[r, c] else min(down[c] + 1, far)
            if r < margin + result.shape[0]:
                column[r - margin, c] = min(column[r - margin, c], down[c])
    vertex = np.empty(cols, np.int64)
    begin = np.empty(cols + 1)
    for r in range(result.shape[0]):
        k = -1
        for c in range(cols):
            if column[r, c] > margin:
                continue
            height = float(column[r, c]) ** 2 + float(c) ** 2
            crossing = -1e18
            while k >= 0:
                p = vertex[k]
                crossing = (height - float(column[r, p]) ** 2 - float(p) ** 2) / (2.0 * (c - p))
                if crossing > begin[k]:
                    break
                k -= 1
            if k < 0:
                crossing = -1e18
            k += 1
            vertex[k], begin[k] = c, crossing
        begin[k + 1] = 1e18
        j = 0
        for c in range(result.shape[1]):
            if k < 0:
                result[r, c] = 1e12
                continue
            x = c + margin
            while begin[j + 1] < x:
                j += 1
            result[r, c] = float(x - vertex[j]) ** 2 + float(column[r, vertex[j]]) ** 2


@compiled
def _chamfer_distances(source: Array, margin: int, is_manhattan: bool, result: Array) -> None:
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
    for r in range(result.shape[0]):
        for c in range(result.shape[1]):
            result[r, c] = d[r + margin + 1, c + margin + 1]


@table.listed(
    'Image.fastDistanceTransform(image: Image, neighborhood: Integer = 256.0, units: String = "pixels", '
    'metric: String = "squared_euclidean") -> Image'
)
def fast_distance_transform(image: ImageValue, neighbourhood: int, units: str, metric: str) -> ImageValue:
    """Returns the squared distance to the nearest pixel that is not 0, as band distance."""
    if units != "pixels":
        raise InvalidExpression(f"'units' is '{units[:20]}': only pixels are implemented by this server.")
    if metric not in _METRICS:
        raise InvalidExpression(f"'metric' is '{metric[:30]}'; use squared_euclidean, manhattan or chebyshev.")
    if not 1 <= neighbourhood <= MAX_RADIUS:
        raise InvalidExpression(f"'neighborhood' is {neighbourhood}; it has to be between 1 and {MAX_RADIUS}.")
    if len(image.bands) != 1:
        raise InvalidExpression(f"the image has to have one band, and has {len(image.bands)}.")
    band = image.bands[0]
    node = Distance(band.node, neighbourhood, metric)
    return image.with_bands([BandValue("distance", FLOAT, node, band.projection, band.extent)])
