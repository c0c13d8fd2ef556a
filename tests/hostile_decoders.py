"""What a hostile file may make of a decoder, to run in a child."""

import contextlib
import ctypes
import errno
import fcntl
import os
import resource
import signal
import socket
import stat
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
from pyproj.exceptions import ProjError
from rasterio._err import CPLE_OpenFailedError
from rasterio.errors import CRSError, RasterioIOError

from rasterwire.catalog.header import Header, _read
from rasterwire.errors import SourceUnavailable
from rasterwire.files.gdal_calls import gdal_calls
from rasterwire.files.sandbox_messages import array_of
from rasterwire.image import Band
from rasterwire.pixels import Pixels, Window
from rasterwire.render.source import _stored_pixels


def be_ready() -> None:
    """Do nothing; the module of this function is loaded before the first call."""


def loop_for_ever(_path: str) -> None:
    """Use processor time."""
    while True:
        pass


def sleep_for_ever(_path: str) -> None:
    """Use no processor time."""
    signal.pause()


def loop_until(path: str) -> int:
    """Return the process that runs this, once a file is there."""
    Path(path + ".begun").touch()
    while not Path(path).exists():
        pass
    return os.getpid()


def allocate_without_end(_path: str) -> None:
    """Ask for memory until there is none."""
    parts = []
    while True:
        parts.append(np.empty(64 << 20, np.uint8))


def end_by(number: int) -> None:
    """End by a signal."""
    os.kill(os.getpid(), number)


def exit_with(code: int) -> None:
    """End at once."""
    os._exit(code)


def process_id(_path: str) -> int:
    """Return the process that runs this."""
    return os.getpid()


def reach_others(server: int) -> dict[str, str]:
    """Try to signal, trace and limit other processes, and to leave the group; return what came of it."""
    other = os.getppid()
    library = ctypes.CDLL(None, use_errno=True)

    def ptrace() -> None:
        if library.ptrace(16, server, 0, 0) < 0:  # to attach
            raise OSError(ctypes.get_errno(), "")

    def read_memory() -> None:
        if library.process_vm_readv(server, 0, 0, 0, 0, 0) < 0:
            raise OSError(ctypes.get_errno(), "")

    def own(command: int, number: int) -> None:
        with socket.socket() as some:
            if command == fcntl.F_SETOWN:
                fcntl.fcntl(some, command, number)
            else:
                fcntl.ioctl(some, command, struct.pack("<i", number))

    tried: dict[str, Callable[[], object]] = {
        "signals of a descriptor": lambda: own(fcntl.F_SETOWN, server),
        "signals of a socket": lambda: own(0x8901, server),  # FIOSETOWN
        "signals of a socket, by its other name": lambda: own(0x8902, server),  # SIOCSPGRP
        "a signal to the server": lambda: os.kill(server, 0),
        "a signal to the process that forks": lambda: os.kill(other, 0),
        "a signal to the group": lambda: os.kill(0, 0),
        "a signal to another group": lambda: os.killpg(os.getpgid(server), 0),
        "a signal by a descriptor": lambda: signal.pidfd_send_signal(os.pidfd_open(server), 0),
        "a limit of the server": lambda: resource.prlimit(server, resource.RLIMIT_CPU),
        "a session": os.setsid,
        "a trace": ptrace,
        "its memory": read_memory,
    }
    results = {}
    for name, attempt in tried.items():
        try:
            attempt()
            results[name] = "done"
        except OSError as error:
            results[name] = errno.errorcode[error.errno or 0]
    os.kill(os.getpid(), 0)
    resource.setrlimit(resource.RLIMIT_CPU, resource.getrlimit(resource.RLIMIT_CPU))
    return results


def announce(count: int) -> None:
    """Tell of an answer of so many bytes, on the socket to the server, and send none of them."""
    numbers = (int(path.name) for path in Path("/proc/self/fd").iterdir() if int(path.name) > 2)
    for number in numbers:
        with contextlib.suppress(OSError):
            if stat.S_ISSOCK(os.fstat(number).st_mode):
                os.write(number, struct.pack("<QQQ", 0, 1, count))
    signal.pause()


