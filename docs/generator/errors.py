"""Errors by reason: those of calls, and those of single fields of a request."""

import ast
import re
from dataclasses import dataclass

from generator.markdown import code, escaped, prose, table
from generator.schema import descriptors
from generator.source import modules
from rasterwire._vendor.buf.validate import validate_pb2
from rasterwire.errors import DownloadError
from rasterwire.server.messages.status import HTTP_STATUS, HTTP_STATUS_OF_ERROR, STATUS

_reason = re.compile(r"[A-Z]+(_[A-Z0-9]+)*")

_makers = {"invalid", "Violation", "Misfit", "_note"}

_HEAD = """# Errors

Every refused call says at once all that can be judged of it, in sentences that name the field, the value and the
remedy. Messages may change; the reasons below do not, so programs should compare reasons.

- **gRPC**: the status has a `google.rpc.ErrorInfo` with `reason` and the domain `rasterwire`. A refused request also
  has a `google.rpc.BadRequest` with its violations. Where it helps to try again, a `google.rpc.RetryInfo` says when.
- **HTTP**: the body is JSON, `{"error": {"code", "message", "status", "reason", "violations"}}`. Where it helps to try
  again, the header `Retry-After` says when.
  An address or a method that does not exist has the reason `NOT_FOUND` or `METHOD_NOT_ALLOWED`.
- **Python client**: each error is a `DownloadFailed` or a subclass of it, or an `OSError` where a file cannot be
  written; see [the Python client](python.md).
- **Command line**: the sentences go to stderr, and the exit code tells the kind; see [the command line](cli.md).

## Reasons of calls

"""

_FIELDS = """
## Reasons of fields

Each violation of an `INVALID_REQUEST` has a reason of its own. `…` stands for values of the request. A list that is cut
ends with `MORE_VIOLATIONS`.

"""

_RULES = """
## Reasons of the schema's rules

Rules of a single field have the reason of the rule, such as `DOUBLE_GT` (not greater than a number),
`REPEATED_MAX_ITEMS` (too many items), `STRING_MAX_LEN` (too long), `ENUM_DEFINED_ONLY` (no value of the enum), or
`REQUIRED`. Rules of several fields, and those with a sentence of their own, are:

"""


def page() -> str:
    """Return the page.

    Raises:
        LookupError: an error does not say what to do.
    """
    calls = [
        [
            code(kind.reason),
            code(status.name),
            str(HTTP_STATUS_OF_ERROR.get(kind, HTTP_STATUS[status])),
            *_meaning_and_remedy(kind),
        ]
        for kind, status in sorted(STATUS.items(), key=lambda item: item[0].reason)
    ]
    remedy = "Look in the server's log for the incident that the message names, and report it."
    calls.append([code("INTERNAL"), code("INTERNAL"), "500", "The server failed unexpectedly.", remedy])
    text = _HEAD + table(["reason", "gRPC status", "HTTP status", "meaning", "what to do"], calls)
    fields = [
        [code(v.reason), code(v.field) if v.field else "several", escaped(v.description)] for v in sorted(_violations())
    ]
    text += _FIELDS + table(["reason", "field", "message"], fields)
    rules = [[code(reason), escaped(message)] for reason, message in sorted(_rules().items())]
    return text + _RULES + table(["reason", "message"], rules)


def _meaning_and_remedy(kind: type[DownloadError]) -> tuple[str, str]:
    paragraphs = [" ".join(part.split()) for part in (kind.__doc__ or "").split("\n\n")]
    remedies = [part.removeprefix("What to do: ") for part in paragraphs if part.startswith("What to do: ")]
    if not remedies:
        raise LookupError(f"{kind.__name__}: add a paragraph to its docstring that begins with 'What to do: '")
    return prose(paragraphs[0]), prose(remedies[0])


@dataclass(frozen=True, slots=True, order=True)
class _Violation:
    reason: str
    field: str
    description: str


def _violations() -> set[_Violation]:
    """Return the violations that the code makes: calls with a field, a reason and a description in a row."""
    found = set()
    for module, tree in modules().items():
        nodes = list(ast.walk(tree))
        if module.startswith(("rasterwire.client", "rasterwire.cli")) or not any(map(_is_maker, nodes)):
            continue
        for function in nodes:
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                found |= _violations_of(function)
    return found


def _is_maker(node: ast.AST) -> bool:
    name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
    return name in _makers


def _violations_of(function: ast.AST) -> set[_Violation]:
    found = set()
    for node in ast.walk(function):
        if not isinstance(node, ast.Call) or not _is_maker(node.func):
            continue
        for field, reason, description in zip(node.args, node.args[1:], node.args[2:], strict=False):
            name, path = _text(reason), _text(field)
            if _reason.fullmatch(name) and name != "INVALID_SETTING":  # that is no error of a request
                path = path if path.strip("….") else ""
                text = _text(_value(description, function))
                is_sentence = any(letter.isalpha() for letter in text)
                found.add(_Violation(name, path, text if is_sentence else "(depends on the request)"))
    return found


def _value(node: ast.expr, function: ast.AST) -> ast.expr:
    """Return what a variable was last given before its use; any other expression as it is."""
    if not isinstance(node, ast.Name):
        return node
    assignments = [part for part in ast.walk(function) if isinstance(part, ast.Assign)]
    given = [a for a in assignments if ast.unparse(a.targets[0]) == node.id and a.lineno < node.lineno]
    return max(given, key=lambda assignment: assignment.lineno).value if given else node


def _text(node: ast.expr) -> str:
    """Return a constant text, with ``…`` where values go; empty where it is none."""
    match node:
        case ast.Constant(value=str(value)):
            return value
        case ast.JoinedStr(values=values):
            return "".join("…" if isinstance(value, ast.FormattedValue) else _text(value) for value in values)
        case ast.BinOp(left=left, right=right, op=ast.Add()):
            return f"{_text(left)}{_text(right)}"
        case _:
            return ""


def _rules() -> dict[str, str]:
    """Return the messages of the schema's own rules by reason."""
    found = {}
    for file in descriptors().file:
        for message in file.message_type:
            rules = list(message.options.Extensions[validate_pb2.message].cel)
            for field in message.field:
                rules += field.options.Extensions[validate_pb2.field].cel
            for rule in rules:
                found[rule.id.upper().replace(".", "_")] = rule.message
    return found
