"""Vectors of polygons and similarity to one of them, run as QGIS runs them."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import Any, Dict, List

import numpy as np
import pytest
from osgeo import gdal
from qgis.core import NULL, QgsCoordinateReferenceSystem, QgsProcessingException, QgsRasterLayer, QgsVectorLayer

from aquila_qgis_plugin.processing import region_embeddings
from core_model.checkpoint import load_model
from core_model.embeddings import Embedder
from tests.geo_helpers import write_raster
from tests.plugin.processing_runs import Heard, edit_in_place, problem, rows, run
from tests.plugin.scenes import NORTH, PLACES, WEST, polygon_layer, squares

OUTSIDE = (900, 900, 10)


pytestmark = pytest.mark.usefixtures("registered")


@pytest.fixture()
def lake(tmp_path: Path) -> QgsRasterLayer:
    """Noisy green with a smooth blue lake in its right half: 400 × 400 m."""
    rng = np.random.default_rng(4)
    values = np.stack([rng.normal(colour, 14, (400, 400)) for colour in (35, 85, 40)])
    values[:, :, 200:] = np.stack([rng.normal(colour, 2, (400, 200)) for colour in (20, 60, 130)])
    path = write_raster(tmp_path / "lake.tif", np.clip(values, 1, 255).astype(np.uint8))
    return QgsRasterLayer(str(path), "lake")


def _vectors(row: Dict[str, Any]) -> List[float]:
    return [value for name, value in row.items() if name.startswith("e") and name[1:].isdecimal()]


def test_vectors_go_into_fields_and_a_table(model: str, raster: QgsRasterLayer, tmp_path: Path) -> None:
    table = tmp_path / "vectors.csv"
    found = run("region_embeddings", {
        "INPUT": polygon_layer(["plot:integer"], [*PLACES, OUTSIDE]), "RASTER": raster, "MODEL": model,
        "TABLE": str(table)})
    assert (found["OK_COUNT"], found["OUTSIDE_COUNT"], found["TABLE"]) == (7, 1, str(table))
    written = rows(found["OUTPUT"])
    embedder = Embedder(load_model(model, device="cpu"))
    expected = {each.id: each.vector for each in embedder.embed(raster.source(), squares())}
    with table.open(encoding="utf-8", newline="") as file:
        listed = list(csv.DictReader(file))
    assert list(written[0])[:3] == ["plot", "status", "e0"] and len(listed) == 8
    for number, vector in expected.items():
        assert vector is not None and len(vector) == embedder.length
        assert _vectors(written[int(str(number)) - 1]) == pytest.approx(vector, abs=1e-5)
        row = listed[int(str(number)) - 1]
        assert row["fid"] == str(number)
        assert [float(value) for value in _vectors(row)] == pytest.approx(vector, abs=1e-5)
    assert all(value in (None, NULL) for value in _vectors(written[7])) and set(_vectors(listed[7])) == {""}


def test_vectors_may_keep_their_length_and_stay_out_of_the_fields(
    model: str, raster: QgsRasterLayer, tmp_path: Path
) -> None:
    table = tmp_path / "vectors.csv"
    found = run("region_embeddings", {
        "INPUT": polygon_layer(), "RASTER": raster, "MODEL": model, "UNIT": False, "PREFIX": "", "TABLE": str(table)})
    assert list(rows(found["OUTPUT"])[0]) == ["status"]
    with table.open(encoding="utf-8", newline="") as file:
        lengths = [math.hypot(*(float(value) for value in _vectors(row))) for row in csv.DictReader(file)]
    assert len(lengths) == 7 and all(abs(length - 1) > 0.1 for length in lengths)


def test_a_table_that_cannot_be_written_costs_no_run(
    model: str, raster: QgsRasterLayer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is refused before; where it only fails afterwards, the layer is there all the same."""
    values = {"INPUT": polygon_layer(), "RASTER": raster, "MODEL": model}
    words = "The table cannot be written (No such file or directory); choose another file."
    assert problem("region_embeddings", {**values, "TABLE": str(tmp_path / "no" / "where.csv")}) == words
    table = tmp_path / "vectors.csv"
    assert problem("region_embeddings", {**values, "TABLE": str(table)}) == "" and not table.exists()

    def fail(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(region_embeddings, "_write_table", fail)
    heard = Heard()
    found = run("region_embeddings", {**values, "TABLE": str(table)}, heard)
    assert len(rows(found["OUTPUT"])) == 7 and "TABLE" not in found
    assert any("cannot be written (Permission denied)" in error for error in heard.errors)


def test_polygons_are_ranked_by_likeness(lake: QgsRasterLayer) -> None:
    places = [(240, 40, 60), (300, 250, 60), (40, 60, 60), OUTSIDE]
    found = run("compare_polygons", {
        "INPUT": polygon_layer(places=places), "REFERENCE": polygon_layer(places=places[:1]), "RASTER": lake})
    likeness = [row["similarity"] for row in rows(found["OUTPUT"])]
    assert likeness[0] == pytest.approx(1, abs=1e-5) and likeness[1] > 0.8 and likeness[2] < likeness[1] - 0.3
    assert likeness[3] in (None, NULL) and (found["OK_COUNT"], found["OUTSIDE_COUNT"]) == (3, 1)


def test_likeness_fills_a_number_field_in_place(model: str, raster: QgsRasterLayer) -> None:
    layer = polygon_layer(["like:double"])
    layer.selectByIds([1, 2])
    assert edit_in_place("compare_polygons", layer, {
        "RASTER": raster, "MODEL": model, "REFERENCE": polygon_layer(places=PLACES[:1]), "FIELD": "like"})
    found = [row["like"] for row in rows(layer)]
    assert found[0] == pytest.approx(1, abs=1e-5) and -1 <= found[1] <= 1
    assert all(value in (None, NULL) for value in found[2:]) and layer.undoStack().count() == 1
    layer.rollBack()


def test_the_map_is_highest_where_the_raster_looks_like_the_reference(lake: QgsRasterLayer, tmp_path: Path) -> None:
    target = str(tmp_path / "map.tif")
    heard = Heard()
    found = run("similarity", {
        "REFERENCE": polygon_layer(places=[(270, 150, 60)]), "RASTER": lake, "OUTPUT": target}, heard)
    dataset = gdal.Open(target)
    values = dataset.ReadAsArray()
    columns = dataset.GetGeoTransform()[0] - WEST + (np.arange(values.shape[1]) + 0.5) * dataset.GetGeoTransform()[1]
    assert values[:, columns > 220].mean() > 0.9 and values[:, columns < 180].mean() < 0.5
    assert values.min() >= -1 and values.max() <= 1
    assert found["TILE_COUNT"] >= 4 and heard.steps[-1] == 100
    layer = QgsRasterLayer(target, "map")
    assert layer.crs().authid() == "EPSG:32633" and layer.extent().contains(lake.extent().center())
    assert (layer.extent().xMinimum(), layer.extent().yMaximum()) == (WEST, NORTH)


def test_the_map_keeps_to_its_extent_and_leaves_nodata_empty(
    model: str, raster: QgsRasterLayer, tmp_path: Path
) -> None:
    reference = polygon_layer(places=[PLACES[2]])
    base = {"REFERENCE": reference, "RASTER": raster, "MODEL": model}
    whole = gdal.Open(run("similarity", {**base, "OUTPUT": str(tmp_path / "whole.tif")})["OUTPUT"])
    band = whole.GetRasterBand(1)
    empty = band.ReadAsArray() == band.GetNoDataValue()
    cell = whole.GetGeoTransform()[1]
    assert cell == 8 and empty[:12, 38:].all() and not empty[13:].any()
    extent = f"{WEST + 40},{WEST + 200},{NORTH - 296},{NORTH - 96} [EPSG:32633]"
    part = gdal.Open(run("similarity", {**base, "EXTENT": extent, "OUTPUT": str(tmp_path / "part.tif")})["OUTPUT"])
    assert (part.RasterXSize, part.RasterYSize) == (20, 25)
    assert (part.GetGeoTransform()[0], part.GetGeoTransform()[3]) == (WEST + 40, NORTH - 96)
    assert np.allclose(part.ReadAsArray(), band.ReadAsArray()[12:37, 5:25], atol=1e-3)


def test_a_cancelled_map_keeps_its_part(model: str, raster: QgsRasterLayer, tmp_path: Path) -> None:
    heard = Heard(lambda progress: progress > 20)
    run("similarity", {
        "REFERENCE": polygon_layer(places=[PLACES[0]]), "RASTER": raster, "MODEL": model, "BATCH_SIZE": 4,
        "OUTPUT": str(tmp_path / "map.tif")}, heard)
    dataset = gdal.Open(str(tmp_path / "map.tif"))
    empty = dataset.ReadAsArray() == dataset.GetRasterBand(1).GetNoDataValue()
    assert empty[-1].all() and not empty[0, 0]


@pytest.mark.parametrize("name", ["similarity", "compare_polygons"])
def test_a_reference_without_a_crs_is_told_of(model: str, raster: QgsRasterLayer, tmp_path: Path, name: str) -> None:
    reference, heard = polygon_layer(places=PLACES[2:3]), Heard()
    reference.setName("reference")
    values: Dict[str, Any] = {"RASTER": raster, "REFERENCE": reference, "MODEL": model}
    if name == "compare_polygons":
        values["INPUT"] = polygon_layer()
    else:
        values["OUTPUT"] = str(tmp_path / "map.tif")
    run(name, values, heard)
    assert not heard.warnings
    reference.setCrs(QgsCoordinateReferenceSystem())
    run(name, values, heard)
    assert [text for text in heard.warnings if text.startswith("reference has no coordinate system")]


def test_each_wrong_value_gets_one_sentence(model: str, raster: QgsRasterLayer, tmp_path: Path) -> None:
    one = polygon_layer(places=PLACES[:1])
    good = {"REFERENCE": one, "RASTER": raster, "MODEL": model, "OUTPUT": str(tmp_path / "map.tif")}
    assert problem("similarity", good) == ""
    several = problem("similarity", {**good, "REFERENCE": polygon_layer()})
    assert "has 7 polygons, but one reference is needed" in several
    points = QgsVectorLayer("Point?crs=EPSG:32633", "points", "memory")
    assert "points is no polygon layer" in problem("similarity", {**good, "REFERENCE": points})
    assert "choose a .tif file" in problem("similarity", {**good, "OUTPUT": str(tmp_path / "map.png")})
    with pytest.raises(QgsProcessingException, match="reference polygon cannot be used .outside raster."):
        run("similarity", {**good, "REFERENCE": polygon_layer(places=[OUTSIDE])})
    with pytest.raises(QgsProcessingException, match="extent lies outside the raster"):
        run("similarity", {**good, "EXTENT": "0,10,0,10 [EPSG:32633]"})
    with pytest.raises(QgsProcessingException, match="map cannot be written"):
        run("similarity", {**good, "OUTPUT": str(tmp_path / "no" / "where" / "map.tif")})
    compared = {"INPUT": polygon_layer(["similarity:string(0)"]), "REFERENCE": one, "RASTER": raster, "MODEL": model}
    assert "“similarity” is of another type" in problem("compare_polygons", compared)
