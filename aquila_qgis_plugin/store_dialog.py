"""Into which field an answer goes."""

from __future__ import annotations

from typing import Optional

from qgis.core import QgsFieldProxyModel, QgsVectorLayer
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QDialog, QDialogButtonBox, QVBoxLayout, QWidget

from aquila_qgis_plugin.dock.targets import FieldChoice
from aquila_qgis_plugin.plain_label import plain_label
from aquila_qgis_plugin.wording import polygons_text

_USUAL = "answer"


class StoreDialog(QDialog):
    """Asks for an existing text field or the name of a new one; ``chosen`` brings it."""

    chosen = Signal(str)

    def __init__(self, layer: QgsVectorLayer, polygons: int, parent: Optional[QWidget] = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(self.tr("Store answer in field"))
        sentence = self.tr("The answer is written to {polygons} of “{layer}”, in one step that can be undone.")
        text = plain_label(sentence.format(polygons=polygons_text(polygons), layer=layer.name()))
        self.field = FieldChoice(QgsFieldProxyModel.Filter.String, _USUAL, self)
        self.field.set_layer(layer)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        self.accepted.connect(lambda: self.chosen.emit(self.field.name()))
        # The layer may be removed while the question stands.
        layer.willBeDeleted.connect(self.reject)
        layout = QVBoxLayout(self)
        for widget in (text, self.field, buttons):
            layout.addWidget(widget)
