"""The README and the pages of the documentation: every code block runs.

Conventions of the pages:

- A code block is a fence of backticks with a language; none is made by indentation.
- ``python``, ``sh`` and ``console`` blocks run, in the order of the page, in a temporary folder that is the page's
  own. They share its files; Python blocks share their variables, and so do ``sh`` and ``console`` blocks.
- ``sh`` blocks hold commands for bash, which all have to succeed. ``console`` blocks hold commands behind ``$ `` and
  below each what it prints to stdout and stderr, where ``...`` stands for anything.
- ``json`` and ``toml`` blocks are parsed. ``text`` blocks are output or drawings, and not looked at.
- A server of the demo scene runs. The page calls it ``localhost:50051`` (gRPC) and ``localhost:8080`` (HTTP), and
  ``RASTERWIRE_CATALOG`` names the folder that it serves.
- A block that cannot run has a comment just before it: ``<!-- not run: REASON -->``, or, where it needs Earth Engine's
  client, ``<!-- run by make test-earth-engine -->``. A block of any other language needs the comment too.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import lru_cache
from html.parser import HTMLParser
from pathlib import Path

import markdown
import pytest
from mkdocs.config import load_config
from mkdocs.config.defaults import MkDocsConfig

from doc_blocks import EARTH_ENGINE, ROOT, Block, Runner, blocks_of, find_blocks, pages
from rasterwire.export.settings import DestinationSettings, ExportSettings
from rasterwire.server.settings import Settings
from serving import Served, served

RUN = {"python", "sh", "console", "json", "toml", "xml"}


@pytest.fixture(scope="module")
def catalog(demo_catalog: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the demo scene."""
    return shutil.copytree(demo_catalog, tmp_path_factory.mktemp("docs") / "catalog")


@pytest.fixture(scope="module")
def server(catalog: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server of that folder."""
    export = ExportSettings((DestinationSettings("results", str(tmp_path_factory.mktemp("results"))),))
    state = tmp_path_factory.mktemp("state")
    with served(Settings(catalog, grpc_port=0, http_port=0, state_dir=state, export=export)) as running:
        yield running


@pytest.mark.parametrize("page", [page for page in pages() if any(not b.comment for b in blocks_of(page))])
def test_the_blocks_of_a_page_run(
    page: str, catalog: Path, server: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RASTERWIRE_CATALOG", str(catalog))
    monkeypatch.setenv("RASTERWIRE_SERVER", server.address)
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "src"))
    doors = {"localhost:50051": server.address, "localhost:8080": server.http.removeprefix("http://")}
    runner = Runner(tmp_path, doors)
    for block in blocks_of(page):
        if not block.comment and block.language != "text":
            runner.run(block)


@pytest.mark.parametrize("page", pages())
def test_every_block_runs_or_says_why_not(page: str) -> None:
    silent = [b for b in blocks_of(page) if not b.comment and b.language not in RUN | {"text"}]
    assert not silent, "say before it why it does not run, see tests/test_docs.py"
    elsewhere = [b for b in blocks_of(page) if b.comment.startswith("run by") and b.comment != EARTH_ENGINE]
    assert not elsewhere, f"the comment has to be <!-- {EARTH_ENGINE} -->"


@lru_cache(maxsize=1)
def _site() -> MkDocsConfig:
    return load_config(str(ROOT / "docs" / "mkdocs.yml"))


@pytest.mark.parametrize("page", pages())
def test_no_code_is_made_by_indentation(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    html = markdown.markdown(text, extensions=_site().markdown_extensions, extension_configs=_site().mdx_configs)
    assert html.count("<pre") == len(find_blocks(page, text)), "write code as a fence of backticks with a language"


@pytest.mark.parametrize(
    ("language", "text", "problem"),
    [
        ("python", "open('missing.tif')\n", "missing.tif"),
        ("sh", "false | true\n", "exit code 1"),
        ("sh", "echo $unset\n", "unset"),
        ("console", "$ echo 1 two\n1 three\n", "and not"),
        ("toml", "a = \n", "Invalid value"),
        ("basic", "10 GOTO 10\n", "do not know"),
    ],
)
def test_a_wrong_block_fails(tmp_path: Path, language: str, text: str, problem: str) -> None:
    with pytest.raises(Exception, match=problem):
        Runner(tmp_path, {}).run(Block("p.md", 1, language, text))


def test_a_comment_belongs_to_the_block_behind_it() -> None:
    first, second, third = "```sh\na\n```\n", "  ```python title='b'\n  b\n  ```\n", "```\nc\n```\n"
    text = f"<!-- not run: it\nserves -->\n\n{first}\nWords.\n<!-- run by make x -->\n{second}<!-- other -->\n{third}"
    assert find_blocks("p.md", text) == [
        Block("p.md", 5, "sh", "a\n", "not run: it\nserves"),
        Block("p.md", 11, "python", "b\n", "run by make x"),
        Block("p.md", 15, "", "c\n", ""),
    ]


def test_blocks_share_their_variables(tmp_path: Path) -> None:
    runner = Runner(tmp_path, {"HOST": "here"})
    runner.run(Block("p.md", 1, "sh", "name='a b'\n"))
    runner.run(Block("p.md", 5, "console", "$ echo $name HOST; \\\n> echo 1 2 3\na b here\n1 ... 3\n"))
    runner.run(Block("p.md", 9, "python", "x = 1\n"))
    runner.run(Block("p.md", 13, "python", "assert x == 1\n"))


class _Resources(HTMLParser):
    """Collects what a page loads, and drawings that would need a script of another host."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.drawings = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.drawings += "mermaid" in (values.get("class") or "").split()
        if tag != "a":
            self.loaded += [values[key] or "" for key in ("src", "srcset", "href", "data", "poster") if key in values]


def test_the_built_site_loads_nothing_from_another_host(tmp_path: Path) -> None:
    site = tmp_path / "site"
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "--site-dir", str(site)]
    config = ["--config-file", str(ROOT / "docs" / "mkdocs.yml")]
    subprocess.run([*command, *config], check=True, env=os.environ | {"NO_MKDOCS_2_WARNING": "1"})
    resources = _Resources()
    for path in site.rglob("*.html"):
        resources.feed(path.read_text(encoding="utf-8"))
    assert len(resources.loaded) > 100
    assert [address for address in resources.loaded if re.match(r"(https?:)?//", address)] == []
    assert resources.drawings == 0, "mermaid is loaded from another host; draw it as SVG"
    styles = "".join(path.read_text(encoding="utf-8") for path in site.rglob("*.css"))
    assert re.findall(r"(?:url\(|@import )[\"']?(?:https?:)?//[^)]*", styles) == []
