"""The server that a command calls: where it is, and how to show it who calls."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import grpc

from rasterwire.client import Client, tls
from rasterwire.client.address import address_problem


@dataclass(frozen=True, slots=True)
class Server:
    """What the options of a command say of a server.

    Attributes:
        address: ``host:port`` of its gRPC port.
        api_key: "" for none.
        credentials: for TLS; None for a plain connection.
    """

    address: str
    api_key: str
    credentials: grpc.ChannelCredentials | None

    def client(self) -> Client:
        """Return a client of the server, to be closed."""
        return Client(self.address, api_key=self.api_key, credentials=self.credentials)

    def channel(self) -> grpc.Channel:
        """Return a connection for calls that need no caller."""
        if self.credentials is None:
            return grpc.insecure_channel(self.address)
        return grpc.secure_channel(self.address, self.credentials)


def _checked_address(_ctx: click.Context, _option: click.Parameter, address: str) -> str:
    if problem := address_problem(address):
        raise click.BadParameter(problem)
    return address


Command = Callable[..., Any]
"""The function of a command."""


def _file(name: str, meaning: str) -> Callable[[Command], Command]:
    variable = f"RASTERWIRE_{name.strip('-').replace('-', '_').upper()}"
    kind = click.Path(exists=True, dir_okay=False, path_type=Path)
    return click.option(name, envvar=variable, type=kind, help=f"{meaning}; also from {variable}.")


_options: list[Callable[[Command], Command]] = [
    click.option(
        "--server",
        envvar="RASTERWIRE_SERVER",
        default="localhost:50051",
        show_default=True,
        callback=_checked_address,
        help="host:port of the server's gRPC port; also from RASTERWIRE_SERVER.",
    ),
    click.option(
        "--api-key",
        envvar="RASTERWIRE_API_KEY",
        default="",
        help="Key or token; better from RASTERWIRE_API_KEY, since others here can see commands.",
    ),
    click.option("--tls", "is_tls", envvar="RASTERWIRE_TLS", is_flag=True, help="Encrypt; also from RASTERWIRE_TLS=1."),
    _file("--ca-file", "Who signed the server's certificate, as PEM"),
    _file("--certificate-file", "Own certificate, as PEM"),
    _file("--key-file", "Key of that"),
]


def server_options(command: Command) -> Command:
    """Add the options of a server; the command gets them as its argument ``server``."""

    @functools.wraps(command)
    def with_server(
        *arguments: Any,
        server: str,
        api_key: str,
        is_tls: bool,
        ca_file: Path | None,
        certificate_file: Path | None,
        key_file: Path | None,
        **others: Any,
    ) -> Any:
        files = ca_file, certificate_file, key_file
        try:
            credentials = tls(*files) if is_tls or any(files) else None
        except ValueError as error:
            raise click.UsageError(f"--certificate-file, --key-file: {error}") from None
        return command(*arguments, server=Server(server, api_key, credentials), **others)

    options: Command = with_server
    for option in reversed(_options):
        options = option(options)
    return options
