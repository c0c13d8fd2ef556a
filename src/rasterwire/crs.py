"""Coordinate reference systems: how they may be named, and how long their units are."""

import re
from functools import lru_cache

import pyproj
from odc.geo.crs import CRS
from pyproj.exceptions import ProjError

from rasterwire.errors import invalid

METRES_PER_DEGREE = 111319.49079327358
"""pi x 6378137 / 180, the length Earth Engine gives a degree of any geographic crs."""

_LONGEST = 65_536
"""Characters."""

_code = re.compile(r"[A-Za-z][A-Za-z0-9_]{1,15}:[A-Za-z0-9_.]{1,32}")
_wkt = re.compile(r"\s*[A-Za-z_]{3,40}\s*\[")


def parse_crs(text: str, field: str) -> CRS:
    """Return the crs of an authority code, WKT or PROJJSON.

    Nothing else is looked at: the libraries beneath would also follow addresses and read files.

    Raises:
        InvalidRequest: another kind of text, or one that PROJ does not know.
    """
    if len(text) > _LONGEST:
        said = f"a text of {len(text)} characters is too long, at most {_LONGEST}; give an authority code"
        raise invalid(field, "CRS_TOO_LONG", said)
    text = text.strip()
    if not (_code.fullmatch(text) or _wkt.match(text) or text.startswith("{")):
        raise invalid(
            field,
            "CRS_NOT_PLAIN",
            f"{_short(text)} is not an authority code such as EPSG:32610, WKT or PROJJSON; give one of these",
        )
    try:
        return _known(text)
    except (ProjError, ValueError, KeyError, TypeError, RecursionError):
        raise invalid(
            field, "CRS_UNKNOWN", f"{_short(text)} is not a known coordinate reference system; check the code or WKT"
        ) from None


@lru_cache(maxsize=256)
def _known(text: str) -> CRS:
    crs = pyproj.CRS.from_user_input(text)
    if not (crs.is_geographic or crs.is_projected or crs.is_bound):
        raise ValueError("neither geographic nor projected")
    return CRS(text)


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")


def crs_name(crs: CRS | None) -> str:
    """Return the authority code of a crs where there is one, else its WKT; "" for None."""
    if crs is None:
        return ""
    code = crs.to_epsg()
    if code is not None:
        return f"EPSG:{code}"
    return crs.to_wkt()


def metres_per_unit(crs: CRS | None) -> float:
    """Return how many metres a unit of the crs counts as; 1 where there is no crs.

    >>> metres_per_unit(CRS("EPSG:4326")), metres_per_unit(CRS("EPSG:32610"))
    (111319.49079327358, 1.0)
    """
    return 1.0 if crs is None else _unit(crs_name(crs))  # a crs itself writes its WKT for each hash


@lru_cache(maxsize=256)
def _unit(name: str) -> float:
    crs = CRS(name)
    if crs.geographic:
        return METRES_PER_DEGREE
    axes = crs.proj.axis_info
    return float(axes[0].unit_conversion_factor) if axes else 1.0


@lru_cache(maxsize=1024)
def transformer(source: CRS, target: CRS) -> pyproj.Transformer:
    """Return the conversion between two crs, x before y on both sides.

    Raises:
        InvalidRequest: there is none, as for a crs that is not tied to the earth.
    """
    try:
        return pyproj.Transformer.from_crs(source.proj, target.proj, always_xy=True)
    except ProjError:
        ends = f"{_short(crs_name(source))} and {_short(crs_name(target))}"
        said = f"there is no conversion between {ends}; name another crs"
        raise invalid("crs", "CRS_NOT_CONVERTIBLE", said) from None
