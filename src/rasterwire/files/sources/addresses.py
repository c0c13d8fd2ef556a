"""Addresses: the one form of URLs that is read, and the internet addresses that hosts may have.

A catalog may hold any address. What it names is checked twice: the text before anything is looked up, and all addresses
of the host before a connection is made to one of them.
"""

import ipaddress
import re
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rasterwire.files.sources.attempts import Failure

__all__ = ["NOT_ALLOWED", "AddressRules", "Target", "parse_target"]

NOT_ALLOWED = "the settings of this server do not allow its address"
"""What is said of a file whose address is refused; which rule refused it would tell what is inside the network."""

_MAX_CHARACTERS = 8000
"""Characters of the address of a remote file."""

_default_ports = {"http": 80, "https": 443}

_address = re.compile(
    r"(?P<scheme>https?)://(?P<host>[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?|\[[0-9a-f:.]+\])(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<path>/[!-~]*)?",
    re.IGNORECASE,
)
_unreadable = re.compile(r'[^!-~]|[\\#"<>^`{|}]')
_dots = re.compile(r"(?:/|%2f|%5c)(?:\.|%2e){1,2}(?:[/?;]|%2f|%5c|%3b|$)", re.IGNORECASE)
"""Segments of dots; also behind an encoded slash, which servers read as a slash, and before parameters of a segment."""

_number = re.compile(r"(?:0x[0-9a-f]*|[0-9]+)", re.IGNORECASE)

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_translated = (ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("64:ff9b:1::/48"))
"""Networks of NAT64: the last 32 bits are the address of IPv4 that is reached."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request goes.

    Attributes:
        url: the whole address.
        scheme: ``http`` or ``https``.
        host: in small letters; an address of IPv6 without brackets.
        port: its number.
    """

    url: str
    scheme: str
    host: str
    port: int

    @property
    def origin(self) -> tuple[str, str, int]:
        """What decides whether two requests go to the same server."""
        return self.scheme, self.host, self.port

    @property
    def has_default_port(self) -> bool:
        """Whether the port is that of the scheme."""
        return self.port == _default_ports[self.scheme]

    @property
    def names(self) -> tuple[str, ...]:
        """How a list of hosts may name the server: with its port, and without where that is the usual one."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return (f"{host}:{self.port}", host) if self.has_default_port else (f"{host}:{self.port}",)


def parse_target(url: str) -> Target:
    """Return where a request for an address goes.

    One plain form is read: no user, no number as a host but a usual address, no dot after the host, no fragment, no
    segments of dots, no characters outside ASCII. All else is refused, since two readers could understand it in two
    ways.

    Raises:
        Failure: it is not of that form.
    """
    match = _address.fullmatch(url)
    if match is None or len(url) > _MAX_CHARACTERS or _unreadable.search(url) or _dots.search(url):
        raise Failure("its address is not one that can be read")
    scheme, host = match["scheme"].lower(), match["host"].lower()
    port = int(match["port"] or _default_ports[scheme])
    if not 0 < port < 1 << 16 or not _is_plain(host):
        raise Failure("its address is not one that can be read")
    return Target(url, scheme, host.strip("[]"), port)


def _is_plain(host: str) -> bool:
    """Tell whether a host is a name, or an address in its usual form: resolvers also read 0x7f.1 and 2130706433."""
    if host.startswith("["):
        return isinstance(_literal(host[1:-1]), ipaddress.IPv6Address)
    return _number.fullmatch(host.rpartition(".")[2]) is None or _literal(host) is not None


def _literal(host: str) -> _Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


class AddressRules:
    """Which internet addresses hosts may have.

    Args:
        private_addresses: of the settings.
        look_up: returns the addresses of a host at a port; another one in tests.
    """

    def __init__(
        self,
        private_addresses: bool | Sequence[str],
        look_up: Callable[[str, int], Sequence[str]] | None = None,
    ) -> None:
        self._allow_private = private_addresses is True
        listed = () if isinstance(private_addresses, bool) else private_addresses
        self._networks = tuple(ipaddress.ip_network(text) for text in listed)
        self._look_up = look_up or _addresses_of

    def resolve(self, host: str, port: int) -> list[str]:
        """Return the addresses of a host; blocks. The caller connects to one of them, and looks nothing up again.

        Raises:
            Failure: the host is unknown, or one of its addresses is not allowed.
        """
        literal = _literal(host)
        try:
            texts = [host] if literal is not None else list(self._look_up(host, port))
        except (OSError, UnicodeError):
            texts = []
        addresses = [_literal(text) for text in texts]
        if not addresses:
            raise Failure("the host of its address is unknown", is_temporary=True)
        if not all(address is not None and self.allows(address) for address in addresses):
            raise Failure(NOT_ALLOWED)
        return texts

    def check_literal(self, host: str) -> None:
        """Check a host that is an address itself; names are checked when they are resolved.

        Raises:
            Failure: it is not allowed.
        """
        address = _literal(host)
        if address is not None and not self.allows(address):
            raise Failure(NOT_ALLOWED)

    def allows(self, address: _Address) -> bool:
        """Tell whether a connection may be made to an address.

        What decides is the address that is reached: that of IPv4 where one of IPv6 stands for it.
        """
        if isinstance(address, ipaddress.IPv6Address) and address.scope_id is not None:
            return False
        if any(address in network for network in self._networks):
            return True
        if isinstance(address, ipaddress.IPv6Address):
            # Networks of the past: nobody serves files there, and what they reach is hard to tell.
            if address.is_site_local or address.sixtofour is not None or address.teredo is not None:
                return False
            reached = _reached(address)
            if reached is not None:
                return self.allows(reached)
        if address.is_loopback:
            return self._allow_private
        if address.is_multicast or address.is_unspecified or address.is_link_local or address.is_reserved:
            return False
        return address.is_global or self._allow_private


def _reached(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if any(address in network for network in _translated):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return None


def _addresses_of(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))
