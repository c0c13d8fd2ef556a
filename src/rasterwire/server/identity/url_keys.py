"""Addresses of downloads that are signed, so that they hold no token, end with their download, and can be revoked.

A line of a file of keys is the id of a key, which addresses name, and its secret in hexadecimal. The first key signs,
and all of them are taken: so a new one is put on top, and the old one is deleted when its addresses are over. Lines
that begin with # are comments.
"""

import hashlib
import hmac
import logging
import re
import secrets
from collections.abc import Mapping
from pathlib import Path

__all__ = ["UrlSigner", "read_url_keys"]

_MAX_FILE = 1 << 16
"""Bytes of a file of keys."""

_line = re.compile(r"([A-Za-z0-9._-]{1,64}) +([0-9a-fA-F]{64,256})", re.ASCII)
_expires = re.compile(r"[0-9]{1,12}", re.ASCII)

_NO_KEY = secrets.token_bytes(32)
"""Signs in place of a key that is not there, so that the answer takes as long."""

_log = logging.getLogger("rasterwire.server")


def read_url_keys(path: Path) -> dict[str, bytes]:
    """Return the secrets of a file by their ids, in its order.

    Raises:
        OSError: it cannot be read.
        ValueError: with a sentence, where a line is no key, or there is none.
    """
    if path.stat().st_size > _MAX_FILE:
        raise ValueError(f"the file has more than {_MAX_FILE} bytes; is it the right one?")
    keys: dict[str, bytes] = {}
    for number, line in enumerate(path.read_text("utf-8", "replace").splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        match = _line.fullmatch(line.strip())
        # the line is not shown: it may be a secret
        if match is None or len(match[2]) % 2:
            raise ValueError(f"line {number} is no key; write an id and, after a space, 64 or more hexadecimal digits")
        if match[1] in keys:
            raise ValueError(f"line {number} has the id of another key; call it otherwise")
        keys[match[1]] = bytes.fromhex(match[2])
    if not keys:
        raise ValueError("the file holds no key; write an id and, after a space, 64 or more hexadecimal digits")
    return keys


class UrlSigner:
    """Signs addresses of downloads, and checks them. Used by the event loop alone."""

    def __init__(self, path: Path) -> None:
        """Read the keys of a file.

        Raises:
            OSError, ValueError: see ``read_url_keys``.
        """
        self._path = path
        self._keys = read_url_keys(path)

    def sign(self, download_id: str, expires: int) -> str:
        """Return the query of an address that ends at ``expires``, in seconds since 1970."""
        name = next(iter(self._keys))
        signature = _signature(self._keys[name], name, download_id, f"{expires}")
        return f"expires={expires}&key={name}&signature={signature}"

    def is_valid(self, download_id: str, query: Mapping[str, str], now: float) -> bool:
        """Tell whether a query is one of ``sign`` for a download, and not over."""
        name, expires = query.get("key", ""), query.get("expires", "")
        expected = _signature(self._keys.get(name, _NO_KEY), name, download_id, expires)
        is_right = hmac.compare_digest(expected.encode(), query.get("signature", "").encode("utf-8", "replace"))
        return is_right and _expires.fullmatch(expires) is not None and now < int(expires)

    def reload(self) -> None:
        """Read the keys again; where they are wrong, those from before stay."""
        try:
            self._keys = read_url_keys(self._path)
        except (OSError, ValueError) as error:
            problem = getattr(error, "strerror", None) or error
            _log.error("url_keys_file: %s; the keys from before stay valid", problem)


def _signature(key: bytes, name: str, download_id: str, expires: str) -> str:
    signed = "\n".join(("rasterwire getPixels 1", name, download_id, expires))
    return hmac.new(key, signed.encode("utf-8", "replace"), hashlib.sha256).hexdigest()
