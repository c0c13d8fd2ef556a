"""From errors to what clients are told, over gRPC and over HTTP alike."""

import errno
import logging
import math
import secrets
import sqlite3
from collections.abc import Sequence
from typing import Any, NamedTuple, cast

import grpc
from google.protobuf import any_pb2, duration_pb2
from google.protobuf.message import Message
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status

from rasterwire import errors

DOMAIN = "rasterwire"

STATUS: dict[type[errors.DownloadError], grpc.StatusCode] = {
    errors.InvalidRequest: grpc.StatusCode.INVALID_ARGUMENT,
    errors.InvalidExpression: grpc.StatusCode.INVALID_ARGUMENT,
    errors.ImageNotFound: grpc.StatusCode.NOT_FOUND,
    errors.SourceUnavailable: grpc.StatusCode.FAILED_PRECONDITION,
    errors.CatalogUnavailable: grpc.StatusCode.FAILED_PRECONDITION,
    errors.CredentialsMissing: grpc.StatusCode.UNAUTHENTICATED,
    errors.CredentialsInvalid: grpc.StatusCode.UNAUTHENTICATED,
    errors.TenantUnknown: grpc.StatusCode.PERMISSION_DENIED,
    errors.IdentityUnavailable: grpc.StatusCode.UNAVAILABLE,
    errors.QuotaExceeded: grpc.StatusCode.RESOURCE_EXHAUSTED,
    errors.DownloadNotFound: grpc.StatusCode.NOT_FOUND,
    errors.AddressUnknown: grpc.StatusCode.NOT_FOUND,
    errors.DownloadConflict: grpc.StatusCode.FAILED_PRECONDITION,
    errors.ExportsNotSet: grpc.StatusCode.FAILED_PRECONDITION,
    errors.ExportNotFound: grpc.StatusCode.NOT_FOUND,
    errors.OffsetOutOfRange: grpc.StatusCode.OUT_OF_RANGE,
    errors.DiskFull: grpc.StatusCode.RESOURCE_EXHAUSTED,
    errors.StorageUnavailable: grpc.StatusCode.UNAVAILABLE,
    errors.WorkersUnavailable: grpc.StatusCode.UNAVAILABLE,
    errors.Overloaded: grpc.StatusCode.RESOURCE_EXHAUSTED,
    errors.RenderCancelled: grpc.StatusCode.UNAVAILABLE,
}
"""What each error is on the wire. A stopped render is UNAVAILABLE: a client that still wants it may
ask again."""

HTTP_STATUS = {
    grpc.StatusCode.INVALID_ARGUMENT: 400,
    grpc.StatusCode.UNAUTHENTICATED: 401,
    grpc.StatusCode.PERMISSION_DENIED: 403,
    grpc.StatusCode.FAILED_PRECONDITION: 409,
    grpc.StatusCode.OUT_OF_RANGE: 416,
    grpc.StatusCode.NOT_FOUND: 404,
    grpc.StatusCode.RESOURCE_EXHAUSTED: 429,
    grpc.StatusCode.UNIMPLEMENTED: 501,
    grpc.StatusCode.UNAVAILABLE: 503,
    grpc.StatusCode.INTERNAL: 500,
}

HTTP_STATUS_OF_ERROR: dict[type[BaseException], int] = {errors.DiskFull: 507}
"""Where HTTP has a better status than that of the code."""

_CHALLENGE = f'Bearer realm="{DOMAIN}"'

# The trailers of a gRPC answer may take 8 KiB, and hold the message twice.
_MAX_MESSAGE = 1000
_MAX_DETAILS = 3000
_MAX_VIOLATIONS = 1000

_FULL = {errno.ENOSPC, errno.EDQUOT}

_log = logging.getLogger("rasterwire.server")


def status_of(error: BaseException) -> status_pb2.Status:
    """Return the google.rpc.Status of an error; an unexpected one is logged and told by an id."""
    cause = _known(error)
    if cause is not error:
        _log.error("%s: %s", cause, error)
    error = cause
    if not isinstance(error, errors.DownloadError) or type(error) not in STATUS:
        incident = secrets.token_hex(4)
        _log.error("unexpected error %s", incident, exc_info=error)
        info = error_details_pb2.ErrorInfo(reason="INTERNAL", domain=DOMAIN, metadata={"incident": incident})
        return status_pb2.Status(
            code=code_pb2.INTERNAL,
            message=f"the server failed; its log says why under {incident}",
            details=[_packed(info)],
        )
    metadata = {name: _short(value, _MAX_MESSAGE) for name, value in error.metadata.items()}
    details: list[Message] = [error_details_pb2.ErrorInfo(reason=error.reason, domain=DOMAIN, metadata=metadata)]
    if isinstance(error, errors.InvalidRequest):
        details.append(_bad_request(error.violations))
    if isinstance(error, errors.QuotaExceeded):
        details.append(_quota_failure(error))
    if error.retry_after is not None:
        delay = duration_pb2.Duration()
        delay.FromMilliseconds(int(error.retry_after * 1000))
        details.append(error_details_pb2.RetryInfo(retry_delay=delay))
    code: int = STATUS[type(error)].value[0]
    return status_pb2.Status(code=code, message=_in_trailer(str(error)), details=[_packed(d) for d in details])


