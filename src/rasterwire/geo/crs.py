"""Coordinate reference systems: their names, their units and the conversions between them."""

import os
from functools import lru_cache

import pyproj
import pyproj.network
from odc.geo.crs import CRS
from pyproj.exceptions import ProjError

from rasterwire.errors import invalid
from rasterwire.geo.crs_text import FORMS, on_own_sphere, plain_form

METRES_PER_DEGREE = 111319.49079327358
"""pi x 6378137 / 180, the length Earth Engine gives a degree of any geographic crs."""

_LONGEST = 65_536
"""Characters of a text that names a crs."""

# with downloaded grids, positions would depend on the network
os.environ["PROJ_NETWORK"] = "OFF"  # noqa: TID251  not a setting, but the only way to reach rasterio's own PROJ
pyproj.network.set_network_enabled(False)  # type: ignore[attr-defined]  # documented, but not exported


def parse_crs(text: str, field: str) -> CRS:
    """Return the crs of a text in any of the forms of ``crs_text``; every door reads a crs by this function.

    Other forms are refused, since the libraries below would also follow addresses and read files.

    Raises:
        InvalidRequest: a text of another form, or one that PROJ does not know.
    """
    if len(text) > _LONGEST:
        problem = f"a text of {len(text)} characters is too long, at most {_LONGEST}; give an authority code"
        raise invalid(field, "CRS_TOO_LONG", problem)
    plain = plain_form(text)
    if plain is None:
        raise invalid(field, "CRS_NOT_PLAIN", f"{_short(text)} is not {FORMS}; give one of these")
    try:
        return _parse(plain)
    except (ProjError, ValueError, KeyError, TypeError, RecursionError):
        problem = f"{_short(text)} is not a known coordinate reference system; check the code or WKT"
        raise invalid(field, "CRS_UNKNOWN", problem) from None


@lru_cache(maxsize=256)
def _parse(text: str) -> CRS:
    crs = on_own_sphere(text, pyproj.CRS.from_user_input(text))
    if len(crs.axis_info) < 2:
        raise ValueError("no places on a plane or on the earth")
    return exact_crs(crs)


def exact_crs(crs: pyproj.CRS) -> CRS:
    """Return a crs by its EPSG code where it is exactly the crs of that code, else unchanged.

    PROJ also reports codes of similar crs: for the unknown datum of a PROJ string it takes any datum of the same
    ellipsoid, which may be hundreds of metres off.
    """
    code = crs.to_epsg()
    if code is None:
        return CRS(crs)
    if crs.to_epsg(min_confidence=90) == code or pyproj.CRS.from_epsg(code).equals(crs, ignore_axis_order=True):
        return CRS(f"EPSG:{code}")
    exact = CRS(crs)
    exact._epsg = None  # noqa: SLF001  otherwise it would report that code, and be equal to its crs
    return exact


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")


def crs_name(crs: CRS | None) -> str:
    """Return the EPSG code of a crs where it has one, else its WKT; "" for None."""
    if crs is None:
        return ""
    code = crs.to_epsg()
    if code is not None:
        return f"EPSG:{code}"
    return crs.to_wkt()


def metres_per_unit(crs: CRS | None) -> float:
    """Return the length of a unit of the crs in metres; 1 where there is no crs.

    >>> metres_per_unit(CRS("EPSG:4326")), metres_per_unit(CRS("EPSG:32610"))
    (111319.49079327358, 1.0)
    """
    return 1.0 if crs is None else _unit(crs_name(crs))  # by name, since hashing a crs writes its WKT


@lru_cache(maxsize=256)
def _unit(name: str) -> float:
    crs = CRS(name)
    if crs.geographic:
        return METRES_PER_DEGREE
    axes = crs.proj.axis_info
    return float(axes[0].unit_conversion_factor) if axes else 1.0


_transformers: dict[tuple[int, int], tuple[pyproj.CRS, pyproj.CRS, pyproj.Transformer]] = {}
"""By the ids of two crs, since hashing a crs writes its WKT. Entries hold the crs, so that no other gets their ids."""

_MAX_TRANSFORMERS = 1024


def transformer(source: CRS | None, target: CRS | None) -> pyproj.Transformer:
    """Return the conversion between two crs, neither of which is None, x before y on both sides.

    Raises:
        InvalidRequest: there is none, such as for a crs that is not tied to the earth.
    """
    assert source is not None
    assert target is not None
    key = id(source.proj), id(target.proj)
    entry = _transformers.get(key)
    if entry is None:
        if len(_transformers) >= _MAX_TRANSFORMERS:
            _transformers.clear()
        entry = _transformers[key] = source.proj, target.proj, _transformer(source, target)
    return entry[2]


def _transformer(source: CRS, target: CRS) -> pyproj.Transformer:
    try:
        if source.proj.is_geocentric or target.proj.is_geocentric:
            raise ProjError("places in space have three coordinates")
        return pyproj.Transformer.from_crs(source.proj, target.proj, always_xy=True)
    except ProjError:
        ends = f"{_short(crs_name(source))} and {_short(crs_name(target))}"
        problem = f"there is no conversion between {ends}; name another crs"
        raise invalid("crs", "CRS_NOT_CONVERTIBLE", problem) from None
