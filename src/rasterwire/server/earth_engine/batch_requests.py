"""Requests of Earth Engine's ``image:export`` as exports of this server.

What cannot be served is refused. What has no effect is told. Source of the form:
https://developers.google.com/earth-engine/reference/rest/v1/projects.image/export
"""

import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rasterwire.errors import InvalidRequest, Violations, invalid
from rasterwire.export.settings import DestinationSettings
from rasterwire.server.earth_engine.batch_places import ExportPlace, place_of_asset, place_of_drive
from rasterwire.server.earth_engine.requests import Body, parsed_request
from rasterwire.server.messages.exports import ParsedExport
from rasterwire.v1.export_service_pb2 import ExportParams

__all__ = ["BatchExport", "BatchReader"]

_STEP = 256
"""Sides of files are multiples of it."""

_MAX_SIDE = 32768
"""Pixels along each side of a file of an export that is cut into files; see ``ExportParams.file_side``."""

_MAX_PRIORITY = 9999
"""The most urgent priority of an export; see ``ExportParams.priority``."""

_MAX_INT64 = (1 << 63) - 1
"""The largest whole number that a message holds."""

_MEMBERS = {
    "expression", "grid", "description", "requestId", "maxPixels", "priority", "workloadTag", "maxWorkers",
    "fileExportOptions", "assetExportOptions",
}  # fmt: skip
_FILE, _ASSET = "fileExportOptions", "assetExportOptions"
_TIFF = f"{_FILE}.geoTiffOptions"
_CLOUD, _DRIVE = "cloudStorageDestination", "driveDestination"

_FIELDS = {
    "max_pixels": "maxPixels",
    "request_id": "requestId",
    "file_side": f"{_TIFF}.tileDimensions",
    "download.nodata": f"{_TIFF}.noData",
}
"""Where fields of exports stand in bodies."""

_NO_EFFECT = {
    "workloadTag": "this server keeps no accounts of workloads",
    "maxWorkers": "this server shares its work itself",
    f"{_TIFF}.skipEmptyFiles": "files without valid pixels are written too",
    f"{_TIFF}.tileSize": "this server chooses the tiles of files itself",
    f"{_TIFF}.metadataKeys": "files have no properties of the image",
    f"{_FILE}.{_CLOUD}.permissions": "the operator of this server says who may read files",
    f"{_FILE}.{_CLOUD}.bucketCorsUris": "the operator of this server says who may read files",
    f"{_ASSET}.tileSize": "this server chooses the tiles of files itself",
    f"{_ASSET}.pyramidingPolicy": "overviews are those of cloud-optimized files of this server",
    f"{_ASSET}.pyramidingPolicyOverrides": "overviews are those of cloud-optimized files of this server",
}
"""Fields that clients send and that change nothing, with the reason."""

_field_name = re.compile(r"\b[a-z]+_[a-z]+\b", re.ASCII)

_digits = re.compile(r"\d{1,19}", re.ASCII)

_request_ids = uuid.UUID("f37c31a4-1c4a-4d0b-8f57-3a9d0c6b7e52")
"""Makes UUIDs of request ids that are none."""


@dataclass(frozen=True, slots=True)
class BatchExport:
    """A request of ``image:export``, as this server takes it.

    Attributes:
        export: the request.
        ignored: sentences on fields that have no effect.
        fields: where the fields of the export stand in the body that it was made of.
    """

    export: ParsedExport
    ignored: Sequence[str]
    fields: Mapping[str, str]

    def in_its_words(self, error: InvalidRequest) -> InvalidRequest:
        """Return an error of the export as one of the body."""
        return InvalidRequest(
            tuple(
                replace(violation, field=self._path(violation.field), description=self._words(violation.description))
                for violation in error.violations
            )
        )

    def _path(self, name: str) -> str:
        return self.fields.get(name) or name.removeprefix("download.")

    def _words(self, sentence: str) -> str:
        """Return a sentence that names fields of the export, such as ``max_pixels``, with those of the body."""
        return _field_name.sub(lambda name: self.fields.get(name[0], name[0]), sentence)


