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
        DownloadNotFound      no such download, or not with this token, or expired
        AddressUnknown        no door of the HTTP server
        DownloadConflict      the download cannot be continued as requested
        OffsetOutOfRange      a read begins past the end of the file
        DiskFull              no space for a file that the server has to write
        StorageUnavailable    the server cannot reach its own files; retry later
        Overloaded            the server is too busy; retry later
        RenderCancelled       no client waits for the render any more

Messages are for clients: they never contain a path of the server. Constructors take positional
arguments only, so that errors can be pickled between processes.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Violation:
    """One problem of a request.

    Attributes:
        field: path of the field in the request, such as ``bands[0].crs_transform``.
        reason: stable, UPPER_SNAKE_CASE.
        description: a sentence with the value and the remedy.
    """

    field: str
    reason: str
    description: str

    def __str__(self) -> str:
        return f"{self.field}: {self.description}" if self.field else self.description


class DownloadError(Exception):
    """Base of all errors of this package that are reported to clients."""

    reason: ClassVar[str] = "DOWNLOAD_ERROR"
    retry_after: float | None = None
    """Seconds after which a retry may succeed; None where that is unknown."""

    @property
    def metadata(self) -> dict[str, str]:
        """The dynamic parts of the message, for programs."""
        return {}


class InvalidRequest(DownloadError):
    """The request cannot be served; carries all its violations.

    What to do: Correct every field that the violations name, and send the request again.
    """

    reason = "INVALID_REQUEST"

    def __init__(self, violations: tuple[Violation, ...]) -> None:
        super().__init__(violations)
        self.violations = violations

    def __str__(self) -> str:
        return "; ".join(str(v) for v in self.violations)

    @property
    def metadata(self) -> dict[str, str]:
        """The values in the message, for programs."""
        return {"fields": ",".join(v.field for v in self.violations)}


def invalid(field: str, reason: str, description: str) -> InvalidRequest:
    """Return an error with one violation."""
    return InvalidRequest((Violation(field, reason, description),))


@dataclass(slots=True)
class Violations:
    """Collects violations, so that a client gets all of them at once."""

    items: list[Violation] = field(default_factory=list)

    def add(self, violation: Violation | None) -> None:
        """Add a violation; None adds nothing."""
        if violation is not None:
            self.items.append(violation)

    @contextmanager
    def catching(self) -> Iterator[None]:
        """Add the violations raised inside the block, and go on after it."""
        try:
            yield
        except InvalidRequest as error:
            self.items.extend(error.violations)

    def raise_if_any(self) -> None:
        """Raise one error with all violations, each once, in order."""
        if self.items:
            raise InvalidRequest(tuple(dict.fromkeys(self.items)))


NULL_COMPUTED = "It was computed, and is null: is a collection empty, a property not there, or no pixel valid?"
"""The end of messages about an argument that another function made null."""


NO_BANDS = "the image has no bands; is the collection that it was made of empty?"


class InvalidExpression(DownloadError):
    """An expression cannot be evaluated.

    What to do: Correct the call that the message names; metadata has its function.

    Attributes:
        problem: a sentence.
        function: the function that was called; empty where the graph itself is wrong.
    """

    reason = "INVALID_EXPRESSION"

    def __init__(self, problem: str, function: str = "") -> None:
        super().__init__(problem, function)
        self.problem = problem
        self.function = function

    def __str__(self) -> str:
        return f"{self.function}: {self.problem}" if self.function else self.problem

    @property
    def metadata(self) -> dict[str, str]:
        """The values in the message, for programs."""
        return {"function": self.function}

    @property
    def is_of_null(self) -> bool:
        """Whether a function got null from another one, such as one of an empty collection."""
        return self.problem.endswith(NULL_COMPUTED)


