"""Reading files in processes of their own, as the settings say."""

import contextlib
import importlib
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial

import rasterio

from rasterwire import compiled
from rasterwire.catalog.header import read_header
from rasterwire.catalog.settings import format_options
from rasterwire.files import beside, decoded_tile, lzw, sandbox
from rasterwire.files.sources import configure
from rasterwire.files.sources.make import make_sources
from rasterwire.files.sources.settings import SourceSettings
from rasterwire.render.stored import stored_tiles
from rasterwire.render.warp import warp
from rasterwire.server.settings import Settings

__all__ = ["prepare", "sandboxed"]

_READERS = read_header, stored_tiles, warp
"""What children run. With this module they load the modules of all of them."""

_PLATFORM_KEYS = ("AWS_", "GOOGLE_", "AZURE_")
"""How the names of variables begin that hold the keys of object stores, for sources whose credentials are ``env``."""

_FOR_HEADERS = 1
"""Children at work beside one for each thread that renders, so that headers of new files need not wait for pixels."""


def sandboxed(settings: Settings) -> AbstractContextManager[None]:
    """Return a context in which files are read where the settings say."""
    if settings.sandbox == "none":
        return contextlib.nullcontext()
    limits = sandbox.ReadLimits(settings.sandbox_seconds, settings.sandbox_bytes)
    keys = _PLATFORM_KEYS if any(source.credentials == "env" for source in settings.sources) else ()
    return sandbox.in_children(
        settings.threads + _FOR_HEADERS,
        limits,
        partial(prepare, settings.sources, format_options(settings.catalogs)),
        variables=keys,
    )


def prepare(files_elsewhere: Sequence[SourceSettings], formats: Mapping[str, beside.FormatOptions]) -> None:
    """Make ready the process of which children are forked; no thread may be started here.

    It loads the loops that decode tiles; where none are kept, their twins run. It loads what children would load each
    for itself: the libraries of arrays, where they are installed, and GDAL's drivers.

    Args:
        files_elsewhere: the sources from which it may read files.
        formats: see ``beside.configure``.
    """
    beside.configure(formats)
    configure(make_sources(files_elsewhere))
    with contextlib.suppress(ImportError):
        importlib.import_module("rasterwire.files.arrays.zarr_store")
    with contextlib.suppress(ImportError):
        importlib.import_module("rasterwire.files.arrays.hdf5_file")
    with rasterio.Env():
        pass
    if not compiled.are_cached():
        compiled.run_twins(True)
        return
    decoded_tile.warm_up()
    lzw.warm_up()
