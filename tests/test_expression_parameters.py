"""The Python parameters of each built function, against the signature under which it is listed.

Arguments are passed by position, so that a parameter in the wrong place would get the value of another. Names differ
by design (``Image.select(input, ...)`` is ``select(image, ...)``); count, order and types may not.
"""

import inspect
import re
import types
import typing
from collections.abc import Mapping
from typing import Any

from cases import every
from rasterwire.expression.algorithms import TABLE
from rasterwire.expression.functions.collection.elements import Owner
from rasterwire.expression.language.signature import Argument, Function
from rasterwire.expression.language.values import (
    CollectionValue,
    DateRangeValue,
    DateValue,
    ErrorMarginValue,
    FilterValue,
    FunctionValue,
    ImageValue,
    KernelValue,
    Projection,
    World,
)
from rasterwire.expression.reducers.definitions import Reducer
from rasterwire.geo.region import Region
from rasterwire.nodes.pixel_type import PixelType

_PYTHON = {
    "Algorithm": FunctionValue,
    "Boolean": bool,
    "Date": DateValue,
    "DateRange": DateRangeValue,
    "Dictionary": Mapping[str, Any],
    "Element": Owner,
    "ErrorMargin": ErrorMarginValue,
    "FeatureCollection": CollectionValue,
    "Filter": FilterValue,
    "Float": float,
    "Geometry": Region,
    "Image": ImageValue,
    "ImageCollection": CollectionValue,
    "Integer": int,
    "Kernel": KernelValue,
    "Long": int,
    "Number": float,
    "PixelType": PixelType,
    "Projection": Projection,
    "Reducer": Reducer,
    "String": str,
}
"""What a value of a type is in Python, where its parameter is not ``Any``."""

_BUILT = [name for name, function in TABLE.items() if function.call is not None]


def _parameters(function: Function) -> list[inspect.Parameter]:
    """Return the parameters that get the arguments, in order; those with a default were bound when it was listed."""
    assert function.call is not None
    parameters = list(inspect.signature(function.call, eval_str=True).parameters.values())
    if function.needs_world:
        assert parameters[0].name == "world"
        assert parameters[0].annotation is World
        parameters = parameters[1:]
    return [parameter for parameter in parameters if parameter.default is parameter.empty]


def _alternatives(annotation: Any) -> set[Any]:
    """Return the types of a union; the type itself where it is none."""
    is_union = typing.get_origin(annotation) in {typing.Union, types.UnionType}
    return set(typing.get_args(annotation)) if is_union else {annotation}


def _fits(annotation: Any, type_: str) -> bool:
    """Whether a parameter of an annotation takes a value of a type such as ``List<String>``."""
    if annotation is Any:
        return True
    base, _, inner = type_.removesuffix(">").partition("<")
    if base == "List":
        return typing.get_origin(annotation) is list and (not inner or _fits(typing.get_args(annotation)[0], inner))
    return base in _PYTHON and _alternatives(annotation) == _alternatives(_PYTHON[base])


def _takes(parameter: inspect.Parameter, argument: Argument) -> bool:
    if parameter.annotation in {parameter.empty, Any}:
        return True
    alternatives = _alternatives(parameter.annotation)
    if argument.optional and argument.default is None and types.NoneType not in alternatives:
        return False
    values = [kind for kind in alternatives if kind is not types.NoneType]
    return _fits(values[0] if len(values) == 1 else typing.Union[tuple(values)], argument.type)  # noqa: UP007 # of many


@every("name", _BUILT)
def test_a_function_has_a_parameter_for_each_argument_of_its_signature(name: str) -> None:
    parameters, arguments = _parameters(TABLE[name]), TABLE[name].signature.arguments
    kinds = [parameter.kind for parameter in parameters]
    if inspect.Parameter.VAR_POSITIONAL in kinds:  # a family of functions of one or two arguments
        assert kinds.index(inspect.Parameter.VAR_POSITIONAL) == len(kinds) - 1 <= len(arguments)
    else:
        assert set(kinds) <= {inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD}
        assert len(parameters) == len(arguments)


@every("name", _BUILT)
def test_parameters_are_in_the_order_of_the_arguments(name: str) -> None:
    arguments = TABLE[name].signature.arguments
    snake_case = [re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", argument.name).lower() for argument in arguments]
    for index, (parameter, argument) in enumerate(zip(_parameters(TABLE[name]), arguments, strict=False)):
        if parameter.kind is not inspect.Parameter.VAR_POSITIONAL:
            assert parameter.name not in snake_case[:index] + snake_case[index + 1 :]
            assert _takes(parameter, argument), f"{parameter} for {argument.name}: {argument.type}"


def test_parameters_have_names() -> None:
    unnamed = {name for name in _BUILT for parameter in _parameters(TABLE[name]) if not parameter.name.strip("_")}
    assert unnamed == set()
