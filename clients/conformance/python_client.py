"""The Python library under test; see ``process.py``."""

import json
import struct
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future
from pathlib import Path
from typing import Any

import google_crc32c

from conformance.oracle import as_document
from rasterwire.client import (
    Client,
    CorruptData,
    Downloaded,
    DownloadFailed,
    ExportFailed,
    Interrupted,
    InvalidParams,
    NotFound,
    RetryPolicy,
)

_kinds: dict[type, str] = {
    InvalidParams: "invalid",
    NotFound: "not_found",
    CorruptData: "corrupt",
    Interrupted: "interrupted",
    ExportFailed: "export",
}


def connect(request: dict[str, Any]) -> Client:
    """Return the client of a request."""
    setup = request["client"]
    retry = {"attempts": 4, "first_wait": 0.01, "longest_wait": 0.05, "idle": setup.get("idle", 60)}
    retry |= setup.get("retry", {})
    return Client(
        request["target"],
        timeout=setup.get("timeout", 60),
        retry=RetryPolicy(**retry),
        api_key=setup.get("token", ""),
        metadata=setup.get("metadata", {}),
    )


def params_of(request: dict[str, Any]) -> dict[str, Any]:
    """Return the request as a program writes it."""
    made = request["made"]
    params: dict[str, Any] = request["params"]
    if not made:
        return params
    params = {"image": made["image"], "format": made.get("format", "NPY")}
    if "box" in made:
        params["region"] = made["box"]
    bands = [name.rpartition(":") for name in made.get("bands", ())]
    if bands:
        params["bands"] = [{"id": name, "scale": float(scale)} if name else scale for name, _, scale in bands]
    return params


def plan(client: Client, request: dict[str, Any]) -> Any:
    return {"plan": as_document(client.plan(params_of(request)))}


def create(client: Client, request: dict[str, Any]) -> Any:
    created = client.create_download(params_of(request))
    again = client.create_download(params_of(request))
    is_same = created.download_id.name == again.download_id.name
    return {"plan": as_document(created.plan), "is_same": is_same}


def create_in_background(client: Client, request: dict[str, Any]) -> Any:
    return {"plan": as_document(client.create_download_future(params_of(request)).result(60).plan)}


def limits(client: Client, _: dict[str, Any]) -> Any:
    return {"limits": as_document(client.limits())}


def images(client: Client, request: dict[str, Any]) -> Any:
    return {"images": [image.id for image in client.list_images(request["options"].get("prefix", ""))]}


def image(client: Client, request: dict[str, Any]) -> Any:
    return {"image": as_document(client.get_image(request["options"]["id"]))}


def forgotten(client: Client, request: dict[str, Any]) -> Any:
    created = client.create_download(params_of(request))
    client.delete_download(created.download_id)
    return {"download": as_document(client.get_download(created.download_id))}


def save(client: Client, request: dict[str, Any]) -> Any:
    path, options = Path(request["path"]), request["options"]
    if "cancel_after" in options:
        return _cancelled(client, request, options["cancel_after"])
    if "copies" in options:
        paths = [path.with_name(f"{path.name}-{number}") for number in range(options["copies"])]
        futures = [client.download_future(params_of(request), each) for each in paths]
        return {"file": _file([future.result(300) for future in futures].pop())}
    seen: list[int] = []
    done = client.download(params_of(request), path, progress=lambda size, _: seen.append(size))
    return {"file": _file(done) | {"progress": seen == sorted(seen) and seen[-1] == done.size}}


def _cancelled(client: Client, request: dict[str, Any], after: int) -> Any:
    futures: list[Future[Downloaded]] = []

    def progress(size: int, _: int | None) -> None:
        if size >= after:
            futures[0].cancel()

    futures.append(client.download_future(params_of(request), request["path"], progress=progress))
    return {"file": _file(futures[0].result(300))}


def _file(done: Downloaded) -> dict[str, Any]:
    return {
        "size": done.size,
        "crc32c": f"{done.crc32c:08x}",
        "filename": done.filename,
        "mime_type": done.mime_type,
        "path": str(done.path),
    }


def open_file(client: Client, request: dict[str, Any]) -> Any:
    with client.open(params_of(request)) as file:
        return _bytes(iter(lambda: file.read(100_000), b""))


def stream(client: Client, request: dict[str, Any]) -> Any:
    return _bytes(iter([client.stream(params_of(request))]))


def _bytes(pieces: Iterator[bytes]) -> dict[str, Any]:
    size, crc32c = 0, 0
    for piece in pieces:
        size, crc32c = size + len(piece), google_crc32c.extend(crc32c, piece)
    return {"file": {"size": size, "crc32c": f"{crc32c:08x}"}}


def array(client: Client, request: dict[str, Any]) -> Any:
    pixels = client.to_numpy(params_of(request))
    names = list(pixels.dtype.names or ())
    checksums = {name: f"{google_crc32c.value(pixels[name].astype('<f8').tobytes()):08x}" for name in names}
    return {"shape": list(pixels.shape), "fields": names, "checksums": checksums}


def export(client: Client, request: dict[str, Any]) -> Any:
    done = client.export(params_of(request), request["options"]["to"])
    listed = any(each.name == done.name for each in client.list_exports())
    return {"export": as_document(done), "listed": listed}


_calls: dict[str, Callable[[Client, dict[str, Any]], Any]] = {
    "plan": plan,
    "create": create,
    "create_in_background": create_in_background,
    "limits": limits,
    "images": images,
    "image": image,
    "forgotten": forgotten,
    "save": save,
    "open": open_file,
    "stream": stream,
    "array": array,
    "export": export,
}


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """Do what a request asks."""
    try:
        with connect(request) as client:
            result: dict[str, Any] = _calls[request["call"]](client, request)
            return result
    except CancelledError:
        return {"error": {"kind": "cancelled", "code": "CANCELLED", "reason": "", "violations": [], "message": ""}}
    except OSError as error:
        return {"error": {"kind": "file", "code": "", "reason": "", "violations": [], "message": str(error)}}
    except DownloadFailed as error:
        kind = next((_kinds[class_] for class_ in type(error).__mro__ if class_ in _kinds), "failed")
        return {
            "error": {
                "kind": kind,
                "code": error.code.name if error.code is not None else "",
                "reason": error.reason,
                "violations": [{"field": each.field, "reason": each.reason} for each in error.violations],
                "retry_delay": error.retry_after,
                "message": str(error),
            }
        }


def main() -> None:
    """Answer requests until there are no more."""
    while head := sys.stdin.buffer.read(4):
        request = json.loads(sys.stdin.buffer.read(struct.unpack(">I", head)[0]))
        document = json.dumps(answer(request)).encode()
        sys.stdout.buffer.write(struct.pack(">I", len(document)) + document)
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
