"""Uses what the image has packages for, so that none of what they need is missing.

    exercise.py IMAGES FOLDER

IMAGES is the folder of a demo scene; FOLDER gets what is made. A server renders with processes of Dask, answers in
every format, and exports; the parts that need other servers are loaded as far as they go without one.
"""

import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import botocore.session
import h5netcdf
import h5py
import jwt
import numpy as np
import obstore
import opentelemetry.exporter.otlp.proto.http.trace_exporter
import opentelemetry.sdk.trace
import psycopg_pool
import pystac_client
import zarr

from rasterwire import Client
from rasterwire.request import Format

CONFIG = """
catalog = "{images}"
grpc_port = {grpc_port}
http_port = {http_port}
state_dir = "{folder}/state"
engine = "dask"

[dask]
processes = 2

[[export.destinations]]
name = "results"
folder = "{folder}/results"
"""

MAGIC = {Format.GEO_TIFF: b"II*\0", Format.NPY: b"\x93NUMPY", Format.PNG: b"\x89PNG", Format.JPEG: b"\xff\xd8\xff"}
"""What files of a format begin with; the others are Zip."""


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def load_packages(folder: Path) -> None:
    """Use those of catalogs, files and stores."""
    session = botocore.session.Session()
    keys = {"aws_access_key_id": "key", "aws_secret_access_key": "secret"}
    client = session.create_client("s3", region_name="eu-central-1", **keys)
    assert client.generate_presigned_url("get_object", {"Bucket": "b", "Key": "k"}).startswith("https://")
    for name in ("sts", "sso", "sso-oidc"):
        session.create_client(name, region_name="eu-central-1", **keys)
    values = np.arange(64.0).reshape(8, 8)
    with h5netcdf.File(folder / "a.nc", "w") as file:
        file.dimensions = {"y": 8, "x": 8}
        file.create_variable("v", ("y", "x"), data=values, compression="gzip", shuffle=True)
    with h5py.File(folder / "a.nc") as file:
        assert (file["v"][:] == values).all()
    array = zarr.create_array(folder / "a.zarr", data=values, chunks=(4, 4))
    assert (array[:] == values).all()
    assert jwt.algorithms.has_crypto
    print(f"loaded {obstore.__name__}, {opentelemetry.__name__}, {psycopg_pool.__name__}, {pystac_client.__name__}")


def exercise(folder: Path, client: Client) -> None:
    """Ask for every format, and for an export."""
    (image, *_) = [entry.id for entry in client.list_images()]
    for chosen in set(Format) - {Format.ZARR}:  # which exports alone write
        params = {"image": image, "bands": ["SCL"] if chosen.is_picture else ["B2", "B3", "B4"], "format": chosen.value}
        path = folder / f"{chosen.value}.file"
        client.download(params, path)
        found = path.read_bytes()
        assert found.startswith(MAGIC.get(chosen, b"PK\3\4")), chosen
        print(f"{chosen.value}: {len(found)} bytes")
    export = client.export({"image": image, "bands": ["B4"]}, "results/b4")
    print(f"export: {export.state}, {len(export.files)} files")
    assert export.files


def main(images: Path, folder: Path) -> None:
    """Do all of it."""
    (folder / "results").mkdir(parents=True)
    load_packages(folder)
    grpc_port, http_port = free_port(), free_port()
    ports = {"grpc_port": grpc_port, "http_port": http_port}
    (folder / "rasterwire.toml").write_text(CONFIG.format(images=images, folder=folder, **ports))
    server = subprocess.Popen([sys.executable, "-m", "rasterwire.cli", "serve", "--config", folder / "rasterwire.toml"])
    try:
        end = time.monotonic() + 180
        while time.monotonic() < end and server.poll() is None:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{http_port}/readyz", timeout=5).close()
                break
            except OSError:
                time.sleep(0.1)
        else:
            sys.exit("exercise: the server with processes of Dask did not get ready")
        with Client(f"127.0.0.1:{grpc_port}") as client:
            exercise(folder, client)
    finally:
        server.terminate()
        server.wait(60)
    print("exercise: all formats, an export, and processes of Dask")


if __name__ == "__main__":  # processes of Dask import it again
    main(*map(Path, sys.argv[1:]))
