"""Metadata of files: copied into downloads, or listed as left out."""

import io
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from odc.geo.crs import CRS
from rasterio.enums import ColorInterp
from rasterio.io import DatasetReader, DatasetWriter, MemoryFile

from rasterwire.catalog.folder import FolderCatalog
from rasterwire.download import Render, Renders
from rasterwire.plan import Limits, RenderPlan, make_plan
from rasterwire.render.engine import SerialEngine
from rasterwire.request import BandRequest, DownloadRequest, Format, GridSpec, Resampling
from rasterwire.store.artifacts import FolderArtifactStore

UTM = Affine(10, 0, 500000, 0, -10, 5000000)
ROWS, COLS = 300, 400
PLACED: dict[str, Any] = {"crs": "EPSG:32633", "transform": UTM}
WINDOW = GridSpec(crs=CRS("EPSG:32633"), transform=UTM @ Affine.translation(30, 20), dimensions=(290, 270))
FINER = GridSpec(scale=5.0)
RED, GREEN, BLUE, ALPHA, GRAY = (getattr(ColorInterp, n) for n in ("red", "green", "blue", "alpha", "gray"))
PALETTE = {value: (value * 20, 255 - value * 20, value, 255) for value in range(12)}


def pixels(count: int = 1, dtype: str = "uint8") -> np.ndarray[Any, Any]:
    return np.random.default_rng(4).integers(0, 12, (count, ROWS, COLS)).astype(dtype)


@contextmanager
def stored(path: Path, count: int = 1, dtype: str = "uint8", **profile: Any) -> Iterator[DatasetWriter]:
    """Write a raster; the context may add metadata."""
    path.parent.mkdir(parents=True, exist_ok=True)
    options: dict[str, Any] = PLACED | profile
    with rasterio.open(path, "w", driver="GTiff", width=COLS, height=ROWS, count=count, dtype=dtype, **options) as file:
        file.write(pixels(count, dtype))
        yield file


def planned(folder: Path, image: str = "a", **fields: Any) -> RenderPlan:
    values: dict[str, Any] = {"format": Format.GEO_TIFF} | fields
    return make_plan(DownloadRequest(image, **values), FolderCatalog(folder).get(image), Limits())


def written(plan: RenderPlan, folder: Path) -> bytes:
    out = io.BytesIO()
    Renders(SerialEngine(), FolderArtifactStore(folder / "cache", 1 << 30), folder, 1).to_file(Render(plan), out)
    return out.getvalue()


@contextmanager
def made(plan: RenderPlan, folder: Path) -> Iterator[DatasetReader]:
    with MemoryFile(written(plan, folder)) as memory, memory.open() as file:
        yield file


def items_of(file: DatasetReader) -> dict[str, str]:
    """Return the items of a file without the resolution, which every TIFF of this project has."""
    return {n: v for n, v in file.tags().items() if "RESOLUTION" not in n}


def lost(plan: RenderPlan) -> dict[str, tuple[str, ...]]:
    return {item.item: item.bands for item in plan.left_out}


def test_colours_of_a_native_window_are_those_of_the_file(tmp_path: Path) -> None:
    cases: dict[str, tuple[int, str, list[ColorInterp], dict[str, Any]]] = {
        "rgb": (3, "uint8", [RED, GREEN, BLUE], {"photometric": "rgb"}),
        "rgb of two bytes": (3, "uint16", [RED, GREEN, BLUE], {"photometric": "rgb"}),
        "rgb of floats": (3, "float32", [RED, GREEN, BLUE], {}),
        "with alpha": (4, "uint8", [RED, GREEN, BLUE, ALPHA], {}),
        "gray with alpha": (2, "uint8", [GRAY, ALPHA], {"alpha": "yes"}),
        "turned around": (3, "uint8", [BLUE, GREEN, RED], {"photometric": "minisblack"}),
        "one of them": (1, "uint8", [GREEN], {}),
        "many bands": (40, "float64", [RED, GREEN, BLUE, *[ColorInterp.undefined] * 37], {}),
    }
    for name, (count, dtype, colors, profile) in cases.items():
        folder = tmp_path / name
        with stored(folder / "a.tif", count, dtype, **profile) as file:
            file.colorinterp = colors
        with rasterio.open(folder / "a.tif") as source:
            assert list(source.colorinterp) == colors, name
        wishes: list[dict[str, Any]] = [{"grid": WINDOW}, {}, {"grid": WINDOW, "cloud_optimized": True}]
        for fields in [*wishes, {"grid": FINER}] if name == "rgb" else wishes:
            with made(planned(folder, **fields), tmp_path) as file:
                assert list(file.colorinterp) == colors, (name, fields)
        with made(planned(folder, grid=WINDOW), tmp_path) as file:
            expected = pixels(count, dtype)[:, 20:290, 30:320]
            opaque = expected[-1] > 0 if colors[-1] is ALPHA else np.ones(expected.shape[1:], bool)
            assert np.array_equal(file.read()[:, opaque], expected[:, opaque]), name


