"""Settings of a server, read once. A flag wins over the environment, that over the file."""

import os
import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import Field, dataclass, field, fields
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from rasterwire.catalog.settings import CatalogKind, CatalogSettings, read_catalogs
from rasterwire.cgroups import core_count
from rasterwire.errors import DownloadError, Violations
from rasterwire.export.settings import ExportSettings, read_export
from rasterwire.files.sources.settings import SourceSettings, read_sources
from rasterwire.server.dask_settings import DaskSettings, read_dask
from rasterwire.server.identity.settings import (
    AuthSettings,
    TenantSettings,
    TlsSettings,
    misfits,
    read_auth,
    read_tenants,
    read_tls,
)
from rasterwire.server.setting_values import remedy_of_file, typed_value
from rasterwire.server.telemetry import TelemetrySettings, read_telemetry
from rasterwire.store.settings import StoreSettings, read_store
from rasterwire.tables import changed_names, number_of_bytes, read_values, unknown_setting, wrong_setting


class BadSettings(DownloadError):
    """The settings cannot be used; the message names the setting."""

    reason = "BAD_SETTINGS"


@dataclass(frozen=True, slots=True)
class CacheSettings:
    """What is kept of files that are not on this machine.

    Attributes:
        tile_cache_bytes: how many bytes compressed tiles may take on the disk; a number, or a text such as
            ``"20 GiB"``. The least recently used go first.
    """

    tile_cache_bytes: int = 20 << 30


_NOT_SET_BY_OPERATORS = {"is_setting": False}

