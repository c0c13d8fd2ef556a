"""What QGIS loads: an entry in the menu of rasters and in the toolbar, which shows the panel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtGui import QIcon
from qgis.PyQt.QtWidgets import QAction

from rasterwire_qgis.panel import Panel

_MENU = "rasterwire"


class Plugin:
    """The plugin; QGIS makes one."""

    def __init__(self, iface: Any) -> None:
        """Prepare.

        Args:
            iface: the windows of QGIS.
        """
        self._iface = iface
        self._panel: Panel | None = None
        self._action: QAction | None = None

    def initGui(self) -> None:  # noqa: N802  the name that QGIS calls
        """Add what shows the panel."""
        icon = QIcon(str(Path(__file__).with_name("icon.svg")))
        action = QAction(icon, "Download from a rasterwire server", self._iface.mainWindow())
        action.setCheckable(True)
        action.toggled.connect(self._show)
        self._iface.addPluginToRasterMenu(_MENU, action)
        self._iface.addToolBarIcon(action)
        self._action = action

    def unload(self) -> None:
        """Take away all that was added."""
        self._iface.removePluginRasterMenu(_MENU, self._action)
        self._iface.removeToolBarIcon(self._action)
        if self._panel is not None:
            self._panel.end()
            self._iface.removeDockWidget(self._panel)
            self._panel.deleteLater()
            self._panel = None

    def _show(self, is_shown: bool) -> None:
        if self._panel is None:
            self._panel = Panel(self._iface.mapCanvas(), self._iface.mainWindow())
            self._iface.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, self._panel)
            if self._action is not None:
                self._panel.visibilityChanged.connect(self._action.setChecked)
        self._panel.setVisible(is_shown)
