"""What the image is built from: its lock, and the document that tells what is in it."""

import importlib
import json
import re
import subprocess
import sys
import sysconfig
import types
from importlib.machinery import SourceFileLoader
from importlib.metadata import distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

LEFT_OUT = ("geopandas", "pandas", "pyarrow", "pycparser", "pygments", "pyogrio", "stac_geoparquet", "xarray")
"""Modules that other environments have, and the image does not."""


LINKS = """\
	linux-vdso.so.1 (0x00007f0cb2c21000)
	libpython3.11.so.1.0 => /usr/local/lib/libpython3.11.so.1.0 (0x00007f0cb2600000)
	libc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f0cb241e000)
	liba.so => {environment}/liba.so (0x00007f0cb231e000)
	libb.so => not found
	/lib64/ld-linux-x86-64.so.2 (0x00007f0cb2c23000)
"""
"""What ldd says of a Python that has a libpython3 of its own, as that of the default base image."""


def make_root() -> types.ModuleType:
    """Load what makes the file system of the image."""
    loader = SourceFileLoader("make_root", str(ROOT / ".ci" / "make_root.py"))
    module = types.ModuleType(loader.name)
    loader.exec_module(module)
    return module


def lock() -> str:
    return (ROOT / "requirements-image.lock").read_text()


_IMPORT_ALL = f"""
import importlib, pkgutil, sys
sys.modules.update(dict.fromkeys({LEFT_OUT!r}))
import botocore.session, distributed, h5netcdf, jwt, obstore, opentelemetry.sdk.trace, psycopg, pystac_client, zarr
import rasterwire
for module in pkgutil.walk_packages(rasterwire.__path__, "rasterwire."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
"""


def test_all_can_be_imported_without_what_the_image_does_not_have() -> None:
    for module in LEFT_OUT:
        assert not re.search(rf"^{module.replace('_', '[-_]')}==", lock(), re.MULTILINE), module
    done = subprocess.run([sys.executable, "-c", _IMPORT_ALL], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_document_names_every_package_once(tmp_path: Path) -> None:
    packages = Path(sysconfig.get_paths()["purelib"])
    folder = tmp_path / "opt" / "venv" / "lib" / "python3.11"
    folder.mkdir(parents=True)
    (folder / "site-packages").symlink_to(packages)
    status = tmp_path / "var" / "lib" / "dpkg" / "status"
    status.parent.mkdir(parents=True)
    status.write_text(
        "Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2.36-9+deb12u1\n"
        "Description: a\n b\n\n"
        "Package: gone\nStatus: deinstall ok config-files\nArchitecture: amd64\nVersion: 1\n"
    )
    command = [sys.executable, str(ROOT / ".ci" / "sbom"), str(tmp_path), "1.2.3"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert text == subprocess.run(command, capture_output=True, text=True, check=True).stdout
    document = json.loads(text)
    addresses = [component["purl"] for component in document["components"]]
    assert len(set(addresses)) == len(addresses)
    names = {
        re.sub(r"[-_.]+", "-", package.metadata["Name"]).lower() for package in distributions(path=[str(packages)])
    }
    expected = names - {"rasterwire"} | {"libc6"}
    assert {component["name"] for component in document["components"]} == expected
    assert "pkg:deb/debian/libc6@2.36-9%2Bdeb12u1?arch=amd64" in addresses


def test_the_document_is_one_of_cyclonedx(tmp_path: Path) -> None:
    validation = pytest.importorskip(
        "cyclonedx.validation.json", reason="cyclonedx-python-lib is not installed; make test-deployment does it"
    )
    from cyclonedx.schema import SchemaVersion

    (tmp_path / "opt/venv/lib/python3.11").mkdir(parents=True)
    (tmp_path / "opt/venv/lib/python3.11/site-packages").symlink_to(sysconfig.get_paths()["purelib"])
    command = [sys.executable, str(ROOT / ".ci" / "sbom"), str(tmp_path), "1.2.3"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert validation.JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None


def test_what_the_build_of_the_image_asks_of_the_package_is_there() -> None:
    script = (ROOT / ".ci" / "build-image").read_text()
    names = re.findall(r"from (rasterwire[\w.]*) import (\w+)", script)
    assert len(names) >= 2
    for module, name in names:
        assert hasattr(importlib.import_module(module), name), f"{module}.{name}"


def test_no_package_is_asked_for_the_library_of_python_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = make_root()
    (tmp_path / "a.so").touch()
    monkeypatch.setattr(module, "output", lambda *_: LINKS.format(environment=tmp_path))
    system = {"/lib/x86_64-linux-gnu/libc.so.6", "/lib64/ld-linux-x86-64.so.2"}
    own = "/usr/local/lib/libpython3.11.so.1.0"
    assert module.linked([tmp_path], {own}) == system
    assert module.linked([tmp_path], set()) == {*system, own}, "Debian's has a package"


def test_the_files_of_python_have_all_that_it_is_linked_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = make_root()
    for name in ("bin/python3.11", "bin/python3.11-config", "lib/libpython3.11.so.1.0", "lib/python3.11/os.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    monkeypatch.setattr(sys, "base_prefix", str(tmp_path))
    monkeypatch.setattr(sysconfig, "get_paths", lambda: {"stdlib": str(tmp_path / "lib" / "python3.11")})
    found = {str(Path(path).relative_to(tmp_path)) for path in module.python_files()}
    assert found == {"bin/python3.11", "lib/libpython3.11.so.1.0", "lib/python3.11/os.py"}


def test_python_finds_the_certificates_that_the_image_has() -> None:
    (path,) = re.findall(r"^ENV (?:.*\\\n)*.*\bSSL_CERT_FILE=(\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert path.removeprefix("/") in make_root().OTHERS, "no package has it"


@pytest.mark.parametrize(
    ("path", "is_used"),
    [
        ("/etc/services", True),
        ("/etc/protocols", True),
        ("/etc/ld.so.conf.d/libc.conf", True),  # of /usr/local/lib, where libpython3 is
        ("/etc/rpc", False),
        ("/etc/default/nss", False),
        ("/usr/share/zoneinfo/Europe/Berlin", True),
        ("/usr/share/zoneinfo/right/UTC", False),
        ("/usr/share/doc/libc6/copyright", True),
        ("/usr/share/man/man1/getconf.1.gz", False),
        ("/usr/bin/getent", True),
        ("/usr/bin/getconf", False),
    ],
)
def test_the_image_has_the_files_that_a_server_reads(path: str, is_used: bool) -> None:
    assert make_root().is_used(path) == is_used
