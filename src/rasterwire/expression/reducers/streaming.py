"""Reducers of regions: they take in values block by block, and store only what their results need."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from rasterwire.errors import InvalidExpression
from rasterwire.expression.language.formatting import number
from rasterwire.expression.language.sizes import MAX_PARTS
from rasterwire.expression.reducers.definitions import Reducer, Results, assemble
from rasterwire.expression.reducers.histogram import Histogram
from rasterwire.expression.reducers.table import REDUCERS, RegionEngine
from rasterwire.expression.reducers.value_table import ValueTable

Numbers = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]


class Tally:
    """The state of one reducer after the values so far.

    Attributes:
        reducer: without parts.
        stored_count: stored numbers, as far as they grow with the values.
    """

    stored_count = 0

    def __init__(self, reducer: Reducer) -> None:
        self.reducer = reducer

    def add(self, columns: Sequence[Numbers], weights: Floats | None) -> None:
        """Take in rows of values, at least one and none NaN; without weights each row counts once."""
        raise NotImplementedError

    def results(self) -> list[Any]:
        """Return the results in the order of the outputs; null where there is none."""
        raise NotImplementedError


class _Count(Tally):
    def __init__(self, reducer: Reducer) -> None:
        super().__init__(reducer)
        self._count = 0

    def add(self, columns: Sequence[Numbers], weights: Floats | None) -> None:
        self._count += len(columns[0])

    def results(self) -> list[Any]:
        return [self._count]


class _First(Tally):
    def __init__(self, reducer: Reducer) -> None:
        super().__init__(reducer)
        self._value: Any = None

    def add(self, columns: Sequence[Numbers], weights: Floats | None) -> None:
        if self._value is None:
            self._value = number(columns[0][0])

    def results(self) -> list[Any]:
        return [self._value]


class _Last(_First):
    def add(self, columns: Sequence[Numbers], weights: Floats | None) -> None:
        self._value = number(columns[0][-1])


class _Sum(Tally):
    def __init__(self, reducer: Reducer) -> None:
        super().__init__(reducer)
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
    def __init__(self, reducer: Reducer) -> None:
        super().__init__(reducer)
        self._product: float | None = None

    def add(self, columns: Sequence[Numbers], weights: Floats | None) -> None:
        product = float(np.prod(columns[0], dtype=np.float64))
        self._product = product if self._product is None else self._product * product

    def results(self) -> list[Any]:
        return [None if self._product is None else number(self._product)]


class _AllNonZero(Tally):
    def __init__(self, reducer: Reducer) -> None:
        super().__init__(reducer)
        self._all_nonzero = True

    def add(self, columns: Sequence[Numbers], weights: Floats | None) -> None:
        self._all_nonzero = self._all_nonzero and bool(columns[0].all())

    def results(self) -> list[Any]:
        return [int(self._all_nonzero)]


class _AnyNonZero(Tally):
    def __init__(self, reducer: Reducer) -> None:
        super().__init__(reducer)
        self._any_nonzero = False

    def add(self, columns: Sequence[Numbers], weights: Floats | None) -> None:
        self._any_nonzero = self._any_nonzero or bool(columns[0].any())

    def results(self) -> list[Any]:
        return [int(self._any_nonzero)]


class _Least(Tally):
    """The row whose first value is least; the first of several."""

    sign = 1.0

    def __init__(self, reducer: Reducer) -> None:
        super().__init__(reducer)
        self._row: list[Any] = [None] * reducer.inputs

    def add(self, columns: Sequence[Numbers], weights: Floats | None) -> None:
        index = int(np.argmin(columns[0]) if self.sign > 0 else np.argmax(columns[0]))
        row = [number(column[index]) for column in columns]
        if self._row[0] is None or self.sign * row[0] < self.sign * self._row[0]:
            self._row = row

    def results(self) -> list[Any]:
        return self._row


class _Greatest(_Least):
    """The row whose first value is greatest; the first of several."""

    sign = -1.0


class _Moments(Tally):
    """Means of one or two columns, and sums of squares and products about the means.

    Each part is summed about its own means, and relative to the first row; then it is merged with the
    parts before. This stays accurate where the values are large and close to each other.
    Source: Chan, Golub and LeVeque, Updating Formulae and a Pairwise Algorithm, 1979.
    """

    def __init__(self, reducer: Reducer) -> None:
        super().__init__(reducer)
        self._origin: Floats | None = None
        self._weight = 0.0
        self._means = np.zeros(reducer.inputs)
        self._products = np.zeros((reducer.inputs, reducer.inputs))

    def add(self, columns: Sequence[Numbers], weights: Floats | None) -> None:
        values = np.stack([column.astype(np.float64, copy=False) for column in columns])
        row_weights = np.ones(values.shape[1]) if weights is None else weights
        weight = float(row_weights.sum())
        if not weight:
            return
        if self._origin is None:
            self._origin = values[:, 0].copy()
        values -= self._origin[:, None]
        means = (values * row_weights).sum(axis=1) / weight
        deviations = values - means[:, None]
        products = np.array([[(row_weights * a * b).sum() for b in deviations] for a in deviations])
        total, shift = self._weight + weight, means - self._means
        self._products += products + np.outer(shift, shift) * (self._weight * weight / total)
        self._means += shift * (weight / total)
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
    def __init__(self, reducer: Reducer) -> None:
        super().__init__(reducer)
        self._histogram = Histogram(*reducer.parameters)

    def add(self, columns: Sequence[Numbers], weights: Floats | None) -> None:
        self._histogram.add(columns[0].astype(np.float64, copy=False), weights)

    def results(self) -> list[Any]:
        return [self._histogram.result()]


class _Rows(Tally):
    """All values, or all rows of values; NaN stands for null where null is allowed."""

    def __init__(self, reducer: Reducer) -> None:
        super().__init__(reducer)
        self._size: int | None = reducer.parameters[0]
        self._parts: list[Numbers] = []

    def add(self, columns: Sequence[Numbers], weights: Floats | None) -> None:
        self._parts.append(np.stack(columns, axis=1))
        self.stored_count += self._parts[-1].size
        if self.stored_count > MAX_PARTS:
            raise InvalidExpression(
                f"the list of the region has more than {MAX_PARTS} numbers; give a coarser 'scale' or a smaller region."
            )

    def results(self) -> list[Any]:
        rows = ([None if math.isnan(v) else number(v) for v in row] for part in self._parts for row in part.tolist())
        return [[row[0] for row in rows] if self._size is None else list(rows)]


TALLIES: dict[str, type[Tally]] = {
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
    "min": _Least,
    "max": _Greatest,
    "variance": _Variance,
    "stdDev": _Deviation,
    "linearFit": _Line,
    "histogram": _Buckets,
    "toList": _Rows,
}
"""Tallies by kind, for the rows of the table that have ``RegionEngine.TALLY``."""


class Tallies:
    """The state of a reducer, with all its parts, after the values so far."""

    def __init__(self, reducer: Reducer) -> None:
        self._outputs = reducer.outputs
        self._tables: dict[tuple[int, bool], ValueTable] = {}
        self._tallies: list[tuple[int, Tally]] = []
        self._is_first_pass = True
        self._results = assemble(reducer, 0, self._build)

    def _build(self, part: Reducer, first_column: int) -> Results:
        engine = REDUCERS[part.kind].in_regions
        if engine is RegionEngine.TALLY:
            tally = TALLIES[part.kind](part)
            self._tallies.append((first_column, tally))
            return tally.results
        if engine is not RegionEngine.VALUE_TABLE:
            raise InvalidExpression(f"reducer {part.kind}: not implemented by this server here.")
        is_weighted = part.weighs
        table = self._tables.setdefault((first_column, is_weighted), ValueTable(is_weighted=is_weighted))
        result = table.request(part.kind, part.parameters)
        return lambda: [result()]

    @property
    def stored_count(self) -> int:
        """The number of values that are stored because the results need them."""
        in_tables = sum(table.stored_count for table in self._tables.values())
        return in_tables + sum(tally.stored_count for _, tally in self._tallies)

    def add(self, columns: Sequence[Numbers], weights: Floats | None) -> None:
        """Take in rows of values.

        Args:
            columns: one for each input, of one length, each of the same type in all calls; NaN stands for null.
            weights: of the rows; None counts each row once.
        """
        for (column, is_weighted), table in self._tables.items():
            (values,), own_weights = _without_nulls([columns[column]], weights if is_weighted else None, 1)
            if len(values):
                table.add(values, own_weights)
        for first_column, tally in self._tallies if self._is_first_pass else ():
            reducer = tally.reducer
            needed = reducer.inputs - (reducer.parameters[1] if reducer.kind == "toList" else 0)
            own_columns = columns[first_column : first_column + reducer.inputs]
            own_columns, own_weights = _without_nulls(own_columns, weights if reducer.is_weighted else None, needed)
            if len(own_columns[0]):
                tally.add(own_columns, own_weights)

    def use_passes(self) -> None:
        """Store fewer values from now on, where results can be found in several passes instead."""
        for table in self._tables.values():
            table.use_passes()

    def another_pass(self) -> bool:
        """End a pass over all values; return whether all of them have to be added once more."""
        self._is_first_pass = False
        unfinished = [table for table in self._tables.values() if table.another_pass()]
        return bool(unfinished)

    def results(self) -> dict[str, Any]:
        """Return the results by output; null where there is none."""
        return dict(zip(self._outputs, self._results(), strict=True))


def _without_nulls(
    columns: Sequence[Numbers], weights: Floats | None, needed: int
) -> tuple[Sequence[Numbers], Floats | None]:
    """Return columns, and weights, without the rows in which one of the first ``needed`` columns is null."""
    present: npt.NDArray[np.bool_] | None = None
    for column in columns[:needed]:
        if column.dtype.kind == "f":
            is_number = ~np.isnan(column)
            present = is_number if present is None else present & is_number
    if present is None or present.all():
        return columns, weights
    return [column[present] for column in columns], None if weights is None else weights[present]