def test_colours_follow_their_bands(tmp_path: Path) -> None:
    with stored(tmp_path / "a.tif", 3, photometric="rgb"):
        pass
    order = tuple(BandRequest(name) for name in ("B3", "B1"))
    with made(planned(tmp_path, bands=order), tmp_path) as file:
        assert file.colorinterp == (BLUE, RED)
        assert np.array_equal(file.read(), pixels(3)[[2, 0]])
    with zipfile.ZipFile(io.BytesIO(written(planned(tmp_path, format=None), tmp_path))) as archive:
        for name, color in zip(archive.namelist(), (RED, GREEN, BLUE), strict=True):
            with MemoryFile(archive.read(name)) as memory, memory.open() as file:
                assert file.colorinterp == (color,), name


def test_a_palette_is_kept_where_values_are_stored_ones(tmp_path: Path) -> None:
    for dtype in ("uint8", "uint16"):
        folder = tmp_path / dtype
        with stored(folder / "a.tif", dtype=dtype, photometric="palette", tiled=True, compress="deflate") as file:
            file.write_colormap(1, PALETTE)
        with rasterio.open(folder / "a.tif") as source:
            expected = source.colormap(1)
        for fields in (
            {},
            {"grid": WINDOW},
            {"grid": WINDOW, "cloud_optimized": True},
            {"grid": FINER},
            {"grid": FINER, "resampling": Resampling.MODE},
        ):
            plan = planned(folder, **fields)
            assert "palette" not in lost(plan), fields
            with made(plan, tmp_path) as file:
                assert file.colorinterp == (ColorInterp.palette,), fields
                assert {v: rgb[:3] for v, rgb in file.colormap(1).items()} == {
                    v: rgb[:3] for v, rgb in expected.items()
                }
        plan = planned(folder, grid=FINER, resampling=Resampling.BILINEAR)
        assert lost(plan) == {"palette": ("B1",)}
        with made(plan, tmp_path) as file:
            assert file.colorinterp == (GRAY,)


def test_a_palette_goes_with_stored_tiles(tmp_path: Path) -> None:
    with stored(
        tmp_path / "a.tif", photometric="palette", tiled=True, blockxsize=128, blockysize=128, compress="deflate"
    ) as file:
        file.write_colormap(1, PALETTE)
    plan = planned(tmp_path)
    assert plan.rasters[0].tiling is not None
    with made(plan, tmp_path) as file:
        assert file.colormap(1)[7][:3] == PALETTE[7][:3]
        assert np.array_equal(file.read(), pixels())


def test_a_palette_beside_other_bands_is_said_to_be_left_out(tmp_path: Path) -> None:
    with stored(tmp_path / "a" / "classes.tif", photometric="palette") as file:
        file.write_colormap(1, PALETTE)
    with stored(tmp_path / "a" / "red.tif"):
        pass
    plan = planned(tmp_path)
    assert lost(plan) == {"palette": ("classes",)}
    assert "file per band" in plan.left_out[0].reason
    with made(plan, tmp_path) as file:
        assert ColorInterp.palette not in file.colorinterp
    with zipfile.ZipFile(io.BytesIO(written(planned(tmp_path, format=None), tmp_path))) as archive:
        with MemoryFile(archive.read("a.classes.tif")) as memory, memory.open() as file:
            assert file.colormap(1)[3][:3] == PALETTE[3][:3]
        with MemoryFile(archive.read("a.red.tif")) as memory, memory.open() as file:
            assert file.colorinterp == (GRAY,)


def test_white_at_zero_stays_white(tmp_path: Path) -> None:
    with stored(tmp_path / "a.tif", photometric="miniswhite"):
        pass
    with made(planned(tmp_path, grid=WINDOW), tmp_path) as file:
        assert [file.colormap(1)[v][:3] for v in (0, 255)] == [(255, 255, 255), (0, 0, 0)]
        assert np.array_equal(file.read(), pixels()[:, 20:290, 30:320])


def test_items_scale_unit_and_names_are_carried(tmp_path: Path) -> None:
    tags = {"station": 'Küste <3> & "so"', "TIFFTAG_IMAGEDESCRIPTION": "from a plane", "TIFFTAG_ARTIST": "nobody"}
    with stored(tmp_path / "a.tif", 2, "int16") as file:
        file.update_tags(**tags, TIFFTAG_XRESOLUTION="300", TIFFTAG_YRESOLUTION="150", TIFFTAG_RESOLUTIONUNIT="3")
        file.update_tags(1, wavelength="0.66", STATISTICS_MINIMUM="0")
        file.update_tags(2, wavelength="0.83")
        file.scales, file.offsets, file.units = (0.5, 2.0), (3.0, 0.0), ("K", "m")
        file.descriptions = ("rot", "nah")
    with rasterio.open(tmp_path / "a.tif") as source:
        file_tags = source.tags()
    for fields in ({"grid": WINDOW}, {"grid": FINER}, {"grid": WINDOW, "cloud_optimized": True}):
        plan = planned(tmp_path, **fields)
        assert lost(plan) == {"statistics": ("rot",)}, fields
        with made(plan, tmp_path) as file:
            assert {n: file.tags()[n] for n in file_tags} == file_tags, fields
            assert [file.tags(i) for i in (1, 2)] == [{"wavelength": "0.66"}, {"wavelength": "0.83"}]
            assert (file.scales, file.offsets, file.units) == ((0.5, 2.0), (3.0, 0.0), ("K", "m"))
            assert file.descriptions == ("rot", "nah")
    plan = planned(tmp_path)
    assert lost(plan) == {}
    with made(plan, tmp_path) as file:
        assert file.tags(1) == {"wavelength": "0.66", "STATISTICS_MINIMUM": "0"}


