"""Functions on lists, dictionaries, numbers and texts."""

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from rasterwire.errors import InvalidExpression
from rasterwire.expression.elements import as_text
from rasterwire.expression.pattern import matches, replaced
from rasterwire.expression.reducers import Reducer, number, reduce_columns
from rasterwire.expression.signature import table
from rasterwire.expression.sizes import check_size
from rasterwire.expression.values import CollectionValue, FunctionValue, ImageValue

MAX_ITEMS = 1_000_000
"""Of a list; characters of a text."""

_format = re.compile(r"((?:[^%]|%%){0,100})%([-+ 0]{0,3}\d{0,2}(?:\.\d{1,2})?)([sdfegxX])((?:[^%]|%%){0,100})")


def check_length(count: int) -> None:
    """Raise InvalidExpression for a list that is too long."""
    if count > MAX_ITEMS:
        said = f"{count:.6g}" if count > 1 << 53 else str(count)
        raise InvalidExpression(f"a list of {said} elements is too long, at most {MAX_ITEMS}.")


@table.listed("List.get(list: List<Object>, index: Integer) -> Object")
def get(values: list[Any], index: int) -> Any:
    """Returns the element at a position; negative ones count from the end."""
    if not -len(values) <= index < len(values):
        raise InvalidExpression(f"List index must be between 0 and {len(values) - 1}, or negative; it is {index}.")
    return values[index]


@table.listed("List.map(list: List<Object>, baseAlgorithm: Algorithm, dropNulls: Boolean = false) -> List<Object>")
def map_(values: list[Any], function: FunctionValue, drop: bool) -> list[Any]:
    """Returns what a function makes of each element."""
    made = [function(value) for value in values]
    return [value for value in made if value is not None] if drop else made


@table.listed(
    "List.slice(list: List<Object>, start: Integer, end: Integer = null, step: Integer = null) -> List<Object>"
)
def slice_(values: list[Any], start: int, end: int | None, step: int | None) -> list[Any]:
    """Returns the elements from one position to before another; negative ones count from the end."""
    if step is not None and step < 1:
        raise InvalidExpression(f"'step' is {step}; it has to be at least 1.")
    return values[start:end:step]


@table.listed(
    "List.sequence(start: Number, end: Number = null, step: Number = 1.0, count: Integer = null) -> List<Object>"
)
def sequence(start: float, end: float | None, step: float, count: int | None) -> list[Any]:
    """Returns numbers from start to end, both included, by a step or by their count."""
    if count is None and end is None:
        raise InvalidExpression("'end' or 'count' is required.")
    if not all(math.isfinite(given) for given in (start, end or 0.0, step)):
        raise InvalidExpression("'start', 'end' and 'step' have to be finite numbers.")
    if count is None:
        assert end is not None
        if step == 0:
            raise InvalidExpression("'step' must not be 0.")
        share = (end - start) / step
        if not math.isfinite(share):
            raise InvalidExpression("'start', 'end' and 'step' have to be finite numbers.")
        count = max(0, math.floor(share + 1e-9) + 1)
    elif end is not None:
        step = (end - start) / (count - 1) if count > 1 else 0.0
    check_length(count)
    return [number(start + step * at) for at in range(count)]


@table.listed("List.size(list: List<Object>) -> Integer")
def size(values: list[Any]) -> int:
    """Returns the number of elements."""
    return len(values)


@table.listed("List.length(list: List<Object>) -> Integer")
def length(values: list[Any]) -> int:
    """Returns the number of elements."""
    return len(values)


@table.listed("List.contains(list: List<Object>, element: Object) -> Boolean")
def contains(values: list[Any], element: Any) -> bool:
    """Tells whether a list has an element."""
    return any(same(value, element) for value in values)


@table.listed("List.reduce(list: List<Object>, reducer: Reducer) -> Object")
def reduce_(values: list[Any], reducer: Reducer) -> Any:
    """Applies a reducer to a list; of several outputs, returns them by name."""
    columns = [values]
    if reducer.inputs > 1:
        if not all(isinstance(row, list) and len(row) >= reducer.inputs for row in values):
            raise InvalidExpression(f"the reducer takes {reducer.inputs} inputs, so it needs a list of lists.")
        columns = [[row[at] for row in values] for at in range(reducer.inputs)]
    made = reduce_columns(reducer, columns, None)
    return next(iter(made.values())) if len(made) == 1 else made


