"""The gRPC front of exports."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from functools import partial

from rasterwire.server.call_log import CallLog
from rasterwire.server.calls import UnaryCalls, check
from rasterwire.server.grpc.front import Context, answering
from rasterwire.server.identity import Authenticator
from rasterwire.server.messages.exports import parsed_export
from rasterwire.server.service import Service
from rasterwire.v1 import export_service_pb2 as export_pb2
from rasterwire.v1 import export_service_pb2_grpc

__all__ = ["ExportFront"]

_EXPORTS = export_pb2.DESCRIPTOR.services_by_name["ExportService"].full_name


class ExportFront(export_service_pb2_grpc.ExportServiceServicer):
    """``rasterwire.v1.ExportService``."""

    def __init__(self, service: Service, authenticator: Authenticator, log: CallLog) -> None:
        self._answering = partial(answering, _EXPORTS, authenticator, log)
        self._calls = UnaryCalls(service)

    async def CreateExport(
        self, request: export_pb2.CreateExportRequest, context: Context
    ) -> export_pb2.CreateExportResponse:
        async with self._answering(context, "CreateExport", request):
            return await self._calls.create_export(parsed_export(request.params))
        raise AssertionError  # abort never returns

    async def GetExport(self, request: export_pb2.GetExportRequest, context: Context) -> export_pb2.GetExportResponse:
        async with self._answering(context, "GetExport", request):
            return await self._calls.get_export(request)
        raise AssertionError

    async def ListExports(
        self, request: export_pb2.ListExportsRequest, context: Context
    ) -> export_pb2.ListExportsResponse:
        async with self._answering(context, "ListExports", request):
            return await self._calls.list_exports(request)
        raise AssertionError

    async def CancelExport(
        self, request: export_pb2.CancelExportRequest, context: Context
    ) -> export_pb2.CancelExportResponse:
        async with self._answering(context, "CancelExport", request):
            return await self._calls.cancel_export(request)
        raise AssertionError

    async def WatchExport(
        self, request: export_pb2.WatchExportRequest, context: Context
    ) -> AsyncIterator[export_pb2.WatchExportResponse]:
        async with self._answering(context, "WatchExport", request):
            check(request)
            async with aclosing(self._calls.exports.watch(request.name)) as exports:
                async for export in exports:
                    yield export_pb2.WatchExportResponse(export=export)
