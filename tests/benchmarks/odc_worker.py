"""A worker for odc-stac, run in the environment that has it; it needs nothing of this project.

Reads one JSON request a line, does it, and answers with one line: {"seconds": ...} or {"error": ...}.
"""

import datetime as dt
import json
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

import odc.stac
import pystac
import rasterio
from affine import Affine
from odc.geo.geobox import GeoBox


def main() -> None:
    """Answer requests until the input ends."""
    print(json.dumps({"version": odc.stac.__version__}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            item = _item(request["source"])
            began = time.perf_counter()
            _do(item, request)
            answer: dict[str, Any] = {"seconds": time.perf_counter() - began}
        except Exception as error:  # noqa: BLE001  told to the one who asked
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


def _item(source: dict[str, Any]) -> pystac.Item:
    first = next(iter(source["assets"].values()))
    # items are chosen by their footprint, so it has to be the true one
    extent = GeoBox(first["shape"], Affine(*first["transform"]), source["crs"]).extent.to_crs("EPSG:4326")
    item = pystac.Item(
        "scene",
        extent.json,
        list(extent.boundingbox.bbox),
        dt.datetime(2024, 1, 1, tzinfo=dt.UTC),
        {"proj:code": source["crs"]},
    )
    for band, asset in source["assets"].items():
        place = {"proj:code": source["crs"], "proj:shape": asset["shape"], "proj:transform": asset["transform"]}
        pixels = {"raster:bands": [{"nodata": 0, "data_type": "uint16"}], "eo:bands": [{"name": band}]}
        item.add_asset(
            band,
            pystac.Asset(
                asset["path"], media_type=pystac.MediaType.COG, roles=["data"], extra_fields={**place, **pixels}
            ),
        )
    return item


def _do(item: pystac.Item, request: dict[str, Any]) -> None:
    out = Path(request["out"])
    archive = zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) if out.suffix == ".zip" else None
    for part in request["parts"]:
        box = GeoBox((part["height"], part["width"]), Affine(*part["transform"]), part["crs"])
        band = part["band"]
        loaded = odc.stac.load([item], bands=[band], geobox=box, resampling=request["resampling"], pool=2)
        file = out.with_name(f"{band}.tif") if archive else out
        _write(loaded[band].isel(time=0).values, part, file, request)
        if archive:
            archive.write(file, file.name)
            file.unlink()
    if archive:
        archive.close()


def _write(pixels: Any, part: dict[str, Any], file: Path, request: dict[str, Any]) -> None:
    layout = {"tiled": True, "blockxsize": 256, "blockysize": 256, "compress": request["compress"], "predictor": 2}
    place = {"crs": part["crs"], "transform": Affine(*part["transform"]), "nodata": 0}
    shape = {"driver": "GTiff", "height": part["height"], "width": part["width"], "count": 1, "dtype": pixels.dtype}
    level = {request["level"][0]: request["level"][1]}
    with rasterio.open(file, "w", **shape, **place, **layout, **level, num_threads=2) as raster:
        raster.write(pixels, 1)


if __name__ == "__main__":
    main()
