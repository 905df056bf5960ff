"""Layers as users have them: files that number their rows anew, databases, odd fields, filters, other Pythons."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from qgis.core import (
    QgsField,
    QgsFields,
    QgsProcessingContext,
    QgsProcessingOutputLayerDefinition,
    QgsProject,
    QgsProperty,
    QgsVectorFileWriter,
    QgsVectorLayer,
)

import aquila_qgis_plugin
from aquila_qgis_plugin import forget_modules
from aquila_qgis_plugin.compat import as_its_database_calls_it, real_field, text_field
from aquila_qgis_plugin.polygons import regions
from aquila_qgis_plugin.processing.columns import columns_problem, status_column, with_columns
from aquila_qgis_plugin.processing.parameters import source_count
from aquila_qgis_plugin.processing.similarity import Similarity
from aquila_qgis_plugin.results import Targets, publish
from core_model.description import Description
from tests.plugin.scenes import polygon_layer


def _on_disk(path: Path, driver: str) -> QgsVectorLayer:
    options = QgsVectorFileWriter.SaveVectorOptions()
    options.driverName = driver
    QgsVectorFileWriter.writeAsVectorFormatV3(
        polygon_layer(["name:string(20)"]), str(path), QgsProject.instance().transformContext(), options)
    layer = QgsVectorLayer(str(path), path.stem, "ogr")
    layer.startEditing()
    for feature in layer.getFeatures():
        layer.changeAttributeValue(feature.id(), layer.fields().indexOf("name"), f"plot {feature.id()}")
    assert layer.commitChanges()
    return layer


@pytest.mark.parametrize(("name", "driver"), [
    ("plots.shp", "ESRI Shapefile"), ("plots.geojson", "GeoJSON"), ("plots.gpkg", "GPKG")])
def test_no_text_lands_on_another_polygon_after_one_was_deleted(tmp_path: Path, name: str, driver: str) -> None:
    layer = _on_disk(tmp_path / name, driver)
    features = sorted(layer.getFeatures(), key=lambda feature: feature.id())[:4]
    asked = list(regions(features, layer.crs()))
    results = [Description(each.id(), "ok", f"about {each['name']}") for each in features]
    layer.startEditing()
    layer.deleteFeature(features[1].id())
    assert layer.commitChanges()
    published = publish(layer, results, Targets("text"), commit=True, regions=asked)
    told = {feature["name"]: feature["text"] for feature in layer.getFeatures() if feature["text"]}
    assert told and all(text == f"about {name}" for name, text in told.items())
    assert published.written == len(told) and len(told) + published.skipped + len(published.unwritten) == 4
    if driver == "GPKG":
        assert (published.written, published.skipped, published.unwritten) == (3, 1, [])


class _Database:
    """A provider of types with the names and lengths that PostGIS has."""

    class _Type:
        def __init__(self, name: str, like: QgsField, longest: int) -> None:
            self.mTypeName, self.mType, self.mMaxLen = name, like.type(), longest

    def name(self) -> str:
        return "postgres"

    def nativeTypes(self) -> list[_Type]:  # noqa: N802 (QGIS's name)
        text, real = text_field("a"), real_field("b")
        return [self._Type("varchar", text, 255), self._Type("numeric", real, 20), self._Type("real", real, -1),
                self._Type("double precision", real, -1), self._Type("text", text, -1)]


def test_new_fields_of_a_database_have_its_names_for_their_types() -> None:
    database: Any = _Database()
    assert as_its_database_calls_it(text_field("a"), database).typeName() == "text"
    assert as_its_database_calls_it(real_field("b"), database).typeName() == "double precision"
    layer = polygon_layer()
    in_memory = as_its_database_calls_it(text_field("a"), layer.dataProvider())
    assert in_memory.typeName() == text_field("a").typeName()


def test_the_status_has_a_field_of_its_own_where_the_layers_is_a_number() -> None:
    fields = QgsFields()
    fields.append(real_field("status"))
    column = status_column(fields)
    assert column.name == "status_1" and columns_problem([column], fields) == ""
    assert status_column(QgsFields()).name == "status"


def test_a_field_whose_alias_is_the_wished_name_is_left_alone() -> None:
    fields = QgsFields()
    own = text_field("remark")
    own.setAlias("status")
    fields.append(own)
    assert [field.name() for field in with_columns(fields, [status_column(fields)])] == ["remark", "status"]


def test_a_filtered_source_is_counted() -> None:
    class Filtered:
        def featureCount(self) -> int:  # noqa: N802 (QGIS's name)
            return -1

        def getFeatures(self, request: Any, _flag: object) -> Any:  # noqa: N802 (QGIS's name)
            return layer.getFeatures(request)

    layer = polygon_layer()
    filtered: Any = Filtered()
    assert source_count(filtered) == layer.featureCount() > 1


def test_a_temporary_map_is_announced_to_qgis_once(registered: None, model: str, raster: Any) -> None:
    context = QgsProcessingContext()
    context.setProject(QgsProject.instance())
    output = QgsProcessingOutputLayerDefinition(QgsProperty.fromValue("TEMPORARY_OUTPUT"), QgsProject.instance())
    one = polygon_layer(places=[(150, 150, 25)])
    values = {"RASTER": raster, "REFERENCE": one, "MODEL": model, "OUTPUT": output}
    algorithm = Similarity().create()
    assert algorithm.checkParameterValues(values, context)[0]
    assert len(context.layersToLoadOnCompletion()) == 0
    values["OUTPUT"] = QgsProcessingOutputLayerDefinition("map.jpg", QgsProject.instance())
    assert ".jpg" in algorithm.checkParameterValues(values, context)[1]


def test_what_was_imported_from_a_folder_is_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "bundled"
    folder.mkdir()
    (folder / "only_in_the_zip.py").write_text("VERSION = 1\n")
    monkeypatch.setattr(sys, "path", [*sys.path, str(folder)])
    import only_in_the_zip  # type: ignore[import-not-found]

    assert only_in_the_zip.VERSION == 1
    forget_modules(folder)
    assert "only_in_the_zip" not in sys.modules and str(folder) not in sys.path
    assert "osgeo.gdal" in sys.modules


@pytest.mark.parametrize(("version", "first"), [("1.11.3", True), ("2.4.3", False)])
def test_an_old_qtpy_does_not_come_before_the_bundled_one(
    monkeypatch: pytest.MonkeyPatch, version: str, first: bool
) -> None:
    folder = str(Path(aquila_qgis_plugin.__file__).resolve().parent.parent)
    monkeypatch.setattr(sys, "path", [each for each in sys.path if each != folder])
    monkeypatch.setattr(aquila_qgis_plugin.metadata, "version", lambda _: version)
    aquila_qgis_plugin._make_importable()
    assert sys.path.index(folder) == (0 if first else len(sys.path) - 1)