class ImageNotFound(DownloadError):
    """The catalog has no image of this id.

    What to do: Take an id from ``ListImages`` or ``rasterwire images``.

    Attributes:
        image_id: the id of the request.
        close: a similar id of the catalog, or "".
    """

    reason = "IMAGE_NOT_FOUND"

    def __init__(self, image_id: str, close: str = "") -> None:
        super().__init__(image_id, close)
        self.image_id = image_id
        self.close = close

    def __str__(self) -> str:
        return f"image: {self.problem}"

    @property
    def problem(self) -> str:
        """A sentence."""
        hint = f"did you mean {self.close!r}?" if self.close else "list the images to see which there are"
        return f"no image {self.image_id!r} in this catalog; {hint}"

    @property
    def metadata(self) -> dict[str, str]:
        """The values in the message, for programs."""
        return {"image": self.image_id}


class SourceUnavailable(DownloadError):
    """A raster of an image cannot be opened or read.

    What to do: Ask the operator to restore the file that the message describes.

    Attributes:
        image_id: the image; empty where it is unknown.
        band: the band; empty for all bands.
        problem: without a path.
    """

    reason = "SOURCE_UNAVAILABLE"

    def __init__(self, image_id: str, band: str, problem: str) -> None:
        super().__init__(image_id, band, problem)
        self.image_id = image_id
        self.band = band
        self.problem = problem

    @classmethod
    def of_file(cls, problem: str) -> "SourceUnavailable":
        """Return the error of a file, which names neither image nor band."""
        return cls("", "", problem)

    def __str__(self) -> str:
        suffix = f" of image {self.image_id!r}" if self.image_id else ""
        subject = f"band {self.band!r}{suffix}" if self.band else f"a raster{suffix}"
        return f"{subject} cannot be read: {self.problem}"

    @property
    def metadata(self) -> dict[str, str]:
        """The values in the message, for programs."""
        return {"image": self.image_id, "band": self.band}


class CatalogUnavailable(SourceUnavailable):
    """A catalog cannot be reached or read, so that it is not known which images it has.

    What to do: Ask again later; where it stays so, ask the operator. Images of other catalogs are served meanwhile.

    Attributes:
        problem: a sentence that says what it is about, without a path or an address.
        prefix: what the ids of its images begin with; empty where they have no prefix.
    """

    reason = "CATALOG_UNAVAILABLE"

    def __init__(self, problem: str, prefix: str = "") -> None:
        super().__init__("", "", problem)
        self.args = (problem, prefix)
        self.prefix = prefix

    def __str__(self) -> str:
        return f"{self.problem} (images under {self.prefix})" if self.prefix else self.problem

    @property
    def metadata(self) -> dict[str, str]:
        """The values in the message, for programs."""
        return {"prefix": self.prefix}


class CredentialsMissing(DownloadError):
    """The server answers known callers only, and this one does not say who it is.

    What to do: Send the header (or the gRPC metadata) ``authorization`` with ``Bearer`` and an API key or a token; the
    Python client takes ``api_key``. Where the server asks for certificates, use one.
    """

    reason = "CREDENTIALS_MISSING"

    def __str__(self) -> str:
        return "authorization: it is not set; send 'Bearer' and an API key or a token of this server"


class CredentialsInvalid(DownloadError):
    """The API key, the token or the certificate is not valid.

    What to do: Get a new one from the operator, or from who issues tokens.

    Attributes:
        problem: a sentence that tells nothing of other keys.
    """

    reason = "CREDENTIALS_INVALID"

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem

    def __str__(self) -> str:
        return f"authorization: {self.problem}"


class TenantUnknown(DownloadError):
    """The caller is recognised, but is no tenant of this server.

    What to do: Ask the operator to add the tenant to the settings.
    """

    reason = "TENANT_UNKNOWN"

    def __str__(self) -> str:
        return "authorization: the credentials are of no tenant of this server; ask its operator to add yours"


class IdentityUnavailable(DownloadError):
    """The server cannot get the keys by which tokens are checked.

    What to do: Try again after the time that the answer names; tell the operator if it lasts.
    """

    reason = "IDENTITY_UNAVAILABLE"
    retry_after = 5.0

    def __str__(self) -> str:
        return f"the server cannot check tokens at the moment; come back in {self.retry_after:g} s"


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
