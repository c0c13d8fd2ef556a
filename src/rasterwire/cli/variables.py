"""Variables of the environment that begin with ``RASTERWIRE_`` and that nothing reads: they are likely misspelt."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches

import click

from rasterwire.cli.text import printable

__all__ = ["UnreadVariable", "unread_variables"]

_PREFIX = "RASTERWIRE_"

_settings = (
    "catalog", "host", "grpc_port", "http_port", "public_url", "trust_forwarded", "cors_origins", "web",
    "state_dir", "cache_bytes", "lifetime_seconds", "threads", "workers", "engine", "max_renders", "max_side",
    "max_bytes", "max_bands", "idle_seconds", "lame_duck_seconds", "drain_seconds", "sandbox", "sandbox_seconds",
    "sandbox_bytes", "log", "metrics_port", "audit_file", "limits",
)  # fmt: skip
"""Those of a server. Loading the server for their names would take a health check a second."""

_tables = ("catalogs", "sources", "cache", "store", "auth", "tenants", "tls", "dask", "telemetry", "export")

_names_elsewhere = {"address", "http", "image", "shared_data", "stac_api", "ee_listing"}
"""Of the examples in other languages, the Compose file and the tests."""

_service_link = re.compile(r"(?:\w+_)?(?:service_(?:host|port(?:_\w+)?)|port_\d+_(?:tcp|udp|sctp)(?:_\w+)?)", re.ASCII)
_service_address = re.compile(r"(?:tcp|udp|sctp)://")
"""What Kubernetes sets for a Service whose name begins with ``rasterwire``."""

_SURE, _LIKELY = 0.8, 0.6
"""How alike two names are: a slip of the pen, or words in common."""


@dataclass(frozen=True, slots=True)
class UnreadVariable:
    """A variable that nothing reads.

    Attributes:
        name: of the variable.
        remedy: what is likely meant, and what to do.
    """

    name: str
    remedy: str

    def __str__(self) -> str:
        """Return a sentence."""
        return f"the environment variable {self.name} is not read; {self.remedy}"


def unread_variables(commands: click.Command) -> list[UnreadVariable]:
    """Return the variables of the environment that begin with ``RASTERWIRE_`` and that nothing reads, by their names.

    Args:
        commands: all of them; the variables of their options are read.
    """
    names = sorted({*(name.upper() for name in _settings), *_option_names(commands)})
    return [
        UnreadVariable(printable(variable[:80]), _remedy(variable[len(_PREFIX) :], names))
        for variable, value in sorted(os.environ.items())
        if variable.upper().startswith(_PREFIX) and not _is_read(variable, value, names)
    ]


def _option_names(command: click.Command) -> Iterator[str]:
    for option in command.params:
        if isinstance(option.envvar, str):
            yield option.envvar.removeprefix(_PREFIX)
    if isinstance(command, click.Group):
        for subcommand in command.commands.values():
            yield from _option_names(subcommand)


def _is_read(variable: str, value: str, names: list[str]) -> bool:
    name = variable.removeprefix(_PREFIX)
    is_link = _service_link.fullmatch(name.lower()) or _service_address.match(value)
    return name in names or name.lower() in _names_elsewhere or bool(is_link)


def _remedy(name: str, names: list[str]) -> str:
    likely = get_close_matches(name.upper(), names, n=1, cutoff=_SURE)
    if not likely and (table := next((table for table in _tables if f"{name}_".lower().startswith(f"{table}_")), "")):
        return f"set what the table {table} has in the file of --config"
    likely = likely or get_close_matches(name.upper(), names, n=1, cutoff=_LIKELY)
    if likely:
        return f"did you mean {_PREFIX}{likely[0]}? Else unset it"
    return "no name of a setting is like it; unset it"
