"""The selected polygons of one layer, followed for as long as the layer lives."""

from __future__ import annotations

import itertools
from typing import List, Optional

from qgis.core import QgsFeature, QgsFeatureRequest, QgsVectorLayer, QgsVectorLayerUtils
from qtpy.QtCore import QObject, QTimer, Signal

# Milliseconds without a further change before the selection counts as made: a rectangle selects in many steps.
_SETTLED = 120


class SelectionFollower(QObject):
    """Says ``changed`` when the selection of the followed layer, or a selected polygon's shape, has changed."""

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
            layer.geometryChanged.connect(self._shape_changed)
            layer.willBeDeleted.connect(self._gone)
        self._timer.start()

    def count(self) -> int:
        """How many polygons are selected."""
        return self._layer.selectedFeatureCount() if self._layer is not None else 0

    def features(self, most: int) -> List[QgsFeature]:
        """The first ``most`` selected polygons with their attributes, by feature id."""
        if self._layer is None:
            return []
        ids = list(itertools.islice(sorted(self._layer.selectedFeatureIds()), most))
        found = self._layer.getFeatures(QgsFeatureRequest().setFilterFids(ids)) if ids else []
        return sorted((QgsFeature(feature) for feature in found), key=lambda feature: feature.id())

    def _let_go(self) -> None:
        if self._layer is not None:
            self._layer.selectionChanged.disconnect(self._later)
            self._layer.geometryChanged.disconnect(self._shape_changed)
            self._layer.willBeDeleted.disconnect(self._gone)
        self._layer = None

    def _gone(self) -> None:
        self._layer = None  # its signals go with it: by now Python can no longer ask it for them
        self.changed.emit()

    def _later(self, *_ids: object) -> None:
        self._timer.start()

    def _shape_changed(self, feature_id: int, *_geometry: object) -> None:
        if self._layer is not None and feature_id in self._layer.selectedFeatureIds():
            self._timer.start()


def feature_name(layer: QgsVectorLayer, feature: QgsFeature) -> str:
    """What the layer calls a feature, with its id where that says nothing."""
    name = QgsVectorLayerUtils.getFeatureDisplayString(layer, feature).strip()
    return name if name and name != "NULL" else f"#{feature.id()}"
