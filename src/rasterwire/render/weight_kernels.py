"""Compiled weights of pixels along an axis, for means over windows of pixels. A window has the product of two axes."""

import numpy as np

from rasterwire.compiled import compiled
from rasterwire.render.rules import BILINEAR, CUBIC, CUBIC_SPLINE, HALF_ROOT_OF_3, LANCZOS, RADII, SINE


@compiled
def _sine(t):
    """Return the sine of pi times ``t``, from 0 to 1/2. That of a library differs from one machine to the next."""
    z = np.pi * t
    square = z * z
    fourth = square * square  # two chains of sums, which the processor runs side by side
    even = ((((SINE[10] * fourth + SINE[8]) * fourth + SINE[6]) * fourth + SINE[4]) * fourth + SINE[2]) * fourth + SINE[
        0
    ]
    odd = (((SINE[9] * fourth + SINE[7]) * fourth + SINE[5]) * fourth + SINE[3]) * fourth + SINE[1]
    return (even + odd * square) * z


@compiled
def _lanczos(d):
    """Return the weight of Lanczos's window of 3 at a distance of less than 3."""
    if d == 0.0:
        return 1.0
    t = d / 3.0
    sine = _sine(min(t, 1.0 - t))
    return sine * ((3.0 - 4.0 * sine * sine) * sine) * (3.0 / (np.pi * np.pi)) / (d * d)


@compiled
def _cubic(d):
    """Return the weight of a cubic at a distance of less than 2."""
    return d * d * (1.5 * d - 2.5) + 1.0 if d <= 1.0 else d * (d * (2.5 - 0.5 * d) - 4.0) + 2.0


@compiled
def _weight(kind, distance):
    """Return the weight of a pixel at a distance, in pixels of the output."""
    d = abs(distance)
    if kind == CUBIC_SPLINE and distance > 1.0:  # GDAL's goes on below 0, from 2 to the end of the window
        return (2.0 - d) * (2.0 - d) * (2.0 - d) / 6.0
    if d >= RADII[kind]:
        return 0.0
    if kind == BILINEAR:
        return 1.0 - d
    if kind == LANCZOS:
        return _lanczos(d)
    if kind == CUBIC:
        return _cubic(d)
    return (d * d * (3.0 * d - 6.0) + 4.0) / 6.0 if d <= 1.0 else (2.0 - d) * (2.0 - d) * (2.0 - d) / 6.0


@compiled
def _is_beyond(kind, distance):
    """Tell whether a pixel is no part of a window. Lanczos's has those at its very ends, though they weigh nothing."""
    if kind == CUBIC_SPLINE and distance > 1.0:
        return False
    d = abs(distance)
    return d > RADII[kind] or (d == RADII[kind] and kind != LANCZOS)


@compiled
def _four_of_spline(part, weights):
    """Fill in the weights of four pixels, for a position at a distance after the centre of the second."""
    rest = 1.0 - part
    weights[0] = rest * rest * rest / 6.0
    weights[1] = (part * part * (3.0 * part - 6.0) + 4.0) / 6.0
    weights[2] = (rest * rest * (3.0 * rest - 6.0) + 4.0) / 6.0
    weights[3] = part * part * part / 6.0


@compiled
def _six_of_lanczos(part, weights):
    """Fill in the weights of six pixels, for a position at a distance after the centre of the third.

    One sine makes all six, by the sines of sums. It is taken from the nearer of the two middle pixels: near the other
    one most digits would cancel.
    """
    is_left = part <= 0.5
    near = part if is_left else 1.0 - part
    sine = _sine(near / 3.0)
    cosine = np.sqrt(1.0 - sine * sine) * HALF_ROOT_OF_3
    factor = (3.0 - 4.0 * sine * sine) * sine * (3.0 / (np.pi * np.pi))
    first, second, third = factor * (cosine - 0.5 * sine), -factor * (cosine + 0.5 * sine), factor * sine
    begin, step = (0, 1) if is_left else (5, -1)
    weights[begin] = first / ((2.0 + near) * (2.0 + near))
    weights[begin + step] = second / ((1.0 + near) * (1.0 + near))
    weights[begin + 2 * step] = third / (near * near) if near > 0.0 else 1.0
    weights[begin + 3 * step] = first / ((1.0 - near) * (1.0 - near))
    weights[begin + 4 * step] = second / ((2.0 - near) * (2.0 - near))
    weights[begin + 5 * step] = third / ((3.0 - near) * (3.0 - near))


@compiled
def _line_of_bilinear(scale, part, weights):
    """Do what ``weights_along`` does for any kind, in less time."""
    reach = int(np.ceil(1.0 / scale))
    first, count = -reach, 0
    for k in range(-reach, reach + 1):
        d = abs((k - part) * scale)
        if d < 1.0:
            weights[count] = 1.0 - d
            count += 1
        elif count == 0:
            first += 1
    return first, count


@compiled
def weights_along(kind, scale, p, weights):
    """Fill in the weights of the pixels around a position on an axis, see ``mean_kernels.means_at``.

    Returns:
        The first pixel, counted from the last pixel whose centre is not after the position; and how many.
    """
    part = p - 0.5 - np.floor(p - 0.5)
    if scale >= 1.0 and kind == LANCZOS and part > 0.0:
        _six_of_lanczos(part, weights)
        return -2, 6
    if scale >= 1.0 and kind == CUBIC_SPLINE:
        _four_of_spline(part, weights)
        return -1, 4
    if kind == BILINEAR:
        return _line_of_bilinear(scale, part, weights)
    reach = int(np.ceil(RADII[kind] / scale))
    first, count = -reach, 0
    for k in range(-reach, reach + 1):
        if not _is_beyond(kind, (k - part) * scale):
            weights[count] = _weight(kind, (k - part) * scale)
            count += 1
        elif count == 0:
            first += 1
    return first, count


