"""Plans of all kinds over a few small files, for engines that have to give equal bytes for them."""

import io
import itertools
import random
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import rasterio
from affine import Affine
from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox
from shapely import box

from graph_steps import NAMES, STEPS
from graphs import Value, call, call_node, constant_node, graph, load, reference_node
from pixel_world import UTM, PixelWorld, random_data, random_mask
from rasterwire.catalog.folder import FolderCatalog
from rasterwire.download import Render, Renders
from rasterwire.download.image_source import product_of
from rasterwire.expression.evaluation import evaluate_graph
from rasterwire.expression.language.graph import read_graph
from rasterwire.geo.region import Region
from rasterwire.plan import Limits, RenderPlan, make_plan
from rasterwire.render import Engine
from rasterwire.request import BandRequest, Compression, DownloadRequest, Format, GridSpec, MaskOutput, Resampling
from rasterwire.store.artifacts import FolderArtifactStore

SHAPE = 330, 540
"""Of the images: two rows of tiles of the output, and three columns."""

PLACE = Affine(10, 0, 500_000, 0, -10, 5_002_000)
SCENES = 36
"""So many have their median computed in parts."""

GRIDS = {
    "own": GridSpec(),
    "turned": GridSpec(UTM, Affine(9.1, 3.2, 500_210, 3.1, -9.3, 5_001_350), (530, 300)),
    "degrees": GridSpec(CRS("EPSG:4326"), scale=11),
    "coarse": GridSpec(CRS("EPSG:3857"), scale=37),
}
DEPTH = 1500
"""Of a graph: deeper than Python's stack."""

REGION = Region(box(15.0005, 45.145, 15.05, 45.1702), CRS("EPSG:4326"))

FORMATS: tuple[dict[str, Any], ...] = (
    {"format": Format.GEO_TIFF},
    {"format": Format.NPY},
    {"format": Format.GEO_TIFF, "cloud_optimized": True},
    {"format": Format.GEO_TIFF, "compression": Compression.ZSTD, "mask": MaskOutput.EACH_BAND},
    {"format": Format.ZIPPED_GEO_TIFF_PER_BAND},
    {"format": Format.ZIPPED_GEO_TIFF, "compression": Compression.LZW},
    {"format": Format.NPY, "mask": MaskOutput.BAND},
    {"format": Format.GEO_TIFF, "compression": Compression.NONE, "mask": MaskOutput.BAND},
)
PICTURES = {"format": Format.PNG}, {"format": Format.JPEG}


def make_images(folder: Path) -> PixelWorld:
    """Make the files of all plans."""
    world = PixelWorld(folder)
    own, moved = GeoBox(SHAPE, PLACE, UTM), GeoBox(SHAPE, PLACE @ Affine.translation(41, 17), UTM)
    world.add("byte", {"v": random_data("uint8", 1, SHAPE)}, random_mask(1, shape=SHAPE), own)
    world.add("short", {"v": random_data("int16", 2, SHAPE)}, random_mask(2, 0.6, SHAPE), own)
    world.add("float", {"v": random_data("float32", 3, SHAPE)}, random_mask(3, shape=SHAPE), moved)
    world.add("other", {"v": random_data("uint8", 4, SHAPE)}, random_mask(4, shape=SHAPE), own)
    coarse = GeoBox((90, 140), PLACE @ Affine.translation(-2, -1) @ Affine.scale(4), UTM)
    world.add("coarse", {"v": random_data("uint16", 5, (90, 140))}, grid=coarse)
    world.add("wide", {f"b{n}": random_data("uint16", 10 + n, SHAPE) for n in range(3)}, grid=own, nodata=0)
    world.add("many", {f"b{n}": random_data("float32", 20 + n, (60, 300)) for n in range(17)}, grid=coarse[:60, :300])
    for number in range(SCENES):
        world.add(f"scenes/{number:02}/v", {"v": random_data("uint16", 50 + number, SHAPE)}, grid=own, nodata=0)
    profile = {"driver": "GTiff", "count": 1, "dtype": "uint16", "width": 540, "height": 330, "crs": UTM.to_wkt()}
    tiling = {"tiled": True, "blockxsize": 128, "blockysize": 128, "compress": "deflate", "predictor": 2}
    with rasterio.open(folder / "tiled.tif", "w", transform=PLACE, **profile, **tiling) as file:
        file.write(random_data("uint16", 7, SHAPE), 1)
    return world


