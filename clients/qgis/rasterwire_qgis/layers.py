"""Which layers a file makes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any


def layer_sources(target: Path, plan: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return name and source of each raster of a file, as GDAL opens it.

    >>> layer_sources(Path("a.zip"), {"rasters": [{"path": "a.B1.tif"}]})
    [('a.B1', '/vsizip/a.zip/a.B1.tif')]
    """
    if target.suffix.lower() != ".zip":
        return [(target.stem, str(target))]
    paths = [str(raster.get("path", "")) for raster in plan.get("rasters", ())]
    return [(Path(path).stem, f"/vsizip/{target.as_posix()}/{path}") for path in paths if path]


def file_name(image_id: str, suffix: str) -> str:
    """Return the name of a file for an image.

    >>> file_name("A/b: c", ".tif")
    'b_ c.tif'
    """
    stem = image_id.rsplit("/", 1)[-1]
    safe = "".join(letter if letter.isalnum() or letter in "-_. " else "_" for letter in stem)[:120].strip(" .")
    return f"{safe or 'image'}{suffix}"
