"""One run from the dock: request, task, and what becomes of the results, whatever happened to the layer meanwhile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import List, Optional

from qgis.core import QgsProject
from qgis.gui import QgisInterface
from qtpy.QtCore import QObject, Qt, Signal
from qtpy.QtWidgets import QMessageBox

from aquila_qgis_plugin import settings
from aquila_qgis_plugin.choice import Choice
from aquila_qgis_plugin.describe_task import DescribeRequest, DescribeTask, Outcome, start
from aquila_qgis_plugin.dock.plan import chosen_features
from aquila_qgis_plugin.messages import fail, inform, offer, warn
from aquila_qgis_plugin.origin import Origin
from aquila_qgis_plugin.polygons import regions
from aquila_qgis_plugin.rasters import raster_spec
from aquila_qgis_plugin.rescue import rescue_layer
from aquila_qgis_plugin.results import Published, Targets, publish
from aquila_qgis_plugin.translation import tr
from aquila_qgis_plugin.wording import polygons_text, run_details, status_counts
from core_model.description import Description
from core_model.errors import AquilaError
from core_model.geo.regions import Region


@dataclass(frozen=True)
class _Run:
    """What was asked for, in values that outlive the layer."""

    origin: Origin
    targets: Targets
    regions: List[Region]
    model: str
    device: str
    style: str


class RunController(QObject):
    """Starts, cancels and finishes runs, one at a time.

    ``began`` and ``over`` bracket a run; ``progressed`` brings done, total and the seconds left (``None`` while
    unknown); ``described`` brings the layer's id and each ``Description`` as it is made.
    """

    began = Signal()
    progressed = Signal(int, int, object)
    described = Signal(str, object)
    over = Signal()

    def __init__(self, iface: QgisInterface, parent: Optional[QObject] = None) -> None:
        super().__init__(parent)
        self._iface = iface
        self._task: Optional[DescribeTask] = None
        self._run: Optional[_Run] = None
        self._closing = False
        QgsProject.instance().layersWillBeRemoved.connect(self._layers_go)

    @property
    def running(self) -> bool:
        """Whether a run is on its way."""
        return self._task is not None

    def start(self, choice: Choice, selected_only: bool) -> None:
        """Describe what is chosen; whatever hinders it is told on the message bar."""
        if self.running or choice.raster is None or choice.polygons is None or choice.targets is None:
            return
        layer = choice.polygons
        try:
            spec = raster_spec(choice.raster, as_displayed=choice.as_displayed)
        except AquilaError as error:
            fail(self._iface, str(error))
            return
        found = list(regions(chosen_features(layer, selected_only), layer.crs()))
        self._run = _Run(
            Origin.of(layer), choice.targets, found, choice.model.model, choice.model.device, _kind_of(choice))
        self._task = DescribeTask(DescribeRequest(
            spec, found, choice.model, style=choice.style, prompt=choice.prompt, labels=choice.labels,
            bands=choice.bands,
        ))
        self._task.described.connect(self._described)
        self._task.counted.connect(self._counted)
        self._task.ended.connect(self._ended)
        self.began.emit()
        start(self._task)

    def cancel(self) -> None:
        """End the run as soon as possible; what is done is kept."""
        if self._task is not None:
            self._task.cancel()

    def close_down(self) -> None:
        """Cancel and ask nothing any more; what is done is written when the task has ended."""
        self._closing = True
        self.cancel()
        QgsProject.instance().layersWillBeRemoved.disconnect(self._layers_go)

    def _layers_go(self, layer_ids: List[str]) -> None:
        # Results without their layer are rescued, but it would be odd to go on making them.
        if self._run is not None and self._run.origin.layer_id in layer_ids:
            self.cancel()

    def _described(self, result: Description) -> None:
        if self._run is not None:
            self.described.emit(self._run.origin.layer_id, result)

    def _counted(self, done: int, total: int) -> None:
        self.progressed.emit(done, total, self._task.seconds_left() if self._task is not None else None)

    def _ended(self, outcome: Outcome) -> None:
        run, task = self._run, self._task
        self._run = self._task = None
        self.over.emit()
        _remember_pace(run, task.seconds_per_polygon())
        if not outcome.results:
            self._tell_nothing_done(outcome)
            return
        layer = run.origin.layer()
        if layer is None:
            self._rescue(run, outcome, outcome.results, run.origin.why_lost())
        elif self._closing or layer.isEditable() or settings.load().after_run != settings.ASK:
            self._publish(run, outcome)
        else:
            self._ask_once(run, outcome)

    def _tell_nothing_done(self, outcome: Outcome) -> None:
        if outcome.error:
            fail(self._iface, outcome.error, outcome.details)
        elif outcome.cancelled:
            inform(self._iface, tr("Cancelled before any polygon was described."))
        else:
            warn(self._iface, tr("There was no polygon to describe."))

    def _ask_once(self, run: _Run, outcome: Outcome) -> None:
        """Ask whether to save or to leave the edit open; the answer holds for later runs too."""
        box = QMessageBox(self._iface.mainWindow())
        box.setObjectName("aquilaAfterRunBox")
        box.setIcon(QMessageBox.Icon.Question)
        box.setWindowTitle(tr("Descriptions are ready"))
        box.setTextFormat(Qt.TextFormat.PlainText)
        box.setText(tr("Looked at: {polygons} of “{name}”. Save the texts to the layer now?").format(
            polygons=polygons_text(len(outcome.results)), name=run.origin.name))
        box.setInformativeText(tr(
            "Or leave the layer open for editing: you look first, then save or undo. Aquila does the same after later "
            "runs; Settings → Options → Aquila changes it."))
        save = box.addButton(tr("&Save now"), QMessageBox.ButtonRole.AcceptRole)
        leave = box.addButton(tr("&Leave open for editing"), QMessageBox.ButtonRole.RejectRole)
        save.setObjectName("aquilaSaveNow")
        leave.setObjectName("aquilaLeaveOpen")
        box.setDefaultButton(save)
        box.setEscapeButton(leave)
        box.finished.connect(lambda _: self._answered(box.clickedButton() is save, run, outcome))
        box.finished.connect(box.deleteLater)
        # Not exec(): a nested event loop inside a task's end would hold up QGIS's task manager.
        box.open()

    def _answered(self, save: bool, run: _Run, outcome: Outcome) -> None:
        chosen = settings.load()
        chosen.after_run = settings.COMMIT if save else settings.LEAVE_OPEN
        settings.save(chosen)
        self._publish(run, outcome)

    def _publish(self, run: _Run, outcome: Outcome) -> None:
        layer = run.origin.layer()
        if layer is None:
            self._rescue(run, outcome, outcome.results, run.origin.why_lost())
            return
        commit = None if layer.isEditable() else settings.load().after_run == settings.COMMIT
        published = publish(layer, outcome.results, run.targets, commit=commit, regions=run.regions)
        if published.unwritten:
            self._rescue(run, outcome, published.unwritten, published.message, published.details)
        else:
            self._tell(outcome, published)

    def _tell(self, outcome: Outcome, published: Published) -> None:
        counts = status_counts(outcome.results)
        if outcome.error:
            sentence = tr("{error} Done before that: {counts}.").format(error=outcome.error, counts=counts)
        elif outcome.cancelled:
            sentence = tr("Cancelled. Done before that: {counts}.").format(counts=counts)
        else:
            sentence = tr("Done: {counts}.").format(counts=counts)
        tell = fail if outcome.error else warn if published.message else inform
        details = (run_details(outcome.results, outcome.seconds), published.details, outcome.details)
        tell(self._iface, _joined(" ", sentence, published.message), _joined("\n\n", *details))

    def _rescue(
        self, run: _Run, outcome: Outcome, results: List[Description], reason: str, details: str = ""
    ) -> None:
        reason = _joined(" ", outcome.error, reason)
        layer = rescue_layer(results, run.regions, name=tr("{name}, described").format(name=run.origin.name))
        offer(
            self._iface,
            tr("{reason} What was written about {polygons} can be added as a new layer.").format(
                reason=reason, polygons=polygons_text(len(results))),
            tr("Add as layer"), lambda: QgsProject.instance().addMapLayer(layer),
            _joined("\n\n", details, outcome.details),
        )


def _joined(between: str, *texts: str) -> str:
    return between.join(text for text in texts if text)


def _remember_pace(run: _Run, seconds_per_polygon: Optional[float]) -> None:
    if seconds_per_polygon:
        known = settings.load()
        known.learn_pace(run.model, run.device, run.style, seconds_per_polygon)
        settings.save(known)


def _kind_of(choice: Choice) -> str:
    if choice.labels is not None:
        return "labels"
    return "prompt" if choice.prompt is not None else choice.style or "description"