@table.listed("List.sort(list: List<Object>, keys: List<Object> = null) -> List<Object>")
def sort(values: list[Any], keys: list[Any] | None) -> list[Any]:
    """Sorts a list, by its own values or by others."""
    if keys is not None and len(keys) != len(values):
        raise InvalidExpression(f"'keys' has {len(keys)} elements, and the list {len(values)}.")
    by = values if keys is None else keys
    return [values[at] for at in sorted(range(len(values)), key=lambda at: order(by[at]))]


def order(value: Any) -> tuple[Any, ...]:
    """Return by what values sort: numbers before texts before all else; null last."""
    match value:
        case str() | int() | float() | None:
            pass
        case _:
            check_size(value)
    return _order(value)


def _order(value: Any) -> tuple[Any, ...]:
    match value:
        case None:
            return (9,)
        case bool() | int() | float():
            return 0, value
        case str():
            return 1, value
        case list():
            return 2, tuple(_order(item) for item in value)
        case ImageValue() | CollectionValue():
            return 3, f"{type(value).__name__} {id(value)}"
        case _:
            return 3, as_text(value)


@table.listed("List.reverse(list: List<Object>) -> List<Object>")
def reverse(values: list[Any]) -> list[Any]:
    """Returns a list from its end to its begin."""
    return values[::-1]


@table.listed("List.zip(list: List<Object>, other: List<Object>) -> List<List<Object>>")
def zip_(values: list[Any], other: list[Any]) -> list[Any]:
    """Returns pairs of elements of two lists."""
    return [list(pair) for pair in zip(values, other, strict=False)]


@table.listed("List.flatten(list: List<Object>) -> List<Object>")
def flatten(values: list[Any]) -> list[Any]:
    """Returns the elements of all lists within a list."""
    check_size(values)
    found: list[Any] = []
    pending = [iter(values)]
    while pending:
        item = next(pending[-1], pending)
        if item is pending:
            pending.pop()
        elif isinstance(item, list):
            pending.append(iter(item))
        else:
            found.append(item)
            check_length(len(found))
    return found


@table.listed("List.distinct(list: List<Object>) -> List<Object>")
def distinct(values: list[Any]) -> list[Any]:
    """Returns each different element once."""
    seen: dict[Any, Any] = {}
    for value in values:
        seen.setdefault(order(value), value)
    return list(seen.values())


@table.listed("List.remove(list: List<Object>, element: Object) -> List<Object>")
def remove(values: list[Any], element: Any) -> list[Any]:
    """Returns a list without the first of an element."""
    at = next((at for at, value in enumerate(values) if same(value, element)), None)
    return values if at is None else values[:at] + values[at + 1 :]


@table.listed("List.removeAll(list: List<Object>, other: List<Object>) -> List<Object>")
def remove_all(values: list[Any], other: list[Any]) -> list[Any]:
    """Returns a list without the elements of another."""
    unwanted = {order(value) for value in other}
    return [value for value in values if order(value) not in unwanted]


@table.listed("List.cat(list: List<Object>, other: List<Object>) -> List<Object>")
def cat(values: list[Any], other: list[Any]) -> list[Any]:
    """Returns the elements of two lists."""
    check_length(len(values) + len(other))
    return values + other


@table.listed("List.add(list: List<Object>, element: Object) -> List<Object>")
def add(values: list[Any], element: Any) -> list[Any]:
    """Returns a list with an element behind."""
    check_length(len(values) + 1)
    return [*values, element]


@table.listed("List.iterate(list: List<Object>, function: Algorithm, first: Object) -> Object")
def iterate(values: list[Any], function: FunctionValue, first: Any) -> Any:
    """Hands each element and the result before to a function, and returns the last result."""
    for value in values:
        first = function(value, first)
    return first


def same(first: Any, second: Any) -> bool:
    """Tell whether two values are the same to a client: 1 and 1.0 are."""
    if isinstance(first, ImageValue) or isinstance(second, ImageValue):
        return first is second
    return bool(order(first) == order(second))


# -- dictionaries ------------------------------------------------------------------------------


@table.listed("Dictionary.get(dictionary: Dictionary<Object>, key: String, defaultValue: Object = null) -> Object")
def value_of(values: Mapping[str, Any], key: str, default: Any) -> Any:
    """Returns the value of a key, or a default."""
    if key not in values and default is None:
        raise InvalidExpression(f"Dictionary does not contain key: '{key[:100]}'.")
    return values.get(key, default)


