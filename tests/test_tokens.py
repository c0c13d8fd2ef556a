"""Tokens of OpenID Connect: which are taken, and that keys of their issuer come and go."""

import asyncio
import base64
import hashlib
import hmac
import http.server
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from effort import HANG
from rasterwire.errors import CredentialsInvalid, DownloadError, IdentityUnavailable, TenantUnknown
from rasterwire.server.identity.settings import AuthSettings, TenantSettings
from rasterwire.server.identity.tokens import TokenVerifier, fetched_json
from rasterwire.server.settings import Settings
from rasterwire.v1 import download_service_pb2
from serving import refusal, served

jwt = pytest.importorskip("jwt", reason="pyjwt is not installed: pip install '.[auth]'")
ec = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.ec")
rsa = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.rsa")

ISSUER = "https://login.example.org/realms/maps"


class Issuer:
    """Has keys, signs tokens, and answers requests for documents.

    Attributes:
        fetched: addresses of the documents that were asked for.
        is_away: whether it answers nothing.
        now: seconds of a clock.
    """

    def __init__(self, address: str = ISSUER) -> None:
        self.address = address
        self.keys: dict[str, Any] = {}
        self.fetched: list[str] = []
        self.is_away = False
        self.now = 1000.0
        self.add("rsa-1", rsa.generate_private_key(65537, 2048))

    def add(self, name: str, key: Any) -> None:
        self.keys[name] = key

    def document(self) -> dict[str, Any]:
        found: list[dict[str, Any]] = [
            {"kty": "oct", "kid": "secret", "k": "c2VjcmV0"},
            {"kty": "RSA", "kid": "broken"},
        ]
        for name, key in self.keys.items():
            kind = (
                jwt.algorithms.ECAlgorithm
                if isinstance(key, ec.EllipticCurvePrivateKey)
                else jwt.algorithms.RSAAlgorithm
            )
            found.append({**json.loads(kind.to_jwk(key.public_key())), "kid": name, "use": "sig"})
        return {"keys": found}

    async def fetch(self, address: str) -> Any:
        self.fetched.append(address)
        if self.is_away:
            raise OSError("away")
        if address.endswith("/.well-known/openid-configuration"):
            return {"issuer": self.address, "jwks_uri": f"{self.address}/keys"}
        return self.document()

    def token(self, key: str = "rsa-1", algorithm: str = "RS256", /, **changed: Any) -> str:
        now = time.time()
        claims = {
            "iss": self.address,
            "aud": "rasterwire",
            "exp": now + 600,
            "iat": now,
            "tenant": "forestry",
        } | changed
        claims = {name: value for name, value in claims.items() if value is not None}
        token: str = jwt.encode(claims, self.keys[key], algorithm, headers={"kid": key})
        return token

    def verifier(self, claim: str = "tenant") -> TokenVerifier:
        return TokenVerifier(self.address, "rasterwire", claim, self.fetch, lambda: self.now)


async def outcome(verifier: TokenVerifier, token: str) -> str:
    """Return the tenant of a token, or the reason of its refusal."""
    try:
        return await verifier.tenant_of(token)
    except DownloadError as error:
        return error.reason


@pytest.fixture(scope="module")
def issuer() -> Issuer:
    return Issuer()


def test_a_token_names_its_tenant_and_what_is_wrong_with_others_is_told(issuer: Issuer) -> None:
    async def check() -> None:
        verifier = issuer.verifier()
        assert await verifier.tenant_of(issuer.token()) == "forestry"
        for algorithm in ("RS512", "PS256"):
            assert await verifier.tenant_of(issuer.token("rsa-1", algorithm)) == "forestry"
        wrong = {
            "expired": issuer.token(exp=time.time() - 60),
            "of another issuer": issuer.token(iss="https://login.example.com"),
            "or for others": issuer.token(aud="elsewhere"),
            "is not valid": issuer.token()[:-8] + "AAAAAAAA",
        }
        wrong |= {
            f"is not valid; without {claim}"[:12]: issuer.token(**{claim: None}) for claim in ("exp", "iss", "aud")
        }
        for words, token in wrong.items():
            with pytest.raises(CredentialsInvalid, match=words):
                await verifier.tenant_of(token)
        for claim in ("exp", "iss", "aud"):
            assert await outcome(verifier, issuer.token(**{claim: None})) == "CREDENTIALS_INVALID"
        assert await outcome(verifier, issuer.token(tenant=None)) == "TENANT_UNKNOWN"
        assert await outcome(verifier, issuer.token(tenant=["forestry"])) == "TENANT_UNKNOWN"

    asyncio.run(check())


