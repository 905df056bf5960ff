from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Iterator, List

import pytest
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsFeature,
    QgsGeometry,
    QgsProject,
    QgsRectangle,
    QgsVectorLayer,
)
from qtpy.QtCore import QEvent, Qt
from qtpy.QtGui import QKeyEvent
from qtpy.QtWidgets import QApplication, QToolButton

from core_model.description import Answer
from tests.plugin.held_tasks import FakeTask, held_tasks
from tests.plugin.interface import Interface
from tests.plugin.scenes import PLACES, polygon_layer, raster_layer
from tests.plugin.waiting import wait_until

ANSWER = Answer((1, 2), "ok", "<region1> is a pond, <region2> a field.", 0.81, model="nano")


@pytest.fixture()
def tasks(monkeypatch: pytest.MonkeyPatch) -> List[FakeTask]:
    from aquila_qgis_plugin import ask_panel

    return held_tasks(monkeypatch, ask_panel, "AskTask")


class World:
    """The panel over the scene and its squares."""

    def __init__(self, iface: Interface, folder: Path) -> None:
        from aquila_qgis_plugin.ask_panel import AskPanel
        from aquila_qgis_plugin.choice import Choice
        from aquila_qgis_plugin.model_options import ModelOptions

        self.iface, self.layer = iface, polygon_layer(["name:string", "note:string"], [*PLACES, *PLACES])
        QgsProject.instance().addMapLayers([raster := raster_layer(folder), self.layer])
        self.choice = Choice(raster, self.layer, ModelOptions())
        self.panel = AskPanel(iface, None, choice=lambda: self.choice)
        self.panel.show()

    def select(self, *ids: int) -> None:
        self.layer.selectByIds(list(ids))
        wait_until(lambda: [feature.id() for feature in self.panel._features] == sorted(ids)[:8])

    @property
    def head(self) -> str:
        return self.panel._head.text()

    def names(self) -> List[str]:
        buttons = [self.panel._names.itemAt(at).widget() for at in range(self.panel._names.count())]
        return [button.text() for button in buttons if isinstance(button, QToolButton)]

    def ask(self, text: str) -> None:
        self.panel._line.setText(text)
        self.panel._button.click()

    def press(self, key: Qt.Key) -> None:
        QApplication.sendEvent(
            self.panel._line, QKeyEvent(QEvent.Type.KeyPress, key, Qt.KeyboardModifier.NoModifier))


@pytest.fixture()
def world(iface: Interface, tmp_path: Path) -> Iterator[World]:
    made = World(iface, tmp_path)
    yield made
    made.panel.close_down()
    made.panel.deleteLater()


def _outcome(answer: Any = None, **values: Any) -> Any:
    from aquila_qgis_plugin.describe_task import Outcome

    return Outcome(answer=answer, **values)


def test_nothing_selected_greys_the_panel_out_with_a_sentence(world: World) -> None:
    assert world.head == "Select one polygon or a few to ask about them."
    assert not world.panel._line.isEnabled() and not world.panel._button.isEnabled()
    world.choice = replace(world.choice, raster=None)
    world.panel.refresh()
    assert world.head == "Choose a raster layer in Aquila's panel."


def test_a_layer_whose_source_is_gone_is_said_before_anything_is_to_be_selected(world: World, tmp_path: Path) -> None:
    world.layer.setDataSource(str(tmp_path / "gone.gpkg"), "plots", "ogr")
    world.panel.refresh()
    assert world.head == "plots cannot be opened; mend its data source in the layer's properties."


def test_more_polygons_than_fit_are_refused_with_their_number(world: World) -> None:
    world.select(*range(1, 10))
    assert world.head == "9 polygons are selected; select at most 8 to ask about them together."
    assert not world.panel._line.isEnabled()
    assert world.names() == []


def test_one_polygon_is_asked_about(world: World, tasks: List[FakeTask]) -> None:
    world.select(3)
    assert world.head == "1 polygon of “plots” over “scene”"
    assert world.names() == []
    world.ask(" What is <region>? ")
    assert tasks[0].question == "What is <region>?"
    assert [region.id for region in tasks[0].request.regions] == [3]
    assert world.panel._line.text() == ""
    assert world.panel._button.text() == "Cancel"


def test_a_polygon_that_the_map_has_no_place_for_is_asked_about_all_the_same(
    iface: Interface, tmp_path: Path
) -> None:
    iface.mapCanvas().setDestinationCrs(QgsCoordinateReferenceSystem("EPSG:32633"))
    world = World(iface, tmp_path)
    world.layer = far = QgsVectorLayer("Polygon?crs=EPSG:4326", "far", "memory")
    shapes = []
    for west, south in ((10, 50), (105, 0)):
        feature = QgsFeature()
        feature.setGeometry(QgsGeometry.fromRect(QgsRectangle(west, south, west + 1, south + 1)))
        shapes.append(feature)
    far.dataProvider().addFeatures(shapes)
    QgsProject.instance().addMapLayer(far)
    world.choice = replace(world.choice, polygons=far)
    world.panel.refresh()
    world.select(1, 2)
    assert world.names() == ["<region1>", "<region2>"] and world.panel._line.isEnabled()
    assert len(world.panel._marks._items) == 1
    world.panel.close_down()
    world.panel.deleteLater()


