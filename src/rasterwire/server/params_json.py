"""DownloadParams that come as JSON: all that does not fit the schema is told at once, field by field."""

import contextlib
import difflib
import itertools
from collections.abc import Iterator, Mapping
from typing import Any

from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import DecodeError
from google.protobuf.timestamp_pb2 import Timestamp

from rasterwire.errors import InvalidExpression, InvalidRequest, Violation, invalid
from rasterwire.expression.graph import read_graph
from rasterwire.v1 import download_pb2, expression_pb2

_MOST_TOLD = 100
_MOST_ITEMS = 10_000
"""No list of DownloadParams may be longer, but for those within expressions."""

_EXPRESSION = expression_pb2.Expression.DESCRIPTOR
_TIME = Timestamp.DESCRIPTOR.full_name


def read_params(document: Mapping[str, Any]) -> download_pb2.DownloadParams:
    """Return the message of a JSON object.

    Raises:
        InvalidRequest: with every field that does not fit the schema.
    """
    params = download_pb2.DownloadParams()
    misfits = tuple(itertools.islice(_of_message(document, params.DESCRIPTOR, ""), _MOST_TOLD))
    if misfits:
        raise InvalidRequest(misfits)
    plain = {key: value for key, value in document.items() if key != "expression"}  # which has its own way
    try:
        json_format.ParseDict(plain, params)
    except (json_format.ParseError, ValueError, RecursionError):
        said = "the body is not DownloadParams as JSON; download.proto says what each field may be"
        raise invalid("", "BODY_NOT_PARAMS", said) from None
    if document.get("expression") is not None:
        read_expression(document["expression"], params.expression)
    return params


def read_expression(document: Mapping[str, Any], expression: expression_pb2.Expression) -> None:
    """Fill the message of an expression with what its result needs.

    Raises:
        InvalidExpression: the document is none.
    """
    graph = read_graph(document)
    needed = {"result": graph.result, "values": {key: document["values"][key] for key in graph.values}}
    try:
        json_format.ParseDict(needed, expression, ignore_unknown_fields=True)
        _check_depth(expression)
    except (json_format.ParseError, DecodeError, ValueError, RecursionError):
        said = "values of the expression are nested too deeply within each other; use references"
        raise InvalidExpression(said) from None


def _check_depth(expression: expression_pb2.Expression) -> None:
    """Raise DecodeError for values nested more deeply than protobuf reads, which shows once they are sent or kept."""
    download_pb2.DownloadParams.FromString(download_pb2.DownloadParams(expression=expression).SerializeToString())


def _of_message(document: object, kind: Descriptor, path: str) -> Iterator[Violation]:
    names = [field.json_name for field in kind.fields]
    if not isinstance(document, Mapping):
        yield Violation(path, "NOT_AN_OBJECT", f"has to be an object with {', '.join(names)}, got {_shown(document)}")
        return
    known = {name: field for field in kind.fields for name in (field.name, field.json_name)}
    given: dict[str, str] = {}
    for key, value in document.items():
        field = known.get(key)
        if field is None:
            yield Violation(_within(path, key[:60]), "FIELD_UNKNOWN", f"there is no such field; {_meant(key, names)}")
        elif value is not None:
            here = _within(path, field.name)
            choice = field.containing_oneof
            slot = field.name if choice is None else choice.name
            if slot in given:
                options = [] if choice is None else [one.json_name for one in choice.fields]
                said = f"is given together with {given[slot]}; give one of {', '.join(options)}"
                yield Violation(here, "GIVEN_TWICE", said if len(options) > 1 else "is given twice; give it once")
            given[slot] = key
            yield from _of_field(value, field, here)


def _of_field(value: Any, field: FieldDescriptor, path: str) -> Iterator[Violation]:
    if not field.is_repeated:
        yield from _of_value(value, field, path)
    elif not isinstance(value, list):
        yield Violation(path, "NOT_A_LIST", f"has to be a list, got {_shown(value)}")
    elif len(value) > _MOST_ITEMS:
        yield Violation(path, "REPEATED_MAX_ITEMS", f"must contain no more than {_MOST_ITEMS} items, got {len(value)}")
    else:
        for at, item in enumerate(value):
            yield from _of_value(item, field, f"{path}[{at}]")


def _of_value(value: Any, field: FieldDescriptor, path: str) -> Iterator[Violation]:
    kind = field.message_type
    if kind is None or kind.full_name == _TIME:
        wanted = _unfit(value, field)
        if wanted:
            yield Violation(path, "VALUE_UNFIT", f"has to be {wanted}, got {_shown(value)}")
    elif kind is _EXPRESSION:
        try:
            read_graph(value)
        except InvalidExpression as error:
            yield Violation(path, "INVALID_EXPRESSION", str(error))
    else:
        yield from _of_message(value, kind, path)


def _unfit(value: Any, field: FieldDescriptor) -> str:
    """Return what a value has to be, "" where it is that."""
    match field.cpp_type:
        case FieldDescriptor.CPPTYPE_MESSAGE:
            return "" if _is_time(value) else "a time such as 2021-01-03T00:00:00Z"
        case FieldDescriptor.CPPTYPE_STRING:
            return "" if isinstance(value, str) else "a text"
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


def _number(value: Any) -> float | None:
    """Return a number, which JSON of protobuf may have as a text."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    with contextlib.suppress(ValueError, OverflowError):
        return float(value)
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
