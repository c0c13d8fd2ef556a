"""Makes the catalog that the tests of the JavaScript client ask.

Its scene is composed of the shared real rasters where they are, and is the demo's elsewhere.
"""

import os
import subprocess
import sys
from pathlib import Path

from rasterwire.demo.scene import IMAGE_ID, make_scene


def make(root: Path) -> None:
    """Write the scene below a folder."""
    data = Path(os.environ.get("RASTERWIRE_SHARED_DATA", Path(__file__).parents[4] / "shared" / "data"))
    script = data / "compose_scene.py"
    if not script.is_file():
        make_scene(root)
        return
    classes = data / "s2_T29UNU_20221005_jp2" / "T29UNU_20221005T115411_SCL_20m.jp2"
    paths = (script, data / "s2_majortom_T48QUE_20200223", classes, root / IMAGE_ID)
    subprocess.run([sys.executable, *map(str, paths)], check=True, stdout=subprocess.DEVNULL)
