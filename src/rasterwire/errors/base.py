"""The base of all errors, and the violations of a request."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import ClassVar

__all__ = ["DownloadError", "InvalidRequest", "Violation", "Violations", "invalid"]


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
