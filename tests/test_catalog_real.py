"""The folder catalog with real rasters and STAC documents, and their known errors."""

import math
import shutil
from pathlib import Path

import pytest
import rasterio

from rasterwire.catalog.folder import FolderCatalog
from rasterwire.errors import SourceUnavailable
from rasterwire.image import Band
from rasterwire.query import Query


@pytest.fixture(scope="module")
def catalog(shared_data: Path) -> FolderCatalog:
    return FolderCatalog(shared_data, refresh_seconds=1000)


def bands(catalog: FolderCatalog, image_id: str) -> dict[str, Band]:
    return {band.name: band for band in catalog.get(image_id).bands}


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_every_raster_is_a_band_of_an_image_and_its_header_is_kept(catalog: FolderCatalog, shared_data: Path) -> None:
    rasters = {path for suffix in ("tif", "jp2") for path in shared_data.rglob(f"*.{suffix}")}
    paths = set()
    for image_info in catalog.find(Query()).images:
        try:
            image = catalog.get(image_info.id)
        except SourceUnavailable as error:
            assert error.problem == "none of its rasters is in the folder of this catalog"
            continue
        for band in image.bands:
            paths.add(Path(band.href))
            with rasterio.open(band.href) as raster:
                assert band.grid.shape == raster.shape
                assert band.grid.affine == raster.transform
                assert band.dtype == raster.dtypes[band.index - 1]
                assert band.overviews == sizes(band.href, len(raster.overviews(1)))

    assert paths == {path.resolve() for path in rasters}


def sizes(path: str, levels: int) -> tuple[tuple[int, int], ...]:
    result = []
    for level in range(levels):
        with rasterio.open(path, overview_level=level) as overview:
            result.append((overview.width, overview.height))
    return tuple(result)


def test_every_dataset_folder_can_be_a_catalog_of_its_own(shared_data: Path) -> None:
    for folder in sorted(path for path in shared_data.iterdir() if path.is_dir()):
        catalog = FolderCatalog(folder)
        assert catalog.find(Query()).images, folder.name
        assert all(str(shared_data) not in str(note) for note in catalog.check())


def test_a_catalog_that_lies_about_its_files_is_found_out(shared_data: Path) -> None:
    notes = [
        (note.field, note.claim, note.value)
        for note in FolderCatalog(shared_data / "stac_catalog_33T").check()
        if (note.image_id, note.band) == ("S2B_33TWL_20230810_0_L2A", "red")
    ]

    assert notes == [
        ("driver", "GTiff by the extension .tif", "JP2OpenJPEG"),
        ("shape", "10980 x 10980 pixels", "915 x 915 pixels"),
        ("transform", "[10, 0, 499980, 0, -10, 5100000]", "none"),
        ("crs", "EPSG:32633", "none"),
        ("place", "an image on earth", "neither a transform nor control points nor RPCs with a crs; georeference it"),
    ]


def test_the_crs_of_an_item_of_another_shape_is_not_taken_over(catalog: FolderCatalog) -> None:
    image = bands(catalog, "S2B_33TWL_20230810_0_L2A")

    assert set(image) == {"red", "nir", "scl"}
    assert image["red"].grid.crs is None
    assert image["red"].grid.shape == (915, 915)
    assert (image["red"].nodata, image["red"].value_scale, image["red"].value_offset) == (0, 0.0001, -0.1)
    assert not image["red"].exact_overviews


def test_jpeg2000_overviews_are_marked_as_inexact(catalog: FolderCatalog) -> None:
    image = bands(catalog, "s2_T29UNU_20221005_jp2")

    assert image["T29UNU_20221005T115411_SCL_20m"].overviews[0] == (2745, 2745)
    assert not image["T29UNU_20221005T115411_SCL_20m"].exact_overviews
    assert set(image) >= {"B1", "B2", "B3"}


@pytest.mark.parametrize(
    ("image_id", "band", "nodata"),
    [
        ("storm_lake_mt", "storml_tcc", 255),
        ("mt_hood", "lf_elev_220_mt_hood_utm", 32767),
        ("ee_export_modis_nbar", "Nadir_Reflectance_Band1", -32768),
        ("polar", "nt_20201024_f18_nrt_s_3412", -3.3999999521443642e38),
        ("s2_majortom_T48QUE_20200223", "B02", None),
    ],
)
def test_nodata_is_what_the_file_declares(
    catalog: FolderCatalog, image_id: str, band: str, nodata: float | None
) -> None:
    assert bands(catalog, image_id)[band].nodata == nodata


def test_odd_grids_and_types_are_kept(catalog: FolderCatalog) -> None:
    odd = bands(catalog, "dtype")
    south_up = odd["south_up_rain_rate"]

    assert odd["complex64_20x20"].dtype == "complex64"
    assert odd["int64_20x20"].dtype == "int64"
    assert south_up.grid.affine.e > 0
    assert south_up.nodata is not None
    assert math.isnan(south_up.nodata)
    assert bands(catalog, "rotated")["au_3577_rotated"].grid.affine.b != 0
    assert bands(catalog, "s2_majortom_T48QUE_20200223")["B02"].grid.affine.c == pytest.approx(362612.1969)


def test_a_mask_beside_the_pixels_is_told(catalog: FolderCatalog) -> None:
    assert all(band.masked and band.nodata is None for band in bands(catalog, "mask_jpeg_noaa").values())
    assert not any(band.masked for band in bands(catalog, "mosaic_l8").values())


def test_bands_of_two_files_alike_are_told_apart(catalog: FolderCatalog) -> None:
    assert list(bands(catalog, "mosaic_l8")) == [f"mosaic_cog{file}_B{band}" for file in (1, 2) for band in (1, 2, 3)]


def test_items_are_readable_once_their_files_are_there(shared_data: Path, tmp_path: Path) -> None:
    for name in ("red.tif", "green.tif", "blue.tif"):
        shutil.copy(shared_data / "l8_900m_stac" / name, tmp_path)
    text = (shared_data / "l8_900m_stac" / "stac_proj_2_0.json").read_text()
    (tmp_path / "item.json").write_text(text.replace("http://somewhere-over-the-rainbow.io/", ""))
    catalog = FolderCatalog(tmp_path)
    image = catalog.get("JQT-123456789")

    assert [band.name for band in image.bands] == ["red", "green", "blue"]
    assert image.start_time is not None
    assert [(note.band, note.field) for note in catalog.check()] == [("lowres", "file")]


@pytest.mark.parametrize(
    "name",
    [
        "s2_T29UNU_20221005_jp2/T29UNU_20221005T115411_PVI.jp2",
        "stac_catalog_33T/sentinel-2-l2a/S2B_33TWL_20230810_0_L2A/B04.tif",
        "mask_jpeg_noaa/20200307aC0853900w361030n.tif",
        "l8_900m_stac/red.tif",
        "s2_majortom_T48QUE_20200223/B02.tif",
    ],
)
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_real_files_that_were_cut_short_are_refused(shared_data: Path, tmp_path: Path, name: str, share: float) -> None:
    whole = (shared_data / name).read_bytes()
    (tmp_path / "i.tif").write_bytes(whole[: int(len(whole) * share)])

    with pytest.raises(SourceUnavailable, match="ends before its pixels do"):
        FolderCatalog(tmp_path).get("i")
