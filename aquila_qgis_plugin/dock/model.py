"""The dock's model: which one, on what, and whether it sees the data or the layer as displayed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Optional, Tuple

from qgis.gui import QgsCollapsibleGroupBox
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QCheckBox, QComboBox, QWidget

from aquila_qgis_plugin.dock.widgets import describe_widget, form_layout, narrow
from aquila_qgis_plugin.model_check import built_in_models
from aquila_qgis_plugin.model_options import ModelOptions
from aquila_qgis_plugin.settings import Settings
from aquila_qgis_plugin.translation import tr

# Pixels; the title tells the model's name, which may be long.
_NARROW = 200


class ModelForm(QgsCollapsibleGroupBox):
    """Model and device; the title tells them while the group is closed. ``changed`` tells of every change."""

    changed = Signal()

    def __init__(self, parent: Optional[QWidget] = None) -> None:
        super().__init__(parent)
        self._settings = Settings()
        self._own_model = self._own_device = ""
        self._model, self._device = QComboBox(self), QComboBox(self)
        self.displayed = QCheckBox(tr("As displayed, &not the data"), self)
        self._name_widgets()
        layout = form_layout(self)
        layout.setContentsMargins(9, 3, 9, 6)
        layout.addRow(tr("Model"), self._model)
        layout.addRow(tr("Dev&ice"), self._device)
        layout.addRow(self.displayed)
        self.set_settings(self._settings)
        self.setCollapsed(True)
        self.collapsedStateChanged.connect(self._name_itself)
        self._model.activated.connect(self._chosen)
        self._device.activated.connect(self._chosen)
        self.displayed.toggled.connect(self.changed)

    def options(self) -> ModelOptions:
        """How the model is to be loaded and run."""
        return replace(
            self._settings.model_options(), model=self._model.currentData(), device=self._device.currentData()
        )

    def as_displayed(self) -> bool:
        """Whether the model is to see the rendered layer instead of its data."""
        return self.displayed.isChecked()

    def own_choice(self) -> Tuple[str, str]:
        """Model and device that the user chose here; "" where the profile's default holds."""
        return self._own_model, self._own_device

    def set_settings(self, settings: Settings) -> None:
        """Offer the profile's models; its default holds where the user chose nothing here."""
        self._settings = settings
        self._model.clear()
        for entry in built_in_models():
            self._model.addItem(entry.name, entry.key)
        for folder in settings.model_folders:
            self._model.addItem(Path(folder).name, folder)
        self._device.clear()
        for text, device in ((tr("Automatic"), "auto"), (tr("CPU"), "cpu"), (tr("GPU (CUDA)"), "cuda")):
            self._device.addItem(text, device)
        self.restore(self._own_model, self._own_device, self.as_displayed())

    def restore(self, model: str, device: str, as_displayed: bool) -> None:
        """Show what a project remembers; "" stands for the profile's default."""
        self._own_model, self._own_device = model, device
        _choose(self._model, model or self._settings.model)
        _choose(self._device, device or self._settings.device)
        self.displayed.setChecked(as_displayed)
        self._name_itself()
        self.changed.emit()

    def _name_widgets(self) -> None:
        self.setObjectName("aquilaModelGroup")
        describe_widget(
            self._model, "aquilaModelBox", tr("Model"), tr("More models: Settings → Options → Aquila")
        )
        describe_widget(
            self._device, "aquilaDeviceBox", tr("Device"), tr("Automatic uses the graphics card where there is one")
        )
        describe_widget(
            self.displayed, "aquilaAsDisplayed", tr("As displayed"),
            tr("The model sees the layer with its style, colours and transparency, instead of its data"),
        )
        self.setMinimumWidth(_NARROW)
        narrow(self._model)
        narrow(self._device)

    def _chosen(self) -> None:
        self._own_model, self._own_device = self._model.currentData(), self._device.currentData()
        self._name_itself()
        self.changed.emit()

    def _name_itself(self) -> None:
        title = tr("Model: {model}, {device}").format(
            model=self._model.currentText(), device=self._device.currentText()
        )
        self.setTitle(title if self.isCollapsed() else tr("Model"))


def _choose(box: QComboBox, data: str) -> None:
    """Select the entry; one that the list does not know is added, so that nothing is changed behind the user's back."""
    if box.findData(data) < 0:
        box.addItem(Path(data).name or data, data)
    box.setCurrentIndex(box.findData(data))
