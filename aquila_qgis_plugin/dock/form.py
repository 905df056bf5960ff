"""The "Describe" tab: what is written about each polygon, and into which fields."""

from __future__ import annotations

from typing import Optional

from qgis.core import QgsFieldProxyModel, QgsVectorLayer
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QVBoxLayout, QWidget

from aquila_qgis_plugin.dock.run import RunBar
from aquila_qgis_plugin.dock.style import StyleForm
from aquila_qgis_plugin.dock.targets import USUAL_DESCRIPTION, ExtraFields, FieldChoice
from aquila_qgis_plugin.dock.widgets import FittingScrollArea, describe_widget, form_layout
from aquila_qgis_plugin.results import Targets
from aquila_qgis_plugin.translation import tr

_GAP = 4


class DescribeForm(QWidget):
    """Style and target fields in a scrolling form, with the run bar below; ``changed`` tells of every change."""

    changed = Signal()

    def __init__(self, parent: Optional[QWidget] = None) -> None:
        super().__init__(parent)
        self.style_form = StyleForm(self)
        self.field = FieldChoice(QgsFieldProxyModel.Filter.String, USUAL_DESCRIPTION, self)
        describe_widget(
            self.field, "aquilaFieldBox", tr("Target field"),
            tr("The text field to write into, or the name of a new one"),
        )
        self.extras = ExtraFields(self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(3, 9, 3, 3)
        layout.addWidget(self._scrolling_form())
        self.run_bar = RunBar(self)  # last, so that it is the last stop of the tab key
        layout.addSpacing(_GAP)
        layout.addWidget(self.run_bar, 1)
        for part in (self.style_form, self.field, self.extras):
            part.changed.connect(self.changed)

    def targets(self) -> Targets:
        """The fields to write to."""
        return Targets(description=self.field.name(), **self.extras.names())

    def set_layer(self, layer: Optional[QgsVectorLayer]) -> None:
        """Offer the fields of a layer."""
        self.field.set_layer(layer)
        self.extras.set_layer(layer)

    def lock(self, locked: bool) -> None:
        """Let nothing be changed during a run."""
        for part in (self.style_form, self.field, self.extras):
            part.setEnabled(not locked)

    def _scrolling_form(self) -> FittingScrollArea:
        inner = QWidget()
        form = form_layout(inner)
        form.addRow(tr("St&yle"), self.style_form)
        form.labelForField(self.style_form).setBuddy(self.style_form.box)
        form.addRow(tr("In&to field"), self.field)
        form.addRow(self.extras)
        return FittingScrollArea(inner, self)
