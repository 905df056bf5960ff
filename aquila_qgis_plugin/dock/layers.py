"""The dock's layers: which raster, which polygons, all of them or the selected ones."""

from __future__ import annotations

from typing import Callable, Optional

from qgis.core import QgsMapLayer, QgsMapLayerProxyModel, QgsRasterLayer, QgsVectorLayer
from qgis.gui import QgsMapLayerComboBox
from qtpy.QtCore import QTimer, Signal
from qtpy.QtWidgets import QCheckBox, QWidget

from aquila_qgis_plugin.dock.widgets import describe_widget, form_layout, narrow
from aquila_qgis_plugin.translation import tr

# Pixels; large fonts and long counts must not make the whole dock wider.
_NARROW = 200


class LayersForm(QWidget):
    """Two layer boxes and "Selected features only"; ``changed`` tells of all that a run would go by.

    These are the layers, the tick, the selection, edits, CRS and data sources, and whether and where the polygons'
    layer can be written to; ``restyled`` tells of the raster's style, which some renderers change whenever the map
    moves.
    """

    changed = Signal()
    restyled = Signal()

    def __init__(self, parent: Optional[QWidget] = None) -> None:
        super().__init__(parent)
        self._seen_raster = _Watch(_any_signals, self._refresh)
        self._seen_style = _Watch(lambda layer: (layer.styleChanged,), self.restyled.emit)
        self._seen_polygons = _Watch(_signals, self._refresh)
        # Fields and data change many times within one step, and a step must not be looked at before it is whole.
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(0)
        self._soon.timeout.connect(self._refresh)
        self._seen_structure = _Watch(_structure_signals, self._refresh_soon)
        self._raster = _layer_box(self, QgsMapLayerProxyModel.Filter.RasterLayer)
        self._polygons = _layer_box(self, QgsMapLayerProxyModel.Filter.PolygonLayer)
        self._selected = QCheckBox(self)
        self._selected.setChecked(True)
        self._selected.setMinimumWidth(_NARROW)
        self._name_widgets()
        layout = form_layout(self)
        layout.addRow(tr("R&aster"), self._raster)
        layout.addRow(tr("Poly&gons"), self._polygons)
        layout.addRow(self._selected)
        self._raster.layerChanged.connect(self._watch_raster)
        self._polygons.layerChanged.connect(self._watch_polygons)
        self._selected.toggled.connect(self.changed)
        self._watch_raster(self._raster.currentLayer())
        self._watch_polygons(self._polygons.currentLayer())

    def raster(self) -> Optional[QgsRasterLayer]:
        """The raster to look at, if there is one."""
        return self._raster.currentLayer()

    def polygons(self) -> Optional[QgsVectorLayer]:
        """The layer whose polygons are described, if there is one."""
        return self._polygons.currentLayer()

    def selected_only(self) -> bool:
        """Whether only selected polygons are meant."""
        return self._selected.isChecked()

    def follow(self, layer: Optional[QgsMapLayer]) -> None:
        """Take over the layer that became active, if it is of a kind that the dock has a box for."""
        for box in (self._raster, self._polygons):
            if layer is not None and _offers(box, layer):
                box.setLayer(layer)

    def restore(self, raster: Optional[QgsMapLayer], polygons: Optional[QgsMapLayer], selected_only: bool) -> None:
        """Show what a project remembers, as far as those layers exist."""
        if raster is not None:
            self._raster.setLayer(raster)
        if polygons is not None:
            self._polygons.setLayer(polygons)
        self._selected.setChecked(selected_only)

    def close_down(self) -> None:
        """Listen to no layer any more."""
        self._raster.layerChanged.disconnect(self._watch_raster)
        self._polygons.layerChanged.disconnect(self._watch_polygons)
        self._seen_raster.turn_to(None)
        self._seen_style.turn_to(None)
        self._seen_polygons.turn_to(None)
        self._seen_structure.turn_to(None)
        self._soon.stop()

    def _name_widgets(self) -> None:
        describe_widget(
            self._raster, "aquilaRasterBox", tr("Raster layer"), tr("The image in which the polygons are looked at")
        )
        describe_widget(
            self._polygons, "aquilaPolygonsBox", tr("Polygon layer"), tr("The layer whose polygons are described")
        )
        describe_widget(
            self._selected, "aquilaSelectedOnly", tr("Selected features only"),
            tr("Describe only the polygons that are selected in the layer"),
        )

    def _watch_raster(self, layer: Optional[QgsRasterLayer]) -> None:
        self._seen_raster.turn_to(layer)
        self._seen_style.turn_to(layer)
        self.changed.emit()

    def _watch_polygons(self, layer: Optional[QgsVectorLayer]) -> None:
        self._seen_polygons.turn_to(layer)
        self._seen_structure.turn_to(layer)
        self._refresh()

    def _refresh_soon(self) -> None:
        self._soon.start()

    def _refresh(self) -> None:
        self._selected.setText(_count_text(self.polygons()))
        self.changed.emit()


class _Watch:
    """Listens to signals of one layer at a time, and of no other."""

    def __init__(self, signals: Callable[[QgsMapLayer], tuple], heard: Callable[[], None]) -> None:
        self._signals, self._heard = signals, heard
        self._layer: Optional[QgsMapLayer] = None

    def turn_to(self, layer: Optional[QgsMapLayer]) -> None:
        """Listen to this layer from now on, or to none."""
        if self._layer is not None:
            for signal in self._signals(self._layer):
                signal.disconnect(self._heard)
            self._layer.willBeDeleted.disconnect(self._forget)
        self._layer = layer
        if layer is not None:
            for signal in self._signals(layer):
                signal.connect(self._heard)
            layer.willBeDeleted.connect(self._forget)

    def _forget(self) -> None:
        self._layer = None


def _layer_box(parent: QWidget, kind: QgsMapLayerProxyModel.Filter) -> QgsMapLayerComboBox:
    box = QgsMapLayerComboBox(parent)
    box.setFilters(kind)
    narrow(box)
    return box


def _offers(box: QgsMapLayerComboBox, layer: QgsMapLayer) -> bool:
    return any(box.layer(row) is layer for row in range(box.count()))


def _signals(layer: QgsVectorLayer) -> tuple:
    return (
        layer.selectionChanged, layer.layerModified, layer.subsetStringChanged, *_any_signals(layer))


def _structure_signals(layer: QgsVectorLayer) -> tuple:
    return layer.readOnlyChanged, layer.updatedFields, layer.dataChanged


def _any_signals(layer: QgsMapLayer) -> tuple:
    return layer.crsChanged, layer.dataSourceChanged


def _count_text(layer: Optional[QgsVectorLayer]) -> str:
    if layer is None:
        return tr("Selected &features only")
    total, chosen = layer.featureCount(), layer.selectedFeatureCount()
    # Some providers do not know how many features they have.
    if total < 0:
        return tr("Selected &features only ({chosen})").format(chosen=chosen)
    return tr("Selected &features only ({chosen} of {total})").format(chosen=chosen, total=total)
