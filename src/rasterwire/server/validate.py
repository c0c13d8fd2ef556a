"""The rules of the schema, checked; the only file that knows the validation library."""

from typing import Any

import protovalidate
from google.protobuf.message import Message

from rasterwire.errors import Violation


def violations(message: Message) -> list[Violation]:
    """Return every rule of the schema that a message breaks."""
    found = [_violation(message, one.proto) for one in protovalidate.collect_violations(message)]
    not_finite = {violation.field for violation in found if violation.reason == "DOUBLE_FINITE"}
    # what is no number is not greater than 0 either, which need not be said
    return [one for one in found if one.field not in not_finite or one.reason == "DOUBLE_FINITE"]


def _violation(message: Message, found: Any) -> Violation:
    reason = found.rule_id.upper().replace(".", "_")
    if found.field is None or not found.field.elements:
        # a rule over several fields begins its text with the field it is about
        field, _, text = found.message.partition(": ")
        return Violation(field, reason, text)
    path = ""
    value: Any = message
    for element in found.field.elements:
        path += ("." if path else "") + element.field_name
        value = getattr(value, element.field_name, None)
        if element.subscript is not None:
            index = element.subscript.value
            path += f"[{index}]"
            value = value[index] if value is not None else None
    if path == "source":
        return Violation("image", "REQUIRED", "is required; name an image of the catalog")
    if found.rule_id == "string.min_len":
        return Violation(path, "REQUIRED", "is required, and empty")
    return Violation(path, reason, found.message + _said(value))


def _said(value: object) -> str:
    if isinstance(value, bool | int | float):
        return f", got {value:g}" if isinstance(value, float) else f", got {value}"
    if isinstance(value, str):
        return f", got {value[:60]!r}" if value else ""
    if value is not None and not isinstance(value, Message) and hasattr(value, "__len__"):
        return f", got {len(value)} of them"
    return ""
