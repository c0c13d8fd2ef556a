"""Between the wire's messages and the values of the core: the only place that knows both."""

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from affine import Affine
from odc.geo.geobox import GeoBox

from rasterwire.errors import InvalidExpression, Violation, Violations
from rasterwire.expression.language.graph import Graph
from rasterwire.files.ground import describe_ties
from rasterwire.forms import unaffected
from rasterwire.geo.crs import crs_name, parse_crs
from rasterwire.geo.grid import check_transform
from rasterwire.image import Band, Image
from rasterwire.plan import RasterPlan, RenderPlan
from rasterwire.plan.bands import overview_factors
from rasterwire.plan.types import Source
from rasterwire.render.block import path_of
from rasterwire.request import (
    BandRequest,
    Compression,
    DownloadRequest,
    Format,
    GridSpec,
    MaskOutput,
    Precedence,
    Resampling,
)
from rasterwire.server.messages.expression import graph_of
from rasterwire.server.messages.mosaic import mosaic_graph
from rasterwire.server.messages.region import read_region
from rasterwire.server.messages.validate import TOO_MANY, violations
from rasterwire.server.messages.visualization import from_picture, to_visualization
from rasterwire.v1 import catalog_service_pb2, download_pb2

FORMATS = {download_pb2.Format.Value(f"FORMAT_{f.name}"): f for f in Format}
PRECEDENCES = {download_pb2.Precedence.Value(f"PRECEDENCE_{p.name}"): p for p in Precedence}
RESAMPLINGS = {download_pb2.Resampling.Value(f"RESAMPLING_{r.name}"): r for r in Resampling}
MASKS = {download_pb2.Mask.Value(f"MASK_{m.name}"): m for m in MaskOutput}
COMPRESSIONS = {download_pb2.Compression.Value(f"COMPRESSION_{c.name}"): c for c in Compression}
_format_values = {f: value for value, f in FORMATS.items()}
_data_types = dict(download_pb2.DataType.items())
_mask_values = {m: value for value, m in MASKS.items()}
_resampling_values = {r: value for value, r in RESAMPLINGS.items()}

_MAX_DEFLATE_LEVEL = 9
"""The highest compression level of deflate."""


def to_request(
    params: download_pb2.DownloadParams, graph: Graph | None = None, misfits: Sequence[Violation] = ()
) -> tuple[DownloadRequest, Graph | None]:
    """Return the request of a message, and the graph of its image where it names none.

    Args:
        params: the message.
        graph: of its expression, where a door has read that already.
        misfits: what a door could not read of the request. It is refused for these, and for all else that is wrong.

    Raises:
        InvalidRequest: with every violation of the schema and of the values.
        InvalidExpression: the expression is no graph.
    """
    problems = Violations(violations(params))
    too_long = {violation.field.split(".")[0] for violation in problems.items if violation.reason == TOO_MANY}
    grid = _grid(params, "", problems)
    specs = [] if "bands" in too_long else params.bands
    bands = tuple(_band(spec, f"bands[{i}].", problems) for i, spec in enumerate(specs))
    region = None
    if params.HasField("region"):
        with problems.catching():
            region = read_region(params.region)
    compression = COMPRESSIONS.get(params.compression)
    level = params.compression_level if params.HasField("compression_level") else None
    if compression in {None, Compression.DEFLATE} and (level or 1) > _MAX_DEFLATE_LEVEL:
        message = f"{level} is more than {_MAX_DEFLATE_LEVEL}, the hardest of deflate; only zstd goes to 22"
        problems.add(Violation("compression_level", "LEVEL_OUT_OF_RANGE", message))
    is_unread = bool(misfits) and params.HasField("expression")  # which is one of the misfits then
    if graph is None and not is_unread and "mosaic" not in too_long:
        try:
            with problems.catching():
                graph = to_graph(params)
        except InvalidExpression:
            problems.items[:] = [*misfits, *unaffected(misfits, problems.items)]
            problems.raise_if_any()
            raise
    problems.items[:] = [*misfits, *unaffected(misfits, problems.items)]
    problems.raise_if_any()
    request = DownloadRequest(
        image_id=params.image,
        name=params.name,
        bands=bands,
        grid=grid,
        region=region,
        file_per_band=params.file_per_band if params.HasField("file_per_band") else None,
        format=FORMATS.get(params.format),
        precedence=PRECEDENCES.get(params.precedence, Precedence.DOCUMENTED),
        strict=params.strict,
        resampling=RESAMPLINGS.get(params.resampling, Resampling.NEAREST),
        nodata=_nodata(params),
        mask=MASKS.get(params.mask),
        clip_to_region=params.clip_to_region,
        compression=compression,
        compression_level=level,
        cloud_optimized=params.cloud_optimized,
        visualization=to_visualization(params),
    )
    return request, graph


def _nodata(params: download_pb2.DownloadParams) -> float | int | None:
    if params.nodata_text:
        return int(params.nodata_text)
    return params.nodata if params.HasField("nodata") else None


def to_graph(params: download_pb2.DownloadParams) -> Graph | None:
    """Return the graph of a message, None where it names an image.

    Raises:
        InvalidExpression: it is no graph.
        InvalidRequest: with every field of a mosaic that means nothing.
    """
    match params.WhichOneof("source"):
        case "expression":
            return graph_of(params.expression)
        case "mosaic":
            return mosaic_graph(params.mosaic)
        case _:
            return None


