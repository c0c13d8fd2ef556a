"""Who a request is answered for, which images it may know of, and how much it may ask for."""

from collections.abc import Iterator
from dataclasses import dataclass, fields

__all__ = ["EVERYONE", "NO_QUOTA", "Principal", "Quota"]


@dataclass(frozen=True, slots=True)
class Quota:
    """How much a tenant may ask for; None for what has no limit. A day is one of UTC, at all servers together.

    Attributes:
        pixels_per_day: values of all bands that are rendered, or read from the cache.
        bytes_per_day: of files that are sent.
        concurrent_renders: that are under way at once in each worker of each server.
        stored_bytes: of the files of its registered downloads, at all servers together, by their estimated sizes.
        concurrent_exports: that wait or are written at once, at all servers together.
    """

    pixels_per_day: int | None = None
    bytes_per_day: int | None = None
    concurrent_renders: int | None = None
    stored_bytes: int | None = None
    concurrent_exports: int | None = None

    def limits(self) -> Iterator[tuple[str, int]]:
        """Yield the name and the value of each limit."""
        for field in fields(self):
            value = getattr(self, field.name)
            if value is not None:
                yield field.name, value


NO_QUOTA = Quota()
"""Of whom nothing is counted."""


@dataclass(frozen=True, slots=True)
class Principal:
    """A tenant that was recognised.

    Attributes:
        tenant: its name; "" where the server knows no tenants.
        prefixes: an image is visible whose id is one of these, or begins with one and a slash; "" stands for all.
        weight: of its share of a busy server; see ``turns``.
        quota: how much it may ask for.
    """

    tenant: str
    prefixes: tuple[str, ...]
    weight: int = 1
    quota: Quota = NO_QUOTA

    @property
    def sees_all(self) -> bool:
        """Whether every image is visible."""
        return "" in self.prefixes


EVERYONE = Principal("", ("",))
"""Whoever calls a server that knows no tenants."""
