"""Loops that run as machine code, and what runs until the compiler has made it."""

import contextlib
import hashlib
import importlib.metadata
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from llvmlite import binding
from numba import config, njit

__all__ = [
    "TYPES",
    "Loop",
    "are_kept",
    "carried",
    "carrier",
    "compiled",
    "keep_for_install",
    "loop",
    "loops_here",
    "note_kept",
    "run_twins",
]

TYPES = ("uint8", "uint16", "int16", "float32", "float64", "int64", "uint64")
"""Types of pixels that loops are compiled for."""

_carriers = {"int8": "int16", "uint32": "float64", "int32": "float64"}
"""Types that loops take as another one that holds their values, so that fewer loops are compiled."""

_SOURCES = (
    "compiled.py",
    "files/lzw.py",
    "sorting.py",
    "files/decoded_tile.py",
    "render/kernels.py",
    "render/mean_kernels.py",
    "render/area_kernels.py",
    "nodes/loops.py",
    "nodes/rank.py",
    "expression/functions/image/distance.py",
)
"""Files that make machine code. numba itself looks at the file of a function alone, not at those of what it calls."""

_INNER: dict[str, Any] = {"nogil": True, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
_OUTER: dict[str, Any] = {"nogil": True, "no_cfunc_wrapper": True}
"""Options of numba: functions that nobody calls from Python or C compile a fifth faster without entries for them."""

_NOTE = "complete"
"""A file that tells how many loops are kept, written when all are."""

_package = Path(__file__).parent


def _setting(name: str) -> str:
    """Return a setting of numba, which reads them from the environment; "" where there is none."""
    return str(getattr(config, name, None) or "")


def _versions() -> str:
    """Return what machine code depends on, in short: sources, compiler, processor; and where numba finds it again."""
    digest = hashlib.sha256(str(_package).encode())  # numba keeps loops by the path of their file
    for name in _SOURCES:
        digest.update((_package / name).read_bytes())
    packages = (importlib.metadata.version(name) for name in ("numba", "llvmlite", "numpy"))
    # as numba takes them: of the machine, where NUMBA_CPU_NAME and NUMBA_CPU_FEATURES name no others
    name, features = _setting("CPU_NAME"), _setting("CPU_FEATURES")
    host_features = "" if name or features else binding.get_host_cpu_features().flatten()
    cpu = name or binding.get_host_cpu_name(), features or host_features
    digest.update(repr((sys.version_info[:2], *packages, *cpu)).encode())
    return digest.hexdigest()[:16]


def _folder() -> Path:
    """Return where compiled loops are kept: beside nothing that a package manager owns, one folder for all versions."""
    # NUMBA_CACHE_DIR, where that is set
    try:
        base = Path(folder) if (folder := _setting("CACHE_DIR")) else Path.home() / ".cache" / "rasterwire"
    except RuntimeError:  # a user without a home
        base = _package / "__pycache__"
    return base / f"loops-{_versions()}"


def _installed() -> Path:
    """Return where ``rasterwire warm --install`` keeps loops, in the environment of this Python."""
    return Path(sys.prefix) / "share" / "rasterwire" / "loops"


def _is_complete(folder: Path) -> bool:
    try:
        return len(list(folder.rglob("*.nbc"))) >= int((folder / _NOTE).read_text())
    except (OSError, ValueError):
        return False


def _prepare() -> Path:
    """Bring installed loops to where they are kept, since numba loads none from a place that it cannot write to."""
    folder = _folder()
    installed = _installed() / folder.name
    if not _is_complete(folder) and _is_complete(installed):
        try:
            shutil.copytree(installed, folder, dirs_exist_ok=True)
        except OSError:  # a read-only machine with installed loops: for as long as this process runs
            folder = Path(tempfile.mkdtemp(prefix="rasterwire-loops-")) / folder.name
            shutil.copytree(installed, folder)
    config.CACHE_DIR = str(folder)  # type: ignore[attr-defined]
    return folder


_kept_in = _prepare()
_runs_twins = False
_thread = threading.local()


def are_kept() -> bool:
    """Tell whether all loops were compiled for this version and processor, and are kept."""
    return _is_complete(_kept_in)


def note_kept() -> None:
    """Note that all loops were compiled; nothing where nothing can be kept."""
    if _kept_in.is_dir():
        (_kept_in / _NOTE).write_text(str(len(list(_kept_in.rglob("*.nbc")))))


def keep_for_install() -> Path:
    """Keep what was compiled in the environment of this Python, for whoever starts from it; return where."""
    place = _installed() / _kept_in.name
    shutil.copytree(_kept_in, place, dirs_exist_ok=True)
    return place


def run_twins(are_run: bool) -> None:
    """Let twins run in place of loops, in the whole process, so that nobody waits for a compiler; or loops again."""
    global _runs_twins  # noqa: PLW0603  one compiler a process, and one answer to whether it is done
    _runs_twins = are_run


def carrier(dtype: str) -> str:
    """Return the type in which loops take pixels of a type.

    >>> carrier("int8"), carrier("int32"), carrier("uint16")
    ('int16', 'float64', 'uint16')
    """
    return _carriers.get(dtype, dtype)


def carried(data: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return pixels as loops take them: of few types, in C order, and writable, each of which is a type to numba."""
    return np.require(data, carrier(str(data.dtype)), ["C", "W"])


@contextlib.contextmanager
def loops_here() -> Iterator[None]:
    """Run loops and no twins in this thread, so that they are compiled or loaded while twins serve."""
    _thread.are_loops = True
    try:
        yield
    finally:
        _thread.are_loops = False


def compiled(function: Callable[..., Any]) -> Any:
    """Compile a function that only loops call, and are kept with, once for each set of argument types."""
    return njit(**_INNER)(function)


def _compiled_loop(function: Callable[..., Any]) -> Any:
    try:
        return njit(**_OUTER, cache=True)(function)
    except RuntimeError:  # a read-only machine has nowhere to keep what was compiled
        return njit(**_OUTER)(function)


class Loop:
    """A compiled function that Python calls.

    Attributes:
        machine: numba's dispatcher.
        twin: does the same by NumPy, to the bit, in more time.
    """

    __slots__ = ("machine", "twin")

    def __init__(self, function: Callable[..., Any], twin: Callable[..., Any]) -> None:
        self.machine = _compiled_loop(function)
        self.twin = twin

    def __call__(self, *arguments: Any) -> Any:
        """Run the loop, or its twin while loops are compiled."""
        if _runs_twins and not getattr(_thread, "are_loops", False):
            return self.twin(*arguments)
        return self.machine(*arguments)


def loop(twin: Callable[..., Any]) -> Callable[[Callable[..., Any]], Loop]:
    """Make a loop of a function; ``twin`` takes the same arguments, and makes the same of them."""
    return lambda function: Loop(function, twin)
