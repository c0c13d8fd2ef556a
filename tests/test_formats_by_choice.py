"""Files beside a raster, and pictures with world files: read only where the operator says so."""

import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import rasterio.shutil
from affine import Affine
from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox
from rasterio.enums import ColorInterp, Resampling
from rasterio.errors import NotGeoreferencedWarning

from array_files import rendered
from graphs import call, load
from pixel_world import PixelWorld
from rasterwire.catalog.folder import FolderCatalog
from rasterwire.catalog.settings import CatalogSettings, format_options, read_catalogs
from rasterwire.errors import SourceUnavailable, Violations
from rasterwire.files import beside
from rasterwire.files.beside import FormatOptions
from rasterwire.files.sandbox import ReadLimits, in_children
from rasterwire.geo.region import box_region
from rasterwire.image import Band
from rasterwire.pixels import Pixels
from rasterwire.plan import Limits, make_plan
from rasterwire.render.source import read
from rasterwire.request import DownloadRequest, GridSpec
from rasterwire.request import Resampling as WarpedBy
from rasterwire.server.process.sandboxed import prepare

SIBLINGS = FormatOptions(siblings=True)
WORLDFILES = FormatOptions(worldfiles=True)
TRANSFORM = Affine(10, 0, 600000, 0, -10, 5700000)
Choose = Callable[[FormatOptions], FolderCatalog]


@pytest.fixture
def choose(tmp_path: Path) -> Iterator[Choose]:
    """Return a catalog of the test's folder, with a choice."""
    catalogs = []

    def catalog(options: FormatOptions) -> FolderCatalog:
        beside.configure({str(tmp_path): options})
        catalogs.append(FolderCatalog(tmp_path, refresh_seconds=0))
        return catalogs[-1]

    yield catalog
    beside.configure({})
    for each in catalogs:
        each.close()


def noise(bands: int, seed: int = 0, size: int = 512) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 255, (bands, size, size), dtype=np.uint8)


def write(path: Path, data: np.ndarray, *, placed: bool = True, **more: object) -> None:
    place = {"crs": "EPSG:32632", "transform": TRANSFORM} if placed else {}
    count, height, width = data.shape
    with rasterio.open(path, "w", width=width, height=height, count=count, dtype=data.dtype, **place, **more) as file:
        file.write(data)


def write_mask(raster: Path, mask: np.ndarray) -> None:
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=False), rasterio.open(raster, "r+") as file:
        file.write_mask(mask)


def build_overviews(raster: Path, factors: tuple[int, ...] = (2, 4)) -> None:
    with rasterio.Env(TIFF_USE_OVR=True, GDAL_TIFF_INTERNAL_MASK=False), rasterio.open(raster, "r+") as file:
        file.build_overviews(factors, Resampling.nearest)


def pixels(band: Band, overview: int | None = None) -> Pixels:
    width, height = (band.grid.shape[1], band.grid.shape[0]) if overview is None else band.overviews[overview]
    return read(band, overview, 0, 0, (height, width))


def assert_like_rasterio(band: Band, path: Path, overview: int | None = None) -> None:
    level = {} if overview is None else {"overview_level": overview}
    with rasterio.open(path, **level) as file:
        data, mask = file.read(band.index), file.read_masks(band.index) > 0
    found = pixels(band, overview)
    np.testing.assert_array_equal(found.valid, mask)
    np.testing.assert_array_equal(found.data[mask], data[mask])


def etag_in(catalog: FolderCatalog) -> str:
    return make_plan(DownloadRequest("a"), catalog.get("a"), Limits()).etag


def holed() -> np.ndarray:
    mask = np.full((512, 512), 255, np.uint8)
    mask[100:300, 50:250] = 0
    return mask


