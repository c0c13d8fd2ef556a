"""Takes from the packages of this environment what a server does not need: tests, and symbols for debuggers."""

import ctypes
import os
import shutil
import subprocess
import sysconfig
from pathlib import Path

PACKAGES = Path(sysconfig.get_paths()["purelib"])

NEEDED = ("numpy/_core/tests",)
"""Folders of tests that other modules import."""


def size() -> int:
    """Return the bytes of all files."""
    return sum(path.stat().st_size for path in PACKAGES.rglob("*") if path.is_file() and not path.is_symlink())


def is_loaded(library: Path) -> bool:
    """Tell whether a library can be loaded; in a process of its own, since some clash with others."""
    child = os.fork()
    if child == 0:
        try:
            ctypes.CDLL(str(library))
        except OSError:
            os._exit(1)
        os._exit(0)
    return os.waitpid(child, 0)[1] == 0


def strip(library: Path) -> bool:
    """Take the symbols from a library; it stays as it is where it could not be loaded without them."""
    stripped = library.with_name(f"stripped-{library.name}")
    subprocess.run(["strip", "--strip-unneeded", "-o", stripped, library], check=True)
    is_whole = is_loaded(stripped)
    if is_whole:
        stripped.replace(library)
    else:  # tools that change libraries may leave them in a form that strip does not keep
        stripped.unlink()
    return is_whole


def main() -> None:
    """Do it, and tell how much it was."""
    before = size()
    for folder in sorted(PACKAGES.rglob("tests")):
        if folder.is_dir() and not folder.relative_to(PACKAGES).as_posix().endswith(NEEDED):
            shutil.rmtree(folder)
    libraries = [path for path in sorted(PACKAGES.rglob("*.so")) if path.is_file() and not path.is_symlink()]
    count = sum(map(strip, libraries))
    print(f"{before / 1e6:.0f} MB became {size() / 1e6:.0f} MB; {count} of {len(libraries)} libraries lost symbols")


main()
