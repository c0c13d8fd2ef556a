"""Functions of Earth Engine that this server lists but does not implement: a call of one is refused."""

from importlib.resources import files

from rasterwire.expression.language.signature import parse_signature, table


def _enter() -> None:
    for text in (files(__package__) / "unbuilt.txt").read_text("utf-8").splitlines():
        table.enter(parse_signature(text), "Not implemented by this server.", call=None)


_enter()