def test_a_claim_may_be_within_another(issuer: Issuer) -> None:
    async def check() -> None:
        verifier = issuer.verifier("resource.rasters.tenant")
        token = issuer.token(resource={"rasters": {"tenant": "survey"}})
        assert await verifier.tenant_of(token) == "survey"
        with pytest.raises(TenantUnknown):
            await verifier.tenant_of(issuer.token(resource={"rasters": "survey"}))

    asyncio.run(check())


def encoded(document: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(document).encode()).rstrip(b"=").decode()


def test_forged_tokens_are_refused(issuer: Issuer) -> None:
    """Unsigned ones, ones signed by what everyone knows, and ones that name no key or another's."""
    payload = issuer.token().split(".")[1]
    public = jwt.algorithms.RSAAlgorithm.to_jwk(issuer.keys["rsa-1"].public_key()).encode()

    def by_hmac(key: bytes, name: str) -> str:
        head = f"{encoded({'alg': 'HS256', 'kid': name})}.{payload}"
        digest = hmac.new(key, head.encode(), hashlib.sha256).digest()
        return f"{head}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"

    stranger = Issuer()
    forged = [
        f"{encoded({'alg': 'none', 'kid': 'rsa-1'})}.{payload}.",
        f"{encoded({'alg': 'RS256', 'kid': 'rsa-1'})}.{payload}.",
        by_hmac(public, "rsa-1"),
        by_hmac(b"secret", "secret"),
        f"{encoded({'alg': 'RS256'})}.{payload}.AAAA",
        f"{encoded({'alg': 'RS256', 'kid': 7})}.{payload}.AAAA",
        f"{encoded({'alg': 'ES256', 'kid': 'rsa-1'})}.{payload}.AAAA",
        stranger.token(),
        "",
        "x",
        "a.b.c",
        "..",
        "\ud800.a.b",
        100_000 * "a" + ".b.c",
    ]

    async def check() -> None:
        verifier = issuer.verifier()
        for token in forged:
            assert await outcome(verifier, token) == "CREDENTIALS_INVALID", token[:80]

    asyncio.run(check())


def test_a_new_key_is_fetched_when_it_is_named_and_an_unknown_one_once_in_ten_seconds() -> None:
    issuer = Issuer()

    async def check() -> None:
        verifier = issuer.verifier()
        tokens = [issuer.token() for _ in range(20)]
        assert await asyncio.gather(*(outcome(verifier, token) for token in tokens)) == 20 * ["forestry"]
        assert len(issuer.fetched) == 2, "its document and its keys, once for all"
        issuer.add("ec-2", ec.generate_private_key(ec.SECP256R1()))
        new = issuer.token("ec-2", "ES256")
        assert await outcome(verifier, new) == "CREDENTIALS_INVALID", "somebody asked just now"
        issuer.now += 11
        assert await outcome(verifier, new) == "forestry"
        assert len(issuer.fetched) == 4
        stranger = Issuer()
        stranger.add("nobody", stranger.keys["rsa-1"])
        for _ in range(50):
            assert await outcome(verifier, stranger.token("nobody")) == "CREDENTIALS_INVALID"
        assert len(issuer.fetched) == 4

    asyncio.run(check())


def test_many_calls_at_once_have_old_keys_fetched_once_beside_them() -> None:
    issuer = Issuer()

    async def check() -> None:
        verifier = issuer.verifier()
        token = issuer.token()
        assert await outcome(verifier, token) == "forestry"
        issuer.now += 700
        assert await asyncio.gather(*(outcome(verifier, token) for _ in range(20))) == 20 * ["forestry"]
        for _ in range(10):
            await asyncio.sleep(0)
        assert len(issuer.fetched) == 2 + 2

    asyncio.run(check())


