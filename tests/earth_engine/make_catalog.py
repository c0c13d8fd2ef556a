"""Makes the catalog for the tests with Earth Engine's clients; ``with_server.py --catalog`` calls it.

Needs rasterwire and rasterio. The scene is composed of the shared real rasters where they are, and is the demo's
elsewhere; it has the bands of the asset that the shared requests were recorded with. Around the region of Earth
Engine's documentation, pieces of it with other values, dates and clouds make it a collection.
"""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio.transform import Affine, from_origin
from rasterio.windows import from_bounds

from earth_engine.shared_folder import shared_folder
from rasterwire.demo.scene import IMAGE_ID, make_scene

COLLECTION, INDEX = IMAGE_ID.rsplit("/", 1)
METRES = {"B1": 60, "B2": 10, "B3": 10, "B4": 10, "B5": 20, "B8": 10, "B11": 20, "B12": 20, "SCL": 20, "QA60": 60}
PIECE = (580980.0, 4099200.0, 583980.0, 4102200.0)
"""West, south, east and north in EPSG:32610: the documentation's region and some more, whole pixels of 60 m."""

# Day, factor and addend of the values, clouded part of the piece's rows, metres that it lies further east.
PIECES = (
    ("2020-12-30", 0.9, 0, (0.0, 0.3), 0),
    ("2021-01-14", 1.0, 200, (0.4, 0.5), 0),
    ("2021-01-19", 1.2, 0, (0.2, 1.0), 0),
    ("2021-01-24", 1.1, 50, (0.0, 0.0), 30000),
    ("2021-02-03", 1.0, 17, (0.0, 0.1), 0),
)


def make(root: Path) -> None:
    """Write the catalog below a folder."""
    scene = _scene(root)
    for day, factor, addend, clouded, east in PIECES:
        _piece(root, scene, day, factor, addend, clouded, east)
    _cloud_scores(root, scene)


def _scene(root: Path) -> Path:
    shared = shared_folder()
    folder = root / IMAGE_ID
    if shared is None:
        folder = make_scene(root)
    else:
        data = shared / "data"
        scl = data / "s2_T29UNU_20221005_jp2" / "T29UNU_20221005T115411_SCL_20m.jp2"
        command = [data / "compose_scene.py", data / "s2_majortom_T48QUE_20200223", scl, folder]
        subprocess.run([sys.executable, *command], check=True, stdout=subprocess.DEVNULL)
    for file in folder.glob("*.tif"):
        if file.stem not in METRES:
            file.unlink()
    with rasterio.open(folder / "B2.tif") as source:
        left, _, _, top = PIECE
        crs = source.crs
    side = 50
    grid = from_origin(left, top, 60, 60)
    if not (folder / "B1.tif").exists():
        _write(folder / "B1.tif", np.arange(1, side * side + 1, dtype=np.uint16).reshape(side, side), grid, crs)
    _write(folder / "QA60.tif", np.zeros((side, side), np.uint16), grid, crs, nodata=None)
    description = json.loads((folder / "asset.json").read_text(encoding="utf-8"))
    band_descriptions = {band["id"]: band for band in description["bands"]}
    description["bands"] = [band_descriptions.get(name) or _band(folder / f"{name}.tif") for name in METRES]
    description.setdefault("properties", {}).update(_properties("2021-01-09", 5.0, INDEX))
    description["properties"]["system:time_start"] = round(_time("2021-01-09").timestamp() * 1000)
    (folder / "asset.json").write_text(json.dumps(description), encoding="utf-8")
    return folder


def _band(path: Path) -> dict[str, Any]:
    with rasterio.open(path) as source:
        return {
            "id": path.stem,
            "data_type": {"type": "PixelType", "precision": "int", "min": 0, "max": 65535},
            "dimensions": [source.width, source.height],
            "crs": str(source.crs),
            "crs_transform": list(source.transform)[:6],
        }


