"""Reading files in processes of their own, as the settings say."""

import contextlib
from contextlib import AbstractContextManager

from rasterwire import compiled
from rasterwire.catalog.header import read_header
from rasterwire.files import decoded_tile, lzw, sandbox
from rasterwire.render.stored import stored_tiles
from rasterwire.render.warp import warp
from rasterwire.server.settings import Settings

__all__ = ["prepare", "sandboxed"]

_READERS = read_header, stored_tiles, warp
"""What children run. With this module they load the modules of all of them."""

_FOR_HEADERS = 1
"""Children beside one for each thread that renders, so that the header of a new file need not wait for pixels."""


def sandboxed(settings: Settings) -> AbstractContextManager[None]:
    """Return a context in which files are read where the settings say."""
    if settings.sandbox == "none":
        return contextlib.nullcontext()
    limits = sandbox.ReadLimits(settings.sandbox_seconds, settings.sandbox_bytes)
    return sandbox.in_children(settings.threads + _FOR_HEADERS, limits, prepare)


def prepare() -> None:
    """Load the loops that decode tiles, in a child before its first call; where none are kept, their twins run."""
    if not compiled.are_cached():
        compiled.run_twins(True)
        return
    decoded_tile.warm_up()
    lzw.warm_up()
