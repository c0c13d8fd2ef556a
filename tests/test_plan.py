"""The plan: precedence, types, names, limits. No file is read."""

import math
import re

import pyproj
import pytest
from affine import Affine
from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox

from images import SCENE, UTM, band, scene
from rasterwire.errors import InvalidRequest
from rasterwire.geo.region import box_region
from rasterwire.image import Band
from rasterwire.plan import EARTH_ENGINE_LIMITS, Limits, RenderPlan, make_plan
from rasterwire.request import (
    BandRequest,
    Compression,
    DownloadRequest,
    Format,
    GridSpec,
    MaskOutput,
    Precedence,
    Resampling,
)

REGION = box_region(-122.0859, 37.0436, -122.0626, 37.0586)
THREE = (BandRequest("B3"), BandRequest("B8"), BandRequest("B11"))
EXACT = GridSpec(crs=UTM, transform=Affine(30, 0, 580000, 0, -30, 4102000))


def plan(*bands: Band, limits: Limits = Limits(), **fields: object) -> RenderPlan:
    request = DownloadRequest(image_id=SCENE, **fields)  # type: ignore[arg-type]
    return make_plan(request, scene(*bands), limits)


def refused(*bands: Band, limits: Limits = Limits(), **fields: object) -> dict[str, str]:
    with pytest.raises(InvalidRequest) as caught:
        plan(*bands, limits=limits, **fields)
    return {v.field: v.reason for v in caught.value.violations}


def sizes(render_plan: RenderPlan) -> list[tuple[int, int]]:
    return [(r.grid.shape[1], r.grid.shape[0]) for r in render_plan.rasters]


def ignored(render_plan: RenderPlan) -> list[str]:
    return [i.field for i in render_plan.ignored]


def test_each_band_keeps_its_own_grid_in_a_file_per_band() -> None:
    render_plan = plan(bands=THREE, region=REGION)
    assert render_plan.format is Format.ZIPPED_GEO_TIFF_PER_BAND
    assert sizes(render_plan) == [(209, 170), (209, 170), (105, 86)]
    stem = SCENE.rsplit("/", 1)[1]
    assert [r.path for r in render_plan.rasters] == [f"{stem}.B3.tif", f"{stem}.B8.tif", f"{stem}.B11.tif"]
    assert all(r.bands[0].resampling is None for r in render_plan.rasters)


def test_bands_of_one_file_share_the_grid_of_the_first() -> None:
    render_plan = plan(bands=THREE, region=REGION, file_per_band=False)
    assert render_plan.format is Format.ZIPPED_GEO_TIFF
    assert sizes(render_plan) == [(209, 170)]
    assert [b.resampling for b in render_plan.rasters[0].bands] == [None, None, Resampling.NEAREST]


def test_scales_of_single_bands_count_in_a_file_per_band() -> None:
    bands = (BandRequest("B3", GridSpec(scale=20)), BandRequest("B11", GridSpec(scale=60)))
    render_plan = plan(bands=bands, region=REGION, grid=GridSpec(scale=10))
    assert [r.grid.affine.a for r in render_plan.rasters] == [20, 60]


def test_scales_of_single_bands_are_ignored_elsewhere_and_said_so() -> None:
    bands = (BandRequest("B3", GridSpec(scale=20, crs=UTM)), BandRequest("B11"))
    render_plan = plan(bands=bands, region=REGION, format=Format.NPY)
    assert ignored(render_plan) == ["bands[0].crs", "bands[0].scale"]


def test_an_exact_grid_ignores_scale_and_region_as_documented() -> None:
    grid = GridSpec(EXACT.crs, EXACT.transform, (), 10)
    render_plan = plan(bands=THREE[:1], region=REGION, grid=grid)
    assert ignored(render_plan) == ["scale", "region"]
    assert render_plan.rasters[0].grid.affine.a == 30
    assert sizes(render_plan) == [(3661, 3661)]


def test_an_exact_grid_with_a_size_is_that_window() -> None:
    render_plan = plan(bands=THREE[:1], grid=GridSpec(EXACT.crs, EXACT.transform, (7, 5)))
    assert render_plan.rasters[0].grid.affine == EXACT.transform
    assert sizes(render_plan) == [(7, 5)]


def test_combined_precedence_crops_the_exact_grid_by_the_region() -> None:
    render_plan = plan(bands=THREE[:1], region=REGION, grid=EXACT, precedence=Precedence.COMBINED)
    grid = render_plan.rasters[0].grid
    assert ((grid.affine.c - 580000) % 30, (4102000 - grid.affine.f) % 30) == (0, 0)
    assert sizes(render_plan) == [(70, 57)]
    assert ignored(render_plan) == []


