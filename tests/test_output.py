"""Result files: the input's rows and attributes, in every format, with nothing lost or repeated."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from osgeo import gdal, ogr, osr

from core_model.description import Description
from core_model.errors import OutputError
from core_model.formats import DBASE_TEXT, FORMATS
from core_model.geo.vector import VectorLayer, open_layer
from core_model.output import Results, begin, is_complete, partial_path, resume
from tests.geo_helpers import write_layer

RUN = {"prompt": "Describe <region>.", "style": "description", "raster": "scene.tif", "version": "1"}
WKTS = [f"POLYGON(({x} 5800000,{x + 5} 5800000,{x + 5} 5800005,{x} 5800000))" for x in (500000, 500100, 500200)]


@pytest.fixture
def layer(tmp_path: Path) -> VectorLayer:
    return open_layer(write_layer(tmp_path / "plots.gpkg", WKTS))


def _described(number: object, **changes: object) -> Description:
    values = {"description": f"field {number}", "label": "field", "confidence": 0.5, "area_m2": 12.5, "model": "tiny"}
    return Description(number, "ok", **{**values, **changes})  # type: ignore[arg-type]


def _fill(results: Results, **changes: object) -> list[str]:
    for region in list(results.regions()):
        results.put(_described(region.id, **changes))
    return results.finish()


def _rows(path: Path) -> list[dict[str, object]]:
    dataset = gdal.OpenEx(str(path), gdal.OF_VECTOR)
    layer = dataset.GetLayer(0)
    return [{**row.items(), "wkt": row.GetGeometryRef() and row.GetGeometryRef().ExportToWkt()} for row in layer]


def test_results_stand_beside_the_inputs_rows(layer: VectorLayer, tmp_path: Path) -> None:
    target = tmp_path / "out.gpkg"
    assert _fill(begin(target, layer, RUN)) == []
    rows = _rows(target)
    assert [row["number"] for row in rows] == [0, 1, 2]
    assert [row["description"] for row in rows] == ["field 1", "field 2", "field 3"]
    for row in rows:
        assert (row["label"], row["confidence"], row["status"], row["area_m2"], row["model"]) == (
            "field", 0.5, "ok", 12.5, "tiny")
    assert [row["wkt"] for row in rows] == [ogr.CreateGeometryFromWkt(wkt).ExportToWkt() for wkt in WKTS]
    dataset = gdal.OpenEx(str(target), gdal.OF_VECTOR)
    assert dataset.GetLayer(0).GetName() == "out"
    assert dataset.GetLayer(0).GetSpatialRef().GetAuthorityCode(None) == "32633"
    assert dataset.GetLayer(0).GetMetadata()["AQUILA_PROMPT"] == "Describe <region>."
    assert is_complete(target) and sorted(path.name for path in tmp_path.iterdir()) == ["out.gpkg", "plots.gpkg"]


@pytest.mark.parametrize("suffix", sorted(FORMATS))
def test_every_format_is_written_whole(layer: VectorLayer, tmp_path: Path, suffix: str) -> None:
    target = tmp_path / f"out{suffix}"
    _fill(begin(target, layer, RUN))
    rows = _rows(target)
    assert len(rows) == 3 and is_complete(target)
    # A shapefile cuts the names; KML keeps the description as the placemark's own.
    name = "descriptio" if suffix == ".shp" else "description"
    found = [row.get(name, row.get("Description", row.get("description"))) for row in rows]
    assert found == ["field 1", "field 2", "field 3"]
    assert {row["status"] for row in rows} == {"ok"}
    if suffix != ".csv":
        geometry = ogr.CreateGeometryFromWkt(str(rows[0]["wkt"]))
        x = geometry.Centroid().GetX()
        assert x == pytest.approx(15.0, abs=0.001) or x == pytest.approx(500003, abs=1)
        assert (x < 180) == (suffix in (".kml", ".geojsonl"))
    else:
        assert rows[0]["WKT"] == "POLYGON ((500000 5800000,500005 5800000,500005 5800005,500000 5800000))"


def test_unknown_extensions_list_the_known_ones(layer: VectorLayer, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"cannot be written as '.docx'; use one of .gpkg .geojson"):
        begin(tmp_path / "out.docx", layer, RUN)


def test_nothing_is_overwritten_unasked(layer: VectorLayer, tmp_path: Path) -> None:
    target = tmp_path / "out.geojson"
    _fill(begin(target, layer, RUN))
    before = target.read_bytes()
    with pytest.raises(OutputError, match="exists; choose another name, or add --overwrite"):
        begin(target, layer, RUN)
    assert target.read_bytes() == before
    _fill(begin(target, layer, RUN, overwrite=True), description="new")
    assert {row["description"] for row in _rows(target)} == {"new"}


@pytest.mark.parametrize("name", ["plots.gpkg", "absent/out.gpkg"])
def test_the_input_and_absent_folders_are_refused(layer: VectorLayer, tmp_path: Path, name: str) -> None:
    words = "is the input itself" if name == "plots.gpkg" else "does not exist; make it first"
    with pytest.raises(OutputError, match=words):
        begin(tmp_path / name, layer, RUN, overwrite=True)


def test_an_interrupted_run_keeps_its_rows_and_goes_on(layer: VectorLayer, tmp_path: Path) -> None:
    target = tmp_path / "out.geojson"
    results = begin(target, layer, RUN)
    results.put(_described(2))
    results.finish()
    assert [row["status"] for row in _rows(target)] == [None, "ok", None]
    assert partial_path(target).exists() and not is_complete(target)
    with pytest.raises(OutputError, match="exists"):
        begin(target, layer, RUN)
    going_on = resume(target, {**RUN, "version": "2"})
    assert [region.id for region in going_on.regions()] == [1, 3] and going_on.waiting() == 2
    _fill(going_on, description="later")
    assert [row["description"] for row in _rows(target)] == ["later", "field 2", "later"]
    assert is_complete(target)


def test_an_unfinished_run_is_not_thrown_away_unasked(layer: VectorLayer, tmp_path: Path) -> None:
    begin(tmp_path / "out.gpkg", layer, RUN)
    with pytest.raises(OutputError, match="unfinished run .* add --resume to continue it or --overwrite"):
        begin(tmp_path / "out.gpkg", layer, RUN)
    _fill(begin(tmp_path / "out.gpkg", layer, RUN, overwrite=True))
    assert len(_rows(tmp_path / "out.gpkg")) == 3


def test_rows_that_were_not_committed_are_described_again(layer: VectorLayer, tmp_path: Path) -> None:
    target = tmp_path / "out.gpkg"
    results = begin(target, layer, RUN)
    results.put(_described(1))
    results.commit()
    results.put(_described(2))
    del results  # as a kill does: the open transaction is rolled back
    assert [region.id for region in resume(target, RUN).regions()] == [2, 3]


def test_another_run_is_not_continued(layer: VectorLayer, tmp_path: Path) -> None:
    begin(tmp_path / "out.gpkg", layer, RUN)
    with pytest.raises(OutputError, match="begun with style 'description', not 'phrase'; use the same options"):
        resume(tmp_path / "out.gpkg", {**RUN, "style": "phrase"})
    partial_path(tmp_path / "out.gpkg").write_text("junk")
    with pytest.raises(OutputError, match="cannot be continued"):
        resume(tmp_path / "out.gpkg", RUN)


def test_a_copy_that_was_cut_off_is_made_anew(layer: VectorLayer, tmp_path: Path) -> None:
    (tmp_path / "out.gpkg.copying.gpkg").write_text("half a copy")
    _fill(begin(tmp_path / "out.gpkg", layer, RUN))
    assert len(_rows(tmp_path / "out.gpkg")) == 3


def test_limit_takes_the_first_rows(layer: VectorLayer, tmp_path: Path) -> None:
    _fill(begin(tmp_path / "out.csv", layer, RUN, limit=2))
    assert [row["number"] for row in _rows(tmp_path / "out.csv")] == ["0", "1"]


def test_names_the_input_has_get_a_number(tmp_path: Path) -> None:
    path = write_layer(tmp_path / "plots.gpkg", WKTS)
    dataset = gdal.OpenEx(str(path), gdal.OF_VECTOR | gdal.OF_UPDATE)
    for name in ("Description", "status", "status_1", "geom_1"):
        dataset.GetLayer(0).CreateField(ogr.FieldDefn(name, ogr.OFTString))
    row = dataset.GetLayer(0).GetFeature(1)
    row["Description"], row["status"] = "mine", "kept"
    dataset.GetLayer(0).SetFeature(row)
    del row, dataset
    _fill(begin(tmp_path / "out.gpkg", open_layer(path), RUN))
    first = _rows(tmp_path / "out.gpkg")[0]
    assert (first["Description"], first["description_1"]) == ("mine", "field 1")
    assert (first["status"], first["status_2"]) == ("kept", "ok")


def test_fields_called_like_the_files_own_columns_survive(tmp_path: Path) -> None:
    text = ('{"type": "FeatureCollection", "features": [{"type": "Feature", "properties": '
            '{"fid": 7, "geom": "g", "tags": ["a", "b"]}, "geometry": null}]}')
    (tmp_path / "odd.geojson").write_text(text)
    layer = open_layer(tmp_path / "odd.geojson")
    for suffix in (".gpkg", ".geojson", ".sqlite"):
        target = tmp_path / f"out{suffix}"
        _fill(begin(target, layer, RUN))
        row = _rows(target)[0]
        assert str(row["fid"]) == "7" and row["geom"] == "g" and "a" in str(row["tags"]) and row["wkt"] is None


def test_rows_keep_their_order_whatever_their_numbers(tmp_path: Path) -> None:
    feature = '{{"type": "Feature", "id": {}, "properties": {{"n": {}}}, "geometry": null}}'
    rows = ",".join(feature.format(fid, n) for n, fid in enumerate((5, 3, 9, 0)))
    (tmp_path / "odd.geojson").write_text('{"type": "FeatureCollection", "features": [' + rows + "]}")
    _fill(begin(tmp_path / "out.gpkg", open_layer(tmp_path / "odd.geojson"), RUN))
    dataset = gdal.OpenEx(str(tmp_path / "out.gpkg"), gdal.OF_VECTOR)
    assert [(row.GetFID(), row["n"]) for row in dataset.GetLayer(0)] == [(5, 0), (6, 1), (9, 2), (10, 3)]


def test_no_row_number_can_follow_the_largest(tmp_path: Path) -> None:
    feature = '{{"type": "Feature", "id": {}, "properties": {{}}, "geometry": null}}'
    rows = ",".join(map(feature.format, (2**63 - 1, 4)))
    (tmp_path / "odd.geojson").write_text('{"type": "FeatureCollection", "features": [' + rows + "]}")
    _fill(begin(tmp_path / "out.gpkg", open_layer(tmp_path / "odd.geojson"), RUN))
    dataset = gdal.OpenEx(str(tmp_path / "out.gpkg"), gdal.OF_VECTOR)
    assert [row.GetFID() for row in dataset.GetLayer(0)] == [0, 4]


def test_polygons_and_multipolygons_share_a_multipolygon_layer(tmp_path: Path) -> None:
    multi = WKTS[1].replace("POLYGON(", "MULTIPOLYGON((") + ")"
    path = write_layer(tmp_path / "plots.gpkg", [WKTS[0], multi, None, "POLYGON EMPTY"], ogr.wkbUnknown)
    _fill(begin(tmp_path / "out.gpkg", open_layer(path), RUN))
    dataset = gdal.OpenEx(str(tmp_path / "out.gpkg"), gdal.OF_VECTOR)
    assert dataset.GetLayer(0).GetGeomType() == ogr.wkbMultiPolygon
    kinds = [row.GetGeometryRef() and row.GetGeometryRef().GetGeometryName() for row in dataset.GetLayer(0)]
    assert kinds == ["MULTIPOLYGON", "MULTIPOLYGON", None, "MULTIPOLYGON"]


@pytest.mark.parametrize("suffix", [".gpkg", ".geojson", ".shp", ".fgb"])
def test_lines_among_polygons_keep_their_rows(tmp_path: Path, suffix: str) -> None:
    path = write_layer(tmp_path / "mixed.gpkg", [WKTS[0], "LINESTRING(500000 5800000,500009 5800000)"], ogr.wkbUnknown)
    notes = _fill(begin(tmp_path / f"out{suffix}", open_layer(path), RUN))
    assert [row["number"] for row in _rows(tmp_path / f"out{suffix}")] == [0, 1]
    assert any("without geometry" in note for note in notes) == (suffix == ".shp")


def test_heights_are_kept(tmp_path: Path) -> None:
    path = write_layer(
        tmp_path / "high.gpkg", ["POLYGON Z((500000 5800000 7,500005 5800000 7,500005 5800005 8,500000 5800000 7))"],
        ogr.wkbPolygon25D)
    _fill(begin(tmp_path / "out.gpkg", open_layer(path), RUN))
    assert "5800005 8" in str(_rows(tmp_path / "out.gpkg")[0]["wkt"])


def test_shapefiles_cut_long_texts_and_say_so(layer: VectorLayer, tmp_path: Path) -> None:
    notes = _fill(begin(tmp_path / "out.shp", layer, RUN), description="ä" * 300)
    texts = [str(row["descriptio"]) for row in _rows(tmp_path / "out.shp")]
    assert set(texts) == {"ä" * (DBASE_TEXT // 2)}
    assert any("3 texts were cut" in note for note in notes) and any("column names" in note for note in notes)


def test_unknown_numbers_stay_empty(layer: VectorLayer, tmp_path: Path) -> None:
    _fill(begin(tmp_path / "out.geojson", layer, RUN), confidence=None, area_m2=math.nan)
    assert {(row["confidence"], row["area_m2"]) for row in _rows(tmp_path / "out.geojson")} == {(None, None)}
    assert "nan" not in (tmp_path / "out.geojson").read_text().lower()


def test_a_crs_without_a_code_becomes_longitude_and_latitude_in_geojson(tmp_path: Path) -> None:
    own = osr.SpatialReference()
    own.ImportFromProj4("+proj=laea +lat_0=50 +lon_0=10 +ellps=GRS80")
    dataset = gdal.GetDriverByName("GPKG").Create(str(tmp_path / "own.gpkg"), 0, 0, 0, gdal.GDT_Unknown)
    layer = dataset.CreateLayer("own", own, ogr.wkbPolygon)
    row = ogr.Feature(layer.GetLayerDefn())
    row.SetGeometry(ogr.CreateGeometryFromWkt("POLYGON((0 0,9 0,9 9,0 0))"))
    layer.CreateFeature(row)
    del row, layer, dataset
    _fill(begin(tmp_path / "out.geojson", open_layer(tmp_path / "own.gpkg"), RUN))
    geometry = ogr.CreateGeometryFromWkt(str(_rows(tmp_path / "out.geojson")[0]["wkt"]))
    assert geometry.Centroid().GetX() == pytest.approx(10, abs=1e-3)
    assert geometry.Centroid().GetY() == pytest.approx(50, abs=1e-3)


@pytest.mark.parametrize("exceptions", [False, True])
def test_writing_works_and_fails_alike_in_both_gdal_error_styles(
    layer: VectorLayer, tmp_path: Path, exceptions: bool, capfd: pytest.CaptureFixture[str]
) -> None:
    (gdal.UseExceptions if exceptions else gdal.DontUseExceptions)()
    (ogr.UseExceptions if exceptions else ogr.DontUseExceptions)()
    try:
        for suffix in (".gpkg", ".shp", ".fgb"):
            _fill(begin(tmp_path / f"out{suffix}", layer, RUN))
        (tmp_path / "dir.csv").mkdir()
        results = begin(tmp_path / "dir.csv", layer, RUN, overwrite=True)
        with pytest.raises((OutputError, OSError)):
            _fill(results)
    finally:
        ogr.DontUseExceptions()
        gdal.DontUseExceptions()
    assert capfd.readouterr().err == ""
