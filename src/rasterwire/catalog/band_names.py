"""The rule by which the bands of STAC items are named: by their assets, by their documents, or by a table."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from rasterwire.catalog.document import as_list, as_mapping, as_text
from rasterwire.catalog.entry import Disagreement

__all__ = ["BandNames", "NamedBy"]


class NamedBy(StrEnum):
    """What names a band whose asset has no other."""

    ASSET = "asset"
    EO_NAME = "eo:name"
    COMMON_NAME = "common-name"


@dataclass(frozen=True, slots=True)
class BandNames:
    """How bands are named.

    Attributes:
        by: what names the band of an asset that the table has not; an asset whose document does not say so keeps its
            key.
        table: names by the keys of assets; all differ.
    """

    by: NamedBy = NamedBy.ASSET
    table: Mapping[str, str] = field(default_factory=dict)

    def applied(self, item: Mapping[str, Any]) -> tuple[Mapping[str, Any], list[Disagreement]]:
        """Return an item whose assets have the names of bands as their keys, and what could not be named so.

        Of assets that would have the same name, each keeps its key: a name means one band.

        Args:
            item: a STAC item; its id and assets are there.
        """
        assets = as_mapping(item["assets"])
        wanted = {key: self._name(key, as_mapping(asset)) for key, asset in assets.items()}
        names = _all_different(wanted)
        notes = [
            Disagreement(
                image_id=str(item["id"]),
                band=key,
                field="band name",
                claim=wanted[key],
                value=f"other assets would have this name too; it is called {key}",
            )
            for key in assets
            if names[key] != wanted[key]
        ]
        if self.by is NamedBy.ASSET and not self.table:
            return item, notes
        return {**item, "assets": {names[key]: self._asset(asset) for key, asset in assets.items()}}, notes

    def _name(self, key: str, asset: Mapping[str, Any]) -> str:
        if key in self.table:
            return self.table[key]
        bands = as_list(asset.get("bands")) or as_list(asset.get("eo:bands"))
        if len(bands) != 1 or self.by is NamedBy.ASSET:
            return key
        band = as_mapping(bands[0])
        return (as_text(band.get("name")) if self.by is NamedBy.EO_NAME else _common_name(band)) or key

    def _asset(self, asset: Any) -> Any:
        """Return an asset whose bands are called by their common names, where the rule says so and all have one."""
        if self.by is not NamedBy.COMMON_NAME or not isinstance(asset, dict):
            return asset
        renamed = {}
        for field_name in ("bands", "eo:bands"):
            bands = [as_mapping(band) for band in as_list(asset.get(field_name))]
            common = [_common_name(band) for band in bands]
            if bands and all(common):
                renamed[field_name] = [{**band, "name": name} for band, name in zip(bands, common, strict=True)]
        return {**asset, **renamed}


def _common_name(band: Mapping[str, Any]) -> str | None:
    return as_text(band.get("eo:common_name")) or as_text(band.get("common_name"))


def _all_different(wanted: Mapping[str, str]) -> dict[str, str]:
    """Return the names by keys, where those that several would have give way to the keys.

    >>> _all_different({"a": "red", "b": "red", "c": "b"})
    {'a': 'a', 'b': 'b', 'c': 'c'}
    """
    names = dict(wanted)
    while True:
        counts = Counter(names.values())
        clashing = [key for key, name in names.items() if counts[name] > 1 and name != key]
        if not clashing:
            return names
        names |= {key: key for key in clashing}
