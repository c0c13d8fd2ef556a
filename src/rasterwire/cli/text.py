"""Texts made safe for a terminal."""

import sys

from rich.console import Console


def printable(text: str) -> str:
    """Return text with control characters spelt out, since names come from files and from servers.

    >>> printable("B3\\x1b[2J\\n")
    'B3\\\\x1b[2J\\\\n'
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def console() -> Console:
    """Return where tables go: as wide as the terminal, and as wide as they are where there is none."""
    return Console() if sys.stdout.isatty() else Console(width=100_000, soft_wrap=True)
