"""All that is wrong with a request in one error: what the client cannot understand, and what the server refuses."""

from collections.abc import Sequence

from rasterwire.client.errors import FieldViolation, InvalidParams


def invalid_params(problems: Sequence[FieldViolation]) -> InvalidParams:
    """Return the error of a request with all that is wrong with it."""
    said = "; ".join(f"{p.field}: {p.description}" if p.field else p.description for p in problems)
    return InvalidParams(said, violations=tuple(problems))
