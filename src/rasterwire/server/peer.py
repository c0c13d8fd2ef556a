"""Who asks: the connection that the call which is answered came by."""

from contextvars import ContextVar

peer: ContextVar[str] = ContextVar("peer", default="")
"""Address and port; set by the fronts for the task of each call."""
