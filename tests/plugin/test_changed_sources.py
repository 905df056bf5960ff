"""Layers whose source changes under a run, and sources that cannot take back what was written to them."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any, Iterator, List

import pytest
from qgis.core import QgsProject, QgsVectorFileWriter, QgsVectorLayer
from qtpy.QtCore import QThreadPool

from aquila_qgis_plugin import models
from aquila_qgis_plugin.cancelled import CancelledError
from aquila_qgis_plugin.origin import Origin
from aquila_qgis_plugin.paths import whole_path
from aquila_qgis_plugin.results import Targets, publish
from core_model.description import Description
from tests.plugin.scenes import PLACES, on_disk, polygon_layer


def _found(number: int, text: str = "A field.", **changes: Any) -> Description:
    return Description(number, "ok", text, **changes)


def _texts(layer: QgsVectorLayer, field: str = "description") -> List[Any]:
    return [feature[field] or None for feature in layer.getFeatures()]


@pytest.fixture()
def plots(tmp_path: Path) -> Iterator[QgsVectorLayer]:
    """Squares in a GeoPackage that QGIS edits in a transaction."""
    QgsProject.instance().setAutoTransaction(True)
    layer = on_disk(polygon_layer(["name:string"]), tmp_path / "plots.gpkg", "GPKG")
    QgsProject.instance().addMapLayer(layer)
    yield layer
    QgsProject.instance().setAutoTransaction(False)


def test_in_a_transaction_nothing_is_left_of_a_run_without_rows(plots: QgsVectorLayer) -> None:
    """QGIS would drop a column there that was never made, and show no polygon any more."""
    plots.startEditing()
    published = publish(plots, [_found(100), _found(101)], Targets("description"), commit=None)
    assert (published.written, published.skipped) == (0, 2)
    assert len(_texts(plots, "name")) == len(PLACES) and "description" not in plots.fields().names()


def test_in_a_transaction_texts_are_undone_and_the_next_run_finds_its_polygons(plots: QgsVectorLayer) -> None:
    assert publish(plots, [_found(1), _found(2)], Targets("description"), commit=False).written == 2
    assert sum(text is not None for text in _texts(plots)) == 2
    plots.undoStack().undo()
    assert _texts(plots) == [None] * len(PLACES)
    plots.undoStack().redo()
    assert sum(text is not None for text in _texts(plots)) == 2
    again = publish(plots, [_found(number, "A wood.") for number in (1, 2, 3)], Targets("description"), commit=None)
    assert again.written == 3 and plots.commitChanges()
    assert _texts(plots).count("A wood.") == 3


def test_in_a_transaction_a_refused_field_loses_nothing(plots: QgsVectorLayer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(QgsVectorLayer, "addAttribute", lambda *_: False)
    results = [_found(1), _found(2)]
    published = publish(plots, results, Targets("description"), commit=True)
    assert published.unwritten == results and "does not take the new field" in published.message


def test_an_origin_knows_its_layer_whatever_its_filter(tmp_path: Path) -> None:
    layer = on_disk(polygon_layer(["name:string"]), tmp_path / "a.gpkg", "GPKG")
    QgsProject.instance().addMapLayer(layer)
    origin = Origin.of(layer)
    assert layer.setSubsetString("fid < 3") and origin.layer() is layer
    on_disk(polygon_layer(["name:string"], PLACES[::-1]), tmp_path / "b.gpkg", "GPKG")
    layer.setDataSource(str(tmp_path / "b.gpkg"), "a", "ogr")
    assert origin.layer() is None and origin.why_lost() == "The layer “a” was given another data source."
    QgsProject.instance().removeMapLayer(layer.id())
    assert origin.layer() is None and origin.why_lost() == "The layer “a” is gone."


def test_an_origin_of_a_layer_in_memory_survives_a_new_field() -> None:
    layer = polygon_layer(["name:string"])
    QgsProject.instance().addMapLayer(layer)
    origin = Origin.of(layer)
    publish(layer, [_found(1)], Targets("description"), commit=True)
    assert origin.layer() is layer


def test_an_origin_of_a_layer_in_memory_survives_a_filter() -> None:
    layer = polygon_layer(["name:string"])
    QgsProject.instance().addMapLayer(layer)
    origin = Origin.of(layer)
    for condition in ("\"name\" IS NULL", ""):
        assert layer.setSubsetString(condition) and origin.layer() is layer


def _in_spatialite(folder: Path) -> QgsVectorLayer:
    options = QgsVectorFileWriter.SaveVectorOptions()
    options.driverName, options.datasourceOptions, options.layerName = "SQLite", ["SPATIALITE=YES"], "plots"
    path = folder / "plots.sqlite"
    QgsVectorFileWriter.writeAsVectorFormatV3(
        polygon_layer(["description:string"]), str(path), QgsProject.instance().transformContext(), options)
    return QgsVectorLayer(f"dbname='{path}' table=\"plots\" (GEOMETRY) sql=", "plots", "spatialite")


def test_texts_of_polygons_that_a_database_hides_by_a_filter_are_not_lost(tmp_path: Path) -> None:
    layer = _in_spatialite(tmp_path)
    numbers = sorted(layer.allFeatureIds())
    layer.setSubsetString(f"ogc_fid <= {numbers[1]}")
    assert sorted(layer.allFeatureIds()) == numbers[:2]
    results = [_found(number) for number in numbers]
    published = publish(layer, results, Targets("description"), commit=True)
    assert (published.written, published.skipped, published.unwritten) == (2, 0, results[2:])
    hidden = len(numbers) - 2
    assert published.message == (
        f"Polygons written: 2. Polygons that the layer's filter hides, or that are gone: {hidden}.")
    assert f"Hidden or gone: {numbers[2]}, " in published.details


@pytest.mark.parametrize("driver, ending", [("ESRI Shapefile", "shp"), ("MapInfo File", "tab")])
def test_numbers_too_large_for_their_field_leave_it_empty(tmp_path: Path, driver: str, ending: str) -> None:
    """A file of these formats would hold another number, without a word."""
    layer = on_disk(polygon_layer(["area:double(6,2)"]), tmp_path / f"plots.{ending}", driver)
    numbers = sorted(feature.id() for feature in layer.getFeatures())[:2]
    results = [_found(numbers[0], area_m2=123_456_789.5), _found(numbers[1], area_m2=12.5)]
    published = publish(layer, results, Targets("description", area="area"), commit=True)
    assert published.written == 2 and "too large for their field, which is left empty: 1" in published.message
    assert str(numbers[0]) in published.details
    assert sorted(area for area in _texts(layer, "area") if area) == [12.5]


def test_areas_of_any_size_fit_the_plugins_own_field_of_a_shapefile(tmp_path: Path) -> None:
    """It keeps fewer decimals of larger ones, and is found again with another length than it was made with."""
    layer = on_disk(polygon_layer(), tmp_path / "plots.shp", "ESRI Shapefile")
    number = min(feature.id() for feature in layer.getFeatures())
    for _ in range(2):
        published = publish(
            layer, [_found(number, area_m2=123_456_789.25)], Targets("text", area="area_m2"), commit=True)
        assert published.message == "" and _texts(layer, "area_m2").count(123_456_789.25) == 1
        layer = QgsVectorLayer(layer.source(), "plots", "ogr")


def test_an_origin_of_a_source_that_qgis_cannot_take_apart_is_its_whole_text() -> None:
    layer = QgsVectorLayer("?query=SELECT 1 AS a", "made", "virtual")
    QgsProject.instance().addMapLayer(layer)
    origin = Origin.of(layer)
    assert origin.layer() is layer
    layer.setDataSource("?query=SELECT 2 AS a", "made", "virtual")
    assert origin.layer() is None


def test_folders_are_whole_however_they_are_typed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """pip works in a folder of its own, where a relative one would be thrown away with it."""
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    monkeypatch.chdir(tmp_path)
    assert whole_path("~/aquila") == tmp_path / "me" / "aquila" and whole_path("there") == tmp_path / "there"
    assert whole_path("/opt/x") == Path("/opt/x") and whole_path("~nobody-at-all/x").is_absolute()


def test_a_worker_that_waits_for_the_model_leaves_room_for_others(qgis_app: object) -> None:
    """On two cores Qt's pool has two threads, and the map is drawn in it too."""
    pool = QThreadPool.globalInstance()
    assert pool.waitForDone(5000)  # with what other tests have left
    before = pool.activeThreadCount()
    counts: List[int] = []
    stop = threading.Event()

    def wait() -> None:
        def asked() -> bool:
            counts.append(pool.activeThreadCount())
            return stop.is_set()

        with pytest.raises(CancelledError), models.use_lock(asked):
            raise AssertionError

    with models.use_lock():
        worker = threading.Thread(target=wait)
        worker.start()
        while not counts:
            time.sleep(0.01)
        stop.set()
        worker.join()
    assert counts[0] == before - 1 and pool.activeThreadCount() == before
