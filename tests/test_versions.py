"""What `rasterwire version` tells, against the libraries themselves."""

import platform
import subprocess
import sys

import pyproj
import rasterio

TOLD = "from rasterwire.cli.main import main; main()"


def test_version_tells_both_versions_of_proj_and_that_of_gdal_and_python() -> None:
    told = subprocess.run([sys.executable, "-c", TOLD, "version"], capture_output=True, text=True, check=True).stdout
    assert f"PROJ {pyproj.proj_version_str} (pyproj {pyproj.__version__})" in told
    assert f"PROJ {rasterio.__proj_version__} and GDAL {rasterio.__gdal_version__}" in told
    assert f"rasterio {rasterio.__version__}" in told
    assert f"Python {platform.python_version()}" in told


def test_a_client_without_these_libraries_tells_its_own_version() -> None:
    hidden = "import sys; sys.modules.update(pyproj=None, rasterio=None); " + TOLD
    told = subprocess.run([sys.executable, "-c", hidden, "version"], capture_output=True, text=True, check=True).stdout
    assert told.splitlines() == ["rasterwire 0.1.0", f"Python {platform.python_version()}"]
