"""What Jupyter shows of plans, images and downloads: tables, and a thumbnail where the server gives one."""

from collections.abc import Callable, Iterator
from typing import Any

from google.protobuf.message import Message

from rasterwire.client.html import block, facts, folded, table
from rasterwire.client.thumbnails import thumbnail
from rasterwire.units import bytes_text
from rasterwire.v1 import catalog_service_pb2, download_pb2, download_service_pb2

_SHOWN_BANDS = 12
"""That are named in a row of a raster."""


def plan_html(plan: download_pb2.DownloadPlan) -> str:
    """Return the HTML of what a download would hold."""
    head = facts(f"Plan of {plan.filename or 'a download'}", _plan_facts(plan))
    return block([head, *_plan_tables(plan)], thumbnail(plan, _grid(plan)), plan.filename)


def created_html(download_id: download_pb2.DownloadId, plan: download_pb2.DownloadPlan) -> str:
    """Return the HTML of a registered download, without its token, since notebooks are passed on."""
    expiry = download_id.expire_time.ToJsonString() if download_id.HasField("expire_time") else ""
    rows = [("Name", download_id.name), ("Expires", expiry), *_plan_facts(plan)]
    head = facts(f"Registered download of {plan.filename}", rows)
    return block([head, *_plan_tables(plan)], thumbnail(plan, _grid(plan)), plan.filename)


def downloaded_html(path: str, size: int, crc32c: int, plan: download_pb2.DownloadPlan) -> str:
    """Return the HTML of a file that came."""
    rows = [("File", path), ("Size", bytes_text(size)), ("CRC32C", f"{crc32c:08x}, verified")]
    return block([facts("Downloaded", rows), *_plan_tables(plan)], thumbnail(plan, _grid(plan)), path)


def download_html(download: download_service_pb2.Download) -> str:
    """Return the HTML of how far a registered download is."""
    state = _name(download_service_pb2.Download.State.Name(download.state), "STATE_")
    blocks = f"{download.blocks_done} of {download.blocks_total}" if download.blocks_total else ""
    rows = [
        ("Name", download.name),
        ("State", state),
        ("Failure", download.failure),
        ("Blocks", blocks),
        ("Size", bytes_text(download.size_bytes) if download.size_bytes else ""),
        ("Expires", download.expire_time.ToJsonString() if download.HasField("expire_time") else ""),
    ]
    return block([facts(f"Download of {download.filename}", rows), *_plan_tables(download.plan)], None, "")


def image_html(image: catalog_service_pb2.ImageInfo) -> str:
    """Return the HTML of an image."""
    rows = [
        ("Taken", image.start_time.ToJsonString() if image.HasField("start_time") else ""),
        ("Bands", len(image.bands) or ""),
        ("Problem", "the server reaches none of its rasters" if image.without_rasters else ""),
    ]
    bands = [
        (
            band.id,
            _name(download_pb2.DataType.Name(band.data_type), "DATA_TYPE_"),
            *_grid_cells(band.grid),
            band.nodata_text or (f"{band.nodata:g}" if band.HasField("nodata") else ""),
            band.unit,
        )
        for band in image.bands
    ]
    properties = [(name, image.properties[name]) for name in sorted(image.properties)]
    parts = [
        facts(image.id, rows),
        table("Bands", ("Band", "Type", "Columns x rows", "CRS", "Pixel size", "Nodata", "Unit"), bands),
        folded(f"Properties ({len(properties)})", table("Properties", ("Name", "Value"), properties)),
        table("Cannot be read", ("Asset", "Reason"), [(asset.id, asset.reason) for asset in image.unreadable_assets]),
    ]
    grid = image.bands[0].grid if image.bands else download_pb2.PixelGrid()
    return block(parts, thumbnail(image, grid), image.id)


def _plan_facts(plan: download_pb2.DownloadPlan) -> Iterator[tuple[str, object]]:
    yield "Format", _name(download_pb2.Format.Name(plan.format), "FORMAT_")
    yield "Pixels", bytes_text(plan.uncompressed_bytes)
    yield "File, about", bytes_text(plan.estimated_bytes)
    if plan.scenes > 1:
        yield "Scenes", plan.scenes
    yield "Read of them" if plan.scenes > 1 else "Read", bytes_text(plan.source_bytes) if plan.source_bytes else ""


def _plan_tables(plan: download_pb2.DownloadPlan) -> Iterator[str]:
    rasters = [(raster.path, *_grid_cells(raster.grid), _bands_text(raster)) for raster in plan.rasters]
    yield table("Rasters", ("File", "Columns x rows", "CRS", "Pixel size", "Bands"), rasters)
    yield table("Without effect", ("Field", "Reason"), [(field.field, field.reason) for field in plan.ignored])
    yield table("Notes", ("Field", "Note"), [(note.field, note.text) for note in plan.notes])
    yield table("Left out", ("What", "Reason"), [(part.item, part.reason) for part in plan.left_out])


def _bands_text(raster: download_pb2.RasterPlan) -> str:
    texts = []
    for band in raster.bands[:_SHOWN_BANDS]:
        nodata = f", nodata {band.nodata_text}" if band.nodata_text else ""
        texts.append(f"{band.id} ({_name(download_pb2.DataType.Name(band.data_type), 'DATA_TYPE_')}{nodata})")
    rest = len(raster.bands) - _SHOWN_BANDS
    return ", ".join(texts) + (f" and {rest} more" if rest > 0 else "")


def _grid_cells(grid: download_pb2.PixelGrid) -> tuple[str, str, str]:
    """Return size, crs and pixel size of a grid as text."""
    transform = list(grid.crs_transform)
    if len(transform) != 6:
        return f"{grid.width} x {grid.height}", grid.crs, ""
    x, y = ((transform[i] ** 2 + transform[i + 3] ** 2) ** 0.5 for i in (0, 1))
    return f"{grid.width} x {grid.height}", grid.crs, f"{x:.6g}" if f"{x:.6g}" == f"{y:.6g}" else f"{x:.6g} x {y:.6g}"


def _grid(plan: download_pb2.DownloadPlan) -> download_pb2.PixelGrid:
    return plan.rasters[0].grid if plan.rasters else download_pb2.PixelGrid()


def _name(member: str, prefix: str) -> str:
    return member.removeprefix(prefix).replace("_", " ").lower()


_HTML: dict[type[Message], Callable[[Any], str]] = {
    catalog_service_pb2.ImageInfo: image_html,
    download_pb2.DownloadPlan: plan_html,
    download_service_pb2.Download: download_html,
}

for _kind, _html in _HTML.items():
    # messages are generated, and Jupyter looks for this method on their class
    _kind._repr_html_ = _html  # type: ignore[attr-defined]
