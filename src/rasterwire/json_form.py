"""JSON of messages: all that does not fit the schema is told field by field, where protobuf tells of the first."""

import contextlib
import difflib
import numbers
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.timestamp_pb2 import Timestamp

_MOST_ITEMS, _MOST_NUMBERS = 10_000, 100
"""No list may be longer, but for those within expressions."""

_LONG_LISTS = {FieldDescriptor.CPPTYPE_MESSAGE, FieldDescriptor.CPPTYPE_STRING}

_EXPRESSION = "rasterwire.v1.Expression"
_TIME = Timestamp.DESCRIPTOR.full_name


class Misfit(NamedTuple):
    """One thing that is wrong.

    Attributes:
        field: its path, such as ``bands[2].scale``.
        reason: a name in upper case.
        description: what is wrong and what to do.
    """

    field: str
    reason: str
    description: str


def misfits(document: object, kind: Descriptor, path: str = "") -> Iterator[Misfit]:
    """Yield what does not fit a message, in the order of the document; values of expressions are passed over.

    Args:
        document: as the JSON of a message; None stands for an absent value.
        kind: of the message.
        path: of the message, "" for the outermost.
    """
    names = [field.json_name for field in kind.fields]
    if not isinstance(document, Mapping):
        yield Misfit(path, "NOT_AN_OBJECT", f"has to be an object with {', '.join(names)}, got {_shown(document)}")
        return
    known = {name: field for field in kind.fields for name in (field.name, field.json_name)}
    given: dict[str, str] = {}
    for key, value in document.items():
        name = str(key)
        field = known.get(name)
        if field is None:
            yield Misfit(_within(path, name[:60]), "FIELD_UNKNOWN", f"there is no such field; {_meant(name, names)}")
        elif value is not None:
            here = _within(path, field.name)
            choice = field.containing_oneof
            slot = field.name if choice is None else choice.name
            if slot in given:
                options = [] if choice is None else [one.json_name for one in choice.fields]
                said = f"is given together with {given[slot]}; give one of {', '.join(options)}"
                yield Misfit(here, "GIVEN_TWICE", said if len(options) > 1 else "is given twice; give it once")
            given[slot] = name
            yield from _of_field(value, field, here)


def _of_field(value: Any, field: FieldDescriptor, path: str) -> Iterator[Misfit]:
    if not field.is_repeated:
        yield from _of_value(value, field, path)
    elif not isinstance(value, list | tuple):
        yield Misfit(path, "NOT_A_LIST", f"has to be a list, got {_shown(value)}")
    elif len(value) > (most := _MOST_ITEMS if field.cpp_type in _LONG_LISTS else _MOST_NUMBERS):
        yield Misfit(path, "REPEATED_MAX_ITEMS", f"must contain no more than {most} items, got {len(value)}")
    else:
        for at, item in enumerate(value):
            yield from _of_value(item, field, f"{path}[{at}]")


def _of_value(value: Any, field: FieldDescriptor, path: str) -> Iterator[Misfit]:
    kind = field.message_type
    if kind is None or kind.full_name == _TIME:
        wanted = _unfit(value, field)
        if wanted:
            yield Misfit(path, "VALUE_UNFIT", f"has to be {wanted}, got {_shown(value)}")
    elif kind.full_name != _EXPRESSION:
        yield from misfits(value, kind, path)


def _unfit(value: Any, field: FieldDescriptor) -> str:
    """Return what a value has to be, "" where it is that."""
    match field.cpp_type:
        case FieldDescriptor.CPPTYPE_MESSAGE:
            return "" if _is_time(value) else "a time such as 2021-01-03T00:00:00Z"
        case FieldDescriptor.CPPTYPE_STRING:
            return "" if isinstance(value, str) and _is_text(value) else "a text"
        case FieldDescriptor.CPPTYPE_BOOL:
            return "" if isinstance(value, bool) else "true or false"
        case FieldDescriptor.CPPTYPE_ENUM:
            known = list(field.enum_type.values_by_name) if field.enum_type else []
            fits = value in known if isinstance(value, str) else type(value) is int
            return "" if fits else f"one of {', '.join(name for name in known if not name.endswith('_UNSPECIFIED'))}"
        case FieldDescriptor.CPPTYPE_DOUBLE:
            return "" if _number(value) is not None else "a number"
        case _:
            number = _number(value)
            fits = number is not None and number % 1 == 0 and -(1 << 31) <= number < 1 << 31
            return "" if fits else "a whole number of 32 bits"


def _is_time(value: Any) -> bool:
    with contextlib.suppress(ValueError, TypeError):
        Timestamp().FromJsonString(value)
        return True
    return False


def _is_text(value: str) -> bool:
    """Tell whether a text has no half of a surrogate pair, which no wire carries."""
    with contextlib.suppress(UnicodeEncodeError):
        value.encode()
        return True
    return False


def _number(value: Any) -> float | None:
    """Return a number, which JSON of protobuf may have as a text."""
    if isinstance(value, bool) or not isinstance(value, numbers.Number | str):
        return None
    with contextlib.suppress(ValueError, TypeError, OverflowError):
        return float(value)  # type: ignore[arg-type]  # TypeError is awaited
    return None


# -- words -------------------------------------------------------------------------------------


def _within(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _meant(key: str, names: list[str]) -> str:
    close = difflib.get_close_matches(key[:60], names, 1)
    return f"did you mean {close[0]}?" if close else f"there are {', '.join(names)}"


def _shown(value: Any) -> str:
    """Return a value as JSON has it, cut where it is long."""
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case Mapping():
            return "an object"
        case list():
            return f"a list of {len(value)}"
        case str():
            return repr(value if len(value) <= 60 else value[:57] + "...")
        case _:
            return f"{value!r:.60}"
