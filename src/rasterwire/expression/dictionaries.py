"""Functions on dictionaries."""

from collections.abc import Mapping
from typing import Any

from rasterwire.errors import InvalidExpression
from rasterwire.expression.pattern import matches
from rasterwire.expression.signature import table
from rasterwire.expression.values import FunctionValue


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