def test_without_a_choice_nothing_beside_a_raster_is_read(tmp_path: Path, choose: Choose) -> None:
    write(tmp_path / "a.tif", noise(1))
    before = choose(FormatOptions()).get("a").bands[0]
    write(tmp_path / "p.png", noise(3), placed=False, driver="PNG")
    (tmp_path / "p.pgw").write_text("10 0 0 -10 600005 5699995")
    write_mask(tmp_path / "a.tif", holed())
    build_overviews(tmp_path / "a.tif")
    catalog = choose(FormatOptions())
    after = catalog.get("a").bands[0]
    assert (after.masked, after.overviews, after.plain) == (before.masked, before.overviews, True) == (False, (), True)
    assert pixels(after).valid.all()
    assert catalog.image_count() == 1
    reasons = {item.name: item.reason for item in catalog.unserved()}
    assert 'formats = ["siblings"]' in reasons["a.tif.msk"]
    assert 'formats = ["worldfiles"]' in reasons["p.pgw"]


@pytest.mark.parametrize("bands", [1, 3])
def test_a_mask_beside_a_raster_is_read(tmp_path: Path, choose: Choose, bands: int) -> None:
    write(tmp_path / "a.tif", noise(bands))
    write_mask(tmp_path / "a.tif", holed())
    catalog = choose(SIBLINGS)
    for band in catalog.get("a").bands:
        assert band.masked
        assert not band.plain
        assert_like_rasterio(band, tmp_path / "a.tif")
    assert catalog.unserved() == []


def test_overviews_beside_a_raster_are_read(tmp_path: Path, choose: Choose) -> None:
    write(tmp_path / "a.tif", noise(2), nodata=7)
    build_overviews(tmp_path / "a.tif")
    for band in choose(SIBLINGS).get("a").bands:
        assert band.overviews == ((256, 256), (128, 128))
        for level in (None, 0, 1):
            assert_like_rasterio(band, tmp_path / "a.tif", level)


def test_overviews_of_a_mask_are_in_a_file_of_their_own(tmp_path: Path, choose: Choose) -> None:
    write(tmp_path / "a.tif", noise(1))
    write_mask(tmp_path / "a.tif", holed())
    build_overviews(tmp_path / "a.tif")
    assert (tmp_path / "a.tif.msk.ovr").exists()
    band = choose(SIBLINGS).get("a").bands[0]
    assert len(band.overviews) == 2
    for level in (None, 0, 1):
        assert_like_rasterio(band, tmp_path / "a.tif", level)
    (tmp_path / "a.tif.msk.ovr").unlink()
    assert choose(SIBLINGS).get("a").bands[0].overviews == ()


def test_overviews_without_the_mask_of_their_file_are_not_used(tmp_path: Path, choose: Choose) -> None:
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True):
        write(tmp_path / "a.tif", noise(1))
        with rasterio.open(tmp_path / "a.tif", "r+") as file:
            file.write_mask(holed())
    write(tmp_path / "b.tif", noise(1))
    build_overviews(tmp_path / "b.tif")
    shutil.copy(tmp_path / "b.tif.ovr", tmp_path / "a.tif.ovr")
    band = choose(SIBLINGS).get("a").bands[0]
    assert band.overviews == ()
    assert_like_rasterio(band, tmp_path / "a.tif")


def test_gdals_notes_place_a_raster_that_has_no_place(tmp_path: Path, choose: Choose) -> None:
    with pytest.warns(NotGeoreferencedWarning):
        write(tmp_path / "a.jp2", noise(1), placed=False, driver="JP2OpenJPEG", QUALITY=100, REVERSIBLE=True)
    write_notes(tmp_path / "a.jp2.aux.xml")
    with rasterio.open(tmp_path / "a.jp2") as file:
        expected = file.transform, file.crs.to_epsg(), file.nodata
    band = choose(SIBLINGS).get("a").bands[0]
    assert band.grid.crs is not None
    assert (band.grid.affine, band.grid.crs.to_epsg(), band.nodata) == expected == (TRANSFORM, 32632, 9.0)
    assert_like_rasterio(band, tmp_path / "a.jp2")


