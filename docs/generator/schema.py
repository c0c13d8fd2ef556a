"""The schema: services, messages and enums with the comments of the ``.proto`` files."""

import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto, FileDescriptorSet

from generator.markdown import code, prose, table

PROTOS = Path(__file__).parents[2] / "protos"
PACKAGE = "rasterwire.v1"

_HEAD = """# Schema

The messages and services of `rasterwire.v1`. gRPC sends them as they are; the HTTP API takes them as JSON, with the
names of fields in camelCase or as they stand here. The sources are in `protos/rasterwire/v1`.
"""

# numbers of fields in descriptor.proto, of which paths to comments are made
_MESSAGES, _ENUMS, _SERVICES, _FIELDS, _METHODS, _NESTED, _NESTED_ENUMS, _VALUES, _ONEOFS = 4, 5, 6, 2, 2, 3, 4, 2, 8

Position = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _File:
    """One file, and its comments by the path of what they stand before."""

    proto: FileDescriptorProto
    comments: Mapping[Position, str]

    def comment(self, path: Position) -> str:
        """Return what is said of an element.

        Raises:
            LookupError: nothing is.
        """
        if path not in self.comments:
            raise LookupError(f"{self.proto.name}: the element at {path} has no comment")
        return self.comments[path]


@lru_cache(maxsize=1)
def descriptors() -> FileDescriptorSet:
    """Return the files of the package with the comments in them."""
    names = [path.relative_to(PROTOS).as_posix() for path in sorted(PROTOS.glob("rasterwire/v1/*.proto"))]
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "set")
        options = [f"-I{PROTOS}", "--include_source_info", f"--descriptor_set_out={out}"]
        subprocess.run([sys.executable, "-W", "ignore", "-m", "grpc_tools.protoc", *options, *names], check=True)
        return FileDescriptorSet.FromString(out.read_bytes())


def page() -> str:
    """Return the page.

    Raises:
        LookupError: a service, method, message, field, enum or value has no comment.
    """
    files = [_file(proto) for proto in descriptors().file]
    text = _HEAD
    for file in files:
        for index, service in enumerate(file.proto.service):
            text += _service(file, service, (_SERVICES, index))
    for file in files:
        for index, message in enumerate(file.proto.message_type):
            text += _message(file, message, "", (_MESSAGES, index))
        for index, enum in enumerate(file.proto.enum_type):
            text += _enum(file, enum, "", (_ENUMS, index))
    return text


def _file(proto: FileDescriptorProto) -> _File:
    comments = {tuple(place.path): place.leading_comments for place in proto.source_code_info.location}
    return _File(proto, {path: comment for path, comment in comments.items() if comment})


def _service(file: _File, service: Any, path: Position) -> str:
    text = f"\n## {service.name} {{ #{_anchor(service.name)} }}\n\n{_paragraphs(file.comment(path))}"
    for index, method in enumerate(service.method):
        returns = f"{'stream of ' if method.server_streaming else ''}{_link(method.output_type)}"
        text += f"\n### {method.name}\n\nTakes {_link(method.input_type)}, returns {returns}.\n\n"
        text += _paragraphs(file.comment((*path, _METHODS, index)))
    return text


def _message(file: _File, message: Any, outer: str, path: Position) -> str:
    if message.options.map_entry:
        return ""
    name = f"{outer}{message.name}"
    text = f"\n## {name} {{ #{_anchor(name)} }}\n\n{_paragraphs(file.comment(path))}"
    maps = {f".{PACKAGE}.{name}.{entry.name}": entry for entry in message.nested_type if entry.options.map_entry}
    rows = [
        [code(field.name), _type(field, maps), prose(_joined(file.comment((*path, _FIELDS, index))))]
        for index, field in enumerate(message.field)
    ]
    text += "\n" + table(["field", "type", "meaning"], rows) if rows else "\nIt has no fields.\n"
    for index, oneof in enumerate(message.oneof_decl):
        members = [f for f in message.field if f.HasField("oneof_index") and f.oneof_index == index]
        if not members[0].proto3_optional:
            choices = ", ".join(code(field.name) for field in members)
            text += f"\n`{oneof.name}` is one of {choices}. {prose(_joined(file.comment((*path, _ONEOFS, index))))}\n"
    for index, nested in enumerate(message.nested_type):
        text += _message(file, nested, f"{name}.", (*path, _NESTED, index))
    for index, enum in enumerate(message.enum_type):
        text += _enum(file, enum, f"{name}.", (*path, _NESTED_ENUMS, index))
    return text


def _enum(file: _File, enum: Any, outer: str, path: Position) -> str:
    name = f"{outer}{enum.name}"
    rows = [
        [code(value.name), str(value.number), prose(_joined(file.comment((*path, _VALUES, index))))]
        for index, value in enumerate(enum.value)
    ]
    head = f"\n## {name} {{ #{_anchor(name)} }}\n\n{_paragraphs(file.comment(path))}\n"
    return head + table(["value", "number", "meaning"], rows)


def _type(field: FieldDescriptorProto, maps: Mapping[str, Any]) -> str:
    if field.type_name in maps:
        key, value = maps[field.type_name].field
        return f"map from {_type(key, maps)} to {_type(value, maps)}"
    kind = FieldDescriptorProto.Type.Name(field.type).removeprefix("TYPE_").lower()
    name = _link(field.type_name) if field.type_name else code(kind)
    if field.label == FieldDescriptorProto.LABEL_REPEATED:
        return f"list of {name}"
    return f"{name}, optional" if field.proto3_optional else name


def _link(type_name: str) -> str:
    name = type_name.removeprefix(f".{PACKAGE}.")
    return code(name.removeprefix(".")) if name.startswith(".") else f"[{code(name)}](#{_anchor(name)})"


def _anchor(name: str) -> str:
    return name.lower().replace(".", "-")


def _joined(comment: str) -> str:
    return " ".join(comment.split())


def _paragraphs(comment: str) -> str:
    """Return the paragraphs of a comment; a line that begins with ``Errors:`` begins one."""
    found: Sequence[str] = re.split(r"\n\s*\n|\n(?=\s*Errors:)", comment.strip())
    return "\n".join(f"{prose(_joined(paragraph))}\n" for paragraph in found)
