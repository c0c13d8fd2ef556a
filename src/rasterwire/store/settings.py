"""What an operator sets of the stores that several servers share.

In the config file it is the table ``[store]``, whose names are those of ``StoreSettings``.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rasterwire.errors import Violations
from rasterwire.files.sources.settings import (
    OBJECT_SCHEMES,
    SourceSettings,
    read_credentials,
    read_endpoint,
    read_region,
)
from rasterwire.tables import read_values, wrong_setting

__all__ = ["StoreSettings", "read_objects", "read_store"]

_SILENCE = 5.0
"""Seconds that an object store may be silent before a request is sent again."""


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """Of the stores of registered downloads and rendered files. By default both are in ``state_dir``.

    Attributes:
        database: the PostgreSQL database of registered downloads, such as ``postgresql://rasterwire@db/rasterwire``,
            without a password; what it leaves out comes from libpq's variables, such as ``PGPASSWORD``.
        database_file: the absolute path of a file that holds the same, and may hold a password.
        objects: the bucket of rendered files, or a part of its keys, such as ``s3://bucket/rasterwire``. It is for
            nothing else.
        endpoint: the address of an object store other than the cloud's own, such as ``https://s3.example.org``.
        client_endpoint: the address by which clients reach the object store, where it is another than ``endpoint``; or
            ``none`` where they cannot reach it. Downloads over HTTP are sent there by signed addresses, unless it is
            ``none``.
        region: of an S3 store.
        credentials: ``env``, the keys in the environment or else the identity that the platform gives the machine; or
            the absolute path of a file with keys, as in ``[[sources]]``.
    """

    database: str = field(default="", repr=False)
    database_file: str = ""
    objects: str = ""
    endpoint: str = ""
    client_endpoint: str = ""
    region: str = ""
    credentials: str = "env"

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

    def conninfo(self) -> str:
        """Return the address of the database, "" where there is none.

        Raises:
            ValueError: the file cannot be read, or is empty; with a sentence.
        """
        if not self.database_file:
            return self.database
        try:
            text = Path(self.database_file).read_text().strip()
        except (OSError, UnicodeDecodeError):
            raise ValueError("the file cannot be read; check its path and who may read it") from None
        if not text:
            raise ValueError("the file is empty; write the address of a database into it")
        return text


_bucket = re.compile(rf"(?:{'|'.join(OBJECT_SCHEMES)})://[A-Za-z0-9][A-Za-z0-9._-]*(?:/[A-Za-z0-9._-]+)*/?", re.ASCII)
_password = re.compile(r"://[^/@]*:[^/@]*@|\bpassword\s*=|\bpassfile\s*=")


def read_store(table: object, violations: Violations) -> StoreSettings:
    """Return the settings of the stores; the default ones where something is wrong.

    Args:
        table: the value of ``store`` in the config file.
        violations: gets everything that is wrong, each with the path of its setting.
    """
    if not isinstance(table, Mapping):
        violations.add(wrong_setting("store", "it is not a table; write it as [store]"))
        return StoreSettings()
    problems = Violations()
    settings = StoreSettings(**read_values(table, _readers, "store", problems))
    if settings.database and settings.database_file:
        problems.add(wrong_setting("store.database", "database_file names one too; delete one of the two"))
    try:
        settings.conninfo()
    except ValueError as error:
        problems.add(wrong_setting("store.database_file", str(error)))
    for name in ("endpoint", "client_endpoint", "region", "credentials"):
        if name in table and "objects" not in table:
            problems.add(wrong_setting(f"store.{name}", "it is of an object store; set objects too, or delete it"))
    violations.items.extend(problems.items)
    return StoreSettings() if problems.items else settings


def _read_database(value: object) -> str:
    # It is not shown: it may have a password.
    if not isinstance(value, str) or not value.strip():
        raise ValueError("it is no text; write it like postgresql://rasterwire@db.example.org/rasterwire")
    if _password.search(value):
        raise ValueError("it holds a password; write all of it into a file of its own, and name that in database_file")
    return value


def read_objects(value: object) -> str:
    """Return the address of a bucket, or of a part of its keys.

    Raises:
        ValueError: it is none; with a sentence.
    """
    if not isinstance(value, str) or not _bucket.fullmatch(value) or {".", ".."} & {*value.split("/")}:
        schemes = ", ".join(f"{scheme}://" for scheme in OBJECT_SCHEMES)
        raise ValueError(f"{value!r} is no place in an object store; begin with one of {schemes} and a bucket")
    return value


def _read_client_endpoint(value: object) -> str:
    return "none" if value == "none" else read_endpoint(value)


def _read_path(value: object) -> str:
    if not isinstance(value, str) or not value.startswith("/"):
        raise ValueError("it is no absolute path; name the file that holds the address of the database")
    return value


_readers: dict[str, Callable[[object], object]] = {
    "database": _read_database,
    "database_file": _read_path,
    "objects": read_objects,
    "endpoint": read_endpoint,
    "client_endpoint": _read_client_endpoint,
    "region": read_region,
    "credentials": read_credentials,
}
