"""Tables of the config file: their settings are read one by one, so that all that is wrong is told at once."""

from collections.abc import Callable, Mapping
from typing import Any

from rasterwire.errors import Violation, Violations

__all__ = ["read_values", "wrong_setting"]


def wrong_setting(name: str, description: str) -> Violation:
    """Return the violation of a setting, by its path in the file."""
    return Violation(name, "INVALID_SETTING", description)


def read_values(
    table: Mapping[object, object],
    readers: Mapping[str, Callable[[object], object]],
    path: str,
    violations: Violations,
) -> dict[str, Any]:
    """Return the values of a table that can be read, by name.

    Args:
        table: of the file.
        readers: of all settings that it may have. Each takes what the file says and returns the value; it raises
            ValueError with a sentence.
        path: of the table in the file.
        violations: gets what there is no setting for, and what cannot be read.
    """
    for name in table:
        if name not in readers:
            violations.add(wrong_setting(f"{path}.{name}", f"there is no such setting; there are {', '.join(readers)}"))
    values: dict[str, Any] = {}
    for name in (name for name in readers if name in table):
        try:
            values[name] = readers[name](table[name])
        except ValueError as error:
            violations.add(wrong_setting(f"{path}.{name}", str(error)))
    return values
