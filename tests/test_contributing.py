"""The pages for contributors name files, targets and functions that are there."""

import re
from pathlib import Path

import rasterwire
from cases import every
from rasterwire.expression.algorithms import TABLE

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "rasterwire"
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text()
CHANGELOG = (ROOT / "CHANGELOG.md").read_text()

_PATHS = re.findall(r"`((?:[\w.-]+/)*[\w.*-]+(?:\.(?:py|txt|md|proto|toml|lock|sh)|/))`", CONTRIBUTING)
_TARGETS = re.findall(r"\bmake (?!-)([a-z-]+)", "\n".join(re.findall(r"`[^`]+`|^ {4}.*", CONTRIBUTING, re.MULTILINE)))


@every("path", sorted(set(_PATHS)))
def test_a_path_that_is_named_exists(path: str) -> None:
    assert any(ROOT.glob(path.rstrip("/"))) or any(SOURCE.glob(path.rstrip("/")))


@every("target", sorted(set(_TARGETS)))
def test_a_target_that_is_named_is_one_of_the_makefile(target: str) -> None:
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


def test_the_table_of_rooms_has_all_of_them() -> None:
    rooms = {path.parent.name for path in SOURCE.glob("*/__init__.py")} - {"v1", "_vendor"}
    rows = "".join(line.split("|")[1] for line in CONTRIBUTING.splitlines() if line.startswith("| `"))
    assert rooms <= set(re.findall(r"`(\w+)/`", rows))


def test_the_changelog_has_the_version_or_what_will_be_in_it() -> None:
    sections = re.split(r"^## \[(.+?)\].*$", CHANGELOG, flags=re.MULTILINE)
    names, texts = sections[1::2], sections[2::2]
    assert names[0] == "Unreleased"
    assert rasterwire.__version__ == (names[1:] or [""])[0] or "\n- " in texts[0]


def test_the_changelog_counts_functions_as_they_are() -> None:
    built = sum(function.call is not None for function in TABLE.values())
    assert f"{built} of its {len(TABLE)} functions" in CHANGELOG


def test_hooks_download_nothing() -> None:
    hooks = (ROOT / ".pre-commit-config.yaml").read_text()
    assert re.findall(r"repo: (.*)", hooks) == ["local"]
    assert set(re.findall(r"language: (.*)", hooks)) == {"system"}
    assert hooks.count("- id:") == hooks.count("language:") == hooks.count("entry: .venv/bin/")
