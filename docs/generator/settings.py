"""Settings of a server: one row a field of ``Settings``."""

import dataclasses
import re
from typing import Any

from generator.markdown import code, number, prose, table
from rasterwire.cli.main import serve
from rasterwire.server.settings import Settings

_HEAD = """# Settings

A server takes each setting from the first of these that has it:

1. the flag of `rasterwire serve`, where there is one;
2. the environment: `RASTERWIRE_` and the name in capitals, such as `RASTERWIRE_CACHE_BYTES`;
3. the TOML file that `--config` names, with the setting's name as the key;
4. the default.

Unknown names in the file, and values of the wrong type or range, stop the server at its start with a sentence that
names the setting.

"""


def page() -> str:
    """Return the page.

    Raises:
        LookupError: a setting is not described in the docstring of ``Settings``.
    """
    meanings = _attributes(Settings.__doc__ or "")
    flags = {parameter.name: parameter.opts[0] for parameter in serve.params if parameter.opts[0].startswith("-")}
    rows = []
    for field in dataclasses.fields(Settings):
        if field.name not in meanings:
            raise LookupError(f"Settings.{field.name}: say in the docstring of Settings what it is")
        flag = "the argument" if field.name == "catalog" else code(flags[field.name]) if field.name in flags else ""
        rows.append([code(field.name), _default(field), flag, prose(meanings[field.name])])
    return _HEAD + table(["setting", "default", "flag", "meaning"], rows)


def _default(field: "dataclasses.Field[Any]") -> str:
    value = field.default
    if value is dataclasses.MISSING:
        return "required" if field.default_factory is dataclasses.MISSING else "one a core"
    if isinstance(value, bool):
        return code(str(value).lower())
    if isinstance(value, int | float):
        unit = number(value).partition(" ")[2]
        return f"{code(f'{value:g}' if isinstance(value, float) else str(value))} {unit}".strip()
    return code(str(value)) if value not in {"", ()} else "none"


def _attributes(docstring: str) -> dict[str, str]:
    """Return what the section ``Attributes`` of a docstring says of each name."""
    section = docstring.partition("Attributes:\n")[2]
    found: dict[str, str] = {}
    name = ""
    for line in section.splitlines():
        if begin := re.match(r" {8}(\w+): (.*)", line):
            name, found[begin[1]] = begin[1], begin[2]
        elif name and line.strip():
            found[name] += " " + line.strip()
    return found
