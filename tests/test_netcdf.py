"""NetCDF 4 and HDF5 files, compared with what xarray and rioxarray read of them."""

import io
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import rasterio
import xarray as xr
from affine import Affine
from odc.geo.crs import CRS
from scipy.io import netcdf_file

from array_files import TIME_IDS, TIMES, band_of, coordinates, dataset, pixels, rendered
from rasterwire.catalog.folder import FolderCatalog
from rasterwire.errors import SourceUnavailable
from rasterwire.geo.region import box_region
from rasterwire.query import Query
from rasterwire.server.settings import Settings
from rasterwire.v1 import download_pb2
from serving import served

ROWS, COLS = 130, 170
KINDS = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "int64", "uint64", "float32", "float64")


def write(path: Path, data: xr.Dataset, **encoding: Any) -> Path:
    """Write a NetCDF 4 file in chunks of 50 x 60, compressed by deflate."""
    path.parent.mkdir(parents=True, exist_ok=True)
    settings = {"zlib": True, "shuffle": True, **encoding}
    chunked = {
        name: {**data[name].encoding, "chunksizes": _chunk(data[name]), **settings}
        for name in data.data_vars
        if len(data[name].dims) >= 2
    }
    data.to_netcdf(path, engine="h5netcdf", encoding=chunked)
    return path


def _chunk(array: xr.DataArray) -> tuple[int, ...]:
    return (*(1,) * (len(array.dims) - 2), min(50, array.shape[-2]), min(60, array.shape[-1]))


def stored(path: Path) -> xr.Dataset:
    with xr.open_dataset(path, engine="h5netcdf", mask_and_scale=False, decode_coords="all") as data:
        return data.load()


def test_every_type_has_the_values_and_the_grid_of_xarray(tmp_path: Path) -> None:
    variables = {kind: (("y", "x"), pixels((ROWS, COLS), kind)) for kind in KINDS}
    for name, up, suffix in (("down", False, "nc"), ("up", True, "nc4")):
        path = write(tmp_path / f"{name}.{suffix}", dataset(variables, **coordinates(ROWS, COLS, up)))
        image, want = FolderCatalog(tmp_path).get(name), stored(path)
        assert sorted(band.name for band in image.bands) == sorted(KINDS)
        for kind in KINDS:
            got, grid = rendered(image, kind)
            assert got.data.dtype == kind
            assert np.array_equal(got.data, want[kind].values), kind
            assert grid.affine.almost_equals(want[kind].rio.transform(), 1e-9)
            assert (grid.affine.e > 0) is up
            assert grid.crs == CRS("EPSG:32610")


def test_arrays_without_chunks_are_read_in_parts(tmp_path: Path) -> None:
    values = pixels((2, 700, 900), "float64")
    data = dataset({"v": (("z", "y", "x"), values)}, z=[1, 2], **coordinates(700, 900))
    data.to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    image = FolderCatalog(tmp_path).get("a")
    box = box_region(500_015.0, 3_993_500.0, 508_500.0, 3_999_915.0, CRS("EPSG:32610"))
    assert np.array_equal(rendered(image, "v_2", region=box)[0].data, values[1, 8:650, 1:850])


def cube() -> xr.Dataset:
    """Return a dataset as of a weather model: packed, in degrees from 0 to 360, without a grid mapping."""
    data = dataset(
        {
            "t": (("time", "level", "latitude", "longitude"), pixels((3, 2, 91, 180), "float32")),
            "mask": (("latitude", "longitude"), pixels((91, 180), "uint8")),
        },
        crs=None,
        time=np.array(TIMES, "M8[ns]"),
        level=np.array([850, 500]),
        latitude=np.linspace(90, -90, 91),
        longitude=np.arange(180) * 2.0,
    )
    data["latitude"].attrs, data["longitude"].attrs = {"units": "degrees_north"}, {"units": "degrees_east"}
    data["t"].attrs = {"units": "K", "long_name": "temperature"}
    data["t"].encoding = {"scale_factor": 0.01, "add_offset": 273.15, "_FillValue": -32767, "dtype": "int16"}
    return data