def test_combined_precedence_rescales_the_exact_grid() -> None:
    grid = GridSpec(EXACT.crs, EXACT.transform, (), 60)
    render_plan = plan(bands=THREE[:1], region=REGION, grid=grid, precedence=Precedence.COMBINED)
    assert render_plan.rasters[0].grid.affine.a == 60


def test_dimensions_beat_scale() -> None:
    render_plan = plan(bands=THREE[:1], grid=GridSpec(scale=10, dimensions=(64,)))
    assert ignored(render_plan) == ["scale"]
    assert sizes(render_plan) == [(64, 64)]


def test_strict_refuses_what_would_be_ignored() -> None:
    reasons = refused(bands=THREE[:1], grid=GridSpec(scale=10, dimensions=(64,)), strict=True)
    assert reasons == {"scale": "FIELD_WITHOUT_EFFECT"}


def test_a_crs_anchors_the_grid_at_its_own_origin() -> None:
    landsat = Band("B1", "/nowhere", 1, band("x").grid, "uint16", 0)
    shifted = Band(
        "B1",
        "/nowhere",
        1,
        GeoBox((10980, 10980), landsat.grid.affine @ Affine.translation(0.5, 0.5), UTM),
        "uint16",
        0,
    )
    render_plan = plan(shifted, grid=GridSpec(crs=UTM), region=REGION)
    assert (render_plan.rasters[0].grid.affine.c % 10, render_plan.rasters[0].bands[0].resampling) == (
        0,
        Resampling.NEAREST,
    )
    unanchored = plan(shifted, region=REGION)
    assert (unanchored.rasters[0].grid.affine.c % 10, unanchored.rasters[0].bands[0].resampling) == (5, None)


@pytest.mark.parametrize(
    ("scale", "level"),
    [(5, None), (19.9, None), (20, 0), (39, 0), (40, 1), (60, 1), (1000, 3)],
)
def test_the_overview_is_the_coarsest_that_is_fine_enough(scale: float, level: int | None) -> None:
    render_plan = plan(bands=THREE[:1], region=REGION, grid=GridSpec(scale=scale))
    assert render_plan.rasters[0].bands[0].overview == level


def test_reductions_read_the_full_resolution() -> None:
    render_plan = plan(bands=THREE[:1], region=REGION, grid=GridSpec(scale=60), resampling=Resampling.AVERAGE)
    assert render_plan.rasters[0].bands[0].overview is None


def test_wavelet_levels_are_no_overviews_for_nearest() -> None:
    classes = band("SCL", 20, "uint8", exact_overviews=False)
    render_plan = plan(classes, grid=GridSpec(scale=60), region=REGION)
    assert render_plan.rasters[0].bands[0].overview is None


@pytest.mark.parametrize(
    ("types", "common"),
    [
        (("uint8", "uint16"), "uint16"),
        (("uint16", "int16"), "int32"),
        (("int16", "float32"), "float32"),
        (("int32", "float32"), "float64"),
        (("uint8", "uint8"), "uint8"),
    ],
)
def test_one_file_has_the_smallest_type_for_all(types: tuple[str, str], common: str) -> None:
    render_plan = plan(band("a", dtype=types[0]), band("b", dtype=types[1]), region=REGION, format=Format.GEO_TIFF)
    assert {b.dtype for b in render_plan.rasters[0].bands} == {common}
    assert [
        b.dtype for b in plan(band("a", dtype=types[0]), band("b", dtype=types[1]), format=Format.NPY).rasters[0].bands
    ] == list(types)


def test_nodata_is_kept_where_it_is_declared() -> None:
    render_plan = plan(band("a", dtype="int16", nodata=32767), region=REGION)
    assert render_plan.rasters[0].bands[0].nodata == 32767


def test_no_nodata_is_made_up_where_every_pixel_is_valid() -> None:
    render_plan = plan(band("a", nodata=None), region=REGION)
    assert render_plan.rasters[0].bands[0].nodata is None


