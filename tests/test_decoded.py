"""Decoded tiles, pixels with a nodata value, and the threads that decode."""

import contextlib
import copy
import os
import pickle
import threading

import numpy as np
import pytest

from cases import every
from effort import HANG
from rasterwire.files.decoded_tile import DecodedTile
from rasterwire.pixels import NodataPixels, Pixels
from rasterwire.render.engine import ThreadEngine

NEXT_TO_NODATA = np.nextafter(np.float32(-9999.9), np.float32(0))


@every("dtype", ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8"])
@every("samples", [1, 3])
@every("are_differences", [True, False])
@every(("row", "col", "rows", "cols"), [(0, 0, 8, 16), (3, 0, 2, 5), (7, 15, 1, 1), (2, 4, 6, 12)])
def test_a_rectangle_of_a_tile_goes_where_it_shall(
    dtype: str, samples: int, are_differences: bool, row: int, col: int, rows: int, cols: int
) -> None:
    data = np.random.default_rng(3).integers(0, 256, 8 * 16 * samples * np.dtype(dtype).itemsize, "u1")
    stored = np.frombuffer(data.tobytes(), dtype).reshape(8, 16, samples)
    out = np.full((10, 20), 7, dtype)
    place = slice(1, 1 + rows), slice(3, 3 + cols)
    DecodedTile(stored, are_differences).copy_to(out, *place, (row, col), samples - 1)
    with np.errstate(over="ignore"):
        pixels = np.cumsum(stored, axis=1, dtype=dtype) if are_differences else stored
    expected = np.full((10, 20), 7, dtype)
    expected[place] = pixels[row : row + rows, col : col + cols, samples - 1]
    np.testing.assert_array_equal(out, expected)


@every(
    ("values", "nodata", "valid"),
    [
        (np.array([[0, 1, 2]], "u2"), 0, [[False, True, True]]),
        (np.array([[0, 1, 2]], "u2"), None, [[True, True, True]]),
        (np.array([[0, np.nan, 2]], "f4"), np.nan, [[True, False, True]]),
        (
            np.array([[NEXT_TO_NODATA, 1, -9999.9]], "f4"),
            -9999.9,
            [[False, True, False]],
        ),
    ],
)
@every("fill", [0, 1, -9999.9])
def test_pixels_told_by_nodata_are_those_of_a_mask(
    values: "np.ndarray[tuple[int, int], np.dtype[np.generic]]",
    nodata: float | None,
    valid: list[list[bool]],
    fill: float,
) -> None:
    fill = fill if values.dtype.kind == "f" else abs(int(fill)) % 2
    unmasked, masked = NodataPixels(values, nodata), Pixels(values, np.array(valid))
    for pixels in (unmasked, pickle.loads(pickle.dumps(unmasked)), copy.copy(unmasked)):
        np.testing.assert_array_equal(pixels.filled(fill), masked.filled(fill))
        np.testing.assert_array_equal(pixels.valid, masked.valid)
        np.testing.assert_array_equal(pixels.filled(fill), masked.filled(fill))


def test_as_many_threads_as_cores_keep_to_one_each() -> None:
    if not hasattr(os, "sched_getaffinity"):
        pytest.skip("this system lets no thread keep to a core")
    cores = os.sched_getaffinity(0)
    for workers in (len(cores), len(cores) + 1):
        together = threading.Barrier(workers)

        def cores_of(_: int, together: threading.Barrier = together) -> frozenset[int]:
            together.wait(HANG)
            return frozenset(os.sched_getaffinity(0))

        with contextlib.closing(ThreadEngine(workers)) as engine:
            cores_by_thread = set(engine.map(cores_of, range(workers))) if workers > 1 else {frozenset(cores)}
        apart = {frozenset({core}) for core in cores}
        assert cores_by_thread == (apart if workers == len(cores) else {frozenset(cores)})
    assert os.sched_getaffinity(0) == cores


def test_threads_render_where_a_sandbox_lets_them_not_choose_a_core(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(_pid: int, _cores: set[int]) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1}, raising=False)
    monkeypatch.setattr(os, "sched_setaffinity", forbidden, raising=False)
    with contextlib.closing(ThreadEngine(2)) as engine:
        assert list(engine.map(abs, range(-9, 0))) == list(range(9, 0, -1))
