"""Markdown for generated pages."""

import re
from collections.abc import Sequence

_special = re.compile(r"([\\`*{}\[\]<>|]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9]))")


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table of cells that are Markdown already."""
    lines = [header, ["---"] * len(header), *rows]
    return "".join("| " + " | ".join(cell.replace("\n", " ") for cell in line) + " |\n" for line in lines)


def escaped(text: str) -> str:
    r"""Return Markdown that shows a text as it is.

    >>> escaped("a|b <c>")
    'a\\|b \\<c\\>'
    """
    return _special.sub(r"\\\1", text)


def prose(text: str) -> str:
    r"""Return Markdown of a docstring or a comment: code in backticks stays code, all else is shown as it is.

    >>> prose("``x*y`` of z*1")
    '`x*y` of z\\*1'
    """
    parts = re.split(r"(`+[^`]+`+)", text)
    return "".join(code(part.strip("`")) if index % 2 else escaped(part) for index, part in enumerate(parts))


def code(text: str) -> str:
    """Return a span of code that may stand in a table."""
    return "`" + text.replace("|", "\\|") + "`"


def number(value: float) -> str:
    """Return a number with commas; large powers of two are shown in binary units as well.

    >>> number(1 << 28), number(300.0)
    ('268,435,456 (256 Mi)', '300')
    """
    if not float(value).is_integer():
        return f"{value:g}"
    if value > 1e15:
        return f"{value:g}"
    text = f"{int(value):,}"
    for shift, unit in ((40, "Ti"), (30, "Gi"), (20, "Mi")):
        if value > 0 and value % (1 << shift) == 0:
            return f"{text} ({int(value) >> shift} {unit})"
    return text
