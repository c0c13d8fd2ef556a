"""Errors of downloads, and of a server that cannot serve one now."""

from rasterwire.errors.base import DownloadError

__all__ = [
    "AddressUnknown",
    "DiskFull",
    "DownloadConflict",
    "DownloadNotFound",
    "OffsetOutOfRange",
    "Overloaded",
    "RenderCancelled",
    "StorageUnavailable",
    "WorkersUnavailable",
]


class DownloadNotFound(DownloadError):
    """No such download for this caller; a wrong token looks the same as an unknown id.

    What to do: Create the download again.
    """

    reason = "DOWNLOAD_NOT_FOUND"

    def __str__(self) -> str:
        return "name: no download of this name and token, or it expired; create it again"


class AddressUnknown(DownloadError):
    """The HTTP server has no door at an address.

    What to do: Check the path and the method.
    """

    reason = "ADDRESS_UNKNOWN"

    def __init__(self, method: str, path: str) -> None:
        super().__init__(method, path)
        self.method = method
        self.path = path

    def __str__(self) -> str:
        return f"{self.method[:20]} {self.path[:100]}: not implemented by this server"


class DownloadConflict(DownloadError):
    """The request does not fit the existing file.

    What to do: Create the download again; its image has changed, or the request id belongs to another request.

    Attributes:
        problem: a sentence with the remedy.
    """

    reason = "DOWNLOAD_CONFLICT"

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem

    def __str__(self) -> str:
        return self.problem


class OffsetOutOfRange(DownloadError):
    """A read begins past the end of the file. Both numbers are bytes.

    What to do: Read from an offset within the size that the message names.
    """

    reason = "OFFSET_OUT_OF_RANGE"

    def __init__(self, offset: int, size: int) -> None:
        super().__init__(offset, size)
        self.offset = offset
        self.size = size

    def __str__(self) -> str:
        return f"read_offset: {self.offset} is past the end, the file has {self.size} bytes"

    @property
    def metadata(self) -> dict[str, str]:
        """The values in the message, for programs."""
        return {"read_offset": str(self.offset), "size_bytes": str(self.size)}


class DiskFull(DownloadError):
    """The server has no space for a file that it has to write.

    What to do: Ask the operator to free space on the disk of ``state_dir``, or to lower ``cache_bytes``.
    """

    reason = "DISK_FULL"

    def __str__(self) -> str:
        return "the server's disk is full; its operator has to make room, or give it a smaller cache"


class StorageUnavailable(DownloadError):
    """The server's own files cannot be reached now: they are locked, removed or unreadable.

    What to do: Try again after the time that the answer names.
    """

    reason = "STORAGE_UNAVAILABLE"
    retry_after = 2.0

    def __str__(self) -> str:
        return f"the server cannot reach its own files at the moment; come back in {self.retry_after:g} s"


class WorkersUnavailable(DownloadError):
    """The processes that render for the server cannot be reached now, or there are none.

    What to do: Try again after the time that the answer names; what was received is kept, and the download resumes.
    Where the message says what is wrong with them, tell the operator.

    Attributes:
        problem: what the operator has to mend, in a sentence; "" where it is not known.
    """

    reason = "WORKERS_UNAVAILABLE"
    retry_after = 5.0

    def __init__(self, problem: str = "") -> None:
        super().__init__(problem)
        self.problem = problem

    def __str__(self) -> str:
        subject = self.problem or "the server cannot reach its workers at the moment"
        return f"{subject}; come back in {self.retry_after:g} s"


class Overloaded(DownloadError):
    """The server is too busy.

    What to do: Try again after the time that the answer names; the Python client does so by itself.

    Attributes:
        retry_after: seconds after which to retry.
    """

    retry_after: float

    reason = "OVERLOADED"

    def __init__(self, retry_after: float) -> None:
        super().__init__(retry_after)
        self.retry_after = retry_after

    def __str__(self) -> str:
        return f"the server has as many renders as it takes; come back in {self.retry_after:g} s"


class RenderCancelled(DownloadError):
    """No client waits for the render any more, or the server stops.

    What to do: Ask again.
    """

    reason = "RENDER_CANCELLED"

    def __str__(self) -> str:
        return "the render was stopped before its end"