class BatchReader:
    """Reads bodies of ``image:export``."""

    def __init__(
        self, names: Sequence[str], asset_places: Mapping[str, Sequence[DestinationSettings]], tenant: str = ""
    ) -> None:
        """Set where the caller may export to.

        Args:
            names: of the destinations.
            asset_places: see ``catalog_destinations``.
            tenant: of the caller, "" where the server knows none.
        """
        self._names = names
        self._asset_places = asset_places
        self._tenant = tenant

    def read(self, body: Body) -> BatchExport:
        """Return the request of a body.

        Raises:
            InvalidRequest: with everything that is wrong but the expression.
            InvalidExpression: there is none, or none that can be read.
        """
        problems = Violations()
        params, nodata, fields = ExportParams(), None, dict(_FIELDS)
        ignored = [_ignored(name, "this server does not know it") for name in body if name not in _MEMBERS]
        ignored += _without_effect(body)
        with problems.catching():
            params.description = _text(body, "description")
        with problems.catching():
            params.request_id = _request_id(_text(body, "requestId"))
        with problems.catching():
            params.max_pixels = _wrapped(body, "maxPixels", _MAX_INT64) or 0
        with problems.catching():
            if (priority := _wrapped(body, "priority", _MAX_PRIORITY)) is not None:
                params.priority = priority
        with problems.catching():
            place, paths = self._place(body)
            params.destination, params.prefix = place.destination, place.prefix
            params.overwrite = place.may_replace
            fields |= paths
        with problems.catching():
            options = _object(_object(body, _FILE), _TIFF)
            nodata = _nodata(options)
            ignored += _set_files(params, options)
        problems.raise_if_any()
        download = parsed_request(
            {"expression": body.get("expression"), "grid": body.get("grid"), "fileFormat": "GEO_TIFF"}
        )
        if nodata is not None:
            download.params.nodata = nodata
        params.download.SetInParent()
        download.params.cloud_optimized = options.get("cloudOptimized") is True
        return BatchExport(ParsedExport(params, download), ignored, fields)

    def _place(self, body: Body) -> tuple[ExportPlace, dict[str, str]]:
        """Return where an export goes, and which fields of the body say so."""
        if (body.get(_FILE) is None) == (body.get(_ASSET) is None):
            raise invalid(_FILE, "NO_DESTINATION", f"give exactly one of {_FILE} and {_ASSET}")
        if body.get(_FILE) is None:
            path = f"{_ASSET}.earthEngineDestination"
            asset = _object(_object(body, _ASSET), path)
            place = place_of_asset(_required_text(asset, f"{path}.name"), self._asset_places, self._tenant)
            return (
                replace(place, may_replace=asset.get("overwrite") is True),
                {"destination": f"{path}.name", "prefix": f"{path}.name", "overwrite": f"{path}.overwrite"},
            )
        options = _object(body, _FILE)
        if (kind := options.get("fileFormat")) != "GEO_TIFF":
            sentence = f"{str(kind)[:40]!r} is not served; export as GEO_TIFF"
            raise invalid(f"{_FILE}.fileFormat", "FORMAT_UNSUPPORTED", sentence)
        if (options.get(_CLOUD) is None) == (options.get(_DRIVE) is None):
            raise invalid(_FILE, "NO_DESTINATION", f"give exactly one of {_CLOUD} and {_DRIVE}")
        path = f"{_FILE}.{_DRIVE if options.get(_CLOUD) is None else _CLOUD}"
        destination = _object(options, path)
        prefix = _text(destination, f"{path}.filenamePrefix") or _text(body, "description")
        if not prefix:
            raise invalid(f"{path}.filenamePrefix", "MISSING", "say what the names of the files begin with")
        fields = {"prefix": f"{path}.filenamePrefix"}
        if options.get(_CLOUD) is None:
            folder = _text(destination, f"{path}.folder")
            return place_of_drive(folder, prefix, self._names), fields | {"destination": f"{path}.folder"}
        bucket = _required_text(destination, f"{path}.bucket")
        return ExportPlace(bucket, prefix), fields | {"destination": f"{path}.bucket"}


