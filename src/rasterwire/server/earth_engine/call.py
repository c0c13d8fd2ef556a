"""A request to the doors of Earth Engine's API."""

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web

from rasterwire.server.web.body import read_json

__all__ = ["EarthEngineCall", "Handler", "Route"]


class EarthEngineCall:
    """A request, as the doors want it."""

    def __init__(self, request: web.Request, match: Mapping[str, str], query: dict[str, str], body: bytes) -> None:
        self.request = request
        self.match = match
        self.query = query
        self.body = body

    def json(self) -> dict[str, Any]:
        """Return the body.

        Raises:
            InvalidRequest: it is no JSON object.
        """
        return read_json(self.body)


Handler = Callable[[EarthEngineCall], Awaitable[web.StreamResponse]]

Route = tuple[str, re.Pattern[str], Handler]
"""The method and the path of an address, and what answers there."""