def test_what_a_file_calls_its_band_stays_beside_the_name(tmp_path: Path) -> None:
    with stored(tmp_path / "a" / "B4.tif") as file:
        file.set_band_description(1, "surface reflectance of red")
    with made(planned(tmp_path), tmp_path) as file:
        assert (file.descriptions, file.tags(1)) == (("B4",), {"long_name": "surface reflectance of red"})


def test_values_of_points_stay_where_they_are_and_are_told_as_such(tmp_path: Path) -> None:
    with stored(tmp_path / "a.tif") as file:
        file.update_tags(AREA_OR_POINT="Point")
    for fields in ({"grid": WINDOW}, {"grid": FINER}, {"grid": WINDOW, "cloud_optimized": True}):
        plan = planned(tmp_path, **fields)
        with made(plan, tmp_path) as file:
            assert file.tags()["AREA_OR_POINT"] == "Point"
            assert file.transform.almost_equals(plan.rasters[0].grid.affine)
    plan = planned(tmp_path, grid=GridSpec(scale=40.0), resampling=Resampling.AVERAGE)
    assert lost(plan) == {"AREA_OR_POINT": ("B1",)}
    with made(plan, tmp_path) as file:
        assert file.tags()["AREA_OR_POINT"] == "Area"


def test_what_several_files_agree_on_is_kept(tmp_path: Path) -> None:
    for name in ("B1", "B2"):
        with stored(tmp_path / "a" / f"{name}.tif") as file:
            file.update_tags(mission="x", band=name)
            file.update_tags(1, own=name)
    plan = planned(tmp_path)
    assert lost(plan) == {"items of metadata": ("B1", "B2")}
    assert plan.left_out[0].reason == "the files differ in band"
    with made(plan, tmp_path) as file:
        assert items_of(file) == {"AREA_OR_POINT": "Area", "mission": "x"}
        assert [file.tags(i) for i in (1, 2)] == [{"own": "B1"}, {"own": "B2"}]
    with zipfile.ZipFile(io.BytesIO(written(planned(tmp_path, format=None), tmp_path))) as archive:
        for name in ("B1", "B2"):
            with MemoryFile(archive.read(f"a.{name}.tif")) as memory, memory.open() as file:
                assert (items_of(file)["band"], file.tags(1)) == (name, {"own": name})


def test_what_a_file_says_is_carried_up_to_a_mebibyte(tmp_path: Path) -> None:
    with stored(tmp_path / "a.tif") as file:
        file.update_tags(**{f"n{i}": "x" * 300_000 for i in range(4)})
    plan = planned(tmp_path)
    assert lost(plan) == {"items of metadata": ("B1",)}
    assert plan.left_out[0].reason.startswith("1 are beyond")
    with made(plan, tmp_path) as file:
        assert len([n for n in file.tags() if n.startswith("n")]) == 3


def test_formats_without_metadata_say_what_they_leave_out(tmp_path: Path) -> None:
    with stored(tmp_path / "a.tif", 3, photometric="rgb") as file:
        file.update_tags(mission="x", AREA_OR_POINT="Point")
        file.scales, file.units = (2.0, 2.0, 2.0), ("m", "", "")
    for format_ in (Format.NPY, Format.PNG, Format.JPEG):
        everything = ("B1", "B2", "B3")
        assert lost(planned(tmp_path, format=format_)) == {
            "scale and offset": everything,
            "unit": ("B1",),
            "colour interpretation": everything,
            "items of metadata": everything,
            "AREA_OR_POINT": everything,
        }


def test_other_domains_are_said_to_be_left_out(tmp_path: Path) -> None:
    with stored(tmp_path / "a.tif") as file:
        file.update_tags(ns="CAMERA", lens="wide")
    plan = planned(tmp_path, grid=WINDOW)
    assert lost(plan) == {"domains of metadata": ("B1",)}
    assert "CAMERA" in plan.left_out[0].reason


def test_files_that_say_more_are_other_downloads(tmp_path: Path) -> None:
    with stored(tmp_path / "a.tif"):
        pass
    plain = planned(tmp_path)
    assert plain.etag == planned(tmp_path).etag
    assert written(plain, tmp_path) == written(planned(tmp_path), tmp_path)
    with stored(tmp_path / "a.tif") as file:
        file.update_tags(mission="x")
    assert planned(tmp_path).etag != plain.etag
