"""The bands of an image from the headers of its files and what documents add. Pure.

Headers decide. A document fills gaps only: the crs and transform where the header names none and the
document's shape is that of the file; nodata, scale, offset and unit where the header has none.
"""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain

from affine import Affine
from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox

from rasterwire.catalog.entry import BandClaim, Claim, Entry, Naming, Source
from rasterwire.catalog.header import BandHeader, Header
from rasterwire.errors import InvalidRequest
from rasterwire.files.nodata_text import nodata_pixel
from rasterwire.geo.crs import parse_crs
from rasterwire.image import Band
from rasterwire.pixels import fits

__all__ = ["assemble", "claimed_crs", "same_transform"]


def assemble(entry: Entry, headers: Sequence[Header | None]) -> tuple[Band, ...]:
    """Return the bands of an image in its order; names differ.

    Args:
        entry: the image.
        headers: of its sources, in the same order; None for one that cannot be read, which has no bands.
    """
    files = list(zip(entry.sources, headers, strict=True))
    # one that cannot be read keeps its name, or another file would be found under it
    names = _unique([_wishes(entry.naming, source, header) if header else [(source.key,)] for source, header in files])
    bands = [
        band
        for (source, header), own in zip(files, names, strict=True)
        if header is not None
        for band in _bands_of(source, header, own)
    ]
    rank = {name: at for at, name in enumerate(entry.band_order)}
    return tuple(sorted(bands, key=lambda band: rank.get(band.name, len(rank))))


def _bands_of(source: Source, header: Header, names: Sequence[str]) -> Iterator[Band]:
    """Yield the bands of one file under the names chosen for them."""
    grid = _grid(header, source.claim)
    # A document that counts other bands than the file has says nothing of any one of them.
    fits = len(source.claim.bands) == len(header.bands)
    claims = source.claim.bands if fits else (BandClaim(),) * len(header.bands)
    told = zip(names, header.bands, claims, header.metadata, strict=True)
    for index, (name, own, claim, metadata) in enumerate(told, start=1):
        scale, offset = _physical(own, claim)
        yield Band(
            name=name,
            href=source.path,
            index=index,
            grid=grid,
            dtype=own.dtype,
            nodata=own.nodata if own.nodata is not None else _claimed_nodata(claim, own.dtype),
            masked=own.masked,
            mask_is_own=own.mask_is_own,
            overviews=header.overviews,
            exact_overviews=header.exact_overviews,
            value_scale=scale,
            value_offset=offset,
            unit=own.unit or claim.unit or "",
            plain=header.plain,
            tiling=header.tiling,
            version=header.version,
            metadata=metadata,
            ground=header.ground if grid.crs is None else None,
        )


def _claimed_nodata(claim: BandClaim, dtype: str) -> float | int | None:
    """Return the nodata value of a document as a pixel would hold it, None where no pixel can equal it."""
    value = claim.nodata
    if value is None or not fits(value, dtype):
        return None
    return nodata_pixel(value, dtype)


def _physical(own: BandHeader, claim: BandClaim) -> tuple[float, float]:
    """Return scale and offset from one place: the header where it has either, else the document."""
    if (own.scale, own.offset) != (1.0, 0.0):
        return own.scale, own.offset
    return (
        1.0 if claim.scale is None else float(claim.scale),
        0.0 if claim.offset is None else float(claim.offset),
    )


def _grid(header: Header, claim: Claim) -> GeoBox:
    """Return the header's grid, placed by the document where the header names no crs."""
    if header.grid.crs is not None or claim.shape != header.shape:
        return header.grid
    crs = claimed_crs(claim)
    if crs is None:
        return header.grid
    if not header.is_placed:
        return header.grid if claim.transform is None else _geobox(header, Affine(*claim.transform), crs)
    # A document that places the pixels elsewhere than the file does not know the file's crs either.
    fits = claim.transform is None or same_transform(header.grid, claim.transform)
    return _geobox(header, header.grid.affine, crs) if fits else header.grid


def _geobox(header: Header, transform: Affine, crs: CRS) -> GeoBox:
    return GeoBox(header.shape, transform, crs)


def claimed_crs(claim: Claim) -> CRS | None:
    """Return the crs that a document names, None for none or one that is not known."""
    try:
        return None if claim.crs is None else parse_crs(claim.crs, "crs")
    except InvalidRequest:
        return None


def same_transform(grid: GeoBox, transform: tuple[float, ...]) -> bool:
    """Tell whether two transforms place every corner of a grid within a hundredth of a pixel."""
    own = tuple(grid.affine)[:6]
    step = [mine - theirs for mine, theirs in zip(own, transform, strict=True)]
    slack = 0.01 * min(math.hypot(own[0], own[3]), math.hypot(own[1], own[4]))
    rows, columns = grid.shape
    corners = ((0, 0), (columns, 0), (0, rows), (columns, rows))
    return all(
        math.hypot(step[0] * x + step[1] * y + step[2], step[3] * x + step[4] * y + step[5]) <= slack
        for x, y in corners
    )


def _wishes(naming: Naming, source: Source, header: Header) -> list[tuple[str, ...]]:
    """Return the names the bands of a file may get, the best first; later ones say more of the file."""
    count = len(header.bands)
    numbered = tuple(f"B{number}" for number in range(1, count + 1))
    descriptions = [band.description for band in header.bands]
    described = tuple(text or number for text, number in zip(descriptions, numbered, strict=True))
    described = _numbered_apart([described])[0] if any(descriptions) else ()
    file_name = source.name.rsplit("/", 1)[-1]
    if naming is Naming.WHOLE_FILE:
        return [described or numbered]
    if naming is Naming.FOLDER:
        if count == 1:
            return [(source.key,), (file_name,)]
        own = described or numbered
        return [
            own,
            tuple(f"{source.key}_{name}" for name in own),
            tuple(f"{file_name}_{name}" for name in own),
        ]
    if count == 1:
        return [(source.key,)]
    claimed = [band.name or "" for band in source.claim.bands]
    named = (_all_named(claimed) if len(claimed) == count else ()) or described
    return [*([named] if named else []), tuple(f"{source.key}_{number}" for number in range(1, count + 1))]


def _all_named(names: Sequence[str]) -> tuple[str, ...]:
    """Return names where all are there and differ, else none."""
    return tuple(names) if all(names) and len(set(names)) == len(names) else ()


def _unique(wishes: Sequence[Sequence[tuple[str, ...]]]) -> list[tuple[str, ...]]:
    """Choose the best names for each file so that no two bands share one.

    >>> _unique([[("red",)], [("red", "blue"), ("visual_1", "visual_2")]])
    [('red',), ('visual_1', 'visual_2')]
    """
    level = [0] * len(wishes)
    while True:
        chosen = [options[at] for options, at in zip(wishes, level, strict=True)]
        counts = Counter(chain.from_iterable(chosen))
        clashing = [
            file
            for file, names in enumerate(chosen)
            if level[file] + 1 < len(wishes[file]) and any(counts[name] > 1 for name in names)
        ]
        if not clashing:
            return _numbered_apart(chosen)
        for file in clashing:
            level[file] += 1


def _numbered_apart(chosen: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Append a number to names that were met before."""
    taken: set[str] = set()
    last: dict[str, int] = {}  # so that thousands of bands of one name are not counted through for each
    result = []
    for names in chosen:
        own = []
        for name in names:
            number, candidate = last.get(name, 1), name
            while candidate in taken:
                number += 1
                candidate = f"{name}_{number}"
            last[name] = number
            taken.add(candidate)
            own.append(candidate)
        result.append(tuple(own))
    return result
