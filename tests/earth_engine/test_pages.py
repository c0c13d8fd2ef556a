"""The code blocks of the README and of the documentation that need Earth Engine's client."""

from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import ee
import pytest

from doc_blocks import EARTH_ENGINE, Block, Runner, blocks_of, pages


def _blocks(page: str) -> list[Block]:
    return [block for block in blocks_of(page) if block.comment == EARTH_ENGINE]


@pytest.fixture
def _no_google() -> Iterator[None]:
    """See ``initialized``: the pages initialize the client themselves."""
    with mock.patch("ee.deprecation._FetchDataCatalogStac", return_value={}):
        yield
    ee.Reset()


@pytest.mark.uninitialized
@pytest.mark.usefixtures("_no_google")
@pytest.mark.parametrize("page", [page for page in pages() if _blocks(page)])
def test_the_blocks_of_a_page_run(page: str, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    runner = Runner(tmp_path, {"localhost:8080": url.removeprefix("http://")})
    for block in _blocks(page):
        runner.run(block)
