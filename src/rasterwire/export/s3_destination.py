"""A bucket of S3, or of what speaks its protocol, where exports end.

obstore, which reads and writes other buckets here, sends the parts of an upload in their order, from one process. So
these requests are botocore's.
"""

import base64
import hashlib
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from email.utils import parsedate_to_datetime
from functools import lru_cache, partial
from typing import Any

import google_crc32c

from rasterwire.errors import StorageUnavailable
from rasterwire.export.destination import OCTETS, AlreadyExists, UnknownUpload, key_names
from rasterwire.files.sources.credentials import read_keys
from rasterwire.files.sources.settings import SourceSettings

__all__ = ["S3Destination"]

_ATTEMPTS = 4
"""How many times a request is sent, the first one included."""

_CONNECTIONS = 16
"""Of one process to the server."""

_PIECE = 1 << 20
"""Bytes that are read at once."""

_ANY_REGION = "us-east-1"
"""What other servers than Amazon's take where they know no regions."""

_gone = {"NoSuchUpload", "InvalidPart", "InvalidPartOrder", "EntityTooSmall"}
"""Codes of errors: an upload is not there, or parts of it are not."""

_exists = {"PreconditionFailed", "ConditionalRequestConflict"}
_missing = {"NoSuchKey", "404", "NotFound"}

_header_names = {
    "content-type": "ContentType",
    "content-disposition": "ContentDisposition",
    "cache-control": "CacheControl",
    "content-encoding": "ContentEncoding",
}

_log = logging.getLogger("rasterwire.server")


class S3Destination:
    """Stores objects in a bucket; see ``Destination``. It can be sent to other processes, which read the keys anew."""

    least_part_bytes = 5 << 20

    def __init__(self, settings: SourceSettings) -> None:
        """Use a bucket; whether it is there shows when it is asked.

        Args:
            settings: ``prefix``, such as ``s3://bucket/exports/``, ``endpoint``, ``region``, ``credentials``, which are
                ``env`` or a file, and ``timeout_seconds``.

        Raises:
            ValueError: its keys cannot be read; with a sentence.
            ModuleNotFoundError: botocore is missing; with a sentence.
        """
        self._settings = settings
        self._bucket, _, self._prefix = settings.prefix.partition("://")[2].partition("/")
        self._client = _made_client(settings, read_keys(settings))

    def __reduce__(self) -> tuple[type["S3Destination"], tuple[SourceSettings]]:
        return S3Destination, (self._settings,)

    def begin(self, key: str, headers: Mapping[str, str], *, replace: bool = False) -> str:
        """See ``Destination.begin``."""
        place = self._place(key)
        attributes = {
            _header_names[name.lower()]: text for name, text in headers.items() if name.lower() in _header_names
        }
        with self._asked(key):
            if not replace and self._etag(place):
                raise AlreadyExists(key)
            return str(self._client.create_multipart_upload(**place, **attributes)["UploadId"])

    def put_part(self, key: str, upload: str, number: int, data: bytes) -> str:
        """See ``Destination.put_part``."""
        with self._asked(key):
            answer = self._client.upload_part(
                **self._place(key), UploadId=upload, PartNumber=number, Body=data, ContentMD5=_md5(data)
            )
        return str(answer["ETag"])

    def finish(self, key: str, upload: str, parts: Sequence[tuple[int, str]], *, replace: bool = False) -> None:
        """See ``Destination.finish``."""
        place = self._place(key)
        entries = [{"PartNumber": number, "ETag": etag} for number, etag in parts]
        complete = partial(
            self._client.complete_multipart_upload, **place, UploadId=upload, MultipartUpload={"Parts": entries}
        )
        try:
            with self._asked(key):
                self._create(complete, key, replace=replace)
        except (AlreadyExists, UnknownUpload):
            if self._is_open(key, upload):  # so the object is another's, though its bytes may be the same
                raise
            with self._asked(key):
                is_finished = self._etag(place) == _etag_of_parts([etag for _, etag in parts])
            if not is_finished:  # or its etag is none of S3's own kind
                raise UnknownUpload(key) from None

    def _is_open(self, key: str, upload: str) -> bool:
        """Tell whether an upload was neither finished nor aborted; where nobody may know, it is open."""
        from botocore.exceptions import ClientError

        with suppress(UnknownUpload), self._asked(key):
            try:
                self._client.list_parts(**self._place(key), UploadId=upload, MaxParts=1)
            except ClientError as error:
                if error.response["Error"]["Code"] != "AccessDenied":
                    raise
                _log.warning("the keys of the bucket of exports lack the right s3:ListMultipartUploadParts")
            return True
        return False

    def abort(self, key: str, upload: str) -> None:
        """See ``Destination.abort``."""
        with suppress(UnknownUpload), self._asked(key):
            self._client.abort_multipart_upload(**self._place(key), UploadId=upload)

    def uploads(self, prefix: str, least_age: float = 0.0) -> Sequence[tuple[str, str]]:
        """See ``Destination.uploads``."""
        with self._asked(prefix):
            answer = self._client.list_multipart_uploads(Bucket=self._bucket, Prefix=self._prefix + prefix)
        items = answer.get("Uploads", ())
        if least_age:  # by the clock that says when they were begun
            now = parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"])
            items = [item for item in items if (now - item["Initiated"]).total_seconds() >= least_age]
        uploads = ((str(item["Key"]), str(item["UploadId"])) for item in items)
        return [(key.removeprefix(self._prefix), upload) for key, upload in uploads]

    def put(self, key: str, data: bytes, *, media_type: str = OCTETS, replace: bool = False) -> None:
        """See ``Destination.put``."""
        store = partial(
            self._client.put_object, **self._place(key), Body=data, ContentMD5=_md5(data), ContentType=media_type
        )
        with self._asked(key):
            self._create(store, key, replace=replace)

    def get(self, key: str) -> bytes:
        """See ``Destination.get``."""
        with self._asked(key):
            return bytes(self._client.get_object(**self._place(key))["Body"].read())

    def has(self, key: str) -> bool:
        """See ``Destination.has``."""
        with self._asked(key):
            return bool(self._etag(self._place(key)))

    def holds(self, key: str, size: int, crc32c: int) -> bool:
        """See ``Destination.holds``."""
        place, crc = self._place(key), 0
        with suppress(FileNotFoundError), self._asked(key):
            answer = self._client.get_object(**place)
            with closing(answer["Body"]) as body:
                if answer["ContentLength"] != size:
                    return False
                while data := body.read(_PIECE):
                    crc = google_crc32c.extend(crc, data)
            return crc == crc32c
        return False

    def delete(self, key: str) -> None:
        """See ``Destination.delete``."""
        try:
            place = self._place(key)
        except ValueError:  # so there is none
            return
        with suppress(FileNotFoundError), self._asked(key):
            self._client.delete_object(**place)

    def _place(self, key: str) -> dict[str, str]:
        return {"Bucket": self._bucket, "Key": self._prefix + "/".join(key_names(key))}

    def _create(self, send: Callable[..., Any], key: str, *, replace: bool) -> None:
        """Send what makes an object, on the condition that there is none.

        A server that knows no conditions is asked before whether there is one, which two writers may do at once.
        """
        from botocore.exceptions import ClientError

        if not replace:
            try:
                send(IfNoneMatch="*")
            except ClientError as error:
                if error.response["Error"]["Code"] != "NotImplemented":
                    raise
            else:
                return
            if self._etag(self._place(key)):
                raise AlreadyExists(key)
        send()

    def _etag(self, place: Mapping[str, str]) -> str:
        """Return the etag of an object, "" where there is none."""
        from botocore.exceptions import ClientError

        try:
            return str(self._client.head_object(**place)["ETag"])
        except ClientError as error:
            if error.response["Error"]["Code"] in _missing:
                return ""
            raise

    @contextmanager
    def _asked(self, key: str) -> Iterator[None]:
        """Log what goes wrong with a request; the texts of botocore hold addresses.

        Raises:
            AlreadyExists, UnknownUpload, FileNotFoundError: the bucket's answers.
            StorageUnavailable: it cannot be reached, or refuses.
        """
        from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

        try:
            yield
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in _exists:
                raise AlreadyExists(key) from None
            if code in _gone:
                raise UnknownUpload(key) from None
            if code in _missing:
                raise FileNotFoundError(key) from None
            raise _unavailable(error) from None
        except (BotoCoreError, HTTPClientError, OSError) as error:
            if isinstance(error, FileNotFoundError):
                raise
            raise _unavailable(error) from None


