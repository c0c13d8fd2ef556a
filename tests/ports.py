"""Ports for servers of the tests."""

import random
import socket

__all__ = ["free_port"]

_CHOSEN = range(15_000, 32_768)
"""Below those that systems give to connections, which would take one before the server of a test listens on it."""

_dice = random.SystemRandom()


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    for port in _dice.sample(_CHOSEN, 100):
        try:
            with socket.create_server(("127.0.0.1", port)):
                return port
        except OSError:  # somebody has it
            continue
    raise OSError("no port is free")
