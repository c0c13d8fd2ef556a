"""The plugin of QGIS as a package: what is in its zip, and what it needs; and requests of canvases."""

import ast
import compileall
import configparser
import subprocess
import sys
import xml.etree.ElementTree as ET
import zipfile
from pathlib import Path

import pytest
from rasterwire_qgis.failures import Damaged, Refused
from rasterwire_qgis.layers import file_name, layer_sources
from rasterwire_qgis.listing import Found, find_images
from rasterwire_qgis.plan_text import plan_lines
from rasterwire_qgis.request import RESAMPLINGS, Choice, Grid, Kind, View, read_params
from rasterwire_qgis.signatures import check_signature

import rasterwire
from cases import every
from rasterwire.client.params import to_message
from rasterwire.v1 import download_pb2

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "clients" / "qgis"
PLUGIN = FOLDER / "rasterwire_qgis"
OF_QGIS = {"panel", "plugin", "task"}
"""Modules that import QGIS."""

OLDEST_PYTHON = (3, 9)
"""Of QGIS 3.22 on Windows and macOS."""


def build(target: Path) -> None:
    subprocess.run([sys.executable, FOLDER / "build.py", target], check=True, capture_output=True)


# -- the package ----------------------------------------------------------------------------


def test_the_zip_is_built_the_same_each_time_and_holds_what_qgis_asks_for(tmp_path: Path) -> None:
    build(tmp_path / "a" / "first.zip")
    build(tmp_path / "second.zip")
    assert (tmp_path / "a" / "first.zip").read_bytes() == (tmp_path / "second.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "second.zip") as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        archive.extractall(tmp_path / "plugins")
    assert {name.partition("/")[0] for name in names} == {"rasterwire_qgis"}
    modules = {f"rasterwire_qgis/{path.name}" for path in PLUGIN.glob("*.py")}
    assert set(names) == modules | {f"rasterwire_qgis/{name}" for name in ("LICENSE", "icon.svg", "metadata.txt")}
    assert compileall.compile_dir(tmp_path / "plugins", quiet=1)


def test_the_metadata_is_that_of_the_project() -> None:
    parser = configparser.ConfigParser()
    parser.read(PLUGIN / "metadata.txt", encoding="utf-8")
    general = parser["general"]
    assert general["version"] == rasterwire.__version__
    for name in ("name", "qgisMinimumVersion", "description", "about", "author", "email", "repository", "tracker"):
        assert general[name], name
    icon = ET.parse(PLUGIN / general["icon"]).getroot()
    assert icon.tag == "{http://www.w3.org/2000/svg}svg"
    assert not [element for element in icon.iter() if any("href" in name for name in element.attrib)]


@every("path", sorted(PLUGIN.glob("*.py")))
def test_a_module_is_python_of_the_oldest_qgis_and_only_windows_import_qgis(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"), feature_version=OLDEST_PYTHON)
    imports = {
        name.partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names])
    }
    assert imports <= set(sys.stdlib_module_names) | {"rasterwire_qgis"} | ({"qgis"} if path.stem in OF_QGIS else set())


