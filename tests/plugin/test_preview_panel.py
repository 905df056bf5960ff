from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, Iterator, List

import numpy as np
import pytest
from qgis.core import QgsGeometry, QgsProject

from core_model.description import Description
from tests.plugin.interface import Interface
from tests.plugin.scenes import on_disk, polygon_layer, raster_layer, square
from tests.plugin.waiting import wait_until

# Squares (x, y, side in metres): at the raster's own scale, enlarged, partly outside, outside, on nodata.
SQUARES = [(100, 100, 100), (60, 300, 12), (350, 350, 100), (900, 100, 50), (340, 20, 40)]


class World:
    """The panel over the scene and its squares."""

    def __init__(self, iface: Interface, folder: Path) -> None:
        from aquila_qgis_plugin.choice import Choice
        from aquila_qgis_plugin.model_options import ModelOptions
        from aquila_qgis_plugin.preview_panel import PreviewPanel
        from aquila_qgis_plugin.results import Targets

        self.raster, self.layer = raster_layer(folder), polygon_layer(["name:string", "description:string"], SQUARES)
        QgsProject.instance().addMapLayers([self.raster, self.layer])
        self.choice = Choice(self.raster, self.layer, ModelOptions(), targets=Targets("description"))
        self.panel = PreviewPanel(iface, None, choice=lambda: self.choice)
        self.panel.show()

    @property
    def facts(self) -> str:
        return self.panel._facts.text()

    @property
    def text(self) -> str:
        return self.panel._text.text()

    def select(self, *ids: int) -> None:
        self.layer.selectByIds(list(ids))
        wait_until(lambda: self.panel._ids == sorted(ids))
        self.settle()

    def settle(self) -> None:
        wait_until(lambda: self.panel._task is None)


@pytest.fixture()
def world(iface: Interface, tmp_path: Path) -> Iterator[World]:
    made = World(iface, tmp_path)
    yield made
    made.panel.close_down()
    made.panel.deleteLater()


def test_nothing_selected_is_said_and_nothing_shown(world: World) -> None:
    assert world.facts == "Select a polygon to see it as the model does."
    assert world.panel.view.image.isNull()
    world.choice = replace(world.choice, raster=None)
    world.panel.refresh()
    assert world.facts == "Choose a raster layer in Aquila's panel."


def test_the_picture_is_what_the_model_sees_with_its_sizes(world: World) -> None:
    from aquila_qgis_plugin.polygons import regions
    from core_model.geo.preview import look
    from core_model.geo.raster import GdalRaster, Picture

    world.select(1)
    region, = regions([world.layer.getFeature(1)], world.layer.crs())
    with GdalRaster(world.raster.source()) as source:
        seen = look(Picture(source), region, 256)
    image = world.panel.view.image
    assert (image.width(), image.height()) == (256, 256)
    for x, y in ((3, 4), (128, 100), (200, 250)):
        colour = image.pixelColor(x, y)
        assert (colour.red(), colour.green(), colour.blue()) == tuple(seen.rgb[y, x])
    assert world.facts.split("\n") == [
        "1.00 ha · 1.00 m per pixel", "Level 0: the raster's own pixels", "256 × 256 pixels, 256 m wide"]
    assert world.text == "Not described yet."


def test_a_small_polygon_is_said_to_be_enlarged(world: World) -> None:
    world.select(2)
    assert "144 m² · 12.5 cm per pixel" in world.facts
    assert "Level −3: enlarged 8 times" in world.facts


@pytest.mark.parametrize(
    ("number", "sentence", "has_picture"),
    [
        (3, "A part of the polygon lies outside the raster.", True),
        (4, "The polygon lies outside the raster.", False),
        (5, "The raster has no data under the polygon.", True),
    ],
)
def test_what_hinders_the_model_is_said(world: World, number: int, sentence: str, has_picture: bool) -> None:
    world.select(number)
    assert sentence in world.facts
    assert ("pixels" in world.facts) == has_picture


def test_the_outline_follows_the_edge_of_the_mask() -> None:
    from aquila_qgis_plugin.tile_view import outline

    mask = np.zeros((8, 8), np.float32)
    mask[2:4, 3:6] = 1
    lines = outline(mask)
    assert len(lines) == 2 * (2 + 3)
    assert (lines[:, [0, 2]].min(), lines[:, [0, 2]].max()) == (3, 6)
    assert (lines[:, [1, 3]].min(), lines[:, [1, 3]].max()) == (2, 4)
    assert np.abs(lines[:, 2:] - lines[:, :2]).sum(axis=1).tolist() == [1] * len(lines)


def test_a_region_thinner_than_a_pixel_still_has_an_outline() -> None:
    from aquila_qgis_plugin.tile_view import outline

    mask = np.zeros((8, 8), np.float32)
    mask[:, 4] = 0.1
    assert len(outline(mask)) == 16
    assert len(outline(np.zeros((8, 8)))) == 0


def test_the_outline_and_the_dimming_are_drawn(world: World) -> None:
    world.select(1)
    view = world.panel.view
    view.resize(256, 256)
    plain = _pixels(view, outlined=False, dimmed=False)
    outlined = _pixels(view, outlined=True, dimmed=False)
    dimmed = _pixels(view, outlined=False, dimmed=True)
    changed = (plain != outlined).any(axis=2)
    assert 0.005 < changed.mean() < 0.1
    assert dimmed[5, 5].sum() < plain[5, 5].sum()
    assert (dimmed[120, 120] == plain[120, 120]).all()


