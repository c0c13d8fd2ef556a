"""Numbers of a running server, in the form of Prometheus."""

from collections.abc import Mapping
from functools import partial
from importlib.metadata import version
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.exposition import choose_encoder
from prometheus_client.multiprocess import MultiProcessCollector

from rasterwire.server.call_record import CallRecord

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
"""Upper ends of the classes of times."""

disable_created_metrics()  # type: ignore[no-untyped-call]


class Metrics:
    """Counts what the doors answer and what the renders do. Safe to use from several threads.

    Labels have values of fixed lists only, and names of tenants that the settings list: no image or address is one.
    """

    def __init__(self, folder: Path | None = None) -> None:
        """Begin with zeros.

        Args:
            folder: where several workers leave their numbers, so that each can tell those of all; see
                ``process.numbers``.
        """
        self._folder = folder
        self._registry = registry = CollectorRegistry()
        count = partial(Counter, namespace="rasterwire", registry=registry)
        times = partial(Histogram, namespace="rasterwire", registry=registry, buckets=_SECONDS)
        state = partial(Gauge, namespace="rasterwire", registry=registry)
        self._requests = count("requests_total", "Calls that were answered.", ("door", "method", "code"))
        self._request_seconds = times(
            "request_seconds", "Time from a call to the end of its answer.", ("door", "method")
        )
        self._queue_seconds = times("queue_seconds", "Time that work waited for its turn.", ("work",))
        self._refused = count("refused_total", "Calls that were refused, by the reason told.", ("reason",))
        self._sent = count("sent_bytes_total", "Bytes of files that were sent.", ("door",))
        self._pixels = count("pixels_total", "Values of all bands of files that were rendered.")
        self._source_bytes = count("source_bytes_total", "Bytes that renders read, before compression, as planned.")
        self._blocks = count("blocks_total", "Blocks that were made, by how.", ("path",))
        self._hits = count("cache_hits_total", "Reads of files that were rendered before.")
        self._misses = count("cache_misses_total", "Reads of files that had to be rendered.")
        self._takeovers = count("lease_takeovers_total", "Renders that were taken over from a server that died.")
        self._exports = count("exports_total", "Attempts at exports that began, and exports that ended.", ("state",))
        self._export_parts = count("export_parts_total", "Parts of exports that were written.")
        self._export_bytes = count("export_bytes_total", "Bytes of exports that were written.")
        self._tenant_calls = count("tenant_requests_total", "Calls that were answered.", ("tenant",))
        self._tenant_pixels = count("tenant_pixels_total", "Values of all bands that calls were for.", ("tenant",))
        self._tenant_sent = count("tenant_sent_bytes_total", "Bytes of files that were sent.", ("tenant",))
        self._cache_bytes = state(
            "cache_bytes", "Bytes of rendered files in the state folder.", multiprocess_mode="livemostrecent"
        )
        self._cache_files = state(
            "cache_files", "Rendered files in the state folder.", multiprocess_mode="livemostrecent"
        )
        self._running = state("renders_running", "Pieces of render work done now.", multiprocess_mode="livesum")
        self._waiting = state(
            "renders_waiting", "Pieces of render work that wait for their turn.", multiprocess_mode="livesum"
        )
        self._ready = state(
            "ready", "1 where a check of readiness is well, else 0.", ("check",), multiprocess_mode="livemin"
        )
        info = state("build_info", "1, of this version.", ("version",), multiprocess_mode="livemax")
        info.labels(version("rasterwire")).set(1)

    def note_call(self, call: CallRecord, code: str, seconds: float, tenant: str = "") -> None:
        """Count a call that was answered; ``tenant`` is one of the settings, or "" where there is none."""
        self._requests.labels(call.door, call.method, code).inc()
        self._request_seconds.labels(call.door, call.method).observe(seconds)
        if call.reason:
            self._refused.labels(call.reason).inc()
        if call.sent_bytes:
            self._sent.labels(call.door).inc(call.sent_bytes)
        self._tenant_calls.labels(tenant).inc()
        self._tenant_pixels.labels(tenant).inc(call.pixels)
        self._tenant_sent.labels(tenant).inc(call.sent_bytes)

    def note_wait(self, work: str, seconds: float) -> None:
        """See ``download.Meter``."""
        self._queue_seconds.labels(work).observe(seconds)

    def note_render(self, pixels: int, source_bytes: int) -> None:
        """See ``download.Meter``."""
        self._pixels.inc(pixels)
        self._source_bytes.inc(source_bytes)

    def note_blocks(self, path: str, count: int) -> None:
        """See ``download.Meter``."""
        self._blocks.labels(path).inc(count)

    def note_lookup(self, *, is_found: bool) -> None:
        """See ``download.Meter``."""
        (self._hits if is_found else self._misses).inc()

    def note_takeover(self) -> None:
        """See ``download.Meter``."""
        self._takeovers.inc()

    def note_export(self, state: str) -> None:
        """See ``download.Meter``."""
        self._exports.labels(state).inc()

    def note_export_part(self, size: int) -> None:
        """See ``download.Meter``."""
        self._export_parts.inc()
        self._export_bytes.inc(size)

    def note_cache(self, files: int, size: int) -> None:
        """Set how many rendered files there are, and their bytes."""
        self._cache_files.set(files)
        self._cache_bytes.set(size)

    def note_state(self, running: int, waiting: int, problems: Mapping[str, str]) -> None:
        """Set what is the case now.

        Args:
            running: pieces of render work that are done.
            waiting: those that wait for their turn.
            problems: see ``Readiness.problems``.
        """
        self._running.set(running)
        self._waiting.set(waiting)
        for check, problem in problems.items():
            self._ready.labels(check).set(not problem)

    def page(self, accept: str) -> tuple[bytes, str]:
        """Return all numbers as text, and its type; reads files of other workers, where there are some.

        Args:
            accept: the types that the asker takes, as in the header of HTTP.
        """
        registry = self._registry
        if self._folder is not None:
            registry = CollectorRegistry()
            MultiProcessCollector(registry, str(self._folder))  # type: ignore[no-untyped-call]
        encode, content_type = choose_encoder(accept)
        return encode(registry), content_type
