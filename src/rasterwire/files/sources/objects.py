"""Files of object stores, read by obstore: of S3 and what speaks its protocol, of Google Cloud Storage, of Azure.

obstore's errors hold addresses and what servers answered, so that none of them is passed on.
"""

import email.utils
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from rasterwire.files.sources import ListedObject
from rasterwire.files.sources.attempts import Failure
from rasterwire.files.sources.http_answer import failure_of_status
from rasterwire.files.sources.remote import OTHER_BYTES, REPLACED, Answer
from rasterwire.files.sources.settings import SourceSettings
from rasterwire.files.sources.versions import condition_of, version_of

if TYPE_CHECKING:
    from obstore import GetOptions, ListStream, ObjectMeta
    from obstore.store import AzureStore, GCSStore, S3Store

    ObjectStore = S3Store | GCSStore | AzureStore

__all__ = ["ObjectClient", "ObjectListing", "make_object_store"]

MAX_BUCKETS = 64
"""Buckets of a source whose connections are kept."""

_PAGE = 1000
"""Objects of a page: as many as S3 lists by one request."""

_href = re.compile(r"[a-z0-9]+://(?P<bucket>[A-Za-z0-9][A-Za-z0-9._-]{0,254})/(?P<key>.{0,1024})", re.DOTALL)
_status = re.compile(r"status code: (\d{3})")

_BAD_ADDRESS = "its address is not one that can be read"

_statuses = {"NotFoundError": 404, "PermissionDeniedError": 403, "UnauthenticatedError": 401, "PreconditionError": 412}
"""Of obstore's errors by their names."""

_marks = (
    ("redirect without LOCATION", "its bucket is in another region than the settings of this server say", False),
    ("NotPartial", "its server does not answer requests for ranges", False),
    ("UnexpectedRange", OTHER_BYTES, False),
    ("TimedOut", "its server took too long to answer", True),
)
"""Of obstore's other errors: a mark in the text, what is said, and whether the request may succeed later."""


class ObjectClient:
    """Sends requests for ranges to object stores; the ``RangeClient`` of ``s3://``, ``gs://`` and ``az://``.

    Args:
        settings: of the source.
        keys: obstore's names of keys and their values, as the file of credentials gives them.
    """

    def __init__(self, settings: SourceSettings, keys: Mapping[str, str]) -> None:
        self._settings = settings
        self._keys = dict(keys)
        self._stores: dict[str, ObjectStore] = {}

    async def get(self, href: str, offset: int, count: int, version: str) -> Answer:
        """Return a range of a file; see ``RangeClient``."""
        bucket, key = _parts(href)
        if not key:
            raise Failure(_BAD_ADDRESS)
        try:
            return await _get(self._store(bucket), key, offset, count, version)
        except Failure:
            raise
        except Exception as error:  # noqa: BLE001  obstore has many, of its own and of Python
            failure = _failure_of(error)
        raise failure  # outside, so that it has no cause: that names the address

    def listing(self, href: str) -> "ObjectListing":
        """Return the listing of the objects below an address that ends with a slash. No server is asked yet.

        Raises:
            Failure: there is no such address.
        """
        bucket, key = _parts(href.removesuffix("/") if href.count("/") > 3 else href)
        return ObjectListing(self._store(bucket), f"{key}/" if key else "")

    async def folders(self, href: str) -> list[str]:
        """Return the next segments of the keys below an address; see ``ListingClient``."""
        import obstore

        bucket, key = _parts(href.removesuffix("/") if href.count("/") > 3 else href)
        try:
            found = await obstore.list_with_delimiter_async(self._store(bucket), f"{key}/" if key else None)
            return [prefix.rstrip("/").rpartition("/")[2] for prefix in found["common_prefixes"]]
        except Exception as error:  # noqa: BLE001  as above
            failure = _failure_of(error)
        raise failure

    def _store(self, bucket: str) -> "ObjectStore":
        if bucket not in self._stores:
            if len(self._stores) >= MAX_BUCKETS:
                self._stores.clear()
            self._stores[bucket] = make_object_store(self._settings, self._keys, bucket)
        return self._stores[bucket]


class ObjectListing:
    """The objects of a store whose keys begin with a prefix, page by page. Used by one task at a time."""

    def __init__(self, store: "ObjectStore", prefix: str) -> None:
        self._store = store
        self._prefix = prefix
        self._stream: ListStream[Sequence[ObjectMeta]] | None = None
        self._last = ""

    async def page(self) -> Sequence[ListedObject]:
        """Return the next objects, none behind the last one. After a failure the same ones can be asked for again.

        Raises:
            Failure: there is no correct answer.
        """
        import obstore

        try:
            if self._stream is None:
                after = self._last or None
                self._stream = obstore.list(self._store, self._prefix or None, offset=after, chunk_size=_PAGE)
            page = await anext(self._stream)
        except StopAsyncIteration:
            return ()
        except Exception as error:  # noqa: BLE001  as above
            self._stream = None
            failure = _failure_of(error)
        else:
            self._last = page[-1]["path"]
            return [
                ListedObject(meta["path"].removeprefix(self._prefix), f"{_version(meta)} {meta['size']}")
                for meta in page
            ]
        raise failure


