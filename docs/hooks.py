"""What mkdocs calls while it builds the pages."""

from pathlib import PurePosixPath
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import Files


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Put the pages of a folder in the place of each entry ``FOLDER/*`` of the navigation, its index first."""
    pages = [file.src_uri for file in files.documentation_pages()]
    config.nav = _expanded(config.nav or [], pages)
    return files


def _expanded(nav: list[Any], pages: list[str]) -> list[Any]:
    """Return a part of the navigation, of paths and of titles with more of it, without patterns.

    Raises:
        ValueError: a pattern fits no page.
    """
    result: list[Any] = []
    for entry in nav:
        if isinstance(entry, dict):
            result.append({title: _expanded(part, pages) for title, part in entry.items()})
        elif not entry.endswith("/*"):
            result.append(entry)
        else:
            found = [page for page in pages if PurePosixPath(page).match(entry)]
            if not found:
                raise ValueError(f"the navigation names {entry}, and there is no such page")
            result += sorted(found, key=lambda page: (not page.endswith("/index.md"), page))
    return result
