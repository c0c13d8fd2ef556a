"""From a request in any form to its message: all that does not fit is told at once, field by field."""

import contextlib
import difflib
import math
import numbers
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from rasterwire.forms.table import ALIASES, FIELD_FORMS, MESSAGE_FORMS, PLAIN_MESSAGE, Unfit, with_geodesic_lines
from rasterwire.v1 import download_pb2, expression_pb2

MAX_MISFITS = 100
"""Violations that are reported for one request; nothing is read after them."""

MAX_ITEMS, MAX_NUMBERS = 10_000, 100
"""No list may be longer, but for those within expressions and areas."""

_LONG_LISTS = {FieldDescriptor.CPPTYPE_MESSAGE, FieldDescriptor.CPPTYPE_STRING}
_LONGEST_NAME = 60

_EXPRESSION = expression_pb2.Expression.DESCRIPTOR.full_name
_REGION = download_pb2.Region.DESCRIPTOR.full_name


class Misfit(NamedTuple):
    """One thing that is wrong.

    Attributes:
        field: its path by the names of the schema, such as ``bands[2].scale``.
        reason: a name in upper case.
        description: what is wrong and what to do.
    """

    field: str
    reason: str
    description: str


@dataclass(frozen=True, slots=True)
class Reading:
    """What params hold beside that which their message got.

    Attributes:
        expression: as it is written, for those who know its language; None where none is given. Its field in the
            message is there, and empty.
        misfits: all that does not fit, at most ``MAX_MISFITS``, and is absent from the message.
    """

    expression: Any
    misfits: tuple[Misfit, ...]


def fill_params(
    document: Mapping[Any, Any], params: download_pb2.DownloadParams, lines_are_geodesic: bool = False
) -> Reading:
    """Fill a message with what to download; None stands for an absent value.

    Args:
        document: as the JSON of ``DownloadParams``, its names in camelCase or snake_case, or in any form of the table.
        params: an empty message.
        lines_are_geodesic: what a GeoJSON polygon without a ``geodesic`` member has for edges.
    """
    reader = _Reader(lines_are_geodesic)
    reader.message(document, params, "")
    return Reading(reader.expression, tuple(reader.misfits))


def fill_export(document: Mapping[Any, Any], params: Message, lines_are_geodesic: bool = False) -> Reading:
    """Fill a message with what to export, and to where; the paths of its download begin with ``download.``.

    Args:
        document: as the JSON of ``ExportParams``; see ``fill_params``.
        params: an empty message of that type.
        lines_are_geodesic: see ``fill_params``.
    """
    reader = _Reader(lines_are_geodesic)
    reader.message(document, params, "")
    return Reading(reader.expression, tuple(reader.misfits))


def fill_request(document: Mapping[str, Any], request: Message) -> tuple[Misfit, ...]:
    """Fill a request that has no expression, and return all that does not fit; see ``fill_params``."""
    reader = _Reader(False)
    reader.message(document, request, "")
    return tuple(reader.misfits)


