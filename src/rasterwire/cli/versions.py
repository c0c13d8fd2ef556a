"""The versions that decide what pixels come out."""

import importlib
import platform

from rasterwire import __version__


def versions() -> list[str]:
    """Return a line for each library that decides positions or reads files, where it is installed.

    The packages pyproj and rasterio bring a PROJ each, which may differ in the last digits of a projection.
    """
    lines = [f"rasterwire {__version__}", f"Python {platform.python_version()}"]
    try:
        pyproj = importlib.import_module("pyproj")
        lines.append(f"PROJ {pyproj.proj_version_str} (pyproj {pyproj.__version__}), for grids and positions")
    except ImportError:
        pass  # a client needs none
    try:
        rasterio = importlib.import_module("rasterio")
        lines.append(
            f"PROJ {rasterio.__proj_version__} and GDAL {rasterio.__gdal_version__} "
            f"(rasterio {rasterio.__version__}), for reading files and GDAL's warper"
        )
    except ImportError:
        pass
    return lines
