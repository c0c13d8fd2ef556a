"""The attempt that a task is of."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from rasterwire.export.attempt import Attempt
from rasterwire.render.item_check import item_check

__all__ = ["Within"]


@dataclass(frozen=True, slots=True)
class Within:
    """The attempt that a task is of, as long as the task is in the process of that attempt."""

    attempt: Attempt | None = None

    def __reduce__(self) -> tuple[type["Within"], tuple[()]]:
        return Within, ()

    def task(self) -> AbstractContextManager[None]:
        """See ``Attempt.task``."""
        return nullcontext() if self.attempt is None else self.attempt.task()

    def check(self) -> None:
        """See ``Attempt.check``; elsewhere, whether the engine still wants the part."""
        if self.attempt is not None:
            self.attempt.check()
        else:
            item_check.get()()