def _made_client(settings: SourceSettings, keys: Mapping[str, str]) -> Any:
    try:
        from botocore.config import Config
        from botocore.session import Session
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            "exports to a bucket need botocore; install it with pip install 'rasterwire[export]'"
        ) from None
    config = Config(
        signature_version="s3v4",
        # other servers have no name for each bucket
        s3={"addressing_style": "path" if settings.endpoint else "auto"},
        connect_timeout=settings.timeout_seconds,
        read_timeout=settings.timeout_seconds,
        retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
        max_pool_connections=_CONNECTIONS,
        # other servers do not know the newer checksums; MD5 sums are sent with all bytes
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    key_options = {f"aws_{name}": key for name, key in keys.items()}
    region = settings.region or (_ANY_REGION if settings.endpoint else None)
    endpoint = settings.endpoint or None
    session = Session()
    session.register_component("data_loader", _loader())
    return session.create_client("s3", region_name=region, endpoint_url=endpoint, config=config, **key_options)


@lru_cache(maxsize=1)
def _loader() -> Any:
    """Return what reads the files that describe S3: 10 MB, which every client would have for itself otherwise."""
    from botocore.loaders import create_loader

    return create_loader()


def _md5(data: bytes) -> str:
    return base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()


def _etag_of_parts(etags: Sequence[str]) -> str:
    """Return the etag of an object of parts, "?" where a server makes them in another way than S3 does.

    >>> _etag_of_parts(['"79b281060d337b9b2b84ccf390adcf74"', '"d84a935724eac27d7c9676679b6cdbaf"'])
    '"16cafe8d6b8c1c55c3d339c8d69326c6-2"'
    """
    try:
        digests = b"".join(bytes.fromhex(etag.strip('"')) for etag in etags)
    except ValueError:
        return "?"
    return f'"{hashlib.md5(digests, usedforsecurity=False).hexdigest()}-{len(etags)}"'


def _unavailable(error: Exception) -> StorageUnavailable:
    _log.error("the bucket of exports cannot be used: %s", f"{error}".partition("\n")[0][:500])
    return StorageUnavailable()