def write_notes(path: Path, more: str = "") -> None:
    wkt = rasterio.CRS.from_epsg(32632).to_wkt().replace('"', "&quot;")
    transform = ", ".join(map(str, TRANSFORM.to_gdal()))
    band = f'<PAMRasterBand band="1"><NoDataValue>9</NoDataValue>{more}</PAMRasterBand>'
    path.write_text(f"<PAMDataset><SRS>{wkt}</SRS><GeoTransform>{transform}</GeoTransform>{band}</PAMDataset>")


def test_a_raster_keeps_its_own_place(tmp_path: Path, choose: Choose) -> None:
    write(tmp_path / "a.tif", noise(1))
    (tmp_path / "a.tif.aux.xml").write_text("<PAMDataset><GeoTransform>1,2,3,4,5,7</GeoTransform></PAMDataset>")
    band = choose(SIBLINGS).get("a").bands[0]
    assert band.grid.affine == TRANSFORM
    assert band.plain  # the pixels are those of the file


@pytest.mark.parametrize("name", ["a.tif.msk", "a.tif.msk.ovr", "a.tif.ovr", "a.tif.aux.xml"])
def test_another_file_beside_a_raster_is_another_version(tmp_path: Path, choose: Choose, name: str) -> None:
    write(tmp_path / "a.tif", noise(1))
    write_mask(tmp_path / "a.tif", holed())
    build_overviews(tmp_path / "a.tif")
    write_notes(tmp_path / "a.tif.aux.xml")
    catalog = choose(SIBLINGS)
    before, etag = catalog.get("a").bands[0], etag_in(catalog)
    assert pixels(before).valid.sum() == (holed() > 0).sum()
    copy = tmp_path / "copy"
    shutil.copy(tmp_path / name, copy)
    copy.replace(tmp_path / name)
    after = catalog.get("a").bands[0]
    assert after.version != before.version
    assert etag_in(catalog) != etag
    with pytest.raises(SourceUnavailable, match="changed"):
        pixels(before)
    pixels(after)


def test_a_file_that_was_replaced_gives_its_own_pixels_though_gdal_keeps_the_former_one_open(
    tmp_path: Path, choose: Choose
) -> None:
    catalog = choose(SIBLINGS)
    for seed in range(4):
        mask = holed()
        mask[: seed + 1] = 0
        for name in ("a.tif", "new.tif") if not seed else ("new.tif",):
            write(tmp_path / name, noise(1, seed))
            write_mask(tmp_path / name, mask)
        (tmp_path / "new.tif").replace(tmp_path / "a.tif")
        (tmp_path / "new.tif.msk").replace(tmp_path / "a.tif.msk")
        found = pixels(catalog.get("a").bands[0])
        assert np.array_equal(found.data, noise(1, seed)[0])
        assert np.array_equal(found.valid, mask > 0)


def test_a_file_that_was_replaced_is_warped_from_its_own_pixels(tmp_path: Path, choose: Choose) -> None:
    catalog = choose(FormatOptions())
    box = box_region(600_110.0, 5_695_010.0, 604_990.0, 5_699_890.0, CRS("EPSG:32632"))
    turned = GridSpec(crs=CRS("EPSG:4326"), scale=31.0)
    for seed in range(3):
        write(tmp_path / "new.jp2", noise(1, seed, 256), driver="JP2OpenJPEG", QUALITY=100, REVERSIBLE=True)
        shutil.copy(tmp_path / "new.jp2", tmp_path / f"other{seed}.jp2")
        (tmp_path / "new.jp2").replace(tmp_path / "a.jp2")
        for resampling in (WarpedBy.LANCZOS, WarpedBy.CUBIC_SPLINE):
            fields: dict[str, Any] = {"grid": turned, "region": box, "resampling": resampling}
            got, _ = rendered(catalog.get("a"), "B1", **fields)
            want, _ = rendered(catalog.get(f"other{seed}"), "B1", **fields)
            assert np.array_equal(got.data[got.valid], want.data[want.valid]), (seed, resampling)


