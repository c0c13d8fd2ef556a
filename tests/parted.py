"""Writes a file in parts, as an export does, in memory."""

from collections.abc import Sequence

from rasterwire.export.parted_cog import CogPart, PartedCog, PartWindow

__all__ = ["joined", "made_parts", "ready"]


def made_parts(cog: PartedCog, order: Sequence[PartWindow]) -> dict[int, CogPart]:
    """Make the parts of a file, each as soon as it can be made in some order; return them by their numbers."""
    made: dict[int, CogPart] = {}
    waiting = list(order)
    while waiting:
        part = ready(waiting, made)
        waiting.remove(part)
        made[part.number] = cog.task.merge(part, lambda n: made[n].reduced) if part.below else cog.task(part)
    return made


def ready(waiting: Sequence[PartWindow], made: dict[int, CogPart]) -> PartWindow:
    """Return the first part that can be made."""
    return next(part for part in waiting if made.keys() >= {*part.below})


def joined(cog: PartedCog, made: dict[int, CogPart]) -> bytes:
    """Return the file of parts."""
    head = cog.head({number: part.summary for number, part in made.items()}, lambda number: made[number].reduced)
    return b"".join([head, *(made[number].data for number in sorted(made))])