def test_a_key_that_was_taken_back_ends_and_keys_outlast_a_short_absence_of_the_issuer() -> None:
    issuer = Issuer()

    async def check() -> None:
        verifier = issuer.verifier()
        old = issuer.token()
        assert await outcome(verifier, old) == "forestry"
        issuer.is_away = True
        issuer.now += 1200
        for _ in range(3):
            assert await outcome(verifier, old) == "forestry"
            await asyncio.sleep(0)
        assert len(issuer.fetched) == 3, "one attempt in ten seconds"
        issuer.now += 3000
        with pytest.raises(IdentityUnavailable):
            await verifier.tenant_of(old)
        issuer.is_away = False
        issuer.now += 20
        assert await outcome(verifier, old) == "forestry"
        issuer.keys = {"rsa-3": issuer.keys["rsa-1"]}
        issuer.now += 700
        assert await outcome(verifier, old) == "forestry", "until the keys are fetched, beside the call"
        for _ in range(10):
            await asyncio.sleep(0)
        assert await outcome(verifier, old) == "CREDENTIALS_INVALID"

    asyncio.run(check())


def test_an_issuer_that_was_never_reached_is_told_as_such() -> None:
    issuer = Issuer()
    issuer.is_away = True
    assert asyncio.run(outcome(issuer.verifier(), issuer.token())) == "IDENTITY_UNAVAILABLE"


@pytest.mark.parametrize(
    "about", [[], {}, {"issuer": ISSUER}, {"issuer": "https://x", "jwks_uri": "https://x/k"}, None]
)
def test_documents_of_another_form_are_as_if_there_were_none(about: object) -> None:
    issuer = Issuer()

    async def fetch(_: str) -> Any:
        return about

    verifier = TokenVerifier(ISSUER, "rasterwire", "tenant", fetch, lambda: 0.0)
    assert asyncio.run(outcome(verifier, issuer.token())) == "IDENTITY_UNAVAILABLE"


# -- over a network --------------------------------------------------------------------------------


@pytest.fixture
def login() -> Iterator[Issuer]:
    """An issuer that listens on this machine."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            document = {"issuer": listening.address, "jwks_uri": f"{listening.address}/keys"}
            body = json.dumps(listening.document() if self.path.endswith("/keys") else document).encode()
            self.send_response(302 if self.path == "/moved" else 200)
            self.send_header("Location", "/keys")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        listening = Issuer(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield listening
        server.shutdown()
        thread.join()


def test_a_server_takes_tokens_whose_keys_it_fetches(login: Issuer, tmp_path: Path) -> None:
    (tmp_path / "catalog").mkdir()
    settings = Settings(
        tmp_path / "catalog",
        grpc_port=0,
        http_port=-1,
        state_dir=tmp_path / "state",
        auth=AuthSettings(None, login.address, "rasterwire"),
        tenants=(TenantSettings("forestry", ("*",)),),
    )
    with served(settings) as server:

        def call(token: str) -> str:
            shown = (("authorization", f"Bearer {token}"),)
            try:
                server.downloads.GetLimits(download_service_pb2.GetLimitsRequest(), metadata=shown, timeout=HANG)
            except grpc.RpcError as error:
                return refusal(error).reason
            return "OK"

        assert call(login.token()) == "OK"
        assert call(login.token(tenant="survey")) == "TENANT_UNKNOWN"
        assert call(login.token(aud="others")) == "CREDENTIALS_INVALID"
        assert call("rw_0123456789ab_" + 43 * "a") == "CREDENTIALS_INVALID"


def test_addresses_that_a_document_moved_to_are_not_followed(login: Issuer) -> None:
    assert asyncio.run(fetched_json(f"{login.address}/keys"))["keys"]
    with pytest.raises(ValueError, match="302"):
        asyncio.run(fetched_json(f"{login.address}/moved"))
