"""Between messages of exports and their values."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from rasterwire.errors import InvalidExpression, Violation
from rasterwire.export.provenance import WrittenFile
from rasterwire.expression.language.graph import read_graph
from rasterwire.forms import fill_export
from rasterwire.server.messages.expression import parse_expression
from rasterwire.server.messages.parsed_request import ParsedRequest, with_graph
from rasterwire.store.jobs import ExportRecord
from rasterwire.v1 import download_pb2, export_service_pb2
from rasterwire.v1.export_service_pb2 import Export, ExportParams

__all__ = [
    "ParsedExport",
    "below_download",
    "from_record",
    "parsed_export",
    "read_export_request",
    "with_export_defaults",
]

_DOWNLOAD = "download."
"""What the paths of fields of the download begin with."""


@dataclass(frozen=True, slots=True)
class ParsedExport:
    """A request for an export, as a door has read it.

    Attributes:
        params: the message.
        download: what it is of.
        misfits: what could not be read of the other fields of a request that came as JSON.
    """

    params: ExportParams
    download: ParsedRequest
    misfits: tuple[Violation, ...] = field(default=())

    def message(self) -> ExportParams:
        """Return the message with the whole expression."""
        whole = ExportParams()
        whole.CopyFrom(self.params)
        whole.download.CopyFrom(self.download.message())
        return whole


def parsed_export(params: ExportParams) -> ParsedExport:
    """Return the request of a message."""
    return ParsedExport(params, ParsedRequest(params.download))


def read_export_request(document: Mapping[str, Any]) -> ParsedExport:
    """Return the request of a JSON object, in any form of ``rasterwire.forms``, with all of it that does not fit."""
    params = ExportParams()
    reading = fill_export(document, params)
    of_export, below = list[Violation](), list[Violation]()
    for misfit in reading.misfits:
        violation = Violation(*misfit)
        if violation.field.startswith(_DOWNLOAD):
            below.append(Violation(violation.field.removeprefix(_DOWNLOAD), violation.reason, violation.description))
        else:
            of_export.append(violation)
    download = ParsedRequest(params.download)
    if reading.expression is not None:
        try:
            download = with_graph(params.download, read_graph(parse_expression(reading.expression), as_message=True))
        except InvalidExpression as error:
            below.append(Violation("expression", "INVALID_EXPRESSION", str(error)))
    return ParsedExport(params, ParsedRequest(download.params, download.graph, tuple(below)), tuple(of_export))


def below_download(violation: Violation) -> Violation:
    """Return a violation of the download as one of the export."""
    return Violation(_DOWNLOAD + violation.field, violation.reason, violation.description)


def from_record(record: ExportRecord, seconds_left: float | None, files: Sequence[WrittenFile] = ()) -> Export:
    """Return the message of an export.

    Args:
        record: the export.
        seconds_left: that it is expected to take still; None where that is unknown.
        files: that it has written.
    """
    message = Export(
        name=f"exports/{record.id}",
        state=Export.State.Value(f"STATE_{record.state.value}"),
        description=record.description,
        destination=record.destination,
        prefix=record.prefix,
        priority=record.priority,
        attempt=record.attempt,
        pixels=record.pixels,
        source_bytes=record.source_bytes,
        parts_total=record.parts_total,
        parts_done=record.parts_done,
        bytes_done=record.bytes_done,
        etag=record.etag,
        files=[
            export_service_pb2.ExportedFile(key=file.key, size_bytes=file.size, crc32c=f"{file.crc32c:08x}")
            for file in files
        ],
    )
    for name in ("create_time", "start_time", "update_time", "end_time"):
        if (time := getattr(record, name)) is not None:
            stamp: Timestamp = getattr(message, name)
            stamp.FromDatetime(time)
    if seconds_left is not None:
        message.estimated_duration.FromTimedelta(timedelta(seconds=round(seconds_left, 1)))
    if record.failure and record.end_time is not None:
        failure = json.loads(record.failure)
        message.failure.reason, message.failure.message = failure["reason"], failure["message"]
        message.failure.scenes.extend(export_service_pb2.FailedScene(**scene) for scene in failure["scenes"])
        message.failure.scene_count = failure.get("count", len(failure["scenes"]))
    return message


def with_export_defaults(params: download_pb2.DownloadParams, *, is_one_file: bool) -> None:
    """Set what the files of exports are where the request does not say it."""
    if params.format == download_pb2.FORMAT_UNSPECIFIED:
        params.format = download_pb2.FORMAT_GEO_TIFF
    params.cloud_optimized |= is_one_file and params.format == download_pb2.FORMAT_GEO_TIFF
    params.request_id = ""
