"""Exact pieces of your rasters, as verified files.

``Client`` and ``AsyncClient`` talk to a server. ``initialize``, ``get_download_id`` and
``make_download_url`` are for scripts that come from Earth Engine's ``ee.data``.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from rasterwire.client import AsyncClient, Client, DownloadFailed
    from rasterwire.client.params import Params
    from rasterwire.client.sync import DownloadIdLike

_chosen: "list[Client]" = []


def __getattr__(name: str) -> object:
    # the server imports this package too, and needs no client
    if name in {"AsyncClient", "Client", "DownloadFailed"}:
        from rasterwire import client

        return getattr(client, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def initialize(target: str = "localhost:50051") -> None:
    """Choose the server of ``get_download_id``; as ``ee.Initialize`` does, for the whole process."""
    from rasterwire.client import Client

    for old in _chosen:
        old.close()
    _chosen[:] = [Client(target)]


def get_download_id(
    params: "Params", callback: "Callable[[dict[str, str] | None, DownloadFailed | None], object] | None" = None
) -> dict[str, str] | None:
    """See ``Client.get_download_id``."""
    if not _chosen:
        initialize()
    return _chosen[0].get_download_id(params, callback)


def make_download_url(download_id: "DownloadIdLike") -> str:
    """See ``Client.make_download_url``."""
    if not _chosen:
        initialize()
    return _chosen[0].make_download_url(download_id)


__all__ = ["AsyncClient", "Client", "DownloadFailed", "get_download_id", "initialize", "make_download_url"]
