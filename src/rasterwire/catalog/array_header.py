"""Makes headers of files of arrays: one for each moment of a file. It reads no pixels."""

from datetime import datetime

from rasterwire.catalog.header import BandHeader, Header
from rasterwire.errors import SourceUnavailable
from rasterwire.files.arrays.attributes import as_text
from rasterwire.files.arrays.labels import MAX_BANDS
from rasterwire.files.arrays.layers import Layer, Layers, Moment
from rasterwire.files.arrays.opened import array_format, opened_layers
from rasterwire.files.sandbox import call
from rasterwire.image import BandMetadata

__all__ = ["read_array_header"]

_drivers = {"zarr": "Zarr", "netcdf": "netCDF"}

_items = ("long_name", "standard_name", "cell_methods")
"""Attributes of variables that become metadata of bands."""

_MAX_ITEM = 1000
"""Characters of such an attribute."""


def read_array_header(href: str, version: str, moment: str) -> Header:
    """Return the header of the layers of a moment.

    Args:
        href: of a file for which ``array_format`` gives a format.
        version: see ``array_version``.
        moment: the id of a moment; or a time, which is needed only where a file has several.

    Raises:
        SourceUnavailable: the file cannot be read, or has no layers of this moment. The error names neither image nor
            band.
    """
    return call((href, version), _read, href, version, moment)


def _read(href: str, version: str, moment: str) -> Header:
    layers = opened_layers(href, version)
    planes = list(layers.at(_moment(layers, moment)))
    if len(planes) > MAX_BANDS:
        raise SourceUnavailable.of_file(f"it has {len(planes)} bands, at most {MAX_BANDS} are read; split it")
    grid = planes[0].source.grid
    kind = array_format(href)
    return Header(
        driver=_drivers[kind],
        grid=grid,
        is_placed=True,
        bands=tuple(map(_band_header, planes)),
        overviews=(),
        exact_overviews=True,
        plain=False,
        tiling=None,
        version=version,
        metadata=tuple(map(_metadata, planes)),
        ground=None,
        format=kind,
    )


def _moment(layers: Layers, moment_id: str) -> Moment:
    for moment in layers.moments:
        if moment.id == moment_id:
            return moment
    with_time = [moment for moment in layers.moments if moment.id]
    if not with_time:
        return layers.moments[0]
    time = _time(moment_id)
    matches = [moment for moment in with_time if time is not None and moment.time == time]
    if not matches and len(with_time) > 1:
        raise SourceUnavailable.of_file(
            f"it has {len(with_time)} times, and the image has none of them; give its document the datetime of one"
        )
    return (matches or with_time)[0]


def _time(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _band_header(layer: Layer) -> BandHeader:
    source = layer.source
    return BandHeader(
        description=layer.name,
        dtype=source.dtype,
        nodata=source.nodata,
        masked=False,
        mask_is_own=False,
        scale=source.scale,
        offset=source.offset,
        unit=source.unit,
        grid=source.grid,
        index=layer.number,
        overviews=tuple((level.grid.shape[1], level.grid.shape[0]) for level in source.overviews),
    )


def _metadata(layer: Layer) -> BandMetadata:
    attributes = layer.source.variable.attributes
    texts = ((name, as_text(attributes.get(name))[:_MAX_ITEM]) for name in _items)
    return BandMetadata(description=layer.name, items=tuple((name, text) for name, text in texts if text))
