"""Describing from the map: click a polygon, draw one, or use the feature menu."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional

from qgis.core import Qgis, QgsFeature, QgsGeometry, QgsMapLayer, QgsPointXY, QgsVectorLayer, QgsWkbTypes
from qgis.gui import QgisInterface, QgsGui, QgsMapLayerAction, QgsMapMouseEvent, QgsMapToolIdentify
from qtpy.QtCore import QPoint, Qt, Signal
from qtpy.QtGui import QKeyEvent
from qtpy.QtWidgets import QApplication, QWidget

from aquila_qgis_plugin.artwork import icon
from aquila_qgis_plugin.choice import CurrentChoice
from aquila_qgis_plugin.compat import shown_layers
from aquila_qgis_plugin.sketch import Sketch
from aquila_qgis_plugin.translation import tr

if TYPE_CHECKING:
    from aquila_qgis_plugin.describe_one import DescribeOne

_LEFT, _RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton


class DescribeMapTool(QgsMapToolIdentify):
    """Click a polygon of the chosen layer, or draw one by clicks or a dragged rectangle, and read its description.

    ``choice`` gives the layers, model and wording at the moment of the click (the dock's state). A click beside all
    polygons, or with Ctrl anywhere, sets the first corner of a drawn one; the right button or a double click finishes
    it, Backspace takes a corner back and Esc gives up.
    """

    described = Signal(str, object)  # layer id ("" for a drawn polygon) and the core_model Description

    def __init__(self, iface: QgisInterface, choice: CurrentChoice) -> None:
        super().__init__(iface.mapCanvas())
        self._iface, self._choice = iface, choice
        self._describer: Optional[DescribeOne] = None
        self._sketch = Sketch(self.canvas())
        self._pressed: Optional[QPoint] = None
        self._pressed_place = QgsPointXY()
        self.setCursor(Qt.CursorShape.CrossCursor)
        self.canvas().destinationCrsChanged.connect(self._sketch.clear)

    def describe_feature(self, layer: QgsVectorLayer, feature: QgsFeature) -> None:
        """Describe one feature and show the text beside it; also what the feature menu calls."""
        self._one.feature(layer, feature)

    def describe_drawn(self, geometry: QgsGeometry) -> None:
        """Describe a polygon given in the map's CRS, which needs no layer."""
        self._one.drawn(geometry)

    def close(self) -> None:
        """Cancel what runs and take everything off the map; the plugin calls it on unload."""
        if self._describer is not None:
            self._describer.close()
        self.canvas().destinationCrsChanged.disconnect(self._sketch.clear)
        self._sketch.remove_from(self.canvas())
        self.deleteLater()

    def flags(self) -> Any:
        """Nothing of the canvas's own: Shift would otherwise zoom."""
        return type(super().flags())(0)

    def activate(self) -> None:
        """Say how the tool is used."""
        super().activate()
        self.messageEmitted.emit(tr(
            "Click a polygon, or draw one: click its corners and right-click, or drag a rectangle."),
            Qgis.MessageLevel.Info)

    def deactivate(self) -> None:
        """Drop an unfinished drawing; a description that is on show stays until it is closed."""
        self._sketch.clear()
        self._pressed = None
        self.messageDiscarded.emit()
        super().deactivate()

    def canvasPressEvent(self, event: QgsMapMouseEvent) -> None:  # noqa: N802
        """Remember where a click or drag begins."""
        if event.button() == _LEFT:
            self._pressed, self._pressed_place = event.pos(), event.mapPoint()

    def canvasMoveEvent(self, event: QgsMapMouseEvent) -> None:  # noqa: N802
        """Drag a rectangle, or lead the open side of the drawing."""
        if self._pressed is not None and self._sketch.corners == 0 and self._is_drag(event.pos()):
            self._sketch.drag(self._pressed_place, event.mapPoint())
        elif self._sketch.corners:
            self._sketch.point_to(event.mapPoint())

    def canvasReleaseEvent(self, event: QgsMapMouseEvent) -> None:  # noqa: N802
        """Finish a rectangle or drawing, describe the clicked polygon, or set a corner."""
        if event.button() == _RIGHT and self._sketch.corners:
            self._finish()
        if event.button() != _LEFT or self._pressed is None:
            return
        self._pressed = None
        if self._sketch.is_rectangle:
            self._finish()
        elif self._sketch.corners or event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self._corner(event.mapPoint())
        else:
            self._click(event)

    def canvasDoubleClickEvent(self, event: QgsMapMouseEvent) -> None:  # noqa: N802
        """Finish the drawing; its last corner came with the first of the two clicks."""
        if event.button() == _LEFT and self._sketch.corners >= 3:
            self._finish()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Esc gives up the drawing, or closes the description; Backspace takes a corner back."""
        drawing = self._sketch.corners > 0 or self._sketch.is_rectangle
        if event.key() == Qt.Key.Key_Escape:
            self._pressed = None
            if drawing:
                self._sketch.clear()
            else:
                self._stop()
            event.ignore()  # which tells the canvas that the key has been used
        elif event.key() in (Qt.Key.Key_Backspace, Qt.Key.Key_Delete) and drawing:
            self._sketch.take_back()
            event.ignore()

    def polygon_at(self, pixel: QPoint, place: QgsPointXY) -> Optional[QgsFeature]:
        """The polygon of the chosen layer under a pixel of the map: of several the smallest, else one very near."""
        layer = self._choice().polygons
        if layer is None or layer not in shown_layers(self.canvas()):
            return None
        found = self.identify(pixel.x(), pixel.y(), [layer], QgsMapToolIdentify.IdentifyMode.TopDownAll)
        features = [result.mFeature for result in found if result.mFeature.hasGeometry()]
        spot = QgsGeometry.fromPointXY(self.toLayerCoordinates(layer, place))
        return min(
            features, default=None,
            key=lambda feature: (feature.geometry().distance(spot), feature.geometry().area()))

    @property
    def _one(self) -> DescribeOne:
        """What describes, with all that it needs; made at the first use, so that QGIS starts without it."""
        if self._describer is None:
            from aquila_qgis_plugin.describe_one import DescribeOne  # noqa: PLC0415

            self._describer = DescribeOne(self._iface, self._choice, self)
            self._describer.described.connect(self.described)
        return self._describer

    def _stop(self) -> None:
        if self._describer is not None:
            self._describer.stop()

    def _click(self, event: QgsMapMouseEvent) -> None:
        feature = self.polygon_at(event.pos(), event.mapPoint())
        layer = self._choice().polygons
        if feature is None or layer is None:
            self._corner(event.mapPoint())
        else:
            self.describe_feature(layer, feature)

    def _corner(self, place: QgsPointXY) -> None:
        if self._sketch.corners == 0:
            self._stop()
        self._sketch.add(place)

    def _finish(self) -> None:
        geometry = self._sketch.geometry()
        if geometry.isNull():
            self.messageEmitted.emit(
                tr("A polygon needs at least three corners that enclose some ground."), Qgis.MessageLevel.Info)
            if self._sketch.is_rectangle:
                self._sketch.clear()
            return
        self._sketch.clear()
        self.describe_drawn(geometry)

    def _is_drag(self, pixel: QPoint) -> bool:
        moved = (pixel - self._pressed).manhattanLength() if self._pressed is not None else 0
        return moved >= QApplication.startDragDistance()


class DescribeFeatureAction(QgsMapLayerAction):
    """"Describe this feature" in the identify, attribute table and form menus of polygon layers."""

    def __init__(self, tool: DescribeMapTool, parent: Optional[QWidget] = None) -> None:
        super().__init__(tr("Describe this feature"), parent, _single_feature(), icon("describe"))
        self._tool = tool
        # The signal has been the second one since QGIS 3.30.
        triggered = getattr(self, "triggeredForFeatureV2", None) or self.triggeredForFeature
        triggered.connect(self._triggered)

    def canRunUsingLayer(self, layer: Optional[QgsMapLayer], *_context: object) -> bool:  # noqa: N802
        """Only polygon layers; QGIS asks with a context since 3.30, and without one before."""
        return isinstance(layer, QgsVectorLayer) and layer.geometryType() == QgsWkbTypes.GeometryType.PolygonGeometry

    def register(self) -> None:
        """Offer the action in QGIS's feature menus."""
        QgsGui.mapLayerActionRegistry().addMapLayerAction(self)

    def unregister(self) -> None:
        """Take the action out of QGIS's feature menus."""
        QgsGui.mapLayerActionRegistry().removeMapLayerAction(self)

    def _triggered(self, layer: QgsMapLayer, feature: QgsFeature, *_context: object) -> None:
        if not feature.hasGeometry():  # the attribute table's features have their cells only
            feature = layer.getFeature(feature.id())
        self._tool.describe_feature(layer, feature)


def _single_feature() -> Any:
    """The target "one feature", which moved to ``Qgis`` in 3.30."""
    targets = getattr(Qgis, "MapLayerActionTarget", None) or QgsMapLayerAction.Target
    return targets.SingleFeature
