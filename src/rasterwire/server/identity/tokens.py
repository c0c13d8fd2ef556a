"""Tokens of OpenID Connect: signed by an issuer, whose keys are fetched, kept and replaced.

Sources: OpenID Connect Discovery 1.0, sections 3 and 4, and RFC 7517 to 7519.
"""

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import aiohttp

from rasterwire.errors import CredentialsInvalid, IdentityUnavailable, TenantUnknown

__all__ = ["TokenVerifier", "fetched_json"]

_log = logging.getLogger("rasterwire.server")

_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Signatures by private keys. Where the key is public, anyone could sign with HMAC."""

_MAX_AGE = 600.0
"""Seconds after which keys are fetched again, beside calls, so that those which the issuer took back end soon."""

_LAST_AGE = 3600.0
"""Seconds after which keys are not used any more, where the issuer cannot be reached."""

_MIN_AGE = 10.0
"""Seconds between two fetches, however many tokens name a key that there is not."""

_LEEWAY = 30.0
"""Seconds by which the clocks of issuer and server may differ."""

_SECONDS = 5.0
"""For a document of the issuer."""

_MAX_DOCUMENT = 1 << 20
"""Bytes of a document of the issuer."""

_MAX_TOKEN = 8192
"""Characters of a token: gRPC takes no larger metadata either."""

Fetch = Callable[[str], Awaitable[Any]]
"""Returns the JSON of an address."""


async def fetched_json(address: str) -> Any:
    """Return the JSON document of an address; other addresses are not followed.

    Raises:
        aiohttp.ClientError, OSError, ValueError: there is none.
    """
    timeout = aiohttp.ClientTimeout(total=_SECONDS)
    async with (
        aiohttp.ClientSession(timeout=timeout) as session,
        session.get(address, allow_redirects=False) as response,
    ):
        if response.status != 200:
            raise ValueError(f"it answered with status {response.status}")
        data = bytearray()
        async for part in response.content.iter_chunked(1 << 16):
            data += part
            if len(data) > _MAX_DOCUMENT:
                raise ValueError(f"its document has more than {_MAX_DOCUMENT} bytes")
        return json.loads(data)


class TokenVerifier:
    """Checks tokens of one issuer. Used by the event loop alone."""

    def __init__(
        self,
        issuer: str,
        audience: str,
        tenant_claim: str,
        fetch: Fetch = fetched_json,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Set whose tokens are taken, and for whom; nothing is fetched yet.

        Args:
            issuer: its address.
            audience: whom a token has to be for.
            tenant_claim: the claim that names the tenant; see ``AuthSettings``.
            fetch: gets the documents of the issuer.
            clock: seconds.
        """
        self._issuer = issuer
        self._audience = audience
        self._claim = tenant_claim.split(".")
        self._fetch = fetch
        self._clock = clock
        self._keys: Mapping[str, Any] = {}
        self._fetched_at = self._tried_at = -float("inf")
        self._fetching = asyncio.Lock()
        self._refreshing: asyncio.Task[None] | None = None

    async def tenant_of(self, token: str) -> str:
        """Return the tenant that a token names.

        Raises:
            CredentialsInvalid: it is not valid.
            TenantUnknown: it names none.
            IdentityUnavailable: the keys of the issuer cannot be had.
        """
        # Late: what a server without an issuer does not need.
        import jwt

        key = await self._key(_name_of_key(token))
        try:
            claims = jwt.decode(
                token,
                key,
                algorithms=_ALGORITHMS,
                audience=self._audience,
                issuer=self._issuer,
                leeway=_LEEWAY,
                options={"require": ["exp", "iss", "aud"]},
            )
        except jwt.ExpiredSignatureError:
            raise CredentialsInvalid("the token expired; get a new one") from None
        except (jwt.InvalidAudienceError, jwt.InvalidIssuerError):
            raise CredentialsInvalid("the token is of another issuer or for others; get one for this server") from None
        except (jwt.PyJWTError, TypeError, ValueError):  # a TypeError where the key is of another kind than it says
            raise CredentialsInvalid("the token is not valid; get a new one") from None
        return self._named(claims)

    def _named(self, claims: Mapping[str, Any]) -> str:
        value: Any = claims
        for part in self._claim:
            value = value.get(part) if isinstance(value, Mapping) else None
        if not isinstance(value, str):
            raise TenantUnknown
        return value

    async def _key(self, name: str) -> Any:
        """Return the key of a name, which may be new.

        Raises:
            CredentialsInvalid: the issuer has no such key.
            IdentityUnavailable: its keys cannot be had.
        """
        if name in self._keys and self._age <= _LAST_AGE:
            if self._age > _MAX_AGE and self._may_fetch:
                self._tried_at = self._clock()  # before the task runs, so that no other call begins one too
                self._refreshing = asyncio.create_task(self._fetch_keys())
            return self._keys[name]
        async with self._fetching:  # the next ones find what the first one fetched
            if (name not in self._keys or self._age > _LAST_AGE) and self._may_fetch:
                await self._fetch_keys()
        if self._age > _LAST_AGE:
            raise IdentityUnavailable
        if name in self._keys:
            return self._keys[name]
        if self._tried_at > self._fetched_at:
            raise IdentityUnavailable
        raise CredentialsInvalid("the token is signed by a key that its issuer does not have; get a new one")

    @property
    def _age(self) -> float:
        return self._clock() - self._fetched_at

    @property
    def _may_fetch(self) -> bool:
        return self._clock() - self._tried_at >= _MIN_AGE

    async def _fetch_keys(self) -> None:
        """Replace the keys; those from before stay where the issuer cannot be reached."""
        self._tried_at = now = self._clock()
        try:
            about = await self._fetch(f"{self._issuer.rstrip('/')}/.well-known/openid-configuration")
            address = about["jwks_uri"]
            if about["issuer"] != self._issuer or not address.startswith(("https://", self._issuer.partition("//")[0])):
                raise ValueError("its document is of another issuer, or names keys that come in plain text")
            keys = _usable_keys(await self._fetch(address))
        except (aiohttp.ClientError, OSError, ValueError, LookupError, TypeError, AttributeError) as error:
            _log.error("auth: the keys of the issuer cannot be had: %s", str(error) or type(error).__name__)
            return
        self._keys, self._fetched_at = keys, now


def _name_of_key(token: str) -> str:
    """Return the name of the key that a token says it is signed by.

    Raises:
        CredentialsInvalid: it is no token, or is signed by no private key.
    """
    import jwt

    header: Mapping[str, Any] = {}
    with contextlib.suppress(jwt.PyJWTError, ValueError):
        header = {} if len(token) > _MAX_TOKEN else jwt.get_unverified_header(token)
    name = header.get("kid")
    if header.get("alg") not in _ALGORITHMS or not isinstance(name, str):
        raise CredentialsInvalid("it is neither an API key of this server nor a token that names its key")
    return name


def _usable_keys(document: Any) -> dict[str, Any]:
    """Return the keys of an issuer by which tokens may be signed, by name. Others, of other kinds, are passed over."""
    import jwt

    keys: dict[str, Any] = {}
    for key in document["keys"]:
        is_public = key.get("kty") in {"RSA", "EC", "OKP"} and key.get("use", "sig") == "sig"
        if is_public and isinstance(key.get("kid"), str):
            with contextlib.suppress(jwt.PyJWTError):
                keys[key["kid"]] = jwt.PyJWK(key).key
    return keys
