"""Functions of expressions: those that are built, and those that are only known by name."""

import json
from collections import defaultdict

from generator.markdown import code, escaped, table
from rasterwire.expression.algorithms import TABLE
from rasterwire.expression.language.signature import Argument, Function

_HEAD = """# Functions of expressions

Earth Engine's clients can call {known} functions. This server has built {built} of them. A call of any other is
refused with `NAME: not implemented by this server` before anything is computed.

Names and arguments are Earth Engine's. An argument with a default may be left out. The first argument is the object
on which a method of a client is called.
"""


def page() -> str:
    """Return the page."""
    families: dict[str, list[Function]] = defaultdict(list)
    for name, function in sorted(TABLE.items()):
        families[name.partition(".")[0] if "." in name else ""].append(function)
    built = sum(function.call is not None for function in TABLE.values())
    text = _HEAD.format(known=len(TABLE), built=built)
    for family, members in sorted(families.items()):
        text += f"\n## {family or 'Functions of no type'}\n"
        rows = [[_call(f), escaped(f.description)] for f in members if f.call is not None]
        missing = [code(f.signature.name) for f in members if f.call is None]
        if rows:
            text += "\n" + table(["function", "what it does"], rows)
        if missing:
            text += "\nNot built: " + ", ".join(missing) + ".\n"
    return text


def _call(function: Function) -> str:
    arguments = ", ".join(_argument(argument) for argument in function.signature.arguments)
    return code(f"{function.signature.name}({arguments}) → {function.signature.returns}")


def _argument(argument: Argument) -> str:
    if not argument.optional:
        return argument.name
    return f"{argument.name}={json.dumps(argument.default)}"
