"""Whether exports can be written to each of their destinations."""

import secrets
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from rasterwire.errors import StorageUnavailable
from rasterwire.export.destination import AlreadyExists, Destination, UnknownUpload
from rasterwire.export.folder_destination import folder_problem
from rasterwire.server.process.doctor.finding import Finding, bad, doubtful, well
from rasterwire.server.process.exports import make_destinations
from rasterwire.server.settings import BadSettings, Settings

__all__ = ["export_findings"]


def export_findings(settings: Settings) -> Iterator[Finding]:
    """Yield what is found of each destination of exports; nothing where there are none."""
    try:
        destinations = make_destinations(settings)
    except BadSettings as error:
        yield bad("export", str(error), "correct [[export.destinations]] of the config file")
        return
    folders = {place.name: Path(place.folder) for place in settings.export.destinations if place.folder}
    for name, destination in destinations.items():
        finding = _of_folder(f"export to {name}", folders[name]) if name in folders else None
        yield finding or _round_trip(f"export to {name}", destination)


def _of_folder(subject: str, folder: Path) -> Finding | None:
    """Return what is to be said of a folder that is not there, or cannot be used; None where it can be tried."""
    if problem := folder_problem(folder):
        return bad(subject, f"{folder}: {problem}", "let the user of the server write there, or name another folder")
    if folder.exists():
        return None
    return doubtful(subject, f"there is no folder {folder} yet", "the first export makes it; look whether it is meant")


def _round_trip(subject: str, destination: Destination) -> Finding:
    """Upload a file in parts, read it, try to replace it, and remove it."""
    key, data, upload = f"doctor-{secrets.token_hex(16)}", secrets.token_bytes(64), ""
    try:
        upload = destination.begin(key, {"Content-Type": "application/octet-stream"})
        destination.finish(key, upload, [(1, destination.put_part(key, upload, 1, data))])
        if destination.get(key) != data:
            return bad(subject, "it gives other bytes than were stored", "use another place")
        try:
            destination.put(key, b"second")
        except AlreadyExists:
            return well(subject, "a file was uploaded in parts, read and removed; a second one of its name was refused")
        remedy = "use a store that honours If-None-Match: an export may replace files of another"
        return bad(subject, "a second file of a name took the place of the first", remedy)
    except (StorageUnavailable, UnknownUpload, FileNotFoundError):
        remedy = "the line above says why; let the server write, read and remove files there"
        return bad(subject, "no file can be written and read there", remedy)
    finally:
        with suppress(StorageUnavailable):
            if upload:
                destination.abort(key, upload)
            destination.delete(key)
