"""Exports as Earth Engine's operations.

Source of the form: https://developers.google.com/earth-engine/reference/rest/v1/projects.operations
"""

from collections.abc import Sequence
from typing import Any

from google.rpc import code_pb2

from rasterwire.server.messages.status import STATUS
from rasterwire.v1.export_service_pb2 import Export

__all__ = ["operation_json"]

_TYPES = "type.googleapis.com/google.earthengine.v1"

_ENDED = {Export.STATE_SUCCEEDED, Export.STATE_FAILED, Export.STATE_CANCELLED}

_CODES: dict[str, int] = {
    **{error.reason: int(status.value[0]) for error, status in STATUS.items()},
    "FILE_EXISTS": code_pb2.ALREADY_EXISTS,
    "UPLOAD_GONE": code_pb2.ABORTED,
}
"""The number of google.rpc.Code for the reason of a failure."""


def operation_json(export: Export, project: str, ignored: Sequence[str] = ()) -> dict[str, Any]:
    """Return an export as an operation.

    Args:
        export: the export.
        project: such as ``projects/my-project``, which may have any name.
        ignored: sentences on what has no effect of the request.
    """
    metadata: dict[str, Any] = {
        "@type": f"{_TYPES}.OperationMetadata",
        "state": Export.State.Name(export.state).removeprefix("STATE_"),
        "type": "EXPORT_IMAGE",
        "description": export.description,
        "priority": export.priority,
        "attempt": export.attempt,
        "progress": _progress(export),
        "stages": [_stage(export)],
        "batchEecuUsageSeconds": _seconds(export),
    }
    for name, member in (
        ("create_time", "createTime"),
        ("start_time", "startTime"),
        ("update_time", "updateTime"),
        ("end_time", "endTime"),
    ):
        if export.HasField(name):  # type: ignore[arg-type]
            metadata[member] = getattr(export, name).ToJsonString()
    if export.state == Export.STATE_SUCCEEDED:
        keys = [file.key for file in export.files] or [export.prefix]
        metadata["destinationUris"] = [f"{export.destination}/{key}" for key in keys]
    if ignored:
        metadata["ignored"] = list(ignored)
    name = f"{project}/operations/{export.name.removeprefix('exports/')}"
    return {"name": name, "done": export.state in _ENDED, "metadata": metadata} | _outcome(export)


def _outcome(export: Export) -> dict[str, Any]:
    if export.state == Export.STATE_SUCCEEDED:
        return {"response": {"@type": f"{_TYPES}.ExportImageResponse"}}
    if export.state == Export.STATE_CANCELLED:
        return {"error": {"code": code_pb2.CANCELLED, "message": "Cancelled."}}
    if export.state == Export.STATE_FAILED:
        code = _CODES.get(export.failure.reason, code_pb2.INTERNAL)
        return {"error": {"code": code, "message": export.failure.message}}
    return {}


def _progress(export: Export) -> float:
    """Return the share of the parts that are done."""
    if export.state == Export.STATE_SUCCEEDED:
        return 1.0
    return round(min(export.parts_done / max(1, export.parts_total), 1.0), 4)


def _stage(export: Export) -> dict[str, Any]:
    return {
        "displayName": "Write parts",
        "description": f"{export.bytes_done} bytes are written",
        "completeWorkUnits": export.parts_done,
        "totalWorkUnits": str(export.parts_total),
    }


def _seconds(export: Export) -> float:
    """Return for how long an export was worked at; this server does not measure what Earth Engine charges for."""
    if not export.HasField("start_time"):
        return 0.0
    end = export.end_time if export.HasField("end_time") else export.update_time
    return round(max(0.0, (end.ToNanoseconds() - export.start_time.ToNanoseconds()) / 1e9), 3)
