"""All errors, as one tree.

    DownloadError
        InvalidRequest        the request can never be served in this form
        InvalidExpression     a function of an expression cannot be called this way
        ImageNotFound         no image of that id
        SourceUnavailable     a raster of the image cannot be opened or read
          CatalogUnavailable  a catalog cannot be reached or read
        CredentialsMissing    the caller does not say who it is
        CredentialsInvalid    what the caller shows is not, or no longer, valid
        TenantUnknown         the caller is recognised, and is no tenant of this server
        IdentityUnavailable   callers cannot be recognised now; retry later
        QuotaExceeded         the tenant took as much as it may
        DownloadNotFound      no such download, or not with this token, or expired
        AddressUnknown        no door of the HTTP server
        DownloadConflict      the download cannot be continued as requested
        ExportsNotSet         the server has no place to export to
        ExportNotFound        no such export
        OffsetOutOfRange      a read begins past the end of the file
        DiskFull              no space for a file that the server has to write
        StorageUnavailable    the server cannot reach its own files; retry later
        WorkersUnavailable    the processes that render cannot be reached; retry later
        Overloaded            the server is too busy; retry later
        RenderCancelled       no client waits for the render any more

Messages are for clients: they never contain a path of the server. Constructors take positional
arguments only, so that errors can be pickled between processes.
"""

from rasterwire.errors.base import DownloadError, InvalidRequest, Violation, Violations, invalid
from rasterwire.errors.callers import (
    CredentialsInvalid,
    CredentialsMissing,
    IdentityUnavailable,
    QuotaExceeded,
    TenantUnknown,
)
from rasterwire.errors.downloads import (
    AddressUnknown,
    DiskFull,
    DownloadConflict,
    DownloadNotFound,
    OffsetOutOfRange,
    Overloaded,
    RenderCancelled,
    StorageUnavailable,
    WorkersUnavailable,
)
from rasterwire.errors.exports import ExportNotFound, ExportsNotSet
from rasterwire.errors.images import (
    NO_BANDS,
    NULL_COMPUTED,
    CatalogUnavailable,
    ImageNotFound,
    InvalidExpression,
    SourceUnavailable,
)

__all__ = [
    "NO_BANDS",
    "NULL_COMPUTED",
    "AddressUnknown",
    "CatalogUnavailable",
    "CredentialsInvalid",
    "CredentialsMissing",
    "DiskFull",
    "DownloadConflict",
    "DownloadError",
    "DownloadNotFound",
    "ExportNotFound",
    "ExportsNotSet",
    "IdentityUnavailable",
    "ImageNotFound",
    "InvalidExpression",
    "InvalidRequest",
    "OffsetOutOfRange",
    "Overloaded",
    "QuotaExceeded",
    "RenderCancelled",
    "SourceUnavailable",
    "StorageUnavailable",
    "TenantUnknown",
    "Violation",
    "Violations",
    "WorkersUnavailable",
    "invalid",
]
