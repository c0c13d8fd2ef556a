"""Pieces of images of a rasterwire server, as layers of QGIS.

Only ``plugin``, ``panel`` and ``task`` import QGIS; all else needs Python's standard library alone.
"""

from __future__ import annotations

from typing import Any


def classFactory(iface: Any) -> Any:  # noqa: N802  the name that QGIS calls
    """Return the plugin; QGIS calls this once."""
    from rasterwire_qgis.plugin import Plugin

    return Plugin(iface)
