"""Compares the claims of documents with the headers of the files that they describe."""

from collections.abc import Iterator, Sequence

import numpy as np
from affine import Affine
from odc.geo.geobox import GeoBox

from rasterwire.catalog.bands import claimed_crs, same_transform
from rasterwire.catalog.entry import BandClaim, Claim, Disagreement, Entry, Source
from rasterwire.catalog.header import BandHeader, Header
from rasterwire.geo.crs import crs_name
from rasterwire.image import Band
from rasterwire.pixels import fits, is_nodata

__all__ = ["compare", "missing_bands", "unplaced"]

_drivers = {".tif": "GTiff", ".tiff": "GTiff", ".jp2": "JP2OpenJPEG"}

_Finding = tuple[str, str, str]  # field, claim, value of the file


def compare(entry: Entry, source: Source, header: Header) -> Iterator[Disagreement]:
    """Yield each fact that the documents or the name of a file state otherwise than its header."""
    findings = [
        *_driver(source, header),
        *_placement(source.claim, header),
        *_bands(source.claim.bands, header),
    ]
    for field, claim, value in findings:
        yield Disagreement(image_id=entry.id, band=source.key, field=field, claim=claim, value=value)


def missing_bands(entry: Entry, names: Sequence[str]) -> Iterator[Disagreement]:
    """Yield the bands that a document lists and no file has."""
    for name in entry.band_order:
        if name not in names:
            yield Disagreement(
                image_id=entry.id, band=name, field="band", claim="a band of this name", value="no file that holds it"
            )


def unplaced(entry: Entry, bands: Sequence[Band]) -> Iterator[Disagreement]:
    """Yield each file of an image whose bands have no place on earth, with the reason."""
    hrefs: set[str] = set()
    for band in bands:
        if band.placed.crs is None and band.href not in hrefs:
            hrefs.add(band.href)
            yield Disagreement(
                image_id=entry.id, band=band.name, field="place", claim="an image on earth", value=_without_place(band)
            )


def _without_place(band: Band) -> str:
    if band.format:
        return (
            "no crs: it has no grid mapping, and its coordinates are no longitudes and latitudes by their units or"
            " names; add a grid mapping, or the units degrees_east and degrees_north"
        )
    if band.grid.affine == Affine.identity():
        return "neither a transform nor control points nor RPCs with a crs; georeference it"
    return "a transform without a crs; add the crs"


def _driver(source: Source, header: Header) -> Iterator[_Finding]:
    suffix = "." + source.name.rsplit(".", 1)[-1].lower()
    expected = _drivers.get(suffix, header.driver)
    if expected != header.driver:
        yield "driver", f"{expected} by the extension {suffix}", header.driver


def _placement(claim: Claim, header: Header) -> Iterator[_Finding]:
    if claim.shape is not None and claim.shape != header.shape:
        yield "shape", _size(claim.shape), _size(header.shape)
    agrees = claim.transform is None or (header.is_placed and same_transform(header.grid, claim.transform))
    if claim.transform is not None and not agrees:
        yield "transform", _numbers(claim.transform), _transform(header.grid, header.is_placed)
    if claim.crs is not None:
        crs = claimed_crs(claim)
        if crs is None or crs != header.grid.crs:
            yield "crs", _short(claim.crs), _short(crs_name(header.grid.crs)) or "none"


def _bands(claims: Sequence[BandClaim], header: Header) -> Iterator[_Finding]:
    if not claims:
        return
    if len(claims) != len(header.bands):
        yield "band count", str(len(claims)), str(len(header.bands))
        return
    for number, (claim, band) in enumerate(zip(claims, header.bands, strict=True), start=1):
        suffix = f" of band {number}" if len(claims) > 1 else ""
        if claim.dtype is not None and claim.dtype != band.dtype:
            yield f"dtype{suffix}", claim.dtype, band.dtype
        if not _agrees_on_nodata(claim, band):
            yield f"nodata{suffix}", str(claim.nodata), str(band.nodata)


def _agrees_on_nodata(claim: BandClaim, band: BandHeader) -> bool:
    """Return whether document and header agree; they do where one of them gives no nodata value."""
    if claim.nodata is None or band.nodata is None:
        return True
    if not fits(claim.nodata, band.dtype):
        return False
    return bool(is_nodata(np.array([claim.nodata], band.dtype), band.nodata).all())


def _size(shape: tuple[int, int]) -> str:
    return f"{shape[1]} x {shape[0]} pixels"


def _numbers(values: Sequence[float]) -> str:
    return "[" + ", ".join(f"{value:.10g}" for value in values) + "]"


def _transform(grid: GeoBox, is_placed: bool) -> str:
    return _numbers(tuple(grid.affine)[:6]) if is_placed else "none"


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."