def test_several_polygons_get_names_that_a_click_puts_into_the_question(world: World, tasks: List[FakeTask]) -> None:
    world.select(5, 2)
    assert world.names() == ["<region1>", "<region2>"]
    assert len(world.panel._marks._items) == 2
    for at in (0, 1):
        world.panel._names.itemAt(at).widget().click()
    assert world.panel._line.text() == "<region1> <region2> "
    world.ask("Is <region1> larger than <region2>?")
    assert [region.id for region in tasks[0].request.regions] == [2, 5]


def test_the_answer_appears_under_its_question(world: World, tasks: List[FakeTask]) -> None:
    world.select(1, 2)
    world.ask("How do they differ?")
    tasks[0].ended.emit(_outcome(ANSWER))
    exchange, = world.panel._exchanges
    assert exchange.question.text == "How do they differ?"
    assert exchange._answer.text() == ANSWER.text
    assert exchange._note.text() == "2 polygons of “plots” · nano · 81 %"
    assert not exchange._store.isHidden()
    assert world.panel._button.text() == "Ask"


def test_a_name_without_its_polygon_is_refused_before_anything_runs(world: World, tasks: List[FakeTask]) -> None:
    world.select(1, 2)
    world.ask("What is <region3>?")
    assert tasks == []
    assert world.panel._hint.text() == "The prompt names <region3>, but 2 region(s) are given."
    assert world.panel._line.text() == "What is <region3>?"


def test_a_question_is_cancelled_by_the_same_button(world: World, tasks: List[FakeTask]) -> None:
    world.select(1)
    world.ask("What is <region>?")
    world.panel._button.click()
    assert not tasks[0].cancelled  # a double click
    wait_until(lambda: world.panel._button.click() or tasks[0].cancelled)
    tasks[0].ended.emit(_outcome(cancelled=True))
    assert world.panel._exchanges[0]._answer.text() == "Cancelled."
    assert world.panel._exchanges[0]._store.isHidden()


def test_only_one_question_is_under_way(world: World, tasks: List[FakeTask]) -> None:
    world.select(1)
    world.panel.ask("What is <region>?")
    world.panel.ask("What surrounds <region>?")
    assert len(tasks) == 1


def test_an_error_and_a_status_are_said_in_place_of_the_answer(world: World, tasks: List[FakeTask]) -> None:
    world.select(1)
    world.ask("What is <region>?")
    tasks[0].ended.emit(_outcome(error="The model file is cut off; copy it again."))
    world.ask("What is <region>?")
    tasks[1].ended.emit(_outcome(Answer((1,), "outside raster")))
    shown = [exchange._answer.text() for exchange in world.panel._exchanges]
    assert shown == ["The model file is cut off; copy it again.", "outside the raster"]
    assert all(exchange._store.isHidden() for exchange in world.panel._exchanges)


def test_without_torch_the_setup_is_offered_and_the_question_kept(
    world: World, tasks: List[FakeTask], monkeypatch: pytest.MonkeyPatch
) -> None:
    from aquila_qgis_plugin.environment import dialog, runtime

    monkeypatch.setattr(runtime, "state", lambda: runtime.RuntimeState(False, "PyTorch is missing; set it up."))
    offered: List[Any] = []
    monkeypatch.setattr(dialog, "offer_setup", lambda parent: bool(offered.append(parent)))
    world.select(1)
    world.ask("What is <region>?")
    assert offered == [world.iface.mainWindow()] and tasks == []
    assert world.panel._hint.text() == "PyTorch is missing; set it up."
    assert world.panel._line.text() == "What is <region>?"


def test_the_answer_is_stored_in_the_polygons_it_is_about(world: World, tasks: List[FakeTask]) -> None:
    world.select(1, 2)
    world.ask("How do they differ?")
    tasks[0].ended.emit(_outcome(ANSWER))
    world.select(4)
    exchange = world.panel._exchanges[0]
    exchange._store.click()
    dialog = _dialog(world.panel)
    assert dialog.field.name() == "answer"
    dialog.field.set_name("note")
    dialog.accept()
    written = {feature.id(): feature["note"] for feature in world.layer.getFeatures()}
    assert [written[id] for id in (1, 2)] == [ANSWER.text] * 2
    assert not any(written[id] for id in range(3, 8))
    assert world.layer.undoStack().count() == 1


