"""Functions that return kernels: the weights of the pixels around a pixel."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from rasterwire.errors import InvalidExpression
from rasterwire.expression.language.signature import table
from rasterwire.expression.language.values import KernelValue

Array = npt.NDArray[Any]

_MAX_MAGNITUDE = 1e30
"""The magnitude of a kernel has to be below this."""

_shape = 'radius: Float, units: String = "pixels", normalize: Boolean = true, magnitude: Float = 1.0'


def _kernel(weights: Array, units: str, normalize: bool, magnitude: float) -> KernelValue:
    if units not in {"pixels", "meters"}:
        raise InvalidExpression(f"'units' is '{units[:20]}'; use pixels or meters.")
    if not abs(magnitude) < _MAX_MAGNITUDE:
        raise InvalidExpression(f"'magnitude' is {magnitude:g}; it has to be a number below {_MAX_MAGNITUDE:g}.")
    scaled = weights * magnitude / (np.abs(weights).sum() if normalize else 1.0)
    if not np.isfinite(scaled).all():
        raise InvalidExpression("the weights of the kernel are not finite.")
    return KernelValue(tuple(tuple(row) for row in scaled.tolist()), units)


def _offsets(radius: float) -> tuple[Array, Array]:
    if not 0 <= radius <= 50:
        raise InvalidExpression(f"a radius of {radius:g} pixels is not between 0 and 50.")
    half_width = math.floor(radius + 1e-9)
    along = np.arange(-half_width, half_width + 1.0)
    return np.broadcast_arrays(along, along[:, None])  # type: ignore[return-value]


@table.listed(f"Kernel.square({_shape}) -> Kernel")
def square(radius: float, units: str, normalize: bool, magnitude: float) -> KernelValue:
    """Returns a kernel of a square."""
    x, _ = _offsets(radius)
    return _kernel(np.ones(x.shape), units, normalize, magnitude)


@table.listed(f"Kernel.circle({_shape}) -> Kernel")
def circle(radius: float, units: str, normalize: bool, magnitude: float) -> KernelValue:
    """Returns a kernel of a disk."""
    x, y = _offsets(radius)
    return _kernel((x * x + y * y <= radius * radius + 1e-9).astype(float), units, normalize, magnitude)


@table.listed(f"Kernel.cross({_shape}) -> Kernel")
def cross(radius: float, units: str, normalize: bool, magnitude: float) -> KernelValue:
    """Returns a kernel of two diagonals."""
    x, y = _offsets(radius)
    return _kernel((np.abs(x) == np.abs(y)).astype(float), units, normalize, magnitude)


@table.listed(f"Kernel.plus({_shape}) -> Kernel")
def plus(radius: float, units: str, normalize: bool, magnitude: float) -> KernelValue:
    """Returns a kernel of a row and a column."""
    x, y = _offsets(radius)
    return _kernel(((x == 0) | (y == 0)).astype(float), units, normalize, magnitude)


@table.listed(f"Kernel.diamond({_shape}) -> Kernel")
def diamond(radius: float, units: str, normalize: bool, magnitude: float) -> KernelValue:
    """Returns a kernel of a diamond."""
    x, y = _offsets(radius)
    return _kernel((np.abs(x) + np.abs(y) <= radius + 1e-9).astype(float), units, normalize, magnitude)


@table.listed(
    'Kernel.gaussian(radius: Float, sigma: Float = 1.0, units: String = "pixels", normalize: Boolean = true, '
    "magnitude: Float = 1.0) -> Kernel"
)
def gaussian(radius: float, sigma: float, units: str, normalize: bool, magnitude: float) -> KernelValue:
    """Returns a kernel of a Gaussian bell."""
    if not sigma > 0:
        raise InvalidExpression("'sigma' has to be greater than 0.")
    x, y = _offsets(radius)
    return _kernel(np.exp(-(x * x + y * y) / (2 * sigma * sigma)), units, normalize, magnitude)


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
    return _kernel(values, "pixels", normalize, 1.0)
