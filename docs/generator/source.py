"""The modules of the package as syntax trees."""

import ast
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import rasterwire

ROOT = Path(rasterwire.__file__).parent


@lru_cache(maxsize=1)
def modules() -> Mapping[str, ast.Module]:
    """Return the tree of each module that is written by hand, by its dotted name."""
    found = {}
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT.parent).with_suffix("").parts
        if parts[1] in {"v1", "_vendor"}:
            continue
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = ast.parse(path.read_text(encoding="utf-8"))
    return found


def docstring_below(body: list[ast.stmt], index: int) -> str:
    """Return the string that stands below a statement; empty where there is none."""
    following = body[index + 1] if index + 1 < len(body) else None
    match following:
        case ast.Expr(value=ast.Constant(value=str(text))):
            return " ".join(text.split())
        case _:
            return ""