def test_one_can_step_through_several_selected_polygons(world: World) -> None:
    world.select(1, 2)
    assert (world.panel._name.text(), world.panel._place.text()) == ("#1", "1 of 2")
    world.panel._later.click()
    world.settle()
    assert (world.panel._name.text(), world.panel._place.text()) == ("#2", "2 of 2")
    assert "enlarged" in world.facts
    world.panel._later.click()
    world.settle()
    assert world.panel._place.text() == "1 of 2"


def test_what_a_run_writes_appears_at_once(world: World) -> None:
    world.select(1)
    world.panel.show_description("another layer", Description(1, "ok", "Not this one."))
    world.panel.show_description(world.layer.id(), Description(2, "ok", "Nor this one."))
    assert world.text == "Not described yet."
    world.panel.show_description(world.layer.id(), Description(1, "ok", "A field of grass.", "field", 0.9))
    assert world.text == "A field of grass.\nfield, 90 %"
    world.select(2)
    assert world.text == "Nor this one."


def test_after_a_run_the_text_on_show_is_the_layers(world: World) -> None:
    """It may be undone or corrected there, or never have been written."""
    world.panel.show_description(world.layer.id(), Description(1, "ok", "A field of grass.", "field", 0.9))
    world.panel.run_over()
    world.select(1)
    assert world.text == "Not described yet."
    for stored, shown in (("A field of grass.", "A field of grass.\nfield, 90 %"), ("A field…", "A field of grass.\n"
                          "field, 90 %"), ("A meadow.", "A meadow.")):
        world.layer.dataProvider().changeAttributeValues({1: {1: stored}})
        world.panel.refresh()
        world.settle()
        assert world.text == shown


def test_after_a_run_a_polygon_without_a_text_still_has_its_reason(world: World) -> None:
    world.panel.show_description(world.layer.id(), Description(1, "error: memory is full"))
    world.panel.run_over()
    world.select(1)
    assert world.text == "failed: memory is full"


def test_a_text_is_not_shown_of_a_layer_with_another_source(world: World, tmp_path: Path) -> None:
    world.panel.show_description(world.layer.id(), Description(1, "ok", "A field of grass."))
    other = on_disk(world.layer, tmp_path / "other.gpkg", "GPKG")
    world.layer.setDataSource(other.source(), "plots", "ogr")
    world.select(1)
    assert world.text == "Not described yet."


def test_an_earlier_description_is_read_from_the_field(world: World) -> None:
    world.layer.dataProvider().changeAttributeValues({1: {1: "An old text."}})
    world.select(1)
    assert world.text == "An old text."


def test_descriptions_are_not_remembered_without_end(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from aquila_qgis_plugin import preview_panel

    monkeypatch.setattr(preview_panel, "_REMEMBERED", 3)
    for number in range(10):
        world.panel.show_description("layer", Description(number, "ok", "text"))
    assert [key[1] for key in world.panel._written] == [7, 8, 9]


def test_a_new_selection_takes_the_place_of_a_picture_under_way(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from aquila_qgis_plugin import preview_panel

    started: List[Any] = []
    monkeypatch.setattr(preview_panel, "start", started.append)
    world.layer.selectByIds([1])
    wait_until(lambda: len(started) == 1)
    world.layer.selectByIds([2])
    wait_until(lambda: len(started) == 2)
    assert started[0].isCanceled() and not started[1].isCanceled()
    for task in started:
        task.run()
        task.finished(True)
    assert "enlarged" in world.facts


def test_a_hidden_panel_does_nothing_until_it_is_seen(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from aquila_qgis_plugin import preview_panel

    started: List[Any] = []
    monkeypatch.setattr(preview_panel, "start", started.append)
    world.panel.hide()
    seen: List[int] = []
    world.panel._follower.changed.connect(lambda: seen.append(1))
    world.layer.selectByIds([1])
    wait_until(lambda: seen)
    assert started == []
    world.panel.show()
    assert len(started) == 1


def test_a_moved_polygon_is_looked_at_again(world: World) -> None:
    world.select(1)
    assert "1.00 ha" in world.facts
    world.layer.startEditing()
    world.layer.changeGeometry(1, QgsGeometry.fromWkt(square(100, 100, 50)))
    wait_until(lambda: "2,500 m²" in world.facts or "2,50" in world.facts)
    world.layer.rollBack()
    wait_until(lambda: "1.00 ha" in world.facts)


def test_a_layer_that_goes_takes_its_picture_along(world: World) -> None:
    world.select(1)
    world.choice = replace(world.choice, polygons=None)
    QgsProject.instance().removeMapLayer(world.layer)
    assert world.facts == "Choose a polygon layer in Aquila's panel."
    assert world.panel.view.image.isNull()


def test_a_layer_whose_source_is_gone_is_said(world: World, tmp_path: Path) -> None:
    world.layer.setDataSource(str(tmp_path / "gone.gpkg"), "plots", "ogr")
    world.panel.refresh()
    assert world.facts == "plots cannot be opened; mend its data source in the layer's properties."


def test_a_raster_that_is_gone_from_the_disk_is_said(world: World) -> None:
    Path(world.raster.source()).unlink()
    world.select(1)
    assert world.panel.view.image.isNull()
    assert world.facts and "Reading" not in world.facts


def test_the_picture_needs_no_torch(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("torch", "transformers", "open_clip", "safetensors"):
        monkeypatch.setitem(sys.modules, name, None)
    world.select(1)
    assert not world.panel.view.image.isNull()


def _pixels(view: Any, *, outlined: bool, dimmed: bool) -> np.ndarray:
    view.set_outlined(outlined)
    view.set_dimmed(dimmed)
    image = view.grab().toImage()
    colours = [[image.pixelColor(x, y).getRgb()[:3] for x in range(256)] for y in range(256)]
    return np.array(colours, int)
