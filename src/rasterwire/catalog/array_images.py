"""Makes images of files of arrays that no STAC item lists.

The layers without a time are an image whose id is the name of the file relative to the catalog's folder, without its
extension. Those of a time are an image whose id has the time in UTC added, such as ``cubes/s2/20210109T185751Z``. Where
it is no date of the usual calendar, or occurs twice, its number in the file is added: ``cubes/s2/time_3``.
"""

import posixpath
from collections.abc import Iterator, Sequence

from rasterwire.catalog.entry import Disagreement, Entry, Naming, Source
from rasterwire.catalog.tree import Tree
from rasterwire.errors import SourceUnavailable
from rasterwire.files.arrays.layers import Moment
from rasterwire.files.arrays.opened import opened_layers
from rasterwire.files.sandbox import call

__all__ = ["array_images"]

_MAX_LEFT_OUT = 20
"""Variables that are not served, told with each image of a file: it may have thousands of both."""


def array_images(tree: Tree, name: str) -> tuple[Entry, ...]:
    """Return the images of a file of arrays.

    The coordinates of the file are read, since they tell how many images there are.

    Args:
        tree: the files of the catalog.
        name: of the file.
    """
    return tuple(_entries(name, tree.path_of(name), tree.version_of(name) or ""))


def _entries(name: str, href: str, version: str) -> Iterator[Entry]:
    stem = posixpath.splitext(name)[0]
    key = posixpath.basename(stem)
    try:
        moments, left_out = call((href, version), _contents, href, version)
    except SourceUnavailable:
        yield Entry(stem, name, Naming.WHOLE_FILE, (Source(key, name, href),))  # the answer for it tells why
        return
    for number, moment in enumerate(moments):
        image_id = f"{stem}/{moment.id}" if moment.id else stem
        yield Entry(
            id=image_id,
            origin=name,
            naming=Naming.WHOLE_FILE,
            sources=(Source(key, name, href, moment=moment.id),),
            start_time=moment.time,
            notes=() if number else _notes(image_id, left_out),
            missing_assets=left_out[:_MAX_LEFT_OUT],
        )


def _contents(href: str, version: str) -> tuple[tuple[Moment, ...], tuple[tuple[str, str], ...]]:
    layers = opened_layers(href, version)
    return layers.moments, layers.left_out


def _notes(image_id: str, left_out: Sequence[tuple[str, str]]) -> tuple[Disagreement, ...]:
    return tuple(
        Disagreement(image_id=image_id, band=path, field="variable", claim="a raster that can be read", value=problem)
        for path, problem in left_out
    )
