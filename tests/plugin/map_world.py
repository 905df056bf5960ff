"""A map with polygons to click on."""

from __future__ import annotations

from pathlib import Path
from typing import Any, List, Optional, Tuple

from qgis.core import QgsGeometry, QgsPointXY, QgsProject, QgsRectangle, QgsVectorLayer
from qgis.gui import QgsHighlight, QgsMapCanvas
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QKeyEvent, QMouseEvent
from qtpy.QtWidgets import QApplication

from core_model.description import Description
from tests.plugin.interface import Interface
from tests.plugin.scenes import NORTH, WEST, raster_layer

LEFT, RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton
NONE, CTRL = Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ControlModifier
# Two squares (x, y, side in metres from the upper left corner), the second inside the first.
FIELD, POND = (100, 100, 120), (140, 140, 20)
BESIDE = (320, 300)
FOUND = Description(2, "ok", "A pond with dark water.", "pond", 0.83, 400.0, model="nano")


class World:
    """A map with the scene and the squares, the tool in hand, and what it has found."""

    def __init__(self, iface: Interface, layer: QgsVectorLayer, folder: Path) -> None:
        from aquila_qgis_plugin.choice import Choice
        from aquila_qgis_plugin.map_tools import DescribeMapTool
        from aquila_qgis_plugin.model_options import ModelOptions
        from aquila_qgis_plugin.results import Targets

        self.iface, self.layer, self.raster = iface, layer, raster_layer(folder)
        QgsProject.instance().addMapLayers([self.raster, layer])
        self.canvas: QgsMapCanvas = iface.mapCanvas()
        self.canvas.setDestinationCrs(layer.crs())
        self.canvas.setLayers([layer, self.raster])
        self.canvas.setExtent(QgsRectangle(WEST, NORTH - 400, WEST + 400, NORTH))
        iface.mainWindow().show()
        QApplication.processEvents()
        self.choice = Choice(self.raster, layer, ModelOptions(), style="phrase", targets=Targets("description"))
        self.tool = DescribeMapTool(iface, lambda: self.choice)
        self.found: List[Tuple[str, Description]] = []
        self.tool.described.connect(lambda layer_id, found: self.found.append((layer_id, found)))
        self.canvas.setMapTool(self.tool)

    @property
    def bubble(self) -> Any:
        return self.tool._one.bubble

    def pixel(self, place: Tuple[float, float]) -> QPoint:
        shown = self.canvas.getCoordinateTransform().transform(QgsPointXY(WEST + place[0], NORTH - place[1]))
        return QPoint(round(shown.x()), round(shown.y()))

    def mouse(
        self, kind: QEvent.Type, place: Tuple[float, float], button: Any = LEFT, keys: Any = NONE
    ) -> None:
        where = QPointF(self.pixel(place))
        around = QPointF(self.canvas.viewport().mapToGlobal(self.pixel(place)))
        held = Qt.MouseButton.NoButton if kind == QEvent.Type.MouseButtonRelease else button
        QApplication.sendEvent(self.canvas.viewport(), QMouseEvent(kind, where, around, button, held, keys))

    def click(self, place: Tuple[float, float], button: Any = LEFT, keys: Any = NONE) -> None:
        self.mouse(QEvent.Type.MouseButtonPress, place, button, keys)
        self.mouse(QEvent.Type.MouseButtonRelease, place, button, keys)

    def drag(self, start: Tuple[float, float], end: Tuple[float, float]) -> None:
        self.mouse(QEvent.Type.MouseButtonPress, start)
        self.mouse(QEvent.Type.MouseMove, ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2))
        self.mouse(QEvent.Type.MouseMove, end)
        self.mouse(QEvent.Type.MouseButtonRelease, end)

    def key(self, key: Qt.Key) -> None:
        QApplication.sendEvent(self.canvas, QKeyEvent(QEvent.Type.KeyPress, key, NONE))

    def highlights(self) -> int:
        return sum(isinstance(item, QgsHighlight) for item in self.canvas.scene().items())

    def bands(self) -> List[QgsGeometry]:
        """What is drawn, and not highlighted, on the map."""
        marks = self.tool._one._marks._items
        return [item.asGeometry() for item in marks if not isinstance(item, QgsHighlight)]


def outcome(found: Optional[Description] = None, **values: Any) -> Any:
    """How a task ends."""
    from aquila_qgis_plugin.describe_task import Outcome

    return Outcome([found] if found is not None else [], **values)
