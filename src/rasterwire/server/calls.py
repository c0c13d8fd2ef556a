"""The calls of the schema that have one answer: the same for gRPC and for HTTP."""

from collections.abc import Sequence
from functools import partial

from google.protobuf.message import Message

from rasterwire.errors import InvalidRequest, Violation, Violations
from rasterwire.forms import unaffected
from rasterwire.geo.region import MAX_VERTICES
from rasterwire.server.call_record import note_image
from rasterwire.server.exports import Exports
from rasterwire.server.messages import convert
from rasterwire.server.messages.exports import ParsedExport
from rasterwire.server.messages.listing import list_images
from rasterwire.server.messages.parsed_request import ParsedRequest
from rasterwire.server.messages.region import read_region
from rasterwire.server.messages.validate import violations
from rasterwire.server.messages.visualization import from_histogram
from rasterwire.server.readers import CHUNK
from rasterwire.server.registered_downloads import RegisteredDownloads
from rasterwire.server.service import Service
from rasterwire.v1 import catalog_service_pb2 as catalog_pb2
from rasterwire.v1 import download_service_pb2 as service_pb2
from rasterwire.v1 import export_service_pb2 as export_pb2

_BUCKETS, _PERCENTS = 256, (2.0, 98.0)
"""Of histograms, by default; see the schema."""


class UnaryCalls:
    """Answers requests, one method a call.

    Each takes a request, and what could not be read of it where it came as JSON: it is refused for that, and for all
    else that is wrong, at once.

    Attributes:
        exports: behind the calls about them.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._registered = RegisteredDownloads(service)
        self.exports = Exports(service)

    async def create_download(self, request: ParsedRequest) -> service_pb2.CreateDownloadResponse:
        """Answer ``CreateDownload``."""
        return await self._service.create(request)

    async def plan_download(self, request: ParsedRequest) -> service_pb2.PlanDownloadResponse:
        """Answer ``PlanDownload``."""
        return service_pb2.PlanDownloadResponse(plan=convert.from_plan(await self._service.plan(request)))

    async def get_limits(
        self, request: service_pb2.GetLimitsRequest, misfits: Sequence[Violation] = ()
    ) -> service_pb2.GetLimitsResponse:
        """Answer ``GetLimits``."""
        check(request, misfits)
        downloads = self._service.downloads
        limits = downloads.limits
        answer = service_pb2.GetLimitsResponse(
            max_pixels_per_side=limits.max_side,
            max_uncompressed_bytes=limits.max_bytes,
            max_bands=limits.max_bands,
            max_region_vertices=MAX_VERTICES,
            chunk_bytes=CHUNK,
        )
        answer.download_ttl.FromTimedelta(downloads.lifetime)
        for standing in await self._service.quotas.asked_standings():
            quota = answer.quotas.add(name=standing.quota, limit=standing.limit, used=standing.used or 0)
            if standing.reset is not None:
                quota.reset_time.FromDatetime(standing.reset)
        return answer

    async def get_download(
        self, request: service_pb2.GetDownloadRequest, misfits: Sequence[Violation] = ()
    ) -> service_pb2.GetDownloadResponse:
        """Answer ``GetDownload``."""
        check(request, misfits)
        return service_pb2.GetDownloadResponse(download=await self._registered.get(request))

    async def prepare_download(
        self, request: service_pb2.PrepareDownloadRequest, misfits: Sequence[Violation] = ()
    ) -> service_pb2.PrepareDownloadResponse:
        """Answer ``PrepareDownload``."""
        check(request, misfits)
        return service_pb2.PrepareDownloadResponse(download=await self._registered.prepare(request))

    async def list_downloads(
        self, request: service_pb2.ListDownloadsRequest, misfits: Sequence[Violation] = ()
    ) -> service_pb2.ListDownloadsResponse:
        """Answer ``ListDownloads``."""
        check(request, misfits)
        return await self._registered.list(request)

    async def delete_download(
        self, request: service_pb2.DeleteDownloadRequest, misfits: Sequence[Violation] = ()
    ) -> service_pb2.DeleteDownloadResponse:
        """Answer ``DeleteDownload``."""
        check(request, misfits)
        await self._registered.delete(request)
        return service_pb2.DeleteDownloadResponse()

    async def list_images(
        self, request: catalog_pb2.ListImagesRequest, misfits: Sequence[Violation] = ()
    ) -> catalog_pb2.ListImagesResponse:
        """Answer ``ListImages``."""
        check(request, misfits)
        catalog = self._service.downloads.catalog
        return await self._service.looked_up(lambda: list_images(catalog, request))

    async def get_image(
        self, request: catalog_pb2.GetImageRequest, misfits: Sequence[Violation] = ()
    ) -> catalog_pb2.GetImageResponse:
        """Answer ``GetImage``."""
        check(request, misfits)
        note_image(request.id)
        downloads = self._service.downloads
        image = await self._service.run(lambda: downloads.image(request.id))
        return catalog_pb2.GetImageResponse(image=convert.from_image(image))

    async def compute_histogram(
        self, request: catalog_pb2.ComputeHistogramRequest, misfits: Sequence[Violation] = ()
    ) -> catalog_pb2.ComputeHistogramResponse:
        """Answer ``ComputeHistogram``."""
        problems = Violations([*misfits, *unaffected(misfits, violations(request))])
        region = None
        if request.HasField("region"):
            with problems.catching():
                region = read_region(request.region)
        problems.raise_if_any()
        note_image(request.image)
        buckets, percents = request.buckets or _BUCKETS, tuple(request.percents) or _PERCENTS
        work = partial(self._service.downloads.histograms, request.image, request.bands, region)
        bands = await self._service.compute(lambda: work(buckets, percents))
        return catalog_pb2.ComputeHistogramResponse(bands=map(from_histogram, bands))

    async def create_export(self, request: ParsedExport) -> export_pb2.CreateExportResponse:
        """Answer ``CreateExport``."""
        return await self.exports.create(request)

    async def get_export(
        self, request: export_pb2.GetExportRequest, misfits: Sequence[Violation] = ()
    ) -> export_pb2.GetExportResponse:
        """Answer ``GetExport``."""
        check(request, misfits)
        return export_pb2.GetExportResponse(export=await self.exports.get(request.name))

    async def list_exports(
        self, request: export_pb2.ListExportsRequest, misfits: Sequence[Violation] = ()
    ) -> export_pb2.ListExportsResponse:
        """Answer ``ListExports``."""
        check(request, misfits)
        return await self.exports.list(request)

    async def cancel_export(
        self, request: export_pb2.CancelExportRequest, misfits: Sequence[Violation] = ()
    ) -> export_pb2.CancelExportResponse:
        """Answer ``CancelExport``."""
        check(request, misfits)
        return export_pb2.CancelExportResponse(export=await self.exports.cancel(request.name))


def check(request: Message, misfits: Sequence[Violation] = ()) -> None:
    """Refuse a request that breaks the rules of the schema, or could not be read in full.

    Raises:
        InvalidRequest: with all that is wrong.
    """
    problems = [*misfits, *unaffected(misfits, violations(request))]
    if problems:
        raise InvalidRequest(tuple(problems))
