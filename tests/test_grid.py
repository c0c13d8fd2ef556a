"""Grids, compared with numbers of Earth Engine's documentation and of real exports."""

import math

import numpy as np
import pytest
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox

from cases import every
from rasterwire.errors import InvalidRequest
from rasterwire.geo.grid import (
    anchored,
    check_transform,
    covering,
    footprint,
    lattice_extent,
    overlaps,
    pixel_metres,
    pixel_offset,
    rescaled,
    snap_axis,
    stretched,
)
from rasterwire.geo.region import Region, box_region, geojson_region

UTM = CRS("EPSG:32610")
LONLAT = CRS("EPSG:4326")
TILE = Affine(10, 0, 499980, 0, -10, 4200000)
EXAMPLE = box_region(-122.0859, 37.0436, -122.0626, 37.0586)


def cover(region: Region, lattice: Affine, crs: CRS) -> GeoBox:
    return covering(lattice, crs, lattice_extent(region, lattice, crs))


@pytest.mark.parametrize(
    ("scale", "transform", "size"),
    [
        pytest.param(20, (20, 0, 581260, 0, -20, 4101800), (105, 86), id="20-m"),
        pytest.param(10, (10, 0, 581270, 0, -10, 4101790), (209, 170), id="10-m"),
    ],
)
def test_the_example_of_the_documentation(scale: float, transform: tuple[float, ...], size: tuple[int, int]) -> None:
    grid = cover(EXAMPLE, rescaled(TILE, UTM, scale), UTM)
    assert tuple(grid.affine)[:6] == transform
    assert (grid.shape[1], grid.shape[0]) == size


def test_the_example_in_degrees() -> None:
    grid = cover(EXAMPLE, anchored(LONLAT, 20), LONLAT)
    assert (grid.shape[1], grid.shape[0]) == (131, 85)
    assert (grid.affine.c, grid.affine.f) == (-122.08607767743402, 37.05873940495309)


def test_jitter_of_a_client_does_not_move_the_grid() -> None:
    shifted = box_region(-122.08589999999998, 37.0436, -122.0626, 37.0586)
    lattice = rescaled(TILE, UTM, 10)
    assert cover(shifted, lattice, UTM) == cover(EXAMPLE, lattice, UTM)


def test_a_tenth_of_a_metre_in_web_mercator() -> None:
    crs = CRS("EPSG:3857")
    grid = cover(box_region(-1, -1, 1, 1, crs), anchored(crs, 0.1), crs)
    assert grid.shape == (20, 20)


@pytest.mark.parametrize(
    ("metres", "degrees"),
    [pytest.param(30, 0.00026949458523585647, id="30-m"), pytest.param(10, 8.983152841195215e-05, id="10-m")],
)
def test_degrees_of_real_exports(metres: float, degrees: float) -> None:
    assert anchored(LONLAT, metres).a == pytest.approx(degrees, rel=1e-15)


@every("corner", [-74.02073025380652, 5.405791885246045])
def test_origins_of_real_exports_are_whole_pixels(corner: float) -> None:
    lattice = anchored(LONLAT, 30)
    grid = cover(box_region(corner + 1e-6, 10, corner + 1, 11), lattice, LONLAT)
    assert grid.affine.c == pytest.approx(corner, abs=1e-12)


def test_scale_of_metres_in_a_crs_of_feet() -> None:
    assert pixel_metres(Affine(10, 0, 0, 0, -10, 0), CRS("EPSG:2263")) == pytest.approx(3.048006096)


def test_rescaling_keeps_rotation_shape_and_origin() -> None:
    lattice = Affine(3, 1, 100, 2, -5, 200)
    twice = rescaled(lattice, UTM, 2 * pixel_metres(lattice, UTM))
    assert tuple(twice)[:6] == (6, 2, 100, 4, -10, 200)


@given(
    low=st.floats(-1e6, 1e6),
    length=st.floats(0, 1e5),
)
def test_snapping_covers_and_wastes_less_than_a_pixel_a_side(low: float, length: float) -> None:
    first, count = snap_axis(low, low + length)
    assert count >= 1
    assert first <= low + 1e-6
    assert first + count >= low + length - 1e-6
    assert first > low - 1
    if count > 1:
        assert first + count < low + length + 1


@given(
    scale=st.floats(0.5, 5000),
    west=st.floats(-170, 160),
    south=st.floats(-80, 70),
    width=st.floats(0.001, 8),
    height=st.floats(0.001, 8),
)
def test_grids_cover_every_point_of_their_region(
    scale: float, west: float, south: float, width: float, height: float
) -> None:
    crs = CRS(f"EPSG:{32601 + int((west + width / 2 + 180) // 6)}")
    region = box_region(west, south, west + width, south + height)
    lattice = anchored(crs, scale)
    left, top, right, bottom = lattice_extent(region, lattice, crs)
    t = np.linspace(0, 1, 997)
    edges = np.concatenate(
        [
            np.column_stack([west + width * t, np.full(997, south)]),
            np.column_stack([west + width * t, np.full(997, south + height)]),
            np.column_stack([np.full(997, west), south + height * t]),
            np.column_stack([np.full(997, west + width), south + height * t]),
        ]
    )
    import pyproj

    x, y = pyproj.Transformer.from_crs(4326, crs.proj, always_xy=True).transform(edges[:, 0], edges[:, 1])
    cols, rows = x / scale, -y / scale
    slack = 1e-6 + 1e-9 * max(abs(left), abs(right), abs(top), abs(bottom))
    assert left <= cols.min() + slack
    assert right >= cols.max() - slack
    assert top <= rows.min() + slack
    assert bottom >= rows.max() - slack