def _parts(href: str) -> tuple[str, str]:
    """Return the bucket and the key of an address.

    Raises:
        Failure: obstore would read another object.
    """
    match = _href.fullmatch(href)
    if match is None or (match["key"] and any(segment in {"", ".", ".."} for segment in match["key"].split("/"))):
        raise Failure(_BAD_ADDRESS)
    return match["bucket"], match["key"]


def make_object_store(
    settings: SourceSettings, keys: Mapping[str, str], bucket: str, retries: int = 0, retry_seconds: float = 0.0
) -> "ObjectStore":
    """Return what obstore reads a bucket with.

    Args:
        settings: of the source.
        keys: see ``ObjectClient``.
        bucket: its name.
        retries: how many times obstore sends a request again.
        retry_seconds: after which it begins no further attempt.
    """
    from obstore.store import AzureStore, GCSStore, S3Store

    config: Any = dict(keys)
    if settings.credentials == "anonymous":
        config["skip_signature"] = True
    silence = timedelta(seconds=settings.timeout_seconds)
    client: Any = {
        "connect_timeout": silence,
        "read_timeout": silence,
        "timeout": timedelta(seconds=settings.deadline_seconds),
        "allow_http": settings.endpoint.startswith("http://"),
    }
    attempts: Any = {"max_retries": retries, "retry_timeout": timedelta(seconds=retry_seconds)}
    if settings.scheme == "s3":
        config |= {name: getattr(settings, name) for name in ("endpoint", "region") if getattr(settings, name)}
        return S3Store(bucket, config=config, client_options=client, retry_config=attempts)
    if settings.scheme == "gs":
        config |= {"base_url": settings.endpoint} if settings.endpoint else {}
        return GCSStore(bucket, config=config, client_options=client, retry_config=attempts)
    if settings.endpoint:
        config = {"endpoint": settings.endpoint, "account_name": _account_in(settings.endpoint), **config}
    return AzureStore(bucket, config=config, client_options=client, retry_config=attempts)


def _account_in(endpoint: str) -> str:
    """Return the account that an endpoint of Azure is of: its path, or the first part of its host."""
    address = urlsplit(endpoint)
    return address.path.strip("/") or (address.hostname or "").partition(".")[0]


async def _get(store: "ObjectStore", key: str, offset: int, count: int, version: str) -> Answer:
    import obstore

    condition = condition_of(version)
    options: GetOptions = {"range": (offset, offset + count)}
    if condition.etag:
        options["if_match"] = condition.etag
    if condition.date:
        options["if_unmodified_since"] = email.utils.parsedate_to_datetime(condition.date)
    try:
        result = await obstore.get_async(store, key, options=options)
    except obstore.exceptions.GenericError as error:
        if version or _status_in(error) != 416:
            raise
        meta = await obstore.head_async(store, key)  # of an object of 0 bytes no range can be asked for
        if meta["size"]:
            raise
        return Answer(b"", 0, _version(meta))
    size = result.meta["size"]
    expected = min(count, size - offset)
    if tuple(result.range) != (offset, offset + expected):
        raise Failure(OTHER_BYTES)
    body = bytes(await result.bytes_async())
    if len(body) != expected:
        raise Failure("its server sent fewer bytes than asked for", is_temporary=True)
    return Answer(body, size, _version(result.meta))


def _version(meta: "ObjectMeta") -> str:
    modified: datetime = meta["last_modified"]
    # obstore gives the year 1970 where the server tells no date.
    date = email.utils.format_datetime(modified, usegmt=True) if modified.timestamp() > 0 else ""
    return version_of(meta["e_tag"] or "", date, meta["size"])


def _failure_of(error: Exception) -> Failure:
    """Return what is said of an error of obstore; only its kind is used, and marks in its text."""
    text = str(error)
    status = _statuses.get(type(error).__name__) or _status_in(error)
    if status:
        return Failure(REPLACED) if status == 416 else failure_of_status(status)
    if isinstance(error, ValueError):
        return Failure(_BAD_ADDRESS)
    for mark, problem, is_temporary in _marks:
        if mark in text:
            return Failure(problem, is_temporary)
    return Failure("its server cannot be reached, or broke off its answer", is_temporary=True)


def _status_in(error: Exception) -> int:
    match = _status.search(str(error))
    return int(match[1]) if match else 0
