"""Forbids a process the system calls by which it could signal, trace or limit others of its user.

Linux on x86-64 and ARM64 alone; elsewhere nothing is forbidden. It needs no rights, holds for all threads and forks
that come later, and cannot be undone.
"""

import ctypes
import errno
import os
import platform
import struct
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["can_forbid_calls", "forbid_calls_to_others"]


@dataclass(frozen=True, slots=True)
class _Numbers:
    """Numbers of system calls of a machine.

    Attributes:
        machine: by which the kernel tells whose numbers these are.
        of_others: calls that are forbidden unless they are for this process.
        of_all: calls that are always forbidden.
        of_descriptors: fcntl and ioctl, which can say what process gets the signals of a descriptor.
    """

    machine: int
    of_others: tuple[int, ...]
    of_all: tuple[int, ...]
    of_descriptors: tuple[int, int]


_numbers = {
    "x86_64": _Numbers(
        machine=0xC000003E,
        # kill, tgkill, rt_sigqueueinfo, rt_tgsigqueueinfo, prlimit64
        of_others=(62, 234, 129, 297, 302),
        # tkill, pidfd_send_signal, pidfd_getfd, ptrace, process_vm_readv, process_vm_writev, setsid, setpgid
        of_all=(200, 424, 438, 101, 310, 311, 112, 109),
        of_descriptors=(72, 16),
    ),
    "aarch64": _Numbers(
        machine=0xC00000B7,
        of_others=(129, 131, 138, 240, 261),
        of_all=(130, 424, 438, 117, 270, 271, 157, 154),
        of_descriptors=(25, 29),
    ),
}

_owner_commands = (8, 15), (0x8901, 0x8902)
"""F_SETOWN and F_SETOWN_EX of fcntl; FIOSETOWN and SIOCSPGRP of ioctl."""

_NO_NEW_PRIVILEGES, _SET_FILTER, _FILTER = 38, 22, 2
"""Numbers of prctl, and of its mode of seccomp that takes a filter."""

_LOAD, _IF_EQUAL, _IF_AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
"""Instructions of a filter."""

_NUMBER_AT, _MACHINE_AT, _FIRST_AT, _SECOND_AT = 0, 4, 16, 24
"""Places of the number of a call, of the machine, and of the lower halves of the first two arguments."""

_ALLOWED, _REFUSED, _ENDED = 0x7FFF0000, 0x00050000 | errno.EPERM, 0x80000000

_FIRST_OF_X32 = 0x40000000
"""Calls of x86-64 from this number on are the same once more."""

_INSTRUCTION = struct.Struct("<HBBI")


class _Program(ctypes.Structure):
    _fields_ = (("count", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def forbid_calls_to_others() -> bool:
    """Forbid this process calls to others, and to leave its group; return whether the system does so.

    Call it while there is one thread. A call that is forbidden fails with ``PermissionError``.
    """
    numbers = _numbers.get(platform.machine())
    if not sys.platform.startswith("linux") or sys.byteorder != "little" or numbers is None:
        return False
    instructions = b"".join(_instructions(numbers, os.getpid()))
    program = _Program(len(instructions) // _INSTRUCTION.size, instructions)
    control = ctypes.CDLL(None, use_errno=True).prctl
    control.argtypes = [ctypes.c_int, *(ctypes.c_ulong,) * 4]
    if control(_NO_NEW_PRIVILEGES, 1, 0, 0, 0):
        return False
    return bool(control(_SET_FILTER, _FILTER, ctypes.addressof(program), 0, 0) == 0)


def can_forbid_calls() -> bool:
    """Tell whether ``forbid_calls_to_others`` does so here; it is tried in a process of its own."""
    trial = f"import sys; from {__name__} import forbid_calls_to_others as forbid; sys.exit(not forbid())"
    return subprocess.run([sys.executable, "-P", "-c", trial], check=False, capture_output=True).returncode == 0


def _instructions(numbers: _Numbers, own: int) -> Iterator[bytes]:
    def instruction(code: int, operand: int, if_so: int = 0, if_not: int = 0) -> bytes:
        return _INSTRUCTION.pack(code, if_so, if_not, operand)

    yield instruction(_LOAD, _MACHINE_AT)
    yield instruction(_IF_EQUAL, numbers.machine, if_so=1)
    yield instruction(_RETURN, _ENDED)
    yield instruction(_LOAD, _NUMBER_AT)
    yield instruction(_IF_AT_LEAST, _FIRST_OF_X32, if_not=1)
    yield instruction(_RETURN, _REFUSED)
    for number in numbers.of_all:
        yield instruction(_IF_EQUAL, number, if_not=1)
        yield instruction(_RETURN, _REFUSED)
    for number in numbers.of_others:
        # a limit of process 0 is one of this process, but a signal to it is one to the group
        selves = (own, 0) if number == numbers.of_others[-1] else (own,)
        yield instruction(_IF_EQUAL, number, if_not=2 * len(selves) + 2)
        yield instruction(_LOAD, _FIRST_AT)
        for process in selves:
            yield instruction(_IF_EQUAL, process, if_not=1)
            yield instruction(_RETURN, _ALLOWED)
        yield instruction(_RETURN, _REFUSED)
    for number, commands in zip(numbers.of_descriptors, _owner_commands, strict=True):
        yield instruction(_IF_EQUAL, number, if_not=2 * len(commands) + 2)
        yield instruction(_LOAD, _SECOND_AT)
        for command in commands:
            yield instruction(_IF_EQUAL, command, if_not=1)
            yield instruction(_RETURN, _REFUSED)
        yield instruction(_RETURN, _ALLOWED)
    yield instruction(_RETURN, _ALLOWED)