@pytest.mark.parametrize(
    ("dtype", "fill"),
    [("uint8", 0), ("uint16", 0), ("int8", -128), ("int16", -32768), ("int32", -2147483648), ("float32", -math.inf)],
)
def test_masked_pixels_get_the_smallest_value_of_the_type(dtype: str, fill: float) -> None:
    grid = GridSpec(crs=CRS("EPSG:4326"), scale=10000)  # of all of the image, which is turned in it
    render_plan = plan(band("a", dtype=dtype, nodata=None), grid=grid, mask=MaskOutput.NODATA)
    assert (render_plan.rasters[0].bands[0].nodata, render_plan.rasters[0].bands[0].fill) == (fill, fill)


def test_a_mask_needs_no_nodata() -> None:
    render_plan = plan(band("a", nodata=None), grid=GridSpec(crs=CRS("EPSG:4326")), region=REGION, mask=MaskOutput.BAND)
    assert render_plan.rasters[0].bands[0].nodata is None
    assert render_plan.rasters[0].mask is MaskOutput.BAND


def test_bands_of_one_file_that_differ_in_nodata_share_one() -> None:
    bands = band("a", nodata=0), band("b", nodata=65535)
    render_plan = plan(*bands, region=REGION, format=Format.GEO_TIFF, mask=MaskOutput.NODATA)
    assert {b.nodata for b in render_plan.rasters[0].bands} == {0}
    render_plan = plan(*bands, region=REGION, format=Format.GEO_TIFF)
    assert ({b.nodata for b in render_plan.rasters[0].bands}, render_plan.rasters[0].mask) == (
        {None},
        MaskOutput.EACH_BAND,
    )


def test_a_band_asked_twice_gets_two_names() -> None:
    render_plan = plan(bands=(BandRequest("B3"), BandRequest("B3", GridSpec(scale=20))), region=REGION)
    assert [r.bands[0].name for r in render_plan.rasters] == ["B3", "B3_1"]


@pytest.mark.parametrize("name", ["../../x", "/etc/passwd", "a\\b", "..", "x\0y", "a:b", "."])
def test_no_name_leaves_the_zip(name: str) -> None:
    for raster in plan(bands=THREE, name=name, region=REGION).rasters:
        assert not set(raster.path) & set("/\\:\0")
        assert not raster.path.startswith(".")


def test_the_size_of_an_npy_is_told_exactly() -> None:
    render_plan = plan(bands=THREE, region=REGION, grid=GridSpec(scale=20), format=Format.NPY)
    assert render_plan.uncompressed_bytes == 105 * 86 * 6
    assert render_plan.estimated_bytes == 105 * 86 * 6 + 192


def test_all_unknown_bands_are_told_with_those_there_are() -> None:
    with pytest.raises(InvalidRequest) as caught:
        plan(bands=(BandRequest("B99"), BandRequest("B3"), BandRequest("b3")))
    assert [v.field for v in caught.value.violations] == ["bands[0].id", "bands[2].id"]
    assert "B3, B8, B11, SCL" in str(caught.value)


def test_a_complex_band_is_refused() -> None:
    assert refused(band("z", dtype="complex64")) == {"bands": "TYPE_NOT_SUPPORTED"}


def test_limits_are_told_with_their_numbers() -> None:
    with pytest.raises(InvalidRequest, match=r"10980 x 10980 pixels, at most 1000"):
        plan(bands=THREE[:1], limits=Limits(max_side=1000))
    with pytest.raises(InvalidRequest, match=r"the output is 230 MiB before compression, at most 977 KiB"):
        plan(bands=THREE[:1], limits=Limits(max_bytes=1_000_000))
    with pytest.raises(InvalidRequest, match=r"3 bands, at most 2"):
        plan(bands=THREE, limits=Limits(max_bands=2))


def test_a_size_just_over_the_limit_is_told_in_full() -> None:
    with pytest.raises(
        InvalidRequest, match=r"the output is 241,120,800 bytes before compression, at most 241,120,799;"
    ):
        plan(bands=THREE[:1], limits=Limits(max_bytes=241_120_799))


def told(**fields: object) -> list[str]:
    with pytest.raises(InvalidRequest) as caught:
        plan(**fields)  # type: ignore[arg-type]
    return [str(violation) for violation in caught.value.violations]


def test_a_region_elsewhere_is_refused_with_where_the_image_is() -> None:
    (said,) = told(bands=THREE[:1], region=box_region(10, 50, 11, 51))
    found = re.fullmatch(
        r"region: does not touch the image, which covers \[499980, 4090200, 609780, 4200000\] in EPSG:32610, "
        r"which is \[(.*)\] in degrees",
        said,
    )
    assert found is not None
    to_degrees = pyproj.Transformer.from_crs(32610, 4326, always_xy=True)
    expected = to_degrees.transform_bounds(499980, 4090200, 609780, 4200000)
    assert [float(side) for side in found[1].split(", ")] == pytest.approx(expected, abs=1e-3)


