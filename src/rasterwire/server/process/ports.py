"""The ports of a server: they are taken, or it is told which cannot be."""

import errno
import os
import socket

import grpc
from aiohttp import web

from rasterwire.server.process.tls import Certificates
from rasterwire.server.settings import BadSettings, Settings


def authority(host: str, port: int) -> str:
    """Return a host and port as one, with the brackets that an address of IPv6 needs.

    >>> authority("::1", 80), authority("localhost", 80)
    ('[::1]:80', 'localhost:80')
    """
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def reachable(host: str) -> str:
    """Return what others may call the machine where ``host`` stands for all its addresses.

    >>> reachable("10.0.0.1"), reachable("0.0.0.0") == socket.gethostname()
    ('10.0.0.1', True)
    """
    return socket.gethostname() if host in {"0.0.0.0", "::"} else host


def cannot_listen(name: str, host: str, port: int) -> BadSettings:
    """Return why a port could not be taken, after it was tried again: not all libraries tell.

    Args:
        name: of the setting of the port.
        host: the address.
        port: its number.
    """
    reason = errno.EADDRINUSE
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, socket.SOCK_STREAM) as again:
            again.bind(address)
    except socket.gaierror:
        reason = errno.EADDRNOTAVAIL
    except OSError as error:
        reason = error.errno or errno.EADDRINUSE
    if reason == errno.EADDRNOTAVAIL:
        return BadSettings(f"host: cannot listen on {host}; name an address of this machine, or 0.0.0.0 for all")
    flag = {"grpc_port": "--grpc-port", "http_port": "--http-port"}.get(name, name)
    remedy = f"choose another port with {flag}"
    if reason == errno.EADDRINUSE:
        return BadSettings(f"{name}: cannot listen on {host}:{port}: it is taken; stop what listens there, or {remedy}")
    return BadSettings(f"{name}: cannot listen on {host}:{port}: {os.strerror(reason)}; {remedy}")


def listen_grpc(server: grpc.aio.Server, settings: Settings, certificates: Certificates | None) -> int:
    """Take the port of gRPC, and return it.

    Raises:
        BadSettings: it is taken.
    """
    address = authority(settings.host, settings.grpc_port)
    try:
        if certificates is None:
            return server.add_insecure_port(address)
        return server.add_secure_port(address, certificates.grpc_credentials())
    except RuntimeError:
        raise cannot_listen("grpc_port", settings.host, settings.grpc_port) from None


async def start_http(runner: web.AppRunner, settings: Settings, certificates: Certificates | None) -> int:
    """Serve HTTP where the settings want it, and return its port, else -1.

    Raises:
        BadSettings: it is taken.
    """
    if settings.http_port < 0:
        return -1
    await _start(runner, settings, certificates, "http_port")
    port: int = runner.addresses[0][1]
    return port


async def start_metrics(runner: web.AppRunner, settings: Settings) -> None:
    """Serve metrics at their own port, if they have one; it is never encrypted.

    Raises:
        BadSettings: it is taken.
    """
    if settings.metrics_port > 0:
        await _start(runner, settings, None, "metrics_port")


async def _start(runner: web.AppRunner, settings: Settings, certificates: Certificates | None, name: str) -> None:
    await runner.setup()
    port = getattr(settings, name)
    tls = None if certificates is None else certificates.ssl_context
    sharing = settings.workers > 1 or None
    try:
        await web.TCPSite(runner, settings.host, port, ssl_context=tls, reuse_port=sharing).start()
    except OSError:
        raise cannot_listen(name, settings.host, port) from None
