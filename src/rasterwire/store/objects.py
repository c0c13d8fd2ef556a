"""Rendered files in an object store, so that what one server rendered all can read."""

import logging
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from rasterwire.errors import DownloadConflict, StorageUnavailable
from rasterwire.store import Artifact, NotVerified
from rasterwire.store.artifacts import FolderArtifactStore, is_etag
from rasterwire.store.breaker import Breaker

if TYPE_CHECKING:
    from rasterwire.files.sources.objects import ObjectStore

__all__ = ["Bucket", "ObjectArtifactStore", "file_of_key"]

_PART = 8 << 20
"""Bytes of a part of an upload."""

_MAX_PARTS = 10_000
"""Of an upload, in the protocol of S3."""

_UPLOADS = 2
"""Parts of a file that are sent at once, and held in memory."""

_NO_ETAG = "readiness"
"""In place of an etag: of a record that is looked for and never made."""

_MAX_FILES = 10
"""Of one etag that are looked at; there is one, or a second for a moment."""

_file_key = re.compile(r"(?:^|/)files/([0-9a-zA-Z_-]{1,128})\.(\d{1,18})\.([0-9a-f]{8})$")

_record = re.compile(rb"(\d{1,18}) ([0-9a-f]{8})")

_log = logging.getLogger("rasterwire.server")


@dataclass(frozen=True, slots=True)
class Bucket:
    """How this process reaches a bucket.

    Attributes:
        prompt: for what a caller waits for, and holds a thread: records and sizes. It gives up within two seconds.
        patient: for the bytes of files.
        prefix: of all keys, "" or ending with a slash.
        signing: the same bucket as clients reach it; None where they do not.
        breaker: of all calls.
    """

    prompt: "ObjectStore"
    patient: "ObjectStore"
    prefix: str
    signing: "ObjectStore | None" = None
    breaker: Breaker = field(default_factory=Breaker)

    @contextmanager
    def asked(self) -> Iterator[None]:
        """Log what goes wrong with a call, and tell clients that it passes: the texts of obstore hold addresses.

        Raises:
            StorageUnavailable: the call failed, or the ones before did.
            FileNotFoundError, AlreadyExistsError: the bucket's answers.
        """
        from obstore.exceptions import AlreadyExistsError, BaseError, PermissionDeniedError, UnauthenticatedError

        refusals = PermissionDeniedError, UnauthenticatedError  # keys may read and not write
        try:
            with self.breaker.guard():
                try:
                    yield
                except (FileNotFoundError, AlreadyExistsError, *refusals):
                    raise
                except BaseError as error:
                    raise _unavailable(error) from None
        except refusals as error:
            raise _unavailable(error) from None


@dataclass(frozen=True, slots=True)
class ObjectArtifact:
    """A file in an object store; see ``Artifact``."""

    size: int
    crc32c: int
    key: str
    bucket: Bucket = field(compare=False, repr=False)

    def open(self) -> "ObjectFile":
        """See ``Artifact.open``."""
        return ObjectFile(self.bucket, self.key)


class ObjectFile:
    """A file that is read by ranges; see ``RemoteFile``."""

    def __init__(self, bucket: Bucket, key: str) -> None:
        self._bucket = bucket
        self._key = key

    async def read_range(self, offset: int, size: int) -> bytes:
        """See ``RemoteFile.read_range``."""
        import obstore

        if not size:
            return b""
        try:
            with self._bucket.asked():
                data = await obstore.get_range_async(self._bucket.patient, self._key, start=offset, length=size)
        except FileNotFoundError:
            _log.error("a file is gone from the object store")
            raise StorageUnavailable from None
        return bytes(data)


