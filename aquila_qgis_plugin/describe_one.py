"""One polygon at a time on the map: highlighted, described in the background, its text beside it."""

from __future__ import annotations

from typing import List, Optional

from qgis.core import QgsFeature, QgsGeometry, QgsProject, QgsRectangle, QgsVectorLayer
from qgis.gui import QgisInterface
from qtpy.QtCore import QObject, Signal

from aquila_qgis_plugin.bubble import DescriptionBubble
from aquila_qgis_plugin.choice import Choice, CurrentChoice
from aquila_qgis_plugin.describe_task import DescribeRequest, DescribeTask, Outcome, start
from aquila_qgis_plugin.environment import dialog, runtime
from aquila_qgis_plugin.map_marks import MapMarks, in_map_crs, outline_symbol
from aquila_qgis_plugin.origin import Origin
from aquila_qgis_plugin.polygons import drawn_region, regions
from aquila_qgis_plugin.rasters import raster_problem, raster_spec
from aquila_qgis_plugin.rescue import rescue_layer
from aquila_qgis_plugin.storing import store
from core_model.description import Description
from core_model.geo.regions import Region


class DescribeOne(QObject):
    """Describes the polygon asked for last; a new one takes the place of one that is still under way."""

    described = Signal(str, object)  # layer id ("" for a drawn polygon) and the core_model Description

    def __init__(self, iface: QgisInterface, choice: CurrentChoice, parent: Optional[QObject] = None) -> None:
        super().__init__(parent)
        self._iface, self._choice = iface, choice
        self._canvas = iface.mapCanvas()
        self._marks = MapMarks(self._canvas)
        self.bubble = DescriptionBubble(self._canvas)
        self.bubble.closed.connect(self.stop)
        self.bubble.action_clicked.connect(self._act)
        self._task: Optional[DescribeTask] = None
        self._origin: Optional[Origin] = None
        self._region: Optional[Region] = None
        self._found: Optional[Description] = None
        self._box = QgsRectangle()
        self._kept_id = ""
        # What is marked is drawn in the map's CRS and belongs to the project.
        self._canvas.destinationCrsChanged.connect(self.stop)
        QgsProject.instance().cleared.connect(self.stop)
        QgsProject.instance().layersWillBeRemoved.connect(self._layers_go)

    def feature(self, layer: QgsVectorLayer, feature: QgsFeature) -> None:
        """Describe a feature of a layer."""
        self.stop()
        self._marks.highlight(layer, feature)
        self._box = in_map_crs(layer, feature.geometry(), self._canvas).boundingBox()
        self._run(Origin.of(layer), next(iter(regions([feature], layer.crs()))))

    def drawn(self, geometry: QgsGeometry) -> None:
        """Describe a polygon given in the map's CRS."""
        self.stop()
        self._marks.outline(geometry)
        self._box = geometry.boundingBox()
        self._run(None, drawn_region(geometry, self._canvas.mapSettings().destinationCrs()))

    def stop(self) -> None:
        """Cancel what runs and take the marks and the bubble off the map."""
        self._let_go()
        self._marks.clear()
        self.bubble.hide()
        self._found = self._region = None

    def close(self) -> None:
        """Leave the canvas for good."""
        self.stop()
        self._canvas.destinationCrsChanged.disconnect(self.stop)
        QgsProject.instance().cleared.disconnect(self.stop)
        QgsProject.instance().layersWillBeRemoved.disconnect(self._layers_go)
        self.bubble.setParent(None)
        self.bubble.deleteLater()

    def _layers_go(self, layer_ids: List[str]) -> None:
        # The text stays: it may be all that is left of a run.
        if self._origin is not None and self._origin.layer_id in layer_ids:
            self._marks.clear()

    def _run(self, origin: Optional[Origin], region: Region) -> None:
        self._origin, self._region, self._found = origin, region, None
        choice = self._choice()
        if choice.raster is None:
            self.bubble.show_problem(self._box, self.tr("Choose a raster layer in Aquila's panel first."))
            return
        problem = raster_problem(choice.raster)
        if problem:
            self.bubble.show_problem(self._box, problem)
            return
        found = runtime.state()
        if not found.usable:
            self.bubble.show_problem(self._box, found.reason, self.tr("Set up…"))
            return
        self._start(choice, region)

    def _start(self, choice: Choice, region: Region) -> None:
        request = DescribeRequest(
            raster=raster_spec(choice.raster, as_displayed=choice.as_displayed), regions=[region], model=choice.model,
            style=choice.style, prompt=choice.prompt, labels=choice.labels, bands=choice.bands)
        self.bubble.show_busy(self._box, self.tr("Looking…"))
        self._task = DescribeTask(request)
        self._task.ended.connect(self._ended)
        start(self._task)

    def _let_go(self) -> None:
        """Cancel the task; what it still brings is not for us."""
        if self._task is not None:
            self._task.ended.disconnect(self._ended)
            self._task.cancel()
        self._task = None

    def _ended(self, outcome: Outcome) -> None:
        self._task = None
        if not outcome.results:
            self.bubble.show_problem(self._box, outcome.error or self.tr("The task was cancelled."))
            return
        self._found = outcome.results[0]
        self.bubble.show_description(self._found, self._offer())
        self.described.emit(self._origin.layer_id if self._origin is not None else "", self._found)

    def _offer(self) -> str:
        """What can be done with the description: into the layer's field, or into a layer of its own."""
        if self._found is None or not (self._found.description or self._found.label):
            return ""
        if self._origin is None:
            return self.tr("Keep as a layer")
        targets = self._choice().targets
        return self.tr("Store in “{field}”").format(field=targets.description) if targets is not None else ""

    def _act(self) -> None:
        """The bubble's button: set up what is missing, keep a drawn polygon, or store in the layer."""
        if self._found is None:
            self._set_up()
        elif self._origin is not None:
            self._store()
        else:
            self._keep()

    def _set_up(self) -> None:
        if dialog.offer_setup(self._iface.mainWindow()) and self._region is not None:
            self._run(self._origin, self._region)

    def _store(self) -> None:
        targets = self._choice().targets
        if targets is None or self._found is None or self._region is None or self._origin is None:
            return
        if store(self._iface, self._origin, [self._found], targets, [self._region]):
            self.bubble.say(self.tr("Stored in “{field}”.").format(field=targets.description))

    def _keep(self) -> None:
        """Add the drawn polygon to the layer of the drawn ones, which is made for the first of them."""
        if self._found is None or self._region is None:
            return
        new = rescue_layer([self._found], [self._region], name=self.tr("Drawn polygons"))
        kept = QgsProject.instance().mapLayer(self._kept_id)
        if _is_alike(kept, new) and kept.dataProvider().addFeatures(list(new.getFeatures()))[0]:
            kept.updateExtents()
            kept.triggerRepaint()
        else:
            self._kept_id = new.id()
            new.renderer().setSymbol(outline_symbol())
            # Added by hand, for a layer that QGIS adds becomes the active one, which the dock follows.
            QgsProject.instance().addMapLayer(new, False)
            QgsProject.instance().layerTreeRoot().insertLayer(0, new)
        self.bubble.say(self.tr("Kept in the layer “{layer}”.").format(layer=new.name()))


def _is_alike(kept: Optional[QgsVectorLayer], new: QgsVectorLayer) -> bool:
    """Whether the layer of drawn polygons is still as it was made: users save it to a file, edit it, change fields."""
    return (
        kept is not None and kept.providerType() == "memory" and not kept.isEditable() and kept.crs() == new.crs()
        and kept.fields().names() == new.fields().names())
