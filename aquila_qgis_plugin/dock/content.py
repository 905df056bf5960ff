"""What the dock shows: layers and model on top, then describing, asking and looking in tabs."""

from __future__ import annotations

from typing import Optional

from qgis.core import QgsProject
from qgis.gui import QgisInterface
from qtpy.QtGui import QHideEvent, QShowEvent
from qtpy.QtWidgets import QTabWidget, QVBoxLayout, QWidget

from aquila_qgis_plugin import settings
from aquila_qgis_plugin.ask_panel import AskPanel
from aquila_qgis_plugin.choice import Choice
from aquila_qgis_plugin.coordinates import crs_note
from aquila_qgis_plugin.describe_task import Outcome
from aquila_qgis_plugin.dock.form import DescribeForm
from aquila_qgis_plugin.dock.layers import LayersForm
from aquila_qgis_plugin.dock.model import ModelForm
from aquila_qgis_plugin.dock.plan import MOST_COUNTED, Planner, polygon_count
from aquila_qgis_plugin.environment import runtime
from aquila_qgis_plugin.preview_panel import PreviewPanel
from aquila_qgis_plugin.rasters import raster_problem
from aquila_qgis_plugin.results import target_problem
from aquila_qgis_plugin.run_controller import RunController
from aquila_qgis_plugin.settings import ProjectState
from aquila_qgis_plugin.sources import source_problem
from aquila_qgis_plugin.translation import tr
from aquila_qgis_plugin.wording import plan_text, polygons_text
from core_model.description import Description

_NARROW = 240


