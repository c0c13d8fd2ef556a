"""Valid pixels of a source stay valid in every format, and invalid ones invalid, unless the request changes it.

The oracle for valid pixels, in sources and in GeoTIFFs, is rasterio.
"""

import io
import itertools
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import rasterio
from affine import Affine
from odc.geo.crs import CRS
from rasterio.io import MemoryFile

from rasterwire.catalog.folder import FolderCatalog
from rasterwire.encode.download import encode_download
from rasterwire.encode.tiles import Tiles
from rasterwire.errors import InvalidRequest, SourceUnavailable
from rasterwire.image import Image
from rasterwire.pixels import Pixels, Window, type_names
from rasterwire.plan import Limits, RenderPlan, make_plan
from rasterwire.query import Query
from rasterwire.render.band import render_band
from rasterwire.render.block import render_block
from rasterwire.render.stored import stored_tiles
from rasterwire.request import DownloadRequest, Format, GridSpec, MaskOutput, Resampling

UTM, DEGREES, WEB = CRS("EPSG:32633"), CRS("EPSG:4326"), CRS("EPSG:3857")
Bools = npt.NDArray[np.bool_]


def made(plan: RenderPlan, scratch: Path) -> bytes:
    out = io.BytesIO()

    def blocks(raster: Any, windows: Any, encode: Any) -> Iterator[Any]:
        if raster.tiling is not None:
            return (Tiles(stored_tiles(raster, window), []) for window in windows)
        return (encode(render_block(raster, window)) for window in windows)

    encode_download(plan, blocks, out, scratch)
    return out.getvalue()


def readable(plan: RenderPlan, data: bytes) -> dict[str, tuple[npt.NDArray[Any], Bools]]:
    """Return values and valid pixels of each band, as a reader gets them from plan and file."""
    if plan.format is Format.NPY:
        record = np.load(io.BytesIO(data))
        arrays = {}
        (raster,) = plan.rasters
        for index, band in enumerate(raster.bands):
            values = record[band.name]
            if raster.masks:
                masks = record["mask"]
                valid = (masks if raster.masks == 1 else masks[..., index]) == 255
            elif band.nodata is None:
                valid = np.ones(values.shape, bool)
            else:
                valid = (
                    ~np.isnan(values) if band.nodata != band.nodata else values != np.array(band.nodata, values.dtype)
                )
            arrays[band.name] = values, valid
        return arrays
    if zipfile.is_zipfile(io.BytesIO(data)):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            parts = [archive.read(name) for name in archive.namelist()]
    else:
        parts = [data]
    arrays = {}
    for part in parts:
        with MemoryFile(part) as memory, memory.open() as raster:
            masks = raster.read_masks() > 0
            for index, name in enumerate(raster.descriptions):
                arrays[name] = raster.read(index + 1), masks[index]
    return arrays


def check(image: Image, request: DownloadRequest, scratch: Path, case: object) -> RenderPlan:
    """Compare the pixels of an answer with those of the renderer, which other tests compare with GDAL."""
    plan = make_plan(request, image, Limits())
    answer = readable(plan, made(plan, scratch))
    for raster in plan.rasters:
        for band in raster.bands:
            height, width = (int(n) for n in raster.grid.shape)
            pixels: Pixels = render_band(band, raster.grid, Window(0, 0, height, width))
            values, valid = answer[band.name]
            settings = raster.mask, raster.mask_reason, band.nodata
            assert np.array_equal(valid, pixels.valid), (case, band.name, settings, int((valid != pixels.valid).sum()))
            valid_values = pixels.data[pixels.valid].astype(band.dtype)
            same = np.array_equal(values[pixels.valid], valid_values, equal_nan=valid_values.dtype.kind == "f")
            assert same, (case, band.name, settings)
    return plan


def write(path: Path, pixels: npt.NDArray[Any], nodata: Any = None, mask: Bools | None = None) -> Path:
    options = {"driver": "GTiff", "height": pixels.shape[-2], "width": pixels.shape[-1], "count": len(pixels)}
    place = {"crs": "EPSG:32633", "transform": Affine(10, 0, 500000, 0, -10, 5000000)}
    options |= {"dtype": pixels.dtype, "nodata": nodata}
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(path, "w", **options, **place) as raster:
        raster.write(pixels)
        if mask is not None:
            raster.write_mask(mask)
    return path


def image_of(path: Path, tmp_path: Path) -> Image:
    return FolderCatalog(tmp_path).get(path.stem)


