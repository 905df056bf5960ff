"""What a run would be, counted in the background a moment after the user has stopped choosing."""

from __future__ import annotations

from itertools import islice
from typing import Callable, Iterable, Optional

from qgis.core import QgsFeature, QgsFeatureRequest, QgsVectorLayer
from qtpy.QtCore import QObject, QTimer, Signal

from aquila_qgis_plugin.choice import CurrentChoice
from aquila_qgis_plugin.describe_task import Outcome, PlanTask, start
from aquila_qgis_plugin.polygons import regions
from aquila_qgis_plugin.rasters import raster_spec
from core_model.description import Plan
from core_model.errors import AquilaError

_PAUSE_MS = 250
# Copying more polygons than this for a mere count would be felt in the window.
MOST_COUNTED = 5000


class Planner(QObject):
    """Counts polygons and tiles of the current choice; ``planned`` brings an ``Outcome`` with a plan or an error."""

    planned = Signal(object)

    def __init__(self, choice: CurrentChoice, selected_only: Callable[[], bool], parent: QObject) -> None:
        super().__init__(parent)
        self._choice, self._selected_only = choice, selected_only
        self._task: Optional[PlanTask] = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_PAUSE_MS)
        self._timer.timeout.connect(self._count)

    def refresh(self) -> None:
        """Count anew, once nothing has changed for a moment."""
        self._drop()
        self._timer.start()

    def stop(self) -> None:
        """Count nothing any more until the next ``refresh``."""
        self._timer.stop()
        self._drop()

    def _drop(self) -> None:
        if self._task is not None:
            self._task.ended.disconnect(self._ended)
            self._task.cancel()
            self._task = None

    def _count(self) -> None:
        choice = self._choice()
        if choice.raster is None or choice.polygons is None:
            return
        count = polygon_count(choice.polygons, self._selected_only())
        if count < 0:
            return
        if count > MOST_COUNTED:
            self.planned.emit(Outcome(plan=Plan(count, count, 0)))
            return
        try:
            spec = raster_spec(choice.raster, as_displayed=choice.as_displayed)
        except AquilaError:
            return  # the dock says so by itself
        features = islice(chosen_features(choice.polygons, self._selected_only()), MOST_COUNTED)
        self._task = PlanTask(spec, list(regions(features, choice.polygons.crs())), choice.model)
        self._task.ended.connect(self._ended)
        start(self._task)

    def _ended(self, outcome: Outcome) -> None:
        self._task = None
        self.planned.emit(outcome)


def chosen_features(layer: QgsVectorLayer, selected_only: bool) -> Iterable[QgsFeature]:
    """The features a run is about, without their attributes."""
    request = QgsFeatureRequest().setNoAttributes()
    return layer.getSelectedFeatures(request) if selected_only else layer.getFeatures(request)


def polygon_count(layer: QgsVectorLayer, selected_only: bool) -> int:
    """How many polygons a run is about; −1 where the provider does not know."""
    return layer.selectedFeatureCount() if selected_only else layer.featureCount()
