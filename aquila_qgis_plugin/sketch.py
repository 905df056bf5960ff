"""A polygon being drawn on the map: corner by corner, or as a dragged rectangle."""

from __future__ import annotations

from typing import List, Optional

from qgis.core import QgsGeometry, QgsPointXY, QgsRectangle, QgsWkbTypes
from qgis.gui import QgsMapCanvas

from aquila_qgis_plugin.map_marks import new_band


class Sketch:
    """The corners so far, drawn in the map's CRS with a line to the pointer."""

    def __init__(self, canvas: QgsMapCanvas) -> None:
        self._band = new_band(canvas)
        self._corners: List[QgsPointXY] = []
        self._pointer: Optional[QgsPointXY] = None
        self._start: Optional[QgsPointXY] = None

    @property
    def corners(self) -> int:
        """How many corners have been set."""
        return len(self._corners)

    @property
    def is_rectangle(self) -> bool:
        """Whether a rectangle is being dragged."""
        return self._start is not None

    def add(self, place: QgsPointXY) -> None:
        """Set a corner."""
        self._corners.append(QgsPointXY(place))
        self._draw()

    def take_back(self) -> None:
        """Remove the last corner."""
        if self._corners:
            self._corners.pop()
            self._draw()

    def point_to(self, place: QgsPointXY) -> None:
        """Draw the open side to where the pointer is."""
        self._pointer = QgsPointXY(place)
        self._draw()

    def drag(self, start: QgsPointXY, place: QgsPointXY) -> None:
        """Draw the rectangle between two opposite corners."""
        self._start, self._pointer = QgsPointXY(start), QgsPointXY(place)
        self._band.setToGeometry(QgsGeometry.fromRect(QgsRectangle(self._start, self._pointer)), None)

    def geometry(self) -> QgsGeometry:
        """The polygon in the map's CRS, valid; a null geometry if it encloses nothing."""
        if self._start is not None and self._pointer is not None:
            drawn = QgsGeometry.fromRect(QgsRectangle(self._start, self._pointer))
        elif len(self._corners) >= 3:
            drawn = QgsGeometry.fromPolygonXY([[*self._corners, self._corners[0]]])
        else:
            return QgsGeometry()
        # Sides that cross, a figure of eight for one, become polygons that touch.
        valid = drawn.makeValid() if not drawn.isGeosValid() else drawn
        valid.convertGeometryCollectionToSubclass(QgsWkbTypes.GeometryType.PolygonGeometry)
        return valid if valid.area() > 0 else QgsGeometry()

    def clear(self) -> None:
        """Begin anew."""
        self._corners.clear()
        self._start = self._pointer = None
        self._band.reset(QgsWkbTypes.GeometryType.PolygonGeometry)

    def remove_from(self, canvas: QgsMapCanvas) -> None:
        """Take the sketch off the map for good."""
        canvas.scene().removeItem(self._band)

    def _draw(self) -> None:
        self._band.reset(QgsWkbTypes.GeometryType.PolygonGeometry)
        places = self._corners + ([self._pointer] if self._pointer is not None and self._corners else [])
        for place in places:
            self._band.addPoint(place)
