"""What a process may read files from."""

from rasterwire.catalog.make import check_packages, check_sources
from rasterwire.catalog.settings import format_options
from rasterwire.errors import InvalidRequest
from rasterwire.files import beside
from rasterwire.files.byte_reader import keep_tiles
from rasterwire.files.sources import configure
from rasterwire.files.sources.make import make_sources
from rasterwire.files.tile_folder import TileFolder
from rasterwire.server.settings import BadSettings, Settings

__all__ = ["use_sources"]


def use_sources(settings: Settings) -> None:
    """Let this process read from the sources of the settings, and share the tiles that it reads.

    Raises:
        BadSettings: a package or a file that the settings need is missing.
    """
    beside.configure(format_options(settings.catalogs))
    try:
        configure(make_sources(settings.sources))
        check_packages(settings.catalogs)
        check_sources(settings.catalogs)
    except InvalidRequest as error:
        raise BadSettings("\n".join(map(str, error.violations))) from None
    tiles = TileFolder(settings.state_dir / "tiles", settings.cache.tile_cache_bytes)
    keep_tiles(tiles if settings.sources else None)
