"""The table of all functions, implemented or only listed, and its listing for clients."""

import importlib
import pkgutil
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from rasterwire.expression import functions, reducers
from rasterwire.expression.language.signature import Argument, Function, table

for _package in (functions, reducers):  # each module adds its functions to the table
    for _module in pkgutil.walk_packages(_package.__path__, f"{_package.__name__}."):
        importlib.import_module(_module.name)

TABLE: Mapping[str, Function] = table
"""All functions by name."""


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
    document: dict[str, Any] = {"argumentName": argument.name, "type": argument.type, "description": ""}
    if argument.optional:
        document |= {"optional": True, "defaultValue": argument.default}
    return document