def test_times_are_images_levels_bands_and_packed_values_stay_as_stored(tmp_path: Path) -> None:
    want = stored(write(tmp_path / "era.nc", cube()))
    catalog = FolderCatalog(tmp_path)
    assert [image.id for image in catalog.find(Query()).images] == ["era", *(f"era/{name}" for name in TIME_IDS)]
    image = catalog.get(f"era/{TIME_IDS[2]}")
    assert [band.name for band in image.bands] == ["t_850", "t_500"]
    band = band_of(image, "t_500")
    assert (band.value_scale, band.value_offset, band.nodata, band.unit) == (0.01, 273.15, -32767, "K")
    assert np.array_equal(rendered(image, "t_500")[0].data, want["t"].values[2, 1])
    assert (band.grid.affine, band.grid.crs) == (Affine(2, 0, -1, 0, -2, 91), CRS("EPSG:4326"))
    # a box west of Greenwich is that of longitudes above 180
    got, _ = rendered(image, "t_500", region=box_region(-71.0, 11.0, -61.0, 21.0))
    assert np.array_equal(got.data, want["t"].values[2, 1][35:40, 145:150])


def test_a_service_delivers_the_values_of_a_file_as_geotiff_and_npy(tmp_path: Path) -> None:
    want = stored(write(tmp_path / "catalog" / "era.nc", cube()))["t"].values[0, 0][10:40, 20:60]
    params = download_pb2.DownloadParams(image=f"era/{TIME_IDS[0]}", bands=[download_pb2.BandSpec(id="t_850")])
    box = download_pb2.BoundingBox(west=39, south=11, east=119, north=71)
    params.region.CopyFrom(download_pb2.Region(bounding_box=box))
    with served(Settings(tmp_path / "catalog", grpc_port=0, http_port=-1, state_dir=tmp_path / "state")) as server:
        params.format = download_pb2.FORMAT_GEO_TIFF
        with rasterio.MemoryFile(server.stream(params)[0]) as memory, memory.open() as raster:
            assert raster.transform == Affine(2, 0, 39, 0, -2, 71)
            assert (raster.scales, raster.offsets, raster.units) == ((0.01,), (273.15,), ("K",))
            assert np.array_equal(raster.read(1), want)
        params.format = download_pb2.FORMAT_NPY
        assert np.array_equal(np.load(io.BytesIO(server.stream(params)[0]))["t_850"], want)


def test_many_threads_read_one_file(tmp_path: Path) -> None:
    values = pixels((8, ROWS, COLS))
    write(tmp_path / "a.nc", dataset({"v": (("z", "y", "x"), values)}, z=np.arange(8), **coordinates(ROWS, COLS)))
    image = FolderCatalog(tmp_path).get("a")
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda band: rendered(image, band.name)[0].data, image.bands))
    assert np.array_equal(np.stack(results), values)


@pytest.mark.filterwarnings("ignore:variable .* has multiple fill values")
def test_fill_missing_and_unsigned_values_are_those_of_xarray(tmp_path: Path) -> None:
    values = np.arange(-128, 127, dtype="int8").reshape(15, 17)
    data = dataset({"v": (("y", "x"), values)}, **coordinates(15, 17))
    data["v"].attrs = {"_Unsigned": "true", "_FillValue": np.int8(-1), "missing_value": np.int8(5)}
    data["f"] = ("y", "x"), values.astype("float32"), {"missing_value": np.array([3, 4], "float32")}
    data.to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    image = FolderCatalog(tmp_path).get("a")
    with xr.open_dataset(tmp_path / "a.nc", engine="h5netcdf") as want:
        got, _ = rendered(image, "v")
        assert got.data.dtype == np.uint8
        assert band_of(image, "v").nodata == 255
        assert np.array_equal(got.valid, want["v"].notnull().values)
        assert np.array_equal(got.data[got.valid], want["v"].values[got.valid])
    got, _ = rendered(image, "f")
    assert np.array_equal(~got.valid, np.isin(values, (3, 4)))


def test_a_grid_mapping_of_cf_parameters_gives_the_crs_and_radians_become_metres(tmp_path: Path) -> None:
    height = 35786023.0
    x, y = (np.arange(50) - 25) * 5.6e-05 + 0.02, 0.09 - np.arange(40) * 5.6e-05
    data = dataset({"Rad": (("y", "x"), pixels((40, 50), "int16"))}, crs=None, x=x, y=y)
    data["x"].attrs = {"units": "rad", "axis": "X", "standard_name": "projection_x_coordinate"}
    data["y"].attrs = {"units": "rad", "axis": "Y", "standard_name": "projection_y_coordinate"}
    data["Rad"].attrs = {"grid_mapping": "goes"}
    data["goes"] = (
        (),
        np.int32(0),
        {
            "grid_mapping_name": "geostationary",
            "perspective_point_height": height,
            "semi_major_axis": 6378137.0,
            "semi_minor_axis": 6356752.31414,
            "longitude_of_projection_origin": -75.0,
            "latitude_of_projection_origin": 0.0,
            "sweep_angle_axis": "x",
        },
    )
    data.to_netcdf(tmp_path / "goes.nc", engine="h5netcdf")
    image = FolderCatalog(tmp_path).get("goes")
    assert [band.name for band in image.bands] == ["Rad"]
    grid = image.bands[0].grid
    assert grid.crs is not None
    assert grid.crs.proj.to_cf()["longitude_of_projection_origin"] == -75
    assert np.allclose(grid.affine.c, (x[0] - 2.8e-05) * height)
    assert np.allclose(grid.affine.a, 5.6e-05 * height)