def _without_effect(body: Body) -> list[str]:
    """Return sentences on what is set and has no effect."""
    sentences = []
    for path, reason in _NO_EFFECT.items():
        value: Any = body
        for name in path.split("."):
            value = value.get(name) if isinstance(value, Mapping) else None
        if value:
            sentences.append(_ignored(path, reason))
    return sentences


def _ignored(path: str, reason: str) -> str:
    return f"{path[:100]} has no effect: {reason}"


def _set_files(params: ExportParams, options: Mapping[str, Any]) -> list[str]:
    """Set the side of files, and return what is done otherwise than it is asked."""
    value = options.get("tileDimensions")
    if value is None:
        return []
    path = f"{_TIFF}.tileDimensions"
    sides = [value.get(side) for side in ("width", "height")] if isinstance(value, Mapping) else []
    if not sides:
        raise invalid(path, "NOT_DIMENSIONS", "has to be width and height, whole numbers of pixels")
    width, height = (_whole_number(side, path, _MAX_INT64) for side in sides)
    side = min(max(min(width, height) // _STEP * _STEP, _STEP), _MAX_SIDE)
    params.file_side = side
    if width == height == side:
        return []
    return [f"{path} of {width} x {height} becomes {side} x {side}: files are squares of a multiple of {_STEP} pixels"]


def _nodata(options: Mapping[str, Any]) -> float | None:
    """Return the value of invalid pixels; JSON of protobuf has texts for those that are not finite."""
    value = _unwrapped(options.get("noData"), "floatValue")
    if value is None:
        return None
    try:
        return float("" if isinstance(value, bool) else value)
    except (TypeError, ValueError):
        raise invalid(f"{_TIFF}.noData", "NOT_A_NUMBER", f"{str(value)[:40]!r} is no number") from None


def _wrapped(body: Body, name: str, most: int) -> int | None:
    value = _unwrapped(body.get(name), "value")
    return None if value is None else _whole_number(value, name, most)


def _unwrapped(value: Any, member: str) -> Any:
    """Return a number that may stand in an object of its own."""
    return value.get(member) if isinstance(value, Mapping) else value


def _whole_number(value: Any, path: str, most: int) -> int:
    """Return a number that is not negative; JSON of protobuf may have it as a text."""
    text = str(value).removesuffix(".0")
    if isinstance(value, bool) or not _digits.fullmatch(text) or int(text) > most:
        sentence = f"{str(value)[:40]!r} is no whole number from 0 to {most}"
        raise invalid(path, "NOT_A_NUMBER", sentence)
    return int(text)


def _request_id(value: str) -> str:
    """Return a UUID: the one that it is, or always the same for the same text."""
    try:
        return str(uuid.UUID(value)) if value else ""
    except ValueError:
        return str(uuid.uuid5(_request_ids, value))


def _object(parent: Mapping[str, Any], path: str) -> Mapping[str, Any]:
    """Return the object that is the last member of a path, an empty one where it is missing."""
    value = parent.get(path.rpartition(".")[2])
    if value is not None and not isinstance(value, Mapping):
        raise invalid(path, "NOT_AN_OBJECT", "has to be an object")
    return value or {}


def _text(parent: Mapping[str, Any], path: str) -> str:
    """Return the text that is the last member of a path, "" where it is missing."""
    value = parent.get(path.rpartition(".")[2])
    if value is not None and not isinstance(value, str):
        raise invalid(path, "NOT_A_TEXT", "has to be a text")
    return value or ""


def _required_text(parent: Mapping[str, Any], path: str) -> str:
    value = _text(parent, path)
    if not value:
        raise invalid(path, "MISSING", "is missing")
    return value