GRIDS = {
    "native": GridSpec(),
    "half a pixel off": GridSpec(UTM, Affine(10, 0, 500005, 0, -10, 4999995), (30, 30)),
    "over the edge": GridSpec(UTM, Affine(10, 0, 499900, 0, -10, 5000050), (40, 40)),
    "coarser": GridSpec(UTM, Affine(23, 0, 500000, 0, -23, 5000000), (20, 20)),
    "inside in degrees": GridSpec(DEGREES, Affine(1e-4, 0, 15.001, 0, -1e-4, 45.1525), (40, 12)),
    "around in degrees": GridSpec(DEGREES, Affine(2e-4, 0, 14.999, 0, -2e-4, 45.155), (60, 40)),
}


def pixels_of(dtype: str) -> npt.NDArray[Any]:
    """Return 48 x 64 pixels with every value that a format might use as nodata."""
    kind = np.dtype(dtype)
    limits: Any = np.iinfo(dtype) if kind.kind in "iu" else np.finfo(dtype)
    special = [0, 1, limits.min, limits.max, limits.max - 1, 7, 100]
    special += [np.nan, np.inf, -np.inf, -9999.0, 0.5] if kind.kind == "f" else []
    return np.resize(np.array(special, kind), (1, 48, 64))


def test_of_every_type_on_every_grid_in_every_format(tmp_path: Path) -> None:
    mask = np.random.default_rng(1).random((48, 64)) > 0.3
    masks = set()
    for number, dtype in enumerate(type_names):
        pixels = pixels_of(dtype)
        nodata = 7 if number % 2 else 0
        ways = {"plain": (None, None), "nodata": (nodata, None), "mask": (None, mask), "both": (nodata, mask)}
        for way, (value, masked) in ways.items():
            name = f"{dtype}_{way}"
            image = image_of(write(tmp_path / f"{name}.tif", pixels, value, masked), tmp_path)
            with rasterio.open(tmp_path / f"{name}.tif") as raster:
                native = raster.read_masks(1) > 0
            for (grid, spec), format_ in itertools.product(
                GRIDS.items(), (Format.GEO_TIFF, Format.NPY, Format.ZIPPED_GEO_TIFF_PER_BAND)
            ):
                plan = check(image, DownloadRequest(name, grid=spec, format=format_), tmp_path, (name, grid, format_))
                (raster_plan,) = plan.rasters
                masks.add((way, grid, raster_plan.mask))
                if grid == "native":
                    valid = readable(plan, made(plan, tmp_path))[image.bands[0].name][1]
                    assert np.array_equal(valid, native), name
    inside = {"native", "half a pixel off", "coarser", "inside in degrees"}
    for grid in GRIDS:
        assert ("plain", grid, None if grid in inside else MaskOutput.BAND) in masks, grid
        assert ("nodata", grid, MaskOutput.NODATA) in masks, grid
        assert {mask for way, grid_name, mask in masks if way in {"mask", "both"} and grid_name == grid} == {
            MaskOutput.BAND
        }