def many_plans(world: PixelWorld, count: int) -> Iterator[tuple[str, RenderPlan]]:
    """Yield plans with their names; the first ones are of all kinds."""
    sources = itertools.cycle(_sources(world))
    formats, grids, kinds = itertools.cycle(FORMATS), itertools.cycle(GRIDS.items()), itertools.cycle(Resampling)
    for number in range(count):
        name, image, is_picture = next(sources)
        if number % len(FORMATS) == 0:  # so that every source meets every format
            next(formats)
        more: dict[str, Any] = PICTURES[number % 2] if is_picture else next(formats)
        (grid_name, grid), resampling = next(grids), next(kinds)
        if number % 7 == 0:
            next(grids)
        if name == "stored":
            grid_name, grid, resampling, more = "own", GridSpec(), Resampling.NEAREST, {"format": Format.GEO_TIFF}
        bands = (BandRequest("b1"),) if name == "wide" and number % 2 else ()
        region = None if grid.dimensions or name in {"stored", "tiled", "byte"} else REGION
        request = DownloadRequest(name, bands=bands, grid=grid, region=region, resampling=resampling, **more)
        plan = make_plan(request, image(), Limits())
        yield f"{number} {name} {grid_name} {resampling.value} {more}", plan


def _sources(world: PixelWorld) -> list[tuple[str, Any, bool]]:
    """Return names, functions that return images, and whether pictures are made of them."""
    catalog = FolderCatalog(world.folder, 3600)

    def of_document(document: dict[str, Any]) -> Any:
        return lambda: product_of(evaluate_graph(read_graph(document), world.world))

    def of_graph(expression: Value) -> Any:
        return of_document(graph(expression))

    scenes = call("ImageCollection.load", id="scenes")
    deep = {"0": call_node("Image.load", id=constant_node("byte"))} | {
        str(n + 1): call_node("Image.max", image1=reference_node(n), image2=constant_node(n % 9)) for n in range(DEPTH)
    }
    made: list[tuple[str, Any, bool]] = [("stored", lambda: catalog.get("tiled"), False)]
    made += [(name, lambda name=name: catalog.get(name), False) for name in ("tiled", "wide", *NAMES, "many")]
    made += [
        ("median", of_graph(call("reduce.median", collection=scenes)), False),
        ("mosaic", of_graph(call("ImageCollection.mosaic", collection=scenes)), False),
        ("deep", of_document({"result": str(DEPTH), "values": deep}), False),
        ("picture", lambda: catalog.get("byte"), True),
    ]
    dice = random.Random(4)
    for step in STEPS:
        image = load(dice.choice(NAMES))
        clipped = call("Image.clip", input=STEPS[step](dice, image), geometry=_square())
        made.append((step, of_graph(clipped), False))
    for _ in range(12):
        image = load(dice.choice(NAMES))
        for step in dice.choices([step for step in STEPS if step != "reduced"], k=2):
            image = STEPS[step](dice, image)
        made.append(("two steps", of_graph(call("Image.clip", input=image, geometry=_square())), False))
    return made


def _square() -> Value:
    corners = [[[15.0005, 45.1702], [15.05, 45.17], [15.051, 45.145], [15.001, 45.1449]]]
    return call("GeometryConstructors.Polygon", coordinates=corners, geodesic=False)


def bytes_of(plan: RenderPlan, engine: Engine, folder: Path) -> bytes:
    """Return the file of a plan."""
    out = io.BytesIO()
    with closing(Renders(engine, FolderArtifactStore(folder / "cache", 1 << 30), folder, 1)) as renders:
        renders.to_file(Render(plan), out)
    return out.getvalue()