def hostile_mask(folder: Path) -> None:
    """A mask that is a VRT of another file."""
    write(folder.parent / "secret.tif", noise(1))
    source = f"<SimpleSource><SourceFilename>{folder.parent}/secret.tif</SourceFilename></SimpleSource>"
    (folder / "a.tif.msk").write_text(
        f'<VRTDataset rasterXSize="512" rasterYSize="512"><VRTRasterBand dataType="Byte" band="1">{source}'
        "</VRTRasterBand></VRTDataset>"
    )


def hostile_link(folder: Path) -> None:
    write(folder.parent / "secret.tif", noise(1))
    (folder / "a.tif.msk").symlink_to(folder.parent / "secret.tif")


def hostile_overviews(folder: Path) -> None:
    """Overviews that name others in a file elsewhere."""
    write(folder.parent / "secret.tif", noise(1))
    write(folder / "o.tif", noise(1, size=256))
    with rasterio.open(folder / "o.tif", "r+") as file:
        file.update_tags(ns="OVERVIEWS", OVERVIEW_FILE=str(folder.parent / "secret.tif"))
    (folder / "o.tif").rename(folder / "a.tif.ovr")


def hostile_notes(folder: Path) -> None:
    write_notes(folder / "a.tif.aux.xml", '<Metadata domain="OVERVIEWS"><MDI key="OVERVIEW_FILE">x</MDI></Metadata>')


def entities(folder: Path) -> None:
    text = '<!DOCTYPE a [<!ENTITY x "y">]><PAMDataset><SRS>&x;</SRS></PAMDataset>'
    (folder / "a.tif.aux.xml").write_text(text)


def other_size(folder: Path) -> None:
    write(folder / "m.tif", noise(1, size=100))
    (folder / "m.tif").rename(folder / "a.tif.msk")


def other_bands(folder: Path) -> None:
    write(folder / "m.tif", noise(2, size=256))
    (folder / "m.tif").rename(folder / "a.tif.ovr")


