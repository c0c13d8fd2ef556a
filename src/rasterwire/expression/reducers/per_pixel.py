"""Nodes that reduce several inputs to one value at each pixel."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from rasterwire.compiled import carrier
from rasterwire.errors import InvalidExpression
from rasterwire.expression.reducers.definitions import Reducer
from rasterwire.expression.reducers.table import REDUCERS, PixelEngine, ResultType
from rasterwire.nodes.bounds import Box, are_apart, enclosing_box
from rasterwire.nodes.nodes import Computation, Node, PixelRequest, Target, target_bounds
from rasterwire.nodes.pixel_type import BOOLEAN, DOUBLE, PixelType, union, wide
from rasterwire.nodes.rank import Layers
from rasterwire.pixels import Pixels

Array = npt.NDArray[Any]
Valid = npt.NDArray[np.bool_]


class Reduced(Node):
    """One output of a reducer over several nodes at each pixel; masked pixels do not count.

    Inputs without a valid pixel at a place are not computed there.
    """

    __slots__ = ("kind", "parameters", "types")

    def __init__(self, kind: str, inputs: Sequence[Node], dtype: str, parameters: tuple[Any, ...] = ()) -> None:
        bounds: Box | None = enclosing_box([node.bounds for node in inputs])
        row = REDUCERS[kind]
        super().__init__(dtype, inputs, None if row.is_valid_without_inputs else bounds, kind, parameters)
        self.kind = kind
        self.parameters = parameters
        if row.at_pixels is PixelEngine.RANK:
            types = {node.dtype for node in inputs} or {dtype}
            size = np.dtype(carrier(np.result_type(*map(np.dtype, types)).name)).itemsize
            self.sorted_bytes = max(self.sorted_bytes, len(inputs) * size)

    def make(self, place: Target) -> Computation:
        """See ``Node.make``."""
        box = target_bounds(place)
        near = [node for node in self.inputs if not are_apart(node.bounds, box)]
        if REDUCERS[self.kind].at_pixels is PixelEngine.ACCUMULATOR:
            accumulator = ACCUMULATORS[self.kind](self.dtype, (place.window.height, place.window.width))
            for node in reversed(near) if self.kind == "mosaic" else near:
                pixels = yield PixelRequest(node, place)
                if accumulator.add(pixels):
                    break
            return accumulator.result()
        return (yield from self._stacked(near, place))

    def _stacked(self, near: Sequence[Node], place: Target) -> Computation:
        shape = place.window.height, place.window.width
        if not near:
            return Pixels(np.zeros(shape, self.dtype), np.zeros(shape, bool))
        layers = Layers(len(near), shape, np.result_type(*(np.dtype(node.dtype) for node in near)))
        for node in near:
            layers.add((yield PixelRequest(node, place)))
        return Pixels(*layers.ranked(self.kind, self.parameters, self.dtype))


class Accumulator:
    """Takes in the pixels of one input after another."""

    def __init__(self, dtype: str, shape: tuple[int, int]) -> None:
        self.data: Array = np.zeros(shape, dtype)
        self.valid: Valid = np.zeros(shape, bool)

    def add(self, pixels: Pixels) -> bool:
        """Take in pixels; return whether no more are needed."""
        raise NotImplementedError

    def result(self) -> Pixels:
        """Return the result of all pixels taken in."""
        return Pixels(self.data, self.valid)


class _First(Accumulator):
    def add(self, pixels: Pixels) -> bool:
        if not self.valid.any():
            self.data, self.valid = pixels.data.astype(self.data.dtype, copy=False), pixels.valid
        else:
            self.data = np.where(self.valid, self.data, pixels.data).astype(self.data.dtype, copy=False)
            self.valid = self.valid | pixels.valid
        return bool(self.valid.all())


class _Last(Accumulator):
    def add(self, pixels: Pixels) -> bool:
        self.data = np.where(pixels.valid, pixels.data, self.data).astype(self.data.dtype, copy=False)
        self.valid = self.valid | pixels.valid
        return False


class _Extreme(Accumulator):
    choose: Callable[..., Array]

    def add(self, pixels: Pixels) -> bool:
        values = pixels.data.astype(self.data.dtype, copy=False)
        extremes = type(self).choose(self.data, values)
        self.data = np.where(self.valid & pixels.valid, extremes, np.where(pixels.valid, values, self.data))
        self.valid = self.valid | pixels.valid
        return False


class _Least(_Extreme):
    choose = np.minimum


class _Greatest(_Extreme):
    choose = np.maximum


class _Summed(Accumulator):
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


class _Product(Accumulator):
    def __init__(self, dtype: str, shape: tuple[int, int]) -> None:
        super().__init__(dtype, shape)
        self.data[:] = 1

    def add(self, pixels: Pixels) -> bool:
        np.multiply(self.data, pixels.data, out=self.data, where=pixels.valid, casting="unsafe")
        self.valid |= pixels.valid
        return False


class _Variance(Accumulator):
    """By Welford's recurrence, which stays accurate where the values are large and close to each other."""

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
        variance = self.squares / np.maximum(self.count, 1)
        return Pixels(variance.astype(self.data.dtype), self.count > 0)


