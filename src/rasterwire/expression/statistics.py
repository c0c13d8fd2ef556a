"""Nodes that make one value of many at each pixel, and the compiled loops some of them need."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from rasterwire.compiled import compiled
from rasterwire.errors import InvalidExpression
from rasterwire.expression.nodes import Ask, Box, Making, Node, Place, apart, joining, reach_of_place
from rasterwire.expression.reducers import Reducer
from rasterwire.expression.types import BOOLEAN, DOUBLE, PixelType, union, wide
from rasterwire.pixels import Pixels

Array = npt.NDArray[Any]
Valid = npt.NDArray[np.bool_]


class Reduced(Node):
    """One output of a reducer over several nodes, at each pixel; what is masked does not count.

    Inputs that surely have no pixel at a place are not asked.
    """

    __slots__ = ("kind", "parameters", "types")

    def __init__(self, kind: str, inputs: Sequence[Node], dtype: str, parameters: tuple[Any, ...] = ()) -> None:
        reach: Box | None = joining([node.reach for node in inputs])
        super().__init__(dtype, inputs, None if kind in _DEFINED_FOR_NONE else reach, kind, parameters)
        self.kind = kind
        self.parameters = parameters

    def make(self, at: Place) -> Making:
        """See ``Node.make``."""
        ground = reach_of_place(at)
        near = [node for node in self.inputs if not apart(node.reach, ground)]
        if self.kind in _STREAMED:
            running = _STREAMED[self.kind](self.dtype, (at.window.height, at.window.width))
            for node in reversed(near) if self.kind == "mosaic" else near:
                pixels = yield Ask(node, at)
                if running.add(pixels):
                    break
            return running.result()
        return (yield from self._stacked(near, at))

    def _stacked(self, near: Sequence[Node], at: Place) -> Making:
        shape = at.window.height, at.window.width
        kind = np.result_type(*(np.dtype(node.dtype) for node in near)) if near else np.dtype("float64")
        stack, valid = np.empty((len(near), *shape), kind), np.empty((len(near), *shape), bool)
        for place, node in enumerate(near):
            pixels = yield Ask(node, at)
            stack[place], valid[place] = pixels.data, pixels.valid
        data, state = np.zeros(shape, self.dtype), np.zeros(shape, bool)
        if near:
            ranked(self.kind, self.parameters, stack, valid, data, state)
        return Pixels(data, state)


class _Running:
    """Takes pixels one after the other."""

    def __init__(self, dtype: str, shape: tuple[int, int]) -> None:
        self.data: Array = np.zeros(shape, dtype)
        self.valid: Valid = np.zeros(shape, bool)

    def add(self, pixels: Pixels) -> bool:
        """Take pixels in; returns whether no more are needed."""
        raise NotImplementedError

    def result(self) -> Pixels:
        """Return what became of them."""
        return Pixels(self.data, self.valid)


class _First(_Running):
    def add(self, pixels: Pixels) -> bool:
        if not self.valid.any():
            self.data, self.valid = pixels.data.astype(self.data.dtype, copy=False), pixels.valid
        else:
            self.data = np.where(self.valid, self.data, pixels.data).astype(self.data.dtype, copy=False)
            self.valid = self.valid | pixels.valid
        return bool(self.valid.all())


class _Last(_Running):
    def add(self, pixels: Pixels) -> bool:
        self.data = np.where(pixels.valid, pixels.data, self.data).astype(self.data.dtype, copy=False)
        self.valid = self.valid | pixels.valid
        return False


class _Extreme(_Running):
    choose: Callable[..., Array]

    def add(self, pixels: Pixels) -> bool:
        values = pixels.data.astype(self.data.dtype, copy=False)
        met = type(self).choose(self.data, values)
        self.data = np.where(self.valid & pixels.valid, met, np.where(pixels.valid, values, self.data))
        self.valid = self.valid | pixels.valid
        return False


class _Least(_Extreme):
    choose = np.minimum


class _Greatest(_Extreme):
    choose = np.maximum


class _Summed(_Running):
    def __init__(self, dtype: str, shape: tuple[int, int]) -> None:
        super().__init__(dtype, shape)
        self.total, self.count = np.zeros(shape), np.zeros(shape, np.int32)

    def add(self, pixels: Pixels) -> bool:
        if pixels.valid.all():
            self.total += pixels.data
            self.count += 1
        else:
            np.add(self.total, pixels.data, out=self.total, where=pixels.valid)
            self.count += pixels.valid
        return False


class _Sum(_Summed):
    def result(self) -> Pixels:
        return Pixels(self.total.astype(self.data.dtype), self.count > 0)


class _Count(_Summed):
    def result(self) -> Pixels:
        return Pixels(self.count.astype(self.data.dtype), np.ones(self.count.shape, bool))


class _Mean(_Summed):
    def result(self) -> Pixels:
        return Pixels((self.total / np.maximum(self.count, 1)).astype(self.data.dtype), self.count > 0)


class _Product(_Running):
    def __init__(self, dtype: str, shape: tuple[int, int]) -> None:
        super().__init__(dtype, shape)
        self.data[:] = 1

    def add(self, pixels: Pixels) -> bool:
        np.multiply(self.data, pixels.data, out=self.data, where=pixels.valid, casting="unsafe")
        self.valid |= pixels.valid
        return False


class _Variance(_Running):
    """By Welford's recurrence, which keeps its digits where the values are large and close."""

    def __init__(self, dtype: str, shape: tuple[int, int]) -> None:
        super().__init__(dtype, shape)
        self.mean, self.squares, self.count = np.zeros(shape), np.zeros(shape), np.zeros(shape)

    def add(self, pixels: Pixels) -> bool:
        self.count += pixels.valid
        delta = np.where(pixels.valid, pixels.data - self.mean, 0.0)
        self.mean += delta / np.maximum(self.count, 1)
        self.squares += np.where(pixels.valid, delta * (pixels.data - self.mean), 0.0)
        return False

    def result(self) -> Pixels:
        made = self.squares / np.maximum(self.count, 1)
        return Pixels(made.astype(self.data.dtype), self.count > 0)


