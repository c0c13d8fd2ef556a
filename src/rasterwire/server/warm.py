"""Compiled loops, made before a request needs them."""

import asyncio
import contextlib
import fcntl
import logging
import os
import sys
from pathlib import Path

from rasterwire import decoded_tile
from rasterwire.expression import loops, rank
from rasterwire.render import kernels, means

_log = logging.getLogger("rasterwire.server")


async def warm_up(turn: Path | None = None) -> None:
    """Compile the loops for the usual types, or load what was compiled, so that no request waits for it.

    Args:
        turn: a file to hold while another process compiles, since a compiler leaves 180 MB behind, and many at
            once would all make the same; None compiles in this process.
    """
    if turn is not None:
        try:
            await _compiled_apart(turn)
        except OSError as error:
            _log.warning("no other process can compile, so this one does: %s", error.strerror)
    await asyncio.to_thread(_load)
    _log.info("compiled loops are loaded")


async def _compiled_apart(turn: Path) -> None:
    # of a session of its own, where Ctrl-C is not for it
    command = sys.executable, "-P", "-m", __name__, str(turn)
    compiler = await asyncio.create_subprocess_exec(*command, start_new_session=True)
    try:
        if await compiler.wait():
            _log.warning("the process that compiles ended with %s", compiler.returncode)
    finally:
        if compiler.returncode is None:
            compiler.kill()
            await compiler.wait()


def _load() -> None:
    for module in (kernels, means, decoded_tile, loops, rank):
        module.warm_up()


def main(turn: Path) -> None:
    """Compile, for more types than a server loads before they are wanted."""
    os.nice(19)  # requests come first
    with contextlib.suppress(OSError), turn.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        _load()
        rank.compile_all()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
