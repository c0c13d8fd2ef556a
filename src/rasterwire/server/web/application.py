"""The web application that the HTTP doors are added to: who asks, what errors become, what every answer says."""

import asyncio
from collections.abc import Awaitable, Callable

from aiohttp import web

from rasterwire.server.messages.status import http_answer, http_headers
from rasterwire.server.peer import peer
from rasterwire.server.web.body import too_large

_MOST_REQUEST = 11 << 20
_statuses = {
    404: "NOT_FOUND",
    405: "UNIMPLEMENTED",
    408: "DEADLINE_EXCEEDED",
    412: "FAILED_PRECONDITION",
    413: "INVALID_ARGUMENT",
    415: "INVALID_ARGUMENT",
}

# Addresses of downloads hold their tokens, which no page that is opened from there may be told.
_ALWAYS = {"Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff"}


def web_application() -> web.Application:
    """Return an application without routes, which answers errors in the form of Google's APIs."""
    app = web.Application(client_max_size=_MOST_REQUEST, middlewares=[_answering])
    app.on_response_prepare.append(_prepare)
    return app


async def _prepare(_: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(_ALWAYS)


@web.middleware
async def _answering(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    address = request.transport.get_extra_info("peername") if request.transport is not None else None
    peer.set(f"{address}")
    try:
        return await handler(request)
    except web.HTTPException as error:
        name = _statuses.get(error.status, "UNKNOWN")
        body = {"error": {"code": error.status, "message": error.reason, "status": name}}
        if error.status == 413:  # in the words and the status of Google's APIs
            status, answer = http_answer(too_large())
            return web.json_response(answer, status=status)
        headers = {k: v for k, v in error.headers.items() if k == "Allow"}
        return web.json_response(body, status=error.status, headers=headers)
    except (ConnectionError, asyncio.CancelledError):
        raise
    except Exception as error:  # noqa: BLE001  the table says what becomes of it
        status, answer = http_answer(error)
        return web.json_response(answer, status=status, headers=http_headers(error))
