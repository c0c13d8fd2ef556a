"""Earth Engine's batch tasks: images are exported by jobs of this server, which are operations here."""

import re
from typing import Any

from aiohttp import web

from rasterwire.errors import ExportNotFound, ExportsNotSet, InvalidRequest, invalid
from rasterwire.server.earth_engine.batch_places import catalog_destinations
from rasterwire.server.earth_engine.batch_requests import BatchExport, BatchReader
from rasterwire.server.earth_engine.call import EarthEngineCall, Route
from rasterwire.server.earth_engine.operations import operation_json
from rasterwire.server.exports import Exports
from rasterwire.server.peer import principal
from rasterwire.server.service import Service
from rasterwire.server.settings import Settings
from rasterwire.v1 import export_service_pb2

__all__ = ["BatchDoors"]

_MAX_PAGE = 500
"""Operations of a page, and those of one whose size is not said."""

_PROJECT = r"v1/(?P<project>projects/[^/:]+)"


class BatchDoors:
    """Answers what clients ask of batch tasks."""

    def __init__(self, service: Service, settings: Settings) -> None:
        self._service = service
        self._exports = Exports(service)
        self._destinations = settings.export.destinations
        self._asset_places = catalog_destinations(self._destinations, settings.folders)

    @property
    def routes(self) -> list[Route]:
        """The addresses of these doors."""
        return [
            ("POST", re.compile(rf"{_PROJECT}/image:export"), self._export_image),
            (
                "POST",
                re.compile(rf"{_PROJECT}/(?P<kind>table|video|map|videoMap|classifier):export"),
                self._export_other,
            ),
            ("GET", re.compile(rf"{_PROJECT}/operations"), self._list_operations),
            ("GET", re.compile(rf"{_PROJECT}/operations/(?P<key>[^/:]+)"), self._get_operation),
            ("POST", re.compile(rf"{_PROJECT}/operations/(?P<key>[^/:]+):cancel"), self._cancel_operation),
        ]

    async def _export_image(self, call: EarthEngineCall) -> web.Response:
        self._service.check_caller()
        caller = principal.get()
        tenant = "" if caller is None else caller.tenant
        names = [place.name for place in self._destinations if place.is_for(tenant)]
        if not self._destinations:
            raise ExportsNotSet
        reader = BatchReader(names, self._asset_places, tenant)
        request = await self._service.run(lambda: reader.read(call.json()))
        return web.json_response(await self._created(request, call.match["project"]))

    async def _created(self, request: BatchExport, project: str) -> dict[str, Any]:
        try:
            created = await self._exports.create(request.export)
        except InvalidRequest as error:
            raise request.in_its_words(error) from None
        ignored = [f"{item.field} has no effect: {item.reason}" for item in created.plan.ignored]
        return operation_json(created.export, project, [*request.ignored, *ignored])

    async def _export_other(self, call: EarthEngineCall) -> web.Response:
        kind = call.match["kind"]
        raise invalid("", "EXPORT_UNSUPPORTED", f"{kind}:export: not implemented by this server; it exports images")

    async def _list_operations(self, call: EarthEngineCall) -> web.Response:
        query = call.query
        size = query.get("pageSize") or "0"
        if not re.fullmatch(r"\d{1,9}", size, re.ASCII):
            raise invalid("pageSize", "NOT_A_NUMBER", f"{size[:20]!r} is no number")
        if query.get("filter"):
            raise invalid("filter", "FILTER_UNSUPPORTED", "operations are not filtered; leave it out")
        wanted = export_service_pb2.ListExportsRequest(
            page_size=min(int(size) or _MAX_PAGE, _MAX_PAGE), page_token=query.get("pageToken", "")
        )
        try:
            page = await self._exports.list(wanted)
        except ExportsNotSet:
            return web.json_response({})
        except InvalidRequest as error:
            description = error.violations[0].description
            raise invalid("pageToken", error.violations[0].reason, description) from None
        project = call.match["project"]
        answer: dict[str, Any] = {"operations": [operation_json(export, project) for export in page.exports]}
        if page.next_page_token:
            answer["nextPageToken"] = page.next_page_token
        return web.json_response(answer)

    async def _get_operation(self, call: EarthEngineCall) -> web.Response:
        try:
            export = await self._exports.get(f"exports/{call.match['key']}")
        except ExportsNotSet:
            raise ExportNotFound from None
        return web.json_response(operation_json(export, call.match["project"]))

    async def _cancel_operation(self, call: EarthEngineCall) -> web.Response:
        try:
            await self._exports.cancel(f"exports/{call.match['key']}")
        except ExportsNotSet:
            raise ExportNotFound from None
        return web.json_response({})
