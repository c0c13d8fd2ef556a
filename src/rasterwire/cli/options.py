"""Options that several commands share."""

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from rasterwire.v1 import download_pb2

F = TypeVar("F", bound=Callable[..., Any])


class _Name(click.Choice[str]):
    """One of some names; others are passed on, for the client to tell of with all else that is wrong."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            return str(value)


def _names(kind: Any, prefix: str) -> _Name:
    names = [key.removeprefix(prefix) for key in kind.keys() if not key.endswith("UNSPECIFIED")]  # noqa: SIM118
    return _Name(names, case_sensitive=False)


class _Number(click.ParamType[float | int | str]):
    """A number; a whole one keeps all its digits. Other texts are passed on, as those of ``_Name``."""

    name = "float"

    def convert(self, value: Any, _param: click.Parameter | None, _ctx: click.Context | None) -> float | int | str:
        for kind in (int, float):
            with contextlib.suppress(ValueError):
                return kind(value)
        return str(value)


_request = [
    click.argument("image"),
    click.option("-b", "--band", "bands", multiple=True, metavar="NAME[:SCALE]", help="Repeat for more; default all."),
    click.option("--region", metavar="W,S,E,N|FILE", help="Box in degrees, or a GeoJSON file."),
    click.option("--scale", type=_Number(), help="Metres a pixel."),
    click.option("--crs", help="Code, WKT or PROJJSON."),
    click.option("--crs-transform", metavar="A,B,C,D,E,F", help="Exact grid, row-major; needs --crs."),
    click.option("--dimensions", metavar="N|WxH", help="Longer side, or width and height."),
    click.option("--format", "format_", type=_names(download_pb2.Format, "FORMAT_"), help="Default: a zip."),
    click.option("--file-per-band/--one-file", "file_per_band", default=None, help="Chooses the zip's content."),
    click.option("--resampling", type=_names(download_pb2.Resampling, "RESAMPLING_"), help="Default NEAREST."),
    click.option("--precedence", type=_names(download_pb2.Precedence, "PRECEDENCE_"), help="Default DOCUMENTED."),
    click.option("--strict", is_flag=True, help="Refuse what would be ignored."),
    click.option("--nodata", type=_Number(), help="What invalid pixels get."),
    click.option("--mask", type=_names(download_pb2.Mask, "MASK_"), help="Default: what loses no valid pixel."),
    click.option("--clip-to-region", is_flag=True, help="Mask outside the polygon."),
    click.option(
        "--compression",
        type=_names(download_pb2.Compression, "COMPRESSION_"),
        help="Default DEFLATE, of zarr ZSTD.",
    ),
    click.option("--compression-level", type=_Number(), metavar="INTEGER", help="1 to 9, zstd to 22."),
    click.option("--cloud-optimized", is_flag=True, help="Overviews inside, header first; one mask for all bands."),
    click.option("--visualize", is_flag=True, help="Bytes to look at, in any format; PNG and JPEG are by themselves."),
    click.option("--min", "min_", metavar="N[,N,N]", help="What becomes 0.  [default: percentile 2]"),
    click.option("--max", "max_", metavar="N[,N,N]", help="What becomes 255.  [default: percentile 98]"),
    click.option("--gamma", metavar="N[,N,N]", help="Above 1 is brighter in the middle."),
    click.option("--palette", metavar="COLOUR,...", help="Of one band, from the minimum to the maximum."),
    click.option("--stretch", metavar="LOW,HIGH", help="Percentiles that become 0 and 255."),
    click.option("--name", help="Base name of files."),
]


def request_options(command: F) -> F:
    """Add the image and everything that describes a download."""
    for option in reversed(_request):
        command = option(command)
    return command


def to_params(given: dict[str, Any]) -> dict[str, Any]:
    """Return what the client takes, from the values of ``request_options``."""
    # a number of 0 is for the server to refuse
    left_out = {key for key, value in given.items() if value is None or value is False or value == ()}
    params = {key: value for key, value in given.items() if key not in left_out - {"file_per_band"}}
    params["format"] = params.pop("format_", None)
    if "bands" in params:
        params["bands"] = [_band(text) for text in params["bands"]]
    if "region" in params:
        params["region"] = _region(params["region"])
    fields = {"min": "min_", "max": "max_", "gamma": "gamma", "palette": "palette", "stretch": "stretch"}
    visualization = {field: params.pop(key) for field, key in fields.items() if key in params}
    if params.pop("visualize", False) or visualization:
        params["visualization"] = visualization
    return {key: value for key, value in params.items() if value is not None}


def _band(text: str) -> dict[str, Any]:
    name, colon, scale = text.rpartition(":")
    if not colon:
        return {"id": text}
    try:
        return {"id": name, "scale": float(scale)}
    except ValueError:
        return {"id": text}  # a name with a colon in it


def _region(text: str) -> Any:
    parts = text.split(",")
    if len(parts) in {4, 6}:  # six have heights
        with contextlib.suppress(ValueError):
            return [float(part) for part in parts]
    with contextlib.suppress(OSError):  # of GeoJSON itself, which is too long for a name
        path = Path(text)
        if path.is_file():
            return path.read_text(errors="replace")
    return text  # what is no region the client refuses, with all else that is wrong
