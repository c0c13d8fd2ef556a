"""Functions that this server knows and has not built: clients can name them, and are told so."""

from importlib.resources import files

from rasterwire.expression.language.signature import parse_signature, table


def _enter() -> None:
    for text in (files(__package__) / "unbuilt.txt").read_text("utf-8").splitlines():
        table.enter(parse_signature(text), "Not implemented by this server.", None)


_enter()
