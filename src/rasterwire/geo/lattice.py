"""The place of a grid on the lattice of pixels that it shares with its parts, and with any grid it is a part of.

A grid is defined by six numbers, and its origin is rounded: for a part that begins at pixel n, ``origin + n *
size`` has a rounding error of its own. Pixels are therefore counted from an anchor that all these grids can find: a
node of the lattice, exactly. A lattice has a *phase*, the distance of its nodes from an origin in pixels. A phase
that is a simple fraction within the rounding error is taken to be that fraction. This holds for all grids that are
derived from the origin of a crs or of a raster. Other grids keep their own origin or, on demand, round their phase
to 2**-21 pixels.
"""

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from affine import Affine
from odc.geo.geobox import GeoBox

Floats = npt.NDArray[np.float64]
Six = tuple[float, ...]
Origin = tuple[float, float]

_LARGEST_DENOMINATOR = 1000
_PHASES = 1 << 21
_ROUNDING = 2.0**-50
"""Relative to the number of pixels from the origin: several rounding errors of doubles."""

_LEAST_TOLERANCE, _MAX_TOLERANCE = 2.0**-40, 2.0**-22
"""In pixels; different fractions with denominators up to 1000 are further apart."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """A node of a lattice, and a grid of the lattice counted from it.

    Attributes:
        x, y: of the node, exact.
        steps: a, b, d and e of the grid's affine transform.
        col, row: of the grid's first pixel.
    """

    x: Fraction
    y: Fraction
    steps: Six
    col: int
    row: int

    def affine_at(self, col: int, row: int) -> Affine:
        """Return the affine transform of pixels from a node on; the nearest doubles to the exact one."""
        a, b, d, e = self.steps
        x = self.x + Fraction(a) * col + Fraction(b) * row
        y = self.y + Fraction(d) * col + Fraction(e) * row
        return Affine(a, b, float(x), d, e, float(y))

    def onto(self, raster: Affine) -> Affine:
        """Return the transform from pixels of the lattice, counted from the anchor, to those of a raster."""
        return _onto(self.x, self.y, self.steps, tuple(raster)[:6])


@lru_cache(maxsize=4096)
def _onto(x: Fraction, y: Fraction, steps: Six, raster: Six) -> Affine:
    ra, rb, rc, rd, re, rf = map(Fraction, raster)
    a, b, d, e = map(Fraction, steps)
    determinant = ra * re - rb * rd

    def solved(along: Fraction, down: Fraction) -> tuple[float, float]:
        return float((re * along - rb * down) / determinant), float((ra * down - rd * along) / determinant)

    (xx, yx), (xy, yy), (x0, y0) = solved(a, d), solved(b, e), solved(x - rc, y - rf)
    return Affine(xx, xy, x0, yx, yy, y0)


def anchor(affine: Affine, origin: Origin | None = None, *, rounds: bool = False) -> Anchor:
    """Return the anchor of the lattice of a grid.

    Args:
        affine: of the grid.
        origin: of a raster in the same crs, from which the lattice may be derived; the anchor then lies near it.
            With None it lies near the origin of the crs.
        rounds: whether a phase that is no simple fraction is rounded. Parts then share the anchor, except for
            one in some thousand lattices, whose phase lies between two rounded ones. Positions are up to
            2.4e-7 pixel off.
    """
    return _anchor(tuple(affine)[:6], origin, rounds)


@lru_cache(maxsize=4096)
def _anchor(affine: Six, origin: Origin | None, rounds: bool) -> Anchor:
    a, b, c, d, e, f = map(Fraction, affine)
    determinant = a * e - b * d

    def in_pixels(x: Fraction, y: Fraction) -> tuple[Fraction, Fraction]:
        return (e * x - b * y) / determinant, (a * y - d * x) / determinant

    origins = [(Fraction(0), Fraction(0))]
    if origin is not None:
        origins.append((Fraction(origin[0]), Fraction(origin[1])))
    tolerances = _tolerances(affine, origin or (0.0, 0.0))
    steps = affine[0], affine[1], affine[3], affine[4]
    for x, y in origins:
        fractions = [_simple(n, t) for n, t in zip(in_pixels(c - x, f - y), tolerances, strict=True)]
        if fractions[0] is not None and fractions[1] is not None:
            position = fractions[0], fractions[1]
            break
    else:
        if not rounds:
            return Anchor(c, f, steps, 0, 0)
        x, y = origins[-1]
        across, down = in_pixels(c - x, f - y)
        position = Fraction(round(across * _PHASES), _PHASES), Fraction(round(down * _PHASES), _PHASES)
    col, row = position[0].__floor__(), position[1].__floor__()
    phase = position[0] - col, position[1] - row
    near = in_pixels(origins[-1][0] - x, origins[-1][1] - y)
    first = [(n - p + Fraction(1, 2)).__floor__() for n, p in zip(near, phase, strict=True)]
    node = first[0] + phase[0], first[1] + phase[1]
    return Anchor(x + a * node[0] + b * node[1], y + d * node[0] + e * node[1], steps, col - first[0], row - first[1])


def _tolerances(affine: Six, origin: Origin) -> tuple[float, float]:
    """Return the largest rounding error of the origin of a grid, in columns and rows."""
    a, b, c, d, e, f = map(abs, affine)
    determinant = abs(affine[0] * affine[4] - affine[1] * affine[3])
    x, y = c + abs(origin[0]), f + abs(origin[1])
    sizes = (e * x + b * y) / determinant, (a * y + d * x) / determinant
    across, down = (min(max(_ROUNDING * size, _LEAST_TOLERANCE), _MAX_TOLERANCE) for size in sizes)
    return across, down


def _simple(number: Fraction, tolerance: float) -> Fraction | None:
    whole = round(number)
    fraction = (number - whole).limit_denominator(_LARGEST_DENOMINATOR)
    return whole + fraction if abs(number - whole - fraction) <= tolerance else None


def coordinates(
    grid: GeoBox, col: npt.NDArray[np.floating[Any]], row: npt.NDArray[np.floating[Any]], *, rounds: bool = False
) -> tuple[Floats, Floats]:
    """Return coordinates in the crs of points of a grid by column and row, which may broadcast."""
    origin = anchor(grid.affine, rounds=rounds)
    affine = origin.affine_at(0, 0)
    cols, rows = col + origin.col, row + origin.row
    x: Floats = affine.a * cols + affine.c + (affine.b * rows if affine.b else 0.0)
    y: Floats = affine.e * rows + affine.f + (affine.d * cols if affine.d else 0.0)
    return x, y
