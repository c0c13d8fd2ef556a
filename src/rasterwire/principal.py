"""Who a request is answered for, and which images it may know of."""

from dataclasses import dataclass

__all__ = ["EVERYONE", "Principal"]


@dataclass(frozen=True, slots=True)
class Principal:
    """A tenant that was recognised.

    Attributes:
        tenant: its name; "" where the server knows no tenants.
        prefixes: an image is visible whose id is one of these, or begins with one and a slash; "" stands for all.
        weight: of its share of a busy server; see ``turns``.
    """

    tenant: str
    prefixes: tuple[str, ...]
    weight: int = 1

    @property
    def sees_all(self) -> bool:
        """Whether every image is visible."""
        return "" in self.prefixes


EVERYONE = Principal("", ("",))
"""Whoever calls a server that knows no tenants."""
