"""VRT files of an operator, compared with what GDAL makes of them, and those that are refused."""

import io
import shutil
import subprocess
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import numpy as np
import pytest
import rasterio
import rasterio.shutil
from affine import Affine
from odc.geo.crs import CRS
from PIL import Image

from array_files import rendered
from rasterwire.catalog.folder import FolderCatalog
from rasterwire.catalog.settings import format_options
from rasterwire.errors import SourceUnavailable
from rasterwire.files import beside, bounded_xml, virtual_file
from rasterwire.files.beside import FormatOptions
from rasterwire.files.gdal_calls import gdal_calls
from rasterwire.files.sandbox import ReadLimits, in_children
from rasterwire.geo.region import box_region
from rasterwire.image import Band
from rasterwire.plan import Limits, make_plan
from rasterwire.query import Query
from rasterwire.render.source import dataset, gdal_reads
from rasterwire.request import DownloadRequest, GridSpec, Resampling
from rasterwire.server.process.sandboxed import prepare
from test_formats_by_choice import TRANSFORM, assert_like_rasterio, noise, pixels, settings_of, write

VRT = FormatOptions(vrt=True)
SIZE = 128


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Return the folder of a catalog that reads VRTs."""
    inner = tmp_path / "images"
    inner.mkdir()
    beside.configure({str(inner): VRT})
    yield inner
    beside.configure({})


def tile(path: Path, col: int, row: int, seed: int) -> None:
    """Write a tile of a mosaic."""
    write(path, noise(1, seed, SIZE))
    with rasterio.open(path, "r+") as file:
        file.transform = TRANSFORM @ Affine.translation(col * SIZE, row * SIZE)


def source(name: str, col: int = 0, row: int = 0, kind: str = "SimpleSource", more: str = "", relative: int = 1) -> str:
    place = f'xSize="{SIZE}" ySize="{SIZE}"'
    return (
        f'<{kind}><SourceFilename relativeToVRT="{relative}">{escape(name)}</SourceFilename><SourceBand>1</SourceBand>'
        f'{more}<SrcRect xOff="0" yOff="0" {place}/><DstRect xOff="{col * SIZE}" yOff="{row * SIZE}" {place}/></{kind}>'
    )


def vrt(*sources: str, cols: int = 1, rows: int = 1, band: str = "", more: str = "", attributes: str = "") -> str:
    transform = ", ".join(map(str, TRANSFORM.to_gdal()))
    return (
        f'<VRTDataset rasterXSize="{cols * SIZE}" rasterYSize="{rows * SIZE}"><SRS>EPSG:32632</SRS>'
        f"<GeoTransform>{transform}</GeoTransform>{more}"
        f'<VRTRasterBand dataType="Byte" band="1"{attributes}>{band}{"".join(sources)}</VRTRasterBand></VRTDataset>'
    )


def mosaic(folder: Path) -> Path:
    """Write a mosaic of four tiles, of which one is missing."""
    for number, (col, row) in enumerate([(0, 0), (1, 0), (0, 1)]):
        tile(folder / "tiles" / f"{number}.tif", col, row, number)
    path = folder / "all.vrt"
    names = [(f"tiles/{number}.tif", *place) for number, place in enumerate([(0, 0), (1, 0), (0, 1)])]
    path.write_text(vrt(*(source(*each) for each in names), cols=2, rows=2, band="<NoDataValue>7</NoDataValue>"))
    return path


def test_a_vrt_is_an_image_with_the_pixels_that_gdal_gives(folder: Path) -> None:
    (folder / "tiles").mkdir()
    path = mosaic(folder)
    catalog = FolderCatalog(folder)
    assert [image.id for image in catalog.find(Query()).images] == ["all", "tiles"]
    (band,) = catalog.get("all").bands
    assert (band.nodata, band.overviews, band.plain, band.grid.affine) == (7, (), False, TRANSFORM)
    assert band.grid.crs == CRS("EPSG:32632")
    assert_like_rasterio(band, path)
    assert not pixels(band).valid[SIZE:, SIZE:].any()
    assert catalog.unserved() == []


def test_without_a_choice_no_vrt_is_read(folder: Path) -> None:
    (folder / "tiles").mkdir()
    mosaic(folder)
    shutil.copy(folder / "all.vrt", folder / "hidden.tif")
    beside.configure({})
    catalog = FolderCatalog(folder)
    assert [image.id for image in catalog.find(Query()).images] == ["hidden", "tiles"]
    (reason,) = [item.reason for item in catalog.unserved()]
    assert 'formats = ["vrt"]' in reason
    for choice in ({}, {str(folder): VRT}):
        beside.configure(choice)
        with pytest.raises(SourceUnavailable, match="neither a GeoTIFF nor"):
            FolderCatalog(folder).get("hidden")


@pytest.mark.skipif(shutil.which("gdalbuildvrt") is None, reason="GDAL's commands are not installed")
@pytest.mark.parametrize("options", [[], ["-separate"], ["-srcnodata", "3"], ["-tr", "15", "15", "-r", "bilinear"]])
def test_vrts_of_gdals_command_are_read(folder: Path, options: list[str]) -> None:
    for number in range(3):
        tile(folder / f"{number}.tif", number, 0, number)
    names = [f"{number}.tif" for number in range(3)]
    subprocess.run(["gdalbuildvrt", "-q", *options, "all.vrt", *names], cwd=folder, check=True)
    for band in FolderCatalog(folder).get("all").bands:
        assert_like_rasterio(band, folder / "all.vrt")


def test_masks_scales_and_colours_of_a_vrt_are_those_of_gdal(folder: Path) -> None:
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True):
        tile(folder / "a.tif", 0, 0, 1)
        mask = np.full((SIZE, SIZE), 255, np.uint8)
        mask[20:60, 30:90] = 0
        with rasterio.open(folder / "a.tif", "r+") as file:
            file.write_mask(mask)
    mask_band = source("a.tif").replace("<SourceBand>1<", "<SourceBand>mask,1<")
    whole = f'<MaskBand><VRTRasterBand dataType="Byte">{mask_band}</VRTRasterBand></MaskBand>'
    scaled = source("a.tif", kind="ComplexSource", more="<ScaleOffset>2</ScaleOffset><ScaleRatio>0.5</ScaleRatio>")
    band = "<Scale>0.5</Scale><Offset>3</Offset><UnitType>m</UnitType><Description>depth</Description>"
    (folder / "v.vrt").write_text(vrt(scaled, band=band, more=whole))
    (found,) = FolderCatalog(folder).get("v").bands
    assert (found.name, found.unit, found.value_scale, found.value_offset, found.masked) == ("depth", "m", 0.5, 3, True)
    assert_like_rasterio(found, folder / "v.vrt")
    assert (~pixels(found).valid).sum() == 40 * 60


def test_whole_numbers_of_64_bits_keep_their_nodata_value(folder: Path) -> None:
    values = np.full((1, SIZE, SIZE), 2**53 + 1, np.int64)
    values[0, :5] += 2
    write(folder / "a.tif", values)
    text = vrt(source("a.tif"), band=f"<NoDataValue>{2**53 + 1}</NoDataValue>").replace("Byte", "Int64")
    (folder / "v.vrt").write_text(text)
    (band,) = FolderCatalog(folder).get("v").bands
    found = pixels(band)
    assert band.nodata == 2**53 + 1
    assert found.valid[:5].all()
    assert not found.valid[5:].any()


def test_resampled_pixels_are_those_of_a_geotiff_with_the_same_pixels(folder: Path) -> None:
    (folder / "tiles").mkdir()
    mosaic(folder)
    rasterio.shutil.copy(folder / "all.vrt", folder / "one.tif", driver="GTiff")
    catalog = FolderCatalog(folder)
    box = box_region(600_110.0, 5_697_610.0, 602_390.0, 5_699_890.0, CRS("EPSG:32632"))
    grids = (GridSpec(scale=23.0), GridSpec(crs=CRS("EPSG:4326"), scale=9.0))
    for grid in grids:
        for resampling in Resampling:
            fields: dict[str, Any] = {"grid": grid, "region": box, "resampling": resampling}
            got, _ = rendered(catalog.get("all"), "B1", **fields)
            want, _ = rendered(catalog.get("one"), "B1", **fields)
            assert np.array_equal(got.valid, want.valid), (grid, resampling)
            assert np.array_equal(got.data[got.valid], want.data[want.valid]), (grid, resampling)


def test_another_file_under_a_vrt_is_another_version(folder: Path) -> None:
    (folder / "tiles").mkdir()
    mosaic(folder)
    catalog = FolderCatalog(folder, refresh_seconds=0)

    def etag() -> str:
        return make_plan(DownloadRequest("all"), catalog.get("all"), Limits()).etag

    before, first = catalog.get("all").bands[0], etag()
    tile(folder / "new.tif", 1, 0, 9)
    (folder / "new.tif").replace(folder / "tiles" / "1.tif")
    with pytest.raises(SourceUnavailable, match="changed"):
        pixels(before)
    assert etag() != first
    found = pixels(catalog.get("all").bands[0]).data  # rasterio may still have the former file open
    assert np.array_equal(found[:SIZE, SIZE:], noise(1, 9, SIZE)[0])
    assert np.array_equal(found[SIZE:, :SIZE], noise(1, 2, SIZE)[0])
    (folder / "tiles" / "1.tif").unlink()
    with pytest.raises(SourceUnavailable, match="not in the folder"):
        catalog.get("all")
    tile(folder / "tiles" / "1.tif", 1, 0, 1)
    assert etag() != first
    assert np.array_equal(pixels(catalog.get("all").bands[0]).data[:SIZE, SIZE:], noise(1, 1, SIZE)[0])


def test_children_read_a_vrt(folder: Path) -> None:
    (folder / "tiles").mkdir()
    path = mosaic(folder)
    with in_children(1, ReadLimits(), partial(prepare, (), {str(folder): VRT})):
        assert_like_rasterio(FolderCatalog(folder).get("all").bands[0], path)


def test_a_catalog_chooses_vrts_in_its_table(tmp_path: Path) -> None:
    catalogs, problems = settings_of(tmp_path, formats=["vrt"])
    assert problems == []
    assert format_options(catalogs) == {str(tmp_path): VRT}


@pytest.mark.parametrize("is_alone", [False, True])
def test_a_png_file_with_a_wrong_checksum_gives_no_pixels_through_a_vrt(folder: Path, *, is_alone: bool) -> None:
    beside.configure({str(folder): FormatOptions(vrt=True, worldfiles=True)})
    content = io.BytesIO()
    Image.fromarray(noise(1, 1, SIZE)[0]).save(content, "PNG")
    changed = bytearray(content.getvalue())
    changed[-14] ^= 1  # of the chunk before the last one, which has twelve bytes; GDAL takes no notice
    (folder / "a.png").write_bytes(changed)
    (folder / "a.pgw").write_text("10\n0\n0\n-10\n600005\n5699995\n")
    (folder / "v.vrt").write_text(vrt(source("a.png")))
    (band,) = FolderCatalog(folder).get("v").bands
    with pytest.raises(SourceUnavailable, match="damaged"), gdal_calls():
        gdal_reads_all(band, is_alone=is_alone)


def gdal_reads_all(band: Band, *, is_alone: bool) -> None:
    reader = dataset(band, None, is_alone)
    with gdal_reads(band, reader):
        reader.read(1)


@pytest.mark.parametrize("is_swapped_for_a_vrt", [False, True])
def test_no_source_is_read_but_a_raster_of_the_folder(
    folder: Path, monkeypatch: pytest.MonkeyPatch, *, is_swapped_for_a_vrt: bool
) -> None:
    (folder / "tiles").mkdir()
    tile(folder / "tiles" / "secret.tif", 0, 0, 1)
    (folder / "v.vrt").write_text(vrt(source("tiles/secret.tif")))
    (band,) = FolderCatalog(folder).get("v").bands
    elsewhere = secret(folder)
    read_before: list[str] = []

    def swapped(*arguments: Any, **options: Any) -> Any:
        if not read_before:
            (folder / "tiles").rename(folder / "moved")
            (folder / "tiles").symlink_to(elsewhere.parent)
            if is_swapped_for_a_vrt:
                (folder / "tiles").unlink()
                (folder / "tiles").mkdir()
                (folder / "tiles" / "secret.tif").write_text(vrt(source(str(elsewhere), relative=0)))
        read_before.append(str(arguments[0]))
        return open_file(*arguments, **options)

    open_file = rasterio.open
    monkeypatch.setattr(rasterio, "open", swapped)
    with pytest.raises(SourceUnavailable, match="neither a GeoTIFF" if is_swapped_for_a_vrt else "through a link"):
        gdal_reads_all(band, is_alone=False)
    assert read_before


def secret(folder: Path) -> Path:
    path = folder.parent / "secret.tif"
    tile(path, 0, 0, 5)
    return path


def link(folder: Path) -> str:
    (folder / "link.tif").symlink_to(secret(folder))
    return vrt(source("link.tif"))


def nested(folder: Path) -> str:
    (folder / "inner.vrt").write_text(vrt(source("a.tif")))
    return vrt(source("inner.vrt"))


def text_named_tif(folder: Path) -> str:
    (folder / "inner.tif").write_text(vrt(source(str(secret(folder)), relative=0)))
    return vrt(source("inner.tif"))


def overviews_elsewhere(folder: Path) -> str:
    with rasterio.open(folder / "a.tif", "r+") as file:
        file.update_tags(ns="OVERVIEWS", OVERVIEW_FILE=str(secret(folder)))
    return vrt(source("a.tif"))


def cut_off(folder: Path) -> str:
    content = (folder / "a.tif").read_bytes()
    (folder / "a.tif").write_bytes(content[: len(content) // 2])
    return vrt(source("a.tif"))


A = source("a.tif")
DERIVED = "<PixelFunctionType>f</PixelFunctionType><PixelFunctionLanguage>Python</PixelFunctionLanguage>"
HOSTILE: dict[str, tuple[Callable[[Path], str] | str, str]] = {
    "a file elsewhere": (lambda folder: vrt(source(str(secret(folder)), relative=0)), "not in the folder"),
    "a path upwards": (lambda folder: vrt(source(f"../{secret(folder).name}")), "not in the folder"),
    "a link out of the folder": (link, "not in the folder"),
    "a name of GDAL's": (vrt(source("/vsicurl/http://127.0.0.1:9/a.tif", relative=0)), "not in the folder"),
    "a relative name of GDAL's": (
        vrt(source("../../../../../../vsicurl/http://127.0.0.1:9/a.tif")),
        "not in the folder",
    ),
    "an address": (vrt(source("http://127.0.0.1:9/a.tif", relative=0)), "not in the folder"),
    "a connection": (vrt(source("WMS:http://127.0.0.1:9/", relative=0)), "not in the folder"),
    "a text as a name": (vrt(source(vrt(A), relative=0)), "not in the folder"),
    "a VRT in it": (nested, "neither a GeoTIFF nor"),
    "a VRT called tif in it": (text_named_tif, "neither a GeoTIFF nor"),
    "overviews elsewhere": (overviews_elsewhere, "overviews in another file"),
    "a source that is cut off": (cut_off, "ends before|damaged"),
    "a device": (vrt(source("/dev/zero", relative=0)), "not in the folder"),
    "the folder": (vrt(source(".")), "not in the folder"),
    "a pixel function": (vrt(A, band=DERIVED, attributes=' subClass="VRTDerivedRasterBand"'), "VRTDerivedRasterBand"),
    "raw bytes": (vrt(A, attributes=' subClass="VRTRawRasterBand"'), "VRTRawRasterBand"),
    "a warp": (vrt(A).replace("<VRTDataset", '<VRTDataset subClass="VRTWarpedDataset"'), "VRTWarpedDataset"),
    "another source": (vrt(A.replace("SimpleSource", "KernelFilteredSource")), "KernelFilteredSource"),
    "open options": (
        vrt(source("a.tif", more='<OpenOptions><OOI key="OVERVIEW_FILE">x</OOI></OpenOptions>')),
        "OpenOptions",
    ),
    "an overview": (vrt(A, band="<Overview><SourceFilename>a.tif</SourceFilename></Overview>"), "Overview"),
    "a crs from a file": (vrt(A).replace("EPSG:32632", "/etc/passwd"), "SRS with this value"),
    "a crs from an address": (vrt(A).replace("EPSG:32632", "http://127.0.0.1:9/crs"), "SRS with this value"),
    "an entity": ('<!DOCTYPE a [<!ENTITY x "y">]>' + vrt(A), "declarations"),
    "deep XML": ("<VRTDataset>" * 100_000, "more than 200000 elements, or with more than 8"),
    "broken XML": ("<VRTDataset", "damaged"),
    "other XML": ("<OGRVRTDataSource/>", "no VRT"),
    "no size": (vrt(A).replace('rasterXSize="128"', 'rasterXSize="-5"'), "rasterXSize"),
    "no file": ("", "damaged"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_vrts_are_refused(folder: Path, name: str) -> None:
    tile(folder / "a.tif", 0, 0, 1)
    made, problem = HOSTILE[name]
    (folder / "v.vrt").write_text(made if isinstance(made, str) else made(folder))
    with pytest.raises(SourceUnavailable, match=problem) as caught:
        FolderCatalog(folder).get("v")
    assert str(folder.parent) not in str(caught.value)


def test_large_vrts_are_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tile(folder / "a.tif", 0, 0, 1)
    shutil.copy(folder / "a.tif", folder / "b.tif")
    for module, limit, count, problem in (
        (virtual_file, "_MAX_FILES", 1, "more than 1 files"),
        (bounded_xml, "_MAX_BYTES", 100, "more than 0 MB"),
        (bounded_xml, "_MAX_ELEMENTS", 10, "more than 10 elements"),
    ):
        (folder / f"{limit}.vrt").write_text(vrt(source("a.tif"), source("b.tif")))
        with monkeypatch.context() as patch:
            patch.setattr(module, limit, count)
            with pytest.raises(SourceUnavailable, match=problem):
                FolderCatalog(folder).get(limit)
