"""An export as its driver gets it: what is made, and where it goes."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from rasterwire.export.failures import SceneFailures
from rasterwire.plan import RenderPlan
from rasterwire.plan.reading import reading
from rasterwire.store.jobs import ExportRecord
from rasterwire.turns import NOBODY, Caller

__all__ = ["ExportJob", "Replan"]


@dataclass(frozen=True, slots=True)
class ExportJob:
    """What is made of an export.

    Attributes:
        plan: of the pixels.
        prefix: of the names of all files.
        file_side: pixels along each side of a file; 0 for one file.
        overwrite: whether files that have these names may be replaced.
        caller: for whom it is made.
        params: the request as JSON, for the provenance.
    """

    plan: RenderPlan
    prefix: str
    file_side: int = 0
    overwrite: bool = False
    caller: Caller = NOBODY
    params: dict[str, Any] = field(default_factory=dict)

    def failures(self) -> SceneFailures:
        """Return what collects the images that cannot be read."""
        ids, _ = reading(self.plan)
        return SceneFailures(self.plan.image_id, max(1, len(ids)))


Replan = Callable[[ExportRecord], ExportJob]
"""Plans an export again, when it is begun or taken up again.

Raises:
    DownloadError: it cannot be made any more.
"""
