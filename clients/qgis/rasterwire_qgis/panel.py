"""The panel: find an image, choose what of it, see the plan, download, add as layers."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable

from qgis.core import QgsApplication, QgsCoordinateReferenceSystem, QgsProject, QgsRasterLayer, QgsSettings, QgsTask
from qgis.gui import QgsMapCanvas
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtWidgets import (
    QComboBox,
    QDockWidget,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QPlainTextEdit,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from rasterwire_qgis.door import Created, Door
from rasterwire_qgis.failures import Failure
from rasterwire_qgis.layers import file_name, layer_sources
from rasterwire_qgis.listing import Found, find_images
from rasterwire_qgis.plan_text import plan_lines
from rasterwire_qgis.request import RESAMPLINGS, Choice, Grid, Kind, View, read_params
from rasterwire_qgis.task import CallTask, DownloadTask

_ADDRESS = "rasterwire/address"
_FOLDER = "rasterwire/folder"


class Panel(QDockWidget):
    """The panel beside the map."""

    def __init__(self, canvas: QgsMapCanvas, parent: QWidget | None = None) -> None:
        """Make it.

        Args:
            canvas: whose extent and crs are asked for.
            parent: the window.
        """
        super().__init__("rasterwire", parent)
        self.setObjectName("rasterwire")
        self._canvas = canvas
        self._tasks: list[QgsTask] = []
        self._download: DownloadTask | None = None
        self._next_token = ""
        self._make_fields()
        self._lay_out()
        self._connect()

    def end(self) -> None:
        """End all that runs."""
        for task in list(self._tasks):
            task.cancel()

    # -- fields -----------------------------------------------------------------------------

    def _make_fields(self) -> None:
        self.address = QLineEdit(QgsSettings().value(_ADDRESS, "http://localhost:8080"))
        self.key = QLineEdit()
        self.key.setEchoMode(QLineEdit.EchoMode.Password)
        self.key.setPlaceholderText("not needed by every server; not saved")
        self.search = QLineEdit()
        self.search.setPlaceholderText("beginning of an id, or a part of it")
        self.find = QPushButton("Find")
        self.images = QListWidget()
        self.more = QPushButton("More")
        self.more.setEnabled(False)
        self.bands = QListWidget()
        self.grid = _choices({grid.value: grid for grid in Grid})
        self.kind = _choices({kind.value: kind for kind in Kind})
        self.resampling = _choices(RESAMPLINGS)
        self.plan_button = QPushButton("Plan")
        self.plan_text = QPlainTextEdit()
        self.plan_text.setReadOnly(True)
        self.save = QPushButton("Download...")
        self.cancel = QPushButton("Cancel")
        self.cancel.setEnabled(False)
        self.bar = QProgressBar()
        self.bar.setVisible(False)
        self.status = QLabel()
        self.status.setWordWrap(True)
        self.status.setTextFormat(Qt.TextFormat.PlainText)  # what a server says is no markup

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.addRow("&Server", self.address)
        form.addRow("API &key", self.key)
        form.addRow("&Image", _beside(self.search, self.find))
        form.addRow("", self.images)
        form.addRow("", self.more)
        form.addRow("&Bands", self.bands)
        form.addRow("&Pixels", self.grid)
        form.addRow("&Resampling", self.resampling)
        form.addRow("&Format", self.kind)
        column = QVBoxLayout()
        column.addLayout(form)
        column.addWidget(self.plan_text)
        column.addWidget(_beside(self.plan_button, self.save, self.cancel))
        column.addWidget(self.bar)
        column.addWidget(self.status)
        names = {
            self.images: "Images",
            self.more: "More images",
            self.plan_text: "Plan",
            self.bar: "Progress",
        }
        for widget, name in names.items():
            widget.setAccessibleName(name)
        content = QWidget()
        content.setLayout(column)
        self.setWidget(content)

    def _connect(self) -> None:
        self.find.clicked.connect(lambda: self._list(""))
        self.search.returnPressed.connect(lambda: self._list(""))
        self.more.clicked.connect(lambda: self._list(self._next_token))
        self.images.currentTextChanged.connect(self._describe)
        self.plan_button.clicked.connect(self._plan)
        self.save.clicked.connect(self._ask_for_file)
        self.cancel.clicked.connect(self._cancel)

    # -- calls ------------------------------------------------------------------------------

    def _list(self, page_token: str) -> None:
        text = self.search.text().strip()

        def show(found: Found) -> None:
            QgsSettings().setValue(_ADDRESS, self.address.text())
            if not page_token:
                self.images.clear()
            self.images.addItems(found.ids)
            self._next_token = found.next_token
            self.more.setEnabled(bool(found.next_token))
            self.status.setText(found.note)

        self._call("List images", lambda door: find_images(door, text, page_token), show)

    def _describe(self, image_id: str) -> None:
        self.bands.clear()
        self.plan_text.clear()
        if not image_id:
            return

        def show(image: dict[str, Any]) -> None:
            if image.get("id") != self._image():  # another one was chosen meanwhile
                return
            for band in image.get("bands", ()):
                item = QListWidgetItem(str(band.get("id", "")))
                item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
                item.setCheckState(Qt.CheckState.Unchecked)
                self.bands.addItem(item)
            self.status.setText("No band is checked: all of them come.")

        self._call("Describe an image", lambda door: door.image(image_id), show)

    def _plan(self) -> None:
        params = self._params()
        if params is not None:
            self._call("Plan a download", lambda door: door.plan(params), self._show_plan)

    def _show_plan(self, plan: dict[str, Any]) -> None:
        self.plan_text.setPlainText("\n".join(plan_lines(plan)))
        self.status.setText("")

    def _ask_for_file(self) -> None:
        """Show the plan, and then ask where the file goes."""
        params = self._params()
        if params is None:
            return

        def ask(plan: dict[str, Any]) -> None:
            self._show_plan(plan)
            suffix = self.kind.currentData().suffix
            folder = Path(QgsSettings().value(_FOLDER, str(Path.home())))
            proposal = str(folder / file_name(params["image"], suffix))
            path, _ = QFileDialog.getSaveFileName(self, "Save the download as", proposal, f"*{suffix}")
            if path:
                target = Path(path) if Path(path).suffix else Path(f"{path}{suffix}")
                QgsSettings().setValue(_FOLDER, str(target.parent))
                self.download(params, target)

        self._call("Plan a download", lambda door: door.plan(params), ask)

    def download(self, params: dict[str, Any], target: Path) -> None:
        """Download into a file, and add it as layers."""
        door = self._door()
        if door is None or self._download is not None:
            return
        task = DownloadTask(door, params, target, self._add_layers, self._show_failure)
        task.progressChanged.connect(lambda percent: self.bar.setValue(int(percent)))
        task.stepped.connect(self.status.setText)
        self._download = task
        self._set_running(True)
        self._run(task)

    def _add_layers(self, came: tuple[Path, Created]) -> None:
        target, created = came
        self._set_running(False)
        names = []
        for name, source in layer_sources(target, created.plan):
            layer = QgsRasterLayer(source, name)
            if layer.isValid():
                QgsProject.instance().addMapLayer(layer)
                names.append(name)
        self.status.setText(f"{target} is here and checked; added: {', '.join(names) or 'nothing that QGIS can open'}.")

    def _show_failure(self, sentence: str) -> None:
        self._set_running(False)
        self.status.setText(sentence)

    def _cancel(self) -> None:
        if self._download is not None:
            self._download.cancel()

    def _set_running(self, is_running: bool) -> None:
        if not is_running:
            self._download = None
        self.save.setEnabled(not is_running)
        self.cancel.setEnabled(is_running)
        self.bar.setVisible(is_running)
        self.bar.setValue(0)

    # -- what is chosen ---------------------------------------------------------------------

    def _image(self) -> str:
        item = self.images.currentItem()
        return item.text() if item is not None else ""

    def _params(self) -> dict[str, Any] | None:
        items = [self.bands.item(row) for row in range(self.bands.count())]
        choice = Choice(
            self._image(),
            tuple(item.text() for item in items if item.checkState() == Qt.CheckState.Checked),
            self.grid.currentData(),
            self.kind.currentData(),
            self.resampling.currentData(),
        )
        try:
            return read_params(choice, canvas_view(self._canvas))
        except Failure as failure:
            self.status.setText(str(failure))
            return None

    def _door(self) -> Door | None:
        try:
            door = Door(self.address.text(), self.key.text())
        except Failure as failure:
            self.status.setText(str(failure))
            return None
        if door.shows_key:
            self.status.setText("The key goes over the network in plain text; use an https address where there is one.")
        return door

    def _call(self, title: str, function: Callable[[Door], Any], then: Callable[[Any], None]) -> None:
        door = self._door()
        if door is not None:
            self.status.setText(f"{title}...")
            self._run(CallTask(title, lambda: function(door), then, self.status.setText))

    def _run(self, task: QgsTask) -> None:
        def forget() -> None:
            self._tasks.remove(task)

        # QGIS deletes a task that has ended; until then Python has to know it
        self._tasks.append(task)
        task.taskCompleted.connect(forget)
        task.taskTerminated.connect(forget)
        QgsApplication.taskManager().addTask(task)


def canvas_view(canvas: QgsMapCanvas) -> View:
    """Return what a canvas shows."""
    settings = canvas.mapSettings()
    extent, crs = settings.visibleExtent(), settings.destinationCrs()
    sides = (extent.xMinimum(), extent.yMinimum(), extent.xMaximum(), extent.yMaximum())
    return View(_crs_text(crs), crs.isGeographic(), *sides, canvas.mapUnitsPerPixel())


def _crs_text(crs: QgsCoordinateReferenceSystem) -> str:
    """Return a crs as a server reads it: those of users have numbers that no other program knows."""
    if not crs.isValid():
        return ""
    code = crs.authid()
    if code and not code.startswith("USER:"):
        return str(code)
    return str(crs.toWkt(QgsCoordinateReferenceSystem.WktVariant.WKT2_2018))


def _choices(values: dict[str, Any]) -> QComboBox:
    box = QComboBox()
    for name, value in values.items():
        box.addItem(name, value)
    return box


def _beside(*widgets: QWidget) -> QWidget:
    row = QHBoxLayout()
    row.setContentsMargins(0, 0, 0, 0)
    for widget in widgets:
        row.addWidget(widget)
    whole = QWidget()
    whole.setLayout(row)
    return whole
