"""Descriptions into attributes: one undo step, the limits of formats, and nothing lost."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Dict, List, Optional

import pytest
from qgis.core import (
    NULL,
    QgsFeature,
    QgsField,
    QgsProject,
    QgsVectorDataProvider,
    QgsVectorLayer,
)
from qtpy import sip

from aquila_qgis_plugin.polygons import regions
from aquila_qgis_plugin.rescue import rescue_layer
from aquila_qgis_plugin.results import Targets, publish, target_problem
from core_model.description import Description
from tests.plugin.scenes import PLACES, on_disk, polygon_layer, square

ALL = Targets("description", "label", "confidence", "status", "area_m2")


def found(id: int, text: str = "A field.", **changes: Any) -> Description:
    values: Dict[str, Any] = {
        "status": "ok", "label": "field", "confidence": 0.123456, "area_m2": 625.0012, **changes}
    return Description(id, description=text, **values)


def stored(layer: QgsVectorLayer, name: str) -> Dict[int, Any]:
    """What is in a field, by feature."""
    return {each.id(): None if each[name] in (None, NULL) else each[name] for each in layer.getFeatures()}


@pytest.fixture()
def layer() -> QgsVectorLayer:
    return polygon_layer(["note:string(20)", "number:integer", "share:double"])


def ids(layer: QgsVectorLayer) -> List[int]:
    return sorted(each.id() for each in layer.getFeatures())


def test_a_saved_run_fills_new_fields(layer: QgsVectorLayer) -> None:
    first, second = ids(layer)[:2]
    published = publish(layer, [found(first), found(second, "Two trees.", confidence=None)], ALL, commit=True)
    assert (published.written, published.skipped, published.message, published.unwritten) == (2, 0, "", [])
    assert not layer.isEditable()
    assert stored(layer, "description")[first] == "A field." and stored(layer, "description")[second] == "Two trees."
    assert stored(layer, "confidence")[first] == 0.1235 and stored(layer, "confidence")[second] is None
    assert stored(layer, "area_m2")[first] == 625.0 and stored(layer, "status")[second] == "ok"
    assert stored(layer, "label")[ids(layer)[2]] is None


def test_a_run_is_one_undo_step_with_its_new_fields(layer: QgsVectorLayer) -> None:
    layer.startEditing()
    first = ids(layer)[0]
    note = layer.fields().indexOf("note")
    layer.changeAttributeValue(first, note, "mine", None)
    steps = layer.undoStack().count()
    names = layer.fields().names()
    publish(layer, [found(each) for each in ids(layer)], Targets("note", status="state"), commit=None)
    assert layer.undoStack().count() == steps + 1 and layer.isEditable()
    assert stored(layer, "note")[first] == "A field." and stored(layer, "state")[first] == "ok"
    layer.undoStack().undo()
    assert layer.fields().names() == names
    assert stored(layer, "note")[first] == "mine"
    layer.undoStack().redo()
    assert stored(layer, "note")[first] == "A field." and stored(layer, "state")[first] == "ok"
    layer.rollBack()
    assert layer.fields().names() == names


@pytest.mark.parametrize("commit", [False, None])
def test_an_edit_is_left_open_where_the_user_wants_to_look_first(layer: QgsVectorLayer, commit: Optional[bool]) -> None:
    publish(layer, [found(ids(layer)[0])], Targets("description"), commit=commit)
    assert layer.isEditable() and layer.undoStack().count() == 1
    layer.undoStack().undo()
    assert "description" not in layer.fields().names()


def test_features_deleted_meanwhile_are_skipped_and_counted(layer: QgsVectorLayer) -> None:
    first, second, third = ids(layer)[:3]
    layer.dataProvider().deleteFeatures([second])
    layer.startEditing()
    layer.deleteFeature(third)
    published = publish(layer, [found(first), found(second), found(third)], Targets("note"), commit=None)
    assert (published.written, published.skipped) == (1, 2) and not published.unwritten
    assert "no longer in the layer: 2" in published.message and f"{second}, {third}" in published.details


def test_new_polygons_saved_meanwhile_are_not_lost(layer: QgsVectorLayer) -> None:
    layer.startEditing()
    new = QgsFeature(layer.fields())
    layer.addFeature(new)
    unsaved = next(each for each in ids(layer) if each < 0)
    results = [found(unsaved), found(ids(layer)[1])]
    assert publish(layer, results, Targets("note"), commit=None).written == 2
    assert stored(layer, "note")[unsaved] == "A field."
    assert layer.commitChanges()
    published = publish(layer, results, Targets("note"), commit=True)
    assert (published.written, published.skipped, published.unwritten) == (1, 0, results[:1])
    assert "plots has no place for: 1" in published.message


def test_where_all_features_are_gone_nothing_is_changed(layer: QgsVectorLayer) -> None:
    published = publish(layer, [found(4711)], ALL, commit=True)
    assert (published.written, published.skipped) == (0, 1)
    assert "description" not in layer.fields().names() and not layer.isEditable()
    layer.startEditing()
    publish(layer, [found(4711)], ALL, commit=None)
    assert layer.undoStack().count() == 0 and "description" not in layer.fields().names()


def test_a_polygon_without_a_text_keeps_the_old_one(layer: QgsVectorLayer) -> None:
    first = ids(layer)[0]
    publish(layer, [found(first)], ALL, commit=True)
    failed = Description(first, "no valid pixels", area_m2=math.nan)
    published = publish(layer, [failed], ALL, commit=True)
    assert published.written == 1
    assert stored(layer, "description")[first] == "A field." and stored(layer, "status")[first] == "no valid pixels"
    assert stored(layer, "area_m2")[first] is None


def test_texts_are_cut_after_a_word(layer: QgsVectorLayer) -> None:
    first, second, third = ids(layer)[:3]
    texts = ["A wide green field, near a road.", "Twenty letters here!", "Unbreakablesinglewordoftext"]
    published = publish(
        layer, [found(each, text) for each, text in zip((first, second, third), texts)], Targets("note"), commit=True)
    assert published.shortened == 2 and "cut after a word: 2" in published.message
    note = stored(layer, "note")
    assert (note[first], note[second], note[third]) == ("A wide green field…", texts[1], "Unbreakablesinglewo…")


def test_numbers_go_to_text_fields_too(layer: QgsVectorLayer) -> None:
    publish(layer, [found(ids(layer)[0])], Targets("description", confidence="note"), commit=True)
    assert stored(layer, "note")[ids(layer)[0]] == "0.1235"


@pytest.mark.parametrize(("targets", "words"), [
    (Targets(""), "Choose the field"),
    (Targets("number"), "choose a text field"),
    (Targets("share"), "choose a text field"),
    (Targets("note", status="NOTE"), "chosen for two kinds of results"),
    (Targets("note", area="number"), "choose one for decimal numbers"),
    (Targets("sum"), "computed or joined"),
])
def test_unsuitable_fields_are_refused_in_one_sentence(layer: QgsVectorLayer, targets: Targets, words: str) -> None:
    layer.addExpressionField("'a' || number", QgsField("sum", layer.fields().field("note").type()))
    problem = target_problem(layer, targets)
    assert words in problem and problem.endswith(".")
    published = publish(layer, [found(ids(layer)[0])], targets, commit=True)
    assert published.message == problem and len(published.unwritten) == 1 and not layer.isEditable()


def test_suitable_fields_are_not_refused(layer: QgsVectorLayer) -> None:
    assert target_problem(layer, Targets("note", confidence="share", area="new")) == ""
    assert target_problem(layer, ALL) == ""


def test_a_field_is_found_whatever_its_case(layer: QgsVectorLayer) -> None:
    published = publish(layer, [found(ids(layer)[0])], Targets("Note"), commit=True)
    assert stored(layer, "note")[ids(layer)[0]] == "A field." and not published.renamed
    assert "Note" not in layer.fields().names()


def test_layers_that_cannot_be_written_to_are_refused(layer: QgsVectorLayer, tmp_path: Path) -> None:
    assert "is gone" in target_problem(None, ALL)
    points = QgsVectorLayer("Point?crs=EPSG:4326", "wells", "memory")
    assert "holds no polygons" in target_problem(points, ALL)
    layer.setReadOnly(True)
    assert "read-only" in target_problem(layer, ALL)
    text = tmp_path / "plots.csv"
    text.write_text('wkt,name\n"POLYGON((0 0,1 0,1 1,0 0))",a\n', encoding="utf-8")
    csv = QgsVectorLayer(f"{text.as_uri()}?wktField=wkt&geomType=polygon", "csv", "delimitedtext")
    assert csv.isValid() and "cannot be edited" in target_problem(csv, ALL)
    results = [found(1)]
    assert publish(csv, results, ALL, commit=True).unwritten == results


def test_a_layer_that_takes_no_fields_still_takes_texts(
    layer: QgsVectorLayer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from aquila_qgis_plugin import fields

    monkeypatch.setattr(fields, "capability", lambda _layer, name: name != "AddAttributes")
    assert "cannot be given new fields" in target_problem(layer, ALL)
    assert publish(layer, [found(ids(layer)[0])], Targets("note"), commit=True).written == 1


def test_a_layer_deleted_meanwhile_loses_nothing(layer: QgsVectorLayer) -> None:
    QgsProject.instance().addMapLayer(layer)
    results = [found(1), found(2)]
    QgsProject.instance().clear()
    assert sip.isdeleted(layer)
    published = publish(layer, results, ALL, commit=True)
    assert published.unwritten == results and "gone" in published.message


def test_a_refused_save_leaves_the_edit_open(layer: QgsVectorLayer, tmp_path: Path) -> None:
    plots = on_disk(layer, tmp_path / "plots.gpkg", "GPKG")
    plots.dataProvider().addAttributes([QgsField("checked", layer.fields().field("note").type())])
    plots.updateFields()
    provider: QgsVectorDataProvider = plots.dataProvider()
    first = ids(plots)[0]
    publish(plots, [found(first)], Targets("description"), commit=False)
    plots.rollBack()
    # Another program has made the table refuse changes.
    from osgeo import ogr

    connection = ogr.Open(str(tmp_path / "plots.gpkg"), 1)
    connection.ExecuteSQL(
        "CREATE TRIGGER refuse BEFORE UPDATE ON plots BEGIN SELECT RAISE(ABORT, 'refused'); END")
    connection = None
    published = publish(plots, [found(first)], Targets("note"), commit=True)
    assert provider.isValid() and plots.isEditable()
    assert "could not be saved" in published.message and published.details
    assert [each.id for each in published.unwritten] == [first]  # the edit may be one that can never be saved
    assert stored(plots, "note")[first] == "A field."
    plots.rollBack()


def test_shapefiles_keep_their_limits_and_nothing_breaks(layer: QgsVectorLayer, tmp_path: Path) -> None:
    shape = on_disk(polygon_layer(["descriptio:integer"]), tmp_path / "plots.shp", "ESRI Shapefile")
    assert shape.storageType() == "ESRI Shapefile"
    first, second = ids(shape)[:2]
    long = "Ein großes Feld mit vielen Bäumen und Wegen. " * 8
    targets = Targets("description", status="description status")
    published = publish(shape, [found(first, long), found(second)], targets, commit=True)
    assert published.renamed == {"description": "descript_1", "description status": "descript_2"}
    assert published.shortened == 1 and "description → descript_1" in published.message
    assert "10 letters" in published.details
    again = QgsVectorLayer(str(tmp_path / "plots.shp"), "again", "ogr")
    text = stored(again, "descript_1")[first]
    assert text.endswith("...") and long.startswith(text[:-3]) and 200 < len(text.encode()) <= 254
    assert stored(again, "descript_2")[second] == "ok"
    published = publish(shape, [found(first, "Short.")], targets, commit=True)
    assert not published.renamed and not published.message
    assert stored(shape, "descript_1")[first] == "Short."


def test_geopackages_take_long_texts_and_names(layer: QgsVectorLayer, tmp_path: Path) -> None:
    plots = on_disk(layer, tmp_path / "plots.gpkg", "GPKG")
    first = ids(plots)[0]
    long = "A field with many trees. " * 200
    published = publish(plots, [found(first, long)], Targets("a rather long name for a field"), commit=True)
    assert not published.message
    again = QgsVectorLayer(str(tmp_path / "plots.gpkg"), "again", "ogr")
    assert stored(again, "a rather long name for a field")[first] == long
    assert "identifies the polygons" in target_problem(plots, Targets("fid"))


def test_unwritten_results_are_rescued_with_their_polygons(layer: QgsVectorLayer) -> None:
    kept = list(regions(layer.getFeatures(), layer.crs()))
    results = [found(kept[0].id), Description(kept[1].id, "outside raster")]
    rescued = rescue_layer(results, kept, name="plots, described")
    assert rescued.isValid() and rescued.name() == "plots, described" and rescued.crs() == layer.crs()
    rows = list(rescued.getFeatures())
    assert [row["description"] for row in rows] == ["A field.", ""]
    assert rows[0]["area_m2"] == pytest.approx(625.0012) and rows[1]["area_m2"] in (None, NULL)
    assert rows[0].geometry().isMultipart() and rows[0].geometry().area() == pytest.approx(PLACES[0][2] ** 2)
    assert rows[1]["feature"] == str(kept[1].id)


def test_rescue_takes_z_and_no_polygons_at_all() -> None:
    feature = QgsFeature(7)
    from qgis.core import QgsCoordinateReferenceSystem, QgsGeometry

    feature.setGeometry(QgsGeometry.fromWkt(square(1, 2, 3).replace("POLYGON", "POLYGONZ").replace(",", " 5,").replace(
        "))", " 5))")))
    kept = list(regions([feature, QgsFeature(8)], QgsCoordinateReferenceSystem("EPSG:32633")))
    rescued = rescue_layer([found(7), found(8)], kept)
    first, second = rescued.getFeatures()
    assert first.geometry().area() == pytest.approx(9) and not second.hasGeometry()
    table = rescue_layer([found("drawn")])  # type: ignore[arg-type]
    assert table.featureCount() == 1 and not table.isSpatial()
