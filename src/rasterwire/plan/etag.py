"""The identity of the file that a plan describes."""

import hashlib
from dataclasses import replace

from rasterwire.geo.crs import crs_name
from rasterwire.plan.libraries import LIBRARIES
from rasterwire.plan.types import RenderPlan

ENCODING_REVISION = "12"
"""Changed by hand when equal plans give other bytes than before."""


def etag_of(plan: RenderPlan) -> str:
    """Return a digest that differs wherever the bytes of two plans may differ; it ignores the etag in the plan."""
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
            if band.node is not None:
                add(band.node.key.hex())
                continue
            stored = band.stored
            add(stored.href, stored.index, stored.version, stored.nodata, stored.masked, stored.overviews)
            add(tuple(stored.grid.affine), tuple(stored.grid.shape), crs_name(stored.grid.crs))
            add(stored.value_scale, stored.value_offset, stored.unit)
    return digest.hexdigest()[:32]
