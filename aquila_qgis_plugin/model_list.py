"""The models a user can choose: the built-in ones and folders of their own, checked without torch."""

from __future__ import annotations

from pathlib import Path
from typing import Dict, List, Optional, Sequence

from qtpy.QtCore import Qt, QUrl, Signal
from qtpy.QtGui import QDesktopServices
from qtpy.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from aquila_qgis_plugin.background import BackgroundTask, Ended
from aquila_qgis_plugin.describe_task import start
from aquila_qgis_plugin.figures import tenths_text
from aquila_qgis_plugin.model_check import ModelEntry, built_in_models, inspect_folder
from aquila_qgis_plugin.paths import is_file
from aquila_qgis_plugin.plain_label import plain_label

__all__ = ["ModelEntry", "ModelList", "built_in_models", "inspect_folder"]

_KEY = Qt.ItemDataRole.UserRole
_ROWS_SHOWN = 7
_MODEL, _SIZE, _NEED, _LICENCE = range(4)


class ModelList(QWidget):
    """The models with size, need and licence; folders can be added and taken off.

    A folder is looked through in the background, once when it is added or the list is made. ``changed`` says that the
    folders changed, or that a check came back.
    """

    changed = Signal()

    def __init__(self, folders: Sequence[str] = (), parent: Optional[QWidget] = None) -> None:
        super().__init__(parent)
        self._entries: Dict[str, ModelEntry] = {entry.key: entry for entry in built_in_models()}
        self._folders: List[str] = []
        self._last_place = ""
        self._build()
        for folder in folders:
            self.add_folder(folder)
        self._select(next(iter(self._entries), ""))

    def folders(self) -> List[str]:
        """The user's folders, in order, usable or not: a disk may only be unplugged."""
        return list(self._folders)

    def entries(self) -> List[ModelEntry]:
        """Every model whose check has come back, built-in ones first."""
        return list(self._entries.values())

    def add_folder(self, folder: str) -> None:
        """List a folder and check it in the background; one that is there already is only shown."""
        key = str(Path(folder))
        if key not in self._folders:
            self._folders.append(key)
            item = QTreeWidgetItem([Path(key).name, "", "", self.tr("checking …")])
            item.setData(_MODEL, _KEY, key)
            self._tree.addTopLevelItem(item)
            task = BackgroundTask(self.tr("Checking a model folder"), lambda _: inspect_folder(Path(key)), tag=key)
            task.ended.connect(self._checked)
            start(task)
        self._select(key)
        self.changed.emit()

    def remove_selected(self) -> None:
        """Take the selected folder off the list; its files stay where they are."""
        item = self._tree.currentItem()
        key = item.data(_MODEL, _KEY) if item is not None else ""
        if key not in self._folders:
            return
        self._folders.remove(key)
        self._entries.pop(key, None)
        self._tree.takeTopLevelItem(self._tree.indexOfTopLevelItem(item))
        self.changed.emit()

    def _build(self) -> None:
        self._tree = QTreeWidget()
        self._tree.setRootIsDecorated(False)
        self._tree.setAlternatingRowColors(True)
        self._tree.setFixedHeight(_ROWS_SHOWN * self._tree.fontMetrics().lineSpacing())
        self._tree.setHeaderLabels([self.tr("Model"), self.tr("Size"), self.tr("Needs"), self.tr("Licence")])
        self._tree.header().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self._tree.currentItemChanged.connect(self._show_details)
        self._details = plain_label()
        add = QPushButton(self.tr("Add folder…"))
        add.setToolTip(self.tr("A model folder holds config.json, model.safetensors and tokenizer.json"))
        add.clicked.connect(self._ask_for_folder)
        self._remove = QPushButton(self.tr("Remove from list"))
        self._remove.clicked.connect(self.remove_selected)
        self._card = QPushButton(self.tr("Model card"))
        self._card.clicked.connect(self._open_card)
        buttons = QHBoxLayout()
        for button in (add, self._remove, self._card):
            buttons.addWidget(button)
        buttons.addStretch()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._tree)
        layout.addWidget(self._details)
        layout.addLayout(buttons)
        for entry in self._entries.values():
            item = QTreeWidgetItem()
            self._tree.addTopLevelItem(item)
            self._fill(item, entry)

    def _fill(self, item: QTreeWidgetItem, entry: ModelEntry) -> None:
        state = entry.licence or self.tr("not stated")
        item.setText(_MODEL, self.tr("{name} (built in)").format(name=entry.name) if entry.built_in else entry.name)
        item.setText(_SIZE, megabytes(entry.bytes) if not entry.problem else "")
        item.setText(_NEED, entry.need())
        item.setText(_LICENCE, self.tr("cannot be used") if entry.problem else state)
        item.setData(_MODEL, _KEY, entry.key)
        item.setToolTip(_MODEL, entry.problem or str(entry.folder))
        colour = self.palette().color(self.palette().ColorRole.Text)
        if entry.problem:
            colour.setAlphaF(0.5)
        for column in range(self._tree.columnCount()):
            item.setForeground(column, colour)

    def _checked(self, ended: Ended) -> None:
        key = ended.tag
        item = self._item(key)
        if item is None or key not in self._folders:
            return
        problem = ended.error or self.tr("The check was interrupted; remove the folder and add it again.")
        entry = ended.value or ModelEntry(key, Path(key).name, Path(key), problem=problem)
        self._entries[key] = entry
        self._fill(item, entry)
        self._show_details()
        self.changed.emit()

    def _show_details(self, *_items: object) -> None:
        item = self._tree.currentItem()
        key = item.data(_MODEL, _KEY) if item is not None else ""
        entry = self._entries.get(key)
        self._remove.setEnabled(key in self._folders)
        self._card.setEnabled(entry is not None and is_file(entry.folder / "README.md"))
        self._details.setText(self._detail_text(entry) if entry is not None else "")

    def _detail_text(self, entry: ModelEntry) -> str:
        if entry.problem:
            return entry.problem
        return self.tr("{parameters} million parameters; looks at pictures of {size} × {size} pixels.").format(
            parameters=tenths_text(entry.parameters / 1e6), size=entry.image_size)

    def _ask_for_folder(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, self.tr("A model folder"), self._last_place)
        if folder:
            self._last_place = str(Path(folder).parent)
            self.add_folder(folder)

    def _open_card(self) -> None:
        item = self._tree.currentItem()
        entry = self._entries.get(item.data(_MODEL, _KEY)) if item is not None else None
        if entry is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(entry.folder / "README.md")))

    def _item(self, key: str) -> Optional[QTreeWidgetItem]:
        items = (self._tree.topLevelItem(row) for row in range(self._tree.topLevelItemCount()))
        return next((item for item in items if item.data(_MODEL, _KEY) == key), None)

    def _select(self, key: str) -> None:
        item = self._item(key)
        if item is not None:
            self._tree.setCurrentItem(item)


def megabytes(size: int) -> str:
    """A file size as people write it."""
    return f"{tenths_text(size / 1e9)} GB" if size >= 1e9 else f"{tenths_text(size / 1e6)} MB"
