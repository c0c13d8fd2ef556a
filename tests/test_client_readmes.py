"""The lines that READMEs of clients begin with are those of examples that ``clients/test.sh`` runs."""

import re
import textwrap
from pathlib import Path

import pytest

CLIENTS = Path(__file__).parents[1] / "clients"
EXAMPLES = {
    "go": "examples/save/main.go",
    "typescript": "examples/save.ts",
    "java": "examples/dev/rasterwire/examples/Save.java",
}
LONGEST = 6
"""Lines that a service needs, of them at most one for an error."""


@pytest.mark.parametrize("language", EXAMPLES)
def test_the_readme_of_a_client_begins_with_an_example_that_runs(language: str) -> None:
    program = (CLIENTS / language / EXAMPLES[language]).read_text()
    match = re.search(r"// begin of the README's example\n(.*?)\n\s*// end of the README's example", program, re.DOTALL)
    assert match is not None
    lines = textwrap.dedent(match[1])
    readme = (CLIENTS / language / "README.md").read_text()
    assert readme.partition("```")[2].partition("\n")[2].startswith(lines + "\n```")
    assert len(lines.splitlines()) <= LONGEST
