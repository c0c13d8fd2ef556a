"""Measures the source against the limits of this project, and fails above them.

Counted are the names of values that are no nouns (participles, pronouns and adverbs, such as ``made`` or ``there``),
the lines of modules, and the lines and parameters of functions. Generated code is left out.

    python tests/check_source.py          the figures, and what is above a limit
    python tests/check_source.py --list   besides, the 20 most frequent such names and the files that have most of them
"""

import ast
import statistics
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

MAX_PERCENT_VAGUE = 1.0
"""The share of vague names among all. To be lowered to 1 as names are replaced, and never raised."""

MAX_MODULE_LINES = 400
MAX_FUNCTION_LINES = 60
MAX_PARAMETERS = 6
"""Of a function, ``self`` and ``cls`` not counted."""

FIXED_PARAMETERS = {
    "table.listed": "the arguments of a function of Earth Engine, one each",
    "click.command": "the flags of a command, one each",
    "cli.command": "likewise",
    "loop": "compiled code: a tuple hides which array is which, and a named one takes a call 3 microseconds more",
    "compiled": "likewise; it is called by loops alone",
}
"""What decides the parameters of functions that it decorates, and why."""

MANY_PARAMETERS = {
    "server/service.py": {"__init__": "the parts of a server, each made by the composition root"},
    "nodes/rank.py": {"_rank_twin": "a twin takes the arguments of its loop"},
}
"""Functions of modules that have more parameters, and why."""

SOURCE = Path(__file__).parents[1] / "src" / "rasterwire"
GENERATED = ("v1", "_vendor")

VAGUE = {
    "asked", "begun", "built", "called", "came", "chosen", "come", "done", "drawn", "due", "found", "given", "gone",
    "got", "heard", "held", "kept", "known", "left", "listed", "lost", "made", "meant", "met", "named", "picked",
    "said", "seen", "sent", "shown", "sought", "taken", "told", "wanted", "written",
    "all", "another", "any", "both", "each", "either", "every", "it", "its", "itself", "mine", "neither", "none",
    "nothing", "one", "other", "others", "own", "same", "some", "something", "that", "theirs", "them", "these",
    "this", "those", "what", "which", "who", "whom", "whose",
    "at", "here", "now", "so", "then", "there", "thus", "where",
}  # fmt: skip
"""Words that say how a value came about or point at it, and not what it is."""


def modules() -> list[Path]:
    """Return the hand-written modules."""
    return [path for path in sorted(SOURCE.rglob("*.py")) if path.relative_to(SOURCE).parts[0] not in GENERATED]


def names_in(tree: ast.AST) -> tuple[list[str], list[str]]:
    """Return all names that code binds to values, and the vague ones among them.

    These are assigned names and the parameters of functions, but ``self`` and ``cls``. ``left`` beside ``right`` is a
    side, and ``other`` is what Python calls the second operand of a special method. A lone ``_`` is a value that nobody
    uses; two underscores are a vague name.
    """
    bound: list[str] = []
    vague: list[str] = []
    for function, names in _scopes(tree, ""):
        usual = {"left"} if "right" in names else {"other"} if function.startswith("__") else set()
        bound += names
        vague += [
            name
            for name in names
            if (name.strip("_") in VAGUE - usual and not name.startswith("__")) or name in {"__", "___", "____"}
        ]
    return bound, vague


def _scopes(tree: ast.AST, function: str) -> Iterator[tuple[str, list[str]]]:
    """Yield the names bound in a module and in each function in it; classes and comprehensions count where they are."""
    names: list[str] = []
    inner: list[ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda] = []
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) and node is not tree:
            inner.append(node)
            continue
        names += _bound_by(node)
        waiting += ast.iter_child_nodes(node)
    yield function, names
    for node in inner:
        yield from _scopes(node, "" if isinstance(node, ast.Lambda) else node.name)


def _bound_by(node: ast.AST) -> list[str]:
    match node:
        case ast.Name(id=name, ctx=ast.Store()):
            return [name]
        case ast.arg(arg=name) if name not in {"self", "cls"}:
            return [name]
        case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
            return [name]
        case ast.MatchMapping(rest=str(name)):
            return [name]
        case _:
            return []


def function_lines(tree: ast.AST) -> list[tuple[int, str]]:
    """Return how many lines each function has, its signature and docstring included, and its name."""
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return [((node.end_lineno or node.lineno) - node.lineno + 1, node.name) for node in functions]


def parameter_counts(tree: ast.AST, module: str) -> list[tuple[int, str]]:
    """Return how many parameters each function has that chooses them itself, and its name."""
    excused = MANY_PARAMETERS.get(module, {})
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return [
        (len(names), function.name)
        for function in functions
        if function.name not in excused and not module.endswith("_twins.py") and not _are_fixed(function)
        for names in [_parameters(function)]
    ]


def _are_fixed(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    names = {ast.unparse(decorator).partition("(")[0] for decorator in function.decorator_list}
    return not names.isdisjoint(FIXED_PARAMETERS)


def _parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    arguments = function.args
    names = [parameter.arg for parameter in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
    return [name for name in names if name not in {"self", "cls"}]


def main(arguments: list[str]) -> int:
    """Print the figures; returns 1 where one is above its limit."""
    lines: dict[str, int] = {}
    functions: list[tuple[int, str]] = []
    parameters: list[tuple[int, str]] = []
    by_name: Counter[str] = Counter()
    by_module: Counter[str] = Counter()
    total = 0
    for path in modules():
        text = path.read_text()
        tree = ast.parse(text)
        module = path.relative_to(SOURCE).as_posix()
        lines[module] = text.count("\n")
        functions += [(count, f"{name} in {module}") for count, name in function_lines(tree)]
        parameters += [(count, f"{name} in {module}") for count, name in parameter_counts(tree, module)]
        bound, vague = names_in(tree)
        total += len(bound)
        by_name.update(vague)
        by_module[module] = len(vague)
    percent = 100 * by_name.total() / total
    longest_module, longest_function = max(lines, key=lines.__getitem__), max(functions)
    print(f"{len(lines)} modules of {statistics.median(lines.values()):.0f} lines (median)")
    print(f"longest module: {lines[longest_module]} lines, {longest_module}; limit {MAX_MODULE_LINES}")
    print(f"longest function: {longest_function[0]} lines, {longest_function[1]}; limit {MAX_FUNCTION_LINES}")
    count, function = max(parameters)
    print(f"most parameters: {count}, {function}; limit {MAX_PARAMETERS}")
    print(f"vague names: {by_name.total()} of {total}, {percent:.2f} %; limit {MAX_PERCENT_VAGUE:g} %")
    if "--list" in arguments:
        print("names:", ", ".join(f"{name} {count}" for name, count in by_name.most_common(20)))
        print("files:", *(f"    {count:3} {module}" for module, count in by_module.most_common(20)), sep="\n")
    problems = [
        *(f"{module} has {n} lines, at most {MAX_MODULE_LINES}" for module, n in lines.items() if n > MAX_MODULE_LINES),
        *(f"{name} has {n} lines, at most {MAX_FUNCTION_LINES}" for n, name in functions if n > MAX_FUNCTION_LINES),
        *(f"{name} has {n} parameters, at most {MAX_PARAMETERS}" for n, name in parameters if n > MAX_PARAMETERS),
    ]
    if percent > MAX_PERCENT_VAGUE:
        problems.append(f"{percent:.2f} % of names are vague, at most {MAX_PERCENT_VAGUE:g} %; --list names them")
    for problem in problems:
        print(f"check_source: {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
