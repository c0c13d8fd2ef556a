"""Compiled loops, made before a request needs them."""

import asyncio
import contextlib
import fcntl
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from rasterwire import compiled
from rasterwire.expression.functions.image import distance
from rasterwire.files import decoded_tile, lzw
from rasterwire.nodes import loops, rank
from rasterwire.render import area_kernels, kernels, mean_kernels
from rasterwire.server.process.memory import return_memory

_log = logging.getLogger("rasterwire.server")

_shares = (mean_kernels, kernels, decoded_tile, lzw, loops, distance), (area_kernels, rank)
"""What one of the processes compiles: all types of a function in the same one, since numba keeps an index of them."""

STEPS = sum(map(len, _shares))
"""Lines that ``compile_all`` yields."""

_module_name = __spec__.name
"""Of this module, also where it runs as ``__main__``, which no process could be started by."""

_NICE = 10
"""Requests come first; at 19 a busy machine would not compile at all."""


async def warm_up(turn: Path | None = None) -> None:
    """Compile the loops for all types, or load what was compiled, so that no request waits for it.

    Args:
        turn: a file to hold while other processes compile, since a compiler leaves 180 MB behind, and many at
            once would all make the same; twins of the loops serve meanwhile. None compiles in this process.
    """
    stop = threading.Event()
    try:
        if turn is not None and not compiled.are_cached():
            compiled.run_twins(True)
            _log.info("loops are being compiled; until then slower ones of NumPy serve, with equal pixels")
            await _compiled_apart(turn)
        await asyncio.to_thread(_load, stop)
    finally:
        stop.set()
        compiled.run_twins(False)
    _log.info("compiled loops are loaded")


async def _compiled_apart(turn: Path) -> None:
    # of a session of its own, where Ctrl-C is not for it
    command = sys.executable, "-P", "-m", _module_name, str(turn)
    try:
        compiler = await asyncio.create_subprocess_exec(*command, start_new_session=True)
    except OSError as error:
        _log.warning("no other process can compile, so this one does: %s", error.strerror)
        return
    try:
        if await compiler.wait():
            _log.warning("the process that compiles ended with %s", compiler.returncode)
    finally:
        if compiler.returncode is None:
            os.killpg(compiler.pid, signal.SIGKILL)
            await compiler.wait()


def _load(stop: threading.Event) -> None:
    """Compile or load all, unless told to stop, so that a server that ends waits for one module at most."""
    for module in chain.from_iterable(_shares):
        if stop.is_set():
            return
        with compiled.loops_in_thread():
            module.warm_up()
        compiled.shed_compiler()  # after each module, so that it is never there for all
    return_memory()


def warm_up_first(turn: Path) -> None:
    """Compile the loops, unless another process is at it, and load them, for a process that works for nobody before.

    Args:
        turn: see ``warm_up``.
    """
    if not compiled.are_cached():
        _compile_in_turn(turn)
    _load(threading.Event())


def _compile_in_turn(turn: Path) -> None:
    with contextlib.suppress(OSError), turn.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        for _ in compile_all():
            pass


def compile_all() -> Iterator[str]:
    """Compile all that is not kept yet, in a process for each half of it; yield a word for each of ``STEPS`` parts.

    Raises:
        ChildProcessError: a compiler ended before it was done.
    """
    if compiled.are_cached():
        return
    command = sys.executable, "-P", "-m", _module_name
    children = [
        subprocess.Popen([*command, "--share", str(share)], stdout=subprocess.PIPE, text=True)
        for share in range(len(_shares))
    ]
    for child in children:
        assert child.stdout is not None
        with child.stdout:
            yield from (line.strip() for line in child.stdout)
    codes = [child.wait() for child in children]
    if any(codes):
        raise ChildProcessError(f"a compiler ended with {max(codes)}")
    compiled.mark_cached()


def _compile_share(share: int) -> None:
    for module in _shares[share]:
        module.warm_up()
        print(module.__name__.rsplit(".", 1)[-1], flush=True)  # noqa: T201  to the process that waits for it


def main(turn: Path) -> None:
    """Compile once nobody else does."""
    os.nice(_NICE)
    _compile_in_turn(turn)


if __name__ == "__main__":
    if sys.argv[1] == "--share":
        _compile_share(int(sys.argv[2]))
    else:
        main(Path(sys.argv[1]))
