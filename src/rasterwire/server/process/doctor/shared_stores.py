"""Whether the database and the bucket do what servers need of them."""

import secrets
import statistics
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from rasterwire.errors import StorageUnavailable
from rasterwire.server.process.bucket import opened_bucket
from rasterwire.server.process.doctor.finding import Finding, bad, doubtful, well
from rasterwire.server.process.stores import conninfo, opened_database
from rasterwire.server.settings import BadSettings, Settings
from rasterwire.store.objects import Bucket

if TYPE_CHECKING:
    from rasterwire.store.postgres.database import Database

_MAX_SKEW, _GREAT_SKEW = 5.0, 300.0
"""Seconds that two clocks may differ: without a warning, and before signed addresses and tokens fail."""

_SLOW = 0.05
"""Seconds of an answer of the database, beyond which it is not near."""

_QUESTIONS = 5

_TIMEOUT = 5.0
"""Seconds, of a request by a signed address."""


def store_findings(settings: Settings) -> Iterator[Finding]:
    """Yield what is found of the database and the bucket; nothing where there are none."""
    try:
        if conninfo(settings.store):
            with closing(opened_database(settings.store)) as database:
                yield from _of_database(database)
        if settings.store.objects:
            yield from _of_bucket(opened_bucket(settings.store))
    except BadSettings as error:
        yield bad("store", str(error), "correct the table [store] of the config file")


def _of_database(database: "Database") -> Iterator[Finding]:
    from rasterwire.store.postgres.migrations import version_problem

    if problem := database.problem():
        yield bad("database", problem, "start it, or correct its address; the line above says what was answered")
        return
    try:
        if problem := version_problem(database):
            yield bad("tables", problem, "see above")
            return
        yield well("tables", "they have the version of this rasterwire")
        yield _answers(database)
        yield _round_trip(database)
        yield _database_clock(database)
    except StorageUnavailable:
        yield bad("database", "it refused what was asked", "the line above says why; see what its user may do")


def _answers(database: "Database") -> Finding:
    seconds = []
    with database.connected() as connection:
        for _ in range(_QUESTIONS):
            begun = time.perf_counter()
            connection.execute("SELECT 1")
            seconds.append(time.perf_counter() - begun)
        version = connection.info.server_version // 10_000
    median = statistics.median(seconds)
    figure = f"PostgreSQL {version} answers in {1000 * median:.1f} ms"
    if median > _SLOW:
        return doubtful("database", figure, "each request asks it several times; have it near the servers")
    return well("database", figure)


def _round_trip(database: "Database") -> Finding:
    """Try all that servers do to the tables, in a transaction that is rolled back."""
    name = secrets.token_hex(16)
    with database.connected() as connection, connection.transaction(force_rollback=True):
        connection.execute(
            "INSERT INTO rasterwire.downloads (id, token, payload, etag, expires, parts, tenant) "
            "VALUES (%s::uuid, '', %s, '', now() + interval '1 minute', '{}', '')",
            (name, name.encode()),
        )
        row = connection.execute("SELECT payload FROM rasterwire.downloads WHERE id = %s::uuid", (name,)).fetchone()
        connection.execute("DELETE FROM rasterwire.downloads WHERE id = %s::uuid", (name,))
        for table in ("parts", "leases"):
            connection.execute(f"DELETE FROM rasterwire.{table} WHERE false")
        connection.execute("SELECT nextval('rasterwire.fences')")
    if row is None or bytes(row[0]) != name.encode():
        return bad("database", "it gives other bytes than were stored", "look at its encoding and its extensions")
    return well("round trip", "a record was stored, read and deleted")


def _database_clock(database: "Database") -> Finding:
    with database.connected() as connection:
        before = time.time()
        row = connection.execute("SELECT extract(epoch FROM clock_timestamp())::float8").fetchone()
        after = time.time()
    assert row is not None
    return _clock("clock of the database", row[0] - (before + after) / 2)


def _clock(subject: str, seconds: float) -> Finding:
    figure = f"{abs(seconds):.1f} s {'ahead of' if seconds > 0 else 'behind'} this machine"
    remedy = "let NTP set the clocks of both machines"
    if abs(seconds) > _GREAT_SKEW:
        return bad(subject, figure, remedy)
    return doubtful(subject, figure, remedy) if abs(seconds) > _MAX_SKEW else well(subject, figure)


def _of_bucket(bucket: Bucket) -> Iterator[Finding]:
    import obstore

    key, data = f"{bucket.prefix}doctor/{secrets.token_hex(16)}", secrets.token_bytes(64)
    errors = obstore.exceptions
    try:
        obstore.put(bucket.patient, key, data)
        if bytes(obstore.get(bucket.patient, key).bytes()) != data:
            yield bad("bucket", "it gives other bytes than were stored", "use another store")
            return
        yield _conditional(bucket, key)
        yield from _signed(bucket, key, data)
    except (errors.PermissionDeniedError, errors.UnauthenticatedError):
        yield bad("bucket", "it refuses the keys", "let them put, get, list and delete objects under store.objects")
        return
    except FileNotFoundError:
        yield bad("bucket", "there is no such bucket", "make it, or correct store.objects")
        return
    except errors.BaseError as error:
        yield bad("bucket", f"it cannot be used ({type(error).__name__})", "look at store.endpoint and store.region")
        return
    finally:
        with suppress(errors.BaseError, FileNotFoundError):
            obstore.delete(bucket.patient, key)
    try:
        obstore.head(bucket.patient, key)
    except FileNotFoundError:
        yield well("bucket", "an object was stored, read and deleted")
    else:
        yield doubtful("bucket", "an object was stored and read, but not deleted", f"let the keys delete {key}")


def _conditional(bucket: Bucket, key: str) -> Finding:
    import obstore

    try:
        obstore.put(bucket.patient, key, b"second", mode="create")
    except obstore.exceptions.AlreadyExistsError:
        return well("create if absent", "a second object of a key was refused")
    figure = "an object of the same key took the place of the first"
    return bad("create if absent", figure, "use a store that honours If-None-Match: two servers may publish at once")


def _signed(bucket: Bucket, key: str, data: bytes) -> Iterator[Finding]:
    """Read an object as clients do, and compare clocks."""
    import obstore

    if bucket.signing is None:
        yield well("signed addresses", "client_endpoint is none: servers send the files themselves")
        return
    try:
        address = obstore.sign(bucket.signing, "GET", key, timedelta(seconds=60))
        with urllib.request.urlopen(address, timeout=_TIMEOUT) as answer:
            is_equal, date = answer.read() == data, answer.headers.get("Date", "")
    except (obstore.exceptions.BaseError, OSError) as error:
        code = f"{error.code}" if isinstance(error, urllib.error.HTTPError) else type(error).__name__
        remedy = "set client_endpoint to an address that clients reach, or to none"
        yield doubtful("signed addresses", f"this machine cannot read by one ({code})", remedy)
        return
    if is_equal:
        yield well("signed addresses", "an object was read by one")
    else:
        yield bad("signed addresses", "one gives other bytes", "look where client_endpoint leads")
    with suppress(ValueError, TypeError):
        yield _clock("clock of the bucket", parsedate_to_datetime(date).timestamp() - time.time())