@compiled
def room_for_weights(kind, scale):
    """Return how many weights ``weights_along`` may fill in."""
    return 2 * int(np.ceil(RADII[kind] / scale)) + 1


@compiled
def sum_down(source, valid, masked, rows, cols, weights, skipped, lines):
    """Fill in sums down each of some columns, pixel by pixel: the order of the sums is the same for every window.

    Args:
        source: pixels.
        valid: their validity.
        masked: whether any may be invalid.
        rows: begin and end.
        cols: likewise.
        weights: of the rows, after some that are skipped.
        skipped: number of them. A slice for each pixel would take as long as the sums.
        lines: filled in: sum of the weighted values, sum of the weights, and number of valid pixels.
    """
    for k in range(cols[0], cols[1]):
        lines[0, k] = lines[1, k] = 0.0
        lines[2, k] = 0.0 if masked else float(rows[1] - rows[0])
    for j in range(rows[0], rows[1]):
        weight = weights[j - rows[0] + skipped]
        if not masked:
            for k in range(cols[0], cols[1]):
                lines[0, k] += float(source[j, k]) * weight
                lines[1, k] += weight
        else:
            for k in range(cols[0], cols[1]):
                if valid[j, k]:
                    lines[0, k] += float(source[j, k]) * weight
                    lines[1, k] += weight
                    lines[2, k] += 1.0


@compiled
def sum_across(cols, weights, skipped, lines):
    """Return the sums of some columns of ``lines`` with their weights, see ``sum_down``."""
    value = weight = count = 0.0
    for k in range(cols[0], cols[1]):
        share = weights[k - cols[0] + skipped]
        value += lines[0, k] * share
        weight += lines[1, k] * share
        count += lines[2, k]
    return value, weight, count


@compiled
def sum_window(source, valid, masked, rows, cols, down, above, across, left):
    """Return what ``sum_across`` does after ``sum_down``, from the same sums in the same order: for a single window.

    Args:
        source, valid, masked, rows, cols: see ``sum_down``.
        down, across: weights of the rows and of the columns.
        above, left: how many of them are skipped.
    """
    value = weight = count = 0.0
    for k in range(cols[0], cols[1]):
        line_value = line_weight = line_count = 0.0
        for j in range(rows[0], rows[1]):
            if masked and not valid[j, k]:
                continue
            share = down[j - rows[0] + above]
            line_value += float(source[j, k]) * share
            line_weight += share
            line_count += 1.0
        share = across[k - cols[0] + left]
        value += line_value * share
        weight += line_weight * share
        count += line_count
    return value, weight, count


@compiled
def sum_bilinear(source, valid, masked, middle, part, scale, across, down):
    """Do what ``sum_cubic`` does for BILINEAR."""
    value = weight = 0.0
    low, high = np.inf, -np.inf
    for k in range(across[0], across[1] + 1):
        share_x = 1.0 - abs((k - part[0]) * scale[0])
        if share_x <= 0.0:
            continue
        line_value = line_weight = 0.0
        for j in range(down[0], down[1] + 1):
            share = 1.0 - abs((j - part[1]) * scale[1])
            if share <= 0.0 or (masked and not valid[j + middle[1], k + middle[0]]):
                continue
            v = float(source[j + middle[1], k + middle[0]])
            line_value += v * share
            line_weight += share
            low, high = min(low, v), max(high, v)
        value += line_value * share_x
        weight += line_weight * share_x
    return value, weight, low, high


@compiled
def sum_cubic(source, valid, masked, middle, part, scale, across, down, weights):
    """Return the sums of a window of CUBIC, and its least and greatest value.

    They are the sums of ``sum_window`` in the same order. All that a pixel needs is done at once: for a few pixels,
    general weights and a second look at the values take longer than the sums.

    Args:
        source, valid, masked: see ``sum_down``.
        middle: column and row of the last pixel whose centre is not after the position.
        part: distance of the position after that centre, along x and y.
        scale: see ``mean_kernels.means_at``.
        across, down: first and last column and row that may have a weight, counted from the middle.
        weights: room for those of the rows.

    Returns:
        Sum of the weighted values, sum of the weights, least and greatest value.
    """
    top, bottom = down
    while top < bottom and abs((top - part[1]) * scale[1]) >= 2.0:
        top += 1
    while top < bottom and abs((bottom - part[1]) * scale[1]) >= 2.0:
        bottom -= 1
    for j in range(top, bottom + 1):
        weights[j - top] = _cubic(abs((j - part[1]) * scale[1]))
    value = weight = 0.0
    low, high = np.inf, -np.inf
    for k in range(across[0], across[1] + 1):
        d = abs((k - part[0]) * scale[0])
        if d >= 2.0:
            continue
        line_value = line_weight = 0.0
        for j in range(top, bottom + 1):
            if masked and not valid[j + middle[1], k + middle[0]]:
                continue
            v = float(source[j + middle[1], k + middle[0]])
            line_value += v * weights[j - top]
            line_weight += weights[j - top]
            low, high = min(low, v), max(high, v)
        share = _cubic(d)
        value += line_value * share
        weight += line_weight * share
    return value, weight, low, high


@compiled
def spread(source, valid, masked, rows, cols):
    """Return the greatest value of a window less the least one."""
    low, high = np.inf, -np.inf
    for j in range(rows[0], rows[1]):
        for k in range(cols[0], cols[1]):
            if not masked or valid[j, k]:
                low, high = min(low, float(source[j, k])), max(high, float(source[j, k]))
    return high - low