def test_the_logic_runs_with_pythons_own_library_alone(tmp_path: Path) -> None:
    build(tmp_path / "plugin.zip")
    names = sorted({path.stem for path in PLUGIN.glob("*.py")} - OF_QGIS - {"__init__"})
    program = f"import sys; sys.path.insert(0, {str(tmp_path / 'plugin.zip')!r})\n"
    program += "".join(f"import rasterwire_qgis.{name}\n" for name in names)
    program += "print(hex(rasterwire_qgis.crc32c.crc32c(b'123456789')))"
    ran = subprocess.run([sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout == "0xe3069283\n"  # source: RFC 3720, section B.4


# -- requests -------------------------------------------------------------------------------

VIEW = View("EPSG:32610", False, 500_000.0, 4_100_000.0, 500_995.0, 4_100_500.0, 10.0)


def test_the_canvas_is_the_grid() -> None:
    params = read_params(Choice("a/b", ("B2", "B1"), Grid.VIEW_CANVAS, Kind.CLOUD_OPTIMIZED, "RESAMPLING_CUBIC"), VIEW)
    assert to_message(params) == download_pb2.DownloadParams(
        image="a/b",
        bands=[download_pb2.BandSpec(id="B2"), download_pb2.BandSpec(id="B1")],
        crs="EPSG:32610",
        crs_transform=[10, 0, 500_000, 0, -10, 4_100_500],
        dimensions=[100, 50],
        format=download_pb2.FORMAT_GEO_TIFF,
        resampling=download_pb2.RESAMPLING_CUBIC,
        cloud_optimized=True,
    )


def test_the_visible_part_is_a_region_in_the_crs_of_the_canvas() -> None:
    params = to_message(read_params(Choice("a", kind=Kind.ZIP), VIEW))
    assert params.format == download_pb2.FORMAT_ZIPPED_GEO_TIFF_PER_BAND
    box = download_pb2.BoundingBox(west=500_000, south=4_100_000, east=500_995, north=4_100_500)
    assert params.region == download_pb2.Region(bounding_box=box, crs="EPSG:32610")
    assert not params.dimensions
    assert not params.bands


def test_the_whole_image_asks_nothing_of_the_canvas() -> None:
    nowhere = View("", False, 0, 0, 0, 0, 0)
    params = to_message(read_params(Choice("a", grid=Grid.WHOLE_OWN), nowhere))
    assert params == download_pb2.DownloadParams(
        image="a", format=download_pb2.FORMAT_GEO_TIFF, resampling=download_pb2.RESAMPLING_NEAREST
    )


def test_the_canvas_ends_at_the_poles_and_once_around_the_earth() -> None:
    world = View("EPSG:4326", True, -400.0, -120.0, 300.0, 95.0, 0.5)
    params = read_params(Choice("a", grid=Grid.VIEW_CANVAS), world)
    assert params["crsTransform"] == [0.5, 0, -180, 0, -0.5, 90]
    assert params["dimensions"] == [720, 360]


def test_a_rounding_error_makes_no_pixel_more() -> None:
    assert 2.1 / 0.3 > 7
    params = read_params(Choice("a", grid=Grid.VIEW_CANVAS), View("EPSG:32610", False, 0, 0, 2.1, 2.11, 0.3))
    assert params["dimensions"] == [7, 8]


@every(
    ("view", "sentence"),
    [
        (View("EPSG:32610", False, 0, 0, 0, 0, 1), "shows no place"),
        (View("EPSG:32610", False, float("nan"), 0, 1, 1, 1), "shows no place"),
        (View("EPSG:4326", True, 0, 91, 1, 95, 1), "shows no place"),
        (View("", False, 0, 0, 1, 1, 1), "has no crs"),
        (View("EPSG:32610", False, 0, 0, 1e9, 1e9, 0.1), "zoom in"),
    ],
)
def test_a_canvas_that_is_no_grid_is_refused(view: View, sentence: str) -> None:
    with pytest.raises(Refused, match=sentence):
        read_params(Choice("a", grid=Grid.VIEW_CANVAS), view)


def test_no_image_is_refused() -> None:
    with pytest.raises(Refused, match="choose one"):
        read_params(Choice(""), VIEW)


def test_resamplings_are_those_of_the_schema() -> None:
    assert set(RESAMPLINGS.values()) <= set(download_pb2.Resampling.keys())


# -- texts ----------------------------------------------------------------------------------


def test_a_plan_is_plain_lines_whatever_is_in_it() -> None:
    band = {"id": "B\u202e1\n", "dataType": "DATA_TYPE_UINT16", "nodataText": "0", "resampling": "RESAMPLING_CUBIC"}
    raster = {
        "path": "a.tif",
        "grid": {"width": "9", "height": "8", "crsTransform": [3, 0, 0, 0, -4, 0]},
        "bands": [band],
    }
    plan = {
        "filename": "x" * 9999,
        "estimatedBytes": "1536",
        "uncompressedBytes": "3000000",
        "rasters": [raster] * 30,
        "ignored": [{"field": "scale", "reason": "no"}],
        "notes": [{"field": "region", "text": "yes"}],
        "leftOut": [{"item": "palette", "reason": "so"}],
    }
    lines = plan_lines(plan)
    assert lines[1:4] == [
        "Size: about 1.5 KiB of 2.86 MiB",
        "a.tif: 9 x 8 pixels of 3 x 4, no crs",
        "    B\ufffd1\ufffd: uint16, nodata 0, cubic",
    ]
    assert lines[-4:] == ["and 10 more rasters", "Ignored: scale: no", "Note: region: yes", "Left out: palette: so"]
    assert max(map(len, lines)) < 400
    assert plan_lines({})[1] == "Size: about 0 bytes of 0 bytes"


@every(
    ("image_id", "name"),
    [("a/b", "b.tif"), ("../..", "image.tif"), ("a/b\\c:d*", "b_c_d_.tif"), ("x" * 500, "x" * 120 + ".tif")],
)
def test_the_name_of_a_file_is_safe(image_id: str, name: str) -> None:
    assert file_name(image_id, ".tif") == name


def test_each_raster_of_a_zip_is_a_layer() -> None:
    plan = {"rasters": [{"path": "a.B1.tif"}, {"path": "a.B2.tif"}]}
    assert layer_sources(Path("/d/a.zip"), plan) == [
        ("a.B1", "/vsizip//d/a.zip/a.B1.tif"),
        ("a.B2", "/vsizip//d/a.zip/a.B2.tif"),
    ]
    assert layer_sources(Path("/d/a.tif"), plan) == [("a", "/d/a.tif")]


# -- listing --------------------------------------------------------------------------------


class _Pages:
    """A door of many images, which are listed as a server lists them."""

    def __init__(self, ids: list[str]) -> None:
        self.ids = sorted(ids)
        self.calls = 0

    def images(self, prefix: str = "", page_token: str = "", size: int = 100) -> Found:
        self.calls += 1
        matching = [name for name in self.ids if name.startswith(prefix)]
        start = int(page_token or 0)
        end = start + size
        return Found(tuple(matching[start:end]), str(end) if end < len(matching) else "")


def test_a_beginning_is_found_page_by_page_and_a_part_by_a_bounded_look() -> None:
    door = _Pages([f"S2/T{number:06}" for number in range(25_000)])
    page = find_images(door, "S2/T0001")  # type: ignore[arg-type]
    assert page == Found(tuple(f"S2/T0001{number:02}" for number in range(100)))
    first = find_images(door, "")  # type: ignore[arg-type]
    assert len(first.ids) == 100
    assert find_images(door, "", first.next_token).ids[0] == "S2/T000100"  # type: ignore[arg-type]
    door.calls = 0
    part = find_images(door, "t00999")  # type: ignore[arg-type]
    assert part.ids == tuple(f"S2/T00999{number}" for number in range(10))
    assert "Only the first 10000 ids" in part.note
    assert door.calls == 11


def test_what_is_not_there_is_told() -> None:
    assert find_images(_Pages(["a"]), "x").note == "None of the 1 images has this text in its id."  # type: ignore[arg-type]
    assert find_images(_Pages([]), "").note == "The server has no images."  # type: ignore[arg-type]


# -- what came -------------------------------------------------------------------------------


@every(
    ("start", "is_right"),
    [
        (b"II*\0", True),
        (b"MM\0*", True),
        (b"II+\0", True),
        (b"MM\0+", True),
        (b'<VRTDataset rasterXSize="1">', False),
        (b"\x89PNG\r\n", False),
        (b"II", False),
        (b"", False),
    ],
)
def test_what_is_no_geotiff_is_not_opened(tmp_path: Path, start: bytes, is_right: bool) -> None:
    plain, packed, both = tmp_path / "a.tif", tmp_path / "a.zip", tmp_path / "both.tif"
    plain.write_bytes(start)
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("first.tif", b"II*\0")
        archive.writestr("second.tif", start)
    both.write_bytes(start)
    for path, is_zip in ((plain, False), (packed, True)):
        if is_right:
            check_signature(path, is_zip)
        else:
            with pytest.raises(Damaged):
                check_signature(path, is_zip)
        assert path.exists() == is_right
    with pytest.raises(Damaged):
        check_signature(both, True)
