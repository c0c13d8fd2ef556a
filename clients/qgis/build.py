"""Builds the zip that QGIS installs: ``python clients/qgis/build.py [FILE]``. Equal sources give equal bytes."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
PLUGIN = Path(__file__).parent / "rasterwire_qgis"
_SUFFIXES = {".py", ".svg", ".txt"}
_TIME = (1980, 1, 1, 0, 0, 0)
"""The first that a zip can hold."""
_MODE = 0o100644 << 16


def build(target: Path) -> None:
    """Write the zip."""
    files = {f"{PLUGIN.name}/{path.name}": path for path in PLUGIN.iterdir() if path.suffix in _SUFFIXES}
    files[f"{PLUGIN.name}/LICENSE"] = ROOT / "LICENSE"
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w") as archive:
        for name, path in sorted(files.items()):
            entry = zipfile.ZipInfo(name, _TIME)
            entry.external_attr = _MODE
            entry.create_system = 3  # Unix, wherever it is built
            # stored: what compresses differs between versions of zlib
            archive.writestr(entry, path.read_bytes().replace(b"\r\n", b"\n"))


if __name__ == "__main__":
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "build" / "rasterwire_qgis.zip"
    build(path)
    sys.stdout.write(f"{path}\n")