@table.listed("Dictionary.contains(dictionary: Dictionary<Object>, key: String) -> Boolean")
def has_key(values: Mapping[str, Any], key: str) -> bool:
    """Tells whether a dictionary has a key."""
    return key in values


@table.listed("Dictionary.set(dictionary: Dictionary<Object>, key: String, value: Object) -> Dictionary<Object>")
def set_value(values: Mapping[str, Any], key: str, value: Any) -> dict[str, Any]:
    """Returns a dictionary with another value for a key."""
    return {**values, key: value}


@table.listed("Dictionary.fromLists(keys: List<String>, values: List<Object>) -> Dictionary<Object>")
def from_lists(keys: list[str], values: list[Any]) -> dict[str, Any]:
    """Returns a dictionary of keys and values."""
    if len(keys) != len(values):
        raise InvalidExpression(f"there are {len(keys)} keys and {len(values)} values.")
    return dict(zip(keys, values, strict=True))


@table.listed("Dictionary.keys(dictionary: Dictionary<Object>) -> List<String>")
def keys_of(values: Mapping[str, Any]) -> list[str]:
    """Returns the keys, sorted."""
    return sorted(values)


@table.listed("Dictionary.values(dictionary: Dictionary<Object>, keys: List<String> = null) -> List<Object>")
def values_of(values: Mapping[str, Any], keys: list[str] | None) -> list[Any]:
    """Returns the values, in the order of given keys or of all keys sorted."""
    missing = next((key for key in keys or [] if key not in values), None)
    if missing is not None:
        raise InvalidExpression(f"Dictionary does not contain key: '{missing[:100]}'.")
    return [values[key] for key in (sorted(values) if keys is None else keys)]


@table.listed("Dictionary.map(dictionary: Dictionary<Object>, baseAlgorithm: Algorithm) -> Dictionary<Object>")
def map_values(values: Mapping[str, Any], function: FunctionValue) -> dict[str, Any]:
    """Returns what a function makes of each key and value, without those it makes null of."""
    made = {key: function(key, value) for key, value in values.items()}
    return {key: value for key, value in made.items() if value is not None}


@table.listed(
    "Dictionary.remove(dictionary: Dictionary<Object>, selectors: List<String>, ignoreMissing: Boolean = false) "
    "-> Dictionary<Object>"
)
def remove_keys(values: Mapping[str, Any], selectors: list[str], ignore: bool) -> dict[str, Any]:
    """Returns a dictionary without some keys, named or matched by regular expressions."""
    removed: set[str] = set()
    for selector in selectors:
        hits = [selector] if selector in values else [key for key in values if matches(selector, key)]
        if not hits and not ignore:
            raise InvalidExpression(f"Dictionary does not contain key: '{selector}'.")
        removed.update(hits)
    return {key: value for key, value in values.items() if key not in removed}


@table.listed(
    "Dictionary.combine(first: Dictionary<Object>, second: Dictionary<Object>, overwrite: Boolean = true) "
    "-> Dictionary<Object>"
)
def combine(first: Mapping[str, Any], second: Mapping[str, Any], overwrite: bool) -> dict[str, Any]:
    """Returns two dictionaries as one, without nulls."""
    one, two = ({key: value for key, value in each.items() if value is not None} for each in (first, second))
    return {**one, **two} if overwrite else {**two, **one}


@table.listed("Dictionary.size(dictionary: Dictionary<Object>) -> Integer")
def dictionary_size(values: Mapping[str, Any]) -> int:
    """Returns the number of entries."""
    return len(values)


# -- numbers -----------------------------------------------------------------------------------


def _numeric(name: str, function: Callable[..., Any], said: str, *arguments: str) -> None:
    def call(*values: float) -> Any:
        try:
            return number(function(*values))
        except (ValueError, OverflowError, ZeroDivisionError):
            raise InvalidExpression(f"has no value for {', '.join(f'{value:g}' for value in values)}.") from None

    call.__doc__ = said
    taken = ", ".join(f"{argument}: Number" for argument in arguments)
    table.listed(f"Number.{name}({taken}) -> Number")(call)