def cut_off(folder: Path) -> None:
    write_mask(folder / "a.tif", holed())
    content = (folder / "a.tif.msk").read_bytes()
    write(folder / "m.tif", noise(1))
    content = (folder / "m.tif").read_bytes()
    (folder / "m.tif").unlink()
    (folder / "a.tif.msk").write_bytes(content[: len(content) // 2])


HOSTILE = [hostile_mask, hostile_link, hostile_overviews, hostile_notes, entities, other_size, other_bands, cut_off]


@pytest.mark.parametrize("harm", HOSTILE)
def test_hostile_files_beside_a_raster_are_refused(
    tmp_path_factory: pytest.TempPathFactory, harm: Callable[[Path], None]
) -> None:
    folder = tmp_path_factory.mktemp("outer") / "images"
    folder.mkdir()
    write(folder / "a.tif", noise(1))
    harm(folder)
    beside.configure({str(folder): SIBLINGS})
    try:
        with pytest.raises(SourceUnavailable) as caught:
            FolderCatalog(folder).get("a")
        assert str(folder) not in str(caught.value)
    finally:
        beside.configure({})
    assert FolderCatalog(folder).get("a").bands[0].plain


def test_resampled_pixels_are_those_of_a_file_with_mask_and_overviews_in_it(tmp_path: Path) -> None:
    data = noise(2)
    for name, inside in (("in", True), ("beside", False)):
        path = tmp_path / f"{name}.tif"
        write(path, data)
        with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=inside, TIFF_USE_OVR=not inside), rasterio.open(path, "r+") as file:
            file.write_mask(holed())
            file.build_overviews((2, 4), Resampling.nearest)
    turned = GeoBox(
        (90, 110), TRANSFORM @ Affine.translation(20, 30) @ Affine.rotation(9) @ Affine.scale(4.4), "EPSG:32632"
    )
    beside.configure({str(tmp_path): SIBLINGS})
    try:
        world = PixelWorld(tmp_path)
        for resampling in ("bilinear", "bicubic", None):
            images = [load(name) for name in ("in", "beside")]
            if resampling:
                images = [call("Image.resample", image=image, mode=resampling) for image in images]
            first, second = (world.pixels(image, turned) for image in images)
            for one, other in zip(first.values(), second.values(), strict=True):
                assert 0 < one.valid.sum() < one.valid.size
                np.testing.assert_array_equal(other.valid, one.valid)
                np.testing.assert_array_equal(other.data[one.valid], one.data[one.valid])
    finally:
        beside.configure({})


def test_children_read_what_the_folder_chose(tmp_path: Path, choose: Choose) -> None:
    write(tmp_path / "a.tif", noise(1))
    write_mask(tmp_path / "a.tif", holed())
    catalog = choose(SIBLINGS)
    with in_children(1, ReadLimits(), partial(prepare, (), {str(tmp_path): SIBLINGS})):
        band = catalog.get("a").bands[0]
        assert_like_rasterio(band, tmp_path / "a.tif")
    assert band.masked


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
@pytest.mark.parametrize(("name", "world"), [("p.png", "p.pgw"), ("p.jpg", "p.jgw"), ("p.jpeg", "p.wld")])
def test_pictures_with_world_files_are_images(tmp_path: Path, choose: Choose, name: str, world: str) -> None:
    driver = "PNG" if name.endswith("png") else "JPEG"
    write(tmp_path / name, noise(3), placed=False, driver=driver)
    write(tmp_path / f"other{name[1:]}", noise(3), placed=False, driver=driver)  # without a world file
    (tmp_path / world).write_text("10\n0\n0\n-10\n600005\n5699995\n")
    (tmp_path / "p.prj").write_text(rasterio.CRS.from_epsg(32632).to_wkt(version="WKT1_ESRI"))
    catalog = choose(WORLDFILES)
    assert catalog.image_count() == 1
    image = catalog.get("p")
    with rasterio.open(tmp_path / name) as file:
        assert image.bands[0].grid.affine == file.transform == TRANSFORM
    for band in image.bands:
        assert band.grid.crs is not None
        assert band.grid.crs.to_epsg() == 32632
        assert band.overviews == ()
        assert_like_rasterio(band, tmp_path / name)
    assert catalog.unserved() == []
    (tmp_path / world).unlink()
    assert catalog.image_count() == 0


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_a_picture_without_a_crs_has_that_of_the_setting(tmp_path: Path, choose: Choose) -> None:
    write(tmp_path / "p.png", noise(1), placed=False, driver="PNG")
    (tmp_path / "p.pgw").write_text("10 0 0 -10 600005 5699995")
    without = choose(WORLDFILES).get("p").bands[0]
    band = choose(FormatOptions(worldfiles=True, crs="EPSG:25832")).get("p").bands[0]
    assert without.grid.crs is None
    assert str(band.grid.crs) == "EPSG:25832"
    assert band.version != without.version


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_palettes_and_alpha_are_kept(tmp_path: Path, choose: Choose) -> None:
    write(tmp_path / "rgba.png", np.concatenate([noise(3), holed()[np.newaxis]]), placed=False, driver="PNG")
    with rasterio.open(
        tmp_path / "palette.tif", "w", width=16, height=16, count=1, dtype="uint8", photometric="palette"
    ) as file:
        file.write(np.arange(256, dtype=np.uint8).reshape(1, 16, 16))
        file.write_colormap(1, {value: (value, 255 - value, 7, 255) for value in range(256)})
    rasterio.shutil.copy(tmp_path / "palette.tif", tmp_path / "palette.png", driver="PNG")
    (tmp_path / "palette.tif").unlink()
    for stem in ("rgba", "palette"):
        (tmp_path / f"{stem}.pgw").write_text("1 0 0 -1 0.5 0.5")
    catalog = choose(WORLDFILES)
    bands = catalog.get("rgba").bands
    assert bands[3].metadata.color == ColorInterp.alpha.name
    for band in bands[:3]:
        assert_like_rasterio(band, tmp_path / "rgba.png")
    band = catalog.get("palette").bands[0]
    assert band.metadata.palette == bytes(part for value in range(256) for part in (value, 255 - value, 7))
    assert_like_rasterio(band, tmp_path / "palette.png")


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_a_changed_world_file_is_another_version(tmp_path: Path, choose: Choose) -> None:
    write(tmp_path / "p.png", noise(1), placed=False, driver="PNG")
    (tmp_path / "p.pgw").write_text("10 0 0 -10 600005 5699995")
    catalog = choose(WORLDFILES)
    before = catalog.get("p").bands[0]
    (tmp_path / "p.pgw").write_text("20 0 0 -20 600010 5699990")
    after = catalog.get("p").bands[0]
    assert after.version != before.version
    assert after.grid.affine == TRANSFORM @ Affine.scale(2)


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
@pytest.mark.parametrize("world", ["", "1 2 3", "a b c d e f", "1 0 0 nan 0 0", "0 0 0 0 0 0", "1 0 0 -1 0 0 0"])
def test_a_damaged_world_file_is_refused(tmp_path: Path, choose: Choose, world: str) -> None:
    write(tmp_path / "p.png", noise(1), placed=False, driver="PNG")
    (tmp_path / "p.pgw").write_text(world)
    with pytest.raises(SourceUnavailable):
        choose(WORLDFILES).get("p")


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
@pytest.mark.parametrize("driver", ["PNG", "JPEG"])
def test_a_cut_picture_is_refused(tmp_path: Path, choose: Choose, driver: str) -> None:
    path = tmp_path / ("p.png" if driver == "PNG" else "p.jpg")
    write(path, noise(1), placed=False, driver=driver)
    (tmp_path / "p.wld").write_text("1 0 0 -1 0.5 0.5")
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(SourceUnavailable, match="ends before"):
        choose(WORLDFILES).get("p")


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_damage_inside_a_jpeg_is_an_error(tmp_path: Path, choose: Choose) -> None:
    path = tmp_path / "p.jpg"
    write(path, noise(1), placed=False, driver="JPEG")
    (tmp_path / "p.wld").write_text("1 0 0 -1 0.5 0.5")
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2] + b"\xff\xd9")
    with pytest.raises(SourceUnavailable):
        pixels(choose(WORLDFILES).get("p").bands[0])


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_a_vast_picture_is_refused_before_it_is_decoded(tmp_path: Path, choose: Choose) -> None:
    write(tmp_path / "p.png", np.zeros((1, 5000, 20001), np.uint8), placed=False, driver="PNG")
    (tmp_path / "p.wld").write_text("1 0 0 -1 0.5 0.5")
    with pytest.raises(SourceUnavailable, match="100 million"):
        choose(WORLDFILES).get("p")


