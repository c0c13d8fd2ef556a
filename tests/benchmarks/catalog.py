"""Measures the catalog of an index of many STAC items, and prints each figure beside its limit.

    python tests/benchmarks/catalog.py [--items 1000000] [--folder FOLDER]

The items look like those of Sentinel-2: 13 assets, about 6.7 KB of JSON each, 5,000 places, each taken again and again
over eight years. No file of theirs exists: what is measured opens none. With ``--folder``, the index stays there, and
is used again by the next run.
"""

import math
import random
from datetime import UTC, datetime, timedelta

BANDS = (
    ("coastal", "B01", 60), ("blue", "B02", 10), ("green", "B03", 10), ("red", "B04", 10), ("rededge1", "B05", 20),
    ("rededge2", "B06", 20), ("rededge3", "B07", 20), ("nir", "B08", 10), ("nir08", "B8A", 20), ("nir09", "B09", 60),
    ("swir16", "B11", 20), ("swir22", "B12", 20), ("scl", "SCL", 20),
)  # fmt: skip

PLACES = 5000
EPOCH = datetime(2017, 1, 1, tzinfo=UTC)
SECONDS = 8 * 365 * 86400
COLLECTION = "sentinel-2-l2a"
EXTENSIONS = [
    f"https://stac-extensions.github.io/{name}/schema.json"
    for name in ("eo/v1.1.0", "projection/v1.1.0", "raster/v1.1.0", "grid/v1.1.0", "view/v1.0.0")
]


def places() -> list[tuple[float, float, int, str]]:
    """Return west, north, UTM zone and name of each place."""
    rng = random.Random(7)
    result = []
    for place in range(PLACES):
        north = max(-78.0, min(80.0, math.degrees(math.asin(rng.uniform(-0.83, 0.98)))))
        west = rng.uniform(-180, 178.5)
        zone = int((west + 180) // 6) + 1
        letters = (
            f"{'CDEFGHJKLMNPQRSTUVWX'[int((north + 80) // 8.2)]}{chr(65 + place % 26)}{chr(65 + place // 26 % 26)}"
        )
        result.append((west, north, zone, f"{zone:02d}{letters}{place:04d}"))
    return result


def item(number: int, count: int, tiles: list[tuple[float, float, int, str]]) -> dict[str, object]:
    """Return one of ``count`` items."""
    rng = random.Random(number)
    west, north, zone, name = tiles[number % PLACES]
    turn = SECONDS * (number // PLACES) / max(1, count // PLACES)
    taken = EPOCH + timedelta(seconds=int(turn) + rng.randrange(86400))
    width = 0.99 / max(0.2, math.cos(math.radians(north)))
    w, s, e, n = round(west, 5), round(north - 0.99, 5), round(min(180.0, west + width), 5), round(north, 5)
    satellite = "ab"[number & 1]
    image_id = f"S2{satellite.upper()}_{name}_{taken:%Y%m%dT%H%M%S}_L2A"
    address = f"s3://sentinel-cogs/sentinel-s2-l2a-cogs/{name[:2]}/{name[2]}/{name[3:5]}/{taken:%Y/%m}/{image_id}"
    stamp = taken.isoformat().replace("+00:00", "Z")
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "stac_extensions": EXTENSIONS,
        "id": image_id,
        "collection": COLLECTION,
        "bbox": [w, s, e, n],
        "geometry": {"type": "Polygon", "coordinates": [[[w, s], [e, s], [e, n], [w, n], [w, s]]]},
        "properties": {
            "datetime": stamp,
            "created": stamp,
            "updated": stamp,
            "platform": f"sentinel-2{satellite}",
            "constellation": "sentinel-2",
            "instruments": ["msi"],
            "gsd": 10,
            "eo:cloud_cover": round(rng.uniform(0, 100), 4),
            "proj:epsg": (32600 if north > 0 else 32700) + zone,
            "mgrs:utm_zone": zone,
            "grid:code": f"MGRS-{name}",
            "view:sun_azimuth": round(rng.uniform(0, 360), 4),
            "view:sun_elevation": round(rng.uniform(0, 90), 4),
            "s2:nodata_pixel_percentage": round(rng.uniform(0, 90), 3),
            "s2:processing_baseline": "05.10",
            "s2:product_uri": f"S2{satellite.upper()}_MSIL2A_{taken:%Y%m%dT%H%M%S}_N0510_R098_T{name}.SAFE",
        },
        "links": [{"rel": "collection", "href": "../collection.json", "type": "application/json"}],
        "assets": {key: _asset(f"{address}/{band}.tif", key, band, size) for key, band, size in BANDS},
    }


def _asset(href: str, key: str, band: str, size: int) -> dict[str, object]:
    return {
        "href": href,
        "type": "image/tiff; application=geotiff; profile=cloud-optimized",
        "title": f"{key} ({band})",
        "roles": ["data", "reflectance"],
        "eo:bands": [{"name": band, "common_name": key, "description": f"{key} (band {band})"}],
        "gsd": size,
        "proj:shape": [109800 // size] * 2,
        "proj:transform": [size, 0, 399960, 0, -size, 4500000],
        "raster:bands": [{"data_type": "uint16", "nodata": 0, "scale": 0.0001, "offset": -0.1, "unit": "m"}],
    }
