"""Functions on two geometries: set operations, and tests of their relation."""

from collections.abc import Callable
from typing import Any

import shapely

from rasterwire.expression.functions.geometry.geometries import not_empty
from rasterwire.expression.language.signature import table
from rasterwire.expression.language.values import ErrorMarginValue, Projection
from rasterwire.geo.region import Region
from rasterwire.geo.region.crossings import check_crossings
from rasterwire.geo.region.relations import related, to_crs

_ARGUMENTS = "left: Geometry, right: Geometry, maxError: ErrorMargin = null, proj: Projection = null"


def _enter(name: str, operation: Callable[[Any, Any], Any], description: str) -> None:
    def call(left: Region, right: Region, margin: ErrorMarginValue | None, projection: Projection | None) -> Region:
        crs = left.crs if projection is None or projection.crs is None else projection.crs
        a, b = to_crs(left, crs).geometry, to_crs(right, crs).geometry
        check_crossings([a, b])
        return not_empty(Region(operation(a, b), crs))

    call.__doc__ = description
    table.listed(f"Geometry.{name}({_ARGUMENTS}) -> Geometry")(call)


_enter("intersection", shapely.intersection, "Returns the intersection of two geometries.")
_enter("union", shapely.union, "Returns the union of two geometries.")
_enter("difference", shapely.difference, "Returns the first geometry without the second.")
_enter("symmetricDifference", shapely.symmetric_difference, "Returns the parts that only one of two geometries has.")


def _holds(test: Callable[[Any, Any], Any], left: Region, right: Region, projection: Projection | None) -> bool:
    """Tell whether a test is true for two geometries: in a projection, or in longitudes that may differ by turns."""
    if projection is None or projection.crs is None:
        return related(test, left, right)
    return bool(test(to_crs(left, projection.crs).geometry, to_crs(right, projection.crs).geometry))


def _contains(outer: shapely.Geometry, inner: shapely.Geometry) -> bool:
    check_crossings([outer, inner])
    return bool(shapely.contains(outer, inner))


@table.listed(f"Geometry.intersects({_ARGUMENTS}) -> Boolean")
def intersects(left: Region, right: Region, margin: ErrorMarginValue | None, projection: Projection | None) -> bool:
    """Tells whether two geometries share a point."""
    return _holds(shapely.intersects, left, right, projection)


@table.listed(f"Geometry.disjoint({_ARGUMENTS}) -> Boolean")
def disjoint(left: Region, right: Region, margin: ErrorMarginValue | None, projection: Projection | None) -> bool:
    """Tells whether two geometries share no point."""
    return not _holds(shapely.intersects, left, right, projection)


@table.listed(f"Geometry.contains({_ARGUMENTS}) -> Boolean")
def contains(left: Region, right: Region, margin: ErrorMarginValue | None, projection: Projection | None) -> bool:
    """Tells whether the first geometry contains the second."""
    return _holds(_contains, left, right, projection)


@table.listed(f"Geometry.containedIn({_ARGUMENTS}) -> Boolean")
def contained_in(left: Region, right: Region, margin: ErrorMarginValue | None, projection: Projection | None) -> bool:
    """Tells whether the second geometry contains the first."""
    return _holds(_contains, right, left, projection)
