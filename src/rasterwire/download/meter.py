"""What is counted of renders; whoever counts it knows how."""

from typing import Protocol

__all__ = ["NO_METER", "Meter"]


class Meter(Protocol):
    """Is told what happens, by whichever thread it happens in."""

    def note_wait(self, work: str, seconds: float) -> None:
        """Say how long a piece of work waited for its turn.

        Args:
            work: name of the threads that it waited for.
            seconds: from when it was handed in.
        """
        ...

    def note_render(self, pixels: int, source_bytes: int) -> None:
        """Say that a file was rendered.

        Args:
            pixels: values of all its bands.
            source_bytes: see ``RenderPlan``.
        """
        ...

    def note_blocks(self, path: str, count: int) -> None:
        """Say how many blocks were made, and how: ``rendered``, from ``stored`` tiles, or in ``parts``."""
        ...

    def note_lookup(self, *, is_found: bool) -> None:
        """Say whether a file that somebody wants was rendered before."""
        ...

    def note_takeover(self) -> None:
        """Say that a render is done here whose server died or stood still."""
        ...

    def note_export(self, state: str) -> None:
        """Say that an export has come to a state: ``running`` once for each attempt, or one that it ends in."""
        ...

    def note_export_part(self, size: int) -> None:
        """Say that a part of an export of so many bytes was written."""
        ...


class _NoMeter:
    """Counts nothing."""

    def note_wait(self, work: str, seconds: float) -> None:
        """See ``Meter``."""

    def note_render(self, pixels: int, source_bytes: int) -> None:
        """See ``Meter``."""

    def note_blocks(self, path: str, count: int) -> None:
        """See ``Meter``."""

    def note_lookup(self, *, is_found: bool) -> None:
        """See ``Meter``."""

    def note_takeover(self) -> None:
        """See ``Meter``."""

    def note_export(self, state: str) -> None:
        """See ``Meter``."""

    def note_export_part(self, size: int) -> None:
        """See ``Meter``."""


NO_METER: Meter = _NoMeter()
