"""The pages of the documentation name files and rooms that there are."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "docs" / "pages").rglob("*.md"))
SOURCE = ROOT / "src" / "rasterwire"
_BASES = (ROOT, SOURCE, SOURCE / "expression" / "reducers")


def named_files(page: Path) -> list[str]:
    """Return the names of files and folders of the repository, out of code blocks."""
    prose = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    return re.findall(r"`((?:[\w.]+/)*\w+\.(?:py|proto|txt)|(?:\w+/)+)`", prose)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_files_that_a_page_names_are_there(page: Path) -> None:
    missing = [name for name in named_files(page) if not any((base / name).exists() for base in _in_rooms(name))]
    assert missing == []


def _in_rooms(name: str) -> list[Path]:
    return [*_BASES, SOURCE / "expression" / "functions"] if name.endswith("/") else list(_BASES)


def test_the_architecture_names_every_room() -> None:
    page = (ROOT / "docs" / "pages" / "architecture.md").read_text()
    rooms = {path for path in SOURCE.iterdir() if path.is_dir() and not path.name.startswith("__")}
    modules = {path for path in SOURCE.glob("*.py") if not path.name.startswith("__")}
    unnamed = {f"{path.name}/" for path in rooms if f"`{path.name}/`" not in page}
    assert unnamed | {path.stem for path in modules if f"`{path.stem}`" not in page} == set()


def test_the_architecture_names_every_module_of_the_server_that_is_in_no_room_of_it() -> None:
    page = (ROOT / "docs" / "pages" / "architecture.md").read_text()
    modules = [path.name for path in (SOURCE / "server").glob("*.py") if path.name != "__init__.py"]
    assert [name for name in modules if f"`server/{name}`" not in page] == []


def test_the_picture_of_the_rooms_has_the_layers_of_the_contract() -> None:
    layers = re.search(r"^layers = \[\n(.*?)^\]", (ROOT / "pyproject.toml").read_text(), re.DOTALL | re.MULTILINE)
    assert layers is not None
    picture = (ROOT / "docs" / "pages" / "images" / "rooms.svg").read_text()
    rooms = re.findall(r">([a-z]+)/?</text>", picture)
    assert sorted(rooms) == sorted(re.findall(r"[a-z]+", layers[1]))


def test_the_architecture_names_every_contract_of_imports() -> None:
    page = (ROOT / "docs" / "pages" / "architecture.md").read_text()
    contracts = re.findall(r'contracts\]\]\nname = "(.+)"', (ROOT / "pyproject.toml").read_text())
    assert contracts
    assert [name for name in contracts if f"| {name} |" not in page] == []
