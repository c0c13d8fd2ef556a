"""Files of credentials. Nothing in them is part of an error, a log or a text of an object."""

import configparser
import json
from collections.abc import Mapping
from pathlib import Path

from rasterwire.files.sources.settings import HTTP_SCHEMES, SourceSettings

__all__ = ["read_keys"]

_MAX_BYTES = 64 << 10
"""Of a file of credentials; a longer one is read in part, and then refused."""

_sections = {"s3": "aws_access_key_id and aws_secret_access_key", "az": "account_name and account_key or sas_token"}

_names: Mapping[str, Mapping[str, str]] = {
    "s3": {
        "aws_access_key_id": "access_key_id",
        "aws_secret_access_key": "secret_access_key",
        "aws_session_token": "session_token",
    },
    "az": {
        "account_name": "account_name",
        "account_key": "account_key",
        "sas_token": "sas_key",
        "client_id": "client_id",
        "client_secret": "client_secret",
        "tenant_id": "tenant_id",
    },
}
"""Names in the file, and what obstore calls them."""


def read_keys(settings: SourceSettings) -> dict[str, str]:
    """Return the keys of a source by name; none where its credentials are no file.

    A file of S3 is one of AWS, with a section ``[default]``; those of Azure and of HTTP headers are written like it,
    and one of Google is the JSON of a service account.

    Raises:
        ValueError: the file cannot be used; the text has nothing of what it holds.
    """
    if not settings.credentials.startswith("/"):
        return {}
    path = Path(settings.credentials)
    try:
        with path.open("rb") as file:
            text = file.read(_MAX_BYTES).decode()
    except (OSError, UnicodeDecodeError):
        raise ValueError("the file cannot be read; check its path and who may read it") from None
    if settings.scheme == "gs":
        if not _is_object(text):
            raise ValueError("the file is not the JSON of a service account; download its key as JSON")
        return {"service_account_key": text}
    values = _default_section(text)
    if settings.scheme in HTTP_SCHEMES:
        if not values or not all(_is_header(name, value) for name, value in values.items()):
            raise ValueError("the file has no headers; write [default] and lines such as authorization = Bearer TOKEN")
        return values
    names = _names[settings.scheme]
    keys = {names[name]: value for name, value in values.items() if name in names}
    if not keys:
        raise ValueError(f"the file has no keys; write [default] and lines with {_sections[settings.scheme]}")
    return keys


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def _default_section(text: str) -> dict[str, str]:
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(text)
    except configparser.Error:
        return {}
    return dict(parser["default"]) if parser.has_section("default") else {}


def _is_header(name: str, value: str) -> bool:
    return name.replace("-", "").isalnum() and name.isascii() and value.isascii() and value.isprintable()
