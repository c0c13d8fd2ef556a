"""The ports of a server: they are taken, or it is told which cannot be."""

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
        raise BadSettings(f"grpc_port: cannot listen on {settings.host}:{settings.grpc_port}; is it taken?") from None


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
        raise BadSettings(f"{name}: cannot listen on {settings.host}:{port}; is it taken?") from None
