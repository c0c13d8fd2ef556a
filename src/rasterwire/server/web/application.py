"""The web application that the HTTP doors are added to: who asks, what errors become, what every answer says."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from functools import partial
from http import HTTPStatus

from aiohttp import hdrs, web, web_response
from aiohttp.typedefs import Middleware

from rasterwire.server.call_log import CallLog
from rasterwire.server.call_record import REQUEST_ID, CallRecord, answered_headers, begin, record, request_ids
from rasterwire.server.identity import Authenticator, Evidence
from rasterwire.server.messages.status import http_answer, http_headers, reason_of
from rasterwire.server.peer import peer, principal
from rasterwire.server.web.body import too_large
from rasterwire.server.web.metrics_page import METRICS

# aiohttp names itself and Python with their versions, also in answers to what is no request, which no handler sees.
web_response.SERVER_SOFTWARE = "rasterwire"  # type: ignore[attr-defined]  # it is for itself alone

_MAX_REQUEST = 11 << 20
_MAX_PATH = 200
"""Characters of a path in a line of the log."""
_secret = re.compile(r"([0-9a-f]{32})-[0-9a-f]{32}")
_PROBES = {"/livez", "/healthz", "/readyz", METRICS}
"""Addresses that are asked all the time; readiness has log lines of its own."""
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


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def web_application(authenticator: Authenticator, log: CallLog) -> web.Application:
    """Return an application without routes, which answers errors in the form of Google's APIs.

    Who shows what is not valid is refused; who shows nothing is answered at the addresses that need nothing, such as
    those of downloads, which hold their secrets.
    """
    app = web.Application(client_max_size=_MAX_REQUEST, middlewares=[_answering(authenticator, log)])
    app.on_response_prepare.append(_prepare)
    return app


async def _prepare(_: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(_ALWAYS)
    if (call := record.get()) is not None:
        response.headers.update(answered_headers(call))


def _answering(authenticator: Authenticator, log: CallLog) -> Middleware:
    async def identified(request: web.Request, handler: Handler) -> web.StreamResponse:
        principal.set(None)  # and not that of the request before, by the same connection
        if request.path not in _PROBES:
            log.check()
            evidence = Evidence(request.headers.get("Authorization", ""), _certificate_names(request))
            principal.set(await authenticator.identify(evidence))
        return await handler(request)

    @web.middleware
    async def answering(request: web.Request, handler: Handler) -> web.StreamResponse:
        peer.set(_peer(request.transport.get_extra_info("peername") if request.transport is not None else None))
        began = time.perf_counter()
        if request.path in _PROBES:
            call = begin("http", request.headers.get(REQUEST_ID, ""))
        else:
            call = log.begin("http", _operation(request), request.headers)
        call.method = request.match_info.route.name or call.method
        code = ""
        try:
            response = await _answer(request, partial(identified, handler=handler), call)
            code = str(response.status)
            return response
        finally:
            if not code:  # a client that has its file may be gone before the render has ended
                code = str(call.file_status) if call.file_status and not call.bytes_cut else "CANCELLED"
            if request.path not in _PROBES:
                log.end(call, _told(request), code, began)

    return answering


def _peer(name: object) -> str:
    """Return the address and the port of a connection in the form that gRPC gives them, which the audit shows."""
    match name:
        case (str(host), int(port), *rest):
            return f"ipv6:[{host}]:{port}" if rest else f"ipv4:{host}:{port}"
        case _:
            return f"{name or ''}"


def _operation(request: web.Request) -> str:
    """Return what is called: the method, and the template of the address where there is one."""
    method = request.method if request.method in hdrs.METH_ALL else "_OTHER"
    resource = request.match_info.route.resource
    return method if resource is None else f"{method} {resource.canonical}"


def _certificate_names(request: web.Request) -> tuple[str, ...]:
    """Return the names of the certificate that a client showed; it was found valid before."""
    certificate = request.transport.get_extra_info("peercert") if request.transport is not None else None
    if not certificate:
        return ()
    common = [value for part in certificate.get("subject", ()) for key, value in part if key == "commonName"]
    return (*common, *(value for key, value in certificate.get("subjectAltName", ()) if key in {"DNS", "URI"}))


def _told(request: web.Request) -> str:
    """Return what is told of a request, without the token, which is in the query or behind the id in the path."""
    path = _secret.sub(r"\1-...", request.rel_url.raw_path)
    return f"{request.method} {path[:_MAX_PATH]}"


async def _answer(request: web.Request, handler: Handler, call: CallRecord) -> web.StreamResponse:
    try:
        return await handler(request)
    except web.HTTPException as error:
        name = _statuses.get(error.status, "UNKNOWN")
        reason = HTTPStatus(error.status).name
        text = f"{error.reason}; /openapi.json describes the addresses" if error.status == 404 else error.reason
        body = {"error": {"code": error.status, "message": text, "status": name, "reason": reason}}
        body["error"] |= request_ids()
        call.reason = reason
        if error.status == 413:  # in the words and the status of Google's APIs
            status, answer = http_answer(too_large(), call.id)
            return web.json_response(answer, status=status)
        headers = {k: v for k, v in error.headers.items() if k == "Allow"}
        return web.json_response(body, status=error.status, headers=headers)
    except (ConnectionError, asyncio.CancelledError):
        raise
    except Exception as error:  # noqa: BLE001  the table says what becomes of it
        call.reason = reason_of(error)
        status, answer = http_answer(error, call.id)
        answer["error"] |= request_ids()
        return web.json_response(answer, status=status, headers=http_headers(error))
