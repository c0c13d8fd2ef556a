"""Who asks: the connection that the call which is answered came by, and the tenant that it is answered for."""

from contextvars import ContextVar

from rasterwire.principal import Principal
from rasterwire.turns import Caller

peer: ContextVar[str] = ContextVar("peer", default="")
"""Address and port; set by the fronts for the task of each call."""

principal: ContextVar[Principal | None] = ContextVar("principal")
"""Whose call it is, None where the caller showed nothing; set likewise. What was forgotten to be set is refused."""


def caller() -> Caller:
    """Return with whom a call shares what there is too little of."""
    answered = principal.get(None)
    return Caller("", peer.get()) if answered is None else Caller(answered.tenant, peer.get(), answered.weight)
