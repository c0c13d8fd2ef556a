"""What a server is told of the trace that its call is a part of, where the program has one."""

import sys

__all__ = ["trace_context"]


def trace_context() -> tuple[tuple[str, str], ...] | None:
    """Return metadata that names the current span, as the W3C has it; None where there is none.

    A program whose spans are those of OpenTelemetry has loaded it; no other pays for it.
    """
    if "opentelemetry.trace" not in sys.modules:
        return None
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    headers: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(headers)
    return tuple(headers.items()) or None
