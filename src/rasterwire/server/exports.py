"""What callers do with exports: begin, look at, list, watch and cancel those of their tenant."""

import asyncio
import re
import secrets
import time
from collections import Counter
from collections.abc import AsyncGenerator, Iterator, Sequence

from rasterwire.errors import (
    ExportNotFound,
    ExportsNotSet,
    InvalidRequest,
    Overloaded,
    RenderCancelled,
    Violation,
    Violations,
    invalid,
)
from rasterwire.export.cog_export import count_cog_parts
from rasterwire.export.destination import check_prefix
from rasterwire.export.file_export import SIDE_FILES
from rasterwire.export.job import ExportJob
from rasterwire.export.provenance import WrittenFile
from rasterwire.export.queue import ExportQueue
from rasterwire.export.tiling import MAX_FILES, count_files
from rasterwire.export.written import written_files
from rasterwire.export.zarr_export import count_zarr_files, has_keys
from rasterwire.export.zarr_layout import lay_out
from rasterwire.plan import RenderPlan
from rasterwire.request import Format
from rasterwire.server.call_record import note_download
from rasterwire.server.export_conflicts import existing_files, image_conflicts
from rasterwire.server.messages.convert import from_plan
from rasterwire.server.messages.exports import ParsedExport, below_download, from_record, with_export_defaults
from rasterwire.server.messages.validate import violations
from rasterwire.server.peer import principal
from rasterwire.server.quotas import EXPORTS, PIXELS
from rasterwire.server.service import Service
from rasterwire.store.jobs import ENDED, ExportRecord, ExportState, Speed, digest_of
from rasterwire.v1 import download_pb2
from rasterwire.v1 import export_service_pb2 as export_pb2
from rasterwire.v1.export_service_pb2 import ExportParams

__all__ = ["Exports"]

_MAX_PIXELS = 100_000_000
"""Of an export whose request does not say how many; see the schema."""

_PRIORITY = 100

_DEFAULT_PAGE, _MAX_PAGE = 50, 500

_MAX_WATCHES = 200
"""Calls that watch an export at once, at each worker. A tenant may have no more of them than are left for others: half
of them where it is alone."""

_WATCH_SECONDS = 0.5
"""Between two looks at an export that is watched."""

_LEAST_PART_BYTES = 5 << 20
"""Of uploads, by which parts of one file are counted; a folder takes smaller ones, which are as many."""

_MAX_STEM = 100
"""Characters of the name of an image in the names of files, where the request names none."""

_id = re.compile(r"[0-9a-f]{32}", re.ASCII)


