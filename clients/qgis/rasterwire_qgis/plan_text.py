"""A plan as lines that people read; plain text, which no image can steer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB")
_MOST_RASTERS = 20
_MOST_LINES = 20
_LONGEST = 300


def plan_lines(plan: Mapping[str, Any]) -> list[str]:
    """Return what a download would hold."""
    rasters = plan.get("rasters", [])
    lines = [
        f"File: {plan.get('filename', '')}",
        f"Size: about {bytes_text(plan.get('estimatedBytes', 0))} of {bytes_text(plan.get('uncompressedBytes', 0))}",
    ]
    lines += [line for raster in rasters[:_MOST_RASTERS] for line in _raster_lines(raster)]
    if len(rasters) > _MOST_RASTERS:
        lines.append(f"and {len(rasters) - _MOST_RASTERS} more rasters")
    for name, field, text in (("Ignored", "ignored", "reason"), ("Note", "notes", "text")):
        lines += [
            f"{name}: {part.get('field', '')}: {part.get(text, '')}" for part in plan.get(field, [])[:_MOST_LINES]
        ]
    lines += [
        f"Left out: {part.get('item', '')}: {part.get('reason', '')}" for part in plan.get("leftOut", [])[:_MOST_LINES]
    ]
    return [_printable(line) for line in lines]


def bytes_text(count: object) -> str:
    """Return a number of bytes, which JSON of protobuf has as text.

    >>> bytes_text("1536"), bytes_text(10)
    ('1.5 KiB', '10 bytes')
    """
    size, unit = float(str(count)), 0
    while size >= 1024 and unit < len(_UNITS) - 1:
        size, unit = size / 1024, unit + 1
    return f"{size:.3g} {_UNITS[unit]}" if size < 1000 else f"{size:.0f} {_UNITS[unit]}"


def _raster_lines(raster: Mapping[str, Any]) -> list[str]:
    grid = raster.get("grid", {})
    transform = [*map(float, grid.get("crsTransform", ())), 0, 0, 0, 0, 0, 0][:6]
    pixel = " x ".join(f"{(transform[i] ** 2 + transform[i + 3] ** 2) ** 0.5:.6g}" for i in (0, 1))
    size = f"{grid.get('width', 0)} x {grid.get('height', 0)} pixels of {pixel}"
    lines = [f"{raster.get('path', '')}: {size}, {grid.get('crs', '') or 'no crs'}"]
    for band in raster.get("bands", [])[:_MOST_LINES]:
        kind = str(band.get("dataType", "")).replace("DATA_TYPE_", "").lower()
        how = str(band.get("resampling", "")).replace("RESAMPLING_", "").replace("_", " ").lower() or "copied"
        nodata = f", nodata {band['nodataText']}" if band.get("nodataText") else ""
        lines.append(f"    {band.get('id', '')}: {kind}{nodata}, {how}")
    return lines


def _printable(line: str) -> str:
    line = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in line)
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]} ..."