def test_a_region_with_x_and_y_swapped_is_told_as_such() -> None:
    question = "with x and y swapped it would: x, the longitude, comes first"
    (said,) = told(bands=THREE[:1], region=box_region(4091000, 510000, 4092000, 511000, UTM))
    assert said.endswith(question)
    (said,) = told(bands=THREE[:1], region=box_region(4091000, 10000, 4092000, 11000, UTM))
    assert question not in said


@pytest.mark.parametrize(
    ("grid", "field"),
    [
        pytest.param(GridSpec(), "region", id="own-grid"),
        pytest.param(GridSpec(crs=CRS("EPSG:4326"), scale=0.1), "scale", id="degrees"),
        pytest.param(GridSpec(crs=CRS("ESRI:54009"), scale=0.1), "scale", id="mollweide"),
    ],
)
def test_a_box_with_west_and_east_swapped_asks_whether_they_are(grid: GridSpec, field: str) -> None:
    said = told(bands=THREE[:2], grid=grid, region=box_region(-122.06, 37.04, -122.09, 37.06))
    sides = "the west of the region, -122.06, is greater than its east, -122.09"
    assert said[0].startswith(f"{field}: ")
    assert said[0].endswith(f"{sides}, so that it spans 359.97 degrees over the antimeridian: are the two swapped?")
    assert sum(sides in one for one in said) == 1
    assert len(set(said)) == len(said)


def test_a_nodata_value_of_no_type_is_told_in_one_line() -> None:
    assert told(nodata=70000) == [
        "nodata: 70000 is not a value of uint16, the type of bands B3, B8, B11, nor of uint8, the type of band 'SCL'"
    ]


def test_nodata_has_to_be_of_the_type() -> None:
    assert refused(bands=THREE[:1], region=REGION, nodata=-1.0) == {"nodata": "NODATA_NOT_OF_TYPE"}


def test_what_does_not_apply_to_npy_is_listed() -> None:
    render_plan = plan(
        bands=THREE,
        region=REGION,
        format=Format.NPY,
        file_per_band=True,
        compression=Compression.DEFLATE,
        compression_level=3,
        cloud_optimized=True,
    )
    assert ignored(render_plan) == ["file_per_band", "compression", "compression_level", "cloud_optimized"]


def test_etags_tell_plans_apart_and_nothing_else() -> None:
    first = plan(bands=THREE, region=REGION)
    assert first.etag == plan(bands=THREE, region=REGION).etag
    assert first.etag != plan(bands=THREE[:2], region=REGION).etag
    newer = (band("B3", version="2"), band("B8"), band("B11", 20))
    assert first.etag != plan(*newer, bands=THREE, region=REGION).etag


@pytest.mark.parametrize(
    ("dimensions", "message"),
    [
        (
            (4096, 4096),  # 3 bands of two bytes, and a byte for the mask of each
            "Total request size (150994944 bytes) must be less than or equal to 50331648 bytes.",
        ),
        ((40000, 2), "Pixel grid dimensions (40000x2) must be less than or equal to 32768."),
    ],
)
def test_the_limits_of_earth_engine_are_told_in_its_words(dimensions: tuple[int, int], message: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        plan(bands=THREE, format=Format.GEO_TIFF, grid=GridSpec(dimensions=dimensions), limits=EARTH_ENGINE_LIMITS)
    assert str(caught.value) == message


def test_a_band_that_there_is_not_hides_nothing_else_that_is_wrong() -> None:
    far = box_region(1, 1, 2, 2)
    fields = refused(
        band("B1", dtype="uint8"),
        band("B2", dtype="uint16"),
        bands=(BandRequest("B1"), BandRequest("B99"), BandRequest("B2")),
        file_per_band=True,
        nodata=300,
        region=far,
    )
    assert fields == {"bands[1].id": "BAND_NOT_FOUND", "nodata": "NODATA_NOT_OF_TYPE", "region": "OUTSIDE_IMAGE"}


def test_what_a_missing_band_might_be_like_is_no_reason_to_refuse() -> None:
    limits = Limits(max_bytes=10)
    fields = refused(band("B1", dtype="uint8"), bands=(BandRequest("B99"),), nodata=300, limits=limits)
    assert fields == {"bands[0].id": "BAND_NOT_FOUND"}
