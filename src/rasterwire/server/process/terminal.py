"""The terminal that a server was started in the foreground of."""

import os
import signal

__all__ = ["Terminal"]


class Terminal:
    """Tells whether the terminal was closed. Made at the start of a process, before it takes SIGHUP."""

    def __init__(self) -> None:
        """Look whether there is one, and whether SIGHUP was not to be heeded, as under ``nohup``."""
        self._ends_process = signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN and _is_foreground()

    def is_closed(self) -> bool:
        """Tell whether it was closed. Processes in the background and those without a terminal outlive it."""
        return self._ends_process and not _is_there()


def _is_foreground() -> bool:
    try:
        terminal = _opened()
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)


def _is_there() -> bool:
    try:
        os.close(_opened())
    except OSError:
        return False
    return True


def _opened() -> int:
    return os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
