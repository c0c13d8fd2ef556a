"""What an operator sets of rendering on Dask. In the config file it is the table ``[dask]``."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from rasterwire.cgroups import core_count
from rasterwire.errors import Violation, Violations
from rasterwire.tables import read_values, wrong_setting

__all__ = ["DaskSettings", "read_dask", "with_scheduler"]


@dataclass(frozen=True, slots=True)
class DaskSettings:
    """Where large downloads are rendered with ``engine = "dask"``.

    Attributes:
        scheduler: the address of the scheduler, such as ``tls://scheduler:8786``. By default the server starts
            processes of its own on this machine.
        processes: how many of these; by default one for each core of the machine, or of what its container may use.
        ca_file: who signed the certificates of scheduler, workers and servers, as PEM. With it all connections are
            encrypted, and each side shows its certificate.
        certificate_file: the certificate of this server or worker, as PEM.
        key_file: its private key, as PEM without a password.
    """

    scheduler: str = ""
    processes: int | None = None
    ca_file: Path | None = None
    certificate_file: Path | None = None
    key_file: Path | None = None

    @property
    def process_count(self) -> int:
        """How many processes a server starts that has no scheduler."""
        return core_count() if self.processes is None else self.processes

    @property
    def files(self) -> tuple[Path, Path, Path] | None:
        """Those of TLS: who signs, certificate and key; None without TLS."""
        if self.ca_file is None or self.certificate_file is None or self.key_file is None:
            return None
        return self.ca_file, self.certificate_file, self.key_file


_address = re.compile(r"(tcp|tls)://(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:]+\]):([0-9]{1,5})", re.ASCII)

_LAST_PORT = 65535

_TLS_FILES = ("ca_file", "certificate_file", "key_file")


def read_dask(table: object, violations: Violations) -> DaskSettings:
    """Return the settings of Dask; the default ones where something is wrong.

    Args:
        table: the value of ``dask`` in the config file.
        violations: gets everything that is wrong, each with the path of its setting.
    """
    if not isinstance(table, Mapping):
        violations.add(wrong_setting("dask", "it is not a table; write it as [dask]"))
        return DaskSettings()
    problems = Violations()
    settings = DaskSettings(**read_values(table, _readers, "dask", problems))
    for name in _TLS_FILES:
        if name not in table and any(file in table for file in _TLS_FILES):
            problems.add(wrong_setting(f"dask.{name}", "it is not set; TLS needs all three files"))
    if settings.scheduler:
        if not problems.items or settings.files is not None:
            problems.items.extend(_misfits(settings))
        if "processes" in table:
            problems.add(wrong_setting("dask.processes", "a scheduler has workers of its own; delete one of the two"))
    violations.items.extend(problems.items)
    return DaskSettings() if problems.items else settings


def with_scheduler(settings: DaskSettings, address: str, violations: Violations) -> DaskSettings:
    """Return settings with another scheduler; the same where something is wrong with its address.

    Args:
        settings: those of the file.
        address: of the scheduler, "" for that of the settings.
        violations: gets what is wrong.
    """
    problems = Violations()
    if not (address or settings.scheduler):
        problems.add(wrong_setting("dask.scheduler", "it is not set; give --scheduler, or set it in the config file"))
    try:
        changed = replace(settings, scheduler=_read_address(address), processes=None) if address else settings
    except ValueError as error:
        problems.add(wrong_setting("dask.scheduler", f"{error}"))
        changed = settings
    if not problems.items:
        problems.items.extend(_misfits(changed))
    violations.items.extend(problems.items)
    return settings if problems.items else changed


def _misfits(settings: DaskSettings) -> Iterator[Violation]:
    """Yield where the address of a scheduler and the files of TLS do not fit each other."""
    is_tls = settings.scheduler.startswith("tls:")
    if is_tls and settings.files is None:
        yield wrong_setting("dask.ca_file", "it is not set; an address of tls:// needs the files of TLS")
    if not is_tls and settings.files is not None:
        yield wrong_setting("dask.scheduler", "its files of TLS are set; write the address with tls://")


def _read_address(value: object) -> str:
    match = _address.fullmatch(value) if isinstance(value, str) else None
    if not isinstance(value, str) or match is None or not 0 < int(match[2]) <= _LAST_PORT:
        raise ValueError(f"{value!r} is no address of a scheduler; write it like tls://scheduler:8786")
    return value


def _read_count(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError(f"{value!r} is no number of processes; it is at least 1")
    return value


def _read_file(value: object) -> Path:
    if not isinstance(value, str) or not value:
        raise ValueError("it is no path; name a file of PEM")
    path = Path(value).expanduser()
    if not path.is_file():
        raise ValueError(f"there is no file {path}; name a file of PEM")
    return path


_readers: dict[str, Callable[[object], object]] = {
    "scheduler": _read_address,
    "processes": _read_count,
    "ca_file": _read_file,
    "certificate_file": _read_file,
    "key_file": _read_file,
}
