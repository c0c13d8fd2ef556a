"""Encoders give equal bytes for equal tiles, at any depth of the stack, in any thread, process and state of memory."""

import hashlib
import io
import json
import os
import platform
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import rasterio
from affine import Affine
from isal import isal_zlib

from rasterwire.catalog.folder import FolderCatalog
from rasterwire.download import Render, Renders
from rasterwire.encode.tiles import compressor
from rasterwire.export.zarr_layout import lay_out
from rasterwire.export.zarr_metadata import array_documents
from rasterwire.export.zarr_part import ZarrTask
from rasterwire.plan import Limits, etag, make_plan
from rasterwire.plan.libraries import LIBRARIES
from rasterwire.render.engine import SerialEngine
from rasterwire.request import Compression, DownloadRequest, Encoding, Format, MaskOutput
from rasterwire.store.artifacts import FolderArtifactStore

ENCODINGS = [
    Encoding(Compression.NONE),
    Encoding(Compression.DEFLATE),
    Encoding(Compression.DEFLATE, 6),
    Encoding(Compression.LZW),
    Encoding(Compression.ZSTD),
    Encoding(Compression.ZSTD, 9),
]
DTYPES = ("uint8", "uint16", "int64", "float32")


def tiles() -> Iterator[tuple[str, npt.NDArray[Any]]]:
    """Yield tiles as in real files: elevation, classes, enlarged pixels, noise, zeros."""
    rng = np.random.default_rng(9)
    y, x = np.mgrid[:256, :256]
    smooth = 1000 + 300 * np.sin(x / 37) + 200 * np.cos(y / 29)
    kinds = [
        smooth + rng.normal(0, 20, (256, 256)),
        smooth // 50 * 50,
        np.kron(smooth[:64, :64] + rng.normal(0, 60, (64, 64)), np.ones((4, 4))),
        rng.integers(0, 5, (32, 32)).repeat(8, 0).repeat(8, 1),
        rng.integers(0, 65536, (256, 256)),
        np.zeros((256, 256)),
    ]
    for kind in kinds:
        for dtype in DTYPES:
            yield dtype, (kind % 256 if dtype == "uint8" else kind).astype(dtype)[..., np.newaxis]


def digests() -> list[str]:
    """Return a digest of all tiles for each encoding."""
    digests_ = []
    for encoding in ENCODINGS:
        digest = hashlib.sha256()
        for dtype, tile in tiles():
            digest.update(compressor(encoding, dtype)(tile))
        digests_.append(digest.hexdigest()[:16])
    return digests_


def deeper(depth: int) -> list[str]:
    """Return digests that are computed a number of C calls deeper in the stack."""
    return digests() if depth == 0 else next(map(deeper, (depth - 1,)))


def test_bytes_do_not_depend_on_the_depth_of_the_stack() -> None:
    expected = digests()
    for depth in (1, 2, 3, 5, 8, 13, 21, 34, 55):
        assert deeper(depth) == expected, depth


def test_bytes_do_not_depend_on_where_the_compressor_lies_in_memory() -> None:
    """Compress 40,000 streams at many addresses, with data where every match can be found."""
    compress, dice = compressor(Encoding(Compression.DEFLATE), "int64"), np.random.default_rng(3)
    compressors = [isal_zlib.compressobj(level=1) for _ in range(200)]
    differ = 0
    for tile in dice.choice(np.array([0, 1, 255], "uint8"), (20_000, 88, 8)).view("int64")[..., 0]:
        first = compress(tile)
        compressors[int(dice.integers(200))] = isal_zlib.compressobj(level=1)
        differ += compress(tile) != first
    assert not differ


def test_bytes_do_not_depend_on_the_thread() -> None:
    expected = digests()
    together = threading.Barrier(4)

    def made(depth: int) -> list[str]:
        together.wait(60)
        return deeper(depth)

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(made, (0, 7, 20, 33))) == [expected] * 4


def test_bytes_do_not_depend_on_the_process_or_what_its_memory_held() -> None:
    code = "import json, test_same_bytes as t; print(json.dumps(t.deeper(3)))"
    path = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    expected = digests()
    for fill in ("0", "85", "255"):  # glibc fills allocated and freed memory with these bytes
        environment = {**os.environ, "PYTHONPATH": path, "MALLOC_PERTURB_": fill}
        process = subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, check=True, timeout=600
        )
        assert json.loads(process.stdout) == expected, fill