def test_one_dimension_is_the_longer_side_with_square_pixels() -> None:
    grid = stretched(TILE, UTM, (0, 0, 300, 100), (60,))
    assert (grid.shape[1], grid.shape[0]) == (60, 20)
    assert (grid.affine.a, grid.affine.e) == (50, -50)


def test_two_dimensions_stretch_over_the_box_exactly() -> None:
    grid = stretched(TILE, UTM, (10, 20, 40, 50), (3, 10))
    assert tuple(grid.affine)[:6] == (100, 0, 500080, 0, -30, 4199800)


def test_an_image_over_the_antimeridian_keeps_one_piece_in_degrees() -> None:
    source = GeoBox((2355, 2325), Affine(100, 0, 570585, 0, -100, 5847615), CRS("EPSG:32660"))
    left, _, right, _ = lattice_extent(footprint(source), anchored(LONLAT, 100), LONLAT)
    west, east = left * anchored(LONLAT, 100).a, right * anchored(LONLAT, 100).a
    assert 177.9 < west < 178.1
    assert 181 < east < 182


def test_an_image_over_a_pole_reaches_it_at_all_longitudes() -> None:
    source = GeoBox((332, 316), Affine(25000, 0, -3950000, 0, -25000, 4350000), CRS("EPSG:3412"))
    left, top, right, bottom = lattice_extent(footprint(source), Affine(1, 0, 0, 0, -1, 0), LONLAT)
    assert (left, right, bottom) == (-180, 180, 90)
    assert -42 < -top < -38


def test_a_box_over_the_antimeridian_is_narrow_in_utm() -> None:
    crs = CRS("EPSG:32660")
    left, _, right, _ = lattice_extent(box_region(179, 51, -179, 52), Affine(1000, 0, 0, 0, -1000, 0), crs)
    assert 100 < right - left < 200


def test_geodesic_edges_bulge_towards_the_pole() -> None:
    square = '{"type":"Polygon","coordinates":[[[0,50],[40,50],[40,60],[0,60],[0,50]]]}'
    flat = lattice_extent(geojson_region(square, crs=None, geodesic=False), Affine(1, 0, 0, 0, -1, 0), LONLAT)
    round_ = lattice_extent(geojson_region(square, crs=None, geodesic=True), Affine(1, 0, 0, 0, -1, 0), LONLAT)
    assert flat[1] == -60
    assert round_[1] < -61


def test_the_offset_on_a_shared_lattice() -> None:
    source = GeoBox((100, 100), TILE, UTM)
    assert pixel_offset(GeoBox((5, 5), TILE @ Affine.translation(3, -2), UTM), source) == (3, -2)


@pytest.mark.parametrize(
    "grid",
    [
        pytest.param(GeoBox((5, 5), TILE @ Affine.translation(0.5, 0), UTM), id="half-a-pixel-off"),
        pytest.param(GeoBox((5, 5), TILE @ Affine.scale(2), UTM), id="coarser"),
        pytest.param(GeoBox((5, 5), TILE @ Affine.rotation(1), UTM), id="rotated"),
        pytest.param(GeoBox((5, 5), TILE, CRS("EPSG:32611")), id="another-crs"),
    ],
)
def test_other_lattices_share_no_pixels(grid: GeoBox) -> None:
    assert pixel_offset(grid, GeoBox((100, 100), TILE, UTM)) is None


def test_overlap_is_seen_over_the_antimeridian() -> None:
    source = GeoBox((2355, 2325), Affine(100, 0, 570585, 0, -100, 5847615), CRS("EPSG:32660"))
    west_of_it = GeoBox((10, 10), Affine(0.01, 0, -179.9, 0, -0.01, 52), LONLAT)
    far_away = GeoBox((10, 10), Affine(0.01, 0, 10, 0, -0.01, 52), LONLAT)
    assert overlaps(west_of_it, source)
    assert not overlaps(far_away, source)


@pytest.mark.parametrize(
    ("numbers", "reason"),
    [
        pytest.param((0, 0, 1, 0, 0, 1), "TRANSFORM_SINGULAR", id="zero"),
        pytest.param((1, 2, 0, 2, 4, 0), "TRANSFORM_SINGULAR", id="onto-a-line"),
        pytest.param((math.nan, 0, 0, 0, 1, 0), "TRANSFORM_NOT_FINITE", id="nan"),
        pytest.param((1e200, 0, 0, 0, 1e200, 0), "TRANSFORM_SINGULAR", id="beyond-numbers"),
    ],
)
def test_useless_transforms_are_refused(numbers: tuple[float, ...], reason: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        check_transform(Affine(*numbers), "crs_transform")
    assert caught.value.violations[0].reason == reason


def test_the_whole_world_is_not_small_in_a_zone_of_utm() -> None:
    left, top, right, bottom = lattice_extent(box_region(-180, -90, 180, 90), Affine(1000, 0, 0, 0, -1000, 0), UTM)
    assert left < 500 < right
    assert top < -4000 < bottom


@given(
    steps=st.tuples(*[st.sampled_from([-20.0, -7.5, 10.0, 33.0])] * 2),
    corner=st.tuples(*[st.integers(-80, 80)] * 2),
    size=st.tuples(*[st.integers(1, 40)] * 2),
)
def test_upright_grids_overlap_where_their_outlines_do(
    steps: tuple[float, float], corner: tuple[int, int], size: tuple[int, int]
) -> None:
    source = GeoBox((30, 50), TILE, UTM)
    x, y = TILE @ corner
    grid = GeoBox(size, Affine(steps[0], 0, x, 0, steps[1], y), UTM)
    shared = footprint(grid).geometry.intersection(footprint(source).geometry).area
    assert overlaps(grid, source) == (shared > 1e-3)
