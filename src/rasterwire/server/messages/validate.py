"""The rules of the schema, checked; the only file that knows the validation library."""

from typing import Any

import protovalidate
from google.protobuf.message import Message

from rasterwire._vendor.buf.validate import validate_pb2
from rasterwire.errors import Violation

TOO_MANY = "REPEATED_MAX_ITEMS"
"""The reason of a list that is too long."""

_SMALL = 4096
"""Bytes of messages that are looked through as they are."""

_FEW = 20
"""Numbers of a list: more than any that may be, so that its length is still wrong."""


def violations(message: Message) -> list[Violation]:
    """Return every rule of the schema that a message breaks."""
    broken: list[Violation] = []
    ruled = _ruled(message, "", broken) if message.ByteSize() > _SMALL else message
    broken += [_violation(message, item.proto) for item in protovalidate.collect_violations(ruled)]
    not_finite = {violation.field for violation in broken if violation.reason == "DOUBLE_FINITE"}
    # what is no number is not greater than 0 either, which need not be said
    return [item for item in broken if item.field not in not_finite or item.reason == "DOUBLE_FINITE"]


def _ruled(message: Message, path: str, broken: list[Violation]) -> Message:
    """Return a message that breaks the same rules as another one, without its large parts.

    Left out are the values of an expression, which have no rules, and lists that are too long.

    Args:
        message: the other.
        path: of the message, "" for the outermost.
        broken: receives a violation for each list that is left out.
    """
    bare = type(message)()
    for field, value in message.ListFields():
        here = f"{path}.{field.name}" if path else field.name
        if field.name == "expression":
            bare.expression.result = value.result  # type: ignore[attr-defined] # this one has it
        elif field.is_repeated:
            most = field.GetOptions().Extensions[validate_pb2.field].repeated.max_items
            if most and len(value) > most:
                problem = f"must contain no more than {most} item(s){_shown(value)}"
                broken.append(Violation(here, TOO_MANY, problem))
            elif field.message_type is not None:
                items = (_ruled(item, f"{here}[{index}]", broken) for index, item in enumerate(value))
                getattr(bare, field.name).extend(items)
            else:
                getattr(bare, field.name).extend(value[:_FEW] if field.cpp_type == field.CPPTYPE_DOUBLE else value)
        elif field.message_type is not None:
            getattr(bare, field.name).CopyFrom(_ruled(value, here, broken))
        else:
            setattr(bare, field.name, value)
    return bare


def _violation(message: Message, rule: Any) -> Violation:
    reason = rule.rule_id.upper().replace(".", "_")
    path = ""
    value: Any = message
    enum = None
    for element in rule.field.elements if rule.field is not None else ():
        kind = value.DESCRIPTOR
        if element.field_name in kind.oneofs_by_name:
            if not path:
                return Violation("image", "REQUIRED", "is required; name an image of the catalog")
            options = [field.name for field in kind.oneofs_by_name[element.field_name].fields]
            return Violation(
                f"{path}.{element.field_name}", "REQUIRED", f"is required; give one of {', '.join(options)}"
            )
        enum = kind.fields_by_name[element.field_name].enum_type
        path += ("." if path else "") + element.field_name
        value = getattr(value, element.field_name)
        if element.subscript is not None:
            index = element.subscript.value
            path += f"[{index}]"
            value = value[index]
    if rule.rule_id == "required":
        return Violation(path, "REQUIRED", "is required, and not given")
    if isinstance(value, Message):
        # a rule over several fields begins its text with the field it is about
        field, _, text = rule.message.partition(": ")
        return Violation(f"{path}.{field}" if path else field, reason, text)
    if rule.rule_id == "string.min_len":
        return Violation(path, "REQUIRED", "is required, and empty")
    if enum is not None:
        options = [name for name in enum.values_by_name if not name.endswith("_UNSPECIFIED")]
        problem = f"has to be one of {', '.join(options)}"
        return Violation(path, reason, problem + (_shown(value) if value else ", and is not given"))
    return Violation(path, reason, rule.message + _shown(value))


def _shown(value: object) -> str:
    if isinstance(value, bool | int | float):
        return f", got {value:g}" if isinstance(value, float) else f", got {value}"
    if isinstance(value, str):
        return f", got {value[:60]!r}" if value else ""
    if value is not None and not isinstance(value, Message) and hasattr(value, "__len__"):
        return f", got {len(value)} of them"
    return ""
