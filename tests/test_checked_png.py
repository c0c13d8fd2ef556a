"""PNG files are refused where anything of their pixels is missing or damaged, and read in all their forms."""

import io
from pathlib import Path

import numpy as np
import pytest
import rasterio
from PIL import Image

from rasterwire.errors import SourceUnavailable
from rasterwire.files.byte_reader import open_reader
from rasterwire.files.checked_png import check_png
from small_files import pixels


def forms() -> dict[str, bytes]:
    """Return files of Pillow and GDAL in several types, sizes and depths."""
    files = {}
    for mode in ("1", "L", "P", "LA", "RGB", "RGBA", "I;16"):
        for size in ((1, 1), (7, 5), (40, 33)):
            out = io.BytesIO()
            Image.new(mode, size).save(out, "PNG")
            files[f"{mode} {size}"] = out.getvalue()
    for bits in (1, 2, 4):
        with rasterio.MemoryFile() as memory:
            with memory.open(driver="PNG", width=13, height=9, count=1, dtype="uint8", nbits=bits) as file:
                file.write(np.ones((1, 9, 13), "uint8"))
            files[f"{bits} bits"] = memory.read()
    return files


def check(folder: Path, content: bytes) -> None:
    path = folder / "a.png"
    path.unlink(missing_ok=True)
    path.write_bytes(content)
    check_png(open_reader(str(path)))


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_sound_files_of_all_forms_pass_and_no_bit_of_them_may_flip(tmp_path: Path) -> None:
    dice = np.random.default_rng(3)
    for name, content in forms().items():
        check(tmp_path, content)
        for place in dice.integers(8, len(content), 20):
            changed = bytearray(content)
            changed[place] ^= 1
            with pytest.raises(SourceUnavailable, match="damaged"):
                check(tmp_path, bytes(changed))
            assert changed != content, name


def test_files_that_end_early_are_refused(tmp_path: Path) -> None:
    out = io.BytesIO()
    Image.fromarray(pixels("uint8", 1)[0]).save(out, "PNG")
    content = out.getvalue()
    check(tmp_path, content)
    for size in (len(content) - 1, len(content) // 2, 33, 8):
        with pytest.raises(SourceUnavailable, match="damaged"):
            check(tmp_path, content[:size])