def _band(spec: download_pb2.BandSpec, path: str, problems: Violations) -> BandRequest:
    return BandRequest(spec.id, _grid(spec, path, problems), RESAMPLINGS.get(spec.resampling))


def _grid(spec: download_pb2.DownloadParams | download_pb2.BandSpec, path: str, problems: Violations) -> GridSpec:
    crs, transform = None, None
    if spec.crs:
        with problems.catching():
            crs = parse_crs(spec.crs, path + "crs")
    if len(spec.crs_transform) == 6:
        transform = Affine(*spec.crs_transform)
        with problems.catching():
            check_transform(transform, path + "crs_transform")
    scale = spec.scale if spec.HasField("scale") else None
    return GridSpec(crs, transform, tuple(spec.dimensions), scale)


# -- answers -----------------------------------------------------------------------------------


def from_plan(plan: RenderPlan) -> download_pb2.DownloadPlan:
    """Return the message of a plan."""
    return download_pb2.DownloadPlan(
        filename=plan.filename,
        mime_type=plan.mime_type,
        format=_format_values[plan.format],
        rasters=[_raster(raster) for raster in plan.rasters],
        uncompressed_bytes=plan.uncompressed_bytes,
        estimated_bytes=plan.estimated_bytes,
        ignored=[download_pb2.IgnoredField(field=i.field, reason=i.reason) for i in plan.ignored],
        etag=plan.etag,
        scenes=plan.scenes,
        source_bytes=plan.source_bytes,
        left_out=[download_pb2.LeftOut(item=n.item, reason=n.reason, bands=n.bands) for n in plan.left_out],
        notes=[download_pb2.Note(field=note.field, text=note.text) for note in plan.notes],
        images_tested=plan.images_tested,
        visualization=from_picture(plan.picture),
    )


def _raster(raster: RasterPlan) -> download_pb2.RasterPlan:
    bands = []
    for band in raster.bands:
        overview = 1.0 if band.overview is None else overview_factors(band.stored)[band.overview]
        bands.append(
            download_pb2.BandPlan(
                id=band.name,
                data_type=_data_type(band.dtype),
                nodata=_double(band.nodata),
                nodata_text=_digits(band.nodata),
                resampling=_resampling_values[band.resampling]
                if band.resampling
                else download_pb2.RESAMPLING_UNSPECIFIED,
                overview=overview,
                path="stored tiles" if raster.tiling else path_of(band),
                placed_by=_tie(band.source, raster.grid),
            )
        )
    return download_pb2.RasterPlan(
        path=raster.path,
        grid=from_grid(raster.grid),
        bands=bands,
        mask=download_pb2.MASK_UNSPECIFIED if raster.mask is None else _mask_values[raster.mask],
        mask_reason=raster.mask_reason,
    )


def _double(value: float | int | None) -> float | None:
    return None if value is None else float(value)


def _digits(value: float | int | None) -> str:
    """Return a number in the digits that tell it from all others of its kind."""
    return "" if value is None else repr(value)


def _tie(source: Source, grid: GeoBox) -> str:
    """Return what places the pixels of a source on a grid, in place of a transform."""
    band = source.stored
    if grid.crs is None or band is None or band.ground is None:
        return ""
    return describe_ties(band.metadata.file)


def from_grid(grid: GeoBox) -> download_pb2.PixelGrid:
    """Return the message of a pixel grid."""
    height, width = grid.shape
    return download_pb2.PixelGrid(
        crs=crs_name(grid.crs), crs_transform=list(grid.affine)[:6], width=int(width), height=int(height)
    )


def from_image(image: Image) -> catalog_service_pb2.ImageInfo:
    """Return the message of an image."""
    info = catalog_service_pb2.ImageInfo(
        id=image.id,
        bands=[_band_info(band) for band in image.bands],
        without_rasters=image.without_rasters,
        unreadable_assets=[
            catalog_service_pb2.UnreadableAsset(id=name, reason=problem) for name, problem in image.unreadable
        ],
    )
    if image.start_time is not None:
        info.start_time.FromDatetime(image.start_time)
    if image.properties:
        info.properties.update({_text(key): _json(value) for key, value in image.properties.items()})
    return info


def _json(value: object) -> Any:
    """Return what a protobuf Struct can hold of a catalog's value: documents hold anything."""
    match value:
        case bool() | None:
            return value
        case int() | float():
            return float(value) if abs(value) <= sys.float_info.max else None
        case str():
            return _text(value)
        case Mapping():
            return {_text(str(key)): _json(item) for key, item in value.items()}
        case Sequence():
            return [_json(item) for item in value]
        case _:
            return _text(str(value))


def _text(value: str) -> str:
    return value.encode("utf-8", "replace").decode()


def _band_info(band: Band) -> catalog_service_pb2.BandInfo:
    return catalog_service_pb2.BandInfo(
        id=band.name,
        data_type=_data_type(band.dtype),
        grid=from_grid(band.grid),
        nodata=_double(band.nodata),
        nodata_text=_digits(band.nodata),
        overviews=overview_factors(band),
        value_scale=band.value_scale,
        value_offset=band.value_offset,
        unit=band.unit,
        control_points=len(band.metadata.file.points),
        rational_polynomials=bool(band.metadata.file.rpcs),
    )


def _data_type(dtype: str) -> "download_pb2.DataType.ValueType":
    return _data_types.get(f"DATA_TYPE_{dtype.upper()}", download_pb2.DATA_TYPE_UNSPECIFIED)
