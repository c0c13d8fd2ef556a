"""The addresses of the schema's calls over HTTP."""

from dataclasses import dataclass

from google.protobuf.descriptor import MethodDescriptor

from rasterwire.v1 import catalog_service_pb2, download_service_pb2, export_service_pb2

SERVICES = (
    download_service_pb2.DESCRIPTOR.services_by_name["DownloadService"],
    catalog_service_pb2.DESCRIPTOR.services_by_name["CatalogService"],
    export_service_pb2.DESCRIPTOR.services_by_name["ExportService"],
)


@dataclass(frozen=True, slots=True)
class Route:
    """Where a call with one answer is served.

    Attributes:
        call: the name of the call in the schema.
        method: of HTTP.
        path: with the fields of the request in braces; a field in braces may hold slashes.
    """

    call: str
    method: str
    path: str

    @property
    def has_body(self) -> bool:
        """Whether the request is the field ``params`` as its body; else it is the path and the query."""
        return "params" in described(self.call).input_type.fields_by_name


ROUTES = (
    Route("CreateDownload", "POST", "/v1/downloads"),
    Route("PlanDownload", "POST", "/v1/downloads:plan"),
    Route("ListDownloads", "GET", "/v1/downloads"),
    Route("GetDownload", "GET", "/v1/downloads/{name}"),
    Route("DeleteDownload", "DELETE", "/v1/downloads/{name}"),
    Route("PrepareDownload", "POST", "/v1/downloads/{name}:prepare"),
    Route("GetLimits", "GET", "/v1/limits"),
    Route("ListImages", "GET", "/v1/images"),
    Route("ComputeHistogram", "GET", "/v1/images/{image}:histogram"),
    Route("GetImage", "GET", "/v1/images/{id}"),
    Route("CreateExport", "POST", "/v1/exports"),
    Route("ListExports", "GET", "/v1/exports"),
    Route("GetExport", "GET", "/v1/exports/{name}"),
    Route("CancelExport", "POST", "/v1/exports/{name}:cancel"),
)


def described(call: str) -> MethodDescriptor:
    """Return the description of a call by its name."""
    return next(service.methods_by_name[call] for service in SERVICES if call in service.methods_by_name)
