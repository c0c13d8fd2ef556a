"""What an operator sets of traces. In the config file it is the table ``[telemetry]``."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from rasterwire.errors import Violations
from rasterwire.tables import read_values, wrong_setting

__all__ = ["TelemetrySettings", "read_telemetry"]


@dataclass(frozen=True, slots=True)
class TelemetrySettings:
    """How calls are traced. By default they are not.

    Attributes:
        traces: ``none``, or ``otlp``: spans are sent to a collector of OpenTelemetry by HTTP. Without this table,
            the variable ``OTEL_TRACES_EXPORTER`` says the same.
        endpoint: the address of the collector, such as ``http://collector:4318``; by default that of
            ``OTEL_EXPORTER_OTLP_ENDPOINT``, or ``http://localhost:4318``.
    """

    traces: str = "none"
    endpoint: str = ""

    @property
    def has_traces(self) -> bool:
        """Whether calls are traced."""
        return self.traces == "otlp"


_address = re.compile(r"https?://[A-Za-z0-9.\-\[\]:]+(?:/[A-Za-z0-9._~\-]+)*/?", re.ASCII)


def read_telemetry(table: object, violations: Violations) -> TelemetrySettings:
    """Return the settings of traces; the default ones where something is wrong.

    Args:
        table: the value of ``telemetry`` in the config file.
        violations: gets everything that is wrong, each with the path of its setting.
    """
    if not isinstance(table, Mapping):
        violations.add(wrong_setting("telemetry", "it is not a table; write it as [telemetry]"))
        return TelemetrySettings()
    problems = Violations()
    settings = TelemetrySettings(**read_values(table, _readers, "telemetry", problems))
    if settings.endpoint and not settings.has_traces and not problems.items:
        problems.add(wrong_setting("telemetry.endpoint", "it is of traces; set traces = 'otlp' too, or delete it"))
    violations.items.extend(problems.items)
    return TelemetrySettings() if problems.items else settings


def _read_traces(value: object) -> str:
    if value not in {"none", "otlp"}:
        raise ValueError(f"{value!r} is neither none nor otlp")
    return str(value)


def _read_endpoint(value: object) -> str:
    # It is not shown: it may have a password.
    if not isinstance(value, str) or not _address.fullmatch(value):
        raise ValueError("it is no address; write it like http://collector:4318, without a user or a query")
    return value.rstrip("/")


_readers: dict[str, Callable[[object], object]] = {"traces": _read_traces, "endpoint": _read_endpoint}
