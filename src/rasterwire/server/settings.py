"""Settings of a server, read once. A flag wins over the environment, that over the file."""

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from rasterwire.errors import DownloadError


class BadSettings(DownloadError):
    """The settings cannot be used; the message names the setting."""

    reason = "BAD_SETTINGS"


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings. In the environment each is ``RASTERWIRE_`` and its name in capitals.

    Attributes:
        catalog: the folder of images.
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
        state_dir: the folder of ids and rendered files.
        cache_bytes: how many bytes rendered files may take; the least recently used go first.
        lifetime_seconds: how long a download id is valid.
        threads: how many threads render, in each worker.
        workers: how many processes share the ports; more than one serve more small pieces at once.
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
        limits: ``own``, those above, or ``earth-engine``: 32768 pixels a side, 50331648 bytes with a byte
            for each mask, 1024 bands, and Earth Engine's words in messages.
    """

    catalog: Path
    host: str = "127.0.0.1"
    grpc_port: int = 50051
    http_port: int = 8080
    public_url: str = ""
    trust_forwarded: bool = False
    cors_origins: tuple[str, ...] = ()
    state_dir: Path = Path(".rasterwire")
    cache_bytes: int = 20 << 30
    lifetime_seconds: int = 6 * 3600
    threads: int = field(default_factory=lambda: os.cpu_count() or 1)
    workers: int = 1
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
    limits: str = "own"


_origin = re.compile(r"[a-z][a-z0-9+.-]*://[^/\s,*]+", re.ASCII)

_greatest = {"http_port": 65535, "grpc_port": 65535}
_smallest = {"http_port": -1, "grpc_port": 0, "lame_duck_seconds": 0, "drain_seconds": 0}


def load_settings(config: Path | None, overrides: Mapping[str, object]) -> Settings:
    """Return the settings from a TOML file, the environment and overrides.

    Raises:
        BadSettings: an unknown name, a value of the wrong type or range, or an unreadable file.
    """
    values: dict[str, object] = {}
    if config is not None:
        try:
            values |= tomllib.loads(config.read_text())
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise BadSettings(f"config file {config}: {error}") from None
    by_name = {f.name: f for f in fields(Settings)}
    values |= {n: os.environ[f"RASTERWIRE_{n.upper()}"] for n in by_name if f"RASTERWIRE_{n.upper()}" in os.environ}
    values |= overrides
    unknown = sorted(set(values) - set(by_name))
    if unknown:
        raise BadSettings(f"unknown setting {', '.join(unknown)}; there are {', '.join(by_name)}")
    if "catalog" not in values:
        raise BadSettings("catalog: not set; name the folder of images")
    typed: dict[str, Any] = {name: _typed(name, by_name[name].type, value) for name, value in values.items()}
    settings = Settings(**typed)
    if settings.limits not in {"own", "earth-engine"}:
        raise BadSettings(f"limits: {settings.limits!r} is neither own nor earth-engine")
    if settings.sandbox not in {"none", "process"}:
        raise BadSettings(f"sandbox: {settings.sandbox!r} is neither none nor process")
    if not settings.catalog.is_dir():
        raise BadSettings(f"catalog: {settings.catalog} is not a folder")
    return settings


def _typed(name: str, kind: object, value: object) -> object:
    try:
        if kind is Path:
            return Path(str(value)).expanduser()
        if kind is str:
            return str(value)
        if kind is bool:
            return _yes_or_no(name, value)
        if name == "cors_origins":
            return _origins(name, value)
        number = int(str(value)) if kind is int else float(str(value))
    except ValueError:
        raise BadSettings(f"{name}: {value!r} is not a number") from None
    least = _smallest.get(name, 1)
    if number < least:
        raise BadSettings(f"{name}: {value} is too small, at least {least}")
    if name in _greatest and number > _greatest[name]:
        raise BadSettings(f"{name}: {value} is too large, at most {_greatest[name]}")
    return number


def _yes_or_no(name: str, value: object) -> bool:
    truth = {"true": True, "false": False}.get(str(value).lower())
    if truth is None:
        raise BadSettings(f"{name}: {value!r} is neither true nor false")
    return truth


def _origins(name: str, value: object) -> tuple[str, ...]:
    texts = value if isinstance(value, list) else str(value).split(",")
    origins = tuple(text for part in texts if (text := str(part).strip()))
    for origin in origins:
        if origin != "*" and not _origin.fullmatch(origin):
            raise BadSettings(f"{name}: {origin!r} is no origin; it is like https://maps.example.org, without a path")
    return origins
