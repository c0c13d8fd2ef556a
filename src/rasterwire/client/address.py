"""Addresses of servers: what is wrong with one, before it is called."""

import re
from urllib.parse import urlsplit

GRPC_PORT = 50051
"""That a server listens on unless it is told otherwise."""

_LAST_PORT = 65535

_own_forms = ("dns:", "ipv4:", "ipv6:", "unix:", "unix-abstract:", "vsock:", "xds:")
"""How other addresses begin that gRPC takes; source: its "Name Resolution"."""


def address_problem(target: str, *, needs_port: bool = True) -> str:
    """Return what is wrong with the address of a server, "" where nothing is.

    Args:
        target: ``host:port``, or one of gRPC's own forms.
        needs_port: whether a missing port is wrong; TLS has one of its own.

    >>> address_problem("http://localhost:8080")
    "'http://localhost:8080' is an address for HTTP; give host:port of the server's gRPC port, as localhost:50051"
    >>> address_problem("localhost")
    "'localhost' names no port; give host:port, as localhost:50051"
    >>> address_problem("localhost:50051"), address_problem("dns:///host:50051")
    ('', '')
    """
    if target.lower().startswith(("http://", "https://")):
        host = re.sub(r":\d*$", "", urlsplit(target.lower()).netloc) or "localhost"
        return f"{target!r} is an address for HTTP; give host:port of the server's gRPC port, as {host}:{GRPC_PORT}"
    if target.startswith(_own_forms):
        return ""
    is_bare_ipv6 = target.count(":") > 1 and not target.startswith("[")
    port = "" if is_bare_ipv6 or target.endswith("]") else target.rpartition(":")[2] if ":" in target else ""
    if port and not (port.isdecimal() and 0 < int(port) <= _LAST_PORT):
        return f"{target!r} names port {port}; a port is a number from 1 to {_LAST_PORT}"
    if port or not needs_port:
        return ""
    host = f"[{target}]" if is_bare_ipv6 else target.rstrip(":") or "localhost"
    return f"{target!r} names no port; give host:port, as {host}:{GRPC_PORT}"
