"""What `rasterwire version` tells, against the libraries themselves; and the versions of the clients' packages."""

import json
import platform
import subprocess
import sys
import tomllib
import xml.etree.ElementTree as ET
from pathlib import Path

import pyproj
import rasterio

import rasterwire

ROOT = Path(__file__).parents[1]

MAIN = "from rasterwire.cli.main import main; main()"


def test_version_tells_both_versions_of_proj_and_that_of_gdal_and_python() -> None:
    output = subprocess.run([sys.executable, "-c", MAIN, "version"], capture_output=True, text=True, check=True).stdout
    assert f"PROJ {pyproj.proj_version_str} (pyproj {pyproj.__version__})" in output
    assert f"PROJ {rasterio.__proj_version__} and GDAL {rasterio.__gdal_version__}" in output
    assert f"rasterio {rasterio.__version__}" in output
    assert f"Python {platform.python_version()}" in output


def test_a_client_without_these_libraries_tells_its_own_version() -> None:
    hidden = "import sys; sys.modules.update(pyproj=None, rasterio=None); " + MAIN
    told = subprocess.run([sys.executable, "-c", hidden, "version"], capture_output=True, text=True, check=True).stdout
    assert told.splitlines() == [f"rasterwire {rasterwire.__version__}", f"Python {platform.python_version()}"]


def test_the_package_takes_its_version_from_the_code() -> None:
    document = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert "version" not in document["project"]
    assert document["project"]["dynamic"] == ["version"]
    assert document["tool"]["hatch"]["version"]["path"] == "src/rasterwire/__init__.py"


def test_the_clients_packages_have_the_version_of_the_code() -> None:
    typescript = ROOT / "clients" / "typescript"
    lock = json.loads((typescript / "package-lock.json").read_text())
    project = ET.parse(ROOT / "clients" / "java" / "pom.xml").getroot()
    versions = {
        "package.json": json.loads((typescript / "package.json").read_text())["version"],
        "package-lock.json": lock["version"],
        "package-lock.json, packages": lock["packages"][""]["version"],
        "pom.xml": project.findtext("{http://maven.apache.org/POM/4.0.0}version"),
    }
    assert versions == dict.fromkeys(versions, rasterwire.__version__)
