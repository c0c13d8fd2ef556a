"""One of several servers on the same ports: ``python -m rasterwire.server.process.worker ORDER``."""

import gc
import json
import os
import pickle
import signal
import sys
import threading

__all__ = ["main"]


def main(text: str) -> None:
    """Run a server until SIGTERM, or until its supervisor is gone.

    Args:
        text: the order of the supervisor, as JSON.
    """
    order = json.loads(text)
    threading.Thread(target=_end_with, args=(order["alive"],), name="supervisor", daemon=True).start()
    gc.disable()  # see the command
    from rasterwire.server.process.app import serve_as_worker

    settings = pickle.loads(os.pread(order["settings"], os.fstat(order["settings"]).st_size, 0))
    gc.freeze()
    gc.enable()
    serve_as_worker(settings, order["predecessors"], is_first=order["is_first"])


def _end_with(alive: int) -> None:
    """Stop where the supervisor was killed: the next one would take what this one is at for leftovers."""
    os.read(alive, 1)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main(sys.argv[1])
