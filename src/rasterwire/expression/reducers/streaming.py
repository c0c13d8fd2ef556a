"""Reducers that take their values part by part, and hold no more of them than their results need."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from rasterwire.errors import InvalidExpression
from rasterwire.expression.language.formatting import number
from rasterwire.expression.language.sizes import MAX_PARTS
from rasterwire.expression.reducers.definitions import Reducer, Results, assembled
from rasterwire.expression.reducers.histogram import Histogram
from rasterwire.expression.reducers.value_table import READINGS, ValueTable

Numbers = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]


class Tally:
    """What one reducer made of its values so far.

    Attributes:
        held: numbers of it that grow with the values.
    """

    held = 0

    def add(self, columns: Sequence[Numbers], weights: Floats | None, /) -> None:
        """Take in rows of values, at least one and none NaN; without weights each counts once."""
        raise NotImplementedError

    def results(self) -> list[Any]:
        """Return the results in the order of the outputs, null where there is none."""
        raise NotImplementedError


class _Count(Tally):
    def __init__(self) -> None:
        self._count = 0

    def add(self, columns: Sequence[Numbers], _: Floats | None) -> None:
        self._count += len(columns[0])

    def results(self) -> list[Any]:
        return [self._count]


class _First(Tally):
    def __init__(self) -> None:
        self._value: Any = None

    def add(self, columns: Sequence[Numbers], _: Floats | None) -> None:
        if self._value is None:
            self._value = number(columns[0][0])

    def results(self) -> list[Any]:
        return [self._value]


class _Last(_First):
    def add(self, columns: Sequence[Numbers], _: Floats | None) -> None:
        self._value = number(columns[0][-1])


class _Sum(Tally):
    def __init__(self) -> None:
        self._total = self._weight = 0.0

    def add(self, columns: Sequence[Numbers], weights: Floats | None) -> None:
        values = columns[0]
        self._total += float(np.sum(values if weights is None else values * weights, dtype=np.float64))
        self._weight += len(values) if weights is None else float(weights.sum())

    def results(self) -> list[Any]:
        return [number(self._total)]


class _Mean(_Sum):
    def results(self) -> list[Any]:
        return [number(self._total / self._weight) if self._weight else None]


class _Product(Tally):
    def __init__(self) -> None:
        self._product: float | None = None

    def add(self, columns: Sequence[Numbers], _: Floats | None) -> None:
        made = float(np.prod(columns[0], dtype=np.float64))
        self._product = made if self._product is None else self._product * made

    def results(self) -> list[Any]:
        return [None if self._product is None else number(self._product)]


class _AllNonZero(Tally):
    def __init__(self) -> None:
        self._held = True

    def add(self, columns: Sequence[Numbers], _: Floats | None) -> None:
        self._held = self._held and bool(columns[0].all())

    def results(self) -> list[Any]:
        return [int(self._held)]


class _AnyNonZero(Tally):
    def __init__(self) -> None:
        self._met = False

    def add(self, columns: Sequence[Numbers], _: Floats | None) -> None:
        self._met = self._met or bool(columns[0].any())

    def results(self) -> list[Any]:
        return [int(self._met)]


class _Extreme(Tally):
    """The row whose first value is least or greatest, the first of several."""

    def __init__(self, sign: float, inputs: int) -> None:
        self._sign = sign
        self._row: list[Any] = [None] * inputs

    def add(self, columns: Sequence[Numbers], _: Floats | None) -> None:
        at = int(np.argmin(columns[0]) if self._sign > 0 else np.argmax(columns[0]))
        row = [number(column[at]) for column in columns]
        if self._row[0] is None or self._sign * row[0] < self._sign * self._row[0]:
            self._row = row

    def results(self) -> list[Any]:
        return self._row


class _Moments(Tally):
    """Means, and sums of squares and products about them, of one column or two.

    Parts are taken about their own means and joined after, all from the first row on, which keeps digits
    where values are large and close.
    Source: Chan, Golub and LeVeque, Updating Formulae and a Pairwise Algorithm, 1979.
    """

    def __init__(self, inputs: int) -> None:
        self._origin: Floats | None = None
        self._weight = 0.0
        self._means = np.zeros(inputs)
        self._products = np.zeros((inputs, inputs))

    def add(self, columns: Sequence[Numbers], weights: Floats | None) -> None:
        values = np.stack([column.astype(np.float64, copy=False) for column in columns])
        heavy = np.ones(values.shape[1]) if weights is None else weights
        weight = float(heavy.sum())
        if not weight:
            return
        if self._origin is None:
            self._origin = values[:, 0].copy()
        values -= self._origin[:, None]
        means = (values * heavy).sum(axis=1) / weight
        apart = values - means[:, None]
        products = np.array([[(heavy * one * other).sum() for other in apart] for one in apart])
        total, moved = self._weight + weight, means - self._means
        self._products += products + np.outer(moved, moved) * (self._weight * weight / total)
        self._means += moved * (weight / total)
        self._weight = total


class _Variance(_Moments):
    def results(self) -> list[Any]:
        return [number(self._products[0, 0] / self._weight) if self._weight else None]


class _Deviation(_Moments):
    def results(self) -> list[Any]:
        return [number(math.sqrt(self._products[0, 0] / self._weight)) if self._weight else None]


class _Line(_Moments):
    def results(self) -> list[Any]:
        if self._origin is None:
            return [None, None]
        spread = self._products[0, 0]
        scale = self._products[0, 1] / spread if spread else 0.0
        x, y = self._origin + self._means
        return [number(scale), number(y - scale * x)]


class _Buckets(Tally):
    def __init__(self, most: int, least_width: float) -> None:
        self._histogram = Histogram(most, least_width)

    def add(self, columns: Sequence[Numbers], weights: Floats | None) -> None:
        self._histogram.add(columns[0].astype(np.float64, copy=False), weights)

    def results(self) -> list[Any]:
        return [self._histogram.result()]


class _Rows(Tally):
    """All values, or all rows of them; NaN stands for null where that is allowed."""

    def __init__(self, size: int | None) -> None:
        self._size = size
        self._parts: list[Numbers] = []

    def add(self, columns: Sequence[Numbers], _: Floats | None) -> None:
        self._parts.append(np.stack(columns, axis=1))
        self.held += self._parts[-1].size
        if self.held > MAX_PARTS:
            raise InvalidExpression(
                f"the list of the region has more than {MAX_PARTS} numbers; give a coarser 'scale' or a smaller region."
            )

    def results(self) -> list[Any]:
        rows = ([None if math.isnan(v) else number(v) for v in row] for part in self._parts for row in part.tolist())
        return [[row[0] for row in rows] if self._size is None else list(rows)]


_plain: dict[str, Callable[[], Tally]] = {
    "count": _Count,
    "first": _First,
    "firstNonNull": _First,
    "last": _Last,
    "lastNonNull": _Last,
    "sum": _Sum,
    "mean": _Mean,
    "product": _Product,
    "allNonZero": _AllNonZero,
    "anyNonZero": _AnyNonZero,
    "variance": lambda: _Variance(1),
    "stdDev": lambda: _Deviation(1),
    "linearFit": lambda: _Line(2),
}


def _begun(reducer: Reducer) -> Tally:
    match reducer.kind:
        case "min" | "max":
            return _Extreme(1.0 if reducer.kind == "min" else -1.0, reducer.inputs)
        case "toList":
            return _Rows(reducer.parameters[0])
        case "histogram":
            return _Buckets(*reducer.parameters)
        case kind if kind in _plain:
            return _plain[kind]()
        case kind:
            raise InvalidExpression(f"reducer {kind}: not implemented by this server here.")


class Tallies:
    """What a reducer, of however many parts, made of its values so far."""

    def __init__(self, reducer: Reducer) -> None:
        self._outputs = reducer.outputs
        self._tables: dict[tuple[int, bool], ValueTable] = {}
        self._tallies: list[tuple[Reducer, int, Tally]] = []
        self._is_first_pass = True
        self._results = assembled(reducer, 0, self._begin)

    def _begin(self, simple: Reducer, first: int) -> Results:
        if simple.kind not in READINGS:
            made = _begun(simple)
            self._tallies.append((simple, first, made))
            return made.results
        is_weighted = simple.weighs
        table = self._tables.setdefault((first, is_weighted), ValueTable(is_weighted=is_weighted))
        reading = table.ask(simple.kind, simple.parameters)
        return lambda: [reading()]

    @property
    def held(self) -> int:
        """Numbers that are held because the results need them."""
        of_tables = sum(table.held for table in self._tables.values())
        return of_tables + sum(tally.held for _, _, tally in self._tallies)

    def add(self, columns: Sequence[Numbers], weights: Floats | None) -> None:
        """Take in rows of values.

        Args:
            columns: one for each input, of one length, each always of the same type; NaN stands for null.
            weights: of the rows; None counts each once.
        """
        for (at, is_weighted), table in self._tables.items():
            (values,), heavy = _there([columns[at]], weights if is_weighted else None, 1)
            if len(values):
                table.add(values, heavy)
        for reducer, first, tally in self._tallies if self._is_first_pass else ():
            needed = reducer.inputs - (reducer.parameters[1] if reducer.kind == "toList" else 0)
            taken = columns[first : first + reducer.inputs]
            taken, heavy = _there(taken, weights if reducer.is_weighted else None, needed)
            if len(taken[0]):
                tally.add(taken, heavy)

    def narrow(self) -> None:
        """Hold less from now on, at the price of more passes, where that is possible."""
        for table in self._tables.values():
            table.narrow()

    def another_pass(self) -> bool:
        """End a pass over all values; returns whether they all have to be added once more."""
        self._is_first_pass = False
        waiting = [table for table in self._tables.values() if table.another_pass()]
        return bool(waiting)

    def results(self) -> dict[str, Any]:
        """Return the results by the names of the outputs, null where there is none."""
        return dict(zip(self._outputs, self._results(), strict=True))


def _there(columns: Sequence[Numbers], weights: Floats | None, needed: int) -> tuple[Sequence[Numbers], Floats | None]:
    """Return columns without the rows in which one of the first ``needed`` is null."""
    there: npt.NDArray[np.bool_] | None = None
    for column in columns[:needed]:
        if column.dtype.kind == "f":
            found = ~np.isnan(column)
            there = found if there is None else there & found
    if there is None or there.all():
        return columns, weights
    return [column[there] for column in columns], None if weights is None else weights[there]
