"""Code blocks of Markdown pages: finding them, and running them."""

import json
import os
import re
import subprocess
import sys
import textwrap
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

ROOT = Path(__file__).resolve().parents[1]
WRITTEN_BY_OTHERS = {"docs/pages/benchmarks.md"}
"""Its blocks are the command lines of a run of ``make bench``, with the folders of that run."""

EARTH_ENGINE = "run by make test-earth-engine"
"""The comment before blocks that need Earth Engine's client."""

_fence = re.compile(
    r"^(?P<indent>[ \t]*)(?P<ticks>```+)(?P<head>[^\n]*)\n(?P<text>.*?)^[ \t]*(?P=ticks)[ \t]*$",
    re.MULTILINE | re.DOTALL,
)
_comment = re.compile(r"<!-- (?P<words>(not run: \S((?!-->).)*?|run by make [a-z-]+)) -->\s*\Z", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Block:
    """A code block.

    Attributes:
        page: from the root of the repository.
        line: of its first line of code, from 1.
        language: the first word behind the backticks; empty where there is none.
        text: without the indentation of its fence.
        comment: words of the comment just before it, such as ``not run: installs packages``.
    """

    page: str
    line: int
    language: str
    text: str
    comment: str = ""


def pages() -> list[str]:
    """Return the README and the pages of the documentation, from the root of the repository."""
    found = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs" / "pages").rglob("*.md"))
    return ["README.md", *(page for page in found if page not in WRITTEN_BY_OTHERS)]


def blocks_of(page: str) -> list[Block]:
    """Return the blocks of a page, in order."""
    return find_blocks(page, (ROOT / page).read_text(encoding="utf-8"))


def find_blocks(page: str, text: str) -> list[Block]:
    r"""Return the blocks of a text.

    >>> find_blocks("p.md", "<!-- not run: serves -->\n```sh\nserve\n```\n")
    [Block(page='p.md', line=3, language='sh', text='serve\n', comment='not run: serves')]
    """
    found = []
    for fence in _fence.finditer(text):
        comment = _comment.search(text[: fence.start()])
        language = (fence["head"].split() or [""])[0]
        line = text.count("\n", 0, fence.start("text")) + 1
        words = comment["words"] if comment else ""
        found.append(Block(page, line, language, textwrap.dedent(fence["text"]), words))
    return found


@dataclass(slots=True)
class Runner:
    """Runs the blocks of one page, which share variables and a folder.

    Attributes:
        folder: in which commands run; Python runs in the working directory of the process.
        replaced: texts of the page and what stands for them, such as the address of a server.
        names: variables of Python.
    """

    folder: Path
    replaced: Mapping[str, str]
    names: dict[str, Any] = field(default_factory=lambda: {"__name__": "__main__"})

    def run(self, block: Block) -> None:
        """Run a block.

        Raises:
            Exception: what the block raises, or an AssertionError where a command fails or prints something else.
        """
        text = block.text
        for written, real in self.replaced.items():
            text = text.replace(written, real)
        match block.language:
            case "python":
                padding = "\n" * (block.line - 1)  # so that a traceback names the line of the page
                exec(compile(padding + text, str(ROOT / block.page), "exec"), self.names)
            case "sh":
                self._sh(block, text)
            case "console":
                self._console(block, text)
            case "json":
                json.loads(text)
            case "toml":
                tomllib.loads(text)
            case "xml":
                ET.fromstring(text)
            case other:
                raise AssertionError(f"{block.page}:{block.line}: do not know how to run {other!r}")

    def _console(self, block: Block, text: str) -> None:
        """Run each command behind ``$ `` and compare what it prints; ``...`` stands for anything."""
        for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
            command, _, wanted = part.partition("\n")
            while command.endswith("\\"):
                more, _, wanted = wanted.partition("\n")
                command += "\n" + more.removeprefix("> ")
            printed = self._sh(block, command)
            pattern = ".*".join(re.escape(piece.rstrip()) for piece in _without_trailing_spaces(wanted).split("..."))
            found = re.fullmatch(pattern, _without_trailing_spaces(printed), re.DOTALL)
            assert found, f"{block.page}:{block.line}: `{command}` prints\n{printed}and not\n{wanted}"

    def _sh(self, block: Block, text: str) -> str:
        """Run commands with the variables of earlier blocks, and return what they print."""
        state = self.folder / ".variables"
        state.touch()
        script = f"set -euo pipefail; set -a; . {state}\n{text}\nexport -p >{state}\n"
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        result = subprocess.run(
            ["bash", "-c", script],
            cwd=self.folder,
            env={**os.environ, "PATH": path},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert result.returncode == 0, f"{block.page}:{block.line}: exit code {result.returncode}\n{result.stdout}"
        return result.stdout


def _without_trailing_spaces(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.rstrip().splitlines())
