"""Loops that run as machine code, and their twins in NumPy, which run until the loops are compiled."""

import contextlib
import ctypes
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
    "are_cached",
    "carried",
    "carrier",
    "compiled",
    "inlined",
    "install_cache",
    "loop",
    "loops_in_thread",
    "mark_cached",
    "run_twins",
    "shed_compiler",
]

TYPES = ("uint8", "uint16", "int16", "float32", "float64", "int64", "uint64")
"""Types of pixels for which loops are compiled."""

_carriers = {"int8": "int16", "uint32": "float64", "int32": "float64"}
"""Types whose pixels loops take in another type that holds their values, so that fewer loops are compiled."""

_SOURCES = (
    "compiled.py",
    "files/lzw.py",
    "sorting.py",
    "files/decoded_tile.py",
    "render/kernels.py",
    "render/rules.py",
    "render/weight_kernels.py",
    "render/mean_kernels.py",
    "render/area_kernels.py",
    "nodes/loops.py",
    "nodes/rank.py",
    "expression/functions/image/distance.py",
)
"""Files with compiled functions. numba itself checks only the file of a function, and not those of its callees."""

_INNER: dict[str, Any] = {"nogil": True, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
_OUTER: dict[str, Any] = {"nogil": True, "no_cfunc_wrapper": True}
"""Options of numba: functions that Python and C never call compile a fifth faster without entry points for them."""

_NOTE = "complete"
"""A file with the number of cached loops, written when all are there."""

_package = Path(__file__).parent


def _setting(name: str) -> str:
    """Return a setting of numba, which reads them from the environment; "" where there is none."""
    return str(getattr(config, name, None) or "")


def _versions() -> str:
    """Return a digest of what machine code depends on: sources, compiler, processor, and the path of the package."""
    digest = hashlib.sha256(str(_package).encode())  # numba caches loops by the path of their file
    for name in _SOURCES:
        digest.update((_package / name).read_bytes())
    packages = (importlib.metadata.version(name) for name in ("numba", "llvmlite", "numpy"))
    # those of the machine, unless NUMBA_CPU_NAME and NUMBA_CPU_FEATURES name others
    name, features = _setting("CPU_NAME"), _setting("CPU_FEATURES")
    host_features = "" if name or features else binding.get_host_cpu_features().flatten()
    cpu = name or binding.get_host_cpu_name(), features or host_features
    digest.update(repr((sys.version_info[:2], *packages, *cpu)).encode())
    return digest.hexdigest()[:16]


def _folder() -> Path:
    """Return the folder of the cached loops of this version, outside of folders that a package manager owns."""
    # NUMBA_CACHE_DIR, where it is set
    try:
        base = Path(folder) if (folder := _setting("CACHE_DIR")) else Path.home() / ".cache" / "rasterwire"
    except RuntimeError:  # a user without a home
        base = _package / "__pycache__"
    return base / f"loops-{_versions()}"


def _installed() -> Path:
    """Return the folder of ``rasterwire warm --install``, in the environment of this Python."""
    return Path(sys.prefix) / "share" / "rasterwire" / "loops"


def _is_complete(folder: Path) -> bool:
    try:
        return len(list(folder.rglob("*.nbc"))) >= int((folder / _NOTE).read_text())
    except (OSError, ValueError):
        return False


def _prepare() -> Path:
    """Copy installed loops to the cache, since numba loads none from a folder that it cannot write to."""
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


_MADV_DONTNEED = 4
"""Of madvise(2)."""

_cache_folder = _prepare()
_loops: "list[Loop]" = []
_runs_twins = False
_thread = threading.local()


def are_cached() -> bool:
    """Tell whether the cache has all loops for this version and processor."""
    return _is_complete(_cache_folder)


def mark_cached() -> None:
    """Mark the cache as complete; does nothing where there is no cache."""
    if _cache_folder.is_dir():
        (_cache_folder / _NOTE).write_text(str(len(list(_cache_folder.rglob("*.nbc")))))


def install_cache() -> Path:
    """Copy the cache to the environment of this Python, for all users of it; return the folder."""
    folder = _installed() / _cache_folder.name
    shutil.copytree(_cache_folder, folder, dirs_exist_ok=True)
    return folder


def run_twins(are_run: bool) -> None:
    """Run twins in place of loops in the whole process, so that no request waits for the compiler; or loops again."""
    global _runs_twins  # noqa: PLW0603  the process has one compiler, which is done or is not
    _runs_twins = are_run


def shed_compiler() -> None:
    """Let go of what only a compiler needs, once all loops are there: 40 MB, and 50 MB of its program.

    numba keeps each loop a second time, in the form in which others could be compiled with it, and nothing calls a loop
    but Python. The code of the compiler is read again from its file where it runs again.
    """
    for loop in _loops:
        for result in list(getattr(loop.machine, "overloads", {}).values()):  # others may compile meanwhile
            if getattr(result.library, "_shared_module", None) is not None:
                result.library._shared_module = None  # noqa: SLF001  as it is before it is asked for
    if sys.platform != "linux":
        return
    madvise = getattr(ctypes.CDLL(None), "madvise", None)
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/maps").read_text().splitlines():
            place, rights, *_, path = line.split(maxsplit=5)
            if madvise is not None and rights == "r-xp" and Path(path).name.startswith("libllvmlite"):
                begin, end = (int(address, 16) for address in place.split("-"))
                madvise(ctypes.c_void_p(begin), ctypes.c_size_t(end - begin), _MADV_DONTNEED)


def carrier(dtype: str) -> str:
    """Return the type in which loops take pixels of a type.

    >>> carrier("int8"), carrier("int32"), carrier("uint16")
    ('int16', 'float64', 'uint16')
    """
    return _carriers.get(dtype, dtype)


def carried(data: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return pixels in the form that loops take: in C order, writable, and of few types. To numba each is a type."""
    return np.require(data, carrier(str(data.dtype)), ["C", "W"])


@contextlib.contextmanager
def loops_in_thread() -> Iterator[None]:
    """Run loops and no twins in this thread, so that loops are compiled or loaded while other threads run twins."""
    _thread.are_loops = True
    try:
        yield
    finally:
        _thread.are_loops = False


def compiled(function: Callable[..., Any]) -> Any:
    """Compile a function that only loops call, once for each set of argument types; it is cached with the loops."""
    return njit(**_INNER)(function)


def inlined(function: Callable[..., Any]) -> Any:
    """Compile a function into each of its callers: one of few operations, that several loops call for each pixel."""
    return njit(**_INNER, inline="always")(function)


def _compiled_loop(function: Callable[..., Any]) -> Any:
    try:
        return njit(**_OUTER, cache=True)(function)
    except RuntimeError:  # a read-only machine has no cache
        return njit(**_OUTER)(function)


class Loop:
    """A compiled function that Python calls.

    Attributes:
        machine: numba's dispatcher.
        twin: a slower function by NumPy, whose results are equal to the bit.
    """

    __slots__ = ("machine", "twin")

    def __init__(self, function: Callable[..., Any], twin: Callable[..., Any]) -> None:
        self.machine = _compiled_loop(function)
        self.twin = twin
        _loops.append(self)

    def __call__(self, *arguments: Any) -> Any:
        """Run the loop, or its twin while loops are compiled."""
        if _runs_twins and not getattr(_thread, "are_loops", False):
            return self.twin(*arguments)
        return self.machine(*arguments)


def loop(twin: Callable[..., Any]) -> Callable[[Callable[..., Any]], Loop]:
    """Make a loop of a function; ``twin`` takes the same arguments and gives the same results."""
    return lambda function: Loop(function, twin)
