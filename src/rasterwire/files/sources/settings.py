"""What an operator sets of a source of bytes: where its files are, and how its server may be asked.

In the config file each source is a table ``[[sources]]``, whose names are those of ``SourceSettings``.
"""

import importlib
import ipaddress
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from rasterwire.errors import Violations
from rasterwire.tables import read_values, wrong_setting

__all__ = [
    "HTTP_SCHEMES",
    "OBJECT_SCHEMES",
    "SourceSettings",
    "read_credentials",
    "read_endpoint",
    "read_region",
    "read_sources",
]

HTTP_SCHEMES = ("https", "http")
OBJECT_SCHEMES = ("s3", "gs", "az")

MAX_IN_FLIGHT = 256
"""Requests to a source at the same time, at most in its settings."""

MAX_RETRIES = 20
"""How many times a request to a source is sent again, at most in its settings."""

MAX_SECONDS = 3600.0
"""Seconds of a timeout or a deadline of a source, at most in its settings."""


@dataclass(frozen=True, slots=True)
class SourceSettings:
    """Of the files whose addresses begin with a prefix.

    Attributes:
        prefix: how their addresses begin, such as ``s3://eo/`` or ``https://data.example.org/``; a ``/`` is added where
            it does not end with one. A scheme alone, such as ``https://``, is all buckets or hosts.
        endpoint: the address of an object store other than the cloud's own, such as ``https://s3.example.org``.
        region: of an S3 store.
        credentials: ``anonymous``; ``env``, the keys in the environment or else the identity that the platform gives
            the machine; or the absolute path of a file with keys.
        private_addresses: whether a host may have a private or loopback address: true, false, or a list of the networks
            that are allowed, such as ``10.1.0.0/16``. Only by a list are link-local and reserved addresses allowed.
        redirects: which hosts an HTTP answer may redirect to: ``none``, ``same-host``, or a list of hosts.
        max_in_flight: most requests at the same time, in each process.
        timeout_seconds: how long a server may be silent before a request is sent again.
        retries: how many times a request is sent again.
        deadline_seconds: how long opening a file or reading parts of it may take, waiting and retries included.
        sign: returns an address with a signature for one without, just before a request; in the config file its name,
            ``module:function``. Addresses are known, compared and cached without it.
        immutable: whether files are never replaced at their address. Without, files of an HTTP server that gives
            neither an ETag nor a Last-Modified date are refused.
    """

    prefix: str
    endpoint: str = ""
    region: str = ""
    credentials: str = "anonymous"
    private_addresses: bool | tuple[str, ...] = False
    redirects: str | tuple[str, ...] = "none"
    max_in_flight: int = 16
    timeout_seconds: float = 10.0
    retries: int = 4
    deadline_seconds: float = 60.0
    sign: Callable[[str], str] | None = None
    immutable: bool = False

    @property
    def scheme(self) -> str:
        """Of the addresses, such as ``s3``."""
        return self.prefix.partition(":")[0]


_only_http = ("private_addresses", "redirects", "immutable", "sign")
_only_objects = ("endpoint", "region")

_host = r"(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])"
_prefix = re.compile(
    rf"(?:(?:{'|'.join(HTTP_SCHEMES)})://(?:{_host}(?::\d{{1,5}})?/(?:[^\s?#\\]*/)?)?"
    rf"|(?:{'|'.join(OBJECT_SCHEMES)})://(?:[A-Za-z0-9][A-Za-z0-9._-]*/(?:[^\s\\]*/)?)?)"
)
_endpoint = re.compile(r"https?://[^\s/?#@\\]+(?:/[^\s?#@\\]*)?")
_redirect_host = re.compile(rf"{_host}(?::\d{{1,5}})?")


def read_sources(tables: object, violations: Violations) -> tuple[SourceSettings, ...]:
    """Return the settings of all sources that are correct.

    Args:
        tables: the value of ``sources`` in the config file.
        violations: gets everything that is wrong, each with the path of its setting.
    """
    if not isinstance(tables, Sequence) or isinstance(tables, str):
        violations.add(wrong_setting("sources", "it is not a list; write each source as a table [[sources]]"))
        return ()
    sources: list[SourceSettings] = []
    for number, table in enumerate(tables):
        path = f"sources[{number}]"
        if not isinstance(table, Mapping):
            violations.add(wrong_setting(path, "it is not a table; write each source as a table [[sources]]"))
            continue
        problems = Violations()
        settings = _read_source(table, path, problems)
        if settings is not None and any(settings.prefix == source.prefix for source in sources):
            problems.add(wrong_setting(f"{path}.prefix", f"{settings.prefix!r} is set twice; keep one of the tables"))
        violations.items.extend(problems.items)
        if settings is not None and not problems.items:
            sources.append(settings)
    return tuple(sources)


def _read_source(table: Mapping[object, object], path: str, violations: Violations) -> SourceSettings | None:
    values = read_values(table, _readers, path, violations)
    if "prefix" not in table:
        violations.add(wrong_setting(f"{path}.prefix", "it is not set; set how the addresses begin, such as s3://eo/"))
    if "prefix" not in values:
        return None
    settings = SourceSettings(**values)
    _check_kind(settings, table, path, violations)
    return settings


