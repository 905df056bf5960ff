"""What Aquila draws over the map: highlighted polygons, a sketch of one, and numbers beside them."""

from __future__ import annotations

from typing import List, Optional, Sequence, Union

from qgis.core import (
    QgsCoordinateTransform,
    QgsCsException,
    QgsFeature,
    QgsFillSymbol,
    QgsGeometry,
    QgsPointXY,
    QgsProject,
    QgsVectorLayer,
    QgsWkbTypes,
)
from qgis.gui import QgsHighlight, QgsMapCanvas, QgsMapCanvasItem, QgsRubberBand
from qtpy.QtCore import QRectF, Qt
from qtpy.QtGui import QColor, QPainter

COLOUR = QColor(255, 170, 0)
_FILL_ALPHA = 25
_RADIUS = 11.0


class NumberMark(QgsMapCanvasItem):
    """A number in a disc at a place of the map; it stays there when the map moves."""

    def __init__(self, canvas: QgsMapCanvas, number: int, place: QgsPointXY) -> None:
        super().__init__(canvas)
        self._number, self._place = number, place
        self.setZValue(200)
        self.updatePosition()

    def updatePosition(self) -> None:  # noqa: N802
        """Called by the canvas when its extent has changed."""
        self.setPos(self.toCanvasCoordinates(self._place))

    def boundingRect(self) -> QRectF:  # noqa: N802
        """The disc's frame around its place."""
        return QRectF(-_RADIUS - 1, -_RADIUS - 1, 2 * _RADIUS + 2, 2 * _RADIUS + 2)

    def paint(self, painter: QPainter, *_options: object) -> None:
        """Draw the disc and the number on it."""
        disc = QRectF(-_RADIUS, -_RADIUS, 2 * _RADIUS, 2 * _RADIUS)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.GlobalColor.white)
        painter.setBrush(COLOUR.darker(150))
        painter.drawEllipse(disc)
        painter.drawText(disc, Qt.AlignmentFlag.AlignCenter, str(self._number))


class MapMarks:
    """The marks of one tool or panel; ``clear`` takes all of them off the map."""

    def __init__(self, canvas: QgsMapCanvas) -> None:
        self._canvas = canvas
        self._items: List[Union[QgsHighlight, QgsRubberBand, NumberMark]] = []

    def highlight(self, layer: QgsVectorLayer, feature: QgsFeature) -> None:
        """Highlight a polygon of a layer."""
        item = QgsHighlight(self._canvas, feature.geometry(), layer)
        item.setColor(COLOUR)
        item.setFillColor(_faint())
        item.setWidth(2)
        item.show()
        self._items.append(item)

    def outline(self, geometry: QgsGeometry) -> None:
        """Draw a polygon given in the map's CRS."""
        band = new_band(self._canvas)
        band.setToGeometry(geometry, None)
        self._items.append(band)

    def number(self, layer: QgsVectorLayer, features: Sequence[QgsFeature]) -> None:
        """Put 1, 2, … on polygons of a layer."""
        to_map = QgsCoordinateTransform(
            layer.crs(), self._canvas.mapSettings().destinationCrs(), QgsProject.instance().transformContext())
        for count, feature in enumerate(features, 1):
            place = _on_the_map(feature.geometry().pointOnSurface(), to_map)
            if place is not None:
                self._items.append(NumberMark(self._canvas, count, place))

    def clear(self) -> None:
        """Take everything off the map."""
        for item in self._items:
            self._canvas.scene().removeItem(item)
        self._items.clear()


def new_band(canvas: QgsMapCanvas) -> QgsRubberBand:
    """An empty polygon sketch in Aquila's colour."""
    band = QgsRubberBand(canvas, QgsWkbTypes.GeometryType.PolygonGeometry)
    band.setStrokeColor(COLOUR)
    band.setFillColor(_faint())
    band.setWidth(2)
    return band


def outline_symbol() -> QgsFillSymbol:
    """A symbol for polygons of a layer that leaves the picture under them in sight."""
    return QgsFillSymbol.createSimple({"style": "no", "outline_color": COLOUR.name(), "outline_width": "0.5"})


def in_map_crs(layer: QgsVectorLayer, geometry: QgsGeometry, canvas: QgsMapCanvas) -> QgsGeometry:
    """A layer's geometry in the map's CRS, as a copy."""
    moved = QgsGeometry(geometry)
    moved.transform(QgsCoordinateTransform(
        layer.crs(), canvas.mapSettings().destinationCrs(), QgsProject.instance().transformContext()))
    return moved


def _on_the_map(inside: QgsGeometry, to_map: QgsCoordinateTransform) -> Optional[QgsPointXY]:
    """Where a point lies on the map; ``None`` for no point, and for one that the map's CRS has no place for."""
    try:
        return None if inside.isNull() else to_map.transform(inside.asPoint())
    except QgsCsException:
        return None


def _faint() -> QColor:
    colour = QColor(COLOUR)
    colour.setAlpha(_FILL_ALPHA)
    return colour
