"""``every`` reports each case that fails."""

from pathlib import Path

import pytest

from cases import every


def test_all_cases_are_run_and_each_failure_is_told() -> None:
    calls: list[tuple[int, str]] = []

    @every("word", ["a", "b"])
    @every(("number", "even"), [(1, False), (2, True), (4, False)])
    def check(number: int, even: bool, word: str) -> None:
        calls.append((number, word))
        assert (number % 2 == 0) == even
        with pytest.raises(ZeroDivisionError):
            1 // (number - 1)

    with pytest.raises(AssertionError, match="2 of 2 cases failed") as caught:
        check()
    assert calls == [(1, "a"), (2, "a"), (4, "a"), (1, "b"), (2, "b"), (4, "b")]
    assert str(caught.value).count("2 of 3 cases failed") == 2
    assert str(caught.value).count("DID NOT RAISE") == 2
    assert str(caught.value).count("'number': 4") == 2


@every("text", ["one", "two"])
def test_each_case_has_a_folder_and_patches_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    assert not hasattr(pytest, "patched_by_a_case")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / text).touch()
    monkeypatch.setattr(pytest, "patched_by_a_case", text, raising=False)