class Exports:
    """Answers for the exports of the caller's tenant; those of others do not exist."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._watches = Counter[str]()

    @property
    def _queue(self) -> ExportQueue:
        """What is asked.

        Raises:
            CredentialsMissing: the caller did not show who it is.
            ExportsNotSet: there is no destination.
        """
        self._service.check_caller()
        if self._service.export_queue is None:
            raise ExportsNotSet
        return self._service.export_queue

    # -- begin ------------------------------------------------------------------------------

    async def create(self, request: ParsedExport) -> export_pb2.CreateExportResponse:
        """Plan an export and begin it.

        Raises:
            InvalidRequest: with every violation, those of the export and of its download alike.
            QuotaExceeded: the caller may not have as much.
            Overloaded: as many exports as the server takes have not ended.
        """
        queue, params = self._queue, request.params
        problems = Violations([*request.misfits, *_own_violations(request, queue)])
        with_export_defaults(request.download.params, is_one_file=not params.file_side)
        problems.items.extend(await self._conflicts(queue, params, problems.items))
        plan: RenderPlan | None = None
        try:
            downloads = self._service.downloads.within(queue.limits)
            plan = await self._service.plan(request.download, downloads=downloads)
        except InvalidRequest as error:
            problems.items.extend(map(below_download, error.violations))
        if plan is not None:
            problems.items.extend(_plan_violations(plan, params))
        problems.raise_if_any()
        assert plan is not None
        tenant = _tenant()
        record = await self._service.run(lambda: _record(request, plan, tenant))
        if not params.validate_only:
            record = await self._begin(queue, record, plan)
            note_download(f"exports/{record.id}")
        answer = export_pb2.CreateExportResponse(plan=from_plan(plan))
        answer.export.CopyFrom(await self._described(queue, record))
        if params.validate_only:
            answer.export.name, answer.export.state = "", export_pb2.Export.STATE_UNSPECIFIED
            if params.prefix:
                store, planned = queue.stores[params.destination], plan
                names = await self._service.run(lambda: existing_files(store, params, record.prefix, planned))
                answer.existing_files.extend(names)
        return answer

    async def _conflicts(
        self, queue: ExportQueue, params: ExportParams, problems: Sequence[Violation]
    ) -> Sequence[Violation]:
        """Return what is in the way of an export whose place is right; of one that is asked for again, nothing."""
        tenant, catalog = _tenant(), self._service.all_downloads.catalog
        if not params.prefix or not {violation.field for violation in problems}.isdisjoint(("destination", "prefix")):
            return ()
        if not queue.catalogs.get(params.destination):
            return ()

        def look() -> Sequence[Violation]:
            if queue.jobs.requested(tenant, params.request_id.lower()) is not None:
                return ()
            return image_conflicts(queue, catalog, params, _below_tenant(params.prefix, tenant))

        return await self._service.run(look)

    async def _begin(self, queue: ExportQueue, record: ExportRecord, plan: RenderPlan) -> ExportRecord:
        quotas = self._service.quotas
        share, most = await quotas.take(PIXELS, plan.pixels), quotas.limit_of(EXPORTS)
        try:
            stored = await self._service.run(lambda: queue.jobs.put(record, most))
        except BaseException:
            share.give_back()
            raise
        if stored.id != record.id:
            share.give_back()
            if stored.digest != digest_of(record.payload):
                message = f"{record.request_id!r} was used with other params; make a new UUID"
                raise invalid("request_id", "REQUEST_ID_REUSED", message)
        queue.wake()
        return stored

    # -- look at ----------------------------------------------------------------------------

    async def get(self, name: str) -> export_pb2.Export:
        """Return an export with its files.

        Raises:
            ExportNotFound: unknown, or of another tenant.
        """
        queue = self._queue
        record = await self._find(queue, name)
        parts = await self._service.run(lambda: queue.jobs.parts(record.id))
        return await self._described(queue, record, written_files(parts))

    async def list(self, request: export_pb2.ListExportsRequest) -> export_pb2.ListExportsResponse:
        """Return a page of exports, the newest first.

        Raises:
            InvalidRequest: a page token that this server did not give.
        """
        queue, tenant = self._queue, _tenant()
        before, size = request.page_token, min(request.page_size or _DEFAULT_PAGE, _MAX_PAGE)
        if before and not _id.fullmatch(before):
            raise invalid("page_token", "PAGE_TOKEN_UNKNOWN", "is not a token of this server; leave it empty to begin")
        page = await self._service.run(lambda: queue.jobs.list(tenant, before, size + 1))
        following = page[size - 1].id if len(page) > size else ""
        records = page[:size]
        speed = await self._speed(queue, records)
        exports = [_described(record, speed) for record in records]
        return export_pb2.ListExportsResponse(exports=exports, next_page_token=following)

    async def cancel(self, name: str) -> export_pb2.Export:
        """Have an export end.

        Raises:
            ExportNotFound: unknown, or of another tenant.
        """
        queue = self._queue
        record = await self._find(queue, name)
        cancelled = await self._service.run(lambda: queue.jobs.cancel(record.id))
        if cancelled is None:
            raise ExportNotFound
        queue.wake()
        return await self._described(queue, cancelled)

    async def watch(self, name: str) -> AsyncGenerator[export_pb2.Export, None]:
        """Yield an export, and again each time that it has changed, until it has ended.

        Raises:
            ExportNotFound: unknown, or of another tenant.
            Overloaded: the tenant watches as many as there is room for still.
            RenderCancelled: the server stops.
        """
        queue, tenant = self._queue, _tenant()
        if self._watches[tenant] >= _MAX_WATCHES - self._watches.total():
            raise Overloaded(_WATCH_SECONDS * 10)
        self._watches[tenant] += 1
        try:
            before: tuple[object, ...] = ()
            while True:
                record = await self._find(queue, name)
                standing = (record.state, record.attempt, record.parts_done, record.bytes_done)
                if standing != before:
                    yield await self._described(queue, record)
                    before = standing
                if record.state in ENDED:
                    return
                if self._service.is_stopping:
                    raise RenderCancelled
                await asyncio.sleep(_WATCH_SECONDS)
        finally:
            self._watches[tenant] -= 1
            self._watches += Counter()  # forgets those who watch none

    async def _find(self, queue: ExportQueue, name: str) -> ExportRecord:
        export_id, tenant = name.removeprefix("exports/"), _tenant()
        if not _id.fullmatch(export_id):
            raise ExportNotFound
        record = await self._service.run(lambda: queue.jobs.get(export_id))
        if record is None or record.tenant != tenant:
            raise ExportNotFound
        note_download(f"exports/{record.id}")
        return record

    async def _described(
        self, queue: ExportQueue, record: ExportRecord, files: Sequence[WrittenFile] = ()
    ) -> export_pb2.Export:
        return _described(record, await self._speed(queue, [record]), files)

    async def _speed(self, queue: ExportQueue, records: Sequence[ExportRecord]) -> Speed:
        """Return how fast exports are, where the time that some of these take still is estimated by it."""
        if not any(map(_has_done_nothing, records)):
            return Speed(0, 0.0)
        return await self._service.run(queue.jobs.speed)


def _has_done_nothing(record: ExportRecord) -> bool:
    """Whether nothing is known of the time that this attempt takes."""
    return record.state in {ExportState.PENDING, ExportState.RUNNING} and record.seconds_left is None


def _described(record: ExportRecord, speed: Speed, files: Sequence[WrittenFile] = ()) -> export_pb2.Export:
    seconds_left = record.seconds_left
    if _has_done_nothing(record):
        pixels_left = record.pixels * (1 - record.parts_done / max(1, record.parts_total))
        seconds_left = speed.seconds_for(int(pixels_left))
    return from_record(record, seconds_left, files)


def _tenant() -> str:
    caller = principal.get()
    assert caller is not None
    return caller.tenant


def _own_violations(request: ParsedExport, queue: ExportQueue) -> Sequence[Violation]:
    """Return what is wrong with the fields of a request beside the download."""
    bare = ExportParams()
    bare.CopyFrom(request.params)
    if bare.HasField("download") or request.download.misfits:
        bare.download.CopyFrom(download_pb2.DownloadParams(image="-"))
    unread = {misfit.field for misfit in request.misfits}
    problems = [violation for violation in violations(bare) if violation.field not in unread]
    names = [name for name, destination in queue.destinations.items() if destination.is_for(_tenant())]
    if bare.destination and bare.destination not in names:
        choices = f"there are {', '.join(names)}" if names else "there is none for this tenant"
        problems.append(
            Violation("destination", "DESTINATION_UNKNOWN", f"no destination {bare.destination!r}; {choices}")
        )
    if bare.prefix and not any(violation.field == "prefix" for violation in problems):
        try:
            check_prefix(_below_tenant(bare.prefix, _tenant()))
        except ValueError as error:
            problems.append(Violation("prefix", "PREFIX_TOO_LONG", f"{error}"))
    if bare.file_side and bare.destination in names and queue.catalogs[bare.destination]:
        sentence = f"{bare.destination!r} lies in a catalog, where each file would be bands of its own; leave file_side"
        problems.append(Violation("file_side", "FILES_IN_CATALOG", f"{sentence} out, or export to another destination"))
    formats = {download_pb2.FORMAT_UNSPECIFIED, download_pb2.FORMAT_GEO_TIFF, download_pb2.FORMAT_ZARR}
    if request.params.download.format not in formats:
        sentence = "an export is of GeoTIFFs or a Zarr store; leave it out, or say GEO_TIFF or ZARR"
        problems.append(Violation("download.format", "FORMAT_UNSUPPORTED", sentence))
    if request.params.download.format == download_pb2.FORMAT_ZARR:
        problems.extend(_store_violations(bare))
    return problems


def _store_violations(params: ExportParams) -> Iterator[Violation]:
    """Yield the fields that a Zarr store cannot have."""
    if params.file_side:
        sentence = "a Zarr store is cut into objects by itself; leave it out"
        yield Violation("file_side", "FILE_SIDE_UNSUPPORTED", sentence)
    if params.overwrite:
        sentence = "a Zarr store is not replaced, since who reads it meanwhile would meet chunks of both"
        yield Violation("overwrite", "OVERWRITE_UNSUPPORTED", f"{sentence}; choose another prefix, or remove it before")


def _below_tenant(prefix: str, tenant: str) -> str:
    return f"{tenant}/{prefix}" if tenant else prefix


def _plan_violations(plan: RenderPlan, params: ExportParams) -> Sequence[Violation]:
    raster, problems = plan.rasters[0], []
    pixels, most = int(raster.grid.shape[0] * raster.grid.shape[1]), params.max_pixels or _MAX_PIXELS
    if pixels > most:
        sentence = f"the export has {pixels} pixels, more than {most}; ask for a smaller region or a coarser scale"
        problems.append(Violation("max_pixels", "TOO_MANY_PIXELS", f"{sentence}, or set max_pixels to as many"))
    if params.file_side and count_files(raster, params.file_side) > MAX_FILES:
        count = count_files(raster, params.file_side)
        sentence = f"{params.file_side} makes {count} files, more than {MAX_FILES}; ask for larger ones"
        problems.append(Violation("file_side", "TOO_MANY_FILES", sentence))
    if params.file_side and raster.grid.crs is None:
        sentence = "the image has no crs, so that files of parts of it have no place; leave file_side out"
        problems.append(Violation("file_side", "NO_CRS", sentence))
    if plan.format is Format.ZARR:
        problems.extend(_layout_violations(plan, params.prefix))
    elif not params.file_side and raster.masks > 1:
        sentence = "one file has one mask for all bands; ask for mask BAND or NODATA"
        problems.append(Violation("download.mask", "MASK_UNSUPPORTED", sentence))
    return problems


def _layout_violations(plan: RenderPlan, prefix: str) -> Iterator[Violation]:
    try:
        layout = lay_out(plan.rasters[0])
    except ValueError as error:
        yield Violation("download.bands", "TOO_MANY_FILES", f"{error}")
        return
    if prefix and not has_keys(layout, _below_tenant(prefix, _tenant())):
        sentence = "is too long for the names of the arrays of this image; write a shorter one"
        yield Violation("prefix", "PREFIX_TOO_LONG", sentence)


def _record(request: ParsedExport, plan: RenderPlan, tenant: str) -> ExportRecord:
    """Return the export of a request that is right."""
    message = request.message()
    message.request_id = message.request_id.lower()  # the digits of a UUID count in either case
    export_id = f"{time.time_ns() // 1_000_000:012x}{secrets.token_hex(10)}"
    name = re.sub(r"[^A-Za-z0-9_-]", "_", plan.filename.rpartition(".")[0])
    prefix = message.prefix or f"{name[:_MAX_STEM]}-{export_id}"
    return ExportRecord(
        id=export_id,
        tenant=tenant,
        request_id=message.request_id,
        payload=message.SerializeToString(deterministic=True),
        destination=message.destination,
        prefix=_below_tenant(prefix, tenant),
        description=message.description,
        etag=plan.etag,
        pixels=plan.pixels,
        source_bytes=plan.source_bytes,
        parts_total=_count_parts(plan, message.file_side),
        priority=message.priority if message.HasField("priority") else _PRIORITY,
    )


def _count_parts(plan: RenderPlan, file_side: int) -> int:
    if plan.format is Format.ZARR:
        return count_zarr_files(plan)
    if file_side:
        return count_files(plan.rasters[0], file_side) + SIDE_FILES
    return count_cog_parts(ExportJob(plan, ""), _LEAST_PART_BYTES)