def _in_trailer(text: str) -> str:
    """Return a text as short as it has to be where each byte that is not printable ASCII takes three."""
    text = _short(text, _MAX_MESSAGE)
    room = _MAX_MESSAGE
    for index, byte in enumerate(encoded := text.encode()):
        room -= 1 if 0x20 <= byte < 0x7F and byte != 0x25 else 3
        if room < 0:
            return encoded[: index - 4].decode(errors="ignore") + " ..."
    return text


def _known(error: BaseException) -> BaseException:
    """Return the error of this package for one of the system that has one."""
    is_full = isinstance(error, OSError) and error.errno in _FULL
    is_full |= isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
    if is_full:
        return errors.DiskFull()
    # errors of GDAL have no number; what a raster lacks is told as SourceUnavailable
    is_lost = isinstance(error, OSError) and error.errno is not None
    is_lost |= isinstance(error, sqlite3.OperationalError) or type(error) is sqlite3.DatabaseError
    return errors.StorageUnavailable() if is_lost else error


def _bad_request(violations: Sequence[errors.Violation]) -> error_details_pb2.BadRequest:
    """Return as many violations as fit, and last how many more there are."""
    bad_request = error_details_pb2.BadRequest()
    violation_type = error_details_pb2.BadRequest.FieldViolation
    for index, violation in enumerate(violations):
        description = _short(violation.description, 500)
        bad_request.field_violations.append(
            violation_type(field=_short(violation.field, 100), description=description, reason=violation.reason)
        )
        rest = len(violations) - index
        if bad_request.ByteSize() > _MAX_DETAILS and rest > 1:
            more = f"and {rest} more violations; mend these first"
            bad_request.field_violations[-1].CopyFrom(violation_type(reason="MORE_VIOLATIONS", description=more))
            break
    return bad_request


def _quota_failure(error: errors.QuotaExceeded) -> error_details_pb2.QuotaFailure:
    failure = error_details_pb2.QuotaFailure()
    failure.violations.add(
        subject="tenant", description=str(error), quota_id=error.quota, quota_value=error.limit, api_service=DOMAIN
    )
    return failure


def _short(text: str, most: int) -> str:
    """Return a text that every wire can carry, without half surrogates, cut where it is long."""
    text = text[: most + 1].encode("utf-8", "replace").decode()
    return text if len(text) <= most else text[: most - 4] + " ..."


def _packed(detail: Message) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(detail)
    return packed


def grpc_status(error: BaseException, request_id: str) -> grpc.Status:
    """Return the status to abort a call with; the error lets go of what its tracebacks hold."""
    status = status_of(error)
    status.details.append(_packed(error_details_pb2.RequestInfo(request_id=request_id)))
    _let_go(error)
    return rpc_status.to_status(status)


class _Status(NamedTuple):
    code: grpc.StatusCode
    details: str
    trailing_metadata: tuple[tuple[str, str | bytes], ...]


def with_trailers(status: grpc.Status, *trailers: tuple[str, str]) -> grpc.Status:
    """Return a status with more trailers: those that were set before are not sent beside its own."""
    return cast(grpc.Status, _Status(status.code, status.details, (*(status.trailing_metadata or ()), *trailers)))


def reason_of(error: BaseException) -> str:
    """Return the reason that is told of an error."""
    cause = _known(error)
    return cause.reason if isinstance(cause, errors.DownloadError) else "INTERNAL"


def http_answer(error: BaseException, request_id: str = "") -> tuple[int, dict[str, Any]]:
    """Return the HTTP status and the JSON body of an error, in the form of Google's APIs; see ``grpc_status``."""
    status = status_of(error)
    cause = _known(error)
    code = next(c for c in grpc.StatusCode if c.value[0] == status.code)
    number = HTTP_STATUS_OF_ERROR.get(type(cause), HTTP_STATUS[code])
    body: dict[str, Any] = {"code": number, "message": status.message, "status": code.name}
    if request_id:
        body["requestId"] = request_id
    if isinstance(cause, errors.DownloadError):
        body["reason"] = cause.reason
    if isinstance(cause, errors.InvalidRequest):
        body["violations"] = [
            {"field": _short(v.field, 100), "reason": v.reason, "description": _short(v.description, _MAX_MESSAGE)}
            for v in cause.violations[:_MAX_VIOLATIONS]
        ]
    _let_go(error)
    return number, {"error": body}


def http_headers(error: BaseException) -> dict[str, str]:
    """Return the headers that go with ``http_answer``; sources: RFC 9110, section 10.2.3, and RFC 6750, section 3."""
    cause = _known(error)
    match cause:
        case errors.CredentialsMissing():
            return {"WWW-Authenticate": _CHALLENGE}
        case errors.CredentialsInvalid():
            return {"WWW-Authenticate": f'{_CHALLENGE}, error="invalid_token"'}
        case _:
            pass
    after = cause.retry_after if isinstance(cause, errors.DownloadError) else None
    return {} if after is None else {"Retry-After": str(math.ceil(after))}


def _let_go(error: BaseException) -> None:
    """Cut the circle of an error, its tracebacks, and the tasks in their frames that hold the error.

    Requests of megabytes would stay in it until Python's collector comes by.
    """
    link: BaseException | None = error
    while link is not None:
        link.__traceback__ = None
        link = link.__cause__ or link.__context__