_NO_AUTH, _NO_TLS, _NO_TELEMETRY, _NO_EXPORTS = AuthSettings(), TlsSettings(), TelemetrySettings(), ExportSettings()


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings. In the environment each is ``RASTERWIRE_`` and its name in capitals.

    Attributes:
        catalog: the folder of images. It may be left out where ``catalogs`` names others.
        host: the address to listen on.
        grpc_port: the port of gRPC; 0 takes a free one.
        http_port: the port of HTTP; 0 takes a free one, -1 leaves the HTTP door out.
        public_url: how clients reach the HTTP door; by default ``http://HOST:HTTP_PORT``, with the name of the machine
            where ``host`` is 0.0.0.0.
        trust_forwarded: whether a proxy that sets ``X-Forwarded-Proto``, ``-Host`` and ``-Prefix`` stands before the
            HTTP door, and nobody comes to it but through the proxy. Where ``public_url`` is not set, these headers give
            the address of the server in the discovery document.
        cors_origins: the origins whose web pages may call Earth Engine's doors, such as ``https://maps.example.org``,
            or ``*`` for all; in a text, commas separate them.
        web: whether the HTTP door answers ``/`` with the page to look with.
        state_dir: the folder of ids and rendered files.
        cache_bytes: how many bytes rendered files may take; a number, or a text such as ``"20 GiB"``, as for all sizes.
            The least recently used go first.
        lifetime_seconds: how long a download id is valid.
        threads: how many threads render, in each worker; by default one for each core of the machine, or of what its
            container may use.
        workers: how many processes share the ports; more than one serve more small pieces at once.
        engine: where large downloads are rendered: ``threads`` of this process, or ``dask``: other processes, on this
            machine or on others. Packages may add more; the bytes are the same with each.
        max_renders: how many downloads are rendered at once; four times as many may wait. Small ones have as many
            places of their own.
        max_side: the most pixels along the longer side of an output raster.
        max_bytes: the most bytes of an output before compression.
        max_bands: the most bands of one request.
        idle_seconds: how long an HTTP connection may take to send the head of a request, or be idle before the next.
        lame_duck_seconds: how long a server that was told to stop goes on, but says that it is not ready, so that
            balancers send it no more requests.
        drain_seconds: how long running streams may go on after that.
        sandbox: ``none``, or ``process``: files are read in processes of their own, so that a damaged or hostile file
            costs the request for it and no other.
        sandbox_seconds: how long such a process may take for a header or a block of pixels.
        sandbox_bytes: how much memory it may take for that.
        log: ``text`` for people, or ``json``: an object a line.
        metrics_port: the port of ``/metrics``, for Prometheus. With 0, the HTTP port answers it where nobody but this
            machine reaches the server: ``host`` is a loopback address, and neither ``public_url``, ``trust_forwarded``
            nor ``tenants`` is set. -1 leaves it out.
        audit_file: a file that gets a line of JSON for each call: when, who, what and how much was asked for, and the
            answer. SIGHUP opens it anew, after it was moved away. While it cannot be written, calls are refused.
        limits: ``own``, those above, or ``earth-engine``: 32768 pixels a side, 50331648 bytes with a byte
            for each mask, 1024 bands, and Earth Engine's words in messages.
        catalogs: more catalogs, each a table ``[[catalogs]]`` of the file.
        sources: from where the files of catalogs may be read beside this machine, each a table ``[[sources]]`` of the
            file.
        cache: what is kept of files that are not on this machine, a table ``[cache]`` of the file.
        store: what several servers share, a table ``[store]`` of the file.
        auth: how callers are recognised, a table ``[auth]`` of the file. By default everyone sees everything.
        tenants: who they may be, each a table ``[[tenants]]`` of the file.
        tls: how connections are encrypted, a table ``[tls]`` of the file. By default they are not.
        dask: where ``engine = "dask"`` renders, a table ``[dask]`` of the file.
        telemetry: how calls are traced, a table ``[telemetry]`` of the file. By default they are not.
        export: where exports may go, tables ``[[export.destinations]]`` of the file. By default nowhere.
        config_file: where these come from, None where there is no file; set by ``load_settings`` alone.
        config_values: what that file said; likewise.
    """

    catalog: Path | None = None
    host: str = "127.0.0.1"
    grpc_port: int = 50051
    http_port: int = 8080
    public_url: str = ""
    trust_forwarded: bool = False
    cors_origins: tuple[str, ...] = ()
    web: bool = True
    state_dir: Path = Path(".rasterwire")
    cache_bytes: int = 20 << 30
    lifetime_seconds: int = 6 * 3600
    threads: int = field(default_factory=core_count)
    workers: int = 1
    engine: str = "threads"
    max_renders: int = 4
    max_side: int = 1_000_000
    max_bytes: int = 1 << 40
    max_bands: int = 1024
    idle_seconds: float = 75.0
    lame_duck_seconds: float = 0.0
    drain_seconds: float = 20.0
    sandbox: str = "none"
    sandbox_seconds: float = 60.0
    sandbox_bytes: int = 2 << 30
    log: str = "text"
    metrics_port: int = 0
    audit_file: Path | None = None
    limits: str = "own"
    catalogs: tuple[CatalogSettings, ...] = ()
    sources: tuple[SourceSettings, ...] = ()
    cache: CacheSettings = CacheSettings()
    store: StoreSettings = field(default_factory=StoreSettings)
    auth: AuthSettings = _NO_AUTH
    tenants: tuple[TenantSettings, ...] = ()
    tls: TlsSettings = _NO_TLS
    dask: DaskSettings = field(default_factory=DaskSettings)
    telemetry: TelemetrySettings = _NO_TELEMETRY
    export: ExportSettings = _NO_EXPORTS
    config_file: Path | None = field(default=None, metadata=_NOT_SET_BY_OPERATORS)
    config_values: Mapping[str, object] = field(
        default_factory=dict, repr=False, compare=False, metadata=_NOT_SET_BY_OPERATORS
    )

    @property
    def folders(self) -> dict[str, Path]:
        """The folders of images, by the prefix of their ids."""
        unprefixed = {} if self.catalog is None else {"": self.catalog}
        prefixed = [settings for settings in self.catalogs if settings.kind is CatalogKind.FOLDER]
        return unprefixed | {settings.prefix: Path(settings.source).expanduser() for settings in prefixed}

    @property
    def tenant_names(self) -> set[str]:
        """Of those of the config file."""
        return {tenant.name for tenant in self.tenants}

    @property
    def scheme(self) -> str:
        """Of the addresses of the HTTP door."""
        return "https" if self.tls.is_set else "http"

    @property
    def is_reloaded(self) -> bool:
        """Whether the server has files that it reads again, or opens anew, at SIGHUP."""
        files = self.auth.url_keys_file, self.audit_file
        return bool(self.tenants) or self.tls.is_set or any(file is not None for file in files)

    @property
    def has_use_of_reload(self) -> bool:
        """Whether SIGHUP has the server look at anything: such files, or whether its config file changed."""
        return self.is_reloaded or self.config_file is not None

    @property
    def is_open_to_others(self) -> bool:
        """Whether other machines may reach the server, and nobody is asked who they are."""
        return not self.tenants and not _is_loopback(self.host)

    @property
    def shows_metrics_by_http(self) -> bool:
        """Whether the HTTP port answers ``/metrics``."""
        is_reached = self.public_url or self.trust_forwarded or self.tenants or not _is_loopback(self.host)
        return self.metrics_port == 0 and self.http_port >= 0 and not is_reached

    @property
    def has_metrics(self) -> bool:
        """Whether anything answers ``/metrics``."""
        return self.metrics_port > 0 or self.shows_metrics_by_http

    @property
    def images(self) -> str:
        """What is served, for the log; without addresses."""
        folders = [] if self.catalog is None else [str(self.catalog)]
        return ", ".join(
            [*folders, *(f"{settings.prefix or 'all ids'} ({settings.kind})" for settings in self.catalogs)]
        )


_tables = ("catalogs", "sources", "cache", "store", "auth", "tenants", "tls", "dask", "telemetry", "export")
"""Settings that only the file can have."""

_LISTED_TABLES = ("catalogs", "sources", "tenants")
"""Those of which there may be several."""


def _is_loopback(host: str) -> bool:
    """Tell whether an address is of this machine alone.

    >>> [_is_loopback(host) for host in ("127.0.0.1", "::1", "localhost", "0.0.0.0", "::", "server.example.org")]
    [True, True, True, False, False, False]
    """
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def load_settings(
    config: Path | None, overrides: Mapping[str, object], *, needs_images: bool = True, unread: Collection[str] = ()
) -> Settings:
    """Return the settings from a TOML file, the environment and overrides.

    Args:
        config: the file; None for none.
        overrides: by name.
        needs_images: whether a folder of images has to be there, or catalogs have to be named.
        unread: tables of the file that the program does not use, so that what they name need not be there.

    Raises:
        BadSettings: unknown names, values of the wrong type or range, or an unreadable file; tells all at once.
    """
    in_config = {} if config is None else _read_config(config)
    values: dict[str, object] = {name: value for name, value in in_config.items() if name not in unread}
    by_name, violations, typed = _setting_names(), Violations(), dict[str, Any]()
    variables = {name: f"RASTERWIRE_{name.upper()}" for name in by_name if name not in _tables}
    values |= {name: os.environ[variable] for name, variable in variables.items() if variable in os.environ}
    if os.environ.get("OTEL_TRACES_EXPORTER") == "otlp":  # as everywhere
        values.setdefault("telemetry", {"traces": "otlp"})
    in_file = values.get("catalog")
    values |= overrides
    if isinstance(in_file, dict | list):  # it is no folder, and wrong whatever folder a flag names
        values["catalog"] = in_file
    _add_unknown(values, by_name, violations)
    for name in values.keys() & by_name.keys() - set(_tables):
        try:
            typed[name] = typed_value(name, by_name[name].type, values[name])
        except ValueError as error:
            violations.add(wrong_setting(name, str(error)))
    typed |= _read_tables(values, violations)
    if needs_images and "catalog" not in values and not values.get("catalogs"):
        violations.add(wrong_setting("catalog", "not set; name the folder of images"))
    if needs_images and typed.get("catalog") is not None:
        _check_folder(typed["catalog"], typed["catalogs"], violations)
    _raise_if_any(violations)
    return Settings(**typed, config_file=config and config.absolute(), config_values=in_config)


def load_store_settings(config: Path) -> StoreSettings:
    """Return the settings of the stores from a TOML file, whatever else it holds.

    Raises:
        BadSettings: they are wrong, or the file is unreadable; tells all at once.
    """
    violations = Violations()
    settings = read_store(_read_config(config).get("store", {}), violations)
    _raise_if_any(violations)
    return settings


def load_tenants(config: Path) -> tuple[TenantSettings, ...]:
    """Return the tenants of a TOML file. Of the rest, what they need has to be right, and no setting may be unknown.

    Raises:
        BadSettings: they are wrong, or the file is unreadable; tells all at once.
    """
    violations, values = Violations(), _read_config(config)
    _add_unknown(values, _setting_names(), violations)
    auth, tls = read_auth(values.get("auth", {}), violations), read_tls(values.get("tls", {}), violations)
    tenants = read_tenants(values.get("tenants", []), violations)
    if not violations.items:
        violations.items.extend(misfits(auth, tls, tenants))
    _raise_if_any(violations)
    return tenants


def settings_for_restart(settings: Settings) -> list[str]:
    """Return the names of settings that the config file has otherwise than at the start, but for the tenants.

    Raises:
        BadSettings: the file is unreadable.
    """
    if settings.config_file is None:
        return []
    names = changed_names(settings.config_values, _read_config(settings.config_file))
    return [name for name in names if name != "tenants"]


def load_keys_file(config: Path) -> Path:
    """Return the file of API keys that a TOML file names, whether it is there or not.

    Raises:
        BadSettings: it names none, or is unreadable.
    """
    auth = _read_config(config).get("auth")
    path = auth.get("keys_file") if isinstance(auth, Mapping) else None
    if not isinstance(path, str) or not path:
        raise BadSettings("auth.keys_file: it is not set; name a file there, or give --keys-file")
    return Path(path).expanduser()


def load_tenant_names(config: Path) -> set[str]:
    """Return the names of the tenants of a TOML file, whatever else it holds: their keys need not be there yet.

    Raises:
        BadSettings: it is unreadable.
    """
    tables = _read_config(config).get("tenants")
    return (
        {str(table.get("name")) for table in tables if isinstance(table, Mapping)}
        if isinstance(tables, list)
        else set()
    )


def _setting_names() -> dict[str, Field[Any]]:
    return {setting.name: setting for setting in fields(Settings) if not setting.metadata}


def _add_unknown(values: Mapping[str, object], names: Mapping[str, object], violations: Violations) -> None:
    for name in sorted(set(values) - set(names)):
        violations.add(unknown_setting("", name, names, _LISTED_TABLES))


def _raise_if_any(violations: Violations) -> None:
    if violations.items:
        raise BadSettings("\n".join(sorted(str(violation) for violation in violations.items)))


def _read_config(path: Path) -> dict[str, Any]:
    """Return what a config file says.

    Raises:
        BadSettings: it cannot be read.
    """
    if path.is_dir():
        raise BadSettings(f"config: {path} is a folder; to serve its images: rasterwire serve {path}")
    try:
        return tomllib.loads(path.read_text())
    except OSError as error:
        raise BadSettings(f"config file {path}: {error.strerror}; name a TOML file that can be read") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadSettings(f"config file {path}: it is no TOML: {error}") from None


def _read_tables(values: Mapping[str, object], violations: Violations) -> dict[str, Any]:
    typed: dict[str, Any] = {
        "catalogs": read_catalogs(values.get("catalogs", []), violations),
        "sources": read_sources(values.get("sources", []), violations),
        "cache": _read_cache(values.get("cache", {}), violations),
        "store": read_store(values.get("store", {}), violations),
        "auth": read_auth(values.get("auth", {}), violations),
        "tenants": read_tenants(values.get("tenants", []), violations),
        "tls": read_tls(values.get("tls", {}), violations),
        "dask": read_dask(values.get("dask", {}), violations),
        "telemetry": read_telemetry(values.get("telemetry", {}), violations),
        "export": read_export(values.get("export", {}), violations),
    }
    if not violations.items:
        violations.items.extend(misfits(typed["auth"], typed["tls"], typed["tenants"]))
    return typed


def _check_folder(folder: Path, catalogs: Sequence[CatalogSettings], violations: Violations) -> None:
    if not folder.is_dir():
        violations.add(wrong_setting("catalog", f"{folder} is not a folder{remedy_of_file(folder)}"))
    for number, settings in enumerate(catalogs):
        if any(not root for root, _ in settings.roots):
            problem = "the images of the folder 'catalog' have no prefix; set one for these"
            violations.add(wrong_setting(f"catalogs[{number}].prefix", problem))


def _read_cache(table: object, violations: Violations) -> CacheSettings:
    if not isinstance(table, Mapping):
        violations.add(wrong_setting("cache", "it is not a table; write it as [cache]"))
        return CacheSettings()
    return CacheSettings(**read_values(table, {"tile_cache_bytes": number_of_bytes}, "cache", violations))
