"""The log of a server, which holds no secret that opens a download."""

import logging
import re

_secret = re.compile(
    r"""(?<![0-9a-z_])(token(?:=|%3[dD]|["']?\s*[:=]\s*["']?))[^\s&"',;)}\]]+"""
    r"|([0-9a-f]{32})-[0-9a-f]{32}"
)


def log_to_stderr() -> None:
    """Write what this package and others log to standard error."""
    # asked for at each line, and told by none
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    handler = logging.StreamHandler()
    handler.setFormatter(Discreet("%(asctime)s %(levelname)s %(name)s %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])


class Discreet(logging.Formatter):
    """Leaves tokens out of whole entries: texts of errors and their tracebacks name addresses that hold them."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the entry; an id stays readable without its token."""
        return _secret.sub(lambda found: (found[1] or f"{found[2]}-") + "...", super().format(record))
