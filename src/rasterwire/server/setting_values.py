"""Values of settings, which come from a file, the environment or a flag, as the type of each."""

import re
from collections.abc import Mapping
from pathlib import Path

from rasterwire.catalog.settings import CATALOG_OF_INDEX, is_index_source
from rasterwire.tables import number_of_bytes

__all__ = ["remedy_of_file", "typed_value"]

_origin = re.compile(r"[a-z][a-z0-9+.-]*://[^/\s,*]+", re.ASCII)

_choices = {"limits": ("own", "earth-engine"), "log": ("text", "json"), "sandbox": ("none", "process")}
_greatest = {"http_port": 65535, "grpc_port": 65535, "metrics_port": 65535}
_sizes = {"cache_bytes", "max_bytes", "sandbox_bytes"}
_examples = {"host": "127.0.0.1", "public_url": "https://images.example.org"}
_smallest = {"http_port": -1, "grpc_port": 0, "metrics_port": -1, "lame_duck_seconds": 0, "drain_seconds": 0}


def typed_value(name: str, kind: object, value: object) -> object:
    """Return a value of the type of its setting.

    Raises:
        ValueError: with a sentence.
    """
    if isinstance(value, Mapping) or (isinstance(value, list) and name != "cors_origins"):
        meant = "; did you mean [[catalogs]]?" if name == "catalog" else "; write one value"
        raise ValueError(f"it is a {'table' if isinstance(value, Mapping) else 'list'}{meant}")
    if kind in {Path, Path | None, str} and name not in _choices and not isinstance(value, str | Path):
        raise ValueError(
            f'{value!r} is no text; write it in quotes, such as {name} = "{_examples.get(name, "/a/path")}"'
        )
    if kind in {Path, Path | None}:
        return Path(str(value)).expanduser()
    if name in _choices and value not in _choices[name]:
        raise ValueError(f"{value!r} is neither {' nor '.join(_choices[name])}")
    if kind is str:
        return str(value)
    if kind is bool:
        return _yes_or_no(value)
    if name == "cors_origins":
        return _origins(value)
    return _number(name, kind, value)


def _number(name: str, kind: object, value: object) -> float:
    try:
        number = float(str(value)) if kind is float else int(str(value))
    except ValueError:
        if name not in _sizes:
            raise ValueError(f"{value!r} is not a number") from None
        number = number_of_bytes(value)
    least = _smallest.get(name, 1)
    if number < least:
        raise ValueError(f"{value} is too small, at least {least}")
    if name in _greatest and number > _greatest[name]:
        raise ValueError(f"{value} is too large, at most {_greatest[name]}")
    return number


def _yes_or_no(value: object) -> bool:
    truth = {"true": True, "false": False}.get(str(value).lower())
    if truth is None:
        raise ValueError(f"{value!r} is neither true nor false")
    return truth


def _origins(value: object) -> tuple[str, ...]:
    texts = value if isinstance(value, list) else str(value).split(",")
    origins = tuple(text for part in texts if (text := str(part).strip()))
    for origin in origins:
        if origin != "*" and not _origin.fullmatch(origin):
            raise ValueError(f"{origin!r} is no origin; it is like https://maps.example.org, without a path")
    return origins


def remedy_of_file(path: Path) -> str:
    """Return what is likely meant by a file or a URL in place of a folder; "" where there is neither."""
    if is_index_source(path):
        return f"; {CATALOG_OF_INDEX} in a config file, and start with rasterwire serve --config FILE"
    if not path.is_file():
        return ""
    if path.suffix.lower() == ".toml":
        return f", but a file; for a config file: rasterwire serve --config {path}"
    return f", but a file; to serve the folder that holds it: rasterwire serve {path.absolute().parent}"
