"""Run the cells of notebooks in order, each notebook in an empty folder: ``python tests/run_notebooks.py FOLDER``.

The server is found as the notebooks find it, at ``RASTERWIRE_ADDRESS``; see ``with_server.py``. No kernel is started:
a cell is plain Python here, and the HTML of its last value is made, as Jupyter does. Notebooks that keep outputs are
refused, since these would show in every change.
"""

import ast
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
                _run_cell("".join(cell["source"]), f"{notebook.name}, code cell {number}", names)
            except Exception:  # noqa: BLE001  shown, and counted
                traceback.print_exc()
                return f"code cell {number} failed"
    return ""


def _run_cell(source: str, place: str, names: dict[str, Any]) -> None:
    tree = ast.parse(source, place)
    value: Any = None
    match tree.body:
        case [*statements, ast.Expr(value=last)]:
            exec(compile(ast.Module(statements, []), place, "exec"), names)
            value = eval(compile(ast.Expression(last), place, "eval"), names)
        case _:
            exec(compile(tree, place, "exec"), names)
    if hasattr(value, "_repr_html_"):
        value._repr_html_()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
