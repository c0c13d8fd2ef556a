"""Pieces of HTML for notebooks: every text is escaped, and colours are those of the page, light or dark."""

import base64
import html
from collections.abc import Iterable, Sequence

from rasterwire.client.thumbnails import Thumbnail

_SHOWN_LETTERS = 200
_SHOWN_ROWS = 30

_STYLE = """<style>
.rasterwire-repr{display:flex;flex-wrap:wrap;gap:1em;align-items:flex-start;margin:.4em 0}
.rasterwire-repr figure{margin:0}
.rasterwire-repr>div{flex:1 1 24em;min-width:0;overflow-x:auto}
.rasterwire-repr img{display:block;max-width:256px;height:auto;background:rgba(128,128,128,.18)}
.rasterwire-repr table{border-collapse:collapse;min-width:min(100%,34em);margin:0 0 .6em;color:inherit}
.rasterwire-repr caption{caption-side:top;text-align:left;font-weight:bold;color:inherit;overflow-wrap:anywhere}
.rasterwire-repr th,.rasterwire-repr td{text-align:left;vertical-align:top;padding:.15em .7em .15em 0;
border-bottom:1px solid rgba(128,128,128,.4);overflow-wrap:break-word;background:none;color:inherit}
</style>"""


def escaped(value: object) -> str:
    """Return a text as HTML shows it: escaped, without characters that steer, and cut where it is long.

    >>> escaped("<b>")
    '&lt;b&gt;'
    """
    text = str(value)
    if len(text) > _SHOWN_LETTERS:
        text = f"{text[:_SHOWN_LETTERS]}…"
    return html.escape("".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text))


def facts(caption: str, rows: Iterable[tuple[str, object]]) -> str:
    """Return a table of names and values; those that are empty are left out."""
    body = "".join(
        f'<tr><th scope="row">{escaped(name)}</th><td>{escaped(value)}</td></tr>'
        for name, value in rows
        if value not in ("", None)
    )
    return f"<table><caption>{escaped(caption)}</caption><tbody>{body}</tbody></table>"


def table(caption: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a table, "" where it has no rows; beyond some rows only their number is told."""
    if not rows:
        return ""
    head = "".join(f'<th scope="col">{escaped(column)}</th>' for column in columns)
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows[:_SHOWN_ROWS])
    rest = len(rows) - _SHOWN_ROWS
    if rest > 0:
        body += f'<tr><td colspan="{len(columns)}">and {rest} more</td></tr>'
    return f"<table><caption>{escaped(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def folded(summary: str, content: str) -> str:
    """Return content that is shown when its summary is chosen, "" where there is none."""
    return f"<details><summary>{escaped(summary)}</summary>{content}</details>" if content else ""


def block(parts: Iterable[str], picture: Thumbnail | None, subject: str) -> str:
    """Return all that a cell shows of a value.

    Args:
        parts: HTML.
        picture: of it, or None.
        subject: what the picture shows.
    """
    figure = ""
    if picture is not None:
        data = base64.b64encode(picture.png).decode("ascii")
        figure = (
            f'<figure><img src="data:image/png;base64,{data}" width="{picture.width}" height="{picture.height}" '
            f'alt="Thumbnail of {escaped(subject)}"></figure>'
        )
    return f'{_STYLE}<div class="rasterwire-repr">{figure}<div>{"".join(parts)}</div></div>'


def _cell(value: object) -> str:
    return f"<td>{escaped(value)}</td>"
