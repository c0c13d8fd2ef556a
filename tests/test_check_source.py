"""What `make lint` counts of the source, on code whose names were counted by hand."""

import ast
from pathlib import Path
from textwrap import dedent

import pytest

from cases import every
from check_source import function_lines, main, names_in, parameter_counts

_CODE = {
    "made = found = 1": (["made", "found"], ["made", "found"]),
    "image, (width, *others) = f()": (["image", "width", "others"], ["others"]),
    "for at in rows: pass": (["at"], ["at"]),
    "with f() as held: pass": (["held"], ["held"]),
    "try: pass\nexcept OSError as said: pass": (["said"], ["said"]),
    "x = [a for a in b if (told := a)]": (["x", "a", "told"], ["told"]),
    "def f(self, known, /, *each, size=1, **given): pass": (
        ["known", "each", "size", "given"],
        ["known", "each", "given"],
    ),
    "f = lambda there: 0": (["f", "there"], ["there"]),
    "class A:\n    kept: int = 0": (["kept"], ["kept"]),
    "match x:\n    case [one, *own]: pass": (["one", "own"], ["one", "own"]),
    "match x:\n    case {1: y, **all_}: pass": (["y", "all_"], ["all_"]),
    "def f(left, right): pass\ndef g(left): pass": (["left", "right", "left"], ["left"]),
    "def f(right):\n    def g(left): pass": (["right", "left"], ["left"]),
    "def __eq__(self, other): pass\ndef f(other): pass": (["other", "other"], ["other"]),
    "_, __ = x": (["_", "__"], ["__"]),
    "__all__ = _made = 1": (["__all__", "_made"], ["_made"]),
    "made.known = made[0]": ([], []),
}


@every(("code", "names"), _CODE.items())
def test_vague_names_are_counted_where_a_name_is_bound(code: str, names: tuple[list[str], list[str]]) -> None:
    bound, vague = names_in(ast.parse(code))
    assert (sorted(bound), sorted(vague)) == (sorted(names[0]), sorted(names[1]))


def test_a_function_is_as_long_as_from_its_def_to_its_end() -> None:
    code = """
        @decorated
        def f(
            a,
        ):
            '''Docstring.'''

            def g(): pass
            return g
    """
    assert sorted(function_lines(ast.parse(dedent(code)))) == [(1, "g"), (7, "f")]


def test_parameters_are_counted_where_nothing_else_decides_them() -> None:
    code = """
        @staticmethod
        def f(a, /, b=1, *, c): pass
        class A:
            def g(self, a, *rest): pass
        @table.listed("Image.h(image: Image) -> Image")
        def h(a, b): pass
        @loop(twin)
        def i(a, b): pass
    """
    assert parameter_counts(ast.parse(dedent(code)), "plan/grids.py") == [(3, "f"), (1, "g")]
    assert parameter_counts(ast.parse(dedent(code)), "render/kernel_twins.py") == []


def test_what_is_above_a_limit_fails_and_is_named_but_not_in_generated_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("check_source.SOURCE", tmp_path)
    for folder in ("plan", "v1"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "grids.py").write_text("def snap(grid):\n    made = 1\n    width = 2\n    return made\n")
    for name, limit in {
        "MAX_PERCENT_VAGUE": 34,
        "MAX_MODULE_LINES": 4,
        "MAX_FUNCTION_LINES": 4,
        "MAX_PARAMETERS": 1,
    }.items():
        monkeypatch.setattr(f"check_source.{name}", limit)
    assert main([]) == 0
    for name, limit in {
        "MAX_PERCENT_VAGUE": 33,
        "MAX_MODULE_LINES": 3,
        "MAX_FUNCTION_LINES": 3,
        "MAX_PARAMETERS": 0,
    }.items():
        monkeypatch.setattr(f"check_source.{name}", limit)
    capsys.readouterr()
    assert main(["--list"]) == 1
    printed = capsys.readouterr()
    assert printed.err.splitlines() == [
        "check_source: plan/grids.py has 4 lines, at most 3",
        "check_source: snap in plan/grids.py has 4 lines, at most 3",
        "check_source: snap in plan/grids.py has 1 parameters, at most 0",
        "check_source: 33.33 % of names are vague, at most 33 %; --list names them",
    ]
    assert "names: made 1\n" in printed.out
