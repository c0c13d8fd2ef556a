"""Makes the file system of the image: Python, what it and its packages are linked to, and little else.

    python make_root.py ROOT ENVIRONMENT COMPILED

ENVIRONMENT is the virtual environment. COMPILED is a folder of compiled modules as PYTHONPYCACHEPREFIX lays it out;
they are put beside their sources. The files are those of Debian's packages on this machine. ROOT/var/lib/dpkg/status
names the packages that are left, by which scanners find them.
"""

import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

PACKAGES = ("base-files", "ca-certificates", "dash", "libc-bin", "netbase", "tzdata")
"""What Python does not link to: certificates, time zones, a shell, the names of ports, and a locale of UTF-8."""

OTHERS = ("etc/group", "etc/ld.so.conf", "etc/nsswitch.conf", "etc/passwd", "etc/ssl/certs/ca-certificates.crt")
"""Files that no package has."""

UNUSED = re.compile(
    r"/usr/share/(?!zoneinfo/)(?!doc/[^/]+/copyright$)"  # manuals, and programs for Perl
    r"|/usr/share/zoneinfo/(posix|right)/"
    r"|/(usr/)?s?bin/(?!(sh|dash|python3[.0-9]*|getent)$)"
    r"|/usr/lib/[^/]+/(gconv|audit|perl-base)/"  # character sets that GDAL knows by itself, or that vector formats have
    r"|/(var|etc)/(?!ssl/|os-release|debian_version|services$|protocols$|ld\.so\.conf\.d/)"
    r"|/python3[.0-9]*/(__pycache__|test|idlelib|lib2to3|ensurepip|tkinter|turtledemo|pydoc_data|distutils)/"
    r"|/python3[.0-9]*/(turtle.py|config-3|site-packages/|dist-packages/)"
)
"""Files of packages that no server reads."""

UNLINKED = re.compile(r"/(_tkinter|readline|_curses|_curses_panel|_dbm|_gdbm|nis)\.[^/]*\.so$")
"""Modules of Python for terminals and old databases, which bring libraries of their own."""


def output(*command: str) -> str:
    """Return what a command prints."""
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False).stdout


def is_used(path: str) -> bool:
    """Tell whether a server may read a file."""
    return not UNUSED.search(path) and not UNLINKED.search(path)


def python_files() -> Iterator[str]:
    """Give the files of Python itself, where it is not Debian's."""
    base = Path(sys.base_prefix)
    for found in (*base.glob("bin/python3*"), *base.glob("lib/libpython3*.so*")):
        if not found.name.endswith("-config"):
            yield str(found)
    for found in Path(sysconfig.get_paths()["stdlib"]).rglob("*"):
        if not found.is_dir():
            yield str(found)


def linked(folders: list[Path], of_python: set[str]) -> set[str]:
    """Return the files, outside of these folders, that the programs and libraries in them are linked to.

    Those of Python itself are not among them: where it is not Debian's, no package has its libpython3.
    """
    programs = [path for folder in folders for path in ([folder] if folder.is_file() else folder.rglob("*.so*"))]
    names = [str(path) for path in programs if path.is_file() and not UNLINKED.search(str(path))]
    found = re.findall(r"^\s+(?:\S+ => )?(/\S+) \(0x", output("ldd", *names), re.MULTILINE)
    others = {path for path in found if path not in of_python}
    return {path for path in others if not any(Path(path).resolve().is_relative_to(folder) for folder in folders)}


def package_of(path: str) -> str:
    """Return the package of Debian that has a file, whether it is named below /usr or not."""
    other = path.removeprefix("/usr") if path.startswith("/usr/") else f"/usr{path}"
    for name in (path, other, str(Path(path).resolve())):
        if text := output("dpkg", "--search", name):
            return text.split(": ")[0].split(",")[0]
    raise FileNotFoundError(f"no package has {path}")


def copy(path: str, root: Path) -> None:
    """Copy a file or a link; folders that are links, such as /lib, stay links."""
    place = root / (Path(path).parent.resolve() / Path(path).name).relative_to("/")
    if (Path(path).is_symlink() or Path(path).is_file()) and not place.is_symlink() and not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, place, follow_symlinks=False)


def put_compiled(compiled: Path, root: Path, environment: Path) -> None:
    """Put each compiled module beside its source."""
    for module in compiled.rglob("*.pyc"):
        folder = Path("/") / module.parent.relative_to(compiled)
        target = folder if folder.is_relative_to(environment) else root / folder.relative_to("/")
        if (target / f"{module.name.split('.')[0]}.py").is_file():
            (target / "__pycache__").mkdir(exist_ok=True)
            shutil.copy2(module, target / "__pycache__")


def main(root: Path, environment: Path, compiled: Path) -> None:
    """Make it, and tell its size."""
    for name in ("dev", "etc", "proc", "run", "sys", "tmp", "usr/bin", "usr/lib", "usr/sbin", "var/lib/dpkg"):
        (root / name).mkdir(parents=True)
    (root / "tmp").chmod(0o1777)
    for link in (path for path in Path("/").iterdir() if path.is_symlink()):
        (root / link.name).symlink_to(link.readlink())
    is_of_debian = sys.base_prefix == "/usr"
    standard = Path(sysconfig.get_paths()["stdlib"])
    python = Path(sys.executable).resolve()
    of_python = set() if is_of_debian else set(python_files())
    packages = {*PACKAGES, *map(package_of, linked([environment, standard, python], of_python))}
    if is_of_debian:
        version = f"python3.{sys.version_info.minor}"
        packages |= {"python3-minimal", f"{version}-minimal", f"lib{version}-minimal", f"lib{version}-stdlib"}
    paths = [path for name in packages for path in output("dpkg", "--listfiles", name).splitlines()]
    for path in filter(is_used, [*paths, *sorted(of_python)]):
        copy(path, root)
    for name in OTHERS:
        copy(f"/{name}", root)
    status = [output("dpkg", "--status", name).strip() for name in sorted(packages)]
    (root / "var/lib/dpkg/status").write_text("\n\n".join(status) + "\n")
    subprocess.run(["ldconfig", "-r", root], check=True)
    put_compiled(compiled, root, environment)
    megabytes = sum(path.lstat().st_size for path in root.rglob("*")) / 1e6
    print(f"{megabytes:.0f} MB of {len(packages)} packages: {' '.join(sorted(packages))}")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
