"""Compiled loops and their NumPy versions give the same bits for every type, also for invalid and unusual pixels."""

from typing import Any

import imagecodecs
import numpy as np
import numpy.typing as npt
import pytest

from rasterwire.compiled import TYPES, Loop, carrier, run_twins
from rasterwire.expression.functions.image import distance
from rasterwire.files import lzw
from rasterwire.files.decoded_tile import _sum_rows
from rasterwire.nodes import loops, rank
from rasterwire.pixels import Pixels
from rasterwire.render import area_kernels, kernels, mean_kernels, rules
from rasterwire.render.rounding import limits

Array = npt.NDArray[Any]
_random = np.random.default_rng(14)


def _copied(argument: Any) -> Any:
    return argument.copy() if isinstance(argument, np.ndarray) else argument


def _arrays(arguments: Any) -> list[Array]:
    return [a for a in arguments if isinstance(a, np.ndarray)]


def _differs(loop: Loop, *arguments: Any) -> bool:
    """Return whether a loop and its NumPy version return or write different bits."""
    by_loop, by_twin = [_copied(a) for a in arguments], [_copied(a) for a in arguments]
    returned = loop.machine(*by_loop), loop.twin(*by_twin)
    if np.asarray(returned[0]).tobytes() != np.asarray(returned[1], np.asarray(returned[0]).dtype).tobytes():
        return True
    return any(a.tobytes() != b.tobytes() for a, b in zip(_arrays(by_loop), _arrays(by_twin), strict=True))


def _pixels(dtype: str, shape: tuple[int, ...]) -> Array:
    if np.dtype(dtype).kind == "f":
        return _random.normal(0, 100, shape).round(2).astype(dtype)
    limits = np.iinfo(dtype)
    values = _random.integers(max(limits.min, -1000), min(limits.max, 1000), shape).astype(dtype)
    values.flat[:2] = limits.min, limits.max
    return values


def _lattice() -> tuple[Array, Array, Array, tuple[int, int]]:
    steps = np.arange(5) * 32 * 0.37
    x = np.tile(steps, (5, 1)) + _random.normal(0, 0.3, (5, 5))
    y = np.tile(steps[:, None], (1, 5)) + _random.normal(0, 0.3, (5, 5))
    return x - 9.0, y - 9.0, _random.choice([0.0, 1e-8, 1e-3], (2, 2)), (3, 17)


def _positions(side: int = 40) -> tuple[Array, Array, Array]:
    x, y = _random.uniform(-2, 27, (2, side, side))
    x[0, :6] = np.nan, np.inf, -np.inf, 0.0, 25.0, 24.5
    y[1, :4] = 0.0, 20.0, 1.0, 19.5
    return x, y, _random.choice([0.0, 1e-8, 0.2], (side, side))


def test_positions_and_the_pixels_at_them() -> None:
    lattice, (x, y, tolerance) = _lattice(), _positions()
    out = np.empty((40, 40)), np.empty((40, 40)), np.empty((40, 40))
    cols, rows = np.empty((40, 40), np.int32), np.empty((40, 40), np.int32)
    wrong = {
        "interpolate": _differs(kernels.interpolate, lattice, *out),
        "wrap": _differs(kernels.wrap, x, tolerance, 25, 25.0),
        "pixels_at": _differs(kernels.pixels_at, x, y, tolerance, 25, 20, cols, rows),
        "pixels_on_lattice": _differs(kernels.pixels_on_lattice, lattice, 25, 20, cols, rows),
        "bounds": _differs(kernels.bounds, x, y, 25, 20),
        "bounds of nothing": _differs(kernels.bounds, x - 1e6, y, 25, 20),
    }
    kernels.pixels_at(x, y, np.zeros(x.shape), 25, 20, cols, rows)
    wrong["span"] = _differs(kernels.span, cols, rows)
    wrong["span of nothing"] = _differs(kernels.span, np.full((2, 2), -1, np.int32), np.full((2, 2), -1, np.int32))
    for dtype in ("uint8", "uint16", "uint32", "uint64"):
        source, gathered = _pixels(dtype, (20, 25)), np.empty((40, 40), dtype)
        wrong[f"gather {dtype}"] = _differs(kernels.gather, source, cols, rows, 0, 0, gathered)
    assert [name for name, differs in wrong.items() if differs] == []


@pytest.mark.parametrize("scale", [(1.0, 1.0), (0.4, 0.6), (1.0, 0.5)])
def test_weighted_means(scale: tuple[float, float]) -> None:
    lattice, (x, y, tolerance) = _lattice(), _positions()
    wrong = []
    for dtype in TYPES:
        source = _pixels(dtype, (20, 25))
        for masked in (False, True):
            valid = (_random.random((20, 25)) < 0.7).astype(np.uint8) if masked else np.ones((20, 25), np.uint8)
            image = source, valid, masked, (0, 0), (25, 20)
            data, state = np.empty((40, 40), dtype), np.empty((40, 40), np.uint8)
            for kind in (rules.BILINEAR, rules.CUBIC, rules.CUBIC_SPLINE, rules.LANCZOS):
                if _differs(
                    mean_kernels.means_at, kind, x, y, tolerance, image, scale, limits(source.dtype), data, state
                ):
                    wrong.append((dtype, masked, kind, "at"))
                if _differs(
                    mean_kernels.means_on_lattice, kind, lattice, image, scale, limits(source.dtype), data, state
                ):
                    wrong.append((dtype, masked, kind, "on lattice"))
                if _differs(mean_kernels.sum_of_rows, kind, source, valid, (3, 2), (9.3, 8.1), (0.2, 0.3)):
                    wrong.append((dtype, masked, kind, "strips"))
    assert wrong == []


