"""Nodes of equal keys make equal pixels: a key tells operations apart that share a name."""

import types
from functools import partial
from typing import Any

import numpy as np
import pytest

from rasterwire.nodes.nodes import Applied, Constant, Node


def operation(module: str, factor: int) -> Any:
    """Return a function named ``scaled`` that a module of this name could hold."""

    def scaled(data: Any, *, dtype: str) -> Any:
        return np.asarray(data * factor, dtype)

    scaled.__module__, scaled.__qualname__ = module, "scaled"
    return scaled


def test_functions_of_one_name_in_two_modules_have_two_keys() -> None:
    one = Constant(1, "uint8")
    first, again = (Applied(operation("package.a", 2), [one], "uint8") for _ in range(2))
    second = Applied(operation("package.b", 3), [one], "uint8")
    assert first.key == again.key
    assert first.key != second.key


def set_module(name: str, space: dict[str, Any]) -> None:
    space["__module__"] = name


def test_classes_of_one_name_in_two_modules_have_two_keys() -> None:
    first, second = (
        types.new_class("Slope", (Node,), exec_body=partial(set_module, name)) for name in ("package.a", "package.b")
    )
    assert first("uint8", (), None).key != second("uint8", (), None).key


@pytest.mark.parametrize("value", [1, 2])
def test_parameters_count(value: int) -> None:
    assert (Constant(value, "uint8").key == Constant(1, "uint8").key) is (value == 1)
