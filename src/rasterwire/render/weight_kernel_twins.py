"""The weights of ``weight_kernels`` by NumPy, equal to the bit, for many positions at once."""

import numpy as np
import numpy.typing as npt

from rasterwire.render.rules import BILINEAR, CUBIC, CUBIC_SPLINE, HALF_ROOT_OF_3, LANCZOS, RADII, SINE

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


def weights_along(kind: int, scale: float, p: Floats) -> tuple[int, Floats, Bools]:
    """Return the weights of the pixels around positions on an axis.

    Returns:
        The first pixel, counted from the last pixel whose centre is not after the position; the weights, shape
        (pixels, positions); and which count.
    """
    part = p - 0.5 - np.floor(p - 0.5)
    if scale >= 1.0 and kind == CUBIC_SPLINE:
        weights = _four_of_spline(part)
        return -1, weights, np.ones(weights.shape, bool)
    reach = int(np.ceil(RADII[kind] / scale))
    distance = (np.arange(-reach, reach + 1)[:, None] - part) * scale
    d = np.abs(distance)
    counts = (d < RADII[kind]) | ((kind == LANCZOS) & (d == RADII[kind])) | ((kind == CUBIC_SPLINE) & (distance > 1.0))
    weights = _weights(kind, distance)
    if scale >= 1.0 and kind == LANCZOS:
        weights[1:] = np.where(part > 0.0, _six_of_lanczos(part), weights[1:])
        counts[0], counts[1:] = part == 0.0, True
    return -reach, weights, counts


def _sine(t: Floats) -> Floats:
    z = np.pi * t
    square = z * z
    fourth = square * square
    even, odd = np.full(t.shape, SINE[10]), np.full(t.shape, SINE[9])
    for coefficient in SINE[8::-2]:
        even = even * fourth + coefficient
    for coefficient in SINE[7::-2]:
        odd = odd * fourth + coefficient
    return (even + odd * square) * z


def _lanczos(d: Floats) -> Floats:
    t = d / 3.0
    sine = _sine(np.minimum(t, 1.0 - t))
    return sine * ((3.0 - 4.0 * sine * sine) * sine) * (3.0 / (np.pi * np.pi)) / (d * d)


def _weights(kind: int, distance: Floats) -> Floats:
    d = np.abs(distance)
    with np.errstate(invalid="ignore", divide="ignore"):
        if kind == BILINEAR:
            weights = 1.0 - d
        elif kind == LANCZOS:
            weights = np.where(d == 0.0, 1.0, _lanczos(d))
        elif kind == CUBIC:
            weights = np.where(d <= 1.0, d * d * (1.5 * d - 2.5) + 1.0, d * (d * (2.5 - 0.5 * d) - 4.0) + 2.0)
        else:
            rest = 2.0 - d
            weights = np.where(d <= 1.0, (d * d * (3.0 * d - 6.0) + 4.0) / 6.0, rest * rest * rest / 6.0)
    return np.where((d >= RADII[kind]) & ((kind != CUBIC_SPLINE) | (distance < 0.0)), 0.0, weights)


def _four_of_spline(part: Floats) -> Floats:
    rest = 1.0 - part
    return np.stack(
        [
            rest * rest * rest / 6.0,
            (part * part * (3.0 * part - 6.0) + 4.0) / 6.0,
            (rest * rest * (3.0 * rest - 6.0) + 4.0) / 6.0,
            part * part * part / 6.0,
        ]
    )


def _six_of_lanczos(part: Floats) -> Floats:
    is_left = part <= 0.5
    near = np.where(is_left, part, 1.0 - part)
    sine = _sine(near / 3.0)
    cosine = np.sqrt(1.0 - sine * sine) * HALF_ROOT_OF_3
    factor = (3.0 - 4.0 * sine * sine) * sine * (3.0 / (np.pi * np.pi))
    first, second, third = factor * (cosine - 0.5 * sine), -factor * (cosine + 0.5 * sine), factor * sine
    with np.errstate(invalid="ignore"):
        weights = np.stack(
            [
                first / ((2.0 + near) * (2.0 + near)),
                second / ((1.0 + near) * (1.0 + near)),
                np.where(near > 0.0, third / (near * near), 1.0),
                first / ((1.0 - near) * (1.0 - near)),
                second / ((2.0 - near) * (2.0 - near)),
                third / ((3.0 - near) * (3.0 - near)),
            ]
        )
    return np.where(is_left, weights, weights[::-1])
