"""The log of a server, which holds no secret that opens a download."""

import json
import logging
import re
from datetime import UTC, datetime

NOTHING_TO_RELOAD = (
    "nothing to read again: there are no [[tenants]], [tls], audit_file or auth.url_keys_file; to change other "
    "settings, restart the server"
)
"""What a server says to SIGHUP where it has no files that it reads again."""

_secret = re.compile(
    r"""(?<![0-9a-z_])(token(?:=|%3[dD]|["']?\s*[:=]\s*["']?))[^\s&"',;)}\]]+"""
    r"|([0-9a-f]{32})-[0-9a-f]{32}"
)


def log_to_stderr(form: str = "text") -> None:
    """Write what this package and others log to standard error.

    Args:
        form: ``text`` for people, or ``json``: an object a line.
    """
    # asked for at each line, and told by none
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    handler = logging.StreamHandler()
    text = Discreet("%(asctime)s %(levelname)s %(name)s %(message)s")
    handler.setFormatter(JsonLines() if form == "json" else text)
    logging.basicConfig(level=logging.INFO, handlers=[handler])


def _without_secrets(text: str) -> str:
    """Return a text in which an id stays readable without its token."""
    return _secret.sub(lambda found: (found[1] or f"{found[2]}-") + "...", text)


class Discreet(logging.Formatter):
    """Leaves tokens out of whole entries: texts of errors and their tracebacks name addresses that hold them."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the entry."""
        return _without_secrets(super().format(record))


class JsonLines(logging.Formatter):
    """Writes an entry as one line of JSON, without tokens: each text loses its own before it is quoted."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the entry, with what it tells of a call as members of their own."""
        entry: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            entry["traceback"] = self.formatException(record.exc_info)
        return json.dumps({k: _without_secrets(v) if isinstance(v, str) else v for k, v in entry.items()})
