"""The identity of what a plan makes."""

import hashlib
from dataclasses import replace

from rasterwire.geo.crs import crs_name
from rasterwire.nodes.computed import Computed
from rasterwire.plan.libraries import LIBRARIES
from rasterwire.plan.types import RenderPlan

ENCODING_REVISION = "10"
"""Changes when equal plans give other bytes than before."""


def etag_of(plan: RenderPlan) -> str:
    """Return what differs wherever the bytes of two plans may differ; the etag in the plan does not count."""
    digest = hashlib.sha256(repr(LIBRARIES).encode())

    def add(*parts: object) -> None:
        for part in parts:
            digest.update(repr(part).encode() + b"\0")

    encoding = plan.encoding
    add(ENCODING_REVISION, plan.format.value, encoding.compression.value, encoding.level, encoding.cloud_optimized)
    for raster in plan.rasters:
        add(
            raster.path,
            raster.mask,
            raster.tiling,
            tuple(raster.grid.affine),
            tuple(raster.grid.shape),
            crs_name(raster.grid.crs),
        )
        if raster.clip is not None:
            add(raster.clip.geometry.wkb, crs_name(raster.clip.crs), raster.clip.geodesic)
        add(replace(raster.metadata, crs=None), crs_name(raster.metadata.crs))
        for band in raster.bands:
            add(band.name, band.dtype, band.nodata, band.fill, band.resampling, band.overview)
            source = band.source
            if isinstance(source, Computed):
                add(source.node.key.hex())
                continue
            add(source.href, source.index, source.version, source.nodata, source.masked, source.overviews)
            add(tuple(source.grid.affine), tuple(source.grid.shape), crs_name(source.grid.crs))
            add(band.source.value_scale, band.source.value_offset, band.source.unit)
    return digest.hexdigest()[:32]
