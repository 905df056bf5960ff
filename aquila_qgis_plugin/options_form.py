"""What Aquila's page in QGIS's Options dialog shows and saves."""

from __future__ import annotations

from typing import Optional

from qgis.gui import QgsFileWidget, QgsOptionsPageWidget
from qtpy.QtWidgets import (
    QComboBox,
    QFormLayout,
    QGroupBox,
    QPushButton,
    QScrollArea,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from aquila_qgis_plugin import settings
from aquila_qgis_plugin.environment import dialog, runtime
from aquila_qgis_plugin.model_list import ModelList
from aquila_qgis_plugin.plain_label import plain_label
from aquila_qgis_plugin.prompt_table import PromptTable

PAGE = "aquilaOptions"
_MOST_REGIONS = 1024


class AquilaOptionsPage(QgsOptionsPageWidget):
    """Default model, device, precision, batch size, folders and the user's own prompts."""

    def __init__(self, parent: Optional[QWidget] = None) -> None:
        super().__init__(parent)
        self.setObjectName(PAGE)
        saved = settings.load()
        self.models = ModelList(saved.model_folders)
        self.models.changed.connect(self._offer_models)
        self.model = QComboBox()
        self.device = _combo(self._devices(), saved.device)
        self.device.setEditable(True)
        self.dtype = _combo(self._precisions(), saved.dtype)
        self.batch_size = QSpinBox()
        self.batch_size.setRange(1, _MOST_REGIONS)
        self.batch_size.setValue(saved.batch_size)
        self.after_run = _combo(self._endings(), saved.after_run)
        self.runtime_folder = self._folder_widget(saved.runtime_folder, self.tr("Found by itself"))
        self.install_folder = self._folder_widget(saved.install_folder, self.tr("The usual place"))
        self.prompts = PromptTable(saved.prompts)
        self._state = plain_label()
        self._wanted_model = saved.model
        self._lay_out()
        self._offer_models()
        self._show_runtime()

    def apply(self) -> None:
        """Save what the page shows; what other windows have saved meanwhile and the page does not show stays."""
        saved = settings.load()
        saved.model = self.model.currentData() or saved.model
        saved.model_folders = self.models.folders()
        saved.device = _data(self.device)
        saved.dtype = _data(self.dtype)
        saved.batch_size = self.batch_size.value()
        saved.after_run = _data(self.after_run)
        saved.runtime_folder = self.runtime_folder.filePath().strip()
        saved.install_folder = self.install_folder.filePath().strip()
        saved.prompts = self.prompts.prompts()
        settings.save(saved)

    def _lay_out(self) -> None:
        inside = QWidget()
        rows = QVBoxLayout(inside)
        for group in (self._model_group(), self._running_group(), self._python_group(), self._prompt_group()):
            rows.addWidget(group)
        rows.addStretch()
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        scroll.setWidget(inside)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(scroll)

    def _model_group(self) -> QGroupBox:
        group = QGroupBox(self.tr("Models"))
        form = QFormLayout(group)
        form.addRow(self.tr("&Default model"), self.model)
        form.addRow(self.models)
        return group

    def _running_group(self) -> QGroupBox:
        group = QGroupBox(self.tr("Running"))
        form = QFormLayout(group)
        form.addRow(self.tr("D&evice"), self.device)
        form.addRow(self.tr("&Precision"), self.dtype)
        form.addRow(self.tr("Polygons at a &time"), self.batch_size)
        form.addRow(self.tr("&After a run"), self.after_run)
        self.device.setToolTip(self.tr("auto, cpu, cuda, or cuda:1 for the second GPU"))
        self.batch_size.setToolTip(self.tr("More are faster and take more memory"))
        return group

    def _python_group(self) -> QGroupBox:
        group = QGroupBox(self.tr("PyTorch"))
        form = QFormLayout(group)
        button = QPushButton(self.tr("Set up…"))
        button.clicked.connect(self._set_up)
        form.addRow(self._state)
        form.addRow(self.tr("Python environment that &has it"), self.runtime_folder)
        form.addRow(self.tr("Folder to &install it into"), self.install_folder)
        form.addRow("", button)
        return group

    def _prompt_group(self) -> QGroupBox:
        group = QGroupBox(self.tr("Prompts of your own"))
        layout = QVBoxLayout(group)
        layout.addWidget(self.prompts)
        return group

    def _offer_models(self) -> None:
        """Fill the list of usable models; the one that was chosen stays chosen, even while it cannot be used."""
        wanted = self.model.currentData() or self._wanted_model
        self.model.clear()
        entries = {entry.key: entry for entry in self.models.entries()}
        for key, entry in entries.items():
            if not entry.problem:
                self.model.addItem(entry.name, key)
        if self.model.findData(wanted) < 0 and (wanted in self.models.folders() or wanted == self._wanted_model):
            self.model.addItem(self.tr("{model} (not usable now)").format(model=wanted), wanted)
        self.model.setCurrentIndex(max(0, self.model.findData(wanted)))

    def _show_runtime(self) -> None:
        found = runtime.state()
        versions = ", ".join(f"{name} {version}" for name, version in found.versions.items())
        self._state.setText(self.tr("Ready: {versions}").format(versions=versions or "torch") if found.usable
                            else found.reason)

    def _set_up(self) -> None:
        self.apply()  # the step works with the folders that are written here
        dialog.offer_setup(self)
        saved = settings.load()
        self.runtime_folder.setFilePath(saved.runtime_folder)
        self.install_folder.setFilePath(saved.install_folder)
        self._show_runtime()

    def _folder_widget(self, folder: str, usual: str) -> QgsFileWidget:
        widget = QgsFileWidget()
        widget.setStorageMode(QgsFileWidget.StorageMode.GetDirectory)
        widget.lineEdit().setPlaceholderText(usual)
        widget.setFilePath(folder)
        return widget

    def _devices(self) -> dict:
        return {
            "auto": self.tr("Automatic: a GPU if there is one"), "cpu": self.tr("CPU"), "cuda": self.tr("GPU (CUDA)"),
        }

    def _precisions(self) -> dict:
        return {
            "auto": self.tr("Automatic: 32 bits on a CPU, 16 on a GPU"), "float32": self.tr("32 bits"),
            "bfloat16": self.tr("16 bits (bfloat16)"), "float16": self.tr("16 bits (float16)"),
        }

    def _endings(self) -> dict:
        return {
            settings.ASK: self.tr("Ask whether to save the layer"), settings.COMMIT: self.tr("Save the layer at once"),
            settings.LEAVE_OPEN: self.tr("Leave the layer open for editing"),
        }


def _combo(texts: dict, chosen: str) -> QComboBox:
    """Texts with what they stand for; a value that is not among them, written by hand, is offered too."""
    box = QComboBox()
    for value, text in texts.items():
        box.addItem(text, value)
    if chosen not in texts:
        box.addItem(chosen, chosen)
    box.setCurrentIndex(box.findData(chosen))
    return box


def _data(box: QComboBox) -> str:
    """What the shown text stands for, or the text itself where it was typed."""
    at = box.findText(box.currentText())
    return str(box.itemData(at)) if at >= 0 else box.currentText().strip()
