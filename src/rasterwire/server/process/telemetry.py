"""Traces of a server: whether there are any."""

from typing import TYPE_CHECKING

from rasterwire.server.settings import BadSettings, Settings

if TYPE_CHECKING:
    from rasterwire.server.traces import Tracer

__all__ = ["check_telemetry", "make_tracer"]


def make_tracer(settings: Settings) -> "Tracer | None":
    """Return what records the spans of calls, None where nobody wants them.

    Raises:
        BadSettings: its packages are missing.
    """
    check_telemetry(settings)
    if not settings.telemetry.has_traces:
        return None
    from rasterwire.server.traces import Tracer  # late: what a server without traces does not need

    return Tracer(settings.telemetry.endpoint)


def check_telemetry(settings: Settings) -> None:
    """Look whether what the settings need is installed; raises as ``make_tracer`` does."""
    if settings.telemetry.has_traces:
        try:
            import rasterwire.server.traces  # noqa: F401
        except ImportError:
            problem = "they need OpenTelemetry; install it with pip install 'rasterwire[telemetry]'"
            raise BadSettings(f"telemetry.traces: {problem}") from None
