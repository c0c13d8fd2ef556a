"""Write the pages of ``docs/pages/reference`` that are made from the code and the schema.

``--check`` writes nothing and fails where a committed page differs.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from generator import commands, errors, functions, limits, schema, settings

FOLDER = Path(__file__).parent / "pages" / "reference"

PAGES: dict[str, Callable[[], str]] = {
    "cli.md": commands.page,
    "errors.md": errors.page,
    "functions.md": functions.page,
    "limits.md": limits.page,
    "schema.md": schema.page,
    "settings.md": settings.page,
}
"""What makes the text of each page."""


def main() -> int:
    """Run from the command line; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only compare")
    only_compare = parser.parse_args().check
    stale = []
    for name, make_page in PAGES.items():
        path, text = FOLDER / name, make_page()
        if only_compare:
            if not path.is_file() or path.read_text(encoding="utf-8") != text:
                stale.append(path)
        else:
            path.write_text(text, encoding="utf-8")
    if stale:
        print("not up to date, run `make docs`:", *stale, sep="\n  ")
    return bool(stale)


if __name__ == "__main__":
    sys.exit(main())
