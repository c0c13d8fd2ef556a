"""Run the cells of notebooks in order, each notebook in an empty folder: ``python tests/run_notebooks.py FOLDER``.

The server is found as the notebooks find it, at ``RASTERWIRE_ADDRESS``; see ``with_server.py``. No kernel is started:
a cell is plain Python here. Notebooks that keep outputs are refused, since these would show in every change.
"""

import json
import os
import sys
import tempfile
import traceback
from contextlib import chdir
from pathlib import Path
from typing import Any


def main(folder: Path) -> int:
    """Run all notebooks of a folder; returns the number of those that failed."""
    os.environ.setdefault("MPLBACKEND", "Agg")
    notebooks = sorted(folder.resolve().glob("*.ipynb"))
    failed = 0
    for notebook in notebooks:
        problem = run(notebook)
        print(f"{notebook.name}: {problem or 'ok'}")
        failed += bool(problem)
    print(f"{len(notebooks) - failed} passed, {failed} failed")
    return failed or not notebooks


def run(notebook: Path) -> str:
    """Run a notebook; returns what is wrong, or ""."""
    cells = [cell for cell in json.loads(notebook.read_text("utf-8"))["cells"] if cell["cell_type"] == "code"]
    if any(cell["outputs"] or cell["execution_count"] is not None for cell in cells):
        return "keeps outputs; clear them before it is committed"
    names: dict[str, Any] = {"__name__": "__main__"}
    with tempfile.TemporaryDirectory() as scratch, chdir(scratch):
        for number, cell in enumerate(cells, start=1):
            try:
                exec(compile("".join(cell["source"]), f"{notebook.name}, code cell {number}", "exec"), names)
            except Exception:  # noqa: BLE001  shown, and counted
                traceback.print_exc()
                return f"code cell {number} failed"
    return ""


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
