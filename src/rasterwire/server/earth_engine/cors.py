"""Which web pages may call the doors of Earth Engine.

Source of the rules: https://fetch.spec.whatwg.org
"""

from collections.abc import Sequence

from aiohttp import web

_HEADERS = {
    "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
    "Access-Control-Allow-Headers": (
        "Authorization, Content-Type, X-Goog-Api-Client, X-Goog-User-Project, X-Earth-Engine-Computation-Profiling, "
        "X-HTTP-Method-Override"
    ),
    "Access-Control-Expose-Headers": "ETag, Content-Disposition, Content-Range, Content-Digest, Repr-Digest",
    "Access-Control-Max-Age": "3600",
}


class Cors:
    """The headers that let pages of some origins read an answer; without an origin there are none."""

    def __init__(self, origins: Sequence[str]) -> None:
        """Allow origins, or ``*`` for all."""
        self._is_open = "*" in origins
        self._origins = frozenset(origins)

    def headers(self, request: web.Request) -> dict[str, str]:
        """Return the headers for the answer to a request."""
        if self._is_open:
            return {"Access-Control-Allow-Origin": "*", **_HEADERS}
        if not self._origins:
            return {}
        # a cache keeps the answers to two origins apart
        vary = {"Vary": "Origin"}
        origin = request.headers.get("Origin", "")
        return {"Access-Control-Allow-Origin": origin, **_HEADERS, **vary} if origin in self._origins else vary