class _Reader:
    """Fills messages and notes what does not fit."""

    def __init__(self, lines_are_geodesic: bool) -> None:
        self.misfits: list[Misfit] = []
        self.expression: Any = None
        self._lines_are_geodesic = lines_are_geodesic

    def _note(self, field: str, reason: str, description: str) -> None:
        self.misfits.append(Misfit(field, reason, description))

    def message(self, value: Any, message: Message, path: str) -> None:
        """Fill a message with all that fits."""
        kind = _kind(message)
        if isinstance(value, Message) and _kind(value) is kind:
            message.CopyFrom(value)
            return
        form = MESSAGE_FORMS.get(kind.full_name, PLAIN_MESSAGE)
        plain = self._plain(form.plain, value, path, kind)
        if plain is _NOTHING:
            return
        if not isinstance(plain, Mapping):
            sentence = form.wanted.format(members=_listed(kind))
            self._note(path, "NOT_AN_OBJECT", f"has to be {sentence}, got {shown(value)}")
            return
        if self._lines_are_geodesic and kind.full_name == _REGION and plain is not value:
            plain = with_geodesic_lines(plain)
        message.SetInParent()
        self._members(plain, message, path)

    def _plain(self, plain: Callable[[Any], Any], value: Any, path: str, kind: Descriptor) -> Any:
        """Return a value as the schema has it, ``_NOTHING`` where it has no form."""
        try:
            return plain(value)
        except Unfit as error:
            description = error.description.replace("{members}", _listed(kind))
            self._note(path, error.reason, f"{description}, got {shown(value)}")
            return _NOTHING

    def _members(self, members: Mapping[Any, Any], message: Message, path: str) -> None:
        kind = _kind(message)
        by_name = {name: field for field in kind.fields for name in (field.name, field.json_name)}
        by_name |= {alias: by_name[name] for alias, name in ALIASES.get(kind.full_name, {}).items()}
        spelling: dict[str, str] = {}
        for key, value in members.items():
            if len(self.misfits) >= MAX_MISFITS:
                return
            name = str(key)
            field = by_name.get(name)
            if field is None:
                unknown = f"there is no such field; {_meant(name, kind)}"
                self._note(_within(path, name[:_LONGEST_NAME]), "FIELD_UNKNOWN", unknown)
            elif value is not None:
                here = _within(path, field.name)
                choice = field.containing_oneof
                slot = field.name if choice is None else choice.name
                if slot in spelling:
                    self._note(here, "GIVEN_TWICE", _given_twice(field, spelling[slot]))
                    continue
                spelling[slot] = name
                self._field(value, field, message, here)

    def _field(self, value: Any, field: FieldDescriptor, message: Message, path: str) -> None:
        if field.message_type is not None and field.message_type.full_name == _EXPRESSION:
            self.expression = value
            getattr(message, field.name).SetInParent()
            return
        form = FIELD_FORMS.get(field.name)
        plain = self._plain(form.plain, value, path, _kind(message)) if form else value
        if plain is _NOTHING:
            return
        if field.is_repeated:
            self._list(plain, value, field, message, path)
        elif field.message_type is None:
            scalar = self._scalar(plain, field, path)
            if scalar is not _NOTHING:
                setattr(message, field.name, scalar)
        elif field.message_type.full_name == Timestamp.DESCRIPTOR.full_name:
            self._time(plain, getattr(message, field.name), path)
        else:
            self.message(plain, getattr(message, field.name), path)

    def _list(self, plain: Any, value: Any, field: FieldDescriptor, message: Message, path: str) -> None:
        most = MAX_ITEMS if field.cpp_type in _LONG_LISTS else MAX_NUMBERS
        if not isinstance(plain, list | tuple):
            form = FIELD_FORMS.get(field.name)
            self._note(path, "NOT_A_LIST", f"has to be {form.wanted if form else 'a list'}, got {shown(value)}")
            return
        if len(plain) > most:
            self._note(path, "REPEATED_MAX_ITEMS", f"must contain no more than {most} items, got {len(plain)}")
            return
        items = getattr(message, field.name)
        for index, item in enumerate(plain):
            if len(self.misfits) >= MAX_MISFITS:
                return
            here = f"{path}[{index}]"
            if field.message_type is not None:
                self.message(item, items.add(), here)  # one that does not fit stays, so that indices hold
                continue
            scalar = self._scalar(item, field, here)
            if scalar is not _NOTHING:
                items.append(scalar)

    def _time(self, value: Any, time: Timestamp, path: str) -> None:
        form = MESSAGE_FORMS[Timestamp.DESCRIPTOR.full_name]
        try:
            time.FromJsonString(form.plain(value))
        except (ValueError, TypeError, AttributeError, OverflowError):
            time.Clear()
            self._note(path, "VALUE_UNFIT", f"has to be {form.wanted}, got {shown(value)}")

    def _scalar(self, value: Any, field: FieldDescriptor, path: str) -> Any:
        scalar, sentence = _scalar(value, field)
        if scalar is _NOTHING:
            form = FIELD_FORMS.get(field.name)
            sentence = form.wanted if form and not field.is_repeated else sentence
            self._note(path, "VALUE_UNFIT", f"has to be {sentence}, got {shown(value)}")
        return scalar


