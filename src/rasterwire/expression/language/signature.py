"""The functions of expressions, each beside its signature."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument of a function.

    Attributes:
        name: on the wire.
        type: as clients know it, such as ``List<String>``.
        optional: whether it may be left out.
        default: a JSON value.
    """

    name: str
    type: str
    optional: bool = False
    default: Any = None


@dataclass(frozen=True, slots=True)
class Signature:
    """How a function is called: its name, its arguments in order, and the type of its result."""

    name: str
    arguments: tuple[Argument, ...]
    returns: str


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the server.

    Attributes:
        signature: how it is called.
        description: a line.
        call: takes the arguments in order; None where this server has not built it.
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
        key, rest = part.split(": ", 1)
        kind, equals, default = rest.partition(" = ")
        arguments.append(Argument(key, kind, bool(equals), json.loads(default) if equals else None))
    return Signature(name, tuple(arguments), returns)


def _parts(text: str) -> list[str]:
    """Split at the commas that are within no brackets and no quotes."""
    parts, depth, start, quoted = [], 0, 0, False
    for at, char in enumerate(text):
        quoted ^= char == '"'
        if not quoted:
            depth += (char in "<{[") - (char in ">}]")
            if char == "," and depth == 0:
                parts.append(text[start:at].strip())
                start = at + 1
    return [part for part in [*parts, text[start:].strip()] if part]


class Table(dict[str, Function]):
    """Functions by name, filled where they are defined."""

    def listed(self, signature: str, *aliases: str, needs_world: bool = False) -> Callable[[F], F]:
        """Return a decorator that lists a function under its signature; its first line describes it.

        Args:
            signature: see ``parse_signature``.
            aliases: other names of the same function.
            needs_world: whether it takes a World first.
        """
        parsed = parse_signature(signature)

        def enter(function: F) -> F:
            described = (function.__doc__ or "").strip().splitlines()
            self.enter(parsed, described[0] if described else "", function, aliases, needs_world=needs_world)
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
        """List a function."""
        for name in (signature.name, *aliases):
            if name in self:
                raise ValueError(f"{name} is listed twice")
            named = Signature(name, signature.arguments, signature.returns)
            self[name] = Function(named, description, call, needs_world)


table = Table()
