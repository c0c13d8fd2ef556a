"""Settings of a server: one row a field of ``Settings``."""

import dataclasses
import re
from typing import Any

from generator.markdown import code, number, prose, table
from rasterwire.catalog.settings import CatalogSettings
from rasterwire.cli.main import serve
from rasterwire.files.sources.settings import SourceSettings
from rasterwire.principal import Quota
from rasterwire.server.dask_settings import DaskSettings
from rasterwire.server.identity.settings import AuthSettings, TenantSettings, TlsSettings
from rasterwire.server.settings import CacheSettings, Settings
from rasterwire.server.telemetry import TelemetrySettings
from rasterwire.store.settings import StoreSettings

_HEAD = """# Settings

A server takes each setting from the first of these that has it:

1. the flag of `rasterwire serve`, where there is one;
2. the environment: `RASTERWIRE_` and the name in capitals, such as `RASTERWIRE_CACHE_BYTES`;
3. the TOML file that `--config` or `RASTERWIRE_CONFIG` names, with the setting's name as the key;
4. the default.

`catalogs`, `sources`, `cache`, `store`, `auth`, `tenants`, `tls`, `dask` and `telemetry` are tables, and stand in the
file alone. Unknown names in the file, and values of the wrong type or range, stop the server at its start with a
sentence for each of them. A variable that begins with `RASTERWIRE_` and that nothing reads is told in the log, with the
name that is likely meant.

"""

_TABLES = (
    ("[[catalogs]]", CatalogSettings, "Each table is a catalog; see [Catalogs](../catalogs.md)."),
    ("[[sources]]", SourceSettings, "Each table is a place from where files may be read."),
    ("[cache]", CacheSettings, "What is kept of files that are not on this machine."),
    ("[store]", StoreSettings, "What several servers share; see [Operations](../operations.md#several-servers)."),
    ("[auth]", AuthSettings, "How callers are recognised; see [Many tenants](../tenants.md)."),
    ("[[tenants]]", TenantSettings, "Each table is a tenant; see [Many tenants](../tenants.md)."),
    ("[tls]", TlsSettings, "How connections are encrypted; see [Many tenants](../tenants.md)."),
    ("[dask]", DaskSettings, 'Where `engine = "dask"` renders; see [Past one machine](../dask.md).'),
    ("[telemetry]", TelemetrySettings, "How calls are traced; see [Operations](../operations.md#traces)."),
)


def page() -> str:
    """Return the page.

    Raises:
        LookupError: a setting is not described in the docstring of ``Settings``.
    """
    flags = {parameter.name: parameter.opts[0] for parameter in serve.params if parameter.opts[0].startswith("-")}
    rows = []
    for field, meaning in _fields(Settings):
        flag = "the argument" if field.name == "catalog" else code(flags[field.name]) if field.name in flags else ""
        rows.append([code(field.name), _default(field), flag, prose(meaning)])
    parts = [_HEAD + table(["setting", "default", "flag", "meaning"], rows)]
    for name, settings, introduction in _TABLES:
        rows = [[code(field.name), _default(field), prose(meaning)] for field, meaning in _fields(settings)]
        text = table(["setting", "default", "meaning"], rows)
        parts.append(f"\n## Tables {code(name)}\n\n{introduction}\n\n{text}")
    return "".join(parts)


def _fields(settings: type[Any]) -> list[tuple["dataclasses.Field[Any]", str]]:
    """Return the fields of settings, each with its meaning.

    Raises:
        LookupError: one is not described in the docstring.
    """
    meanings = _attributes(settings.__doc__ or "")
    found = []
    for field in dataclasses.fields(settings):
        if field.metadata:  # it is not set by operators
            continue
        if field.name not in meanings:
            raise LookupError(f"{settings.__name__}.{field.name}: say in its docstring what it is")
        found.append((field, meanings[field.name]))
    return found


def _default(field: "dataclasses.Field[Any]") -> str:
    value = field.default
    if field.default_factory is StoreSettings or field.default_factory is DaskSettings:
        return "see below"
    if field.default_factory is not dataclasses.MISSING:
        return "one a core" if field.name in {"threads", "processes"} else code(str(field.default_factory().by))
    if value is dataclasses.MISSING:
        return "required"
    if isinstance(value, CacheSettings | AuthSettings | TlsSettings | TelemetrySettings):
        return "see below"
    if isinstance(value, bool):
        return code(str(value).lower())
    if isinstance(value, int | float):
        unit = number(value).partition(" ")[2]
        return f"{code(f'{value:g}' if isinstance(value, float) else str(value))} {unit}".strip()
    return code(str(value)) if value not in {"", (), None, Quota()} else "none"


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
