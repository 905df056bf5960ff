"""Runs from the dock, with a stand-in for the model: what is asked for, shown, written, kept and offered."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Iterator, List

import pytest
from qgis.core import QgsProject, QgsRasterLayer, QgsVectorLayer
from qgis.gui import QgsMessageViewer
from qtpy.QtWidgets import QMessageBox, QPushButton, QTextBrowser

from aquila_qgis_plugin import run_controller, settings
from aquila_qgis_plugin.describe_task import Outcome
from aquila_qgis_plugin.dock.dock import AquilaDock
from aquila_qgis_plugin.environment import runtime
from tests.plugin.dock_fakes import FakeTask, part, shown_dock, start_fake
from tests.plugin.interface import Interface
from tests.plugin.scenes import PLACES, on_disk, polygon_layer, raster_layer
from tests.plugin.waiting import wait_until


@pytest.fixture(autouse=True)
def _no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    FakeTask.last = None
    monkeypatch.setattr(run_controller, "DescribeTask", FakeTask)
    monkeypatch.setattr(run_controller, "start", start_fake)
    monkeypatch.setattr(runtime, "state", lambda: runtime.RuntimeState(True))


@pytest.fixture()
def plots() -> QgsVectorLayer:
    return polygon_layer(["description:string(200)"])


@pytest.fixture()
def dock(iface: Interface, plots: QgsVectorLayer, tmp_path: Path) -> Iterator[AquilaDock]:
    QgsProject.instance().addMapLayers([raster_layer(tmp_path), plots])
    plots.selectByIds([2, 3, 5])
    with shown_dock(iface) as found:
        yield found


def begin(dock: AquilaDock) -> FakeTask:
    part(dock, "aquilaDescribeButton").click()
    assert FakeTask.last is not None
    assert FakeTask.last.started
    return FakeTask.last


def commit_always(after_run: str = settings.COMMIT) -> None:
    settings.save(settings.Settings(after_run=after_run))


def texts(layer: QgsVectorLayer, field: str = "description") -> List[Any]:
    return [feature[field] or None for feature in layer.getFeatures([2, 3, 5])]


def told(iface: Interface) -> str:
    item = iface.messageBar().currentItem()
    return item.text() if item is not None else ""


def test_the_selected_polygons_are_asked_for_with_the_chosen_wording(dock: AquilaDock) -> None:
    choose = part(dock, "aquilaStyleBox")
    choose.setCurrentIndex(choose.findData("phrase"))
    request = begin(dock).request
    assert sorted(region.id for region in request.regions) == [2, 3, 5]
    assert (request.style, request.prompt, request.labels, request.model.model) == ("phrase", None, None, "nano")
    assert request.raster.name == "scene"


def test_all_polygons_are_asked_for_when_the_tick_is_off(dock: AquilaDock) -> None:
    part(dock, "aquilaSelectedOnly").setChecked(False)
    assert len(begin(dock).request.regions) == 7


def test_during_a_run_the_button_cancels_and_nothing_can_be_changed(dock: AquilaDock, plots: QgsVectorLayer) -> None:
    task = begin(dock)
    task.describe("roof one", "roof two")
    button, bar = part(dock, "aquilaDescribeButton"), part(dock, "aquilaProgress")
    assert button.text().replace("&", "") == "Cancel"
    assert part(dock, "aquilaPlanLine").text() == "2 of 3 polygons, about 30 s left"
    assert (bar.isVisible(), bar.value(), bar.maximum()) == (True, 2, 3)
    assert part(dock, "aquilaLatest").text() == "roof two"
    assert not part(dock, "aquilaRasterBox").isEnabled()
    assert not part(dock, "aquilaStyleBox").isEnabled()
    plots.selectAll()
    assert button.text().replace("&", "") == "Cancel"
    wait_until(lambda: button.click() or task.cancelled)
    assert not button.isEnabled()
    task.ended.emit(Outcome(cancelled=True))
    assert button.text().replace("&", "") == "Describe"
    assert part(dock, "aquilaRasterBox").isEnabled()
    assert not bar.isVisible()


def test_a_double_click_starts_a_run_and_does_not_cancel_it(dock: AquilaDock) -> None:
    task, button = begin(dock), part(dock, "aquilaDescribeButton")
    button.click()
    assert not task.cancelled and button.isEnabled()
    wait_until(lambda: button.click() or task.cancelled)


def test_the_latest_text_is_gone_with_its_project_and_when_a_new_run_begins(
    dock: AquilaDock, plots: QgsVectorLayer
) -> None:
    commit_always()
    task, latest = begin(dock), part(dock, "aquilaLatest")
    task.ended.emit(Outcome(task.describe("roof")))
    assert latest.text() == "roof"
    task = begin(dock)
    assert latest.text() == ""
    task.describe("field")
    assert latest.text() == "field"
    QgsProject.instance().clear()
    task.describe("wood")  # which the worker was at when it was cancelled
    assert latest.text() == ""


def test_the_active_layer_is_not_followed_during_a_run(
    dock: AquilaDock, iface: Interface, plots: QgsVectorLayer
) -> None:
    other = polygon_layer()
    QgsProject.instance().addMapLayer(other)
    iface.setActiveLayer(plots)
    begin(dock)
    iface.setActiveLayer(other)
    assert dock.choice().polygons is plots


def test_results_are_written_and_counted_in_the_message(
    dock: AquilaDock, iface: Interface, plots: QgsVectorLayer
) -> None:
    commit_always()
    task = begin(dock)
    task.ended.emit(Outcome(task.describe("one", "two", "three")))
    assert sorted(texts(plots)) == ["one", "three", "two"]
    assert not plots.isEditable()
    assert told(iface) == "Done: 3 described."
    iface.messageBar().currentItem().findChild(QPushButton, "aquilaMoreButton").click()
    more = iface.mainWindow().findChild(QgsMessageViewer).findChild(QTextBrowser).toPlainText()
    assert "3 polygons in" in more
    assert "model fake" in more
    assert "3 × described" in more


def test_a_layer_that_is_being_edited_stays_so_and_nothing_is_asked(
    dock: AquilaDock, iface: Interface, plots: QgsVectorLayer
) -> None:
    plots.startEditing()
    task = begin(dock)
    task.ended.emit(Outcome(task.describe("one", "two", "three")))
    assert iface.mainWindow().findChild(QMessageBox, "aquilaAfterRunBox") is None
    assert plots.isEditable()
    assert plots.undoStack().count() == 1
    plots.undoStack().undo()
    assert texts(plots) == [None, None, None]


@pytest.mark.parametrize(("answer", "remembered", "editable"), [
    ("aquilaSaveNow", settings.COMMIT, False), ("aquilaLeaveOpen", settings.LEAVE_OPEN, True),
])
def test_the_user_is_asked_once_what_becomes_of_the_results(
    dock: AquilaDock, iface: Interface, plots: QgsVectorLayer, answer: str, remembered: str, editable: bool
) -> None:
    task = begin(dock)
    task.ended.emit(Outcome(task.describe("one", "two", "three")))
    box = iface.mainWindow().findChild(QMessageBox, "aquilaAfterRunBox")
    assert texts(plots) == [None, None, None]
    box.findChild(QPushButton, answer).click()
    assert settings.load().after_run == remembered
    assert plots.isEditable() is editable
    assert sorted(texts(plots)) == ["one", "three", "two"]
    if editable:
        plots.rollBack()
    task = begin(dock)
    task.ended.emit(Outcome(task.describe("four", "five", "six")))
    assert sorted(texts(plots)) == ["five", "four", "six"]


def test_one_polygon_is_asked_about_as_one(dock: AquilaDock, iface: Interface, plots: QgsVectorLayer) -> None:
    plots.selectByIds([2])
    task = begin(dock)
    results = task.describe("one")
    assert part(dock, "aquilaPlanLine").text() == "1 of 1 polygon"
    task.ended.emit(Outcome(results))
    box = iface.mainWindow().findChild(QMessageBox, "aquilaAfterRunBox")
    assert box.text() == "Looked at: 1 polygon of “plots”. Save the texts to the layer now?"
    box.findChild(QPushButton, "aquilaSaveNow").click()


def test_what_was_done_before_cancelling_is_kept(dock: AquilaDock, iface: Interface, plots: QgsVectorLayer) -> None:
    commit_always()
    task = begin(dock)
    task.ended.emit(Outcome(task.describe("one"), cancelled=True))
    assert sorted(text for text in texts(plots) if text) == ["one"]
    assert told(iface).startswith("Cancelled")


def test_what_was_done_before_a_failure_is_kept_and_the_failure_told(
    dock: AquilaDock, iface: Interface, plots: QgsVectorLayer
) -> None:
    commit_always()
    task = begin(dock)
    task.ended.emit(Outcome(task.describe("one"), error="The memory is full.", details="Traceback …"))
    assert sorted(text for text in texts(plots) if text) == ["one"]
    assert told(iface).startswith("The memory is full.")
    assert iface.messageBar().currentItem().findChild(QPushButton, "aquilaMoreButton") is not None


@pytest.mark.parametrize(("outcome", "expected"), [
    (Outcome(error="The model is broken.", details="Traceback …"), "The model is broken."),
    (Outcome(cancelled=True), "Cancelled"),
    (Outcome(), "no polygon"),
])
def test_a_run_without_results_says_why(dock: AquilaDock, iface: Interface, outcome: Outcome, expected: str) -> None:
    begin(dock).ended.emit(outcome)
    assert expected in told(iface)
    assert part(dock, "aquilaDescribeButton").isEnabled()


def test_results_of_a_layer_that_is_gone_are_offered_as_a_new_one(
    dock: AquilaDock, iface: Interface, plots: QgsVectorLayer
) -> None:
    task = begin(dock)
    results = task.describe("one", "two", "three")
    QgsProject.instance().removeMapLayer(plots.id())
    assert task.cancelled
    task.ended.emit(Outcome(results, cancelled=True))
    assert "“plots” is gone" in told(iface)
    iface.messageBar().currentItem().findChild(QPushButton, "aquilaMendButton").click()
    rescued = next(iter(QgsProject.instance().mapLayersByName("plots, described")))
    assert sorted(feature["description"] for feature in rescued.getFeatures()) == ["one", "three", "two"]
    assert all(feature.hasGeometry() for feature in rescued.getFeatures())


def test_results_of_a_layer_with_another_source_are_offered_with_what_went_wrong(
    dock: AquilaDock, iface: Interface, plots: QgsVectorLayer, tmp_path: Path
) -> None:
    """Its polygons have the same numbers, but are others."""
    commit_always()
    task = begin(dock)
    results = task.describe("one", "two", "three")
    other = on_disk(polygon_layer(["description:string(200)"], PLACES[::-1]), tmp_path / "other.gpkg", "GPKG")
    plots.setDataSource(other.source(), "plots", "ogr")
    task.ended.emit(Outcome(results, error="The server broke.", details="Traceback …"))
    assert told(iface).startswith("The server broke. The layer “plots” was given another data source. What was")
    assert texts(plots) == [None, None, None]
    iface.messageBar().currentItem().findChild(QPushButton, "aquilaMoreButton").click()
    more = iface.mainWindow().findChild(QgsMessageViewer).findChild(QTextBrowser).toPlainText()
    assert "Traceback …" in more


def test_a_layer_removed_while_the_question_is_open_loses_nothing(
    dock: AquilaDock, iface: Interface, plots: QgsVectorLayer
) -> None:
    task = begin(dock)
    task.ended.emit(Outcome(task.describe("one", "two", "three")))
    QgsProject.instance().removeMapLayer(plots.id())
    box = iface.mainWindow().findChild(QMessageBox, "aquilaAfterRunBox")
    box.findChild(QPushButton, "aquilaSaveNow").click()
    assert "What was written about 3 polygons can be added" in told(iface)


def test_a_closed_project_ends_the_run_and_the_results_can_be_had(dock: AquilaDock, iface: Interface) -> None:
    task = begin(dock)
    results = task.describe("one", "two")
    QgsProject.instance().clear()
    assert task.cancelled
    task.ended.emit(Outcome(results, cancelled=True))
    assert "What was written about 2 polygons can be added" in told(iface)


@pytest.mark.usefixtures("dock")
def test_closing_down_during_a_run_cancels_and_writes_without_asking(iface: Interface, plots: QgsVectorLayer) -> None:
    other = AquilaDock(iface, iface.mainWindow())
    other.content()
    task = begin(other)
    results = task.describe("one", "two")
    other.close_down()
    assert task.cancelled
    task.ended.emit(Outcome(results, cancelled=True))
    assert iface.mainWindow().findChild(QMessageBox, "aquilaAfterRunBox") is None
    assert sorted(text for text in texts(plots) if text) == ["one", "two"]
    assert plots.isEditable()


def test_the_pace_of_a_run_is_remembered(dock: AquilaDock) -> None:
    commit_always()
    task = begin(dock)
    task.ended.emit(Outcome(task.describe("one", "two", "three")))
    assert settings.load().pace("nano", "auto", "description") == 0.5


def test_a_raster_that_cannot_be_read_is_told_before_anything_runs(
    dock: AquilaDock, iface: Interface, monkeypatch: pytest.MonkeyPatch
) -> None:
    from core_model.errors import RasterError

    def refuse(layer: QgsRasterLayer, *, as_displayed: bool) -> None:
        raise RasterError("The raster is gone; load it again.")

    monkeypatch.setattr(run_controller, "raster_spec", refuse)
    part(dock, "aquilaDescribeButton").click()
    assert FakeTask.last is None
    assert told(iface) == "The raster is gone; load it again."
