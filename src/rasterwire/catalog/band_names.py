"""The rule by which the bands of STAC items are named: by their assets, by their documents, or by a table."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from rasterwire.catalog.entry import BandClaim, Disagreement, Entry, Naming, Source

__all__ = ["BandNames", "NamedBy"]


class NamedBy(StrEnum):
    """What names the band of an asset."""

    ASSET = "asset"
    EO_NAME = "eo:name"
    COMMON_NAME = "common-name"


@dataclass(frozen=True, slots=True)
class BandNames:
    """How the bands of images are named whose files are assets of documents; those of others keep their names.

    Attributes:
        by: what names the band of an asset that the table has not; one whose document does not say so keeps its key.
        table: names by the keys of assets; all differ.
    """

    by: NamedBy = NamedBy.ASSET
    table: Mapping[str, str] = field(default_factory=dict)

    def applied(self, entry: Entry) -> Entry:
        """Return an entry whose sources have the names of bands as their keys.

        Of sources that would have the same name, each keeps its key, and the notes of the entry say so: a name means
        one band.
        """
        if entry.naming is not Naming.ASSETS or (self.by is NamedBy.ASSET and not self.table):
            return entry
        preferred = {source.key: self._name(source) for source in entry.sources}
        names = _all_different(preferred)
        notes = [
            Disagreement(
                image_id=entry.id,
                band=key,
                field="band name",
                claim=preferred[key],
                value=f"other assets would have this name too; it is called {key}",
            )
            for key, name in names.items()
            if name != preferred[key]
        ]
        sources = tuple(self._renamed(source, names[source.key]) for source in entry.sources)
        order = tuple(name for name in self.table.values() if name in names.values())
        return replace(entry, sources=sources, notes=(*entry.notes, *notes), band_order=order or entry.band_order)

    def _name(self, source: Source) -> str:
        if source.key in self.table:
            return self.table[source.key]
        bands = source.claim.bands
        if len(bands) != 1 or self.by is NamedBy.ASSET:
            return source.key
        return (bands[0].name if self.by is NamedBy.EO_NAME else bands[0].common_name) or source.key

    def _renamed(self, source: Source, key: str) -> Source:
        """Return a source with another key; its bands have their common names, where the rule says so and all do."""
        bands = source.claim.bands
        if self.by is NamedBy.COMMON_NAME and len(bands) > 1:
            bands = _with_common_names(bands)
        return replace(source, key=key, claim=replace(source.claim, bands=bands))


def _with_common_names(bands: Sequence[BandClaim]) -> tuple[BandClaim, ...]:
    names = [band.common_name for band in bands]
    if not all(names):
        return tuple(bands)
    return tuple(replace(band, name=name) for band, name in zip(bands, names, strict=True))


def _all_different(preferred: Mapping[str, str]) -> dict[str, str]:
    """Return the names by keys, where those that several would have give way to the keys.

    >>> _all_different({"a": "red", "b": "red", "c": "b"})
    {'a': 'a', 'b': 'b', 'c': 'c'}
    """
    names = dict(preferred)
    while True:
        counts = Counter(names.values())
        clashing = [key for key, name in names.items() if counts[name] > 1 and name != key]
        if not clashing:
            return names
        names |= {key: key for key in clashing}
