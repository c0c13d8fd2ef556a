"""Areas on the ground: how they are read, and their extent and pixels on any grid."""

from rasterwire.geo.region.area import Points, Region, own_geometry
from rasterwire.geo.region.containment import inside
from rasterwire.geo.region.extents import OUTSIDE_CRS, extent
from rasterwire.geo.region.reading import MAX_VERTICES, box_region, check_edges, crs_member, geojson_region

__all__ = [
    "MAX_VERTICES",
    "OUTSIDE_CRS",
    "Points",
    "Region",
    "box_region",
    "check_edges",
    "crs_member",
    "extent",
    "geojson_region",
    "inside",
    "own_geometry",
]
