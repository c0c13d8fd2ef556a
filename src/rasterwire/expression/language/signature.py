"""Signatures of functions, and the table in which each function is listed under its signature."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument of a function.

    Attributes:
        name: in requests.
        type: Earth Engine's name of it, such as ``List<String>``.
        optional: whether a call may omit it.
        default: a JSON value.
    """

    name: str
    type: str
    optional: bool = False
    default: Any = None


@dataclass(frozen=True, slots=True)
class Signature:
    """The name of a function, its arguments in order, and the type of its result."""

    name: str
    arguments: tuple[Argument, ...]
    returns: str


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the server.

    Attributes:
        signature: its name and arguments.
        description: one line.
        call: takes the arguments in order; None where this server does not implement the function.
        needs_world: whether ``call`` takes a World before the arguments.
    """

    signature: Signature
    description: str
    call: Callable[..., Any] | None
    needs_world: bool = False


def parse_signature(text: str) -> Signature:
    """Return the signature of a text such as ``List.get(list: List<Object>, index: Integer) -> Object``.

    >>> parse_signature("Image.mask(image: Image, mask: Image = null) -> Image").arguments[1]
    Argument(name='mask', type='Image', optional=True, default=None)
    """
    head, returns = text.rsplit(" -> ", 1)
    name, inner = head.rstrip(")").split("(", 1)
    arguments = []
    for part in _parts(inner):
        key, declaration = part.split(": ", 1)
        kind, equals, default = declaration.partition(" = ")
        arguments.append(Argument(key, kind, bool(equals), json.loads(default) if equals else None))
    return Signature(name, tuple(arguments), returns)


def _parts(text: str) -> list[str]:
    """Split at the commas outside of brackets and quotes."""
    parts, depth, start, quoted = [], 0, 0, False
    for index, char in enumerate(text):
        quoted ^= char == '"'
        if not quoted:
            depth += (char in "<{[") - (char in ">}]")
            if char == "," and depth == 0:
                parts.append(text[start:index].strip())
                start = index + 1
    return [part for part in [*parts, text[start:].strip()] if part]


class Table(dict[str, Function]):
    """Functions by name; each module of functions adds its own."""

    def listed(self, signature: str, *aliases: str, needs_world: bool = False) -> Callable[[F], F]:
        """Return a decorator that lists a function under its signature, described by the first line of its docstring.

        Args:
            signature: see ``parse_signature``.
            aliases: other names of the same function.
            needs_world: whether the function takes a World first.
        """
        parsed = parse_signature(signature)

        def enter(function: F) -> F:
            lines = (function.__doc__ or "").strip().splitlines()
            self.enter(parsed, lines[0] if lines else "", function, aliases, needs_world=needs_world)
            return function

        return enter

    def enter(
        self,
        signature: Signature,
        description: str,
        call: Callable[..., Any] | None,
        aliases: tuple[str, ...] = (),
        *,
        needs_world: bool = False,
    ) -> None:
        """Add a function to the table, under its name and its aliases."""
        for name in (signature.name, *aliases):
            if name in self:
                raise ValueError(f"{name} is listed twice")
            own_signature = Signature(name, signature.arguments, signature.returns)
            self[name] = Function(own_signature, description, call, needs_world)


table = Table()
