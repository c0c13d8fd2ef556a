"""Tables of the config file: their settings are read one by one, so that all that is wrong is told at once."""

import re
from collections.abc import Callable, Collection, Mapping
from difflib import get_close_matches
from typing import Any

from rasterwire.errors import Violation, Violations

__all__ = ["changed_names", "number_of_bytes", "read_values", "unknown_setting", "wrong_setting"]


_units = {"": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}

_size = re.compile(rf"(\d{{1,15}}) ?({'|'.join(_units)})", re.ASCII)


def number_of_bytes(value: object) -> int:
    """Return what a number or a text such as ``20 GiB`` stands for.

    Raises:
        ValueError: it is neither; with a sentence.

    >>> number_of_bytes(5), number_of_bytes("2 KiB")
    (5, 2048)
    """
    size = _size.fullmatch(str(value))
    if size is None or isinstance(value, bool):
        raise ValueError(f"{value!r} is no number of bytes; write it like 1000000000 or '20 GiB'")
    return int(size[1]) * _units[size[2]]


def changed_names(before: Mapping[str, object], after: Mapping[str, object]) -> list[str]:
    """Return the settings in which two files differ, those of a table by their path.

    >>> changed_names({"a": 1, "auth": {"b": 2, "c": 3}}, {"a": 4, "auth": {"b": 2}})
    ['a', 'auth.c']
    """
    names: list[str] = []
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name), after.get(name)
        if isinstance(old, Mapping) or isinstance(new, Mapping):
            tables = [table if isinstance(table, Mapping) else {} for table in (old, new)]
            names += [f"{name}.{below}" for below in changed_names(*tables)]
        elif old != new:
            names.append(name)
    return names


def wrong_setting(name: str, description: str) -> Violation:
    """Return the violation of a setting, by its path in the file."""
    return Violation(name, "INVALID_SETTING", description)


def unknown_setting(path: str, name: object, known: Collection[str], tables: Collection[str] = ()) -> Violation:
    """Return the violation of a name that no setting has, with the one that may be meant.

    Args:
        path: of the table in the file, "" for the file itself.
        name: as the file has it.
        known: the names of all settings there.
        tables: those of them that are tables, of which there may be several.
    """
    close = get_close_matches(str(name).lower(), known, n=1)
    meant = f"[[{close[0]}]]" if close and close[0] in tables else close[0] if close else ""
    hint = f"did you mean {meant}?" if meant else f"there are {', '.join(known)}"
    return wrong_setting(f"{path}.{name}".lstrip("."), f"there is no such setting; {hint}")


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
            violations.add(unknown_setting(path, name, readers))
    values: dict[str, Any] = {}
    for name in (name for name in readers if name in table):
        try:
            values[name] = readers[name](table[name])
        except ValueError as error:
            violations.add(wrong_setting(f"{path}.{name}", str(error)))
    return values
