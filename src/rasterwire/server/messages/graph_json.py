"""Values of graphs as JSON: calls and constants, as Earth Engine's clients write them."""

from typing import Any

Node = dict[str, Any]


def call(name: str, **arguments: Node | None) -> Node:
    """Return a call of a function; arguments of None are left out."""
    present = {key: value for key, value in arguments.items() if value is not None}
    return {"functionInvocationValue": {"functionName": name, "arguments": present}}


def constant(value: Any) -> Node:
    """Return a constant."""
    return {"constantValue": value}


def optional(value: Any) -> Node | None:
    """Return a constant, or None for None: an argument that is not given."""
    return None if value is None else constant(value)
