"""The map tool: clicking on polygons, drawing them, and what ends a description under way."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import List, Tuple

import pytest
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsFeature,
    QgsGeometry,
    QgsProject,
    QgsRectangle,
    QgsVectorLayer,
)
from qgis.gui import QgsGui, QgsIdentifyMenu, QgsMapToolIdentify
from qtpy.QtCore import QEvent, QPoint, Qt, QTimer
from qtpy.QtWidgets import QMenu

from tests.plugin.held_tasks import FakeTask
from tests.plugin.interface import Interface
from tests.plugin.map_world import BESIDE, CTRL, FIELD, FOUND, POND, RIGHT, World, outcome
from tests.plugin.scenes import CRS, NORTH, WEST, polygon_layer
from tests.plugin.waiting import wait_until


def _corner(box: QgsRectangle) -> Tuple[int, int, int, int]:
    return (round(box.xMinimum() - WEST), round(NORTH - box.yMaximum()),
            round(box.xMaximum() - WEST), round(NORTH - box.yMinimum()))


def test_of_polygons_upon_each_other_the_smallest_is_meant(world: World, tasks: List[FakeTask]) -> None:
    world.click((150, 150))
    assert [region.id for region in tasks[0].request.regions] == [2]


def test_a_new_click_takes_the_place_of_a_description_under_way(world: World, tasks: List[FakeTask]) -> None:
    world.click((110, 110))
    world.click((150, 150))
    assert tasks[0].cancelled and not tasks[1].cancelled
    tasks[0].ended.emit(outcome(replace(FOUND, id=1)))
    assert world.found == []
    assert world.bubble.text == "Looking…"
    tasks[1].ended.emit(outcome(FOUND))
    assert [found.id for _, found in world.found] == [2]
    assert world.highlights() == 1


def test_escape_and_the_bubbles_cross_cancel_and_clear_the_map(world: World, tasks: List[FakeTask]) -> None:
    world.click((150, 150))
    world.key(Qt.Key.Key_Escape)
    assert tasks[0].cancelled
    assert world.highlights() == 0 and world.bubble.isHidden()
    world.click((150, 150))
    world.bubble.shut()
    assert tasks[1].cancelled
    assert world.highlights() == 0


def test_a_polygon_drawn_corner_by_corner_needs_no_layer(world: World, tasks: List[FakeTask]) -> None:
    world.choice = replace(world.choice, polygons=None)
    for place in ((110, 110), (150, 110), (150, 150)):
        world.click(place)
    assert tasks == []
    world.click((150, 150), RIGHT)
    region, = tasks[0].request.regions
    drawn = QgsGeometry()
    drawn.fromWkb(region.wkb)
    assert _corner(drawn.boundingBox()) == (110, 110, 150, 150)
    assert (region.id, region.crs_wkt) == ("drawn", CRS)
    assert [_corner(band.boundingBox()) for band in world.bands()] == [(110, 110, 150, 150)]
    found = replace(FOUND, id="drawn")
    tasks[0].ended.emit(outcome(found))
    assert world.found == [("", found)]


def test_a_dragged_rectangle_is_described(world: World, tasks: List[FakeTask]) -> None:
    world.drag((300, 250), (380, 390))
    region, = tasks[0].request.regions
    drawn = QgsGeometry()
    drawn.fromWkb(region.wkb)
    box = _corner(drawn.boundingBox())
    assert box == pytest.approx((300, 250, 380, 390), abs=1)


def test_ctrl_draws_even_upon_a_polygon_and_a_double_click_finishes(world: World, tasks: List[FakeTask]) -> None:
    world.click((150, 150), keys=CTRL)
    world.click((200, 150))
    world.click((200, 200))
    assert tasks == []
    world.mouse(QEvent.Type.MouseButtonDblClick, (200, 200))
    world.mouse(QEvent.Type.MouseButtonRelease, (200, 200))
    assert len(tasks) == 1 and tasks[0].request.regions[0].id == "drawn"
    assert world.tool._sketch.corners == 0


def test_corners_are_taken_back_and_given_up(world: World, tasks: List[FakeTask]) -> None:
    for place in (BESIDE, (340, 300), (340, 340), (380, 390)):
        world.click(place)
    world.key(Qt.Key.Key_Backspace)
    assert world.tool._sketch.corners == 3
    world.key(Qt.Key.Key_Escape)
    assert world.tool._sketch.corners == 0
    world.click(BESIDE, RIGHT)
    assert tasks == []


def test_too_few_corners_are_told_and_kept(world: World, tasks: List[FakeTask]) -> None:
    told: List[str] = []
    world.tool.messageEmitted.connect(lambda text, *_: told.append(text))
    world.click(BESIDE)
    world.click((340, 300))
    world.click((340, 300), RIGHT)
    assert told == ["A polygon needs at least three corners that enclose some ground."]
    assert world.tool._sketch.corners == 2
    world.click((340, 340))
    world.click((340, 340), RIGHT)
    assert len(tasks) == 1


def test_a_figure_of_eight_becomes_polygons_that_are_valid(world: World, tasks: List[FakeTask]) -> None:
    for place in ((300, 300), (340, 340), (340, 300), (300, 340)):
        world.click(place)
    world.click((300, 340), RIGHT)
    drawn = QgsGeometry()
    drawn.fromWkb(tasks[0].request.regions[0].wkb)
    assert drawn.isGeosValid() and drawn.isMultipart()


def test_polygons_that_are_not_on_the_map_are_not_clicked(world: World, tasks: List[FakeTask]) -> None:
    world.canvas.setLayers([world.raster])
    world.click((150, 150))
    assert tasks == []
    assert world.tool._sketch.corners == 1


def test_a_layer_in_another_crs_is_clicked_where_it_is_seen(
    iface: Interface, tmp_path: Path, tasks: List[FakeTask]
) -> None:
    degrees = QgsVectorLayer("Polygon?crs=EPSG:4326", "degrees", "memory")
    to_degrees = QgsCoordinateTransform(
        QgsCoordinateReferenceSystem(CRS), degrees.crs(), QgsProject.instance().transformContext())
    for feature in polygon_layer([], [FIELD, POND]).getFeatures():
        geometry = QgsGeometry(feature.geometry())
        geometry.transform(to_degrees)
        copy = QgsFeature()
        copy.setGeometry(geometry)
        degrees.dataProvider().addFeature(copy)
    world = World(iface, degrees, tmp_path)
    world.canvas.setDestinationCrs(QgsCoordinateReferenceSystem(CRS))
    world.canvas.setExtent(QgsRectangle(WEST, NORTH - 400, WEST + 400, NORTH))
    world.click((150, 150))
    region, = tasks[0].request.regions
    assert (region.id, region.crs_wkt) == (2, "EPSG:4326")
    assert world.highlights() == 1
    world.tool.close()


def test_what_hinders_is_said_where_the_description_would_stand(
    world: World, tasks: List[FakeTask], monkeypatch: pytest.MonkeyPatch
) -> None:
    from aquila_qgis_plugin.environment import dialog, runtime

    raster, world.choice = world.choice.raster, replace(world.choice, raster=None)
    world.click((150, 150))
    assert world.bubble.text == "Choose a raster layer in Aquila's panel first."
    world.choice = replace(world.choice, raster=raster)
    states = [runtime.RuntimeState(False, "PyTorch is missing; set it up."), runtime.RuntimeState(True)]
    monkeypatch.setattr(runtime, "state", lambda: states.pop(0))
    monkeypatch.setattr(dialog, "offer_setup", lambda _parent: True)
    world.click((150, 150))
    assert world.bubble.text == "PyTorch is missing; set it up."
    assert tasks == []
    world.bubble.action_clicked.emit()
    assert len(tasks) == 1


@pytest.mark.parametrize("change", ["project", "crs"])
def test_a_new_project_or_map_crs_ends_what_is_under_way(world: World, tasks: List[FakeTask], change: str) -> None:
    world.click((150, 150))
    world.click(BESIDE, keys=CTRL)
    world.click((150, 150), keys=CTRL)
    world.tool.describe_feature(world.layer, world.layer.getFeature(2))
    if change == "project":
        world.choice = replace(world.choice, polygons=None)
        QgsProject.instance().clear()
    else:
        world.canvas.setDestinationCrs(QgsCoordinateReferenceSystem("EPSG:4326"))
        assert world.tool._sketch.corners == 0
    assert tasks[-1].cancelled
    assert world.highlights() == 0 and world.bubble.isHidden()


def test_closing_takes_everything_off_the_map(
    iface: Interface, two_squares: QgsVectorLayer, tmp_path: Path, tasks: List[FakeTask]
) -> None:
    world = World(iface, two_squares, tmp_path)
    before = len(world.canvas.scene().items())
    world.click((150, 150))
    world.click(BESIDE, keys=CTRL)
    world.tool.close()
    assert tasks[0].cancelled
    assert world.highlights() == 0
    assert len(world.canvas.scene().items()) == before - 1  # the sketch's own band


def test_the_feature_action_is_offered_for_polygons_only_and_removed(
    world: World, tasks: List[FakeTask]
) -> None:
    from aquila_qgis_plugin.map_tools import DescribeFeatureAction

    action = DescribeFeatureAction(world.tool)
    action.register()
    registry = QgsGui.mapLayerActionRegistry()
    points = QgsVectorLayer("Point?crs=EPSG:4326", "points", "memory")
    assert action in registry.mapLayerActions(world.layer)
    assert action not in registry.mapLayerActions(points)
    assert action not in registry.mapLayerActions(world.raster)
    action.unregister()
    assert action not in registry.mapLayerActions(world.layer)


def test_the_identify_menu_describes_a_feature_once(world: World, tasks: List[FakeTask]) -> None:
    from aquila_qgis_plugin.map_tools import DescribeFeatureAction

    action = DescribeFeatureAction(world.tool)
    action.register()
    pixel = world.pixel((150, 150))
    menu = QgsIdentifyMenu(world.canvas)
    menu.setExecWithSingleResult(True)
    menu.setShowFeatureActions(True)
    found = world.tool.identify(pixel.x(), pixel.y(), [world.layer], QgsMapToolIdentify.IdentifyMode.TopDownAll)
    one = [result for result in found if result.mFeature.id() == 2]

    def choose() -> None:
        entries = [entry for part in [menu, *menu.findChildren(QMenu)] for entry in part.actions()]
        next(entry for entry in entries if entry.text() == "Describe this feature").trigger()
        menu.close()

    QTimer.singleShot(0, choose)
    menu.exec(one, QPoint(0, 0))
    action.unregister()
    assert [[region.id for region in task.request.regions] for task in tasks] == [[2]]


def test_nano_describes_a_clicked_polygon(world: World) -> None:
    pytest.importorskip("torch")
    world.click((150, 150))
    wait_until(lambda: world.found, seconds=600)
    layer_id, found = world.found[0]
    assert (layer_id, found.id, found.model) == (world.layer.id(), 2, "nano")
    assert found.status == "ok" and found.description
    assert found.description in world.bubble.text


def test_a_feature_of_the_attribute_table_is_described_with_its_polygon(world: World, tasks: List[FakeTask]) -> None:
    from aquila_qgis_plugin.map_tools import DescribeFeatureAction

    cells_only = QgsFeature(world.layer.fields(), 2)
    DescribeFeatureAction(world.tool)._triggered(world.layer, cells_only)
    (region,) = tasks[-1].request.regions
    assert region.id == 2 and len(region.wkb) > 50


def test_layers_of_a_group_that_is_drawn_as_one_are_on_the_map(
    two_squares: QgsVectorLayer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A map of QGIS 3.24 or newer gives them only if it is asked to take groups apart; an older one has no such."""
    from aquila_qgis_plugin import compat

    class Canvas:
        def layers(self, *expand: bool) -> List[QgsVectorLayer]:
            return [two_squares] if expand == (True,) else []

    monkeypatch.setattr(compat, "_GROUPS_ARE_LAYERS", True)
    assert compat.shown_layers(Canvas()) == [two_squares]
    monkeypatch.setattr(compat, "_GROUPS_ARE_LAYERS", False)
    assert compat.shown_layers(Canvas()) == []
