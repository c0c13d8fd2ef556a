"""Functions that aggregate a property of the elements of a collection."""

import math
from typing import Any

from rasterwire.expression.functions.collection.conditions import COMPUTED
from rasterwire.expression.functions.collection.elements import property_of
from rasterwire.expression.functions.collection.filters import not_null
from rasterwire.expression.language.selection import Selection
from rasterwire.expression.language.signature import table
from rasterwire.expression.language.values import CollectionValue
from rasterwire.expression.reducers.definitions import reducer_of
from rasterwire.expression.reducers.of_lists import reduce_columns

_ARGUMENTS = "collection: FeatureCollection, property: String"


_LIST_OF_VALUES = (None, 0)
"""Parameters of toList: single values, none of them null."""


def _of_column(column: list[Any], kind: str) -> Any:
    reducer = reducer_of(kind, *(_LIST_OF_VALUES if kind == "toList" else ()))
    (result,) = reduce_columns(reducer, [column], weights=None).values()
    return result


def _column(values: CollectionValue, key: str) -> list[Any]:
    return [property_of(element, key) for element in values.each()]


def _aggregate(name: str, kind: str, returns: str, description: str) -> None:
    def call(values: CollectionValue, key: str) -> Any:
        having = _having(values, key)
        if having is None or kind not in _BY_QUERY:
            return _of_column(_column(values, key), kind)
        return having.count() if kind == "count" else _of_column([property_of(i, key) for i in having.images(1)], kind)

    call.__doc__ = description
    table.listed(f"AggregateFeatureCollection.{name}({_ARGUMENTS}) -> {returns}")(call)


_BY_QUERY = {"count", "firstNonNull"}
"""Reducers whose result a query has of the images with the property."""


def _having(values: CollectionValue, key: str) -> Selection | None:
    """Return the images of the catalog that have a property; None for other collections and computed properties."""
    if values.selection is None or key in COMPUTED:
        return None
    return values.selection.filtered(not_null([key]))


for _name, _kind, _returns, _description in [
    ("array", "toList", "List<Object>", "Returns the values of a property, without nulls."),
    ("mean", "mean", "Number", "Returns the mean of a property."),
    ("min", "min", "<any>", "Returns the least value of a property."),
    ("max", "max", "<any>", "Returns the greatest value of a property."),
    ("sum", "sum", "Number", "Returns the sum of a property."),
    ("count", "count", "Number", "Counts the values of a property."),
    ("count_distinct", "countDistinctNonNull", "Number", "Counts the different values of a property."),
    ("first", "firstNonNull", "<any>", "Returns the first value of a property."),
    ("histogram", "frequencyHistogram", "Dictionary<Object>", "Counts the occurrences of each value of a property."),
    ("product", "product", "Number", "Returns the product of a property."),
    ("total_sd", "stdDev", "Number", "Returns the standard deviation of a property."),
    ("total_var", "variance", "Number", "Returns the variance of a property."),
]:
    _aggregate(_name, _kind, _returns, _description)


@table.listed(f"AggregateFeatureCollection.sample_var({_ARGUMENTS}) -> Number")
def sample_variance(values: CollectionValue, key: str) -> float | None:
    """Returns the sample variance of a property; null for fewer than two values."""
    return _sample_variance(_column(values, key))


def _sample_variance(column: list[Any]) -> float | None:
    count = sum(value is not None for value in column)
    return None if count < 2 else float(_of_column(column, "variance")) * count / (count - 1)


@table.listed(f"AggregateFeatureCollection.sample_sd({_ARGUMENTS}) -> Number")
def sample_deviation(values: CollectionValue, key: str) -> float | None:
    """Returns the sample standard deviation of a property; null for fewer than two values."""
    variance = sample_variance(values, key)
    return None if variance is None else math.sqrt(variance)


@table.listed(f"AggregateFeatureCollection.stats({_ARGUMENTS}) -> Dictionary<Object>")
def stats(values: CollectionValue, key: str) -> dict[str, Any]:
    """Returns the sum, extremes, mean, variances and standard deviations of a property."""
    column = _column(values, key)
    kinds = {"sum": "sum", "min": "min", "max": "max", "mean": "mean", "total_sd": "stdDev", "total_var": "variance"}
    statistics = {name: _of_column(column, kind) for name, kind in kinds.items()}
    variance = _sample_variance(column)
    return statistics | {"sample_var": variance, "sample_sd": None if variance is None else math.sqrt(variance)}
