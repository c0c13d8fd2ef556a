"""The forms in which a coordinate reference system may be written, and the text that PROJ gets for each.

OGC addresses are only names here, and are never followed. PROJ strings may only have members that are numbers or
names, since other members make PROJ open files.
"""

import re

import pyproj

FORMS = (
    "an authority code such as EPSG:32610, OGC:CRS84 or SR-ORG:6974, an OGC URN or http URI, WKT, PROJJSON or a PROJ "
    "string"
)
"""The accepted forms, for messages."""

_code = re.compile(r"([A-Za-z][A-Za-z0-9_-]{1,15}):([A-Za-z0-9_.]{1,32})")
_urn = re.compile(r"(?i:urn:(?:x-)?ogc:def:crs:([a-z][a-z0-9_-]{1,15}):(?:([0-9.]{0,12}):)?([a-z0-9_.]{1,32}))")
_uri = re.compile(
    r"(?i:https?://(?:www\.)?opengis\.net/def/crs/([a-z][a-z0-9_-]{1,15})/([0-9.]{1,12})/([a-z0-9_.]{1,32})/?)"
)
_old_uri = re.compile(r"(?i:https?://(?:www\.)?opengis\.net/gml/srs/(epsg)\.xml#()([0-9]{1,9}))")
_wkt = re.compile(r"[A-Za-z_]{3,40}\s*\[")
_files = re.compile(r"(?i:grids\s*=\s*(?!@null\b))")
_init = re.compile(r"(?i:\+?init=(epsg):([0-9]{1,9}))")
_member = re.compile(r"\+?([A-Za-z][a-z_0-9]{0,15})(?:=([A-Za-z0-9_.,@+-]{1,64}))?")

_plain_member = re.compile(
    r"proj|zone|south|datum|ellps|a|b|R|rf|f|es|units|to_meter|vunits|lon_[012]|lat_[012]|lat_ts|lonc|alpha|gamma|x_0|y_0"
    r"|k|k_0|h|sweep|towgs84|nadgrids|pm|no_defs|wktext|type|o_proj|o_lat_p|o_lon_p|o_alpha|o_lon_c|o_lat_c|no_uoff"
    r"|no_off|no_rot|W|M|n|m|q|s|aperture|resolution"
)
"""The accepted members of PROJ strings; source: PROJ's pages on projections, ellipsoids and units."""

_SAME_AXES = {"CRS84": "EPSG:4326", "CRS83": "EPSG:4269", "CRS27": "EPSG:4267"}
"""Crs of the OGC that differ from EPSG's only by the order of axes, which is always x before y here."""

_EARTH_ENGINE = {"SR-ORG:6974": "+proj=sinu +lon_0=0 +x_0=0 +y_0=0 +R=6371007.181 +units=m +no_defs +type=crs"}
"""Codes of Earth Engine that PROJ does not know: MODIS's sinusoidal projection."""


def plain_form(text: str) -> str | None:
    """Return the text for PROJ: a code, WKT, PROJJSON or a string of plain members; None for any other text.

    >>> plain_form("urn:ogc:def:crs:EPSG::32633"), plain_form("CRS:84"), plain_form("http://example.com/crs")
    ('EPSG:32633', 'EPSG:4326', None)
    """
    text = text.strip()
    if text.startswith("{") or _wkt.match(text):
        return None if _files.search(text) else text
    for pattern in (_urn, _uri, _old_uri):
        if match := pattern.fullmatch(text):
            return _of_code(match[1], match[3], match[2] or "")
    if match := _init.fullmatch(text) or _code.fullmatch(text):
        return _of_code(match[1], match[2])
    return _of_members(text) if text.startswith(("+", "proj=")) else None


def _of_code(authority: str, code: str, version: str = "") -> str:
    authority, code = authority.upper(), code.upper()
    if authority in {"OGC", "CRS"}:
        code = code if code.startswith("CRS") else f"CRS{code}"
        return _SAME_AXES.get(code, f"OGC:{code}")
    if authority == "IAU" and version:
        authority = f"IAU_{version}"
    name = f"{authority}:{code}"
    return _EARTH_ENGINE.get(name, name)


def _of_members(text: str) -> str | None:
    members = []
    for member in text.split():
        match = _member.fullmatch(member)
        if match is None or not _plain_member.fullmatch(match[1]) or (match[1] == "nadgrids" and match[2] != "@null"):
            return None
        members.append("+" + member.lstrip("+"))
    return " ".join([*members, *([] if "+type=crs" in members else ["+type=crs"])])


# -- Earth Engine's WKT ------------------------------------------------------------------------

_sphere = re.compile(r'(?i:PARAMETER\s*\[\s*"(semi_major|semi_minor)"\s*,\s*([0-9.eE+-]{1,40})\s*\])')


def on_own_sphere(text: str, crs: pyproj.CRS) -> pyproj.CRS:
    """Return a sinusoidal crs with the radii in the projection of its WKT; any other crs unchanged.

    Earth Engine and SR-ORG write MODIS's crs this way: longitudes and latitudes of WGS 84, projected as if the earth
    were a sphere. PROJ ignores the two parameters, which puts pixels up to 20 km off.
    """
    radii = {name.lower(): float(number) for name, number in _sphere.findall(text)}
    operation = crs.coordinate_operation
    if len(radii) < 2 or operation is None or operation.method_name != "Sinusoidal":
        return crs
    values = {parameter.name: float(parameter.value) for parameter in operation.params}
    unit = crs.axis_info[0].unit_conversion_factor if crs.axis_info else 1.0
    parts = {
        "lon_0": values.get("Longitude of natural origin", 0.0),
        "x_0": values.get("False easting", 0.0) * unit,
        "y_0": values.get("False northing", 0.0) * unit,
        "a": radii["semi_major"],
        "b": radii["semi_minor"],
        "to_meter": unit,
    }
    members = " ".join(f"+{key}={value!r}" for key, value in parts.items())
    return pyproj.CRS.from_user_input(f"+proj=sinu {members} +no_defs +type=crs")