def _piece(
    root: Path, scene: Path, day: str, factor: float, addend: int, clouded: tuple[float, float], east: int
) -> None:
    name = index_of(day)
    folder = root / "pieces" / name
    folder.mkdir(parents=True)
    left, _, _, top = PIECE
    for band, metres in METRES.items():
        with rasterio.open(scene / f"{band}.tif") as source:
            data = source.read(1, window=from_bounds(*PIECE, source.transform))
            crs = source.crs
        rows = slice(*(round(part * data.shape[0]) for part in clouded))
        if band == "SCL":
            data[data >= 8] = 4
            data[rows] = 9
        elif band == "QA60":
            data[rows] = 1 << 10
        else:
            data = np.clip(data * factor + addend, 1, 65535).astype(np.uint16)
            data[rows] = 9000
        nodata = None if band == "QA60" else 0
        _write(folder / f"{band}.tif", data, from_origin(left + east, top, metres, metres), crs, nodata=nodata)
    share = 100 * (clouded[1] - clouded[0])
    _item(root, folder, COLLECTION, name, {"datetime": _stamp(day), **_properties(day, share, name)})


def _cloud_scores(root: Path, scene: Path) -> None:
    """Write a cloud score for each image of the collection: low where SCL has clouds."""
    collection = "GOOGLE/CLOUD_SCORE_PLUS/V1/S2_HARMONIZED"
    for day in ("2021-01-09", *(piece[0] for piece in PIECES)):
        name = INDEX if day == "2021-01-09" else index_of(day)
        source_folder = scene if name == INDEX else root / "pieces" / name
        with rasterio.open(source_folder / "SCL.tif") as source:
            bounds = PIECE if name == INDEX else source.bounds
            scl = source.read(1, window=from_bounds(*bounds, source.transform))
            crs, corner = source.crs, (bounds[0], bounds[3])
        folder = root / "scores" / name
        folder.mkdir(parents=True)
        score = np.where(scl >= 8, 0.1, 0.9).astype(np.float32)
        for band in ("cs", "cs_cdf"):
            _write(folder / f"{band}.tif", score, from_origin(*corner, 20, 20), crs, nodata=None)
        properties = {"datetime": _stamp(day), "system:index": name}
        _item(root, folder, collection, f"{collection}/{name}", properties)


def _item(root: Path, folder: Path, collection: str, name: str, properties: dict[str, Any]) -> None:
    files = sorted(folder.glob("*.tif"), key=lambda file: [*METRES, "cs", "cs_cdf"].index(file.stem))
    item: dict[str, Any] = {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": name,
        "collection": collection,
        "geometry": None,
        "properties": properties,
        "links": [],
        "assets": {file.stem: {"href": file.relative_to(root).as_posix(), "type": "image/tiff"} for file in files},
    }
    (root / f"{folder.parent.name}-{folder.name}.json").write_text(json.dumps(item), encoding="utf-8")


def index_of(day: str) -> str:
    """Return the system:index of the piece of a day."""
    digits = day.replace("-", "")
    return f"{digits}T185741_{digits}T185911_T10SEG"


def _time(day: str) -> datetime:
    return datetime.fromisoformat(day).replace(tzinfo=UTC) + timedelta(hours=18, minutes=57)


def _stamp(day: str) -> str:
    return _time(day).strftime("%Y-%m-%dT%H:%M:%SZ")


def _properties(day: str, clouds: float, name: str) -> dict[str, Any]:
    return {"CLOUDY_PIXEL_PERCENTAGE": clouds, "SPACECRAFT_NAME": "Sentinel-2A", "PRODUCT_ID": f"S2A_{day}_{name}"}


def _write(path: Path, data: "np.ndarray[Any, Any]", grid: Affine, crs: Any, nodata: float | None = 0) -> None:
    profile = {"driver": "GTiff", "width": data.shape[1], "height": data.shape[0], "count": 1, "dtype": data.dtype}
    with rasterio.open(path, "w", **profile, crs=crs, transform=grid, nodata=nodata, compress="deflate") as file:
        file.write(data, 1)
        file.set_band_description(1, path.stem)
