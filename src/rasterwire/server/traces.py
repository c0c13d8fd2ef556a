"""Traces of calls, in the terms of OpenTelemetry. Importing this loads its packages.

Spans and attributes have the names of its semantic conventions; those of this package begin with ``rasterwire.``.
"""

from collections.abc import Mapping
from importlib.metadata import version

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span as TracedSpan
from opentelemetry.trace import SpanKind, Status, StatusCode, set_span_in_context
from opentelemetry.trace import Tracer as SpanMaker
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from rasterwire.errors import DownloadError
from rasterwire.server.call_record import CallRecord
from rasterwire.spans import Span

__all__ = ["Tracer"]

_NAME = "rasterwire"
_DEFAULT_NAME = "unknown_service"
"""How the name of a service begins that nobody named."""

_FAILED_CALLS = {"UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"}
"""Codes of gRPC that are errors of the server; source: the semantic conventions for gRPC."""

_FIRST_FAILED_STATUS = 500
"""Of HTTP, likewise."""

_propagator = TraceContextTextMapPropagator()


class _Span:
    """See ``spans.Span``."""

    def __init__(self, maker: SpanMaker, span: TracedSpan) -> None:
        self._maker = maker
        self.span = span

    def begin(self, name: str) -> "_Span":
        return _Span(self._maker, self._maker.start_span(name, set_span_in_context(self.span, Context())))

    def note(self, name: str, value: str | int) -> None:
        self.span.set_attribute(name, value)

    def link(self, linked: Span) -> None:
        if isinstance(linked, _Span):
            self.span.add_link(linked.span.get_span_context())

    def end(self, error: BaseException | None = None) -> None:
        if error is not None:  # without its text, which names what was asked for
            self.span.set_attribute("error.type", error.reason if isinstance(error, DownloadError) else _kind(error))
            if isinstance(error, Exception):
                self.span.set_status(Status(StatusCode.ERROR))
        self.span.end()


class Tracer:
    """Records spans of calls, and sends them on in a thread of its own; calls do not wait for it."""

    def __init__(self, endpoint: str = "") -> None:
        """Begin without spans.

        Sampling, sizes and times are those of OpenTelemetry's variables. By default a call is sampled where that
        which it is a part of was.

        Args:
            endpoint: of the collector; "" for that of the environment.
        """
        resource = Resource.create({"service.version": version(_NAME)})
        if str(resource.attributes.get("service.name", _DEFAULT_NAME)).startswith(_DEFAULT_NAME):
            resource = resource.merge(Resource({"service.name": _NAME}))
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        exporter = OTLPSpanExporter(f"{endpoint}/v1/traces" if endpoint else None)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._maker = self._provider.get_tracer(_NAME, version(_NAME))

    def begin(self, call: CallRecord, headers: Mapping[str, str]) -> Span | None:
        """Begin the span of a call, and tell the call its trace; None where the trace is not sampled.

        Args:
            call: that begins.
            headers: with names in lower case, or those of HTTP; may have those of the W3C's trace context.
        """
        parents = {name: headers[name] for name in _propagator.fields if name in headers}
        parent = _propagator.extract(parents, Context())
        span = self._maker.start_span(call.operation, parent, SpanKind.SERVER, attributes=_beginning(call))
        call.trace_id = f"{span.get_span_context().trace_id:032x}"
        call.span = _Span(self._maker, span) if span.is_recording() else None
        return call.span

    def end(self, call: CallRecord, code: str) -> None:
        """End the span of a call.

        Args:
            call: that was answered.
            code: of the answer.
        """
        if not isinstance(call.span, _Span):
            return
        span, call.span = call.span.span, None
        for name, value in _answer(call, code).items():
            span.set_attribute(name, value)
        if call.door == "earth_engine":  # its addresses have no templates
            span.update_name(f"{call.operation.partition(' ')[0]} {call.method}")
        if code in _FAILED_CALLS or (code.isdecimal() and int(code) >= _FIRST_FAILED_STATUS):
            span.set_status(Status(StatusCode.ERROR))
        span.end()

    def close(self) -> None:
        """Send what is not sent yet, if that can be done soon."""
        self._provider.shutdown()


def _beginning(call: CallRecord) -> dict[str, str]:
    """Return what is said of a call before it is answered, which samplers may look at."""
    if call.door == "grpc":
        return {"rpc.system.name": "grpc", "rpc.method": call.operation}
    return {"http.request.method": call.operation.partition(" ")[0]}


def _answer(call: CallRecord, code: str) -> dict[str, str | int]:
    """Return what is said of a call that was answered."""
    attributes: dict[str, str | int] = {"rasterwire.door": call.door, "rasterwire.request_id": call.id}
    if call.door == "grpc":
        attributes["rpc.response.status_code"] = code
    elif code.isdecimal():
        attributes["http.response.status_code"] = int(code)
    route = call.operation.partition(" ")[2]
    if route and call.door == "http":
        attributes["http.route"] = route
    counts = {"rasterwire.pixels": call.pixels, "rasterwire.sent_bytes": call.sent_bytes}
    attributes |= {name: count for name, count in counts.items() if count}
    if call.reason or code == "CANCELLED":
        attributes["error.type"] = call.reason or code
    return attributes


def _kind(error: BaseException) -> str:
    return type(error).__qualname__
