"""The object store of rendered files."""

from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import TYPE_CHECKING

from rasterwire.files.sources.credentials import read_keys
from rasterwire.files.sources.objects import make_object_store
from rasterwire.server.settings import BadSettings
from rasterwire.store.settings import StoreSettings

if TYPE_CHECKING:
    from rasterwire.files.sources.objects import ObjectStore

__all__ = ["Bucket", "opened_bucket"]

_RETRIES = 2
"""How many times a request to the object store is sent again."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket, or a part of its keys.

    Attributes:
        store: the bucket as this server reaches it.
        prefix: of all keys, "" or ending with a slash.
        signing: the same bucket as clients reach it; None where they do not.
    """

    store: "ObjectStore"
    prefix: str
    signing: "ObjectStore | None"


def opened_bucket(settings: StoreSettings) -> Bucket:
    """Return the bucket of the settings; whether it is there shows when it is asked.

    Raises:
        BadSettings: there is none, its keys cannot be read, or a package is missing.
    """
    if not settings.objects:
        raise BadSettings("store.objects: it is not set; without it there is no bucket")
    if find_spec("obstore") is None:
        raise BadSettings("store.objects: it needs obstore; install it with pip install 'rasterwire[remote]'")
    source = settings.source
    try:
        keys = read_keys(source)
    except ValueError as error:
        raise BadSettings(f"store.credentials: {error}") from None
    name, _, prefix = source.prefix.partition("://")[2].partition("/")
    store = make_object_store(source, keys, name, _RETRIES)
    signing: ObjectStore | None = store
    if settings.client_endpoint == "none":
        signing = None
    elif settings.client_endpoint:
        signing = make_object_store(replace(source, endpoint=settings.client_endpoint), keys, name)
    return Bucket(store, prefix, signing)