class ObjectArtifactStore:
    """Stores files in an object store, and those of this server also in a folder, from which it reads them.

    The bytes of an etag are at ``files/<etag>.<size>.<crc32c>``. A record ``etags/<etag>``, which is created only where
    there is none, says which bytes they are: so an etag has the same bytes for all servers, whoever was first. What
    this server rendered is found by its readers only when it is in the object store.

    Nothing is removed from the object store: a rule of the bucket does that.
    """

    def __init__(self, folder: FolderArtifactStore, bucket: Bucket) -> None:
        """Use an object store.

        Args:
            folder: for files that this server rendered.
            bucket: for those of all servers.
        """
        self._folder = folder
        self._bucket = bucket

    def find(self, etag: str, max_read_bytes: int | None = None) -> Artifact | None:
        """See ``ArtifactStore.find``.

        Raises:
            StorageUnavailable: the object store cannot be reached.
        """
        if not is_etag(etag):
            return None
        with suppress(NotVerified):  # the object store need not be verified
            artifact = self._folder.find(etag, max_read_bytes)
            if artifact is not None:
                return artifact
        return self._remote(etag)

    def address(self, etag: str, seconds: float) -> str:
        """See ``ArtifactStore.address``.

        Raises:
            StorageUnavailable: the object store cannot be reached.
        """
        import obstore

        signing = self._bucket.signing
        artifact = self._remote(etag) if signing is not None and is_etag(etag) else None
        if signing is None or artifact is None:
            return ""
        try:
            return obstore.sign(signing, "GET", artifact.key, timedelta(seconds=int(seconds)))
        except obstore.exceptions.BaseError as error:
            _log.warning("addresses cannot be signed: %s", f"{error}".partition("\n")[0][:500])
            return ""

    def make(self, etag: str, write: Callable[[BinaryIO], None], headers: Mapping[str, str] | None = None) -> Artifact:
        """See ``ArtifactStore.make``.

        Raises:
            StorageUnavailable: the object store cannot be reached.
        """
        return self._folder.make(etag, write, publish=partial(self._publish, headers or {}))

    def stop_reading(self) -> None:
        """See ``ArtifactStore.stop_reading``."""
        self._folder.stop_reading()

    def verify(self, may_continue: Callable[[], bool]) -> None:
        """See ``ArtifactStore.verify``; it is about the folder."""
        self._folder.verify(may_continue)

    def trim(self, newest: str) -> None:
        """See ``ArtifactStore.trim``; it is about the folder."""
        self._folder.trim(newest)

    def make_room(self, size: int) -> None:
        """See ``ArtifactStore.make_room``; it is about the folder."""
        self._folder.make_room(size)

    def hold(self, etag: str) -> AbstractContextManager[None]:
        """See ``ArtifactStore.hold``; it is about the folder."""
        return self._folder.hold(etag)

    def problem(self) -> str:
        """Return why the object store cannot be asked for a file now, "" where it can."""
        import obstore

        try:
            obstore.head(self._bucket.prompt, self._record_key(_NO_ETAG))
        except FileNotFoundError:
            return ""
        except (obstore.exceptions.PermissionDeniedError, obstore.exceptions.UnauthenticatedError):
            return "it refuses the keys of this server"
        except obstore.exceptions.BaseError:
            return "it cannot be reached"
        return ""

    def _remote(self, etag: str) -> ObjectArtifact | None:
        import obstore

        try:
            artifact = self._recorded(etag)
            with self._bucket.asked():
                meta = obstore.head(self._bucket.prompt, artifact.key)
        except FileNotFoundError:
            return None
        return artifact if meta["size"] == artifact.size else None

    def _recorded(self, etag: str) -> ObjectArtifact:
        """Return the file of an etag, whether its bytes are there or not.

        Raises:
            FileNotFoundError: there was none.
        """
        import obstore

        with self._bucket.asked():
            record = bytes(obstore.get(self._bucket.prompt, self._record_key(etag)).bytes())
        match = _record.fullmatch(record)
        if match is None:
            return self._recorded_anew(etag)
        return self._artifact(etag, int(match[1]), int(match[2], 16))

    def _recorded_anew(self, etag: str) -> ObjectArtifact:
        """Write a damaged record again, by the name of the file that is there.

        Where there are several, all servers take the oldest, which is what readers had.

        Raises:
            FileNotFoundError: there is none, and the next render makes one.
        """
        import obstore

        prompt, prefix = self._bucket.prompt, f"{self._bucket.prefix}files/"
        with self._bucket.asked():
            page = next(iter(obstore.list(prompt, prefix, offset=f"{prefix}{etag}.", chunk_size=_MAX_FILES)), [])
        files = []
        for item in page:
            match = _file_key.search(item["path"])
            if match is not None and match[1] == etag and int(match[2]) == item["size"]:
                files.append((item["last_modified"], self._artifact(etag, item["size"], int(match[3], 16))))
        if not files:
            raise FileNotFoundError
        artifact = min(files, key=lambda pair: (pair[0], pair[1].key))[1]
        with self._bucket.asked():
            obstore.put(prompt, self._record_key(etag), f"{artifact.size} {artifact.crc32c:08x}".encode())
        _log.warning("the record of etag %s in the object store was damaged; it is made anew from its file", etag)
        return artifact

    def _artifact(self, etag: str, size: int, crc32c: int) -> ObjectArtifact:
        return ObjectArtifact(size, crc32c, self._file_key(etag, size, crc32c), self._bucket)

    def _publish(self, headers: Mapping[str, str], etag: str, path: Path, size: int, crc32c: int) -> None:
        """Copy a file into the object store, unless its etag has other bytes there."""
        import obstore

        key, patient = self._file_key(etag, size, crc32c), self._bucket.patient
        part = max(_PART, -(-size // _MAX_PARTS))
        attributes: Any = dict(headers)
        try:
            with self._bucket.asked():
                obstore.put(patient, key, path, attributes=attributes, chunk_size=part, max_concurrency=_UPLOADS)
            if self._record(etag, f"{size} {crc32c:08x}") or self._recorded(etag).key == key:
                return
            with self._bucket.asked():
                obstore.delete(patient, key)
        except FileNotFoundError:
            _log.error("the bucket of rendered files, or a record in it, is gone")
            raise StorageUnavailable from None
        _log.error("etag %s has other bytes in the object store than a render gives", etag)
        raise DownloadConflict(
            "name: another server made other bytes of this; read the file again from offset 0, or ask under another "
            "name"
        )

    def _record(self, etag: str, text: str) -> bool:
        """Write the record of an etag; return False where there is one already."""
        import obstore

        try:
            with self._bucket.asked():
                obstore.put(self._bucket.patient, self._record_key(etag), text.encode(), mode="create")
        except obstore.exceptions.AlreadyExistsError:
            return False
        return True

    def _file_key(self, etag: str, size: int, crc32c: int) -> str:
        return f"{self._bucket.prefix}files/{etag}.{size}.{crc32c:08x}"

    def _record_key(self, etag: str) -> str:
        return f"{self._bucket.prefix}etags/{etag}"


def _unavailable(error: Exception) -> StorageUnavailable:
    _log.error("the object store cannot be used: %s", f"{error}".partition("\n")[0][:500])
    return StorageUnavailable()


def file_of_key(key: str) -> str:
    """Return the etag of a key, "" where it is not that of a file.

    >>> file_of_key("rasterwire/files/0f3a.1234.89abcdef"), file_of_key("rasterwire/etags/0f3a")
    ('0f3a', '')
    """
    match = _file_key.search(key)
    return "" if match is None else match[1]
