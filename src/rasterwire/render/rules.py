"""Constants that compiled loops and their twins in NumPy share."""

import math

SHIFT = 5
STEP = 1 << SHIFT
"""Output pixels between nodes of a lattice of exact positions; a power of two, so that no quotient is rounded."""

OUTSIDE = -1
DOUBTFUL = -2

EDGE = 1e-10
"""In source pixels: a centre this close to the next pixel belongs to that pixel, as in GDAL."""

BILINEAR, CUBIC, CUBIC_SPLINE, LANCZOS = range(4)

RADII = 1.0, 2.0, 2.0, 3.0
"""Of the kernel of each, in source pixels; where it is widened, in output pixels."""

SLOPES = 4.0, 16.0, 8.0, 24.0
"""Bound on the change of a mean with its position, by the range of its pixels; for kernels that are not widened."""

SINE = tuple((-1.0) ** k / math.factorial(2 * k + 1) for k in range(11))
"""Coefficients of the powers 1, 3, 5, ... of a sine."""

HALF_ROOT_OF_3 = math.sqrt(3.0) / 2.0

INVALID, VALID, UNSURE = 0, 1, 2

LEAST_WEIGHT = 1e-6
"""Least sum of the weights of a mean; GDAL's."""

AVERAGE, RMS, MIN, MAX, MODE, QUANTILE = range(6)
