"""Limits: those that an operator sets, and the fixed ones that a message names."""

import ast
import re
from dataclasses import dataclass, fields

from generator.markdown import code, number, prose, table
from generator.source import docstring_below, modules
from rasterwire.plan.types import EARTH_ENGINE_LIMITS, Limits

_is_limit = re.compile(r"_?([A-Z]+_)?(MAX|MOST|LEAST|FARTHEST|WIDEST|LONGEST)(?!_EXACT)")

_HEAD = """# Limits

`GetLimits` and `rasterwire limits` tell what a server serves. A request beyond a limit is refused before anything is
rendered, with the number in the message.

## Limits that the operator sets

Each is a [setting](settings.md) of the same name. With `limits = "earth-engine"` the server applies Earth Engine's
limits instead; a mask then counts as one byte for each pixel of each band.

"""

_FIXED = """
## Fixed limits

They protect the server from requests that would take its memory or its time, and no setting changes them. This list is
made from the constants that the messages of the code name.
"""

_sections = {
    "budget": "Time and memory of one evaluation",
    "expression": "Expressions",
    "query": "Expressions",
    "nodes": "Expressions",
    "geo": "Regions and coordinate reference systems",
    "forms": "Requests and the server",
    "server": "Requests and the server",
    "catalog": "Raster files",
    "files": "Raster files",
    "image": "Raster files",
    "plan": "Outputs",
    "download": "Outputs",
    "export": "Exports",
    "store": "Exports",
}


@dataclass(frozen=True, slots=True)
class _Constant:
    module: str
    name: str
    value: float
    meaning: str


def page() -> str:
    """Return the page.

    Raises:
        LookupError: a constant that a message names has no docstring, or its package no section.
    """
    own = Limits()
    rows = [
        [code(field.name), number(getattr(own, field.name)), number(getattr(EARTH_ENGINE_LIMITS, field.name))]
        for field in fields(Limits)
        if field.name.startswith("max_")
    ]
    text = _HEAD + table(["limit", "default", "Earth Engine's"], rows) + _FIXED
    found = _met_constants()
    titles = dict.fromkeys(_sections.values())
    for title in titles:
        rows = [
            [number(c.value), prose(c.meaning), code(c.module.removeprefix("rasterwire."))]
            for c in found
            if _section_of(c) == title
        ]
        text += f"\n### {title}\n\n" + table(["limit", "what it limits", "defined in"], rows) if rows else ""
    return text


def _section_of(constant: _Constant) -> str:
    package = constant.module.split(".")[1]
    if package not in _sections:
        raise LookupError(f"{constant.module}: name a section for {package} in {__file__}")
    return _sections[package]


def _met_constants() -> list[_Constant]:
    """Return the constants that a message or the condition of a refusal names, and public maxima."""
    trees = modules()
    constants = {key: value for module, tree in trees.items() for key, value in _constants(module, tree)}
    met = {
        key
        for module, tree in trees.items()
        for part in _parts_that_clients_meet(tree)
        for key in _names(module, tree, part)
    }
    found = [constants[key] for key in constants if key in met or key[1].startswith("MAX_")]
    for constant in found:
        if not constant.meaning:
            raise LookupError(
                f"{constant.module}.{constant.name}: clients meet this limit; say below it what it limits"
            )
    return found


def _constants(module: str, tree: ast.Module) -> list[tuple[tuple[str, str], _Constant]]:
    found = []
    for index, statement in enumerate(tree.body):
        if not isinstance(statement, ast.Assign):
            continue
        name = _target(statement)
        value = _number(statement.value)
        if _is_limit.match(name) and value is not None:
            meaning = docstring_below(tree.body, index)
            found.append(((module, name), _Constant(module, name, value, meaning)))
    return found


def _number(node: ast.expr) -> float | None:
    """Return the value of an expression of numbers alone, such as ``10 << 20``; else None."""
    if not all(isinstance(part, ast.Constant | ast.BinOp | ast.operator) for part in ast.walk(node)):
        return None
    value = eval(compile(ast.Expression(node), "<constant>", "eval"), {})
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _parts_that_clients_meet(tree: ast.Module) -> list[ast.AST]:
    """Return texts with values in them, conditions under which something is raised, and what is named ``most``."""
    found: list[ast.AST] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            found.append(node)
        elif isinstance(node, ast.If) and any(isinstance(statement, ast.Raise) for statement in node.body):
            found.append(node.test)
        elif isinstance(node, ast.keyword) and node.arg == "most":  # what compares with it says the number
            found.append(node.value)
        elif isinstance(node, ast.FunctionDef):
            found += _renamed(node)
    return found


def _renamed(function: ast.FunctionDef) -> list[ast.AST]:
    """Return the values of a function's variable ``most``, where its texts name it."""
    texts = [node for node in ast.walk(function) if isinstance(node, ast.JoinedStr)]
    if not any(isinstance(node, ast.Name) and node.id == "most" for text in texts for node in ast.walk(text)):
        return []
    return [node.value for node in ast.walk(function) if isinstance(node, ast.Assign) and _target(node) == "most"]


def _target(assignment: ast.Assign) -> str:
    target = assignment.targets[0]
    return target.id if isinstance(target, ast.Name) else ""


def _names(module: str, tree: ast.Module, part: ast.AST) -> set[tuple[str, str]]:
    """Return module and name of what a part of a tree refers to, also where it is imported."""
    imported = {
        alias.asname or alias.name: (statement.module or "", alias.name)
        for statement in tree.body
        if isinstance(statement, ast.ImportFrom)
        for alias in statement.names
    }
    found = set()
    for node in ast.walk(part):
        if isinstance(node, ast.Name):
            found.add(imported.get(node.id, (module, node.id)))
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in imported:
            package, name = imported[node.value.id]
            found.add((f"{package}.{name}", node.attr))
    return found
