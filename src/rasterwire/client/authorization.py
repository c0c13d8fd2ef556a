"""Says who calls: an API key or a token with every call, and certificates of TLS."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, cast

import grpc

ApiKey: TypeAlias = str | Callable[[], str]
"""A key, or a function that returns one, or a token, for each call."""


def authorized(channel: grpc.Channel, api_key: ApiKey, metadata: Mapping[str, str]) -> grpc.Channel:
    """Return a channel whose calls carry a key and metadata; the same channel where there is neither."""
    if api_key == "" and not metadata:
        return channel
    return grpc.intercept_channel(channel, _Authorization(api_key, tuple(metadata.items())))


@dataclass(frozen=True, slots=True)
class _Details(grpc.ClientCallDetails):
    """What a call is made with; gRPC takes any object with these attributes."""

    method: str
    timeout: float | None
    metadata: tuple[tuple[str, str | bytes], ...]
    credentials: grpc.CallCredentials | None
    wait_for_ready: bool | None
    compression: grpc.Compression | None


class _Authorization(grpc.UnaryUnaryClientInterceptor, grpc.UnaryStreamClientInterceptor):
    def __init__(self, api_key: ApiKey, metadata: tuple[tuple[str, str], ...]) -> None:
        self._api_key = api_key
        self._metadata = metadata

    def intercept_unary_unary(self, continuation: Any, details: grpc.ClientCallDetails, request: Any) -> Any:
        return continuation(self._with_key(details), request)

    def intercept_unary_stream(self, continuation: Any, details: grpc.ClientCallDetails, request: Any) -> Any:
        return continuation(self._with_key(details), request)

    def _with_key(self, details: grpc.ClientCallDetails) -> grpc.ClientCallDetails:
        key = self._api_key() if callable(self._api_key) else self._api_key
        given = cast(Any, details)  # the stubs leave some attributes out
        metadata = (*(given.metadata or ()), *self._metadata)
        if key:
            metadata = (*metadata, ("authorization", f"Bearer {key}"))
        return _Details(
            given.method, given.timeout, metadata, given.credentials, given.wait_for_ready, given.compression
        )


def tls(
    ca_file: str | Path | None = None, certificate_file: str | Path | None = None, key_file: str | Path | None = None
) -> grpc.ChannelCredentials:
    """Return what an encrypted connection needs, for the argument ``credentials`` of a client.

    Args:
        ca_file: who signed the server's certificate, as PEM; by default the authorities that gRPC knows.
        certificate_file: the client's own certificate, as PEM, where the server asks for one.
        key_file: the key of that.

    Raises:
        OSError: a file cannot be read.
        ValueError: only one of certificate and key is given.
    """
    if (certificate_file is None) != (key_file is None):
        raise ValueError("a certificate and its key go together; name both files, or none")
    contents = [None if name is None else Path(name).read_bytes() for name in (ca_file, key_file, certificate_file)]
    return grpc.ssl_channel_credentials(*contents)
