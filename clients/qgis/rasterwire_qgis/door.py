"""The HTTP door of a rasterwire server: requests as JSON, and the bytes of downloads."""

from __future__ import annotations

import http.client
import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from http.client import HTTPResponse
from typing import Any
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

from rasterwire_qgis.failures import Changed, Failure, Refused, Unreachable

Json = dict[str, Any]

_LONGEST_ANSWER = 64 << 20
_LONGEST_ERROR = 1 << 20
_LONGEST_SENTENCE = 1000
_PASSING = {429, 502, 503, 504}
"""Statuses after which the same may succeed."""
_LONGEST_WAIT = 60.0


@dataclass(frozen=True)
class Page:
    """Some images of a list.

    Attributes:
        ids: of the images.
        next_token: of the page behind, "" on the last.
    """

    ids: tuple[str, ...]
    next_token: str


@dataclass(frozen=True)
class Created:
    """A registered download.

    Attributes:
        name, token: by which it is asked for.
        plan: what it holds.
    """

    name: str
    token: str
    plan: Json

    @property
    def etag(self) -> str:
        """Of the bytes that the plan gives."""
        return str(self.plan.get("etag", ""))


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follows nothing: the key would go along to wherever it leads."""

    def redirect_request(self, *_: Any) -> None:
        """Say that there is no request to follow with."""


class Door:
    """Talks to one server.

    Attributes:
        address: of the server, without a slash at the end.
    """

    def __init__(self, address: str, api_key: str = "", seconds: float = 30.0) -> None:
        """Prepare; nothing is sent yet.

        Args:
            address: such as ``http://localhost:8080``, or ``host:port`` for plain HTTP.
            api_key: that the server knows the caller by, or "".
            seconds: that the server may be silent.

        Raises:
            Refused: it is no address of HTTP, or the key holds what no header may.
        """
        self.address = read_address(address)
        self._api_key = api_key.strip()
        if not self._api_key.isascii() or not self._api_key.isprintable():
            raise Refused("The API key holds characters that no key has; copy it again.")
        self._seconds = seconds
        self._opener = urllib.request.build_opener(
            _NoRedirect(), urllib.request.HTTPSHandler(context=ssl.create_default_context())
        )

    @property
    def shows_key(self) -> bool:
        """Whether the key goes over a network in plain text."""
        parts = urlsplit(self.address)
        is_local = parts.hostname in {"localhost", "127.0.0.1", "::1"}
        return bool(self._api_key) and parts.scheme == "http" and not is_local

    def images(self, prefix: str = "", page_token: str = "", size: int = 100) -> Page:
        """Return images whose ids begin with a prefix, in the order of their ids."""
        query = {"prefix": prefix, "pageToken": page_token, "pageSize": str(size)}
        answer = self._json("GET", "/v1/images", {name: value for name, value in query.items() if value})
        ids = tuple(str(image.get("id", "")) for image in answer.get("images", ()))
        return Page(ids, str(answer.get("nextPageToken", "")))

    def image(self, image_id: str) -> Json:
        """Return an image with its bands."""
        answer: Json = self._json("GET", f"/v1/images/{quote(image_id)}").get("image", {})
        return answer

    def plan(self, params: Json) -> Json:
        """Return what a download would hold."""
        answer: Json = self._json("POST", "/v1/downloads:plan", body=params).get("plan", {})
        return answer

    def create(self, params: Json) -> Created:
        """Register a download."""
        answer = self._json("POST", "/v1/downloads", body=params)
        identity = answer.get("downloadId", {})
        name, token = str(identity.get("name", "")), str(identity.get("token", ""))
        return Created(name.rsplit("/", 1)[-1], token, answer.get("plan", {}))

    def state(self, created: Created) -> Json:
        """Return how far a registered download is."""
        path = f"/v1/downloads/{quote(created.name)}"
        answer: Json = self._json("GET", path, {"token": created.token}).get("download", {})
        return answer

    def prepare(self, created: Created) -> None:
        """Have the server begin to render a registered download."""
        self._json("POST", f"/v1/downloads/{quote(created.name)}:prepare", {"token": created.token})

    def head(self, created: Created) -> Message:
        """Return what the server tells of the file of a download."""
        with self._pixels(created, "HEAD", {}) as answer:
            return answer.headers

    def bytes_from(self, created: Created, offset: int) -> HTTPResponse:
        """Return an answer with the bytes of a file from an offset on; it has to be closed.

        Raises:
            Changed: it is another file now, or an answer that does not begin at the offset.
        """
        answer = self._pixels(created, "GET", {"Range": f"bytes={offset}-"})
        if answer.status != 206 or not answer.headers.get("Content-Range", "").startswith(f"bytes {offset}-"):
            answer.close()
            raise Changed("The server sent another part of the file than was asked for; try again.")
        return answer

    def _pixels(self, created: Created, method: str, headers: dict[str, str]) -> HTTPResponse:
        # the token is all that is needed: without the key, nothing of it goes astray
        target = f"{self.address}/v1/downloads/{quote(created.name)}:getPixels?{urlencode({'token': created.token})}"
        headers["If-Match"] = f'"{created.etag}"'  # which also keeps the server from sending an address elsewhere
        return self._open(urllib.request.Request(target, headers=headers, method=method))

    def _json(self, method: str, path: str, query: Mapping[str, str] | None = None, body: Json | None = None) -> Json:
        headers = {"Accept": "application/json"}
        if self._api_key:
            headers["Authorization"] = f"Bearer {self._api_key}"
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        target = f"{self.address}{path}" + (f"?{urlencode(query)}" if query else "")
        try:
            with self._open(urllib.request.Request(target, data, headers, method=method)) as answer:
                document = json.loads(_read(answer, _LONGEST_ANSWER))
        except (OSError, http.client.HTTPException) as error:
            raise lost(error) from error
        except (ValueError, RecursionError):
            document = None
        if not isinstance(document, dict):
            raise Refused(f"What answers at {self.address} is no rasterwire server; give the address of its HTTP port.")
        return document

    def _open(self, request: urllib.request.Request) -> HTTPResponse:
        request.add_header("User-Agent", "rasterwire-qgis")
        try:
            answer: HTTPResponse = self._opener.open(request, timeout=self._seconds)
        except urllib.error.HTTPError as error:
            with error:
                raise self._refusal(error) from None
        except urllib.error.URLError as error:
            raise self._unreached(error.reason) from None
        except (OSError, http.client.HTTPException) as error:
            raise self._unreached(error) from None
        return answer

    def _unreached(self, cause: object) -> Failure:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return Refused(
                f"The certificate of {self.address} is not trusted ({cause.verify_message}); use the name that is in "
                "it, or install the authority that signed it."
            )
        if isinstance(cause, ssl.SSLError):
            return Refused(f"No TLS connection to {self.address} could be made; does the server use https there?")
        if isinstance(cause, http.client.BadStatusLine) and not isinstance(cause, http.client.RemoteDisconnected):
            return Refused(
                f"What answers at {self.address} does not speak HTTP; give the address of the server's HTTP port, "
                "which is 8080 unless it was started with another --http-port."
            )
        return Unreachable(
            f"The server at {self.address} cannot be reached ({_short(cause)}); does it run, and is the address right?"
        )

    def _refusal(self, error: urllib.error.HTTPError) -> Failure:
        """Return the error for a status that is no success."""
        if 300 <= error.code < 400:
            place = urlsplit(error.headers.get("Location", ""))
            return Refused(f"{self.address} leads on to {_short(place.netloc)}; give that address instead.")
        if error.code == 412:
            return Changed("The image was changed since the download was planned; plan it again.")
        try:
            document = json.loads(error.read(_LONGEST_ERROR))["error"]
            violations = document.get("violations", ())
            sentence = document["message"]
            if violations:
                sentence = "\n".join(_violation(violation) for violation in violations)
            if request_id := document.get("requestId", ""):
                sentence = f"{sentence} (request id {request_id})"
        except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError, AttributeError):
            sentence = f"{self.address} answered with the status {error.code} ({error.reason}), without a reason."
        if error.code == 401:
            sentence = f"{sentence}\nGive the API key that the operator of the server gave you."
        if error.code in _PASSING:
            return Unreachable(_short(sentence), _seconds(error.headers.get("Retry-After", "")))
        return Refused(_short(sentence))


def read_address(text: str) -> str:
    """Return an address with its scheme, without a slash at the end.

    >>> read_address(" localhost:8080/ "), read_address("https://a.example/rasters")
    ('http://localhost:8080', 'https://a.example/rasters')

    Raises:
        Refused: it is none.
    """
    text = text.strip()
    parts = urlsplit(text if "://" in text else f"http://{text}")
    try:
        is_address = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port or 0) >= 0
    except ValueError:  # of the port
        is_address = False
    if not is_address or parts.username is not None or not text.isprintable() or " " in text:
        raise Refused("The address of a server looks like http://localhost:8080 or https://rasters.example.org.")
    return urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/"), "", ""))


def lost(error: BaseException) -> Unreachable:
    """Return the error of a connection that broke."""
    return Unreachable(f"The connection to the server was lost ({_short(error)}).")


def _read(answer: HTTPResponse, most: int) -> bytes:
    data = answer.read(most + 1)
    if len(data) > most:
        raise Refused(f"The server answered with more than {most >> 20} MiB of JSON; ask for less.")
    if answer.length:  # what did not come of the length that was told
        raise lost(EOFError(f"{answer.length} bytes are missing"))
    return data


def _violation(violation: Mapping[str, str]) -> str:
    field, description = violation.get("field", ""), violation.get("description", "")
    return f"{field}: {description}" if field and not description.startswith(f"{field}:") else description


def _seconds(text: str) -> float:
    try:
        return min(max(float(text), 0.0), _LONGEST_WAIT)
    except ValueError:  # a date, or nothing
        return 0.0


def _short(value: object) -> str:
    text = str(value) or type(value).__name__
    return text if len(text) <= _LONGEST_SENTENCE else f"{text[:_LONGEST_SENTENCE]} ..."
