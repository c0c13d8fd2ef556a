"""Files of API keys. They hold hashes, from which no key can be made.

A line is a key: its id, its tenant, the SHA-256 of the whole key in hexadecimal, and the day it was made. A slow hash
would protect no better, since a key has 256 random bits that nobody guesses. Lines that begin with # are comments.
"""

import contextlib
import fcntl
import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

__all__ = ["KEY_PREFIX", "TENANT_NAME", "StoredKey", "add_key", "read_keys", "revoke_key", "tenant_of_key"]

KEY_PREFIX = "rw_"
"""How every key begins, by which it is told from a token, and found where it was published by mistake."""

TENANT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
"""Names of tenants."""

_MAX_FILE = 16 << 20
"""Bytes of a file of keys."""

_MODE = 0o600

_key = re.compile(rf"{KEY_PREFIX}([0-9a-f]{{12}})_[A-Za-z0-9_-]{{43}}", re.ASCII)

_line = re.compile(r"([0-9a-f]{12}) +(\S+) +([0-9a-f]{64}) +(\d{4}-\d\d-\d\d)", re.ASCII)


@dataclass(frozen=True, slots=True)
class StoredKey:
    """What a file tells of a key.

    Attributes:
        id: that the key contains; no secret.
        tenant: whose it is.
        digest: SHA-256 of the key.
        day: it was made, as ``YYYY-MM-DD``.
    """

    id: str
    tenant: str
    digest: bytes
    day: str

    def __str__(self) -> str:
        return f"{self.id} {self.tenant} {self.digest.hex()} {self.day}"


_NO_KEY = StoredKey("", "", secrets.token_bytes(32), "")
"""Compared with where there is no key of an id, so that the answer takes as long."""


def tenant_of_key(keys: Mapping[str, StoredKey], key: str) -> str | None:
    """Return the tenant of a key, None where it is not valid. Takes no longer for a key that is nearly right.

    Args:
        keys: by id.
        key: that was shown.
    """
    match = _key.fullmatch(key)
    stored = keys.get(match[1], _NO_KEY) if match else _NO_KEY
    is_right = hmac.compare_digest(_digest(key), stored.digest)
    return stored.tenant if is_right else None


def read_keys(path: Path) -> dict[str, StoredKey]:
    """Return the keys of a file, by id.

    Raises:
        OSError: it cannot be read.
        ValueError: with a sentence, where a line is no key.
    """
    if path.stat().st_size > _MAX_FILE:
        raise ValueError(f"the file has more than {_MAX_FILE} bytes; is it the right one?")
    keys: dict[str, StoredKey] = {}
    for number, line in enumerate(path.read_text("utf-8", "replace").splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        match = _line.fullmatch(line.strip())
        # the line is not shown: somebody may have put a key there
        if match is None or not TENANT_NAME.fullmatch(match[2]):
            raise ValueError(f"line {number} is no key; make keys with rasterwire admin keys add")
        if match[1] in keys:
            raise ValueError(f"line {number} has the id of another key; delete one of the two")
        keys[match[1]] = StoredKey(match[1], match[2], bytes.fromhex(match[3]), match[4])
    return keys


def add_key(path: Path, tenant: str) -> str:
    """Make a key, store its hash, and return the key, which nobody can read again.

    Raises:
        OSError, ValueError: see ``read_keys``; a file that is not there is made.
    """
    with _changing(path) as lines:
        name = secrets.token_hex(6)
        key = f"{KEY_PREFIX}{name}_{secrets.token_urlsafe(32)}"
        lines.append(str(StoredKey(name, tenant, _digest(key), f"{datetime.now(UTC):%Y-%m-%d}")))
    return key


def revoke_key(path: Path, name: str) -> bool:
    """Remove the key of an id; return whether there was one.

    Raises:
        OSError, ValueError: see ``read_keys``.
    """
    with _changing(path) as lines:
        kept = [line for line in lines if line.split(" ", 1)[0] != name]
        is_there = len(kept) < len(lines)
        lines[:] = kept
    return is_there


@contextmanager
def _changing(path: Path) -> Iterator[list[str]]:
    """Give the lines of a file, and replace it by what became of them; one at a time."""
    with os.fdopen(os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT, _MODE)) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lines: list[str] = []
        if path.exists():
            read_keys(path)  # what is no file of keys is not replaced
            lines = path.read_text("utf-8").splitlines()
        before = list(lines)
        yield lines
        if lines != before:
            _replace(path, lines)


def _replace(path: Path, lines: Sequence[str]) -> None:
    """Write a file under its name once it is whole, for those who could read it before."""
    whole = path.with_name(f"{path.name}.new")
    whole.unlink(missing_ok=True)
    with os.fdopen(os.open(whole, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE), "w") as file:
        file.writelines(f"{line}\n" for line in lines)
        file.flush()
        os.fsync(file.fileno())
    if path.exists():
        status = path.stat()
        with contextlib.suppress(PermissionError):
            os.chown(whole, status.st_uid, status.st_gid)
        whole.chmod(status.st_mode & 0o777)
    whole.replace(path)


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "replace")).digest()
