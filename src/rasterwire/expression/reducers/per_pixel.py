"""Nodes that make one value of many at each pixel."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from rasterwire.errors import InvalidExpression
from rasterwire.expression.reducers.definitions import Reducer
from rasterwire.nodes.bounds import Box, are_apart, enclosing_box
from rasterwire.nodes.nodes import Computation, Node, PixelRequest, Target, target_bounds
from rasterwire.nodes.pixel_type import BOOLEAN, DOUBLE, PixelType, union, wide
from rasterwire.nodes.rank import RANKS, ranked
from rasterwire.pixels import Pixels

Array = npt.NDArray[Any]
Valid = npt.NDArray[np.bool_]


class Reduced(Node):
    """One output of a reducer over several nodes, at each pixel; what is masked does not count.

    Inputs that surely have no pixel at a place are not asked.
    """

    __slots__ = ("kind", "parameters", "types")

    def __init__(self, kind: str, inputs: Sequence[Node], dtype: str, parameters: tuple[Any, ...] = ()) -> None:
        bounds: Box | None = enclosing_box([node.bounds for node in inputs])
        super().__init__(dtype, inputs, None if kind in _DEFINED_FOR_NONE else bounds, kind, parameters)
        self.kind = kind
        self.parameters = parameters
        if kind not in STREAMED:
            self.sorts = max(self.sorts, len(inputs))

    def make(self, at: Target) -> Computation:
        """See ``Node.make``."""
        ground = target_bounds(at)
        near = [node for node in self.inputs if not are_apart(node.bounds, ground)]
        if self.kind in STREAMED:
            running = STREAMED[self.kind](self.dtype, (at.window.height, at.window.width))
            for node in reversed(near) if self.kind == "mosaic" else near:
                pixels = yield PixelRequest(node, at)
                if running.add(pixels):
                    break
            return running.result()
        return (yield from self._stacked(near, at))

    def _stacked(self, near: Sequence[Node], at: Target) -> Computation:
        shape = at.window.height, at.window.width
        if not near:
            return Pixels(np.zeros(shape, self.dtype), np.zeros(shape, bool))
        kind = np.result_type(*(np.dtype(node.dtype) for node in near))
        stack, valid = np.empty((len(near), *shape), kind), np.empty((len(near), *shape), bool)
        for place, node in enumerate(near):
            pixels = yield PixelRequest(node, at)
            stack[place], valid[place] = pixels.data, pixels.valid
        return Pixels(*ranked(self.kind, self.parameters, stack, valid, self.dtype))


class Running:
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


class _First(Running):
    def add(self, pixels: Pixels) -> bool:
        if not self.valid.any():
            self.data, self.valid = pixels.data.astype(self.data.dtype, copy=False), pixels.valid
        else:
            self.data = np.where(self.valid, self.data, pixels.data).astype(self.data.dtype, copy=False)
            self.valid = self.valid | pixels.valid
        return bool(self.valid.all())


class _Last(Running):
    def add(self, pixels: Pixels) -> bool:
        self.data = np.where(pixels.valid, pixels.data, self.data).astype(self.data.dtype, copy=False)
        self.valid = self.valid | pixels.valid
        return False


class _Extreme(Running):
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


class _Summed(Running):
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


class _Product(Running):
    def __init__(self, dtype: str, shape: tuple[int, int]) -> None:
        super().__init__(dtype, shape)
        self.data[:] = 1

    def add(self, pixels: Pixels) -> bool:
        np.multiply(self.data, pixels.data, out=self.data, where=pixels.valid, casting="unsafe")
        self.valid |= pixels.valid
        return False


class _Variance(Running):
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


class _All(Running):
    def __init__(self, dtype: str, shape: tuple[int, int]) -> None:
        super().__init__(dtype, shape)
        self.data[:] = 1

    def add(self, pixels: Pixels) -> bool:
        self.data[pixels.valid & (pixels.data == 0)] = 0
        self.valid |= pixels.valid
        return False


class _Any(Running):
    def add(self, pixels: Pixels) -> bool:
        self.data[pixels.valid & (pixels.data != 0)] = 1
        self.valid |= pixels.valid
        return False


STREAMED: dict[str, type[Running]] = {
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

KINDS = frozenset(STREAMED) | frozenset(RANKS)
"""Reducers that this module computes at each pixel."""


class Selected(Node):
    """The value of one of several nodes, at each pixel: of that whose quality is greatest."""

    __slots__ = ()

    def __init__(self, qualities: Sequence[Node], nodes: Sequence[Node], dtype: str) -> None:
        pairs = [node for pair in zip(qualities, nodes, strict=True) for node in pair]
        super().__init__(dtype, pairs, enclosing_box([node.bounds for node in nodes]))

    def make(self, at: Target) -> Computation:
        """See ``Node.make``."""
        ground = target_bounds(at)
        shape = at.window.height, at.window.width
        data, valid = np.zeros(shape, self.dtype), np.zeros(shape, bool)
        best, ranked = np.zeros(shape), np.zeros(shape, bool)
        for quality, node in zip(self.inputs[::2], self.inputs[1::2], strict=True):
            # not where only the other is apart: its image may still be the best, and hide those below it
            if are_apart(quality.bounds, ground):
                continue
            how = yield PixelRequest(quality, at)
            better = how.valid & (~ranked | (how.data > best))
            if not better.any():
                continue
            pixels = yield PixelRequest(node, at)
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
