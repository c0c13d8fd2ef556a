"""Makes the bands of an image from the headers of its files and the claims of its documents. Opens no file.

The header has priority. A document fills gaps only: nodata, scale, offset and unit where the header has
none; crs and transform where the header has none and the document gives the shape of the file.
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
    """Return the bands of an image in its band order, under names that are all different.

    Args:
        entry: the image.
        headers: of its sources, in the same order. None stands for a file that cannot be read; it gives no bands.
    """
    files = list(zip(entry.sources, headers, strict=True))
    # A file that cannot be read keeps its name. Otherwise a request for it would get another file.
    names = _unique(
        [_name_options(entry.naming, source, header) if header else [(source.key,)] for source, header in files]
    )
    bands = [
        band
        for (source, header), band_names in zip(files, names, strict=True)
        if header is not None
        for band in _bands_of(source, header, band_names)
    ]
    rank = {name: position for position, name in enumerate(entry.band_order)}
    return tuple(sorted(bands, key=lambda band: rank.get(band.name, len(rank))))


def _bands_of(source: Source, header: Header, names: Sequence[str]) -> Iterator[Band]:
    """Yield the bands of one file under the names chosen for them."""
    grid = _grid(header, source.claim)
    # Where a document has another number of bands than the file, its bands cannot be matched with the file's.
    has_all_bands = len(source.claim.bands) == len(header.bands)
    claims = source.claim.bands if has_all_bands else (BandClaim(),) * len(header.bands)
    rows = zip(names, header.bands, claims, header.metadata, strict=True)
    for index, (name, band, claim, metadata) in enumerate(rows, start=1):
        scale, offset = _scale_and_offset(band, claim)
        yield Band(
            name=name,
            href=source.href,
            index=band.index or index,
            grid=grid if band.grid is None else band.grid,
            dtype=band.dtype,
            nodata=band.nodata if band.nodata is not None else _claimed_nodata(claim, band.dtype),
            masked=band.masked,
            mask_is_own=band.mask_is_own,
            overviews=header.overviews if band.overviews is None else band.overviews,
            exact_overviews=header.exact_overviews,
            value_scale=scale,
            value_offset=offset,
            unit=band.unit or claim.unit or "",
            plain=header.plain,
            tiling=header.tiling,
            version=header.version,
            metadata=metadata,
            ground=header.ground if grid.crs is None else None,
            format=header.format,
            common_name=claim.common_name or "",
        )


def _claimed_nodata(claim: BandClaim, dtype: str) -> float | int | None:
    """Return the nodata value of a document in the type of the band; None where no pixel can have this value."""
    value = claim.nodata
    if value is None or not fits(value, dtype):
        return None
    return nodata_pixel(value, dtype)


def _scale_and_offset(band: BandHeader, claim: BandClaim) -> tuple[float, float]:
    """Return scale and offset, both from the header if it has at least one of them, else from the document."""
    if (band.scale, band.offset) != (1.0, 0.0):
        return band.scale, band.offset
    return (
        1.0 if claim.scale is None else float(claim.scale),
        0.0 if claim.offset is None else float(claim.offset),
    )


def _grid(header: Header, claim: Claim) -> GeoBox:
    """Return the grid of the header, with crs and transform of the document where the header has no crs."""
    if header.grid.crs is not None or claim.shape != header.shape:
        return header.grid
    crs = claimed_crs(claim)
    if crs is None:
        return header.grid
    if not header.is_placed:
        return header.grid if claim.transform is None else _geobox(header, Affine(*claim.transform), crs)
    # Where the transform of the document is wrong, its crs is not to be trusted either.
    agrees = claim.transform is None or same_transform(header.grid, claim.transform)
    return _geobox(header, header.grid.affine, crs) if agrees else header.grid


def _geobox(header: Header, transform: Affine, crs: CRS) -> GeoBox:
    return GeoBox(header.shape, transform, crs)


def claimed_crs(claim: Claim) -> CRS | None:
    """Return the crs that a document names; None where it names none, or one that is unknown here."""
    try:
        return None if claim.crs is None else parse_crs(claim.crs, "crs")
    except InvalidRequest:
        return None


def same_transform(grid: GeoBox, transform: tuple[float, ...]) -> bool:
    """Return whether the grid's transform and another place every corner of the grid within 0.01 pixels."""
    coefficients = tuple(grid.affine)[:6]
    step = [first - second for first, second in zip(coefficients, transform, strict=True)]
    tolerance = 0.01 * min(math.hypot(coefficients[0], coefficients[3]), math.hypot(coefficients[1], coefficients[4]))
    rows, columns = grid.shape
    corners = ((0, 0), (columns, 0), (0, rows), (columns, rows))
    return all(
        math.hypot(step[0] * x + step[1] * y + step[2], step[3] * x + step[4] * y + step[5]) <= tolerance
        for x, y in corners
    )


def _name_options(naming: Naming, source: Source, header: Header) -> list[tuple[str, ...]]:
    """Return the lists of names that the bands of a file may get: the preferred one first, then longer ones."""
    count = len(header.bands)
    numbered = tuple(f"B{number}" for number in range(1, count + 1))
    descriptions = [band.description for band in header.bands]
    described = tuple(text or number for text, number in zip(descriptions, numbered, strict=True))
    described = _with_numbers([described])[0] if any(descriptions) else ()
    file_name = source.name.rsplit("/", 1)[-1]
    if naming is Naming.WHOLE_FILE:
        return [described or numbered]
    if naming is Naming.FOLDER:
        if count == 1:
            return [(source.key,), (file_name,)]
        names = described or numbered
        return [
            names,
            tuple(f"{source.key}_{name}" for name in names),
            tuple(f"{file_name}_{name}" for name in names),
        ]
    if count == 1:
        return [(source.key,)]
    claimed = [band.name or "" for band in source.claim.bands]
    preferred = (_all_different(claimed) if len(claimed) == count else ()) or described
    return [*([preferred] if preferred else []), tuple(f"{source.key}_{number}" for number in range(1, count + 1))]


def _all_different(names: Sequence[str]) -> tuple[str, ...]:
    """Return the names if none is empty and all are different, else ()."""
    return tuple(names) if all(names) and len(set(names)) == len(names) else ()


def _unique(options: Sequence[Sequence[tuple[str, ...]]]) -> list[tuple[str, ...]]:
    """Choose for each file the first of its lists of names such that no two bands have the same name.

    >>> _unique([[("red",)], [("red", "blue"), ("visual_1", "visual_2")]])
    [('red',), ('visual_1', 'visual_2')]
    """
    level = [0] * len(options)
    while True:
        choice = [lists[position] for lists, position in zip(options, level, strict=True)]
        counts = Counter(chain.from_iterable(choice))
        clashing = [
            file
            for file, names in enumerate(choice)
            if level[file] + 1 < len(options[file]) and any(counts[name] > 1 for name in names)
        ]
        if not clashing:
            return _with_numbers(choice)
        for file in clashing:
            level[file] += 1


def _with_numbers(names_by_file: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Append a number to each name that occurred before."""
    used: set[str] = set()
    last: dict[str, int] = {}  # the last number of each name: thousands of bands may have the same name
    result = []
    for names in names_by_file:
        numbered = []
        for name in names:
            number, candidate = last.get(name, 1), name
            while candidate in used:
                number += 1
                candidate = f"{name}_{number}"
            last[name] = number
            used.add(candidate)
            numbered.append(candidate)
        result.append(tuple(numbered))
    return result
