"""Finds the shared folder of real rasters and recorded requests. It is not part of the repository."""

import os
from pathlib import Path


def shared_folder() -> Path | None:
    """Return the folder that contains ``data`` and ``earth-engine``, or None."""
    path = os.environ.get("RASTERWIRE_SHARED_DATA")
    folder = Path(path).parent if path else Path(__file__).resolve().parents[3] / "shared"
    return folder if (folder / "data" / "compose_scene.py").is_file() else None
