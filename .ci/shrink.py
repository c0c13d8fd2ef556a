"""Takes from the packages of this environment what a server does not need, and tells what is left of each.

    python shrink.py SOURCES

SOURCES is the folder of the code, which says what it uses of a package of many parts.
"""

import ctypes
import os
import re
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

PACKAGES = Path(sysconfig.get_paths()["purelib"])

UNUSED = (
    "**/*.[ach]",  # of compilers: headers, static libraries and sources
    "**/*.hpp",
    "**/*.pxd",
    "**/*.pyi",
    "**/*.pyx",
    "**/include",
    "**/tests",
    "botocore/data/*",
    "cffi",  # what reads C; cryptography needs only the module beside it
    "dask/array",  # arrays, tables and bags are made of tasks, which servers send by themselves
    "dask/bag",
    "dask/dataframe",
    "distributed/http/static",  # the pages of the dashboard, which needs bokeh
    "distributed/http/templates",
    "distributed/dashboard",
    "numba/cuda",
    "numba/np/ufunc/*pool.*.so",  # threads of loops that numba makes parallel, which none of ours is
    "numpy/distutils",
    "numpy/f2py",
    "numpy/_core/_simd.*.so",  # for its own tests
)
"""Files and folders that no server reads."""

NEEDED = (
    "botocore/data/*.json",
    "botocore/data/s3",
    "botocore/data/signin",  # this and the rest are where keys come from
    "botocore/data/sso",
    "botocore/data/sso-oidc",
    "botocore/data/sts",
    "numpy/_core/tests/_natype.py",  # numpy.testing imports it
)
"""What of these is read all the same."""


def files(folder: Path) -> Iterator[Path]:
    """Give all files."""
    return (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def size(folder: Path) -> int:
    """Return the bytes of all files."""
    return sum(path.stat().st_size for path in files(folder))


def libraries() -> list[Path]:
    """Return all shared objects: modules for Python, and what they are linked to."""
    return sorted(path for path in files(PACKAGES) if re.search(r"\.so(\.|$)", path.name))


def remove_unused() -> None:
    """Remove what no server reads."""
    needed = {path for pattern in NEEDED for path in PACKAGES.glob(pattern)}
    for path in {path for pattern in UNUSED for path in PACKAGES.glob(pattern)} - needed:
        for file in [path] if path.is_file() else [*files(path)]:
            if not needed.intersection((file, *file.parents)):
                file.unlink(missing_ok=True)
    for folder in sorted((path for path in PACKAGES.rglob("*") if path.is_dir()), reverse=True):
        if not any(folder.iterdir()):  # Python would take it for a package without modules
            folder.rmdir()


def remove_codecs(sources: Path) -> None:
    """Remove the codecs of images that the code never names; imagecodecs loads each by itself."""
    text = "".join(path.read_text() for path in sources.rglob("*.py"))
    names = sorted(set(re.findall(r"\bimagecodecs\.(\w+)", text)))
    program = f"import imagecodecs, sys\nfor name in {names}: getattr(imagecodecs, name)\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], check=True, stdout=subprocess.PIPE, text=True)
    loaded = done.stdout.split()
    for path in (PACKAGES / "imagecodecs").glob("*.so"):
        if f"imagecodecs.{path.name.partition('.')[0]}" not in loaded:
            path.unlink()


def remove_unlinked() -> None:
    """Remove the libraries of wheels, in folders NAME.libs, that no module is linked to any more."""
    of_wheels = {path.name: path for path in libraries() if path.parent.name.endswith(".libs")}
    left = [path for path in libraries() if path not in of_wheels.values()]
    while left:
        found = subprocess.run(["readelf", "--dynamic", left.pop()], check=True, stdout=subprocess.PIPE, text=True)
        names = re.findall(r"\(NEEDED\).*\[(.+)\]", found.stdout)
        left.extend(of_wheels.pop(name) for name in names if name in of_wheels)
    for path in of_wheels.values():
        path.unlink()


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
    """Take the symbols from a library, or those for debuggers; it stays as it is where it cannot be loaded then."""
    stripped = library.with_name(f"stripped-{library.name}")
    for option in ("--strip-unneeded", "--strip-debug"):
        subprocess.run(["strip", option, "-o", stripped, library], check=True)
        if is_loaded(stripped):
            stripped.replace(library)
            return True
    stripped.unlink()  # tools that change libraries may leave them in a form that strip does not keep
    return False


def main(sources: Path) -> None:
    """Do it, and tell how much it was."""
    before = size(PACKAGES)
    remove_unused()
    remove_codecs(sources)
    remove_unlinked()
    count = sum(map(strip, libraries()))
    after = size(PACKAGES)
    print(f"{before / 1e6:.0f} MB became {after / 1e6:.0f} MB; {count} of {len(libraries())} libraries lost symbols")


main(Path(sys.argv[1]))
