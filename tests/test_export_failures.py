"""How long images are looked for that cannot be read, once an export has failed."""

from types import SimpleNamespace
from typing import Any

import pytest

from rasterwire.errors import RenderCancelled, SourceUnavailable
from rasterwire.export import failures
from rasterwire.export.failures import with_other_scenes

FIRST = SourceUnavailable("a", "", "cannot be read")


class Files:
    """Files of a plan that are read one after another; a clock goes on with each."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, count: int, seconds: float) -> None:
        self.read_names: list[str] = []
        self.time = 1e6
        self._seconds = seconds
        grid = SimpleNamespace(shape=(1, 1))
        bands = [(f"{n}", SimpleNamespace(href=f"{n}", name="b", grid=grid)) for n in range(count)]
        monkeypatch.setattr(failures, "scene_bands", lambda _: bands)
        monkeypatch.setattr(failures, "read", self._read)
        monkeypatch.setattr(failures, "_AT_ONCE", 1)

    def _read(self, band: Any, *_: object) -> None:
        self.read_names.append(band.href)
        self.time += self._seconds
        raise SourceUnavailable(band.href, "b", "cannot be read")

    def failed_names(self, check: Any = lambda: None) -> list[str]:
        plan: Any = SimpleNamespace(image_id="")
        return [scene.image_id for scene in with_other_scenes(FIRST, plan, check, lambda: self.time).scenes]


def test_all_images_are_told_where_they_are_few(monkeypatch: pytest.MonkeyPatch) -> None:
    files = Files(monkeypatch, 30, 1.0)
    assert files.failed_names() == ["a", *map(str, range(30))]


def test_images_are_looked_for_during_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    files = Files(monkeypatch, 30, 25.0)
    assert files.failed_names() == ["a", "0", "1", "2"]
    assert files.read_names == ["0", "1", "2"]


def test_no_more_images_are_looked_for_once_many_have_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    files = Files(monkeypatch, 200, 0.0)
    assert files.failed_names() == ["a", *map(str, range(50))]
    assert len(files.read_names) == 50


def test_an_export_that_is_stopped_looks_no_further(monkeypatch: pytest.MonkeyPatch) -> None:
    files = Files(monkeypatch, 200, 0.0)

    def check() -> None:
        if len(files.read_names) == 3:
            raise RenderCancelled

    with pytest.raises(RenderCancelled):
        files.failed_names(check)
    assert len(files.read_names) == 3
