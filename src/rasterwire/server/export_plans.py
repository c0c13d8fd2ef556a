"""Exports that were asked for before, planned again by who works at them. It blocks on files."""

from collections.abc import Mapping

from google.protobuf import json_format

from rasterwire.budget import Budget, spending
from rasterwire.download import Downloads
from rasterwire.errors import DownloadConflict, TenantUnknown, invalid
from rasterwire.export.job import ExportJob
from rasterwire.export.provenance import provenance_json, stac_item_json
from rasterwire.export.settings import DestinationSettings
from rasterwire.server.identity.tenant_table import TenantTable
from rasterwire.server.messages.parsed_request import ParsedRequest
from rasterwire.server.planning import plan_request
from rasterwire.store.jobs import ExportRecord
from rasterwire.turns import Caller
from rasterwire.v1.export_service_pb2 import ExportParams

__all__ = ["planned_again"]


def planned_again(
    downloads: Downloads, tenants: TenantTable, destinations: Mapping[str, DestinationSettings], record: ExportRecord
) -> ExportJob:
    """Return what an export makes, as its tenant sees the catalog now.

    Args:
        downloads: of all tenants, with the limits of exports.
        tenants: of the server.
        destinations: by their names, as the settings have them now.
        record: the export.

    Raises:
        TenantUnknown: the tenant is no more.
        DownloadConflict: the image changed since the export was asked for.
        InvalidRequest: the tenant may not export there any more; or see ``plan_request``.
        InvalidExpression, ImageNotFound, SourceUnavailable: see ``plan_request``.
    """
    owner = tenants.get(record.tenant)
    if owner is None:
        raise TenantUnknown
    destination = destinations.get(record.destination)
    if destination is None or not destination.is_for(record.tenant):
        problem = f"{record.destination!r} is not for this tenant any more; ask for an export to another destination"
        raise invalid("destination", "DESTINATION_UNKNOWN", problem)
    params = ExportParams.FromString(record.payload)
    with spending(Budget()):
        plan = plan_request(downloads.seen_by(owner), ParsedRequest(params.download))
    if plan.etag != record.etag:
        raise DownloadConflict("download: the image changed since the export was asked for; ask for it again")
    job = ExportJob(
        plan=plan,
        prefix=record.prefix,
        file_side=params.file_side,
        overwrite=params.overwrite,
        caller=Caller(owner.tenant, f"exports/{record.id}", owner.weight),
        params=json_format.MessageToDict(params),
    )
    for document in (provenance_json, stac_item_json):
        document(record, job, ())  # what cannot be told of an export fails before its pixels, not after them
    return job