class _Deviation(_Variance):
    def result(self) -> Pixels:
        deviation = np.sqrt(self.squares / np.maximum(self.count, 1))
        return Pixels(deviation.astype(self.data.dtype), self.count > 0)


class _All(Accumulator):
    def __init__(self, dtype: str, shape: tuple[int, int]) -> None:
        super().__init__(dtype, shape)
        self.data[:] = 1

    def add(self, pixels: Pixels) -> bool:
        self.data[pixels.valid & (pixels.data == 0)] = 0
        self.valid |= pixels.valid
        return False


class _Any(Accumulator):
    def add(self, pixels: Pixels) -> bool:
        self.data[pixels.valid & (pixels.data != 0)] = 1
        self.valid |= pixels.valid
        return False


ACCUMULATORS: dict[str, type[Accumulator]] = {
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


class Selected(Node):
    """The value of the one of several nodes whose quality is greatest, at each pixel."""

    __slots__ = ()

    def __init__(self, qualities: Sequence[Node], nodes: Sequence[Node], dtype: str) -> None:
        pairs = [node for pair in zip(qualities, nodes, strict=True) for node in pair]
        super().__init__(dtype, pairs, enclosing_box([node.bounds for node in nodes]))

    def make(self, place: Target) -> Computation:
        """See ``Node.make``."""
        box = target_bounds(place)
        shape = place.window.height, place.window.width
        data, valid = np.zeros(shape, self.dtype), np.zeros(shape, bool)
        best, ranked = np.zeros(shape), np.zeros(shape, bool)
        for quality, node in zip(self.inputs[::2], self.inputs[1::2], strict=True):
            # a node that is apart is still asked: where its quality is best, its mask hides the other nodes
            if are_apart(quality.bounds, box):
                continue
            scores = yield PixelRequest(quality, place)
            better = scores.valid & (~ranked | (scores.data > best))
            if not better.any():
                continue
            pixels = yield PixelRequest(node, place)
            np.copyto(best, scores.data, where=better, casting="unsafe")
            np.copyto(data, pixels.data, where=better, casting="unsafe")
            np.copyto(valid, pixels.valid, where=better)
            ranked |= better
        return Pixels(data, valid)


def reduced_type(kind: str, types: Sequence[PixelType]) -> PixelType:
    """Return the pixel type of the result of a reducer over pixels of given types.

    Raises:
        InvalidExpression: this server has no engine for the reducer at each pixel.
    """
    row = REDUCERS[kind]
    if row.at_pixels is None:
        raise InvalidExpression(f"reducer {kind}: not implemented by this server for pixels.")
    if row.result_type is ResultType.BOOLEAN:
        return BOOLEAN
    if row.result_type is ResultType.COUNT:
        return PixelType("int", 0, max(255, len(types)))
    joint = types[0] if types else DOUBLE
    for band_type in types[1:]:
        joint = union(joint, band_type)
    return joint if row.result_type is ResultType.JOINT else wide(joint)


def reduced_node(reducer: Reducer, inputs: Sequence[Node], types: Sequence[PixelType]) -> tuple[PixelType, Node]:
    """Return the pixel type and the node of a reducer of one output over nodes."""
    if reducer.inputs != 1 or len(reducer.outputs) != 1:
        raise InvalidExpression(f"reducer {reducer.kind}: not implemented by this server for pixels.")
    pixel_type = reduced_type(reducer.kind, types)
    return pixel_type, Reduced(reducer.kind, inputs, pixel_type.dtype, reducer.parameters)