def test_storing_can_be_called_off_and_a_removed_layer_is_told(world: World, tasks: List[FakeTask]) -> None:
    world.select(1)
    world.ask("What is <region>?")
    tasks[0].ended.emit(_outcome(ANSWER))
    exchange = world.panel._exchanges[0]
    exchange._store.click()
    _dialog(world.panel).reject()
    assert not world.layer.isEditable()
    exchange._store.click()
    world.choice = replace(world.choice, polygons=None)
    QgsProject.instance().removeMapLayer(world.layer)
    assert not [dialog for dialog in world.panel.findChildren(_dialog_type()) if dialog.isVisible()]
    exchange._store.click()
    assert "“plots” is gone" in world.iface.messageBar().currentItem().text()
    assert exchange.answer == ANSWER.text


def test_up_and_down_bring_earlier_questions_back(world: World, tasks: List[FakeTask]) -> None:
    world.select(1)
    for question in ("What is <region>?", "What surrounds <region>?"):
        world.ask(question)
        tasks[-1].ended.emit(_outcome(ANSWER))
    world.panel._line.setText("a draft")
    world.press(Qt.Key.Key_Up)
    assert world.panel._line.text() == "What surrounds <region>?"
    world.press(Qt.Key.Key_Up)
    world.press(Qt.Key.Key_Up)
    assert world.panel._line.text() == "What is <region>?"
    for _ in range(3):
        world.press(Qt.Key.Key_Down)
    assert world.panel._line.text() == "a draft"


def test_a_question_can_be_shown_on_the_map_and_the_history_emptied(world: World, tasks: List[FakeTask]) -> None:
    world.select(1, 2)
    world.ask("How do they differ?")
    tasks[0].ended.emit(_outcome(ANSWER))
    world.select(4)
    world.panel._exchanges[0].show_wanted.emit(world.panel._exchanges[0])
    assert sorted(world.layer.selectedFeatureIds()) == [1, 2]
    world.panel.forget()
    assert world.panel._exchanges == []


def test_an_answer_to_come_survives_emptying_the_history(world: World, tasks: List[FakeTask]) -> None:
    world.select(1)
    world.ask("What is <region>?")
    world.panel.forget()
    tasks[0].ended.emit(_outcome(ANSWER))
    assert [exchange.answer for exchange in world.panel._exchanges] == [ANSWER.text]


def test_the_layer_may_go_while_the_model_thinks(world: World, tasks: List[FakeTask]) -> None:
    world.select(1)
    world.ask("What is <region>?")
    world.choice = replace(world.choice, polygons=None)
    QgsProject.instance().removeMapLayer(world.layer)
    assert world.head == "Choose a polygon layer in Aquila's panel."
    tasks[0].ended.emit(_outcome(ANSWER))
    assert world.panel._exchanges[0].answer == ANSWER.text


def test_the_numbers_leave_the_map_with_the_panel(iface: Interface, tmp_path: Path) -> None:
    world = World(iface, tmp_path)
    world.select(1, 2)
    assert world.panel._marks._items
    world.panel.hide()
    assert not world.panel._marks._items
    world.panel.show()
    assert len(world.panel._marks._items) == 2
    world.panel.close_down()
    assert not world.panel._marks._items


def test_a_selected_polygon_without_geometry_gets_a_name_but_no_number(world: World) -> None:
    world.layer.dataProvider().changeGeometryValues({2: QgsGeometry()})
    world.select(1, 2)
    assert world.names() == ["<region1>", "<region2>"]
    assert len(world.panel._marks._items) == 1


def test_nano_answers_about_two_polygons(world: World) -> None:
    pytest.importorskip("torch")
    world.select(1, 2)
    world.ask("Are <region1> and <region2> of the same kind?")
    wait_until(lambda: world.panel._button.text() == "Ask", seconds=600)
    assert world.panel._exchanges[0].answer


def _dialog_type() -> type:
    from aquila_qgis_plugin.store_dialog import StoreDialog

    return StoreDialog


def _dialog(panel: Any) -> Any:
    return next(dialog for dialog in panel.findChildren(_dialog_type()) if dialog.isVisible())


def test_another_layer_is_followed_and_the_old_one_let_go(world: World) -> None:
    world.select(1)
    other = QgsVectorLayer("Polygon?crs=EPSG:32633", "others", "memory")
    QgsProject.instance().addMapLayer(other)
    world.choice = replace(world.choice, polygons=other)
    world.panel.refresh()
    wait_until(lambda: world.panel._features == [])
    assert world.layer.receivers(world.layer.selectionChanged) == _receivers_of_a_new_layer()


def _receivers_of_a_new_layer() -> int:
    fresh = polygon_layer([], PLACES)
    QgsProject.instance().addMapLayer(fresh)
    return fresh.receivers(fresh.selectionChanged)
