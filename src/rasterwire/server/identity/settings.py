"""What an operator sets of tenants: who they are, how they are recognised, and how connections are encrypted."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rasterwire.errors import Violation, Violations
from rasterwire.principal import NO_QUOTA, Principal, Quota
from rasterwire.server.identity.key_file import TENANT_NAME
from rasterwire.tables import number_of_bytes, read_values, wrong_setting

__all__ = ["AuthSettings", "TenantSettings", "TlsSettings", "misfits", "read_auth", "read_tenants", "read_tls"]

MAX_PREFIXES = 100
"""Prefixes of a tenant: each is a condition of every query."""


@dataclass(frozen=True, slots=True)
class AuthSettings:
    """How callers are recognised. Both ways may be set.

    Attributes:
        keys_file: the file of API keys, which ``rasterwire admin keys`` makes and changes.
        issuer: who issues tokens of OpenID Connect, such as ``https://login.example.org/realms/maps``. Its document
            ``/.well-known/openid-configuration`` tells where its keys are.
        audience: whom the tokens have to be for; required with ``issuer``.
        tenant_claim: the claim of a token that names the tenant; a claim within another follows behind a dot.
        url_keys_file: the file of keys that sign the addresses of downloads, each line an id and a secret of 64 or more
            hexadecimal digits. The first one signs, all are taken. Without it the addresses hold the tokens of their
            downloads. It may be set where there are no tenants.
    """

    keys_file: Path | None = None
    issuer: str = ""
    audience: str = ""
    tenant_claim: str = "tenant"
    url_keys_file: Path | None = None

    @property
    def is_set(self) -> bool:
        """Whether callers are recognised by what they send."""
        return self.keys_file is not None or bool(self.issuer)


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """How connections are encrypted, those of gRPC and of HTTP alike.

    Attributes:
        certificate_file: the certificate of the server with those that it was signed by, as PEM.
        key_file: its private key, as PEM without a password.
        client_ca_file: who signs certificates of clients, as PEM. A tenant is then recognised by ``certificate_names``.
            The gRPC port takes no connection without such a certificate; over HTTP a key or a token does too.
    """

    certificate_file: Path | None = None
    key_file: Path | None = None
    client_ca_file: Path | None = None

    @property
    def is_set(self) -> bool:
        """Whether connections are encrypted."""
        return self.certificate_file is not None


@dataclass(frozen=True, slots=True)
class TenantSettings:
    """Of one tenant.

    Attributes:
        name: that keys refer to, such as ``forestry``.
        prefixes: which images it sees: those whose id is one of these, or begins with one and a slash; ``"*"`` stands
            for all.
        certificate_names: the names of its client certificates: a DNS name or a URI of their alternative names, or
            their common name. By default it has none.
        weight: of its share of a busy server, 1 to 100: one of twice the weight gets twice as much.
        quota: how much it may ask for, such as ``{pixels_per_day = 1000000000, bytes_per_day = "20 GiB",
            concurrent_renders = 4, stored_bytes = "100 GiB"}``. ``pixels_per_day`` counts values of all bands,
            ``bytes_per_day`` what is sent of files, both in a day of UTC; ``stored_bytes`` are those of the files of
            registered downloads. These three count at all servers that share a database together. As many as
            ``concurrent_renders`` may be under way at once in each worker. What is left out has no limit.
    """

    name: str
    prefixes: tuple[str, ...]
    certificate_names: tuple[str, ...] = ()
    weight: int = 1
    quota: Quota = NO_QUOTA

    @property
    def principal(self) -> Principal:
        """Who its calls are answered for."""
        prefixes = tuple("" if prefix == "*" else prefix for prefix in self.prefixes)
        return Principal(self.name, prefixes, self.weight, self.quota)


_MAX_WEIGHT = 100
"""Of a tenant, beside 1 of others."""

_address = re.compile(
    r"(?:https://[^\s/?#@\\]+|http://(?:localhost|127\.0\.0\.1)(?::\d{1,5})?)(?:/[^\s?#@\\]*)?", re.ASCII
)

_prefix = re.compile(r"\*|[^/\s*][^*]{0,498}", re.ASCII)


def read_auth(table: object, violations: Violations) -> AuthSettings:
    """Return the settings of the table ``[auth]``; ``violations`` gets what is wrong."""
    readers = {
        "keys_file": _keys_file,
        "issuer": _issuer,
        "audience": _text,
        "tenant_claim": _text,
        "url_keys_file": _file,
    }
    settings = AuthSettings(**_table(table, readers, "auth", violations))
    if settings.issuer and not settings.audience:
        violations.add(wrong_setting("auth.audience", "it is not set; name whom the tokens of the issuer are for"))
    if settings.issuer and find_spec("jwt") is None:
        remedy = "install it with pip install '.[auth]' in the clone"
        violations.add(wrong_setting("auth.issuer", f"checking tokens needs pyjwt; {remedy}"))
    return settings


def read_tls(table: object, violations: Violations) -> TlsSettings:
    """Return the settings of the table ``[tls]``; ``violations`` gets what is wrong."""
    readers = {"certificate_file": _file, "key_file": _file, "client_ca_file": _file}
    settings = TlsSettings(**_table(table, readers, "tls", violations))
    if isinstance(table, Mapping) and table:
        for name in ("certificate_file", "key_file"):
            if name not in table:
                violations.add(wrong_setting(f"tls.{name}", "it is not set; name a file of PEM"))
    return settings


def read_tenants(tables: object, violations: Violations) -> tuple[TenantSettings, ...]:
    """Return the settings of the tables ``[[tenants]]``; ``violations`` gets what is wrong."""
    if not isinstance(tables, Sequence) or isinstance(tables, str):
        violations.add(wrong_setting("tenants", "it is not a list; write each tenant as a table [[tenants]]"))
        return ()
    tenants: dict[str, TenantSettings] = {}
    names: dict[str, str] = {}
    for number, table in enumerate(tables):
        path = f"tenants[{number}]"
        values = _table(table, _tenant_readers, path, violations)
        for name, remedy in (("name", "call it"), ("prefixes", 'list the prefixes of its images, or "*" for all')):
            if isinstance(table, Mapping) and name not in table:
                violations.add(wrong_setting(f"{path}.{name}", f"it is not set; {remedy}"))
        if not {"name", "prefixes"} <= set(values):
            continue
        tenant = TenantSettings(**values)
        if tenant.name in tenants:
            violations.add(wrong_setting(f"{path}.name", f"a tenant above is called {tenant.name}; call it otherwise"))
        tenants.setdefault(tenant.name, tenant)
        for name in tenant.certificate_names:
            if names.setdefault(name, path) != path:
                problem = f"{names[name]} has the name {name!r}; a name belongs to one tenant"
                violations.add(wrong_setting(f"{path}.certificate_names", problem))
    return tuple(tenants.values())


def misfits(auth: AuthSettings, tls: TlsSettings, tenants: Sequence[TenantSettings]) -> Iterator[Violation]:
    """Yield each setting that has no meaning without another, and why."""
    knows_callers = auth.is_set or tls.client_ca_file is not None
    if knows_callers and not tenants:
        yield wrong_setting("tenants", "there is none, so that nobody could call; add a table [[tenants]]")
    if tenants and not knows_callers:
        remedy = "set keys_file, issuer, or tls.client_ca_file"
        yield wrong_setting("auth", f"it is not set, so that no tenant could be recognised; {remedy}")
    for number, tenant in enumerate(tenants):
        if tenant.certificate_names and tls.client_ca_file is None:
            problem = "no certificate is asked for; set tls.client_ca_file"
            yield wrong_setting(f"tenants[{number}].certificate_names", problem)


def _table(
    table: object, readers: Mapping[str, Callable[[object], object]], path: str, violations: Violations
) -> dict[str, Any]:
    if not isinstance(table, Mapping):
        violations.add(wrong_setting(path, f"it is not a table; write it as [{path.partition('[')[0]}]"))
        return {}
    return read_values(table, readers, path, violations)


def _file(value: object) -> Path:
    path = Path(str(value)).expanduser()
    if not isinstance(value, str) or not path.is_file():
        raise ValueError(f"{str(value)[:200]!r} is no file of this machine; name one")
    return path


def _keys_file(value: object) -> Path:
    try:
        return _file(value)
    except ValueError as error:
        raise ValueError(f"{error}, or make it with rasterwire admin keys add") from None


def _issuer(value: object) -> str:
    if not isinstance(value, str) or not _address.fullmatch(value):
        # in plain text anyone on the way could issue tokens
        raise ValueError("it is no address; write it like https://login.example.org/realms/maps, without a query")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(f"{value!r} is no text; write one in quotes")
    return value


def _name(value: object) -> str:
    if not isinstance(value, str) or not TENANT_NAME.fullmatch(value):
        raise ValueError(f"{value!r} is no name of a tenant; write letters, digits and . _ -, such as forestry")
    return value


def _prefixes(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not 0 < len(value) <= MAX_PREFIXES:
        raise ValueError(f'it is no list of 1 to {MAX_PREFIXES} prefixes; write one such as ["COPERNICUS/S2_SR"]')
    for prefix in value:
        if not isinstance(prefix, str) or not _prefix.fullmatch(prefix) or prefix.endswith("/"):
            raise ValueError(f'{prefix!r} is no prefix of ids; write one such as COPERNICUS/S2_SR, or "*" for all')
    return tuple(dict.fromkeys(value))


def _names(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not value or not all(isinstance(name, str) and name for name in value):
        raise ValueError(f'{str(value)[:200]!r} is no list of names; write one such as ["forestry.example.org"]')
    return tuple(value)


def _weight(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value <= _MAX_WEIGHT:
        raise ValueError(f"{str(value)[:200]!r} is no weight; write a whole number from 1 to {_MAX_WEIGHT}")
    return value


def _quota(value: object) -> Quota:
    readers = {
        "pixels_per_day": _limit,
        "bytes_per_day": _limit_of_bytes,
        "concurrent_renders": _limit,
        "stored_bytes": _limit_of_bytes,
        "concurrent_exports": _limit,
    }
    if not isinstance(value, Mapping):
        raise ValueError(f"it is no table; write one such as {{pixels_per_day = 1000000000}}, of {', '.join(readers)}")
    violations = Violations()
    limits = read_values(value, readers, "quota", violations)
    if violations.items:
        raise ValueError("; ".join(map(str, violations.items)))
    return Quota(**limits)


def _limit(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 62:
        raise ValueError(f"{str(value)[:200]!r} is no whole number from 0 on below 2^62")
    return value


def _limit_of_bytes(value: object) -> int:
    return _limit(number_of_bytes(value))


_tenant_readers: dict[str, Callable[[object], object]] = {
    "name": _name,
    "prefixes": _prefixes,
    "certificate_names": _names,
    "weight": _weight,
    "quota": _quota,
}
