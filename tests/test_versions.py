"""The output of `rasterwire version`, compared with the libraries."""

import platform
import subprocess
import sys

import pyproj
import rasterio

MAIN = "from rasterwire.cli.main import main; main()"


def test_version_tells_both_versions_of_proj_and_that_of_gdal_and_python() -> None:
    output = subprocess.run([sys.executable, "-c", MAIN, "version"], capture_output=True, text=True, check=True).stdout
    assert f"PROJ {pyproj.proj_version_str} (pyproj {pyproj.__version__})" in output
    assert f"PROJ {rasterio.__proj_version__} and GDAL {rasterio.__gdal_version__}" in output
    assert f"rasterio {rasterio.__version__}" in output
    assert f"Python {platform.python_version()}" in output


def test_a_client_without_these_libraries_tells_its_own_version() -> None:
    hidden = "import sys; sys.modules.update(pyproj=None, rasterio=None); " + MAIN
    output = subprocess.run(
        [sys.executable, "-c", hidden, "version"], capture_output=True, text=True, check=True
    ).stdout
    assert output.splitlines() == ["rasterwire 0.1.0", f"Python {platform.python_version()}"]
