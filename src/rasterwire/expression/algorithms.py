"""All functions of this server, built or only known, as clients are told of them."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from rasterwire.expression import (  # noqa: F401  each lists its functions in the table of ``signature``
    aggregates,
    arithmetic,
    collections,
    composites,
    constructors,
    date_pattern,
    date_ranges,
    dates,
    dictionaries,
    distance,
    elements,
    features,
    filters,
    formula,
    geometry,
    geometry_parts,
    images,
    joins,
    kernel,
    lattices,
    list_edits,
    list_search,
    lists,
    masks,
    measures,
    neighbourhood,
    numbers,
    pixel_types,
    projections,
    random_points,
    reducers,
    regions,
    relations,
    samples,
    texts,
    typed,
    unbuilt,
    visual,
)
from rasterwire.expression.signature import Argument, Function, table

TABLE: Mapping[str, Function] = table
"""All functions by name, since their modules are imported above."""


@lru_cache(maxsize=1)
def listing() -> list[dict[str, Any]]:
    """Return the functions as the ``algorithms`` method of Earth Engine's API lists them."""
    return [
        {
            "name": f"algorithms/{name}",
            "description": function.description,
            "returnType": function.signature.returns,
            "arguments": [_argument(argument) for argument in function.signature.arguments],
        }
        for name, function in sorted(TABLE.items())
    ]


def _argument(argument: Argument) -> dict[str, Any]:
    told: dict[str, Any] = {"argumentName": argument.name, "type": argument.type, "description": ""}
    if argument.optional:
        told |= {"optional": True, "defaultValue": argument.default}
    return told
