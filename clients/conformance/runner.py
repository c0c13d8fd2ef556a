"""Asks one client under test for one case, and tells what is wrong with the answer."""

import json
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import google_crc32c
from google.protobuf import json_format

from conformance.cases import Case
from conformance.front import Front
from conformance.oracle import Oracle, as_document
from conformance.process import Hung, Process
from conformance.wire import Wire
from conformance.world import Server
from rasterwire.v1 import download_pb2

__all__ = ["Runner"]

_SECONDS = 150.0
"""That one answer may take; five times what the longest takes."""

_NAME = "file.bin"


class Runner:
    """Runs the cases in one language.

    Args:
        process: of the client under test.
        server: that all languages share.
        mortal: a server of this language alone, which is killed.
        folder: of the files of this language.
    """

    def __init__(self, process: Process, server: Server, mortal: Server, folder: Path) -> None:
        self._process = process
        self._server = server
        self._mortal = mortal
        self._folder = folder
        self._front = Front(f"127.0.0.1:{server.grpc_port}")
        self._wire = Wire(self._front.port)
        self._mortal_wire = Wire(mortal.grpc_port)
        self._oracle = Oracle(server)
        self.answer: dict[str, Any] = {}

    def close(self) -> None:
        """End what it has started."""
        self._process.kill()
        self._wire.stop()
        self._mortal_wire.stop()
        self._front.stop()
        self._oracle.close()

    def problems(self, case: Case) -> list[str]:
        """Run a case, and return what is wrong."""
        folder = self._folder / case.name.replace("/", "-")
        folder.mkdir(parents=True)
        try:
            answer = self._ask(case, folder)
            self.answer = answer
            return [*self._wrong_answer(case, answer), *self._wrong_calls(case), *_wrong_files(case, answer, folder)]
        except Hung as problem:
            return [str(problem)]
        finally:
            shutil.rmtree(folder)

    def _ask(self, case: Case, folder: Path) -> dict[str, Any]:
        self._front.begin(case.faults)
        self._wire.begin(case.cut.get("after", 0), case.cut.get("times", 0))
        wire = self._mortal_wire if case.kill == "server" else self._wire
        path = folder / case.options.get("folder", "") / (_NAME if not case.options.get("into_folder") else "")
        request = {
            "call": case.call,
            "target": f"127.0.0.1:{wire.port}",
            "client": dict(case.client),
            "params": dict(case.params),
            "made": dict(case.made),
            "options": _own(case.options, self._folder.name),
            "path": str(path),
        }
        if case.kill == "server":
            self._mortal_wire.begin(case.cut["after"], 1, self._mortal.restart)
        self._process.send(request)
        if case.kill == "client":
            self._kill_client(folder)
            self._process.send(request)
        return self._process.receive(_SECONDS)

    def _kill_client(self, folder: Path) -> None:
        """Kill the client once it has noted what it has brought to the disk."""
        if not self._front.held.wait(_SECONDS):
            raise Hung("the client made no call that is held")
        until = time.monotonic() + _SECONDS
        while not _noted(folder / f"{_NAME}.part.json"):
            if time.monotonic() > until:
                raise Hung("the client noted nothing of the part that it has")
            time.sleep(0.02)
        self._process.kill()

    def _wrong_answer(self, case: Case, answer: dict[str, Any]) -> list[str]:
        expected = case.expected
        if expected.error:
            return _wrong_error(expected.error, answer)
        if "error" in answer:
            return [f"unexpected error {answer['error']}"]
        wrong = _unlike(expected.plan, answer.get("plan"), "plan")
        wrong += _unlike(expected.image, answer.get("image"), "image")
        wrong += _unlike(expected.export, answer.get("export"), "export")
        if case.params and "plan" in answer:
            theirs, ours = _comparable(answer["plan"]), _comparable(self._oracle.plan(case.params))
            wrong += [f"the plan is {theirs}, not {ours}"] if theirs != ours else []
        if "file" in answer:
            wrong += self._wrong_file(case, answer["file"])
        if case.call == "array" and answer.get("checksums") != (ours := self._oracle.checksums(case.params)):
            wrong.append(f"the values have the checksums {answer.get('checksums')}, not {ours}")
        for name in ("shape", "fields"):
            if (value := getattr(expected, name)) is not None and answer.get(name) != value:
                wrong.append(f"{name} {answer.get(name)}, not {value}")
        wrong += _wrong_list(expected.images, answer.get("images", []))
        wrong += [f"no limit {name}" for name in expected.limits if not answer.get("limits", {}).get(name)]
        if answer.get("listed") is False:
            wrong.append("the export is not listed")
        if answer.get("is_same", "requestId" in case.params) != ("requestId" in case.params):
            wrong.append("two calls give one download where its request has an id, and else two")
        return wrong

    def _wrong_file(self, case: Case, file: dict[str, Any]) -> list[str]:
        size, crc32c = file["size"], file["crc32c"]
        wrong = []
        if case.params and (size, crc32c) != (ours := self._oracle.file(case.params)):
            wrong.append(f"the file is {size, crc32c}, not {ours}")
        if case.expected.size not in {None, size}:
            wrong.append(f"size {size}, not {case.expected.size}")
        if case.expected.crc32c not in {"", crc32c}:
            wrong.append(f"crc32c {crc32c}, not {case.expected.crc32c}")
        if not file.get("progress", True):
            wrong.append("the progress does not grow to the size")
        return wrong

    def _wrong_calls(self, case: Case) -> list[str]:
        calls, expected, wrong = self._front.calls, case.expected, []
        for method, most in expected.calls.items():
            if (count := sum(call.method == method for call in calls)) > most:
                wrong.append(f"{count} calls of {method}, at most {most}")
        reads = [call for call in calls if call.method == "ReadDownload"]
        offsets = [call.offset for call in reads]
        if expected.offsets is not None and offsets != expected.offsets:
            wrong.append(f"reads from {offsets}, not {expected.offsets}")
        if expected.resumed_from is not None and (not offsets or offsets[-1] < expected.resumed_from):
            wrong.append(f"reads from {offsets}, the last has to go on from {expected.resumed_from}")
        if any(call.offset and not call.etag for call in reads):
            wrong.append("a read goes on without the etag of the file")
        for name, value in expected.metadata.items():
            wrong += [f"{call.method} without {name}" for call in calls if not _has(call.metadata, name, value)]
        return [*wrong, *self._without_effect(case)]

    def _without_effect(self, case: Case) -> list[str]:
        """Return what a case should have done to the client and did not, so that it tests nothing."""
        hits, wrong = self._front.hits, []
        for fault, count in zip(case.faults, hits, strict=True):
            # a client that cancels may be gone before it would have been held
            if not count and not (fault.do == "stall" and "cancel_after" in case.options):
                wrong.append(f"the fault {fault.do} of {fault.method} never struck: the case tests nothing")
        wire = self._mortal_wire if case.kill == "server" else self._wire
        if case.cut and wire.cuts != case.cut["times"]:
            wrong.append(f"{wire.cuts} connections were cut, not {case.cut['times']}: the case tests nothing")
        if case.kill == "server" and not 0 < wire.passed_since < (case.expected.size or 0):
            wrong.append(f"{wire.passed_since} bytes came of the new server: the client did not go on where it was")
        return wrong


