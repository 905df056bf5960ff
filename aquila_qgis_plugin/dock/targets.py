"""The dock's target fields: an existing field or a new one for the text, and more of them if wished for."""

from __future__ import annotations

from typing import Dict, Mapping, Optional

from qgis.core import QgsApplication, QgsFieldProxyModel, QgsVectorLayer
from qgis.gui import QgsCollapsibleGroupBox, QgsFieldComboBox
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QCheckBox, QComboBox, QCompleter, QGridLayout, QLineEdit, QWidget

from aquila_qgis_plugin.dock.widgets import describe_widget, narrow
from aquila_qgis_plugin.translation import tr

USUAL_DESCRIPTION = "description"
# The names that new fields get, unless the user writes others.
USUAL_EXTRAS: Dict[str, str] = {"label": "label", "confidence": "confidence", "status": "status", "area": "area_m2"}


class FieldChoice(QgsFieldComboBox):
    """An existing field of the layer, or the name of a new one; ``changed`` tells of the user's choices."""

    changed = Signal()

    def __init__(self, filters: QgsFieldProxyModel.Filter, usual: str, parent: Optional[QWidget] = None) -> None:
        super().__init__(parent)
        self._name = self._usual = usual
        self.setEditable(True)
        self.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.setFilters(filters)
        narrow(self)
        line = self.lineEdit()
        line.setPlaceholderText(usual)
        self._new = line.addAction(
            QgsApplication.getThemeIcon("/mActionNewAttribute.svg"), QLineEdit.ActionPosition.TrailingPosition
        )
        self._new.setToolTip(tr("A new field: it is added when the run ends."))
        line.textEdited.connect(self._typed)
        # Completion within the line would turn a new name into an existing one that begins alike.
        self.completer().setCompletionMode(QCompleter.CompletionMode.PopupCompletion)
        self.activated.connect(lambda index: self._take(self.itemText(index)))
        # The model forgets what was typed when fields come or go.
        self.model().modelReset.connect(self._show)
        self._show()

    def name(self) -> str:
        """The field's name; the usual one while nothing is written."""
        return self._name.strip() or self._usual

    def set_name(self, name: str) -> None:
        """Show a name; "" stands for the usual one."""
        self._name = name or self._usual
        self._show()

    def set_layer(self, layer: Optional[QgsVectorLayer]) -> None:
        """Offer the fields of another layer; the name stays."""
        if layer != self.layer():
            self.setLayer(layer)
            self._show()

    def is_new(self) -> bool:
        """Whether the layer has no such field yet."""
        return self.layer() is not None and self.layer().fields().lookupField(self.name()) < 0

    def _typed(self, name: str) -> None:
        cursor = self.lineEdit().cursorPosition()
        self._take(name)
        self.lineEdit().setCursorPosition(cursor)

    def _take(self, name: str) -> None:
        self._name = name
        self._show()
        self.changed.emit()

    def _show(self) -> None:
        if self.is_new() and self.currentIndex() >= 0:
            # Else the box shows another field's type in front of the new name.
            self.setCurrentIndex(-1)
        if self.currentText() != self._name:
            self.setEditText(self._name)
            self.lineEdit().setCursorPosition(0)  # the beginning of a long name tells more
        self._new.setVisible(self.is_new())


class ExtraFields(QgsCollapsibleGroupBox):
    """Ticks and names for label, confidence, status and area; the title tells how many while it is closed."""

    changed = Signal()

    def __init__(self, parent: Optional[QWidget] = None) -> None:
        super().__init__(parent)
        self.setObjectName("aquilaExtraFields")
        self._rows: Dict[str, QCheckBox] = {}
        self._fields: Dict[str, FieldChoice] = {}
        layout = QGridLayout(self)
        layout.setColumnStretch(1, 1)
        layout.setContentsMargins(6, 3, 3, 3)
        for row, (key, text, meaning) in enumerate(_extras()):
            self._add_row(layout, row, key, text, meaning)
        self.setCollapsed(True)
        self.collapsedStateChanged.connect(self._name_itself)
        self._name_itself()

    def names(self) -> Dict[str, str]:
        """The names of the ticked fields, by what they hold."""
        return {key: self._fields[key].name() for key, tick in self._rows.items() if tick.isChecked()}

    def set_names(self, names: Mapping[str, str]) -> None:
        """Tick the fields that have a name."""
        for key, tick in self._rows.items():
            tick.setChecked(key in names)
            self._fields[key].set_name(str(names.get(key, "")))

    def set_layer(self, layer: Optional[QgsVectorLayer]) -> None:
        """Offer the fields of another layer."""
        for choice in self._fields.values():
            choice.set_layer(layer)

    def _add_row(self, layout: QGridLayout, row: int, key: str, text: str, meaning: str) -> None:
        tick = QCheckBox(text, self)
        describe_widget(tick, f"aquilaExtra_{key}", text, meaning)
        kind = _FILTERS[key]
        choice = FieldChoice(kind, USUAL_EXTRAS[key], self)
        describe_widget(choice, f"aquilaExtraField_{key}", tr("Field name"), tr("An existing field, or a new name"))
        choice.setEnabled(False)
        tick.toggled.connect(choice.setEnabled)
        tick.toggled.connect(self._changed)
        choice.changed.connect(self._changed)
        layout.addWidget(tick, row, 0)
        layout.addWidget(choice, row, 1)
        self._rows[key], self._fields[key] = tick, choice

    def _changed(self) -> None:
        self._name_itself()
        self.changed.emit()

    def _name_itself(self) -> None:
        names = list(self.names().values())
        self.setToolTip(", ".join(names))
        told = tr("More fields ({count})").format(count=len(names))
        self.setTitle(told if self.isCollapsed() and names else tr("More fields"))


_FILTERS = {
    "label": QgsFieldProxyModel.Filter.String,
    "confidence": QgsFieldProxyModel.Filter.Numeric,
    "status": QgsFieldProxyModel.Filter.String,
    "area": QgsFieldProxyModel.Filter.Numeric,
}


def _extras() -> tuple:
    return (
        ("label", tr("Label"), tr("The category or the likeliest of your labels")),
        ("confidence", tr("Confidence"), tr("How sure the model is of the label, from 0 to 1")),
        ("status", tr("Status"), tr("Whether the polygon could be described, and if not, why")),
        ("area", tr("Area"), tr("The polygon's area on the ground in square metres")),
    )
