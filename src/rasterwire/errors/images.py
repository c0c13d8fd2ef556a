"""Errors of images, their files and their catalogs."""

from rasterwire.errors.base import DownloadError

__all__ = ["NO_BANDS", "NULL_COMPUTED", "CatalogUnavailable", "ImageNotFound", "InvalidExpression", "SourceUnavailable"]


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
