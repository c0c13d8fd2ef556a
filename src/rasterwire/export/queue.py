"""The exports of a server, as those see them who ask for one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

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
        limits: of an export.
        wake: has this process look for what is new, or cancelled, at once.
    """

    jobs: JobStore
    destinations: Mapping[str, DestinationSettings]
    limits: Limits
    wake: Callable[[], None]