def test_bands_of_one_file_with_differing_needs(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    pixels = rng.integers(0, 4, (1, 48, 64)).astype("uint8")
    for name, value in (("a", None), ("b", 0), ("c", 3)):
        folder = tmp_path / "image"
        folder.mkdir(exist_ok=True)
        write(folder / f"{name}.tif", pixels, value)
    image = FolderCatalog(tmp_path).get("image")
    for spec, format_ in itertools.product(GRIDS.values(), (Format.GEO_TIFF, Format.NPY, Format.ZIPPED_GEO_TIFF)):
        plan = check(image, DownloadRequest("image", grid=spec, format=format_), tmp_path, (spec, format_))
        if format_ is not Format.NPY:
            assert plan.rasters[0].mask is MaskOutput.EACH_BAND, spec
    cloudy = DownloadRequest("image", format=Format.GEO_TIFF, cloud_optimized=True)
    with pytest.raises(InvalidRequest, match="one mask for all bands"):
        make_plan(cloudy, image, Limits())
    for request in (replace(cloudy, mask=MaskOutput.BAND), replace(cloudy, format=Format.ZIPPED_GEO_TIFF_PER_BAND)):
        assert make_plan(request, image, Limits()).rasters
    many = Image("many", tuple(replace(band, name=f"{band.name}{n}") for n in range(30) for band in image.bands))
    check(many, DownloadRequest("many", format=Format.GEO_TIFF), tmp_path, "band by band")


def test_bands_that_are_invalid_together_share_one_mask(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    pixels, mask = rng.integers(0, 4, (3, 48, 64)).astype("uint8"), rng.random((48, 64)) > 0.3
    masked = image_of(write(tmp_path / "masked.tif", pixels, None, mask), tmp_path)
    plain = image_of(write(tmp_path / "plain.tif", pixels), tmp_path)
    for image, spec in ((masked, GRIDS["native"]), (plain, GRIDS["over the edge"])):
        request = DownloadRequest(image.id, grid=spec, format=Format.GEO_TIFF)
        assert check(image, request, tmp_path, image.id).rasters[0].mask is MaskOutput.BAND
        cloudy = DownloadRequest(image.id, grid=spec, format=Format.GEO_TIFF, cloud_optimized=True)
        assert check(image, cloudy, tmp_path, image.id).rasters[0].mask is MaskOutput.BAND


@pytest.mark.parametrize("colours", [1, 3])
def test_a_file_with_an_alpha_band_has_one_mask_which_is_that_of_its_source(tmp_path: Path, colours: int) -> None:
    rng = np.random.default_rng(5)
    pixels = rng.integers(0, 256, (colours + 1, 48, 64)).astype("uint8")
    pixels[-1][rng.random((48, 64)) < 0.5] = 0
    options = {"photometric": "RGB" if colours == 3 else "MINISBLACK", "ALPHA": "YES", "dtype": "uint8"}
    place = {"crs": "EPSG:32633", "transform": Affine(10, 0, 500000, 0, -10, 5000000)}
    path = tmp_path / "alpha.tif"
    with rasterio.open(path, "w", "GTiff", 64, 48, colours + 1, **place, **options) as raster:
        raster.write(pixels)
    image = image_of(path, tmp_path)
    for spec, resampling in itertools.product(GRIDS.values(), (Resampling.NEAREST, Resampling.AVERAGE, Resampling.MIN)):
        request = DownloadRequest("alpha", grid=spec, format=Format.GEO_TIFF, resampling=resampling)
        plan = make_plan(request, image, Limits())
        (raster_plan,) = plan.rasters
        assert raster_plan.mask is MaskOutput.BAND, (spec, resampling)
        height, width = (int(side) for side in raster_plan.grid.shape)
        colour, *_, alpha = (
            render_band(band, raster_plan.grid, Window(0, 0, height, width)) for band in raster_plan.bands
        )
        with MemoryFile(made(plan, tmp_path)) as memory, memory.open() as file:
            assert np.array_equal(file.dataset_mask() > 0, colour.valid), (spec, resampling)
            assert np.array_equal(file.read(colours + 1)[alpha.valid], alpha.data[alpha.valid]), (spec, resampling)
            if spec == GridSpec():
                with rasterio.open(path) as source:
                    assert np.array_equal(file.dataset_mask() > 0, source.dataset_mask() > 0)
                assert np.array_equal(file.read(colours + 1), pixels[-1])
    smooth = DownloadRequest("alpha", grid=GRIDS["coarser"], format=Format.GEO_TIFF, resampling=Resampling.BILINEAR)
    assert make_plan(smooth, image, Limits()).rasters[0].mask is MaskOutput.EACH_BAND


def test_a_file_with_a_mask_of_each_band_can_be_served_again(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    pixels = rng.integers(0, 4, (1, 48, 64)).astype("uint8")
    (tmp_path / "image").mkdir()
    for name, value in (("a", 0), ("b", 3)):
        write(tmp_path / "image" / f"{name}.tif", pixels, value)
    image = FolderCatalog(tmp_path).get("image")
    plan = make_plan(DownloadRequest("image", format=Format.GEO_TIFF), image, Limits())
    assert plan.rasters[0].mask is MaskOutput.EACH_BAND
    again = tmp_path / "again"
    again.mkdir()
    (again / "made.tif").write_bytes(made(plan, tmp_path))
    image = FolderCatalog(again).get("made")
    for spec, format_ in itertools.product(GRIDS.values(), (Format.GEO_TIFF, Format.NPY)):
        for kind in (Resampling.NEAREST, Resampling.LANCZOS, Resampling.AVERAGE):
            request = DownloadRequest("made", grid=spec, format=format_, resampling=kind)
            assert check(image, request, tmp_path, (spec, format_)).rasters[0].mask is MaskOutput.EACH_BAND
    native = readable(plan, made(plan, tmp_path))
    assert not np.array_equal(native["a"][1], native["b"][1])


def test_whether_a_window_lies_inside_agrees_with_the_renderer(tmp_path: Path) -> None:
    """Windows that are said to have no invalid pixels have none, with any resampling. Inner windows are said so."""
    rng = np.random.default_rng(6)
    band = image_of(write(tmp_path / "a.tif", rng.integers(0, 9, (1, 200, 300)).astype("uint8")), tmp_path).bands[0]
    image, inside = Image("a", (band,)), 0
    for number in range(120):
        crs = (UTM, DEGREES, WEB)[number % 3]
        size = float(rng.choice([3, 10, 14, 35, 90])) * {UTM: 1, DEGREES: 1 / 100000, WEB: 1.4}[crs]
        centre = {UTM: (501500, 4999000), DEGREES: (15.019, 45.147), WEB: (1671900, 5638300)}[crs]
        spread = {UTM: 1500, DEGREES: 0.02, WEB: 2200}[crs]
        width, height = (int(n) for n in rng.integers(1, 90, 2))
        turn = Affine.rotation(float(rng.choice([0, 0, 30])))
        x, y = (float(c + spread * rng.uniform(-0.8, 0.8)) for c in centre)
        grid = Affine.translation(x, y) @ turn @ Affine.scale(size, -size)
        kind = list(Resampling)[number % len(Resampling)]
        request = DownloadRequest("a", grid=GridSpec(crs, grid, (width, height)), resampling=kind)
        try:
            plan = make_plan(request, image, Limits())
        except Exception as error:  # noqa: BLE001  beside the image
            assert "OUTSIDE_IMAGE" in str(getattr(error, "violations", error)), error
            continue
        (raster,) = plan.rasters
        if raster.mask is None:
            inside += 1
            assert render_band(raster.bands[0], raster.grid, Window(0, 0, height, width)).valid.all(), (number, kind)
    assert inside > 15


def test_grids_over_the_cut_of_longitudes(tmp_path: Path) -> None:
    pixels = np.resize(np.arange(5, dtype="uint8"), (1, 90, 180))
    with rasterio.open(
        tmp_path / "globe.tif", "w", driver="GTiff", width=180, height=90, count=1, dtype="uint8", crs="EPSG:4326",
        transform=Affine(2, 0, -180, 0, -2, 90),
    ) as raster:  # fmt: skip
        raster.write(pixels)
    image = image_of(tmp_path / "globe.tif", tmp_path)
    for west, south in ((170, -10), (-190, -10), (-180, -90), (0, 60), (179.5, 0)):
        for size, crs in ((0.7, DEGREES), (30000, WEB)):
            left, top = (west, south + 30) if crs == DEGREES else (west * 111319.49, 3e6)
            spec = GridSpec(crs, Affine(size, 0, left, 0, -size, top), (30, 30))
            request = DownloadRequest("globe", grid=spec, format=Format.NPY)
            check(image, request, tmp_path, (west, south, crs))


def test_all_real_rasters(shared_data: Path, tmp_path: Path) -> None:
    """Windows of each image, on its own lattice, where rasterio is the oracle, and on another one."""
    catalog = FolderCatalog(shared_data)
    ids = [image.id for image in catalog.find(Query()).images]
    checked = 0
    for image_id in ids:
        try:
            image = catalog.get(image_id)
        except SourceUnavailable:  # an item without its rasters
            continue
        bands = [band for band in image.bands if band.dtype in type_names][:2]
        for band in bands:
            single_band = Image(image_id, (band,))
            height, width = (int(n) for n in band.grid.shape)
            row, col = max(0, height // 2 - 80), max(0, width // 2 - 80)
            part = band.grid[row : min(height, row + 160), col : min(width, col + 160)]
            sizes = (int(part.shape[1]), int(part.shape[0]))
            native = GridSpec(band.grid.crs, part.affine, sizes)
            shifted = GridSpec(band.grid.crs, part.affine @ Affine.translation(0.4, 0.3) @ Affine.scale(1.3), sizes)
            for spec in (native, shifted) if band.grid.crs is not None else (GridSpec(),):
                if band.grid.crs is None and height * width > 4_000_000:
                    continue
                for format_ in (Format.GEO_TIFF, Format.NPY):
                    request = DownloadRequest(image_id, grid=spec, format=format_)
                    plan = check(single_band, request, tmp_path, (image_id, band.name, format_))
                    checked += 1
                    if spec is native:
                        with rasterio.open(band.href) as raster:
                            window = rasterio.windows.Window(col, row, *sizes)
                            expected = raster.read_masks(band.index, window=window) > 0
                        valid = readable(plan, made(plan, tmp_path))[plan.rasters[0].bands[0].name][1]
                        assert np.array_equal(valid, expected), (image_id, band.name, format_)
    assert checked > 100


def test_what_a_request_asks_for_counts(tmp_path: Path) -> None:
    image = image_of(write(tmp_path / "a.tif", pixels_of("uint8")), tmp_path)
    spec = GRIDS["over the edge"]
    plan = make_plan(DownloadRequest("a", grid=spec, mask=MaskOutput.NODATA), image, Limits())
    assert (plan.rasters[0].mask, plan.rasters[0].bands[0].nodata) == (MaskOutput.NODATA, 0)
    plan = make_plan(DownloadRequest("a", grid=spec, nodata=9), image, Limits())
    assert (plan.rasters[0].mask, plan.rasters[0].bands[0].nodata) == (MaskOutput.NODATA, 9)
