"""What all doors do with a request, in terms of messages and files. It knows no protocol.

Planning and file access block, so they run on a small pool; a render has its own threads.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from rasterwire.budget import Budget
from rasterwire.download import NO_METER, Downloads, FairPool, Meter, Registered, Renders
from rasterwire.errors import (
    CredentialsMissing,
    DownloadConflict,
    DownloadError,
    DownloadNotFound,
    Overloaded,
    SourceUnavailable,
)
from rasterwire.export.queue import ExportQueue
from rasterwire.plan import RenderPlan
from rasterwire.server.addresses import Addresses
from rasterwire.server.call_record import note_download, note_images_read, note_plan
from rasterwire.server.evaluations import Evaluations, value_json
from rasterwire.server.identity.tenant_table import TenantTable
from rasterwire.server.limited_renders import LimitedRenders
from rasterwire.server.messages import convert
from rasterwire.server.messages.parsed_request import ParsedRequest
from rasterwire.server.open_files import Delivered, ElsewhereFile, OpenFile, file_info, growing_file
from rasterwire.server.peer import caller, principal
from rasterwire.server.planning import plan_request
from rasterwire.server.preparations import Preparations
from rasterwire.server.quotas import NO_SHARE, Quotas
from rasterwire.server.readers import Readers
from rasterwire.server.recent_plans import RecentPlans
from rasterwire.server.registrations import Registrations
from rasterwire.server.render_progress import progress_until
from rasterwire.server.streams import Streams
from rasterwire.store import NotVerified, RemoteFile, UsageStore
from rasterwire.v1 import download_pb2, download_service_pb2

_READ_AT_ONCE = 64 << 20
"""Bytes of a file that are held against their checksum where a request wants it."""
_RETRY_AFTER = 2.0
_WAITING_A_THREAD = 2
"""Calls of a tenant that wait for each thread, beyond which no download is created where queues stand."""
_BYTES_OF_CONSTANTS = 8
"""Bytes that constants of an expression take in memory, for each byte of its message."""

T = TypeVar("T")

_NO_TENANTS = TenantTable()


class Service:
    """Serves the fronts.

    Attributes:
        export_queue: where exports are asked for; None where they may go nowhere.
        is_stopping: whether the server was told to stop, so that nobody waits for what takes long.
    """

    def __init__(
        self,
        downloads: Downloads,
        renders: Renders,
        scratch: Path,
        max_renders: int,
        tenants: TenantTable = _NO_TENANTS,
        meter: Meter = NO_METER,
        usage: UsageStore | None = None,
    ) -> None:
        """Set what serves.

        Args:
            downloads: of all tenants.
            renders: likewise.
            scratch: a folder for files of running streams.
            max_renders: at once.
            tenants: of the server.
            meter: is told what waits, and what was rendered before.
            usage: of quotas, counted for all servers; None where no tenant has one.
        """
        self._meter = meter
        self._downloads = downloads
        self._tenants = tenants
        self.renders = renders
        self._pool = FairPool(8, "files")
        self._verifying = FairPool(2, "verify")
        self._evaluations = Evaluations(max_renders, meter)
        self.quotas = Quotas(usage, self.run, downloads.kept_bytes)
        self.limited_renders = LimitedRenders(renders, self.quotas)
        self._streams = Streams(renders, scratch, max_renders)
        self._registrations = Registrations(self.quotas)
        self.readers = Readers(self.run, self.quotas)
        self._plans = RecentPlans()
        self.preparations = Preparations(downloads, renders)
        self.addresses = Addresses()
        self.export_queue: ExportQueue | None = None
        self.is_stopping = False

    @property
    def all_downloads(self) -> Downloads:
        """Of all tenants."""
        return self._downloads

    @property
    def downloads(self) -> Downloads:
        """What the caller of this task sees. Taken before other threads go on, which know of no caller.

        Raises:
            CredentialsMissing: the caller did not show who it is.
        """
        if (owner := principal.get()) is None:
            raise CredentialsMissing
        return self._downloads.seen_by(owner)

    def check_caller(self) -> None:
        """Refuse a caller that showed nothing as ``downloads`` does, before its request costs anything."""
        if principal.get() is None:
            raise CredentialsMissing

    async def run(self, function: Callable[[], T]) -> T:
        """Run something that blocks on files."""
        return await asyncio.wrap_future(self._pool.submit(caller(), function))

    @property
    def render_work(self) -> tuple[int, int]:
        """Pieces of it that are done now, and that wait for their turn."""
        return self.renders.running_and_waiting

    @property
    def is_idle(self) -> bool:
        """Whether nothing is rendered, computed or streamed."""
        return not (self.readers.taken or self._streams.taken or self._evaluations.taken or self.renders.running)

    async def verify(self) -> None:
        """Look for damage in rendered files, until somebody wants something."""
        look = partial(self._downloads.verify, lambda: self.is_idle)
        await asyncio.wrap_future(self._verifying.submit(caller(), look))

    def stop_reading(self) -> None:
        """Let nobody wait for an export, or for the checksum of a file that was rendered before this server started."""
        self.is_stopping = True
        self._downloads.stop_reading()

    def close(self) -> None:
        """Wait for running file accesses, and close the stores."""
        self.renders.close()
        self._evaluations.close()
        self._verifying.close()
        self._registrations.queue.close()
        self._pool.close()
        self.quotas.close()
        self._downloads.close()

    # -- requests ---------------------------------------------------------------------------

    async def plan(
        self, request: ParsedRequest, budget: Budget | None = None, downloads: Downloads | None = None
    ) -> RenderPlan:
        """Return the plan of a request.

        Args:
            request: the request.
            budget: for the evaluation of its image; None for a new one.
            downloads: what the caller sees, with other limits than usual; None for ``downloads`` of this.

        Raises:
            InvalidRequest: with every violation, those of the form, of the rules and of the image alike.
        """
        seen, spent = downloads or self.downloads, budget or Budget()
        source = request.params.WhichOneof("source")
        work = partial(plan_request, seen, request, is_measured=source == "expression")
        plan = await self._evaluations.planned_of(source, work, spent)
        if plan.picture is not None and not plan.picture.is_measured:  # pixels are read beside what is planned soon
            plan = await self._evaluations.computed(partial(seen.measured, plan), spent)
        note_plan(plan)
        return plan

    async def create(
        self, request: ParsedRequest, *, is_read_next: bool = True
    ) -> download_service_pb2.CreateDownloadResponse:
        """Plan and register a request.

        Args:
            request: the request.
            is_read_next: whether the file of this plan is what the caller will read.

        Raises:
            Overloaded: what was created before has long to wait; see ``FairPool.check_delay``.
            QuotaExceeded: the caller may not have as much.
            InvalidRequest, ImageNotFound, SourceUnavailable: see ``plan``.
        """
        for queue in (self._evaluations.planning, self._registrations.queue, self.renders.small):
            queue.check_delay(caller(), _WAITING_A_THREAD)  # before it costs anything; what is read waits for all three
        budget = Budget()
        plan = await self.plan(request, budget)
        enter = self._registrations.enter_counted if is_read_next else self._registrations.enter
        download = await enter(self.downloads, request, plan)
        note_download(download.id)
        if is_read_next:
            self._plans.put(plan, budget.bytes_taken + _BYTES_OF_CONSTANTS * len(download.request))
        answer = download_service_pb2.CreateDownloadResponse(plan=convert.from_plan(plan))
        answer.download_id.name = f"downloads/{download.id}"
        answer.download_id.token = download.token
        answer.download_id.expire_time.FromDatetime(download.expire_time)
        answer.download_id.url = self.addresses.address_of(download)
        return answer

    async def signed_token(self, download_id: str, query: Mapping[str, str]) -> str:
        """Return the token of a download whose address is signed.

        Raises:
            DownloadNotFound: the signature is wrong or over, or the download is unknown.
        """
        if not self.addresses.is_signed(download_id, query):
            raise DownloadNotFound
        return await self.run(lambda: self._downloads.token_of(download_id))

    async def looked_up(self, look: Callable[[], T]) -> T:
        """Run something that may look through many images, or open many files, for as long as somebody waits for it.

        Raises:
            InvalidExpression: it takes too long.
            Overloaded: too many wait for theirs.
        """
        return await self._evaluations.computed(look)

    async def find(self, download_id: str, token: str, etag: str) -> Registered:
        """Return a registered download; raises DownloadConflict where an etag is given and differs."""
        downloads = self.downloads
        download = await self.run(lambda: downloads.find(download_id, token))
        note_download(download.id)
        if etag and etag != download.etag:
            raise DownloadConflict(
                f"etag: {etag!r} is of another file, this one has {download.etag!r}; start at offset 0"
            )
        return download

    async def follow(self, download_id: str, token: str) -> Registered:
        """Return the download of an address, which speaks for its tenant where the caller showed nothing else.

        Raises:
            DownloadNotFound: unknown, expired, another token, or the tenant is another or is no more.
        """
        if principal.get() is None:
            download = await self.run(lambda: self._downloads.find_of_any(download_id, token))
            owner = self._tenants.get(download.tenant)
            if owner is None:
                raise DownloadNotFound
            principal.set(owner)
        return await self.find(download_id, token, "")

    async def compute(self, function: Callable[[], T]) -> T:
        """Compute something of pixels, when it is the turn of this caller.

        Raises:
            Overloaded: too many wait for theirs.
        """
        return await self._evaluations.computed(function)

    async def value(self, document: Callable[[], object], describe: Callable[[Any], Any] | None = None) -> str:
        """Return the JSON of an expression's value.

        Args:
            document: returns the expression; reading megabytes of it takes time too.
            describe: makes the JSON of the value; None makes an object with the member ``result``.

        Raises:
            InvalidExpression, SourceUnavailable: it has none.
            Overloaded: too many wait for theirs.
        """
        downloads, budget = self.downloads, Budget()

        try:
            return await self._evaluations.computed(partial(value_json, downloads, document, describe), budget)
        finally:
            read = budget.images_read
            note_images_read(read, len(read))

    # -- files ------------------------------------------------------------------------------

    async def cached(self, download: Registered) -> Delivered | None:
        """Return the file of a download if it was rendered before."""

        def look(reads_at_most: int | None = None) -> Delivered | None:
            artifact = self._downloads.artifact(download.etag, reads_at_most)
            if artifact is None:
                return None
            try:
                file = artifact.open()
            except FileNotFoundError:  # dropped since
                return None
            info = file_info(download.filename, download.mime_type, download.etag, artifact.size, artifact.crc32c)
            return ElsewhereFile(file, info) if isinstance(file, RemoteFile) else OpenFile(file, info)

        try:
            return await self.run(lambda: look(_READ_AT_ONCE))
        except NotVerified:  # others shall not wait for threads that read gigabytes
            try:
                return await asyncio.wrap_future(self._verifying.submit(caller(), look))
            except NotVerified:  # the server stops
                raise Overloaded(_RETRY_AFTER) from None

    async def deliver(self, download: Registered) -> AsyncGenerator[download_pb2.RenderProgress | Delivered, None]:
        """Yield progress while the file is made, then the file, as soon as a part of it can be read.

        Leaving the iterator before the file is there ends the render, as ``Renders.leave`` says.

        Raises:
            QuotaExceeded: see ``LimitedRenders.join``.
            DownloadConflict: the image is not what it was when the download was created.
            SourceUnavailable: a raster of it cannot be read.
        """
        opened = await self.cached(download)
        self._meter.note_lookup(is_found=opened is not None)
        if opened is not None:
            yield opened
            return
        self.limited_renders.check(download.etag)
        recent = self._plans.get(download.etag)
        plan = recent or await self.planned_again(download)
        note_plan(plan)
        with self._downloads.hold(plan.etag):
            render = self.limited_renders.join(plan)
            # it is needed no more once there is a file, and is out of date where a source cannot be read
            render.result.add_done_callback(lambda _: self._plans.drop(plan))
            try:
                start = render.result if render.growth is None else render.growth.reached(1)
                async with contextlib.aclosing(progress_until(render, start)) as waiting:
                    async for progress in waiting:
                        yield progress
                growing = growing_file(download, render)
                if growing is not None:
                    yield growing
                    return
                await asyncio.shield(asyncio.wrap_future(render.result))
            except SourceUnavailable:
                if recent is not None:
                    await self.planned_again(download)  # an image that changed is told as such
                raise
            finally:
                self.renders.leave(render)
            opened = await self.cached(download)
        if opened is None:
            raise Overloaded(_RETRY_AFTER)  # another process took the room in the cache
        yield opened

    async def planned(self, download: Registered) -> RenderPlan:
        """Return the plan of a download.

        Raises:
            DownloadConflict: the image changed since it was registered.
            SourceUnavailable: a raster of it cannot be read.
        """
        return self._plans.get(download.etag) or await self.planned_again(download)

    async def planned_again(self, download: Registered) -> RenderPlan:
        """Return the plan of a download from the image as it is now; raises as ``planned`` does."""
        plan = await self.plan(ParsedRequest(download_pb2.DownloadParams.FromString(download.request)))
        if plan.etag != download.etag:
            raise DownloadConflict("name: the image changed since this download was created; create it again")
        return plan

    async def stream(
        self, request: ParsedRequest
    ) -> AsyncGenerator[tuple[download_pb2.DownloadPlan | None, download_pb2.RenderProgress | OpenFile], None]:
        """Yield progress, then a file that is kept nowhere; the first of these with the plan.

        Raises:
            Overloaded: as many streams as this server takes are on their way, slow readers included.
            QuotaExceeded: the caller may not have as much.
            InvalidRequest, ImageNotFound, SourceUnavailable: see ``plan``.
        """
        plan: RenderPlan | None = None
        is_limited = self.quotas.is_limited
        with contextlib.ExitStack() as rendering:
            rendering.callback(self.quotas.begin_render())
            if request.params.WhichOneof("source") != "image" or self.renders.small.are_all_taken or is_limited:
                plan = await self.plan(request)  # a refusal shall not wait for a render to end
            share = NO_SHARE
            if plan is not None and is_limited:
                share = await self.quotas.take_pixels(plan)
            deliver = self._streams.deliver(partial(plan_request, self.downloads, request), plan, rendering)
            try:
                async with contextlib.aclosing(deliver) as steps:
                    async for step in steps:
                        yield step
            except DownloadError:
                share.give_back()
                raise