@pytest.mark.parametrize("size", [0.3, 1.0, 4.7])
def test_reductions(size: float) -> None:
    left, top = _random.uniform(-3, 26, (2, 30, 30))
    right, bottom = left + _random.uniform(0.5, 1.0, left.shape) * size, top + size
    left[0, :4] = np.nan, np.inf, 2e9, 25.0
    flipped = _random.random(left.shape) < 0.3
    left, right = np.where(flipped, right, left), np.where(flipped, left, right)
    place = left, top, right, bottom
    wrong: list[object] = ["boxes"] if _differs(area_kernels.boxes, *place, 25, 20) else []
    wrong += ["boxes of nothing"] if _differs(area_kernels.boxes, left + 1e6, top, right + 1e6, bottom, 25, 20) else []
    most = area_kernels.boxes(*place, 25, 20)[4]
    for dtype in TYPES:
        source = _pixels(dtype, (20, 25))
        source[5:9] = source[5, 0]  # some values are common
        if source.dtype.kind == "f":
            source[2, 3], source[15, 20] = np.nan, np.nan
        valid = (_random.random((20, 25)) < 0.7).astype(np.uint8)
        image = source, valid, (0, 0), (25, 20)
        out = np.empty((30, 30), dtype), np.empty((30, 30), np.uint8)
        expected = {
            "average": _differs(area_kernels.weigh, rules.AVERAGE, image, place, limits(source.dtype), *out),
            "rms": _differs(area_kernels.weigh, rules.RMS, image, place, limits(source.dtype), *out),
            "min": _differs(area_kernels.extreme, rules.MIN, image, place, *out),
            "max": _differs(area_kernels.extreme, rules.MAX, image, place, *out),
            "mode": _differs(area_kernels.rank, rules.MODE, 0.0, most, image, place, *out),
            "q1": _differs(area_kernels.rank, rules.QUANTILE, 0.25, most, image, place, *out),
            "median": _differs(area_kernels.rank, rules.QUANTILE, 0.5, most, image, place, *out),
        }
        wrong += [(dtype, name) for name, differs in expected.items() if differs]
    assert wrong == []


@pytest.mark.parametrize(("count", "width"), [(1, 8), (7, 8), (170, 8), (170, 20)])
def test_sorted_values_of_many_images(count: int, width: int) -> None:
    wrong = []
    for dtype in TYPES:
        stack = _pixels(dtype, (count, 6, width))
        if stack.dtype.kind == "f":
            stack[0, 0, :3] = np.nan, np.inf, 0.0
        else:
            stack[:, 1] = stack[0, 1]
        valid = _random.random(stack.shape) < 0.8
        valid[:, 2, 2] = False
        layers = rank.Layers(count, (6, width), stack.dtype)
        for data, is_valid in zip(stack, valid, strict=True):
            layers.add(Pixels(data, is_valid))
        wrong += [(dtype, kind) for kind in rank.RANKS if not _same_by_twin(layers, kind)]
    assert wrong == []


def _same_by_twin(layers: rank.Layers, kind: str) -> bool:
    of_loop = layers.ranked(kind, (20.0, 75.0), "float64")
    run_twins(True)
    try:
        of_twin = layers.ranked(kind, (20.0, 75.0), "float64")
    finally:
        run_twins(False)
    return all(a.tobytes() == b.tobytes() for a, b in zip(of_loop, of_twin, strict=True))


def test_differences_distances_and_rows_of_tiles() -> None:
    wrong: list[object] = []
    for dtype, result_dtype in (("uint16", "float32"), ("float32", "float32"), ("float64", "float64")):
        a, b = _pixels(dtype, (2, 20, 20))
        a[3], b[3] = 0, 0
        wrong += [dtype] if _differs(loops.normalized_difference, a, b, np.empty((20, 20), result_dtype)) else []
    for share in (0.0, 0.01, 0.3):
        source = (_random.random((30, 30)) < share).astype(np.uint8)
        for metric in range(3):
            same = not _differs(distance.distances, source, 5, metric, np.empty((20, 20), np.float32))
            wrong += [] if same else [(share, metric)]
    for size in (1, 2, 4, 8):
        source = _random.integers(0, 255, (6, 9 * 2 * size), np.uint8).view(f"u{size}").reshape(6, 9, 2)[:, :, 1]
        wrong += [size] if _differs(_sum_rows, source, 2, np.zeros((9, 9), f"u{size}"), 1, 3, 8) else []
    assert wrong == []


def test_the_types_that_carry_others_hold_all_their_values() -> None:
    for dtype in ("uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float32", "float64"):
        assert carrier(dtype) in TYPES
        assert np.can_cast(dtype, carrier(dtype), "safe"), dtype


def test_lengths_of_streams_of_lzw() -> None:
    for size in (1, 2, 9, 5000, 40_000):
        for kind in range(4):
            pixels = _random.integers(0, (2, 5, 100, 256)[kind], size).astype(np.uint8).tobytes()
            stream = bytearray(imagecodecs.lzw_encode(pixels))
            for damage in range(4):
                if damage:
                    stream[int(_random.integers(0, len(stream)))] ^= 1 << damage
                stored = np.frombuffer(bytes(stream), np.uint8)
                for enough in (1, size, size + 99):
                    assert not _differs(lzw.decoded_size, stored, enough), (size, kind, damage)
            assert lzw.decoded_size(np.frombuffer(imagecodecs.lzw_encode(pixels), np.uint8), size) >= size