class DockContent(QWidget):
    """Joins the parts of the dock to each other, to the project and to the runs."""

    def __init__(self, iface: QgisInterface, parent: Optional[QWidget] = None) -> None:
        super().__init__(parent)
        self._iface = iface
        self.layers, self.model, self.form = LayersForm(self), ModelForm(self), DescribeForm(self)
        self.ask = AskPanel(iface, self, choice=self.choice)
        self.preview = PreviewPanel(iface, self, choice=self.choice)
        self.controller = RunController(iface, self)
        self._planner = Planner(self.choice, self.layers.selected_only, self)
        self._lay_out()
        self._connect_parts()
        self._connect_project()
        self._take_settings()
        self.restore()

    def choice(self) -> Choice:
        """What the user has chosen to run."""
        style, prompt, labels = self.form.style_form.wording()
        return Choice(
            raster=self.layers.raster(), polygons=self.layers.polygons(), model=self.model.options(), style=style,
            prompt=prompt, labels=labels, as_displayed=self.model.as_displayed(), targets=self.form.targets(),
        )

    def problem(self) -> str:
        """One sentence saying why nothing can be described now, "" if something can."""
        raster, polygons = self.layers.raster(), self.layers.polygons()
        if raster is None:
            return tr("Add a raster layer: an aerial or satellite image that is to be described.")
        if polygons is None:
            return tr("Add a polygon layer, or draw a single polygon with the map tool.")
        unreadable = source_problem(polygons)
        if unreadable:
            return unreadable
        count = polygon_count(polygons, self.layers.selected_only())
        if count == 0 and self.layers.selected_only():
            return tr("Select polygons on the map, or untick “Selected features only”.")
        if count == 0:
            return tr("The layer “{name}” has no polygons.").format(name=polygons.name())
        return (
            raster_problem(raster) or self.form.style_form.problem() or target_problem(polygons, self.form.targets())
        )

    def state(self) -> ProjectState:
        """What a project is to remember."""
        raster, polygons = self.layers.raster(), self.layers.polygons()
        model, device = self.model.own_choice()
        return ProjectState(
            raster=raster.id() if raster is not None else "",
            polygons=polygons.id() if polygons is not None else "",
            selected_only=self.layers.selected_only(),
            style=self.form.style_form.style(),
            labels=self.form.style_form.labels_text(),
            prompt=self.form.style_form.prompt_text(),
            target=self.form.field.name(),
            extras=self.form.extras.names(),
            model=model, device=device, as_displayed=self.model.as_displayed(),
        )

    def restore(self) -> None:
        """Show what the project remembers."""
        project = QgsProject.instance()
        self.form.run_bar.clear_latest()
        state = settings.load_state(project)
        self.layers.restore(project.mapLayer(state.raster), project.mapLayer(state.polygons), state.selected_only)
        self.form.style_form.set_style(state.style)
        self.form.style_form.set_texts(state.labels, state.prompt)
        self.form.field.set_name(state.target)
        self.form.extras.set_names(state.extras)
        self.model.restore(state.model, state.device, state.as_displayed)
        self.refresh()

    def refresh(self) -> None:
        """Say anew what can be done."""
        if self.controller.running:
            return
        self._planner.stop()
        runtime_state, problem = runtime.state(), self.problem()
        if not runtime_state.usable:
            self.form.run_bar.show_setup(runtime_state.reason)
        elif problem:
            self.form.run_bar.show_problem(problem)
        else:
            count = polygon_count(self.layers.polygons(), self.layers.selected_only())
            self.form.run_bar.show_plan(polygons_text(count) if count >= 0 else tr("All polygons of the layer"))
            if self.isVisible():
                self._planner.refresh()

    def close_down(self) -> None:
        """Cancel what runs and listen to nothing any more."""
        project = QgsProject.instance()
        project.readProject.disconnect(self.restore)
        project.cleared.disconnect(self.restore)
        project.writeProject.disconnect(self._save_state)
        self._iface.currentLayerChanged.disconnect(self._follow)
        settings.NOTICE.changed.disconnect(self._take_settings)
        self._planner.stop()
        self.layers.close_down()
        self.controller.close_down()
        self.ask.close_down()
        self.preview.close_down()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 - Qt's name
        """Count what was not counted while nobody looked."""
        super().showEvent(event)
        self.refresh()

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802 - Qt's name
        """Count nothing while nobody looks."""
        self._planner.stop()
        super().hideEvent(event)

    def _lay_out(self) -> None:
        self.tabs = QTabWidget(self)
        self.tabs.setObjectName("aquilaTabs")
        self.tabs.setDocumentMode(True)
        for page, title in ((self.form, tr("Describe")), (self.ask, tr("Ask")), (self.preview, tr("What it sees"))):
            # Long names on one page must not make the whole dock wider.
            page.setMinimumWidth(_NARROW)
            self.tabs.addTab(page, title)
        bar = self.tabs.tabBar()
        bar.setObjectName("aquilaTabBar")
        self.setTabOrder(self.model.displayed, bar)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.addWidget(self.layers)
        layout.addWidget(self.model)
        layout.addWidget(self.tabs, 1)

    def _connect_parts(self) -> None:
        self.layers.changed.connect(self._layers_changed)
        self.layers.restyled.connect(self._restyled)
        self.model.changed.connect(self._layers_changed)
        self.form.changed.connect(self.refresh)
        bar = self.form.run_bar
        bar.describe_clicked.connect(self._describe)
        bar.cancel_clicked.connect(self._cancel)
        bar.setup_clicked.connect(self._set_up)
        self._planner.planned.connect(self._show_plan)
        self.controller.began.connect(self._began)
        self.controller.progressed.connect(bar.show_running)
        self.controller.described.connect(self.preview.show_description)
        self.controller.described.connect(self._show_latest)
        self.controller.over.connect(self._over)

    def _connect_project(self) -> None:
        project = QgsProject.instance()
        project.readProject.connect(self.restore)
        project.cleared.connect(self.restore)
        project.writeProject.connect(self._save_state)
        self._iface.currentLayerChanged.connect(self._follow)
        settings.NOTICE.changed.connect(self._take_settings)

    def _take_settings(self) -> None:
        chosen = settings.load()
        self.model.set_settings(chosen)
        self.form.style_form.set_saved_prompts(chosen.prompts)

    def _save_state(self) -> None:
        settings.save_state(QgsProject.instance(), self.state())

    def _follow(self) -> None:
        if not self.controller.running:
            self.layers.follow(self._iface.activeLayer())

    def _layers_changed(self) -> None:
        self.form.set_layer(self.layers.polygons())
        self.ask.refresh()
        self.preview.refresh()
        self.refresh()

    def _show_plan(self, outcome: Outcome) -> None:
        if outcome.error:
            self.form.run_bar.show_problem(outcome.error)
            return
        if self.controller.running or outcome.plan is None:
            return
        options, style = self.model.options(), self.form.style_form.style()
        pace = settings.load().pace(options.model, options.device, style)
        seconds = None if pace is None else pace * outcome.plan.describable
        text = plan_text(outcome.plan, options.device, seconds, tiles_known=outcome.plan.polygons <= MOST_COUNTED)
        self.form.run_bar.show_plan(text, self._note())

    def _show_latest(self, layer_id: str, result: Description) -> None:
        # A run that a closed project has cancelled may still finish a polygon, which the new project knows nothing of.
        if QgsProject.instance().mapLayer(layer_id) is not None:
            self.form.run_bar.show_latest(result)

    def _note(self) -> str:
        """What the user should know of the chosen layers before a run, "" if nothing."""
        raster, polygons = self.layers.raster(), self.layers.polygons()
        if raster is None or polygons is None:
            return ""
        return crs_note(raster, polygons.name(), polygons.crs(), as_displayed=self.model.as_displayed())

    def _describe(self) -> None:
        problem = self.problem()
        if problem:
            self.form.run_bar.show_problem(problem)
        else:
            self.controller.start(self.choice(), self.layers.selected_only())

    def _cancel(self) -> None:
        self.form.run_bar.show_cancelling()
        self.controller.cancel()

    def _set_up(self) -> None:
        from aquila_qgis_plugin.environment.dialog import offer_setup  # noqa: PLC0415 - seldom needed

        offer_setup(self._iface.mainWindow())
        self.refresh()

    def _began(self) -> None:
        self._planner.stop()
        self._lock(True)
        self.form.run_bar.clear_latest()
        self.form.run_bar.show_running()

    def _restyled(self) -> None:
        """What the model sees is another picture only where it sees the layer as it is displayed."""
        if self.model.as_displayed():
            self.preview.refresh()

    def _over(self) -> None:
        self._lock(False)
        self.preview.run_over()
        self.refresh()

    def _lock(self, locked: bool) -> None:
        self.layers.setEnabled(not locked)
        self.model.setEnabled(not locked)
        self.form.lock(locked)