_NOTHING: Any = object()
"""Stands for a value that does not fit."""


# -- single values -----------------------------------------------------------------------------


def _scalar(value: Any, field: FieldDescriptor) -> tuple[Any, str]:
    """Return the value for a message, ``_NOTHING`` where it does not fit, and what it has to be."""
    match field.cpp_type:
        case FieldDescriptor.CPPTYPE_STRING:
            return (value if isinstance(value, str) and _is_text(value) else _NOTHING), "a text"
        case FieldDescriptor.CPPTYPE_BOOL:
            return (value if isinstance(value, bool) else _NOTHING), "true or false"
        case FieldDescriptor.CPPTYPE_ENUM if field.enum_type is not None:
            by_name = [name for name in field.enum_type.values_by_name if not name.endswith("_UNSPECIFIED")]
            return _enum(value, field.enum_type), f"one of {', '.join(by_name)}"
        case FieldDescriptor.CPPTYPE_DOUBLE:
            number = _number(value)
            return (_NOTHING if number is None else number), "a number"
        case FieldDescriptor.CPPTYPE_INT64:
            whole = _whole(value)
            return (_NOTHING if whole is None else whole), "a whole number of 64 bits"
        case _:
            number = _number(value)
            fits = number is not None and number % 1 == 0 and -(1 << 31) <= number < 1 << 31
            return (int(number) if fits and number is not None else _NOTHING), "a whole number of 32 bits"


def _enum(value: Any, kind: EnumDescriptor) -> Any:
    """Return a value of an enum by its name in any case, with or without the prefix, or by its number."""
    if type(value) is int and -(1 << 31) <= value < 1 << 31:
        return value
    if not isinstance(value, str) or len(value) > _LONGEST_NAME:
        return _NOTHING
    prefix = enum_prefix(kind)
    name = value.upper().removeprefix(prefix)
    member = kind.values_by_name.get(prefix + ALIASES.get(kind.full_name, {}).get(name, name))
    return _NOTHING if member is None else member.number


def enum_prefix(kind: EnumDescriptor) -> str:
    """Return what the names of an enum's values begin with, such as ``FORMAT_``."""
    return kind.values_by_number[0].name.removesuffix("UNSPECIFIED")


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
    if isinstance(value, str) and "_" in value:
        return None
    with contextlib.suppress(ValueError, TypeError, OverflowError):
        number = float(value)  # type: ignore[arg-type]  # TypeError is awaited
        is_overflow = isinstance(value, str) and math.isinf(number) and any(map(str.isdigit, value))
        return None if is_overflow else number
    return None


def _whole(value: Any) -> int | None:
    """Return a whole number of 64 bits, which JSON of protobuf has as a text."""
    number = _number(value)
    if number is None or not math.isfinite(number) or number % 1 != 0 or abs(number) >= 1 << 63:
        return None
    return int(value) if isinstance(value, str) and value.strip().lstrip("-").isdecimal() else int(number)


def _kind(message: Message) -> Descriptor:
    return cast(Descriptor, message.DESCRIPTOR)  # which its stubs say is one of two classes


# -- words -------------------------------------------------------------------------------------


def _within(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _listed(kind: Descriptor) -> str:
    return ", ".join(field.name for field in kind.fields)


def _meant(key: str, kind: Descriptor) -> str:
    names = [name for field in kind.fields for name in {field.name, field.json_name}]
    close = difflib.get_close_matches(key[:_LONGEST_NAME], names, 1)
    if close:
        return f"did you mean {close[0]}?"
    return f"there are {_listed(kind)}" if names else "there are none"


def _given_twice(field: FieldDescriptor, first: str) -> str:
    choice = field.containing_oneof
    options = [] if choice is None else [option.name for option in choice.fields]
    return (
        f"is given together with {first}; give one of {', '.join(options)}"
        if len(options) > 1
        else "is given twice; give it once"
    )


def shown(value: Any) -> str:
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
        case int() if value.bit_length() > 256:
            return f"a whole number of {value.bit_length()} bits"
        case str():
            return repr(value if len(value) <= 60 else value[:57] + "...")
        case _:
            return f"{value!r:.60}"