def _own(options: Mapping[str, Any], language: str) -> dict[str, Any]:
    """Return options with the name of the language in them, where files of all would have one name."""
    return {key: value.format(language=language) if key == "to" else value for key, value in options.items()}


def _wrong_list(expected: int | list[str] | None, ids: list[str]) -> list[str]:
    if expected is None:
        return []
    wrong = [] if expected in (ids, len(ids)) else [f"{len(ids)} images {ids[:5]}, not {expected}"]
    return wrong if ids == sorted(set(ids)) else [*wrong, "the images are not in order, or come twice"]


def _has(metadata: dict[str, str], name: str, value: str) -> bool:
    return metadata.get(name, "").startswith(value)


def _noted(path: Path) -> bool:
    try:
        return bool(json.loads(path.read_text())["offset"] > 0)
    except (OSError, ValueError):
        return False


def _comparable(plan: Any) -> Any:
    """Return a plan as all languages have it, without what is no contract."""
    document = as_document(json_format.ParseDict(plan, download_pb2.DownloadPlan()))
    for raster in document["rasters"]:
        for band in raster["bands"]:
            band.pop("path", None)
    return document


def _unlike(expected: Any, document: Any, what: str) -> list[str]:
    """Return which values of a document are others, by paths such as ``rasters.0.grid.width``."""
    wrong = []
    for path, value in expected.items():
        found = document
        for key in path.split("."):
            try:
                found = found[int(key)] if isinstance(found, list) else found[key]
            except (KeyError, IndexError, TypeError):
                found = None
        if found != value and str(found) != str(value):
            wrong.append(f"{what}.{path} is {found!r}, not {value!r}")
    return wrong


def _wrong_error(expected: Any, answer: dict[str, Any]) -> list[str]:
    if "error" not in answer:
        return [f"no error, but {str(answer)[:300]}"]
    error = answer["error"]
    names = (name for name in ("kind", "code", "reason", "retry_delay") if name in expected)
    wrong = [
        f"{name} {error.get(name)!r}, not {expected[name]!r} ({error['message']})"
        for name in names
        if error.get(name) != expected[name]
    ]
    if "violations" in expected:
        found = {each["field"]: each["reason"] for each in error["violations"]}
        if found != expected["violations"]:
            wrong.append(f"violations {found}, not {expected['violations']}")
    if expected.get("text", "") not in error["message"]:
        wrong.append(f"the message does not say {expected['text']!r}: {error['message']!r}")
    return wrong


def _wrong_files(case: Case, answer: dict[str, Any], folder: Path) -> list[str]:
    """Return what is wrong with what is left in the folder: only whole files may be there."""
    left = sorted(path for path in folder.rglob("*") if path.is_file())
    if case.call != "save" or "error" in answer:
        return [f"left behind: {path.name}" for path in left]
    wrong = [f"left behind: {path.name}" for path in left if ".part" in path.name]
    if len(left) != case.options.get("copies", 1):
        wrong.append(f"files {[path.name for path in left]}")
    for path in left:
        crc32c = f"{google_crc32c.value(path.read_bytes()):08x}"
        if crc32c != answer["file"]["crc32c"]:
            wrong.append(f"{path.name} has the checksum {crc32c}, not {answer['file']['crc32c']}")
    if case.options.get("into_folder") and [path.name for path in left] != [answer["file"]["filename"]]:
        wrong.append(f"the file has not the name of the server: {left}")
    return wrong
