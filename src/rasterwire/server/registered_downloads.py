"""What callers do with the downloads that they registered: ask about them, prepare, list and delete them."""

import re
from contextlib import closing

from rasterwire.download import Registered
from rasterwire.errors import DownloadError, Overloaded, invalid
from rasterwire.plan import RenderPlan
from rasterwire.server.call_record import note_download
from rasterwire.server.messages.convert import from_plan
from rasterwire.server.service import Service
from rasterwire.v1 import download_service_pb2 as service_pb2
from rasterwire.v1.download_service_pb2 import Download

__all__ = ["RegisteredDownloads"]

_DEFAULT_PAGE = 50
_MAX_PAGE = 100
"""Downloads of a page: each has its whole request in the store."""

_id = re.compile(r"[0-9a-f]{32}", re.ASCII)

Named = service_pb2.GetDownloadRequest | service_pb2.PrepareDownloadRequest | service_pb2.DeleteDownloadRequest


class RegisteredDownloads:
    """Answers for the downloads of the caller's tenant; those of others do not exist."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def _find(self, request: Named) -> Registered:
        downloads = self._service.downloads
        name = request.name.removeprefix("downloads/")
        download = await self._service.run(lambda: downloads.find_own(name, request.token))
        note_download(download.id)
        return download

    async def get(self, request: service_pb2.GetDownloadRequest) -> Download:
        """Return a download with its state and its plan.

        Raises:
            DownloadNotFound: see ``Downloads.find_own``.
            Overloaded: the plan of a computed image would have to wait.
        """
        return await self._described(await self._find(request))

    async def prepare(self, request: service_pb2.PrepareDownloadRequest) -> Download:
        """Begin to render a file, and return its download.

        Raises:
            DownloadNotFound: see ``Downloads.find_own``.
            DownloadConflict, SourceUnavailable, Overloaded: see ``Service.deliver``.
        """
        download = await self._find(request)
        opened = await self._service.cached(download)
        if opened is not None:
            opened.close()
            return await self._described(download)
        self._service.limited_renders.check(download.etag)
        plan = await self._service.planned(download)
        render = self._service.limited_renders.join(plan)
        self._service.preparations.begin(download.id, render)
        return await self._described(download)

    async def list(self, request: service_pb2.ListDownloadsRequest) -> service_pb2.ListDownloadsResponse:
        """Return a page of downloads, without states and plans.

        Raises:
            InvalidRequest: a page token that this server did not give.
        """
        after, size = request.page_token, min(request.page_size or _DEFAULT_PAGE, _MAX_PAGE)
        if after and not _id.fullmatch(after):
            raise invalid("page_token", "PAGE_TOKEN_UNKNOWN", "is not a token of this server; leave it empty to begin")
        downloads = self._service.downloads
        page = await self._service.run(lambda: downloads.list(after, size + 1))
        following = page[size - 1].id if len(page) > size else ""
        return service_pb2.ListDownloadsResponse(
            downloads=[_message(item) for item in page[:size]], next_page_token=following
        )

    async def delete(self, request: service_pb2.DeleteDownloadRequest) -> None:
        """Make a download unknown.

        Raises:
            DownloadNotFound: see ``Downloads.find_own``.
        """
        download = await self._find(request)
        downloads = self._service.downloads
        await self._service.run(lambda: downloads.delete(download))
        self._service.preparations.stop(download.id)

    async def _described(self, download: Registered) -> Download:
        message = _message(download)
        message.state = Download.STATE_REGISTERED
        plan: RenderPlan | None = None
        opened = await self._service.cached(download)
        render = self._service.renders.find(download.etag)
        if opened is not None:
            with closing(opened):
                message.state, message.size_bytes = Download.STATE_READY, opened.info.size_bytes
        elif render is not None:
            message.state, plan = Download.STATE_RENDERING, render.plan
            message.blocks_done, message.blocks_total = render.blocks_done, render.blocks_total
        elif failure := self._service.preparations.failure(download.id):
            message.state, message.failure = Download.STATE_FAILED, failure
        try:
            message.plan.CopyFrom(from_plan(plan or await self._service.planned(download)))
        except Overloaded:
            raise
        except DownloadError:  # the image changed, or cannot be read any more
            pass
        return message


def _message(download: Registered) -> Download:
    message = Download(
        name=f"downloads/{download.id}", filename=download.filename, mime_type=download.mime_type, etag=download.etag
    )
    message.expire_time.FromDatetime(download.expire_time)
    return message
