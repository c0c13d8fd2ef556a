"""Where the tiles and parts of a file lie: arithmetic, held against counts by hand."""

import io
from collections import Counter
from itertools import accumulate

import numpy as np
import tifffile

from cases import every
from rasterwire.export.cog_header import CogHeader
from rasterwire.export.cog_layout import MAX_PARTS, CogLayout, PartSummary, PartWindow
from rasterwire.export.parted_cog import PartedCog
from rasterwire.request import Encoding
from test_encode import raster
from test_parted_cog import averaging

SIZES = [(1, 1), (64, 64), (65, 1), (1, 65), (128, 128), (129, 128), (1000, 1), (700, 300), (2049, 1025), (4097, 4096)]


def all_parts(layout: CogLayout) -> list[PartWindow]:
    return [*layout.parts] + ([] if layout.head is None else [layout.head])


@every("span", [1, 2, 8])
@every("size", SIZES)
def test_each_tile_of_each_level_is_in_one_part(size: tuple[int, int], span: int) -> None:
    layout = CogLayout(*size, tile=64, span=span)
    tiles = [np.zeros(layout.tiles(level), int) for level in range(layout.overviews + 1)]
    for part in all_parts(layout):
        for level in layout.levels_of(part):
            window = layout.tile_window(part, level)
            tiles[level][window.row : window.row + window.height, window.col : window.col + window.width] += 1
    assert all((level == 1).all() for level in tiles)


@every("size", SIZES)
def test_each_level_has_half_the_pixels_until_one_tile_holds_all(size: tuple[int, int]) -> None:
    layout, shapes = CogLayout(*size, tile=64, span=2), [size]
    while max(shapes[-1]) > 64:
        shapes.append(((shapes[-1][0] + 1) // 2, (shapes[-1][1] + 1) // 2))
    assert [layout.shape(level) for level in range(layout.overviews + 1)] == shapes


@every("span", [1, 2, 8])
@every("size", SIZES)
def test_each_part_is_made_once_and_merged_once(size: tuple[int, int], span: int) -> None:
    layout = CogLayout(*size, tile=64, span=span)
    parts = all_parts(layout)
    numbers = [part.number for part in parts]
    assert sorted([1, *({*numbers} - {1})]) == [*range(1, layout.count_parts() + 1)]
    merged = Counter(number for part in parts for number in part.below)
    assert {*merged.values()} <= {1}
    assert merged.keys() == {part.number for part in layout.parts if layout.levels_of(part)[-1] < layout.overviews}
    known = set[int]()
    for part in parts:  # and behind those that it is made of
        assert {*part.below} <= known
        known.add(part.number)


@every("span", [1, 2, 8])
@every("size", SIZES)
def test_the_pixels_of_parts_cover_the_image_once(size: tuple[int, int], span: int) -> None:
    layout = CogLayout(*size, tile=64, span=span)
    pixels = np.zeros(size, int)
    for part in layout.parts:
        if not part.below:
            window = part.window
            pixels[window.row : window.row + window.height, window.col : window.col + window.width] += 1
    assert (pixels == 1).all()


def test_a_terabyte_is_no_more_parts_than_an_upload_has() -> None:
    for width, height, names in ((1 << 20, 1 << 19, ("a",)), (1_000_000, 300_000, ("a", "b")), (1 << 20, 512, ("a",))):
        cog = PartedCog(raster(width, height, names=names), Encoding(), 5 << 20)
        layout = cog.task.layout
        assert len(cog.parts) + 1 == layout.count_parts() <= MAX_PARTS
        pixels = (layout.tile * layout.span) ** 2
        assert pixels * 2 * len(names) < 512 << 20
        head = layout.head
        assert head is None or head.window.height * head.window.width <= pixels


def test_parts_are_of_some_megabytes_before_compression() -> None:
    sides = {}
    for dtype, names in (("uint8", "a"), ("uint16", "a"), ("uint8", "abc"), ("float32", "a"), ("uint16", "abcd")):
        for averages in (False, True):
            plan = raster(60_000, 60_000, dtype, names=tuple(names))
            plan = averaging(plan) if averages else plan
            layout = PartedCog(plan, Encoding(), 5 << 20).task.layout
            sides[dtype, names, averages] = layout.tile * layout.span
    assert sides == {
        ("uint8", "a", False): 8192,  # classes
        ("uint8", "a", True): 4096,
        **{("uint16", "a", averages): 4096 for averages in (False, True)},
        **{("uint8", "abc", averages): 4096 for averages in (False, True)},
        **{("float32", "a", averages): 2048 for averages in (False, True)},
        **{("uint16", "abcd", averages): 2048 for averages in (False, True)},
    }


@every("mask", [False, True])
def test_places_beyond_four_gigabytes_are_those_that_are_added_up(mask: bool) -> None:
    layout = CogLayout(700, 300, tile=16, span=4, images=2 if mask else 1)
    raster_plan = raster(300, 700, mask=mask)
    header = CogHeader(raster_plan, Encoding(), layout)
    summaries = {
        part.number: PartSummary(
            tuple(
                3_000_000_000 + 1000 * part.number + index
                for index in range(
                    layout.images
                    * sum(
                        layout.tile_window(part, level).height * layout.tile_window(part, level).width
                        for level in layout.levels_of(part)
                    )
                )
            ),
            7,
        )
        for part in all_parts(layout)
    }
    places = dict[tuple[int, int], int]()
    position = header.size
    for number in sorted(summaries):
        sizes = summaries[number].tile_bytes
        places |= {(number, index): position + before for index, before in enumerate(accumulate([0, *sizes[:-1]]))}
        position += sum(sizes) + 7
    data = header.encode(layout.locate(summaries, header.size))
    assert len(data) == header.size
    read = dict[int, int]()
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        assert file.is_bigtiff
        for page in file.pages:
            full = page.aspage()
            read |= zip(full.dataoffsets, full.databytecounts, strict=True)
    assert read == {place: summaries[number].tile_bytes[index] for (number, index), place in places.items()}
    assert max(read) > 1 << 40
