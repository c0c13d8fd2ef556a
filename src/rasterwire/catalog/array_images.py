"""Makes images of files of arrays that no STAC item lists.

The layers without a time are an image whose id is the name of the file relative to the catalog's folder, without its
extension. Those of a time are an image whose id has the time in UTC added, such as ``cubes/s2/20210109T185751Z``. Where
it is no date of the usual calendar, or occurs twice, its number in the file is added: ``cubes/s2/time_3``.
"""

import posixpath
from collections.abc import Iterator

from rasterwire.catalog.entry import Disagreement, Entry, Naming, Source
from rasterwire.catalog.tree import Tree
from rasterwire.errors import SourceUnavailable
from rasterwire.files.arrays.layers import Layers
from rasterwire.files.arrays.opened import array_format, opened_layers

__all__ = ["find_array_images"]


def find_array_images(tree: Tree, used: set[str]) -> list[Entry]:
    """Return the images of all files of arrays, ordered by file.

    The coordinates of each file are read, since they tell how many images there are; those of files that are open
    already are not read again.

    Args:
        tree: the files of the catalog.
        used: names of the files that belong to STAC items.
    """
    return [entry for name in tree.files if array_format(name) and name not in used for entry in _entries(tree, name)]


def _entries(tree: Tree, name: str) -> Iterator[Entry]:
    href, version = tree.files[name]
    stem = posixpath.splitext(name)[0]
    key = posixpath.basename(stem)
    try:
        layers = opened_layers(href, version)
    except SourceUnavailable:
        yield Entry(stem, name, Naming.WHOLE_FILE, (Source(key, name, href),))  # the answer for it tells why
        return
    for moment in layers.moments:
        image_id = f"{stem}/{moment.id}" if moment.id else stem
        yield Entry(
            id=image_id,
            origin=name,
            naming=Naming.WHOLE_FILE,
            sources=(Source(key, name, href, moment=moment.id),),
            start_time=moment.time,
            notes=_notes(image_id, layers) if moment is layers.moments[0] else (),
            missing_assets=layers.left_out,
        )


def _notes(image_id: str, layers: Layers) -> tuple[Disagreement, ...]:
    return tuple(
        Disagreement(image_id=image_id, band=path, field="variable", claim="a raster that can be read", value=problem)
        for path, problem in layers.left_out
    )
