"""Exports: jobs of the server that go on when the client leaves."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import grpc

from rasterwire.client.errors import ExportFailed, closed, failure
from rasterwire.client.params import Params
from rasterwire.client.trace_context import trace_context
from rasterwire.client.transfer import RetryPolicy
from rasterwire.units import bytes_text
from rasterwire.v1 import download_pb2, export_service_pb2_grpc
from rasterwire.v1 import export_service_pb2 as export_pb2
from rasterwire.v1.export_service_pb2 import Export

__all__ = ["ExportMethods", "ExportOptions", "ExportProgress", "PlannedExport"]

ExportProgress = Callable[[Export], object]
"""Is called with an export each time that it has changed."""


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """What an export may have beside its image and where it goes; see ``ExportParams`` of the schema.

    Attributes:
        file_side: pixels along each side of a file, a multiple of 256; 0 for one cloud-optimized GeoTIFF.
        max_pixels: that it may have at most; 0 for the default of the server.
        priority: from 0 to 9999; None for 100. Exports with more of it begin first.
        description: what it is for.
        overwrite: whether files that have the names of new ones are replaced.
        request_id: a UUID; a second export with the same one is the first.
    """

    file_side: int = 0
    max_pixels: int = 0
    priority: int | None = None
    description: str = ""
    overwrite: bool = False
    request_id: str = ""


_NO_OPTIONS = ExportOptions()


@dataclass(frozen=True, slots=True)
class PlannedExport:
    """What an export would be: its numbers without a name, and what its files would hold.

    Attributes:
        export: its numbers.
        plan: what its files would hold.
        existing_files: of the first files that it would write, the names of those that are there already.
    """

    export: Export
    plan: download_pb2.DownloadPlan
    existing_files: tuple[str, ...] = ()


class ExportMethods:
    """The methods of ``Client`` about exports."""

    _exports: export_service_pb2_grpc.ExportServiceStub
    _retry: RetryPolicy

    def _call(self, method: Callable[..., Any], request: Any) -> Any:
        raise NotImplementedError

    def _message(self, params: Params, lines_are_geodesic: bool = False) -> download_pb2.DownloadParams:
        raise NotImplementedError

    def export(
        self,
        params: Params,
        to: str,
        options: ExportOptions = _NO_OPTIONS,
        *,
        progress: bool | ExportProgress = False,
    ) -> Export:
        """Export, wait until it has ended, and return the export with its files.

        What is begun goes on where this is interrupted: ``list_exports`` finds it, ``cancel_export`` ends it.

        Args:
            params: what to export.
            to: the name of a destination of the server; behind a slash, what the names of all files begin with.
            options: see ``ExportOptions``.
            progress: True shows a bar; a function is called with the export each time that it has changed.

        Raises:
            ExportFailed: it failed or was cancelled.
            DownloadFailed: it was refused; or see ``watch_export``.
        """
        export = self.await_export(self.create_export(params, to, options).name, progress=progress)
        if export.state != Export.STATE_SUCCEEDED:
            state = Export.State.Name(export.state).removeprefix("STATE_").lower()
            message = export.failure.message or "somebody cancelled it"
            raise ExportFailed(f"{export.name} {state}: {message}", reason=export.failure.reason)
        return self.get_export(export.name)

    def await_export(self, name: str, *, progress: bool | ExportProgress = False) -> Export:
        """Wait until an export has ended, however it has, and return it without its files; see ``watch_export``."""
        export = Export(name=name)
        with export_bar(progress) as show:
            for export in self.watch_export(name):
                show(export)
        return export

    def create_export(self, params: Params, to: str, options: ExportOptions = _NO_OPTIONS) -> Export:
        """Begin an export and return it at once; see ``export``."""
        export: Export = self._create(params, to, options, validate_only=False).export
        return export

    def plan_export(self, params: Params, to: str, options: ExportOptions = _NO_OPTIONS) -> PlannedExport:
        """Return what an export would be, with an estimate of its time; none is begun. See ``export``."""
        answer = self._create(params, to, options, validate_only=True)
        return PlannedExport(answer.export, answer.plan, tuple(answer.existing_files))

    def _create(
        self, params: Params, to: str, options: ExportOptions, *, validate_only: bool
    ) -> export_pb2.CreateExportResponse:
        destination, _, prefix = to.partition("/")
        message = export_pb2.ExportParams(
            download=self._message(params),
            destination=destination,
            prefix=prefix,
            file_side=options.file_side,
            max_pixels=options.max_pixels,
            priority=options.priority,
            description=options.description,
            overwrite=options.overwrite,
            request_id=options.request_id,
            validate_only=validate_only,
        )
        request = export_pb2.CreateExportRequest(params=message)
        answer: export_pb2.CreateExportResponse = self._call(self._exports.CreateExport, request)
        return answer

    def get_export(self, name: str) -> Export:
        """Return how far an export is, with the files that it has written."""
        export: Export = self._call(self._exports.GetExport, export_pb2.GetExportRequest(name=name)).export
        return export

    def list_exports(self) -> Iterator[Export]:
        """Yield the exports of the tenant, the newest first, without their files."""
        request = export_pb2.ListExportsRequest()
        while True:
            page = self._call(self._exports.ListExports, request)
            yield from page.exports
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    def cancel_export(self, name: str) -> Export:
        """Have an export end, and what it has written be removed; one that has ended stays as it is."""
        export: Export = self._call(self._exports.CancelExport, export_pb2.CancelExportRequest(name=name)).export
        return export

    def watch_export(self, name: str) -> Iterator[Export]:
        """Yield an export, and again each time that it has changed, until it has ended.

        A connection that is lost, as while a server is replaced, is made again.

        Raises:
            NotFound: there is no such export.
            Interrupted: the server could not be reached again.
        """
        request = export_pb2.WatchExportRequest(name=name)
        attempt = 0
        while True:
            try:
                for answer in self._exports.WatchExport(request, metadata=trace_context()):
                    attempt = 0
                    yield answer.export
            except ValueError:  # how grpc tells of a channel that is closed
                raise closed() from None
            except grpc.RpcError as error:
                failed = failure(error)
                attempt += 1
                if not failed.is_passing or attempt >= self._retry.attempts:
                    raise failed from error
                self._retry.sleep(self._retry.wait(attempt))
            else:
                return


@contextmanager
def export_bar(progress: bool | ExportProgress) -> Iterator[ExportProgress]:
    """Give a function that shows how far an export is: a bar for True, the caller's own, or nothing."""
    if progress is False:
        yield lambda _: None
        return
    if callable(progress):
        yield progress
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn

    columns: list[ProgressColumn] = [
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total} parts"),
    ]
    columns.append(TextColumn("{task.fields[rest]}"))
    with Progress(*columns, transient=True, console=Console(stderr=True)) as bars:
        task = bars.add_task("pending", total=None, rest="")

        def show(export: Export) -> None:
            state = Export.State.Name(export.state).removeprefix("STATE_").lower()
            rest = bytes_text(export.bytes_done)
            if export.HasField("estimated_duration"):
                rest += f", about {export.estimated_duration.seconds} s left"
            bars.update(task, completed=export.parts_done, total=export.parts_total, description=state, rest=rest)

        yield show