def test_other_files_are_refused_with_the_way_to_convert(tmp_path: Path) -> None:
    with netcdf_file(tmp_path / "classic.nc", "w") as file:
        file.createDimension("x", 2)
    (tmp_path / "four.nc").write_bytes(b"\x0e\x03\x13\x01" + bytes(100))
    (tmp_path / "none.h5").write_bytes(bytes(100))
    whole = write(tmp_path / "whole.nc", dataset({"v": (("y", "x"), pixels((ROWS, COLS)))}, **coordinates(ROWS, COLS)))
    (tmp_path / "cut.nc").write_bytes(whole.read_bytes()[:9000])
    (tmp_path / "folder.nc").mkdir()
    catalog = FolderCatalog(tmp_path)
    for name, problem in {"classic": "nccopy", "four": "HDF4", "none": "no NetCDF 4", "cut": "damaged"}.items():
        with pytest.raises(SourceUnavailable, match=problem):
            catalog.get(name)
    assert "folder" not in [image.id for image in catalog.find(Query()).images]


def test_references_to_other_files_are_refused(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(bytes(range(100)))
    outside = write(tmp_path / "other" / "o.nc", dataset({"v": (("y", "x"), pixels((4, 5)))}, **coordinates(4, 5)))
    folder = tmp_path / "catalog"
    for name in ("external", "virtual", "linked", "soft"):
        write(folder / f"{name}.nc", dataset({"v": (("y", "x"), pixels((4, 5), "uint8"))}, **coordinates(4, 5)))
        with h5py.File(folder / f"{name}.nc", "a") as file:
            scales = [file["y"], file["x"]]
            del file["v"]
            match name:
                case "external":
                    file.create_dataset("v", (4, 5), "u1", external=[(str(secret), 0, 20)])
                case "virtual":
                    layout = h5py.VirtualLayout((4, 5), "u2")
                    layout[:] = h5py.VirtualSource(str(outside), "v", (4, 5))
                    file.create_virtual_dataset("v", layout)
                case "linked":
                    file["v"] = h5py.ExternalLink(str(outside), "v")
                case _:
                    file["v"] = h5py.SoftLink("/y")
            for axis, scale in enumerate(scales if name in {"external", "virtual"} else ()):
                file["v"].dims[axis].attach_scale(scale)
    catalog = FolderCatalog(folder)
    for name, problem in (
        ("external", "other files"),
        ("virtual", "other files"),
        ("linked", "a link"),
        ("soft", "a link"),
    ):
        with pytest.raises(SourceUnavailable, match=problem):
            catalog.get(name)


def test_a_file_that_was_replaced_is_another_version(tmp_path: Path) -> None:
    first, second = (dataset({"v": (("y", "x"), pixels((4, 5), seed=n))}, **coordinates(4, 5)) for n in (1, 2))
    write(tmp_path / "a.nc", first)
    catalog = FolderCatalog(tmp_path, refresh_seconds=0)
    before = catalog.get("a")
    rendered(before, "v")
    (tmp_path / "a.nc").unlink()
    write(tmp_path / "a.nc", second)
    with pytest.raises(SourceUnavailable, match="changed since"):
        rendered(before, "v")
    assert np.array_equal(rendered(catalog.get("a"), "v")[0].data, second["v"].values)


def test_a_transform_of_the_convention_spatial_is_read(tmp_path: Path) -> None:
    data = dataset({"v": (("y", "x"), pixels((ROWS, COLS)))})
    data["v"].attrs |= {
        "spatial:transform": [10.0, 0.0, 500_000.0, 0.0, -10.0, 4_000_000.0],
        "spatial:shape": [ROWS, COLS],
    }
    write(tmp_path / "a.nc", data)
    band = band_of(FolderCatalog(tmp_path).get("a"), "v")
    assert band.grid.affine == Affine(10, 0, 500_000, 0, -10, 4_000_000)
