"""JSON schemas of the schema's messages, as JSON of protobuf has them.

Source of the form: https://protobuf.dev/programming-guides/json
"""

import json
from importlib import resources
from typing import Any

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

from rasterwire.forms.reader import enum_prefix
from rasterwire.forms.table import FIELD_FORMS, MESSAGE_FORMS

Schema = dict[str, Any]

_NOT_FINITE = ["NaN", "Infinity", "-Infinity"]

_WELL_KNOWN: dict[str, Schema] = {
    "google.protobuf.Timestamp": {"type": "string", "format": "date-time"},
    "google.protobuf.Duration": {"type": "string", "pattern": r"^-?\d+(\.\d+)?s$"},
    "google.protobuf.Struct": {"type": "object"},
    "google.protobuf.Value": {},
}

_SCALARS: dict[int, Schema] = {
    FieldDescriptor.TYPE_STRING: {"type": "string"},
    FieldDescriptor.TYPE_BOOL: {"type": "boolean"},
    FieldDescriptor.TYPE_BYTES: {"type": "string", "contentEncoding": "base64"},
    FieldDescriptor.TYPE_INT32: {"type": "integer", "format": "int32"},
    FieldDescriptor.TYPE_UINT32: {"type": "integer", "format": "int64"},
    FieldDescriptor.TYPE_INT64: {"type": "string", "format": "int64"},
    FieldDescriptor.TYPE_DOUBLE: {"anyOf": [{"type": "number"}, {"type": "string", "enum": _NOT_FINITE}]},
}


class JsonSchemas:
    """Makes schemas of fields, and collects those of the messages and enums that they refer to.

    Attributes:
        components: by name.
    """

    def __init__(self) -> None:
        self.components: dict[str, Schema] = {}
        self._descriptions: dict[str, str] = json.loads(
            resources.files("rasterwire.v1").joinpath("descriptions.json").read_text("utf-8")
        )

    def described(self, schema: Schema, full_name: str) -> Schema:
        """Return a schema with the description of what it is of."""
        description = self._descriptions.get(full_name)
        return {**schema, "description": description} if description else schema

    def description(self, full_name: str) -> str:
        """Return the description of something; "" where there is none."""
        return self._descriptions.get(full_name, "")

    def message(self, kind: Descriptor, *, of_request: bool) -> Schema:
        """Return a reference to the schema of a message; a request may have more forms than an answer."""
        if kind.full_name in _WELL_KNOWN:
            return _WELL_KNOWN[kind.full_name]
        name = _name(kind)
        if name not in self.components:
            self.components[name] = {}  # messages of expressions hold each other
            properties = {field.json_name: self.field(field, of_request=of_request) for field in kind.fields}
            schema: Schema = {"type": "object", "properties": properties}
            form = MESSAGE_FORMS.get(kind.full_name)
            if of_request and form and form.schemas:
                schema = {"anyOf": [schema, *form.schemas]}
            self.components[name] = self.described(schema, kind.full_name)
        return _reference(kind)

    def field(self, field: FieldDescriptor, *, of_request: bool) -> Schema:
        """Return the schema of a field."""
        item = self._item(field, of_request=of_request)
        form = FIELD_FORMS.get(field.name) if of_request else None
        schema = {"type": "array", "items": item} if field.is_repeated else item
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            values = field.message_type.fields_by_name["value"]
            schema = {"type": "object", "additionalProperties": self._item(values, of_request=of_request)}
        if form and form.schemas:
            schema = {"anyOf": [schema, *form.schemas]}
        return self.described(schema, field.full_name)

    def _item(self, field: FieldDescriptor, *, of_request: bool) -> Schema:
        if field.message_type is not None:
            is_entry = field.message_type.GetOptions().map_entry
            return {} if is_entry else self.message(field.message_type, of_request=of_request)
        if field.enum_type is not None:
            return self._enum(field.enum_type, of_request=of_request)
        schema = _SCALARS[field.type]
        is_number = field.type in (FieldDescriptor.TYPE_INT32, FieldDescriptor.TYPE_DOUBLE)
        return {"type": ["number", "string"]} if of_request and is_number else schema

    def _enum(self, kind: EnumDescriptor, *, of_request: bool) -> Schema:
        names = list(kind.values_by_name)
        if _name(kind) not in self.components:
            self.components[_name(kind)] = self.described({"type": "string", "enum": names}, kind.full_name)
        if not of_request:
            return _reference(kind)
        prefix = enum_prefix(kind)
        return {"anyOf": [_reference(kind), {"type": "string", "enum": [name.removeprefix(prefix) for name in names]}]}


def _reference(kind: Descriptor | EnumDescriptor) -> Schema:
    return {"$ref": f"#/components/schemas/{_name(kind)}"}


def _name(kind: Descriptor | EnumDescriptor) -> str:
    """Return the name of a schema; those of two messages may have parts of one name."""
    return kind.name if kind.containing_type is None else f"{_name(kind.containing_type)}.{kind.name}"