def _check_kind(settings: SourceSettings, table: Mapping[object, object], path: str, violations: Violations) -> None:
    """Refuse what has no effect on a source of this kind."""
    is_http = settings.scheme in HTTP_SCHEMES
    for name in _only_objects if is_http else _only_http:
        if name in table:
            kind = "an HTTP server" if is_http else "an object store"
            violations.add(wrong_setting(f"{path}.{name}", f"{kind} has no such setting; delete it"))
    if is_http and settings.credentials == "env":
        violations.add(wrong_setting(f"{path}.credentials", "'env' is for object stores; name a file with headers"))
    if is_http and settings.credentials.startswith("/") and settings.prefix.endswith("://"):
        violations.add(wrong_setting(f"{path}.credentials", "headers would go to every host; set a prefix with a host"))
    if settings.scheme == "az" and settings.credentials == "anonymous" and not settings.endpoint:
        remedy = "it is not set; set it like https://ACCOUNT.blob.core.windows.net"
        violations.add(wrong_setting(f"{path}.endpoint", remedy))


def _read_prefix(value: object) -> str:
    prefix = value if not isinstance(value, str) or value.endswith("/") else f"{value}/"
    if not isinstance(prefix, str) or not _prefix.fullmatch(prefix) or _has_dot_segment(prefix):
        schemes = ", ".join(f"{scheme}://" for scheme in (*OBJECT_SCHEMES, *HTTP_SCHEMES))
        raise ValueError(
            f"{value!r} is no prefix of addresses; begin with one of {schemes}, then a bucket, or a host in small "
            "letters without a user"
        )
    return prefix


def _has_dot_segment(address: str) -> bool:
    return any(segment in {".", ".."} for segment in address.split("/"))


def read_endpoint(value: object) -> str:
    """Return the address of an object store; raises ValueError with a sentence where it is none."""
    # It is not shown: it may have a password.
    if not isinstance(value, str) or not _endpoint.fullmatch(value):
        raise ValueError("it is no address of a server; write it like https://s3.example.org, without user or query")
    return value.rstrip("/")


def read_region(value: object) -> str:
    """Return a region; raises ValueError with a sentence where it is none."""
    if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z0-9-]{1,64}", value):
        raise ValueError(f"{value!r} is no region; write it like eu-central-1")
    return value


def read_credentials(value: object) -> str:
    """Return where keys are found; raises ValueError with a sentence where that is nowhere."""
    # It is not shown: it may be a key.
    if not isinstance(value, str) or not (value in {"env", "anonymous"} or value.startswith("/")):
        raise ValueError("it is neither 'env' nor 'anonymous' nor an absolute path; keys are in the file of that path")
    return value


def _read_private_addresses(value: object) -> bool | tuple[str, ...]:
    if isinstance(value, bool):
        return value
    try:
        if isinstance(value, list) and value and all(isinstance(network, str) for network in value):
            return tuple(str(ipaddress.ip_network(network)) for network in value)
    except ValueError:
        pass
    raise ValueError(f"{value!r} is neither true nor false nor a list of networks such as ['10.1.0.0/16']")


def _read_redirects(value: object) -> str | tuple[str, ...]:
    if isinstance(value, str) and value in {"none", "same-host"}:
        return value
    if isinstance(value, list) and value and all(isinstance(h, str) and _redirect_host.fullmatch(h) for h in value):
        return tuple(value)
    raise ValueError(f"{value!r} is neither 'none' nor 'same-host' nor a list of hosts such as ['data.example.org']")


def _read_immutable(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{value!r} is neither true nor false")
    return value


def _whole_number(least: int, most: int) -> Callable[[object], int]:
    def read(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise ValueError(f"{value!r} is no whole number from {least} to {most}; write one")
        return value

    return read


def _read_seconds(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= MAX_SECONDS:
        raise ValueError(f"{value!r} is no number of seconds above 0 and at most {MAX_SECONDS:g}; write one")
    return float(value)


def _read_sign(value: object) -> Callable[[str], str]:
    module, _, name = value.partition(":") if isinstance(value, str) else ("", "", "")
    try:
        function = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError):
        function = None
    if not callable(function):
        raise ValueError(f"{value!r} is no function that can be imported; write it like module:function")
    return function  # type: ignore[no-any-return]


_readers: dict[str, Callable[[object], object]] = {
    "prefix": _read_prefix,
    "endpoint": read_endpoint,
    "region": read_region,
    "credentials": read_credentials,
    "private_addresses": _read_private_addresses,
    "redirects": _read_redirects,
    "immutable": _read_immutable,
    "max_in_flight": _whole_number(1, MAX_IN_FLIGHT),
    "timeout_seconds": _read_seconds,
    "retries": _whole_number(0, MAX_RETRIES),
    "deadline_seconds": _read_seconds,
    "sign": _read_sign,
}
