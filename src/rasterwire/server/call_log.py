"""The one line that each call leaves in the log, and the one in the audit file."""

import logging
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rasterwire.server.audit import AuditFile
from rasterwire.server.call_record import REQUEST_ID, CallRecord, begin
from rasterwire.server.metrics import Metrics
from rasterwire.server.peer import peer, principal
from rasterwire.spans import current_span

if TYPE_CHECKING:
    from rasterwire.server.traces import Tracer

_log = logging.getLogger("rasterwire.server")


class CallLog:
    """Tells the log, the metrics, the audit file and the traces of each call."""

    def __init__(
        self, metrics: Metrics | None = None, audit: AuditFile | None = None, tracer: "Tracer | None" = None
    ) -> None:
        """Set who is told besides the log."""
        self._metrics = metrics
        self._audit = audit
        self._tracer = tracer

    def check(self) -> None:
        """Refuse a call that could not be told of.

        Raises:
            StorageUnavailable: the audit file cannot be written.
        """
        if self._audit is not None:
            self._audit.check()

    def begin(self, door: str, operation: str, headers: Mapping[str, str]) -> CallRecord:
        """Set the record of a call that begins, and return it.

        Args:
            door: see ``CallRecord``.
            operation: likewise.
            headers: see ``Tracer.begin``; they may have an id of the request besides.
        """
        call = begin(door, headers.get(REQUEST_ID) or headers.get(REQUEST_ID.lower()) or "")
        call.operation = operation
        if self._tracer is not None:
            current_span.set(self._tracer.begin(call, headers))
        return call

    def end(self, call: CallRecord, what: str, code: str, began: float) -> None:
        """Tell of a call.

        Args:
            call: the call.
            what: it was, for people: a method, or a method of HTTP and a path without tokens.
            code: of the answer.
            began: by ``time.perf_counter``.
        """
        seconds = time.perf_counter() - began
        caller = principal.get(None)
        fields: dict[str, Any] = {
            "id": call.id,
            "trace_id": call.trace_id,
            "tenant": "" if caller is None else caller.tenant,
            "image": call.image,
            "images": call.image_count,
            "download": call.download,
            "pixels": call.pixels,
            "bytes": call.sent_bytes,
            "bytes_cut": call.bytes_cut,
            "reason": call.reason,
        }
        fields = {name: value for name, value in fields.items() if value}
        rest = " ".join(f"{name}={_word(value)}" for name, value in fields.items())
        structured = {"door": call.door, "method": call.method, "code": code, "ms": round(1000 * seconds, 1), **fields}
        if call.image_ids:
            structured["image_ids"] = list(call.image_ids)
        _log.info("%s %s %.1f ms %s", what, code, 1000 * seconds, rest, extra={"fields": structured})
        if self._audit is not None:
            self._audit.note({"peer": peer.get(), **structured})
        if self._metrics is not None:
            self._metrics.note_call(call, code, seconds, "" if caller is None else caller.tenant)
        if self._tracer is not None:
            self._tracer.end(call, code)


def _word(value: object) -> object:
    """Return a value as one word of a line, whatever is in it.

    >>> _word("S2/a"), _word("a b=c"), _word(3)
    ('S2/a', "'a b=c'", 3)
    """
    return repr(value) if isinstance(value, str) and (" " in value or not value.isprintable()) else value