class _Deviation(_Variance):
    def result(self) -> Pixels:
        made = np.sqrt(self.squares / np.maximum(self.count, 1))
        return Pixels(made.astype(self.data.dtype), self.count > 0)


class _All(_Running):
    def __init__(self, dtype: str, shape: tuple[int, int]) -> None:
        super().__init__(dtype, shape)
        self.data[:] = 1

    def add(self, pixels: Pixels) -> bool:
        self.data[pixels.valid & (pixels.data == 0)] = 0
        self.valid |= pixels.valid
        return False


class _Any(_Running):
    def add(self, pixels: Pixels) -> bool:
        self.data[pixels.valid & (pixels.data != 0)] = 1
        self.valid |= pixels.valid
        return False


_STREAMED: dict[str, type[_Running]] = {
    "mosaic": _First,
    "first": _First,
    "firstNonNull": _First,
    "last": _Last,
    "lastNonNull": _Last,
    "min": _Least,
    "max": _Greatest,
    "sum": _Sum,
    "count": _Count,
    "mean": _Mean,
    "product": _Product,
    "variance": _Variance,
    "stdDev": _Deviation,
    "allNonZero": _All,
    "anyNonZero": _Any,
}

_DEFINED_FOR_NONE = frozenset({"count"})

MEDIAN, MODE, PERCENTILE, INTERVAL_MEAN, DISTINCT = range(5)

_RANKS = {
    "median": MEDIAN,
    "mode": MODE,
    "percentile": PERCENTILE,
    "intervalMean": INTERVAL_MEAN,
    "countDistinct": DISTINCT,
    "countDistinctNonNull": DISTINCT,
}

KINDS = frozenset(_STREAMED) | frozenset(_RANKS)
"""Reducers that this module computes at each pixel."""


def ranked(kind: str, parameters: Sequence[Any], stack: Array, valid: Valid, data: Array, state: Valid) -> None:
    """Fill in what a reducer makes of sorted values at each pixel; see ``rank``."""
    low, high, *_ = *parameters, 0.0, 0.0
    top = np.inf if stack.dtype.kind == "f" else np.iinfo(stack.dtype).max
    rank(_RANKS[kind], float(low), float(high), stack.dtype.type(top), stack, valid, data, state)


