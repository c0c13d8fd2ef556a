"""From errors to what clients are told, over gRPC and over HTTP alike."""

import errno
import logging
import secrets
from collections.abc import Sequence
from typing import Any

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
    errors.DownloadNotFound: grpc.StatusCode.NOT_FOUND,
    errors.AddressUnknown: grpc.StatusCode.NOT_FOUND,
    errors.DownloadConflict: grpc.StatusCode.FAILED_PRECONDITION,
    errors.OffsetOutOfRange: grpc.StatusCode.OUT_OF_RANGE,
    errors.DiskFull: grpc.StatusCode.RESOURCE_EXHAUSTED,
    errors.Overloaded: grpc.StatusCode.RESOURCE_EXHAUSTED,
    errors.RenderCancelled: grpc.StatusCode.UNAVAILABLE,
}
"""What each error is on the wire. A stopped render is UNAVAILABLE: a client that still wants it may
ask again."""

HTTP_STATUS = {
    grpc.StatusCode.INVALID_ARGUMENT: 400,
    grpc.StatusCode.FAILED_PRECONDITION: 409,
    grpc.StatusCode.OUT_OF_RANGE: 416,
    grpc.StatusCode.NOT_FOUND: 404,
    grpc.StatusCode.RESOURCE_EXHAUSTED: 429,
    grpc.StatusCode.UNIMPLEMENTED: 501,
    grpc.StatusCode.UNAVAILABLE: 503,
    grpc.StatusCode.INTERNAL: 500,
}

# The trailers of a gRPC answer may take 8 KiB, and hold the message twice.
_MOST_MESSAGE = 1000
_MOST_DETAILS = 3000
_MOST_VIOLATIONS = 1000

_FULL = {errno.ENOSPC, errno.EDQUOT}

_log = logging.getLogger("rasterwire.server")


def status_of(error: BaseException) -> status_pb2.Status:
    """Return the google.rpc.Status of an error; an unexpected one is logged and told by an id."""
    error = _known(error)
    if not isinstance(error, errors.DownloadError) or type(error) not in STATUS:
        incident = secrets.token_hex(4)
        _log.error("unexpected error %s", incident, exc_info=error)
        info = error_details_pb2.ErrorInfo(reason="INTERNAL", domain=DOMAIN, metadata={"incident": incident})
        return status_pb2.Status(
            code=code_pb2.INTERNAL,
            message=f"the server failed; its log says why under {incident}",
            details=[_packed(info)],
        )
    metadata = {name: _short(value, _MOST_MESSAGE) for name, value in error.metadata.items()}
    details: list[Message] = [error_details_pb2.ErrorInfo(reason=error.reason, domain=DOMAIN, metadata=metadata)]
    if isinstance(error, errors.InvalidRequest):
        details.append(_bad_request(error.violations))
    if isinstance(error, errors.Overloaded):
        delay = duration_pb2.Duration()
        delay.FromMilliseconds(int(error.retry_after * 1000))
        details.append(error_details_pb2.RetryInfo(retry_delay=delay))
    code: int = STATUS[type(error)].value[0]
    return status_pb2.Status(
        code=code, message=_short(str(error), _MOST_MESSAGE), details=[_packed(d) for d in details]
    )


def _known(error: BaseException) -> BaseException:
    """Return the error of this package for one of the system that has one."""
    return errors.DiskFull() if isinstance(error, OSError) and error.errno in _FULL else error


def _bad_request(violations: Sequence[errors.Violation]) -> error_details_pb2.BadRequest:
    """Return as many violations as fit, and last how many more there are."""
    found = error_details_pb2.BadRequest()
    violation_type = error_details_pb2.BadRequest.FieldViolation
    for index, violation in enumerate(violations):
        told = _short(violation.description, 500)
        found.field_violations.append(
            violation_type(field=_short(violation.field, 100), description=told, reason=violation.reason)
        )
        rest = len(violations) - index
        if found.ByteSize() > _MOST_DETAILS and rest > 1:
            more = f"and {rest} more violations; mend these first"
            found.field_violations[-1].CopyFrom(violation_type(reason="MORE_VIOLATIONS", description=more))
            break
    return found


def _short(text: str, most: int) -> str:
    """Return a text that every wire can carry, without half surrogates, cut where it is long."""
    text = text[: most + 1].encode("utf-8", "replace").decode()
    return text if len(text) <= most else text[: most - 4] + " ..."


def _packed(detail: Message) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(detail)
    return packed


def grpc_status(error: BaseException) -> grpc.Status:
    """Return the status to abort a call with."""
    return rpc_status.to_status(status_of(error))


def http_answer(error: BaseException) -> tuple[int, dict[str, Any]]:
    """Return the HTTP status and the JSON body of an error, in the form of Google's APIs."""
    error = _known(error)
    status = status_of(error)
    code = next(c for c in grpc.StatusCode if c.value[0] == status.code)
    body: dict[str, Any] = {"code": HTTP_STATUS[code], "message": status.message, "status": code.name}
    if isinstance(error, errors.DownloadError):
        body["reason"] = error.reason
    if isinstance(error, errors.InvalidRequest):
        body["violations"] = [
            {"field": _short(v.field, 100), "reason": v.reason, "description": _short(v.description, _MOST_MESSAGE)}
            for v in error.violations[:_MOST_VIOLATIONS]
        ]
    return HTTP_STATUS[code], {"error": body}
