"""Generate the Python messages and stubs in ``src/rasterwire`` from the schema.

``--check`` generates elsewhere and fails where the committed files differ.
"""

import argparse
import filecmp
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from typing import Any

from google.protobuf import descriptor_pb2

PROTOS = pathlib.Path(__file__).parent
SOURCES = PROTOS.parent / "src"
PRIVATE = "rasterwire._vendor."
DESCRIPTIONS = pathlib.Path("rasterwire/v1/descriptions.json")
"""The comments of the schema by full name, which generated code does not have."""


def generate(target: pathlib.Path) -> list[pathlib.Path]:
    """Write all generated modules below ``target``; returns their relative paths."""
    ours = [p.relative_to(PROTOS).as_posix() for p in sorted(PROTOS.glob("rasterwire/v1/*.proto"))]
    rules = "buf/validate/validate.proto"
    with tempfile.TemporaryDirectory() as scratch:
        out = pathlib.Path(scratch)
        # the plug-ins are installed beside the interpreter
        path = os.pathsep.join([str(pathlib.Path(sys.executable).parent), os.environ.get("PATH", "")])
        environment = os.environ | {"PATH": path}
        protoc = [sys.executable, "-W", "ignore", "-m", "grpc_tools.protoc", f"-I{PROTOS}"]
        plain = [f"--python_out={out}", f"--mypy_out=quiet:{out}"]
        grpc = [f"--grpc_python_out={out}", f"--mypy_grpc_out=quiet:{out}"]
        subprocess.run([*protoc, *plain, rules], check=True, env=environment)
        comments = [f"--descriptor_set_out={out}/comments", "--include_source_info"]
        subprocess.run([*protoc, *plain, *grpc, *comments, *ours], check=True, env=environment)
        descriptions = read_descriptions((out / "comments").read_bytes())
        made = []
        for file in sorted(out.rglob("*_pb2*.py*")):
            path = file.relative_to(out)
            if "_grpc" in path.name and "_service" not in path.name:
                continue  # a schema without services
            text = file.read_text()
            # A top-level package `buf` would meet that of other distributions, so ours is private.
            text = text.replace("from buf.validate import", f"from {PRIVATE}buf.validate import")
            text = text.replace("import buf.validate.", f"import {PRIVATE}buf.validate.")
            text = text.replace("[buf.validate.", f"[{PRIVATE}buf.validate.")
            if path.parts[0] == "buf":
                text = text.replace("'buf.validate.validate_pb2'", f"'{PRIVATE}buf.validate.validate_pb2'")
                path = pathlib.Path("rasterwire/_vendor") / path
            goal = target / path
            goal.parent.mkdir(parents=True, exist_ok=True)
            goal.write_text(text)
            made.append(path)
    for package in ("rasterwire/v1", "rasterwire/_vendor", "rasterwire/_vendor/buf", "rasterwire/_vendor/buf/validate"):
        marker = target / package / "__init__.py"
        marker.parent.mkdir(parents=True, exist_ok=True)
        marker.write_text('"""Generated from protos/; do not edit."""\n')
        made.append(marker.relative_to(target))
    (target / DESCRIPTIONS).write_text(descriptions)
    made.append(DESCRIPTIONS)
    return made


def read_descriptions(files: bytes) -> str:
    """Return the JSON of all comments by the full name of what they describe.

    Args:
        files: a ``FileDescriptorSet`` with source info.
    """
    found: dict[str, str] = {}
    for file in descriptor_pb2.FileDescriptorSet.FromString(files).file:
        comments = {tuple(place.path): place.leading_comments for place in file.source_code_info.location}
        for path, name in _named(file, (), file.package):
            if comments.get(path):
                found[name] = _paragraphs(comments[path])
    return json.dumps(found, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def _named(element: Any, path: tuple[int, ...], scope: str) -> Iterator[tuple[tuple[int, ...], str]]:
    """Yield the path and the full name of everything that an element of a schema holds."""
    for field in element.DESCRIPTOR.fields:
        if field.message_type is None or not field.is_repeated or "name" not in field.message_type.fields_by_name:
            continue
        for index, part in enumerate(getattr(element, field.name)):
            here, name = (*path, field.number, index), f"{scope}.{part.name}"
            yield here, name
            yield from _named(part, here, name)


def _paragraphs(comment: str) -> str:
    """Return a comment whose lines are joined where no empty line is between them."""
    parts = "\n".join(line.strip() for line in comment.strip().splitlines()).split("\n\n")
    return "\n\n".join(part.replace("\n", " ") for part in parts)


def main() -> int:
    """Run from the command line; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only compare")
    if not parser.parse_args().check:
        for folder in ("v1", "_vendor"):
            shutil.rmtree(SOURCES / "rasterwire" / folder, ignore_errors=True)
        generate(SOURCES)
        return 0
    with tempfile.TemporaryDirectory() as scratch:
        made = generate(pathlib.Path(scratch))
        stale = filecmp.cmpfiles(scratch, SOURCES, [str(p) for p in made], shallow=False)
    wrong = stale[1] + stale[2]
    if wrong:
        print("not up to date, run `make stubs`:", *wrong, sep="\n  ")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
