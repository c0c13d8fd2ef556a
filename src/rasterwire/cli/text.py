"""Texts made safe for a terminal."""

import sys

from rich.console import Console

_LEAST_WIDTH = 40
"""Characters of a table, also on a narrower terminal: with fewer, its columns would have no room at all."""


def printable(text: str) -> str:
    """Return text with control characters spelt out, since names come from files and from servers.

    >>> printable("B3\\x1b[2J\\n")
    'B3\\\\x1b[2J\\\\n'
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def console() -> Console:
    """Return where tables go: as wide as the terminal, and as wide as they are where there is none."""
    if not sys.stdout.isatty():
        return Console(width=100_000, soft_wrap=True)
    terminal = Console()
    terminal.width = max(terminal.width, _LEAST_WIDTH)
    return terminal