@compiled
def rank(kind: int, low: float, high: float, top: Any, stack: Array, valid: Valid, data: Array, state: Valid) -> None:
    """Fill in medians, modes, percentiles, means between percentiles or counts of different values.

    Args:
        kind: MEDIAN and so on.
        low: percent, where the kind needs it.
        high: likewise.
        top: the greatest value of the type.
        stack: values, shape (n, rows, columns).
        valid: which of them count; NaN does not.
        data: is filled, shape (rows, columns).
        state: is filled: where at least one value counts.
    """
    count, cols = stack.shape[0], data.shape[1]
    lines = np.empty((count, cols), stack.dtype)
    met = np.empty(cols, np.int64)
    for r in range(data.shape[0]):
        met[:] = 0
        for k in range(count):
            for c in range(cols):
                value = stack[k, r, c]
                there = valid[k, r, c] and value == value
                met[c] += there
                lines[k, c] = value if there else top  # what does not count sorts to the end
        if count > _NETWORK:
            for c in range(cols):
                lines[:, c] = np.sort(lines[:, c])
        else:
            _sort_columns(lines)
        for c in range(cols):
            state[r, c] = met[c] > 0
        if kind == MEDIAN:
            for c in range(cols):
                n = met[c]
                if n > 0:
                    data[r, c] = (float(lines[(n - 1) // 2, c]) + float(lines[n // 2, c])) / 2.0
        else:
            for c in range(cols):
                if met[c] > 0:
                    data[r, c] = _picked(kind, low, high, lines[:, c], met[c])


_NETWORK = 160
"""Values that a network of exchanges sorts faster than any other way, since it runs along whole rows."""


@compiled
def _sort_columns(lines: Array) -> None:
    """Sort each column, by Batcher's merging of odd and even places."""
    count = lines.shape[0]
    p = 1
    while p < count:
        k = p
        while k >= 1:
            for j in range(k % p, count - k, 2 * k):
                for i in range(min(k, count - j - k)):
                    if (i + j) // (2 * p) == (i + j + k) // (2 * p):
                        _exchange(lines[i + j], lines[i + j + k])
            k //= 2
        p *= 2


@compiled
def _exchange(a: Array, b: Array) -> None:
    """Let the first line hold the smaller values of two."""
    for c in range(a.shape[0]):
        x, y = a[c], b[c]
        a[c] = min(y, x)
        b[c] = max(x, y)


@compiled
def _picked(kind: int, low: float, high: float, values: Array, n: int) -> Any:
    """Return what a kind makes of sorted values."""
    if kind == PERCENTILE:
        return _between(values, n, low)
    if kind == INTERVAL_MEAN:
        least, most = _between(values, n, low), _between(values, n, high)
        total, inside = 0.0, 0
        for k in range(n):
            if least <= values[k] <= most:
                total += values[k]
                inside += 1
        return total / inside if inside else least
    best, longest, run, different = values[0], 0, 0, 0
    for k in range(n):
        if k > 0 and values[k] == values[k - 1]:
            run += 1
        else:
            run = 1
            different += 1
        if run > longest:
            longest, best = run, values[k]
    return float(best) if kind == MODE else float(different)


@compiled
def _between(values: Array, n: int, percent: float) -> float:
    """Return a percentile of sorted values, between two of them by how far it is, as NumPy does."""
    place = percent / 100.0 * (n - 1)
    below = int(np.floor(place))
    above = min(below + 1, n - 1)
    share = place - below
    result: float = values[below] + (float(values[above]) - float(values[below])) * share
    return result


class Selected(Node):
    """The value of one of several nodes, at each pixel: of that whose quality is greatest."""

    __slots__ = ()

    def __init__(self, qualities: Sequence[Node], nodes: Sequence[Node], dtype: str) -> None:
        pairs = [node for pair in zip(qualities, nodes, strict=True) for node in pair]
        super().__init__(dtype, pairs, joining([node.reach for node in nodes]))

    def make(self, at: Place) -> Making:
        """See ``Node.make``."""
        ground = reach_of_place(at)
        shape = at.window.height, at.window.width
        data, valid = np.zeros(shape, self.dtype), np.zeros(shape, bool)
        best, ranked = np.zeros(shape), np.zeros(shape, bool)
        for quality, node in zip(self.inputs[::2], self.inputs[1::2], strict=True):
            # not where only the other is apart: its image may still be the best, and hide those below it
            if apart(quality.reach, ground):
                continue
            how = yield Ask(quality, at)
            better = how.valid & (~ranked | (how.data > best))
            if not better.any():
                continue
            pixels = yield Ask(node, at)
            np.copyto(best, how.data, where=better, casting="unsafe")
            np.copyto(data, pixels.data, where=better, casting="unsafe")
            np.copyto(valid, pixels.valid, where=better)
            ranked |= better
        return Pixels(data, valid)


def reduced_type(kind: str, types: Sequence[PixelType]) -> PixelType:
    """Return the type of what a reducer makes of pixels of given types.

    Raises:
        InvalidExpression: this server does not compute it at each pixel.
    """
    if kind not in KINDS:
        raise InvalidExpression(f"reducer {kind}: not implemented by this server for pixels.")
    if kind in {"allNonZero", "anyNonZero"}:
        return BOOLEAN
    if kind in {"count", "countDistinct", "countDistinctNonNull"}:
        return PixelType("int", 0, max(255, len(types)))
    joint = types[0] if types else DOUBLE
    for other in types[1:]:
        joint = union(joint, other)
    return (
        joint
        if kind in {"mosaic", "first", "firstNonNull", "last", "lastNonNull", "min", "max", "mode"}
        else wide(joint)
    )


def reduced_node(reducer: Reducer, inputs: Sequence[Node], types: Sequence[PixelType]) -> tuple[PixelType, Node]:
    """Return type and node of a reducer of one output over nodes."""
    if reducer.inputs != 1 or len(reducer.outputs) != 1:
        raise InvalidExpression(f"reducer {reducer.kind}: not implemented by this server for pixels.")
    kind = reduced_type(reducer.kind, types)
    return kind, Reduced(reducer.kind, inputs, kind.dtype, reducer.parameters)
