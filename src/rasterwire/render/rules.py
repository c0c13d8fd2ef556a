"""Constants that compiled loops and their twins in NumPy share."""

SHIFT = 5
STEP = 1 << SHIFT
"""Output pixels between nodes of a lattice of exact positions; a power of two, so that no quotient is rounded."""

OUTSIDE = -1
DOUBTFUL = -2

EDGE = 1e-10
"""In source pixels: a centre this close to the next pixel belongs to that pixel, as in GDAL."""

BILINEAR, CUBIC = 0, 1

INVALID, VALID, UNSURE = 0, 1, 2

LEAST_WEIGHT = 1e-6
"""Least sum of the weights of a mean; GDAL's."""

AVERAGE, RMS, MIN, MAX, MODE, QUANTILE = range(6)
