"""The dock: it follows the layers, says what it will do, does it once, and copes with whatever happens meanwhile."""

from __future__ import annotations

from pathlib import Path
from typing import Iterator, List

import numpy as np
import pytest
from qgis.core import QgsCoordinateReferenceSystem, QgsProject, QgsRasterLayer, QgsVectorLayer
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QCheckBox, QComboBox, QPushButton, QWidget

from aquila_qgis_plugin import settings
from aquila_qgis_plugin.dock.content import DockContent
from aquila_qgis_plugin.dock.dock import AquilaDock
from aquila_qgis_plugin.environment import runtime
from tests.geo_helpers import write_raster
from tests.plugin.dock_fakes import part, shown_dock
from tests.plugin.interface import Interface
from tests.plugin.scenes import polygon_layer, raster_layer
from tests.plugin.waiting import wait_until


@pytest.fixture(autouse=True)
def _usable(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if torch were installed, whether it is or not."""
    monkeypatch.setattr(runtime, "state", lambda: runtime.RuntimeState(True, "", None, {"torch": "2.0+cpu"}))


@pytest.fixture()
def dock(iface: Interface) -> Iterator[AquilaDock]:
    with shown_dock(iface) as found:
        yield found


@pytest.fixture()
def raster(tmp_path: Path) -> QgsRasterLayer:
    layer = raster_layer(tmp_path)
    QgsProject.instance().addMapLayer(layer)
    return layer


@pytest.fixture()
def plots() -> QgsVectorLayer:
    layer = polygon_layer(["name:string(20)", "size:double", "note:string(200)"])
    QgsProject.instance().addMapLayer(layer)
    return layer


def sentence(dock: AquilaDock) -> str:
    return str(part(dock, "aquilaPlanLine").text())


def button(dock: AquilaDock) -> QPushButton:
    return part(dock, "aquilaDescribeButton")


def test_its_content_is_made_when_it_is_first_needed(iface: Interface) -> None:
    dock = AquilaDock(iface, iface.mainWindow())
    assert dock.findChild(QPushButton, "aquilaDescribeButton") is None
    dock.choice()
    assert dock.findChild(QPushButton, "aquilaDescribeButton") is not None
    dock.close_down()


def test_seeing_it_makes_its_content_unless_it_is_hidden_at_once(iface: Interface) -> None:
    iface.mainWindow().show()
    for hidden in (True, False):
        dock = AquilaDock(iface, iface.mainWindow())
        iface.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, dock)
        dock.setHidden(hidden)
        QApplication.processEvents()
        assert (dock.widget() is None) is hidden
        dock.close_down()
        iface.removeDockWidget(dock)


def test_one_sentence_says_what_is_missing(dock: AquilaDock, tmp_path: Path) -> None:
    assert "raster layer" in sentence(dock)
    assert not button(dock).isEnabled()
    QgsProject.instance().addMapLayer(raster_layer(tmp_path))
    assert "polygon layer" in sentence(dock)
    layer = polygon_layer()
    QgsProject.instance().addMapLayer(layer)
    assert "Select polygons" in sentence(dock)
    layer.selectAll()
    assert button(dock).isEnabled()
    layer.removeSelection()
    part(dock, "aquilaSelectedOnly").setChecked(False)
    assert button(dock).isEnabled()


@pytest.mark.usefixtures("raster")
def test_it_says_what_will_run_where(dock: AquilaDock, plots: QgsVectorLayer) -> None:
    known = settings.load()
    known.learn_pace("nano", "auto", "description", 2.0)
    settings.save(known)
    plots.selectByIds([1, 2, 3])
    wait_until(lambda: "tile" in sentence(dock))
    assert sentence(dock) == "3 polygons, 3 tiles, CPU, about 6 s"
    plots.selectByIds([4])
    wait_until(lambda: "tile" in sentence(dock))
    assert sentence(dock) == "1 polygon, 1 tile, CPU, about 2 s"


def test_it_tells_of_a_layer_without_a_crs(dock: AquilaDock, raster: QgsRasterLayer, plots: QgsVectorLayer) -> None:
    plots.selectByIds([1])
    wait_until(lambda: "tile" in sentence(dock))
    assert "coordinate system" not in sentence(dock)
    plots.setCrs(QgsCoordinateReferenceSystem())
    wait_until(lambda: "coordinate system" in sentence(dock))
    assert sentence(dock).endswith(
        ". plots has no coordinate system and is taken to be in that of scene; if it is not, set it in the layer's "
        "properties.")
    assert button(dock).isEnabled()
    plots.setCrs(raster.crs())
    wait_until(lambda: sentence(dock).endswith("CPU"))


def test_a_raster_that_gets_its_crs_is_noticed(dock: AquilaDock, tmp_path: Path, plots: QgsVectorLayer) -> None:
    pixels = np.zeros((3, 400, 400), np.uint8)
    bare = QgsRasterLayer(str(write_raster(tmp_path / "bare.tif", pixels, crs="")), "bare")
    QgsProject.instance().addMapLayer(bare)
    plots.selectByIds([1])
    wait_until(lambda: "bare has no coordinate system" in sentence(dock))
    bare.setCrs(plots.crs())
    wait_until(lambda: sentence(dock).endswith("CPU"))


@pytest.mark.usefixtures("raster")
def test_the_selection_is_counted(dock: AquilaDock, plots: QgsVectorLayer) -> None:
    tick: QCheckBox = part(dock, "aquilaSelectedOnly")
    assert tick.text().endswith("(0 of 7)")
    plots.selectByIds([1, 5])
    assert tick.text().endswith("(2 of 7)")
    plots.startEditing()
    plots.deleteFeature(5)
    assert tick.text().endswith("(1 of 6)")


def test_it_follows_the_active_layer_of_its_kinds(
    dock: AquilaDock, iface: Interface, raster: QgsRasterLayer, plots: QgsVectorLayer
) -> None:
    other = polygon_layer()
    other.setName("aaa")
    points = QgsVectorLayer("Point?crs=EPSG:4326", "points", "memory")
    QgsProject.instance().addMapLayers([other, points])
    for layer in (plots, other, plots):
        iface.setActiveLayer(layer)
        assert dock.choice().polygons is layer
    iface.setActiveLayer(points)
    iface.setActiveLayer(None)
    assert dock.choice().polygons is plots
    assert dock.choice().raster is raster


def test_the_selection_of_a_layer_left_behind_is_not_followed(
    dock: AquilaDock, iface: Interface, raster: QgsRasterLayer, plots: QgsVectorLayer
) -> None:
    other = polygon_layer()
    QgsProject.instance().addMapLayer(other)
    iface.setActiveLayer(plots)
    iface.setActiveLayer(other)
    plots.selectAll()
    assert part(dock, "aquilaSelectedOnly").text().endswith("(0 of 7)")


def test_removed_layers_are_let_go(dock: AquilaDock, raster: QgsRasterLayer, plots: QgsVectorLayer) -> None:
    plots.selectAll()
    QgsProject.instance().removeMapLayers([plots.id()])
    assert dock.choice().polygons is None
    assert "polygon layer" in sentence(dock)
    QgsProject.instance().clear()
    assert dock.choice().raster is None


def choose_style(dock: AquilaDock, style: str) -> None:
    box: QComboBox = part(dock, "aquilaStyleBox")
    box.setCurrentIndex(box.findData(style))


@pytest.mark.usefixtures("raster")
def test_each_style_asks_for_one_thing(dock: AquilaDock, plots: QgsVectorLayer) -> None:
    choose_style(dock, "phrase")
    assert (dock.choice().style, dock.choice().prompt, dock.choice().labels) == ("phrase", None, None)
    choose_style(dock, "labels")
    part(dock, "aquilaLabelsEdit").setText("forest, meadow; water,, forest")
    assert dock.choice().labels == ("forest", "meadow", "water")
    assert (dock.choice().style, dock.choice().prompt) == (None, None)
    choose_style(dock, "prompt")
    part(dock, "aquilaPromptEdit").setPlainText(" What covers <region>? ")
    assert (dock.choice().style, dock.choice().prompt, dock.choice().labels) == (None, "What covers <region>?", None)


@pytest.mark.usefixtures("raster")
def test_unusable_labels_and_prompts_are_told_before_the_run(dock: AquilaDock, plots: QgsVectorLayer) -> None:
    plots.selectAll()
    choose_style(dock, "labels")
    part(dock, "aquilaLabelsEdit").setText("forest")
    assert "two labels" in sentence(dock)
    choose_style(dock, "prompt")
    assert sentence(dock).startswith("Write the question")
    part(dock, "aquilaPromptEdit").setPlainText("Compare <region1> and <region2>.")
    assert not button(dock).isEnabled()
    assert "region" in sentence(dock)
    part(dock, "aquilaPromptEdit").setPlainText("What covers <region>?")
    assert button(dock).isEnabled()


def test_saved_prompts_are_offered_as_soon_as_they_are_saved(dock: AquilaDock) -> None:
    settings.save(settings.Settings(prompts=[("Roofs", "What is the roof of <region> made of?")]))
    box: QComboBox = part(dock, "aquilaStyleBox")
    box.setCurrentIndex(box.findText("Roofs"))
    assert dock.choice().prompt == "What is the roof of <region> made of?"
    settings.save(settings.Settings(prompts=[("Trees", "Which trees?"), *settings.load().prompts]))
    assert box.currentText() == "Roofs" and dock.choice().prompt == "What is the roof of <region> made of?"
    settings.save(settings.Settings(prompts=[("Trees", "Which trees?")]))
    assert box.currentText() == "My prompt…" and dock.choice().prompt == "What is the roof of <region> made of?"


@pytest.mark.usefixtures("raster")
def test_the_target_is_an_existing_text_field_or_a_new_one(dock: AquilaDock, plots: QgsVectorLayer) -> None:
    box: QComboBox = part(dock, "aquilaFieldBox")
    assert dock.choice().targets.description == "description"
    assert [box.itemText(row) for row in range(box.count())] == ["name", "note"]
    box.setCurrentIndex(1)
    box.activated.emit(1)
    assert dock.choice().targets.description == "note"
    box.lineEdit().selectAll()
    QTest.keyClicks(box.lineEdit(), "what_it_is")
    assert dock.choice().targets.description == "what_it_is"
    box.lineEdit().selectAll()
    QTest.keyClick(box.lineEdit(), Qt.Key.Key_Delete)
    assert dock.choice().targets.description == "description"


def test_a_new_field_name_survives_other_fields_and_layers(
    dock: AquilaDock, iface: Interface, raster: QgsRasterLayer, plots: QgsVectorLayer
) -> None:
    box: QComboBox = part(dock, "aquilaFieldBox")
    box.lineEdit().selectAll()
    QTest.keyClicks(box.lineEdit(), "mine")
    plots.startEditing()
    plots.addAttribute(plots.fields().field("note").__class__(plots.fields().field("note")))
    plots.rollBack()
    other = polygon_layer()
    QgsProject.instance().addMapLayer(other)
    iface.setActiveLayer(other)
    assert dock.choice().targets.description == "mine"
    assert box.currentText() == "mine"


def test_an_alias_is_not_taken_for_a_field(dock: AquilaDock, raster: QgsRasterLayer) -> None:
    layer = polygon_layer(["remark:string"])
    layer.setFieldAlias(0, "Remark of the day")
    QgsProject.instance().addMapLayer(layer)
    box: QComboBox = part(dock, "aquilaFieldBox")
    box.setCurrentIndex(0)
    box.activated.emit(0)
    assert dock.choice().targets.description == "remark"
    assert box.currentText() == "remark"


def test_ticked_fields_are_written_and_told_while_the_group_is_closed(dock: AquilaDock) -> None:
    part(dock, "aquilaExtra_label").setChecked(True)
    part(dock, "aquilaExtra_area").setChecked(True)
    wanted = dock.choice().targets
    assert (wanted.label, wanted.area, wanted.confidence, wanted.status) == ("label", "area_m2", "", "")
    group = part(dock, "aquilaExtraFields")
    assert (group.title(), group.toolTip()) == ("More fields (2)", "label, area_m2")
    group.setCollapsed(False)
    assert group.title() == "More fields"


def test_the_profiles_model_holds_until_another_is_chosen_here(dock: AquilaDock) -> None:
    settings.save(settings.Settings(device="cpu", model_folders=["/models/big"], batch_size=5))
    assert (dock.choice().model.device, dock.choice().model.batch_size) == ("cpu", 5)
    box: QComboBox = part(dock, "aquilaModelBox")
    box.setCurrentIndex(box.findText("big"))
    box.activated.emit(box.currentIndex())
    assert dock.choice().model.model == "/models/big"
    settings.save(settings.Settings(device="cuda", model_folders=["/models/big"]))
    assert dock.choice().model.model == "/models/big"


def fill_in(content: DockContent) -> None:
    content.form.style_form.set_style("labels")
    content.form.style_form.set_texts("wood, field", "Why?")
    content.form.field.set_name("text")
    content.form.extras.set_names({"status": "state"})
    content.model.restore("nano", "cpu", True)
    content.layers.restore(None, None, False)


def test_its_state_survives_saving_and_reading_the_project(dock: AquilaDock, iface: Interface, tmp_path: Path) -> None:
    project = QgsProject.instance()
    first, second = raster_layer(tmp_path), polygon_layer(["a:string"])
    first.setName("zzz")  # by itself, the dock would take the first by name
    file = tmp_path / "plots.gpkg"
    from qgis.core import QgsVectorFileWriter

    QgsVectorFileWriter.writeAsVectorFormatV3(
        second, str(file), project.transformContext(), QgsVectorFileWriter.SaveVectorOptions())
    stored = QgsVectorLayer(str(file), "zzz", "ogr")
    project.addMapLayers([raster_layer(tmp_path), first, polygon_layer(), stored])
    content = dock.content()
    fill_in(content)
    iface.setActiveLayer(stored)
    iface.setActiveLayer(first)
    kept = content.state()
    assert (kept.raster, kept.polygons) == (first.id(), stored.id())
    assert project.write(str(tmp_path / "kept.qgz"))
    assert not project.isDirty()
    project.clear()
    assert content.state().style == "description"
    assert content.state().target == "description"
    assert project.read(str(tmp_path / "kept.qgz"))
    assert content.state() == kept


def test_a_project_saved_before_the_dock_was_seen_is_restored_when_it_is(iface: Interface) -> None:
    settings.save_state(QgsProject.instance(), settings.ProjectState(style="prompt", prompt="Is it a roof?"))
    dock = AquilaDock(iface, iface.mainWindow())
    assert dock.choice().prompt == "Is it a roof?"
    dock.close_down()


def test_without_torch_the_button_leads_to_the_setup(
    iface: Interface, monkeypatch: pytest.MonkeyPatch
) -> None:
    from aquila_qgis_plugin.environment import dialog

    state = [runtime.RuntimeState(False, "PyTorch is missing; set it up.")]
    monkeypatch.setattr(runtime, "state", lambda: state[0])
    offered: List[bool] = []

    def offer(parent: QWidget) -> bool:
        offered.append(True)
        state[0] = runtime.RuntimeState(True)
        return True

    monkeypatch.setattr(dialog, "offer_setup", offer)
    dock = AquilaDock(iface, iface.mainWindow())
    dock.content()
    assert sentence(dock) == "PyTorch is missing; set it up."
    assert button(dock).isEnabled()
    button(dock).click()
    assert offered == [True]
    assert "raster layer" in sentence(dock)
    dock.close_down()


def test_a_closed_dock_listens_to_nothing(iface: Interface, raster: QgsRasterLayer, plots: QgsVectorLayer) -> None:
    def listeners() -> List[int]:
        project = QgsProject.instance()
        return [plots.receivers(plots.selectionChanged), plots.receivers(plots.readOnlyChanged),
                raster.receivers(raster.crsChanged), project.receivers(project.layersRemoved),
                iface.receivers(iface.currentLayerChanged)]

    before = listeners()
    dock = AquilaDock(iface, iface.mainWindow())
    dock.content()
    assert listeners() > before
    dock.close_down()
    assert listeners() == before
    dock.setParent(None)
    del dock
    plots.selectAll()
    iface.setActiveLayer(raster)
    settings.save(settings.Settings())
    QgsProject.instance().clear()