def settings_of(folder: Path, **more: object) -> tuple[tuple[CatalogSettings, ...], list[str]]:
    violations = Violations()
    catalogs = read_catalogs([{"kind": "folder", "source": str(folder), **more}], violations)
    return catalogs, [violation.description for violation in violations.items]


def test_a_table_chooses(tmp_path: Path) -> None:
    catalogs, problems = settings_of(tmp_path, formats=["siblings", "worldfiles"], crs="EPSG:25832")
    assert problems == []
    assert format_options(catalogs) == {str(tmp_path): FormatOptions(siblings=True, worldfiles=True, crs="EPSG:25832")}
    assert format_options(settings_of(tmp_path)[0]) == {}


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ({"formats": ["bmp"]}, "set some of siblings, worldfiles, vrt, gti"),
        ({"formats": "siblings"}, "no list"),
        ({"formats": [1]}, "set some of"),
        ({"crs": "EPSG:25832"}, "worldfiles"),
        ({"formats": ["worldfiles"], "crs": "/etc/passwd"}, "no code"),
        ({"formats": ["worldfiles"], "crs": "EPSG:0"}, "not a crs"),
    ],
)
def test_a_wrong_choice_is_told(tmp_path: Path, more: dict[str, object], problem: str) -> None:
    _, problems = settings_of(tmp_path, **more)
    assert len(problems) == 1
    assert problem in problems[0]
