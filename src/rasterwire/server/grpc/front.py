"""The gRPC front: each method converts, calls the service and maps errors."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager, closing
from functools import partial
from typing import Any, cast

import grpc
from google.protobuf.message import DecodeError, Message

from rasterwire.errors import CredentialsMissing, OffsetOutOfRange, invalid
from rasterwire.server.call_log import CallLog
from rasterwire.server.call_record import REQUEST_ID, answered_headers
from rasterwire.server.calls import UnaryCalls, check
from rasterwire.server.grpc.wire import with_data
from rasterwire.server.identity import Authenticator, Evidence
from rasterwire.server.messages.parsed_request import ParsedRequest
from rasterwire.server.messages.status import grpc_status, reason_of, with_trailers
from rasterwire.server.peer import peer, principal
from rasterwire.server.readers import Data
from rasterwire.server.service import Service
from rasterwire.v1 import catalog_service_pb2 as catalog_pb2
from rasterwire.v1 import catalog_service_pb2_grpc, download_pb2, download_service_pb2_grpc
from rasterwire.v1 import download_service_pb2 as service_pb2

_REQUEST_ID = REQUEST_ID.lower()

_DOWNLOADS = service_pb2.DESCRIPTOR.services_by_name["DownloadService"].full_name
_CATALOG = catalog_pb2.DESCRIPTOR.services_by_name["CatalogService"].full_name

_NAMES = "x509_common_name", "x509_subject_alternative_name"
"""What gRPC calls the names of a certificate."""

_READ = {"authorization", _REQUEST_ID, "traceparent", "tracestate"}
"""Metadata of a call that is looked at."""

Context = grpc.aio.ServicerContext[Any, Any]
Continuation = Callable[[grpc.HandlerCallDetails], Awaitable[Any]]


@asynccontextmanager
async def answering(
    service: str, authenticator: Authenticator, log: CallLog, context: Context, method: str, request: Message | None
) -> AsyncIterator[None]:
    """Recognise the caller, turn errors into statuses, and write one log line for each call.

    A request of None is no message; see ``WireBytes``.
    """
    began = time.perf_counter()
    peer.set(context.peer())
    principal.set(None)
    given = {key: str(value) for key, value in context.invocation_metadata() or () if key in _READ}
    call = log.begin("grpc", f"{service}/{method}", given)
    call.method = method
    answered = tuple((name.lower(), value) for name, value in answered_headers(call).items())
    context.set_trailing_metadata(answered)
    code = "OK"
    try:
        log.check()
        caller = await authenticator.identify(_evidence(context, given.get("authorization", "")))
        principal.set(caller)
        if caller is None:
            raise CredentialsMissing
        if request is None:
            message = "the bytes of the call are no message of this schema; make the client from the same version of it"
            raise invalid("", "NOT_A_MESSAGE", message)
        yield
    except grpc.aio.AbortError:
        raise
    except (GeneratorExit, asyncio.CancelledError):
        code = "CANCELLED"
        raise
    except Exception as error:  # noqa: BLE001 - status and log tell of it
        call.reason = reason_of(error)
        status = grpc_status(error, call.id)
        code = status.code.name
        await context.abort_with_status(with_trailers(status, *answered))
    finally:
        log.end(call, method, code, began)


def _evidence(context: Context, authorization: str) -> Evidence:
    """Return what a call shows; a certificate was found valid before."""
    connection = context.auth_context()
    names = [name.decode("utf-8", "replace") for key in _NAMES for name in connection.get(key, ())]
    return Evidence(authorization, tuple(names))


class WireBytes(grpc.aio.ServerInterceptor):
    """Between the messages of the fronts and the bytes of calls, where these are not to be protobuf's alone.

    Hands on None for bytes that are no message, so that they are refused as all else, where grpc would
    say UNKNOWN; and lets an answer be bytes, of a message that is written already.
    """

    async def intercept_service(self, continuation: Continuation, call: grpc.HandlerCallDetails) -> Any:
        """Return the handler of a call, with its own way to read a request and write an answer."""
        handler: Any = await continuation(call)
        if handler is None or not call.method.startswith("/rasterwire."):
            return handler

        def read(data: bytes) -> Message | None:
            try:
                return cast(Message, handler.request_deserializer(data))
            except DecodeError:
                return None

        def written(message: Message | bytes) -> bytes:
            return message if isinstance(message, bytes) else message.SerializeToString()

        return handler._replace(request_deserializer=read, response_serializer=written)


class DownloadFront(download_service_pb2_grpc.DownloadServiceServicer):
    """``rasterwire.v1.DownloadService``."""

    def __init__(self, service: Service, authenticator: Authenticator, log: CallLog) -> None:
        self._service = service
        self._answering = partial(answering, _DOWNLOADS, authenticator, log)
        self._calls = UnaryCalls(service)

    async def CreateDownload(
        self, request: service_pb2.CreateDownloadRequest, context: Context
    ) -> service_pb2.CreateDownloadResponse:
        async with self._answering(context, "CreateDownload", request):
            return await self._calls.create_download(ParsedRequest(request.params))
        raise AssertionError  # abort never returns

    async def PlanDownload(
        self, request: service_pb2.PlanDownloadRequest, context: Context
    ) -> service_pb2.PlanDownloadResponse:
        async with self._answering(context, "PlanDownload", request):
            return await self._calls.plan_download(ParsedRequest(request.params))
        raise AssertionError

    async def GetDownload(
        self, request: service_pb2.GetDownloadRequest, context: Context
    ) -> service_pb2.GetDownloadResponse:
        async with self._answering(context, "GetDownload", request):
            return await self._calls.get_download(request)
        raise AssertionError

    async def PrepareDownload(
        self, request: service_pb2.PrepareDownloadRequest, context: Context
    ) -> service_pb2.PrepareDownloadResponse:
        async with self._answering(context, "PrepareDownload", request):
            return await self._calls.prepare_download(request)
        raise AssertionError

    async def ListDownloads(
        self, request: service_pb2.ListDownloadsRequest, context: Context
    ) -> service_pb2.ListDownloadsResponse:
        async with self._answering(context, "ListDownloads", request):
            return await self._calls.list_downloads(request)
        raise AssertionError

    async def DeleteDownload(
        self, request: service_pb2.DeleteDownloadRequest, context: Context
    ) -> service_pb2.DeleteDownloadResponse:
        async with self._answering(context, "DeleteDownload", request):
            return await self._calls.delete_download(request)
        raise AssertionError

    async def GetLimits(self, request: service_pb2.GetLimitsRequest, context: Context) -> service_pb2.GetLimitsResponse:
        async with self._answering(context, "GetLimits", request):
            return await self._calls.get_limits(request)
        raise AssertionError

    async def ReadDownload(  # type: ignore[override] # bytes are a message that is written already
        self, request: service_pb2.ReadDownloadRequest, context: Context
    ) -> AsyncIterator[service_pb2.ReadDownloadResponse | bytes]:
        async with self._answering(context, "ReadDownload", request):
            check(request)
            download = await self._service.find(request.name.removeprefix("downloads/"), request.token, request.etag)
            async with aclosing(self._service.deliver(download)) as steps:
                async for step in steps:
                    if isinstance(step, download_pb2.RenderProgress):
                        yield service_pb2.ReadDownloadResponse(chunk=download_pb2.DownloadChunk(progress=step))
                        continue
                    with closing(step):
                        if request.read_offset > step.info.size_bytes:
                            raise OffsetOutOfRange(request.read_offset, step.info.size_bytes)
                        make_piece = partial(with_data, service_pb2.ReadDownloadResponse())
                        part = request.read_offset, request.read_limit
                        async with aclosing(self._service.readers.chunks(step, *part, make_piece)) as chunks:
                            async for chunk in chunks:
                                yield chunk

    async def StreamDownload(  # type: ignore[override] # likewise
        self, request: service_pb2.StreamDownloadRequest, context: Context
    ) -> AsyncIterator[service_pb2.StreamDownloadResponse | bytes]:
        async with (
            self._answering(context, "StreamDownload", request),
            aclosing(self._service.stream(ParsedRequest(request.params))) as steps,
        ):
            async for plan, step in steps:
                if isinstance(step, download_pb2.RenderProgress):
                    yield service_pb2.StreamDownloadResponse(chunk=download_pb2.DownloadChunk(progress=step), plan=plan)
                    continue
                with closing(step):
                    async with aclosing(self._service.readers.chunks(step, 0, 0, partial(_streamed, plan))) as chunks:
                        async for chunk in chunks:
                            yield chunk


def _streamed(plan: download_pb2.DownloadPlan | None, chunk: download_pb2.DownloadChunk, data: Data) -> bytes:
    first = chunk.offset == 0
    return with_data(service_pb2.StreamDownloadResponse(plan=plan if first else None), chunk, data)


class CatalogFront(catalog_service_pb2_grpc.CatalogServiceServicer):
    """``rasterwire.v1.CatalogService``."""

    def __init__(self, service: Service, authenticator: Authenticator, log: CallLog) -> None:
        self._answering = partial(answering, _CATALOG, authenticator, log)
        self._calls = UnaryCalls(service)

    async def ListImages(
        self, request: catalog_pb2.ListImagesRequest, context: Context
    ) -> catalog_pb2.ListImagesResponse:
        async with self._answering(context, "ListImages", request):
            return await self._calls.list_images(request)
        raise AssertionError

    async def GetImage(self, request: catalog_pb2.GetImageRequest, context: Context) -> catalog_pb2.GetImageResponse:
        async with self._answering(context, "GetImage", request):
            return await self._calls.get_image(request)
        raise AssertionError

    async def ComputeHistogram(
        self, request: catalog_pb2.ComputeHistogramRequest, context: Context
    ) -> catalog_pb2.ComputeHistogramResponse:
        async with self._answering(context, "ComputeHistogram", request):
            return await self._calls.compute_histogram(request)
        raise AssertionError
