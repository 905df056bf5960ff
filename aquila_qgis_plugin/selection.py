"""The selected polygons of one layer, followed for as long as the layer lives."""

from __future__ import annotations

from typing import List, Optional

from qgis.core import QgsFeature, QgsVectorLayer, QgsVectorLayerUtils
from qtpy.QtCore import QObject, QTimer, Signal

# Milliseconds without a further change before the selection counts as made: a rectangle selects in many steps.
_SETTLED = 120


class SelectionFollower(QObject):
    """Says ``changed`` when the selection of the followed layer, or the shape of its polygons, has changed."""

    changed = Signal()

    def __init__(self, parent: Optional[QObject] = None) -> None:
        super().__init__(parent)
        self._layer: Optional[QgsVectorLayer] = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_SETTLED)
        self._timer.timeout.connect(self.changed)

    @property
    def layer(self) -> Optional[QgsVectorLayer]:
        """The followed layer, ``None`` once it is gone."""
        return self._layer

    def follow(self, layer: Optional[QgsVectorLayer]) -> None:
        """Follow another layer, or none."""
        if layer is self._layer:
            return
        self._let_go()
        self._layer = layer
        if layer is not None:
            layer.selectionChanged.connect(self._later)
            layer.geometryChanged.connect(self._later)
            layer.willBeDeleted.connect(self._gone)
        self._timer.start()

    def count(self) -> int:
        """How many polygons are selected."""
        return self._layer.selectedFeatureCount() if self._layer is not None else 0

    def ids(self, most: int) -> List[int]:
        """The ids of the first ``most`` selected polygons, in order."""
        return sorted(self._layer.selectedFeatureIds())[:most] if self._layer is not None else []

    def features(self, most: int) -> List[QgsFeature]:
        """The first ``most`` selected polygons with their attributes, by feature id."""
        return [feature for feature in map(self.feature, self.ids(most)) if feature is not None]

    def feature(self, id: int) -> Optional[QgsFeature]:
        """A polygon of the layer with its attributes, ``None`` if it is no longer there."""
        found = self._layer.getFeature(id) if self._layer is not None else QgsFeature()
        return found if found.isValid() else None

    def _let_go(self) -> None:
        if self._layer is not None:
            self._layer.selectionChanged.disconnect(self._later)
            self._layer.geometryChanged.disconnect(self._later)
            self._layer.willBeDeleted.disconnect(self._gone)
        self._layer = None

    def _gone(self) -> None:
        self._layer = None  # its signals go with it: by now Python can no longer ask it for them
        self.changed.emit()

    def _later(self, *_what: object) -> None:
        self._timer.start()


def feature_name(layer: QgsVectorLayer, feature: QgsFeature) -> str:
    """What the layer calls a feature, with its id where that says nothing."""
    name = QgsVectorLayerUtils.getFeatureDisplayString(layer, feature).strip()
    return name if name and name != "NULL" else f"#{feature.id()}"
