"""Functions on dictionaries."""

from collections.abc import Mapping
from typing import Any

from rasterwire.errors import InvalidExpression
from rasterwire.expression.language.pattern import matches
from rasterwire.expression.language.signature import table
from rasterwire.expression.language.values import FunctionValue
from rasterwire.units import plural_text


@table.listed("Dictionary(input: Object = null) -> Dictionary<Object>")
def dictionary(value: Any) -> dict[str, Any]:
    """Returns a dictionary: a copy of one, or of a list with each key before its value."""
    if value is None or isinstance(value, Mapping):
        return dict(value or {})
    if not isinstance(value, list) or not all(isinstance(key, str) for key in value[::2]):
        raise InvalidExpression(
            "'input' has to be a dictionary, or a list in which each key, a text, comes before its value."
        )
    if len(value) % 2:
        raise InvalidExpression(
            f"the list of keys and values has {plural_text(len(value), 'element')}; the last key has no value."
        )
    return dict(zip(value[::2], value[1::2], strict=True))


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
        raise InvalidExpression(f"there are {plural_text(len(keys), 'key')} and {plural_text(len(values), 'value')}.")
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
    """Returns the results of a function for each key and value, without nulls."""
    results = {key: function(key, value) for key, value in values.items()}
    return {key: value for key, value in results.items() if value is not None}


@table.listed(
    "Dictionary.remove(dictionary: Dictionary<Object>, selectors: List<String>, ignoreMissing: Boolean = false) "
    "-> Dictionary<Object>"
)
def remove_keys(values: Mapping[str, Any], selectors: list[str], ignore: bool) -> dict[str, Any]:
    """Returns a dictionary without the keys that are named, or that match regular expressions."""
    removed = set(_selected(values, selectors, ignore=ignore))
    return {key: value for key, value in values.items() if key not in removed}


@table.listed(
    "Dictionary.select(dictionary: Dictionary<Object>, selectors: List<String>, ignoreMissing: Boolean = false) "
    "-> Dictionary<Object>"
)
def select_keys(values: Mapping[str, Any], selectors: list[str], ignore: bool) -> dict[str, Any]:
    """Returns a dictionary of only the keys that are named, or that match regular expressions."""
    return {key: values[key] for key in _selected(values, selectors, ignore=ignore)}


def _selected(values: Mapping[str, Any], selectors: list[str], *, ignore: bool) -> list[str]:
    """Return the keys that are named or match, in the order of the selectors."""
    keys: dict[str, None] = {}
    for selector in selectors:
        hits = [selector] if selector in values else [key for key in values if matches(selector, key)]
        if not hits and not ignore:
            raise InvalidExpression(f"Dictionary does not contain key: '{selector[:100]}'.")
        keys.update(dict.fromkeys(hits))
    return list(keys)


@table.listed(
    "Dictionary.rename(dictionary: Dictionary<Object>, from: List<String>, to: List<String>, "
    "overwrite: Boolean = false) -> Dictionary<Object>"
)
def rename_keys(values: Mapping[str, Any], old: list[str], new: list[str], overwrite: bool) -> dict[str, Any]:
    """Returns a dictionary with other names for some keys."""
    if len(old) != len(new):
        raise InvalidExpression(f"'from' has {plural_text(len(old), 'key')}, and 'to' {len(new)}.")
    missing = next((key for key in old if key not in values), None)
    if missing is not None:
        raise InvalidExpression(f"Dictionary does not contain key: '{missing[:100]}'.")
    moved = set(old)
    unmoved = {key: value for key, value in values.items() if key not in moved}
    renamed = {name: values[key] for key, name in zip(old, new, strict=True)}
    clash = next((name for name in renamed if name in unmoved), None)
    if len(renamed) < len(new) or len(moved) < len(old):
        raise InvalidExpression("a key appears twice in 'from' or 'to'.")
    if clash is not None and not overwrite:
        raise InvalidExpression(f"the dictionary has a key '{clash[:100]}' already; set 'overwrite' to replace it.")
    return {**unmoved, **renamed}


@table.listed(
    "Dictionary.combine(first: Dictionary<Object>, second: Dictionary<Object>, overwrite: Boolean = true) "
    "-> Dictionary<Object>"
)
def combine(first: Mapping[str, Any], second: Mapping[str, Any], overwrite: bool) -> dict[str, Any]:
    """Returns the entries of two dictionaries as one, without nulls."""
    a, b = ({key: value for key, value in values.items() if value is not None} for values in (first, second))
    return {**a, **b} if overwrite else {**b, **a}


@table.listed("Dictionary.size(dictionary: Dictionary<Object>) -> Integer")
def dictionary_size(values: Mapping[str, Any]) -> int:
    """Returns the number of entries."""
    return len(values)
