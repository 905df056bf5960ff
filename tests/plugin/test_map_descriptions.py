"""What the map shows of a description, and where it may be stored."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import List

import pytest
from qgis.core import QgsProject, QgsRectangle

from core_model.description import Description
from tests.plugin.held_tasks import FakeTask
from tests.plugin.map_world import FOUND, World, outcome
from tests.plugin.scenes import NORTH, WEST, on_disk


def test_a_click_describes_the_polygon_and_shows_the_text_beside_it(world: World, tasks: List[FakeTask]) -> None:
    world.click((110, 110))
    request = tasks[0].request
    assert [region.id for region in request.regions] == [1]
    assert (request.style, request.prompt, request.labels) == ("phrase", None, None)
    assert request.raster.name == "scene"
    assert world.highlights() == 1
    assert world.bubble.text == "Looking…"
    found = replace(FOUND, id=1)
    tasks[0].ended.emit(outcome(found))
    assert world.found == [(world.layer.id(), found)]
    assert world.bubble.text == "pond · 83 %\nA pond with dark water."
    assert not world.bubble.isHidden()
    assert world.canvas.rect().contains(world.bubble.geometry())
    assert world.bubble.x() > world.pixel((220, 100)).x()


def test_an_error_is_shown_in_its_one_sentence(world: World, tasks: List[FakeTask]) -> None:
    world.click((150, 150))
    tasks[0].ended.emit(outcome(error="The model file is cut off; copy it again."))
    assert world.bubble.text == "The model file is cut off; copy it again."
    assert world.found == []


def test_a_status_without_text_is_shown(world: World, tasks: List[FakeTask]) -> None:
    world.click((150, 150))
    tasks[0].ended.emit(outcome(Description(2, "no valid pixels")))
    assert world.bubble.text == "without valid pixels"
    assert world.bubble._action.isHidden()


def test_the_description_is_stored_in_the_field_in_one_undo_step(world: World, tasks: List[FakeTask]) -> None:
    world.click((150, 150))
    tasks[0].ended.emit(outcome(FOUND))
    assert world.bubble._action.text() == "Store in “description”"
    world.bubble._action.click()
    assert world.layer.getFeature(2)["description"] == "A pond with dark water."
    assert world.layer.isEditable() and world.layer.undoStack().count() == 1
    world.layer.undoStack().undo()
    assert not world.layer.getFeature(2)["description"]


def test_storing_in_a_layer_that_is_gone_says_so(world: World, tasks: List[FakeTask]) -> None:
    world.click((150, 150))
    QgsProject.instance().removeMapLayer(world.layer)
    world.choice = replace(world.choice, polygons=None)
    tasks[0].ended.emit(outcome(FOUND))
    world.bubble._action.click()
    assert "“plots” is gone. Copy the text" in world.iface.messageBar().currentItem().text()


def test_a_removed_layer_takes_its_mark_along_but_not_the_text(world: World, tasks: List[FakeTask]) -> None:
    world.click((150, 150))
    tasks[0].ended.emit(outcome(FOUND))
    world.choice = replace(world.choice, polygons=None)
    QgsProject.instance().removeMapLayer(world.layer)
    assert world.highlights() == 0
    assert world.bubble.text == "pond · 83 %\nA pond with dark water."


def test_drawn_polygons_are_kept_in_one_layer(world: World, tasks: List[FakeTask]) -> None:
    for number, corner in enumerate((250, 300)):
        world.drag((corner, 250), (corner + 30, 290))
        tasks[number].ended.emit(outcome(replace(FOUND, id="drawn")))
        assert world.bubble._action.text() == "Keep as a layer"
        world.bubble._action.click()
    kept, = QgsProject.instance().mapLayersByName("Drawn polygons")
    assert kept.featureCount() == 2
    assert [feature["description"] for feature in kept.getFeatures()] == ["A pond with dark water."] * 2
    tree = [node.layer().name() for node in QgsProject.instance().layerTreeRoot().findLayers()]
    assert tree.count("Drawn polygons") == 1 and tree[0] == "Drawn polygons"
    assert kept.crs() == world.canvas.mapSettings().destinationCrs()


@pytest.mark.parametrize("change", ["file", "field", "edit"])
def test_a_layer_of_drawn_polygons_that_has_changed_is_left_alone(
    world: World, tasks: List[FakeTask], tmp_path: Path, change: str
) -> None:
    """Users make it permanent, edit it, or give it other fields; the next polygon goes into a layer of its own."""
    def keep(number: int) -> None:
        world.drag((250, 250), (280, 290))
        tasks[number].ended.emit(outcome(replace(FOUND, id="drawn")))
        world.bubble._action.click()

    keep(0)
    first, = QgsProject.instance().mapLayersByName("Drawn polygons")
    if change == "file":
        saved = on_disk(first, tmp_path / "drawn.gpkg", "GPKG")
        first.setDataSource(saved.source(), first.name(), "ogr")
    elif change == "field":
        first.dataProvider().deleteAttributes([0])
        first.updateFields()
    else:
        first.startEditing()
    keep(1)
    others = [layer for layer in QgsProject.instance().mapLayersByName("Drawn polygons") if layer is not first]
    assert first.featureCount() == 1 and [layer.featureCount() for layer in others] == [1]
    assert next(others[0].getFeatures())["description"] == "A pond with dark water."
    first.rollBack()


def test_the_bubble_stays_beside_its_polygon_when_the_map_moves(world: World, tasks: List[FakeTask]) -> None:
    world.click((150, 150))
    tasks[0].ended.emit(outcome(FOUND))
    before = world.bubble.pos()
    world.canvas.setExtent(QgsRectangle(WEST - 100, NORTH - 500, WEST + 300, NORTH - 100))
    assert world.bubble.pos() != before
    assert world.canvas.rect().contains(world.bubble.geometry())
