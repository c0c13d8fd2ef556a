"""The Python client: knows the wire, and nothing of the server."""

from rasterwire.client.aio import AsyncClient
from rasterwire.client.authorization import tls
from rasterwire.client.created import Created
from rasterwire.client.errors import (
    CorruptData,
    DownloadFailed,
    ExportFailed,
    FieldViolation,
    Interrupted,
    InvalidParams,
    NotFound,
)
from rasterwire.client.exports import ExportOptions, PlannedExport
from rasterwire.client.sync import Client
from rasterwire.client.transfer import Downloaded, RetryPolicy

__all__ = [
    "AsyncClient",
    "Client",
    "CorruptData",
    "Created",
    "DownloadFailed",
    "Downloaded",
    "ExportFailed",
    "ExportOptions",
    "FieldViolation",
    "Interrupted",
    "InvalidParams",
    "NotFound",
    "PlannedExport",
    "RetryPolicy",
    "tls",
]
