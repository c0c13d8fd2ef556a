"""The exports of a server, as those see them who ask for one."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from rasterwire.export.destination import Destination
from rasterwire.export.settings import DestinationSettings
from rasterwire.plan import Limits
from rasterwire.store.jobs import JobStore

__all__ = ["ExportQueue"]


@dataclass(frozen=True, slots=True)
class ExportQueue:
    """Where exports are asked for.

    Attributes:
        jobs: that were asked for.
        destinations: by their names.
        stores: these, as they are written to, by the same names.
        catalogs: of each name, what the ids of images begin with that are served from there; none outside of catalogs.
        limits: of an export.
        wake: has this process look for what is new, or cancelled, at once.
    """

    jobs: JobStore
    destinations: Mapping[str, DestinationSettings]
    stores: Mapping[str, Destination]
    catalogs: Mapping[str, Sequence[str]]
    limits: Limits
    wake: Callable[[], None]
