"""What a server or the client refuses, in the words of the command line."""

import re

from rasterwire.cli.text import printable
from rasterwire.client.errors import DownloadFailed, FieldViolation
from rasterwire.v1 import download_pb2

_no_options = {"image", "mosaic", "expression", "bands", "request_id", "edges", "nodata_text"}
_options = {name for name in download_pb2.DownloadParams.DESCRIPTOR.fields_by_name if name not in _no_options}
_export_options = {"file_side", "max_pixels", "priority", "description"}

_band = re.compile(r"bands\[(\d+)\](?:\.(.+))?")
_value = re.compile(r"\b(mask|precedence|format|compression|resampling) ([A-Z][A-Z0-9_]+)\b")
_enum = re.compile(r"\b(?:FORMAT|PRECEDENCE|RESAMPLING|MASK|COMPRESSION)_([A-Z][A-Z0-9_]+)\b")
_region = re.compile(
    r"has to be \[west, south, east, north\], a list of points, GeoJSON, or an object with [\w, ]+(?=, got|$)"
)
_name = re.compile(rf"\b({'|'.join(sorted(name for name in _options | _export_options if '_' in name))})\b")


def refusal_lines(error: DownloadFailed) -> list[str]:
    """Return the sentences of an error, one a violation."""
    if error.reason == "CREDENTIALS_MISSING":
        return ["this server has to know who calls; give an API key or a token by --api-key or RASTERWIRE_API_KEY"]
    if error.reason == "CREDENTIALS_INVALID":
        return [printable(error.message.replace("authorization:", "--api-key:", 1))]
    violations = error.violations or [FieldViolation("", error.message.removeprefix("image: "))]
    return [printable(_in_options(violation)) for violation in violations]


def _in_options(violation: FieldViolation) -> str:
    """Return a violation with options in place of the fields of the schema.

    >>> _in_options(FieldViolation("bands[0].scale", "is ignored; ask for mask BAND, or leave crs_transform out"))
    '--band no. 1, scale: is ignored; ask for --mask band, or leave --crs-transform out'
    """
    text = _value.sub(lambda match: f"--{match[1]} {match[2].lower()}", violation.description)
    text = _name.sub(lambda match: _option(match[1]), text)
    text = text.replace("list the images to see which there are", "`rasterwire images` lists those there are")
    text = _region.sub("has to be west,south,east,north, or a file of GeoJSON", text)
    text = _enum.sub(lambda match: match[1].lower(), text)
    return f"{_option(violation.field)}: {text}" if violation.field else text


def _option(field: str) -> str:
    """Return the option of a field, or the field where it has none.

    >>> _option("crs_transform"), _option("bands[0].id"), _option("region.bounding_box"), _option("page_token")
    ('--crs-transform', '--band', '--region', 'page_token')
    >>> _option("download.region"), _option("prefix"), _option("file_side")
    ('--region', '--to', '--file-side')
    """
    field = field.removeprefix("download.")
    if match := _band.fullmatch(field):
        return "--band" if match[2] in {None, "id"} else f"--band no. {int(match[1]) + 1}, {match[2]}"
    name = re.split(r"[.\[]", field)[0].removesuffix("_text")
    if name in _options:
        return "--" + name.replace("_", "-")
    if name in _export_options:
        return "--" + name.replace("_", "-")
    return {"bands": "--band", "image": "IMAGE", "destination": "--to", "prefix": "--to"}.get(name, field)
