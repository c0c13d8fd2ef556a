"""The object store of rendered files."""

from dataclasses import replace
from importlib.util import find_spec
from typing import TYPE_CHECKING

from rasterwire.files.sources.credentials import read_keys
from rasterwire.files.sources.objects import make_object_store
from rasterwire.server.settings import BadSettings
from rasterwire.store.objects import Bucket
from rasterwire.store.settings import StoreSettings

if TYPE_CHECKING:
    from rasterwire.files.sources.objects import ObjectStore

__all__ = ["opened_bucket"]

_RETRIES = 2
"""How many times a request to the object store is sent again."""

_RETRY_SECONDS = 3.0
"""After which a part of a file is not sent or read again."""

_PROMPT_SECONDS = 1.0
"""That a request for a record may take; callers wait for it, and hold threads."""

_PROMPT_RETRY_SECONDS = 0.5
"""After which such a request is not sent again, so that it ends within two seconds."""


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
    patient = make_object_store(source, keys, name, _RETRIES, _RETRY_SECONDS)
    hasty = replace(source, timeout_seconds=_PROMPT_SECONDS, deadline_seconds=_PROMPT_SECONDS)
    prompt = make_object_store(hasty, keys, name, _RETRIES, _PROMPT_RETRY_SECONDS)
    signing: ObjectStore | None = patient
    if settings.client_endpoint == "none":
        signing = None
    elif settings.client_endpoint:
        signing = make_object_store(replace(source, endpoint=settings.client_endpoint), keys, name)
    return Bucket(prompt, patient, prefix, signing)