def delivered(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Yield every kind of file of one small image, by name."""
    y, x = np.mgrid[:300, :300]
    pixels = (1000 + 300 * np.sin(x / 37) + 200 * np.cos(y / 29)).astype("uint16")
    catalog, cache = folder / "catalog", FolderArtifactStore(folder / "cache", 1 << 30)
    catalog.mkdir()
    profile = {"driver": "GTiff", "width": 300, "height": 300, "count": 1, "dtype": "uint16", "crs": "EPSG:32610"}
    with rasterio.open(catalog / "a.tif", "w", **profile, transform=Affine(10, 0, 5e5, 0, -10, 42e5)) as file:
        file.write(pixels, 1)
    image = FolderCatalog(catalog).get("a")
    for format_ in [each for each in Format if each is not Format.ZARR]:
        for cloud_optimized in (False, True) if format_ is Format.GEO_TIFF else (False,):
            request = DownloadRequest("a", format=format_, cloud_optimized=cloud_optimized)
            plan = make_plan(request, image, Limits())
            out = io.BytesIO()
            Renders(SerialEngine(), cache, folder, 1).to_file(Render(plan), out)
            yield f"{format_.value} {cloud_optimized}", out.getvalue()


def cpu_kind() -> str:
    """Return the properties of the processor that may select another loop of ISA-L."""
    path = Path("/proc/cpuinfo")
    is_wide = path.exists() and "avx512f" in path.read_text()
    return f"{platform.machine()}{' avx512' if is_wide else ''}"


ZARR_GOLDEN = "imagecodecs 2026.3.6 | 9cbe1bcec22f3103"
"""What makes bytes of Zarr stores, and a digest of one."""

GOLDEN = "11 | imagecodecs 2026.3.6, isal 1.9.1, rasterio 1.4.4, tifffile 2026.3.3, x86_64 | 36b1f736e35542a2"
"""Revision, what makes bytes, and digest of what is made."""


def test_other_bytes_come_with_another_revision(tmp_path: Path) -> None:
    digest = hashlib.sha256("".join(digests()).encode())
    for name, data in delivered(tmp_path):
        digest.update(name.encode() + hashlib.sha256(data).digest())
    makers = f"{', '.join(LIBRARIES)}, {cpu_kind()}"
    current = f"{etag.ENCODING_REVISION} | {makers} | {digest.hexdigest()[:16]}"
    revision, golden_makers, _ = GOLDEN.split(" | ")
    if golden_makers != makers:
        pytest.skip(f"these makers of bytes are others than those the digest was taken with: {makers}")
    assert current == GOLDEN, "raise ENCODING_REVISION where bytes changed, and write this line down as GOLDEN"
    assert revision == etag.ENCODING_REVISION


def test_stores_of_other_bytes_come_with_another_revision(tmp_path: Path) -> None:
    list(delivered(tmp_path))  # makes the image
    digest = hashlib.sha256()
    image = FolderCatalog(tmp_path / "catalog").get("a")
    for compression in (Compression.ZSTD, Compression.DEFLATE, Compression.NONE):
        request = DownloadRequest("a", format=Format.ZARR, compression=compression, mask=MaskOutput.BAND)
        plan = make_plan(request, image, Limits(are_of_exports=True))
        task = ZarrTask(plan.rasters[0], plan.encoding, lay_out(plan.rasters[0]))
        for part in task.layout.parts():
            for shard in task(part):
                digest.update(shard.joined())
        documents = array_documents(plan.rasters[0], plan.encoding, task.layout)
        digest.update(json.dumps({name: documents[name] for name in ("B1", "mask")}).encode())
    maker, _, golden = ZARR_GOLDEN.partition(" | ")
    if maker not in LIBRARIES:
        pytest.skip(f"another version of imagecodecs made the digest: {maker}")
    assert digest.hexdigest()[:16] == golden, "raise ENCODING_REVISION where bytes changed, and write this down"
