"""Files of HTTP servers, read by requests for ranges that go only where the operator allows it.

A library of object stores or GDAL would follow a redirect to any address. Here each hop is checked before anything is
looked up, all addresses of its host are checked before a connection is made, and the connection is made to one of
these.
"""

import socket
import ssl
from collections.abc import Mapping
from urllib.parse import urljoin

import aiohttp
import yarl
from aiohttp.abc import AbstractResolver, ResolveResult

from rasterwire.files.sources.addresses import AddressRules, Target, parse_target
from rasterwire.files.sources.attempts import Failure
from rasterwire.files.sources.blocking_calls import BlockingCalls
from rasterwire.files.sources.http_answer import read_answer
from rasterwire.files.sources.loop import OfLoop, call_at_stop
from rasterwire.files.sources.remote import Answer
from rasterwire.files.sources.settings import SourceSettings
from rasterwire.files.sources.versions import condition_of, is_size_alone

__all__ = ["HttpClient"]

MAX_REDIRECTS = 5
"""Redirects that one request to an HTTP source follows."""

_redirects = frozenset({301, 302, 303, 307, 308})


class HttpClient:
    """Sends requests for ranges to HTTP servers; the ``RangeClient`` of ``http://`` and ``https://``.

    No proxy is used, no cookie is kept, and nothing is decompressed.

    Args:
        settings: of the source.
        headers: that prove who asks, for the server of the prefix alone.
        rules: of the addresses of hosts; by default those of the settings.
    """

    def __init__(
        self, settings: SourceSettings, headers: Mapping[str, str] | None = None, rules: AddressRules | None = None
    ) -> None:
        self._settings = settings
        self._headers = dict(headers or {})
        self._home = parse_target(settings.prefix).origin if self._headers else None
        self._rules = rules or AddressRules(settings.private_addresses)
        self._lookups = BlockingCalls(settings.timeout_seconds, "the name of its server could not be looked up in time")
        self._signing = BlockingCalls(settings.timeout_seconds, "its address could not be signed in time")
        self._session = OfLoop(self._open_session)
        self._tls: ssl.SSLContext | bool = True  # made with the first use: all certificates of the system are read

    async def get(self, href: str, offset: int, count: int, version: str) -> Answer:
        """Return a range of a file; see ``RangeClient``."""
        origin = parse_target(href)
        target = await self._signed(origin)
        headers = {"Range": f"bytes={offset}-{offset + count - 1}"}
        condition = condition_of(version)
        if condition.etag:
            headers["If-Match"] = condition.etag
        if condition.date:
            headers["If-Unmodified-Since"] = condition.date
        try:
            for _ in range(MAX_REDIRECTS + 1):
                async with self._send(target, headers) as response:
                    if response.status not in _redirects:
                        return self._checked(await read_answer(response, offset, count, version))
                    location = response.headers.get("Location")
                if not location:
                    raise Failure("its server redirects to nowhere")
                target = parse_target(urljoin(target.url, location))
                self._check_redirect(origin, target)
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
            failure = _failure_of(error)
        else:
            failure = Failure("its server redirects too many times")
        raise failure  # outside, so that it has no cause: that names the address

    def _send(self, target: Target, headers: Mapping[str, str]) -> "aiohttp.client._RequestContextManager":
        self._rules.check_literal(target.host)  # of these aiohttp asks no resolver
        own = self._headers if target.origin == self._home else {}
        if target.scheme == "https" and self._tls is True:
            self._tls = ssl.create_default_context()
        return self._session.get().get(
            yarl.URL(target.url, encoded=True), headers={**own, **headers}, allow_redirects=False, ssl=self._tls
        )

    def _checked(self, answer: Answer) -> Answer:
        """Return an answer by whose version a replaced file is told.

        Raises:
            Failure: its version is its size alone, and the settings do not say that files stay as they are.
        """
        if is_size_alone(answer.version) and answer.size and not self._settings.immutable:
            raise Failure(
                "its server gives neither an ETag nor a date, so that a replaced file would not be noticed; "
                "if its files never change, the operator of this server can set immutable for its source"
            )
        return answer

    async def _signed(self, target: Target) -> Target:
        """Return the target with the signature of the operator's function, which may take time."""
        sign = self._settings.sign
        if sign is None:
            return target
        try:
            url = str(await self._signing.run(lambda: sign(target.url)))
        except Failure:
            raise
        except Exception:  # noqa: BLE001  of any function; what it says may hold keys
            url = ""
        if not url:
            raise Failure("its address could not be signed", is_temporary=True)
        signed = parse_target(url)
        if signed.origin != target.origin:
            self._check_redirect(target, signed)
        return signed

    def _check_redirect(self, origin: Target, target: Target) -> None:
        """Check where a request for a file is sent on to; never from https to http.

        Raises:
            Failure: the settings do not allow it.
        """
        redirects = self._settings.redirects
        is_same_port = target.port == origin.port or (target.has_default_port and origin.has_default_port)
        is_same_host = target.host == origin.host and is_same_port
        is_listed = not isinstance(redirects, str) and any(name in redirects for name in target.names)
        if redirects == "none" or target.scheme not in {origin.scheme, "https"} or not (is_same_host or is_listed):
            raise Failure("its server redirects to where the settings of this server do not allow")

    def _open_session(self) -> aiohttp.ClientSession:
        seconds = self._settings.timeout_seconds
        session = aiohttp.ClientSession(
            # The places of the source limit connections.
            connector=aiohttp.TCPConnector(limit=0, resolver=_CheckedResolver(self._rules, self._lookups)),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=seconds, sock_read=seconds),
            headers={"Accept-Encoding": "identity", "User-Agent": "rasterwire"},
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
        )
        call_at_stop(session.close)
        return session


class _CheckedResolver(AbstractResolver):
    """Gives connections the addresses of a host after all of them were checked."""

    def __init__(self, rules: AddressRules, lookups: BlockingCalls) -> None:
        self._rules, self._lookups = rules, lookups

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_UNSPEC,  # noqa: ARG002  all are checked
    ) -> list[ResolveResult]:
        texts = await self._lookups.run(lambda: self._rules.resolve(host, port))
        return [
            ResolveResult(
                hostname=host,
                host=text,
                port=port,
                family=socket.AF_INET6 if ":" in text else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for text in texts
        ]

    async def close(self) -> None:
        """Do nothing: nothing is open."""


def _failure_of(error: Exception) -> Failure:
    """Return what is said of an error of the network."""
    match error:
        case TimeoutError():
            return Failure("its server took too long to answer", is_temporary=True)
        case aiohttp.ClientConnectorCertificateError() | ssl.SSLCertVerificationError():
            return Failure("the certificate of its server is not valid")
        case aiohttp.InvalidURL():
            return Failure("its address is not one that can be read")
        case aiohttp.ClientConnectorError():
            return Failure("its server cannot be reached", is_temporary=True)
        case _:
            return Failure("its server broke off its answer", is_temporary=True)
