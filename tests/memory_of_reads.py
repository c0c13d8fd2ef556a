"""Reads files ``a.tif`` of folders, and prints for each the peak of memory and the pixels, as JSON.

    python tests/memory_of_reads.py FOLDER...

It is a process of its own: tracemalloc follows all allocations of a process, and while it starts or stops, no other
thread may load compiled loops.
"""

import json
import sys
import tracemalloc
from pathlib import Path

from rasterwire import compiled
from rasterwire.catalog.folder import FolderCatalog
from rasterwire.errors import SourceUnavailable
from rasterwire.render.source import read


def main(folders: list[str]) -> None:
    """Print a line for each folder."""
    compiled.run_twins(True)
    for folder in folders:
        pixels = None
        tracemalloc.start()
        try:
            (band,) = FolderCatalog(Path(folder)).get("a").bands
            rows, columns = band.grid.shape
            pixels = read(band, overview=None, col=0, row=0, size=(int(rows), int(columns))).data.tolist()
        except SourceUnavailable:
            pass
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        print(json.dumps([peak, pixels]), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
