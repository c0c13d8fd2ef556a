"""Compiled loops, made before a request needs them."""

import asyncio
import sys

from rasterwire import decoded_tile
from rasterwire.expression import loops, rank
from rasterwire.render import kernels, means


async def warm_up(*, compiles_apart: bool) -> None:
    """Compile the loops for the usual types, or load what was compiled, so that no request waits for it.

    Args:
        compiles_apart: whether another process compiles first, since a compiler leaves 180 MB behind.
    """
    if compiles_apart:
        compiler = await asyncio.create_subprocess_exec(sys.executable, "-P", "-m", __name__)
        try:
            await compiler.wait()
        finally:
            if compiler.returncode is None:
                compiler.kill()
                await compiler.wait()
    await asyncio.to_thread(_load)


def _load() -> None:
    for module in (kernels, means, decoded_tile, loops, rank):
        module.warm_up()


if __name__ == "__main__":
    _load()
