"""What an operator sets of exports: where they may go.

In the config file each destination is a table ``[[export.destinations]]``, whose names are those of
``DestinationSettings``.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from rasterwire.errors import Violations
from rasterwire.files.sources.settings import SourceSettings, read_credentials, read_endpoint, read_region
from rasterwire.store.settings import read_objects
from rasterwire.tables import read_values, unknown_setting, wrong_setting

__all__ = ["DestinationSettings", "ExportSettings", "read_export"]

MAX_DESTINATIONS = 100
"""Destinations of a server, in its settings."""

_SILENCE = 30.0
"""Seconds that an object store may be silent before a request is sent again."""


@dataclass(frozen=True, slots=True)
class DestinationSettings:
    """A place where exports may be written: a folder, or a bucket.

    Attributes:
        name: by which exports ask for it: letters, digits, ``_`` and ``-``.
        folder: the absolute path of a folder. Servers that share a database have to see the same one.
        objects: a bucket of S3 or what speaks its protocol, or a part of its keys, such as ``s3://bucket/exports``.
        endpoint: the address of an object store other than the cloud's own, such as ``https://s3.example.org``.
        region: of the store.
        credentials: ``env``, the keys in the environment or else the identity that the platform gives the machine; or
            the absolute path of a file with keys, as in ``[[sources]]``.
        tenants: names of the tenants that may export there; by default all.
    """

    name: str
    folder: str = ""
    objects: str = ""
    endpoint: str = ""
    region: str = ""
    credentials: str = "env"
    tenants: tuple[str, ...] = ()

    @property
    def source(self) -> SourceSettings:
        """The bucket and how it is asked."""
        return SourceSettings(
            prefix=f"{self.objects.rstrip('/')}/",
            endpoint=self.endpoint,
            region=self.region,
            credentials=self.credentials,
            timeout_seconds=_SILENCE,
        )

    def is_for(self, tenant: str) -> bool:
        """Tell whether a tenant may export there; "" is everyone, where a server knows no tenants."""
        return not self.tenants or tenant in self.tenants


@dataclass(frozen=True, slots=True)
class ExportSettings:
    """Of exports. By default there are none.

    Attributes:
        destinations: where they may go, each a table ``[[export.destinations]]`` of the file.
    """

    destinations: tuple[DestinationSettings, ...] = ()


_destination_name = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", re.ASCII)


def read_export(table: object, violations: Violations) -> ExportSettings:
    """Return the settings of exports; the default ones where something is wrong.

    Args:
        table: the value of ``export`` in the config file.
        violations: gets everything that is wrong, each with the path of its setting.
    """
    if not isinstance(table, Mapping):
        violations.add(wrong_setting("export", "it is not a table; write [[export.destinations]]"))
        return ExportSettings()
    problems = Violations()
    for name in table:
        if name != "destinations":
            problems.add(unknown_setting("export", name, ("destinations",)))
    tables = table.get("destinations", [])
    if not isinstance(tables, list) or len(tables) > MAX_DESTINATIONS:
        sentence = f"it is no list of at most {MAX_DESTINATIONS} tables; write each as [[export.destinations]]"
        problems.add(wrong_setting("export.destinations", sentence))
        tables = []
    read = [_destination(item, f"export.destinations[{number}]", problems) for number, item in enumerate(tables)]
    destinations = [destination for destination in read if destination is not None]
    names = [destination.name for destination in destinations]
    for name in sorted({name for name in names if names.count(name) > 1}):
        problems.add(wrong_setting("export.destinations", f"{name!r} is the name of several; give each its own"))
    violations.items.extend(problems.items)
    return ExportSettings() if problems.items else ExportSettings(tuple(destinations))


def _destination(table: object, path: str, problems: Violations) -> DestinationSettings | None:
    if not isinstance(table, Mapping):
        problems.add(wrong_setting(path, "it is not a table; write it as [[export.destinations]]"))
        return None
    count = len(problems.items)
    values = read_values(table, _readers, path, problems)
    if "name" not in table:
        problems.add(wrong_setting(f"{path}.name", "it is not set; give the destination a name"))
    if ("folder" in table) == ("objects" in table):
        problems.add(wrong_setting(path, "set either folder or objects: a folder, or a bucket"))
    for name in ("endpoint", "region", "credentials"):
        if name in table and "objects" not in table:
            problems.add(wrong_setting(f"{path}.{name}", "it is of an object store; set objects too, or delete it"))
    return DestinationSettings(**values) if len(problems.items) == count else None


def _read_name(value: object) -> str:
    if not isinstance(value, str) or not _destination_name.fullmatch(value):
        raise ValueError(f"{value!r} is no name of a destination; write letters, digits, _ and -, such as results")
    return value


def _read_folder(value: object) -> str:
    if not isinstance(value, str) or not value.startswith("/"):
        raise ValueError(f"{value!r} is no absolute path of a folder; begin it with /")
    return value


def _read_bucket(value: object) -> str:
    address = read_objects(value)
    if not address.startswith("s3://"):
        raise ValueError(f"{address!r} is of a store that exports cannot go to; begin it with s3://")
    return address


def _read_tenants(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not value or not all(isinstance(name, str) and name for name in value):
        raise ValueError(f'{str(value)[:200]!r} is no list of names of tenants; write one such as ["forestry"]')
    return tuple(value)


_readers: dict[str, Callable[[object], object]] = {
    "name": _read_name,
    "folder": _read_folder,
    "objects": _read_bucket,
    "endpoint": read_endpoint,
    "region": read_region,
    "credentials": read_credentials,
    "tenants": _read_tenants,
}
