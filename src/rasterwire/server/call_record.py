"""What is known of the call that is answered: for its line in the log, its numbers, and its id in the answer."""

import re
import secrets
from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass

from rasterwire.plan import NAMED_SCENES, RenderPlan
from rasterwire.spans import Span

REQUEST_ID = "X-Request-Id"
"""The header of an id that a caller gives a request, or is told; in metadata of gRPC, in lower case."""

TRACE_ID = "X-Trace-Id"
"""The header of the id of a call's trace, which a caller is told where calls are traced; likewise."""

_MAX_IMAGE = 200
"""Characters of an image id in the log."""

_given_id = re.compile(r"[0-9A-Za-z._-]{1,128}", re.ASCII)
"""Ids of requests that are taken over: nothing that could be more than an id in a log or a header."""


@dataclass(slots=True)
class CallRecord:
    """A call on its way.

    Attributes:
        id: that the caller gave, or a new one.
        door: ``grpc``, ``http`` or ``earth_engine``.
        method: of a fixed list; "other" for what is none.
        operation: what is called, of a fixed list: ``package.Service/Method`` of gRPC, or a method of HTTP and the
            template of an address.
        trace_id: of its trace, 32 hex digits; "" where calls are not traced.
        span: of it; None where its trace is not recorded.
        image: that is asked for; "" where none is, or it is not known yet.
        image_count: of the images whose files are read, where these are of a mosaic or an expression; else 0.
        image_ids: of the first ``NAMED_SCENES`` of these.
        download: id of the registered download, without its token; "" likewise.
        pixels: values of all bands that the call is for.
        sent_bytes: of a file that went out.
        bytes_cut: those of the file that should have followed, and did not.
        file_status: of an answer over HTTP that began to send a file; 0 where none did.
        reason: why it is refused; "" where it is not.
    """

    id: str
    door: str
    method: str = "other"
    operation: str = ""
    trace_id: str = ""
    span: Span | None = None
    image: str = ""
    image_count: int = 0
    image_ids: tuple[str, ...] = ()
    download: str = ""
    pixels: int = 0
    sent_bytes: int = 0
    bytes_cut: int = 0
    file_status: int = 0
    reason: str = ""


record: ContextVar[CallRecord | None] = ContextVar("record", default=None)
"""Of the call; set by the doors for the task of each."""


def begin(door: str, given_id: str) -> CallRecord:
    """Set the record of a call that begins, and return it.

    Args:
        door: see ``CallRecord``.
        given_id: whatever the caller says; a new id is made where that is none.
    """
    call = CallRecord(given_id if _given_id.fullmatch(given_id) else secrets.token_hex(8), door)
    record.set(call)
    return call


def answered_headers(call: CallRecord) -> dict[str, str]:
    """Return the headers by which a caller is told what its call is known by."""
    return {REQUEST_ID: call.id, **({TRACE_ID: call.trace_id} if call.trace_id else {})}


def note_plan(plan: RenderPlan) -> None:
    """Say what is asked for."""
    if (call := record.get()) is not None:
        call.image, call.pixels = plan.image_id[:_MAX_IMAGE], plan.pixels
        if plan.scene_ids != (plan.image_id,):
            note_images_read(plan.scene_ids, plan.scenes)


def note_image(image_id: str) -> None:
    """Say which image is asked for."""
    if (call := record.get()) is not None:
        call.image = image_id[:_MAX_IMAGE]


def note_images_read(ids: Sequence[str], count: int) -> None:
    """Say which images are read, and how many where not all are named."""
    if (call := record.get()) is not None:
        call.image_count, call.image_ids = count, tuple(name[:_MAX_IMAGE] for name in ids[:NAMED_SCENES])


def note_download(download_id: str) -> None:
    """Say which registered download is asked for."""
    if (call := record.get()) is not None:
        call.download = download_id


def note_sent(count: int, cut: int = 0) -> None:
    """Say that so many more bytes of a file go out, and how many that were due do not."""
    if (call := record.get()) is not None:
        call.sent_bytes += count
        call.bytes_cut += cut


def note_file(status: int) -> None:
    """Say that a file begins to go out over HTTP."""
    if (call := record.get()) is not None:
        call.file_status = status


def note_method(door: str, method: str) -> None:
    """Say which door and method of it a call is for, where it was not known at its beginning."""
    if (call := record.get()) is not None:
        call.door, call.method = door, method


def request_ids() -> dict[str, str]:
    """Return the members of a JSON error that name its request, and its trace where there is one."""
    call = record.get()
    if call is None:
        return {}
    return {"requestId": call.id, **({"traceId": call.trace_id} if call.trace_id else {})}
