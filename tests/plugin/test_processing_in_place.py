"""Algorithms that write into the layer's own fields, run as QGIS's "Edit in place" runs them."""

from __future__ import annotations

import pytest
from qgis.core import NULL, QgsFeature, QgsField, QgsGeometry, QgsRasterLayer, QgsVectorLayer

from tests.plugin.processing_runs import Heard, algorithm_of, edit_in_place, rows, run, texts_of
from tests.plugin.scenes import PLACES, polygon_layer, square

OUTSIDE = (900, 900, 10)
pytestmark = pytest.mark.usefixtures("registered")


def test_texts_are_cut_to_the_length_of_their_field(model: str, raster: QgsRasterLayer) -> None:
    heard = Heard()
    found = run("describe_polygons", {
        "INPUT": polygon_layer(["note:string(4)"]), "RASTER": raster, "MODEL": model, "FIELD": "note"}, heard)
    assert all(len(row["note"]) <= 4 for row in rows(found["OUTPUT"]))
    assert any("cut short" in warning for warning in heard.warnings)
    layer, heard = polygon_layer(["note:string(4)"]), Heard()
    assert edit_in_place("describe_polygons", layer, {"RASTER": raster, "MODEL": model, "FIELD": "note"}, heard)
    assert all(0 < len(row["note"]) <= 4 for row in rows(layer)) and layer.commitChanges()
    assert any("cut short" in warning for warning in heard.warnings)


def test_in_place_one_undo_step_fills_the_selected_rows(model: str, raster: QgsRasterLayer) -> None:
    layer = polygon_layer(["note:string(0)", "sure:double"], [*PLACES, OUTSIDE])
    layer.startEditing()
    for number in range(1, 9):
        layer.changeAttributeValue(number, 0, "before")
    layer.undoStack().clear()
    layer.selectByIds([1, 3, 8])
    geometries = {feature.id(): feature.geometry().asWkt() for feature in layer.getFeatures()}
    assert edit_in_place("describe_polygons", layer, {
        "RASTER": raster, "MODEL": model, "FIELD": "note", "CONFIDENCE_FIELD": "sure"})
    expected = texts_of(model, raster)
    notes = [row["note"] for row in rows(layer)]
    assert notes == [expected[0], "before", expected[2], "before", "before", "before", "before", "before"]
    assert [row["sure"] in (None, NULL) for row in rows(layer)] == [False, True, False, True, True, True, True, True]
    assert layer.undoStack().count() == 1 and layer.undoStack().text(0) == "Describe polygons"
    assert {feature.id(): feature.geometry().asWkt() for feature in layer.getFeatures()} == geometries
    layer.undoStack().undo()
    assert {row["note"] for row in rows(layer)} == {"before"}
    layer.rollBack()


def test_in_place_works_on_polygons_that_were_just_drawn(model: str, raster: QgsRasterLayer) -> None:
    layer = polygon_layer(["note:string(0)"], [])
    layer.startEditing()
    drawn = QgsFeature(layer.fields())
    drawn.setGeometry(QgsGeometry.fromWkt(square(*PLACES[2])))
    layer.addFeature(drawn)
    assert edit_in_place("ask_polygons", layer, {
        "RASTER": raster, "MODEL": model, "FIELD": "note", "QUESTION": "What is <region>?"})
    assert rows(layer)[0]["note"] == texts_of(model, raster, prompt="What is <region>?")[2]
    assert layer.commitChanges()


def test_in_place_a_failure_loses_no_unsaved_edit(
    model: str, raster: QgsRasterLayer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from aquila_qgis_plugin import models
    from core_model.errors import ModelError

    layer = polygon_layer(["note:string(0)"])
    layer.startEditing()
    layer.changeAttributeValue(1, 0, "mine")

    def fail(*_: object) -> None:
        raise ModelError("the weights are damaged; copy the model folder again.")

    monkeypatch.setattr(models, "describer", fail)
    heard = Heard()
    edit_in_place("describe_polygons", layer, {"RASTER": raster, "MODEL": model, "FIELD": "note"}, heard)
    assert any("weights are damaged" in error for error in heard.errors)
    heard = Heard()
    edit_in_place("describe_polygons", layer, {"RASTER": raster, "MODEL": "absent", "FIELD": "note"}, heard)
    assert any("no model absent" in error.lower() for error in heard.errors)
    assert layer.isEditable() and rows(layer)[0]["note"] == "mine"
    layer.rollBack()


def test_in_place_fields_that_cannot_be_written_to_are_refused(model: str, raster: QgsRasterLayer) -> None:
    """QGIS would say that all went well, or never close its undo step."""
    layer = polygon_layer(["note:string(0)"])
    layer.addExpressionField("'x'", QgsField("sum", layer.fields().field("note").type()))
    layer.startEditing()
    layer.changeAttributeValue(1, 0, "mine")
    for field, words in (("sum", "computed or joined"), ("nosuch", "has no field “nosuch”")):
        heard = Heard()
        edit_in_place("describe_polygons", layer, {"RASTER": raster, "MODEL": model, "FIELD": field}, heard)
        assert any(words in error for error in heard.errors)
        assert layer.undoStack().canUndo() and rows(layer)[0]["note"] == "mine"
    layer.rollBack()


def test_in_place_cancelling_keeps_what_is_done_in_the_same_undo_step(model: str, raster: QgsRasterLayer) -> None:
    layer = polygon_layer(["note:string(0)"])
    layer.selectAll()
    edit_in_place("describe_polygons", layer, {
        "RASTER": raster, "MODEL": model, "FIELD": "note", "BATCH_SIZE": 2}, Heard(lambda progress: 50 < progress < 80))
    notes = [row["note"] for row in rows(layer)]
    assert sum(note not in (None, NULL) for note in notes) == 4 and layer.undoStack().count() == 1
    layer.undoStack().undo()
    assert all(row["note"] in (None, NULL) for row in rows(layer))
    layer.rollBack()


def test_in_place_is_offered_for_polygon_layers_only() -> None:
    for name in ("describe_polygons", "classify_polygons", "ask_polygons", "compare_polygons"):
        algorithm = algorithm_of(name, in_place=True)
        assert algorithm.supportInPlaceEdit(polygon_layer())
        assert not algorithm.supportInPlaceEdit(QgsVectorLayer("Point?crs=EPSG:32633", "points", "memory"))
    assert not algorithm_of("region_embeddings", in_place=True).supportInPlaceEdit(polygon_layer())