_TWO: list[tuple[str, Callable[..., Any], str]] = [
    ("add", lambda a, b: float(a) + b, "Adds two numbers."),
    ("subtract", lambda a, b: float(a) - b, "Subtracts the second number from the first."),
    ("multiply", lambda a, b: float(a) * b, "Multiplies two numbers."),
    ("divide", lambda a, b: float(a) / b if b else 0.0, "Divides the first number by the second; 0 by 0."),
    ("mod", math.fmod, "The remainder of a division."),
    ("pow", math.pow, "Raises the first number to the power of the second."),
    ("min", min, "The smaller number."),
    ("max", max, "The greater number."),
    ("gt", lambda a, b: a > b, "1 where the first number is greater."),
    ("gte", lambda a, b: a >= b, "1 where the first number is not less."),
    ("lt", lambda a, b: a < b, "1 where the first number is less."),
    ("lte", lambda a, b: a <= b, "1 where the first number is not greater."),
    ("eq", lambda a, b: a == b, "1 where the numbers are equal."),
    ("neq", lambda a, b: a != b, "1 where the numbers are not equal."),
    ("and", lambda a, b: bool(a and b), "1 where both numbers are not 0."),
    ("or", lambda a, b: bool(a or b), "1 where one number is not 0."),
]
_ONE: list[tuple[str, Callable[..., Any], str]] = [
    ("round", lambda a: math.floor(a + 0.5), "The nearest whole number."),
    ("floor", math.floor, "The greatest whole number that is not greater."),
    ("ceil", math.ceil, "The smallest whole number that is not less."),
    ("abs", abs, "The absolute value."),
    ("sqrt", math.sqrt, "The square root."),
    ("exp", math.exp, "e raised to a power."),
    ("log", math.log, "The natural logarithm."),
    ("log10", math.log10, "The base-10 logarithm."),
    ("not", lambda a: not a, "1 where the number is 0."),
    ("int", math.trunc, "The whole part."),
    ("toInt", math.trunc, "The whole part."),
    ("float", float, "The number."),
    ("double", float, "The number."),
]
for _entry in _TWO:
    _numeric(*_entry, "left", "right")
for _entry in _ONE:
    _numeric(*_entry, "input")


@table.listed('Number.format(number: Number, pattern: String = "%s") -> String')
def format_number(value: float, pattern: str) -> str:
    """Returns a number as text, by a pattern such as %.2f or %03d."""
    parts = _format.fullmatch(pattern)
    if parts is None:
        raise InvalidExpression(f"'{pattern[:40]}' is no pattern for one number, such as %.2f, %03d or %s.")
    before, said, kind, after = parts.groups()
    if kind in "dxX" and not math.isfinite(value):
        raise InvalidExpression(f"'%{kind}' is for whole numbers, and not for {value}.")
    plain = int(value) if kind in "dxX" else value
    text = as_text(number(value)) if kind == "s" else f"%{said}{kind}" % plain
    return f"{before}{text}{after}".replace("%%", "%")


# -- texts -------------------------------------------------------------------------------------


@table.listed("String(input: Object) -> String")
def string(value: Any) -> str:
    """Returns a value as text."""
    if isinstance(value, str):
        return value
    made = as_text(value)
    if len(made) > MAX_ITEMS:
        raise InvalidExpression(f"a text of over {MAX_ITEMS} characters is too long.")
    return made


@table.listed("String.cat(string1: String, string2: String) -> String")
def string_cat(first: str, second: str) -> str:
    """Returns two texts as one."""
    if len(first) + len(second) > MAX_ITEMS:
        raise InvalidExpression(f"a text of over {MAX_ITEMS} characters is too long.")
    return first + second


@table.listed("String.slice(string: String, start: Integer, end: Integer = null) -> String")
def string_slice(text: str, start: int, end: int | None) -> str:
    """Returns a part of a text; negative positions count from the end."""
    return text[start:end]


@table.listed('String.replace(input: String, regex: String, replacement: String, flags: String = "") -> String')
def replace(text: str, pattern: str, replacement: str, flags: str) -> str:
    """Replaces the first match of a regular expression, or with the flag g all of them."""
    return replaced(text, pattern, replacement, flags)


@table.listed("String.length(string: String) -> Integer")
def string_length(text: str) -> int:
    """Returns the number of characters."""
    return len(text)


@table.listed("String.toLowerCase(string: String) -> String")
def lower(text: str) -> str:
    """Returns a text in lower case."""
    return text.lower()


@table.listed("String.toUpperCase(string: String) -> String")
def upper(text: str) -> str:
    """Returns a text in upper case."""
    return text.upper()


@table.listed("If(condition: Object = null, trueCase: Object = null, falseCase: Object = null) -> Object")
def if_(condition: Any, first: Any, second: Any) -> Any:
    """Returns one of two values by a condition; only that one is computed."""
    raise AssertionError("the evaluation chooses before it computes")
