"""Whether the ports are free, and callers can be recognised."""

import socket
import stat
from collections.abc import Iterator

from rasterwire.server.identity.key_file import read_keys
from rasterwire.server.process.doctor.finding import Finding, bad, doubtful, well
from rasterwire.server.process.doctor.state_folder import is_held
from rasterwire.server.process.identity_files import make_certificates, make_url_signer
from rasterwire.server.settings import BadSettings, Settings
from rasterwire.units import plural_text

_TIMEOUT = 1.0
"""Seconds, of a connection to a port of this machine."""


def door_findings(settings: Settings) -> Iterator[Finding]:
    """Yield what is found of ports, keys and certificates."""
    yield _host(settings)
    is_running = is_held(settings.state_dir)
    for name in ("grpc_port", "http_port", "metrics_port"):
        port: int = getattr(settings, name)
        if port > 0:
            yield _port(name, settings.host, port, is_running=is_running)
    if settings.is_open_to_others:
        yield doubtful("callers", "anyone who reaches it may read all", "set [auth] and [[tenants]], or use a proxy")
    if settings.auth.keys_file is not None:
        yield _keys(settings)
    for subject, make in (("certificates", make_certificates), ("url keys", make_url_signer)):
        try:
            if make(settings) is not None:
                yield well(subject, "they can be read, and belong together")
        except BadSettings as error:
            yield bad(subject, str(error), "name files that the user of the server can read")


def _host(settings: Settings) -> Finding:
    try:
        family, *_, address = socket.getaddrinfo(settings.host, 0, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, socket.SOCK_STREAM) as free:
            free.bind(address)  # a free port, so that no server lacks it
    except OSError as error:
        return bad("host", f"{settings.host}: {error.strerror}", "name an address of this machine, or 0.0.0.0 for all")
    return well("host", settings.host)


def _port(name: str, host: str, port: int, *, is_running: bool) -> Finding:
    """Look whether somebody listens: taking the port for a moment could keep a server from its start."""
    address = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    try:
        socket.create_connection((address, port), _TIMEOUT).close()
    except OSError:
        return well(name, f"{port} is free")
    if is_running:
        return well(name, f"{port} is taken, and a server runs with this state folder")
    return bad(name, f"{port} is taken", "stop what listens there, or choose another port")


def _keys(settings: Settings) -> Finding:
    path = settings.auth.keys_file
    assert path is not None
    try:
        keys = read_keys(path)
    except ValueError as error:
        return bad("API keys", f"{error}", "correct the file of auth.keys_file")
    tenants = settings.tenant_names
    if unknown := {key.tenant for key in keys.values()} - tenants:
        remedy = "add a table [[tenants]] for them, or revoke their keys"
        return doubtful("API keys", f"no table names the tenants {', '.join(sorted(unknown))}", remedy)
    if path.stat().st_mode & stat.S_IROTH:
        return doubtful(
            "API keys", f"{plural_text(len(keys), 'key')}, in a file that anyone can read", f"chmod o= {path}"
        )
    return well("API keys", plural_text(len(keys), "key"))