def take_over(_path: str) -> None:
    """Answer each further call that asks for the process with -1."""
    globals()["process_id"] = minus_one


def minus_one(_path: str) -> int:
    """Return what no process has."""
    return -1


def beginning(_path: str) -> tuple[int, int, int]:
    """Return how many threads there are, the process that forked this one, and how many sockets are open."""
    threads = len(list(Path("/proc/self/task").iterdir()))
    return threads, os.getppid(), sum(name.startswith("socket:") for name in open_files(""))


def environment(_path: str) -> dict[str, str]:
    """Return the environment of the process."""
    return dict(os.environ)


def open_files(_path: str) -> list[str]:
    """Return what the open files of the process are."""
    names = []
    for entry in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):  # that of the folder itself
            names.append(str(entry.readlink()))
    return names


def refuse(path: str) -> None:
    """Raise the error of a damaged file."""
    raise SourceUnavailable("", "", f"{path} is damaged")


SECRET = "/var/lib/secret"
"""Part of the path of a file that clients must not see."""


def raise_as_libraries_do(band: Band, *_arguments: object) -> Pixels:
    """Raise an error of the library that the name of the file says, with a path in its text."""
    text = f"Cannot open {SECRET}/proj.db"
    causes = {
        "proj": ProjError(text),
        "crs": CRSError(text),
        "gdal": RasterioIOError(text),
        "gdal_bare": CPLE_OpenFailedError(1, 4, text),
        "system": OSError(2, "No such file", text),
        "other": RuntimeError(text),
    }
    cause = causes[Path(band.href).stem]
    if Path(band.href).stem in {"proj", "crs", "gdal", "gdal_bare"}:
        with gdal_calls(band.name):
            raise cause
    raise cause


def fail(_path: str) -> None:
    """Raise an error of the program."""
    raise LookupError("a fault of the program")


def give(answer: object) -> object:
    """Return the argument."""
    return answer


class Code:
    """Runs code where it is unpickled."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return eval, ("__import__('os').abort()",)


def send_code(_path: str) -> object:
    """Return what runs code in the process that reads the answer."""
    return Code()


def raise_no_process(*_arguments: object, **_options: object) -> None:
    """Fail as the system does where it has no memory for another process."""
    raise BlockingIOError("no process")


class Call:
    """What calls a function with arguments in the process that reads the answer."""

    def __init__(self, function: Callable[..., object], *arguments: object) -> None:
        self._call = function, arguments

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return self._call


def send_addresses(how: str) -> object:
    """Return what makes an array whose items are at an address of the sender's choice."""
    if how == "buffer":
        return Call(np.ndarray, (1,), "O", bytearray(b"\x01" * 8))
    if how == "type":
        return Call(np.dtype, "O")
    if how == "memory":
        return Call(bytearray, 1 << 30)
    return Call(array_of, b"\x01" * 8, "O", (1,))


def send_nonsense(_path: str) -> None:
    """Write what is no message to the other process."""
    for number in range(3, 64):
        with contextlib.suppress(OSError):
            if stat.S_ISSOCK(os.fstat(number).st_mode):
                os.write(number, b"\xff" * 64)
    signal.pause()


def raise_at_start() -> None:
    """Keep a child from starting."""
    raise OSError("no start")


def read_header_or_end(path: str) -> Header:
    """Read a header, unless the name of the file says that it ends the process."""
    if "hostile_header" in path:
        end_by(signal.SIGSEGV)
    return _read(path)


def read_pixels_or_end(band: Band, overview: int | None, window: Window, until: int | None) -> Pixels:
    """Read pixels, unless the name of the file says that it ends the process."""
    if "hostile_pixels" in band.href:
        end_by(signal.SIGSEGV)
    return _stored_pixels(band, overview, window, until)
