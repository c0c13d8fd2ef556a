"""What can go wrong for a client, as one tree.

DownloadFailed
    InvalidParams     the server refused the request, with all its violations
    NotFound          no such image or download
    CorruptData       bytes that are not those the server meant
    Interrupted       the connection was lost and could not be had again
    ExportFailed      an export ended without its files
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from rasterwire.client.address import GRPC_PORT


@dataclass(frozen=True, slots=True)
class FieldViolation:
    """One thing that is wrong with a request.

    Attributes:
        field: its path, such as ``bands[0].scale``.
        description: a sentence.
        reason: a stable name in UPPER_SNAKE_CASE.
    """

    field: str
    description: str
    reason: str = ""


class DownloadFailed(Exception):
    """Base of all errors of the client.

    Attributes:
        message: a sentence.
        code: of gRPC, or None where the client itself refused.
        reason: the server's stable UPPER_SNAKE_CASE reason, or "".
        metadata: the dynamic parts of the message.
        violations: of the request.
        retry_after: seconds after which the server wants to be asked again, at most 60, or None.
        is_passing: whether the same may succeed later.
        request_id: by which the server's log knows the call, or "".
        trace_id: of the call, 32 hex digits, or "" where the server does not trace calls.
    """

    def __init__(
        self,
        message: str,
        code: grpc.StatusCode | None = None,
        reason: str = "",
        metadata: dict[str, str] | None = None,
        violations: tuple[FieldViolation, ...] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.reason = reason
        self.metadata = metadata or {}
        self.violations = violations
        self.retry_after: float | None = None
        self.is_passing = False
        self.request_id = ""
        self.trace_id = ""

    def __str__(self) -> str:
        return f"{self.message} (request id {self.request_id})" if self.request_id else self.message


class InvalidParams(DownloadFailed):
    """The request cannot be served as it stands."""


class NotFound(DownloadFailed):
    """No such image, or no such download for this token."""


class CorruptData(DownloadFailed):
    """Bytes came that are not those of the file; nothing was kept of them."""


class Garbled(CorruptData):
    """Bytes that came otherwise than they were sent; those that come again may be right."""


class Interrupted(DownloadFailed):
    """The connection was lost, and patience ran out."""


class ExportFailed(DownloadFailed):
    """An export failed, or somebody cancelled it; nothing that it had written is left."""


_classes: dict[grpc.StatusCode, type[DownloadFailed]] = {
    grpc.StatusCode.INVALID_ARGUMENT: InvalidParams,
    grpc.StatusCode.NOT_FOUND: NotFound,
    grpc.StatusCode.UNAVAILABLE: Interrupted,
    grpc.StatusCode.DEADLINE_EXCEEDED: Interrupted,
}


_NO_MESSAGE = "Exception deserializing response!"
"""What grpc says of bytes that are no message."""


LONGEST_RETRY = 60.0
"""Seconds that a server may ask a client to wait."""


_CLOSED = "Channel closed"
"""What grpc says of calls that ran when their channel was closed."""


_NO_SERVER = "failed to connect to all addresses"
"""How grpc begins what it says where nobody listens."""

_NO_HOST = "errors resolving "
"""How grpc begins what it says of the name of a host that it cannot look up."""

_HTTP_SERVER = "Trying to connect an http1.x server"
"""What grpc says where a server of HTTP/1.1 answers."""

_tls_remedies = {
    "CERTIFICATE_VERIFY_FAILED": "the certificate of the server is of no authority that is known here; name the file "
    "of the one that signed it: --ca-file, or credentials=tls(ca_file) in Python",
    "Hostname Verification Check failed": "the certificate of the server is of another name; use the name in it",
    "WRONG_VERSION_NUMBER": "the server does not use TLS there; leave out --tls and the files of certificates, or "
    "credentials in Python",
    "Socket closed": "the server closed the connection; if it uses TLS, add --tls, or credentials=tls() in Python; if "
    "it asks for a certificate, --certificate-file and --key-file",
}
"""What to do, by what grpc says where the two sides do not agree on TLS."""

_refused = re.compile(r"(?:UNKNOWN: )?ipv[46]:(\S+): .*Connection refused")


def failure(error: grpc.RpcError) -> DownloadFailed:
    """Return the error of the client for one of a call, with the details the server sent."""
    code: grpc.StatusCode = error.code()
    text = error.details() or code.name
    if text == _NO_MESSAGE:
        return Garbled("the answer is no message of this schema; is it a rasterwire server that is asked?", code)
    if code is grpc.StatusCode.UNAVAILABLE:
        text = _unreached(text)
    if _CLOSED in text:
        return closed()
    info, bad, retry = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest(), error_details_pb2.RetryInfo()
    retry_after = None
    try:
        status = rpc_status.from_call(error)  # type: ignore[arg-type]  # every error of a call is one too
        for detail in status.details if status is not None else ():
            detail.Unpack(info)
            detail.Unpack(bad)
            if detail.Unpack(retry):
                seconds = retry.retry_delay.seconds + retry.retry_delay.nanos / 1e9
                retry_after = min(max(seconds, 0.0), LONGEST_RETRY)
    except (ValueError, DecodeError):  # details that contradict the status, or are none
        pass
    violations = tuple(FieldViolation(v.field, v.description, v.reason) for v in bad.field_violations)
    failed = _classes.get(code, DownloadFailed)(text, code, info.reason, dict(info.metadata), violations)
    failed.retry_after = retry_after
    # what begins anew at midnight is not waited for, nor what the caller has to delete
    is_long = info.reason == "QUOTA_EXCEEDED" and info.metadata.get("quota") != "concurrent_renders"
    failed.is_passing = not is_long and _is_passing(code, text, retry_after)
    failed.request_id, failed.trace_id = _told(error, "x-request-id"), _told(error, "x-trace-id")
    return failed


def _told(error: grpc.RpcError, name: str) -> str:
    """Return what the server says of a call in a trailer, "" where it says nothing."""
    trailers: Any = error.trailing_metadata() or ()  # pairs, which the stubs do not know
    values = (value for key, value in trailers if key == name)
    return next((value for value in values if isinstance(value, str)), "")


def _unreached(text: str) -> str:
    """Return what grpc says of a server that it cannot reach in words that tell what to do."""
    if _HTTP_SERVER in text:
        return (
            "a server for HTTP answers at this address; give the server's gRPC port, "
            f"which is {GRPC_PORT} unless it was started with another --grpc-port"
        )
    if text.startswith(_NO_HOST):
        return f"the host of this address cannot be found; is its name right? ({text})"
    if not text.startswith(_NO_SERVER):
        return text
    for problem, remedy in _tls_remedies.items():
        if problem in text:
            return f"no connection could be made; {remedy} ({problem})"
    why = f"nobody listens at {unquote(match[1])}" if (match := _refused.search(text)) else text
    return (
        f"the server cannot be reached; does it run there, and is the address right? ({why}; "
        f"the gRPC port is {GRPC_PORT} unless the server was started with another --grpc-port)"
    )


def closed() -> DownloadFailed:
    """Return the error of a client that was closed."""
    return DownloadFailed("the client is closed; make another one")


def _is_passing(code: grpc.StatusCode, text: str, retry_after: float | None) -> bool:
    """Tell whether a lost stream may be taken up again.

    A proxy turns the death of a server into INTERNAL (reset stream) or UNKNOWN (a cut frame); a
    server that is busy says RESOURCE_EXHAUSTED with the time to come back.
    """
    if code is grpc.StatusCode.RESOURCE_EXHAUSTED:
        return retry_after is not None
    if code is grpc.StatusCode.INTERNAL:
        return "RST_STREAM" in text
    return code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.UNKNOWN)


def invalid_params(problems: Sequence[FieldViolation]) -> InvalidParams:
    """Return the error of a request with all that is wrong with it."""
    message = "; ".join(f"{p.field}: {p.description}" if p.field else p.description for p in problems)
    return InvalidParams(message, violations=tuple(problems))
