"""Results as files among a user's others: nothing of theirs is replaced, and what a format cannot hold is told."""

from __future__ import annotations

import json
import shutil
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
import pytest
from osgeo import gdal, ogr

from core_model.description import Description
from core_model.errors import OutputError
from core_model.formats import named
from core_model.geo.raster import GdalRaster
from core_model.geo.vector import open_layer
from core_model.output import begin, check_target, partial_path, resume
from tests.geo_helpers import write_layer, write_raster

WKTS = [f"POLYGON(({x} 5800000,{x + 5} 5800000,{x + 5} 5800005,{x} 5800000))" for x in (500000, 500100, 500200)]
COLLECTION = f"GEOMETRYCOLLECTION({WKTS[0]},{WKTS[1]},POINT(500000 5800000))"
RUN = {"prompt": "Describe <region>.", "style": "description"}


def _write(source: Path, target: Path, run: dict[str, str] = RUN) -> list[str]:
    """A whole run's rows, each described as a field."""
    with open_layer(source) as layer:
        results = begin(target, layer, run)
    for region in list(results.regions()):
        results.put(Description(region.id, "ok", "A field.", "field", 0.5, 12.5, model="tiny"))
    return results.finish()


def _rows(path: Path) -> list[dict[str, object]]:
    dataset = gdal.OpenEx(str(path), gdal.OF_VECTOR)
    return [dict(row.items()) for row in dataset.GetLayer(0)]


def _layer_of(path: Path, texts: list[str], name: str = "note") -> Path:
    """A GeoJSON file of polygons with a column of texts."""
    features = [
        {"type": "Feature", "properties": {name: text}, "geometry": json.loads(
            ogr.CreateGeometryFromWkt("POLYGON((15 52,15.1 52,15.1 52.1,15 52))").ExportToJson())} for text in texts]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")
    return path


def test_files_beside_the_result_are_not_replaced_unasked(tmp_path: Path) -> None:
    source = write_layer(tmp_path / "plots.gpkg", WKTS)
    (tmp_path / "out.dbf").write_text("an old table")
    with open_layer(source) as layer:
        match = "out.dbf exists, which out.shp would replace; choose another name"
        with pytest.raises(OutputError, match=match):
            begin(tmp_path / "out.shp", layer, RUN)
        begin(tmp_path / "out.shp", layer, RUN, overwrite=True)
    assert (tmp_path / "out.dbf").read_text() == "an old table"


def test_no_input_is_replaced_even_if_asked(tmp_path: Path) -> None:
    """An ENVI raster's pixels are in a .dat, as the rows of a MapInfo table are."""
    raster = write_raster(tmp_path / "made.tif", np.ones((1, 8, 8), np.uint8))
    gdal.Translate(str(tmp_path / "scene.dat"), str(raster), format="ENVI").FlushCache()
    with GdalRaster(tmp_path / "scene.dat") as source:
        assert any(path.endswith("scene.hdr") for path in source.files)
        with pytest.raises(OutputError, match="scene.tab would replace .*scene.dat, an input; choose another name"):
            check_target(tmp_path / "scene.tab", source.files)
        check_target(tmp_path / "other.tab", source.files)
    layer = open_layer(write_layer(tmp_path / "plots.gpkg", WKTS))
    with pytest.raises(OutputError, match="plots.gpkg is the input itself"):
        begin(tmp_path / "plots.gpkg", layer, RUN, overwrite=True)


@pytest.mark.parametrize("suffix", [".fgb", ".tab", ".mif", ".shp", ".geojson"])
def test_rows_without_geometry_hold_up_no_format(tmp_path: Path, suffix: str) -> None:
    wkts = [WKTS[0], None, "POLYGON EMPTY", WKTS[1].replace(" 5800000", " 5800000 7").replace("5800005", "5800005 7")]
    notes = _write(write_layer(tmp_path / "plots.gpkg", wkts, ogr.wkbUnknown), tmp_path / f"out{suffix}")
    rows = _rows(tmp_path / f"out{suffix}")
    dropped = [note for note in notes if "rows without geometry are not in it" in note]
    assert len(rows) + 2 * len(dropped) == 4 and not partial_path(tmp_path / f"out{suffix}").exists()
    assert all(row["label"] == "field" for row in rows) and (suffix == ".fgb" or not dropped)


@pytest.mark.parametrize("suffix", [".tab", ".mif"])
def test_a_collection_of_polygons_is_one_row_of_mapinfo(tmp_path: Path, suffix: str) -> None:
    source = write_layer(tmp_path / "plots.gpkg", [COLLECTION, WKTS[2]], ogr.wkbUnknown)
    _write(source, tmp_path / f"out{suffix}")
    dataset = gdal.OpenEx(str(tmp_path / f"out{suffix}"), gdal.OF_VECTOR)
    areas = [row.GetGeometryRef().GetArea() for row in dataset.GetLayer(0)]
    assert areas == pytest.approx([25, 12.5], rel=1e-3)


def test_points_among_polygons_stay_points_of_mapinfo(tmp_path: Path) -> None:
    source = write_layer(tmp_path / "plots.gpkg", [WKTS[0], "POINT(500000 5800000)"], ogr.wkbUnknown)
    _write(source, tmp_path / "out.tab")
    dataset = gdal.OpenEx(str(tmp_path / "out.tab"), gdal.OF_VECTOR)
    assert [row.GetGeometryRef().GetGeometryName() for row in dataset.GetLayer(0)] == ["POLYGON", "POINT"]


@pytest.mark.parametrize("suffix", [".kml", ".gml", ".geojson"])
def test_control_characters_do_not_spoil_a_file(tmp_path: Path, suffix: str) -> None:
    source = _layer_of(tmp_path / "plots.geojson", ["Flur 3\x0bHof", "plain"])
    _write(source, tmp_path / f"out{suffix}")
    kept = [str(row["note"]) for row in _rows(tmp_path / f"out{suffix}")]
    assert [text.replace("\x0b", " ") for text in kept] == ["Flur 3 Hof", "plain"]


def test_an_export_that_fails_says_where_the_results_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They need not be described again: the working file is a whole GeoPackage."""
    source = write_layer(tmp_path / "plots.gpkg", WKTS)
    with monkeypatch.context() as patch:
        patch.setattr("core_model.formats.files_of", lambda _: [])
        patch.setattr("core_model.formats.Export._write", lambda export, *_: setattr(export, "_rows", 3))
        with pytest.raises(OutputError, match=r"all results are in .*out.csv.partial.gpkg, a GeoPackage: give it ano"):
            _write(source, tmp_path / "out.csv")
    kept = partial_path(tmp_path / "out.csv").rename(tmp_path / "kept.gpkg")
    assert [row["description"] for row in _rows(kept)] == ["A field."] * 3


@contextmanager
def _full_beyond(size: int) -> Iterator[None]:
    """No file may grow beyond so many bytes meanwhile; the system says so as it does of a full disk."""
    resource = pytest.importorskip("resource")  # Windows has none
    before, limits = signal.signal(signal.SIGXFSZ, signal.SIG_IGN), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)


@pytest.mark.parametrize(("suffix", "largest", "missing"), [
    (".shp", ".dbf", 1), (".shp", ".dbf", 3000), (".mif", ".mif", 9000), (".geojsonl", ".geojsonl", 300)])
def test_a_file_that_a_full_disk_cut_is_no_result(tmp_path: Path, suffix: str, largest: str, missing: int) -> None:
    """GDAL writes them without an error, and their headers or indexes count all rows."""
    source, target = write_layer(tmp_path / "plots.gpkg", WKTS * 100), tmp_path / f"out{suffix}"
    _write(source, target)
    whole = target.with_suffix(largest).stat().st_size
    with open_layer(source) as layer:
        results = begin(target, layer, RUN, overwrite=True)
    for region in list(results.regions()):
        results.put(Description(region.id, "ok", "A field.", "field", 0.5, 12.5, model="tiny"))
    results.commit()
    with _full_beyond(whole - missing), pytest.raises(OutputError, match="cannot be read again"):
        results.finish()
    assert len(_rows(partial_path(target))) == 300


@pytest.mark.parametrize("suffix", [".gpkg", ".sqlite"])
def test_what_another_program_left_beside_a_file_does_not_spoil_its_successor(tmp_path: Path, suffix: str) -> None:
    """A program that ended while it wrote leaves changes beside it, and SQLite would add them to any file there."""
    source, target = write_layer(tmp_path / "plots.gpkg", WKTS), tmp_path / f"out{suffix}"
    _write(source, target)
    left, kept = target.with_name(target.name + "-wal"), tmp_path / "kept"
    with closing(sqlite3.connect(target)) as other:
        other.execute("PRAGMA journal_mode=WAL")
        other.execute("CREATE TABLE more AS SELECT * FROM sqlite_master")
        other.commit()
        shutil.copyfile(left, kept)
    kept.rename(left)
    with open_layer(source) as layer:
        results = begin(target, layer, RUN, overwrite=True)
    for region in list(results.regions()):
        results.put(Description(region.id, "ok", "A wood.", "wood", 0.5, 12.5, model="tiny"))
    results.finish()
    assert not left.exists() and [row["label"] for row in _rows(target)] == ["wood"] * 3


@pytest.mark.parametrize("suffix", [".geojson", ".geojsonl", ".kml"])
def test_a_surface_of_several_faces_keeps_its_shape(tmp_path: Path, suffix: str) -> None:
    """As a building of a multipatch shapefile; these formats would write it without one and say nothing."""
    faces = [f"POLYHEDRALSURFACE Z(((500000 5800000 {z},500005 5800000 {z},500005 5800005 {z},500000 5800000 {z})))"
             for z in (1, 2)]
    _write(write_layer(tmp_path / "plots.gpkg", faces, ogr.wkbUnknown), tmp_path / f"out{suffix}")
    dataset = gdal.OpenEx(str(tmp_path / f"out{suffix}"), gdal.OF_VECTOR)
    assert [row.GetGeometryRef() is not None for row in dataset.GetLayer(0)] == [True, True]


def test_mapinfo_tells_that_unknown_numbers_are_0(tmp_path: Path) -> None:
    with open_layer(write_layer(tmp_path / "plots.gpkg", WKTS)) as layer:
        results = begin(tmp_path / "out.tab", layer, RUN)
    for region in list(results.regions()):
        sure = None if region.id == 2 else 0.5
        results.put(Description(region.id, "ok", "A field.", "field", sure, 12.5, model="tiny"))
    assert any(note.startswith("in 1 rows numbers that are not known are 0") for note in results.finish())


def test_suffixes_that_a_driver_writes_in_small_letters() -> None:
    assert named(Path("a/OUT.SHP")) == Path("a/OUT.shp") and named(Path("X.MIF")) == Path("X.mif")
    assert named(Path("OUT.GPKG")) == Path("OUT.GPKG") and named(Path("out.xyz")) == Path("out.xyz")


@pytest.mark.parametrize("name", ["gpkg_out.gpkg", "sqlite_x.geojson", "-dash.gpkg", "rtree_a.gpkg"])
def test_any_file_name_will_do(tmp_path: Path, name: str) -> None:
    source = write_layer(tmp_path / "plots.gpkg", WKTS)
    _write(source, tmp_path / name)
    assert len(_rows(tmp_path / name)) == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["plots.gpkg", name])


def test_a_key_called_like_a_result_keeps_its_name(tmp_path: Path) -> None:
    driver = gdal.GetDriverByName("GPKG")
    dataset = driver.Create(str(tmp_path / "keys.gpkg"), 0, 0, 0, gdal.GDT_Unknown)
    layer = dataset.CreateLayer("keys", None, ogr.wkbPolygon, ["FID=label", "GEOMETRY_NAME=status"])
    row = ogr.Feature(layer.GetLayerDefn())
    row.SetGeometry(ogr.CreateGeometryFromWkt(WKTS[0]))
    layer.CreateFeature(row)
    del row, layer, dataset
    _write(tmp_path / "keys.gpkg", tmp_path / "out.gpkg")
    assert _rows(tmp_path / "out.gpkg")[0]["label_1"] == "field"


@pytest.mark.parametrize("value", [" name = 'n1'", "\n lead", 'say "x"', '"quoted"', "a\x0bb", "trail ", "plain"])
def test_a_run_goes_on_with_the_very_same_options(tmp_path: Path, value: str) -> None:
    """A GeoPackage's metadata is XML, which does not keep every text as it is."""
    with open_layer(write_layer(tmp_path / "plots.gpkg", WKTS)) as layer:
        begin(tmp_path / "out.gpkg", layer, {**RUN, "where": value})
    assert len(resume(tmp_path / "out.gpkg", {**RUN, "where": value})) == 3
    with pytest.raises(OutputError, match="was begun with where"):
        resume(tmp_path / "out.gpkg", {**RUN, "where": value + "!"})


def test_lists_come_out_as_they_came_in(tmp_path: Path) -> None:
    features = json.loads(_layer_of(tmp_path / "a.geojson", ["x", "y"]).read_text())
    features["features"][0]["properties"] |= {"tags": ["a", "ü"], "nums": [1, 2], "shares": [0.5]}
    (tmp_path / "plots.geojson").write_text(json.dumps(features))
    _write(tmp_path / "plots.geojson", tmp_path / "out.geojson")
    written = json.loads((tmp_path / "out.geojson").read_text())["features"]
    assert [written[0]["properties"][name] for name in ("tags", "nums", "shares")] == [["a", "ü"], [1, 2], [0.5]]
    assert written[1]["properties"]["tags"] is None
    _write(tmp_path / "plots.geojson", tmp_path / "out.csv")
    assert _rows(tmp_path / "out.csv")[0]["tags"] == '["a", "ü"]'


@pytest.mark.parametrize("suffix", [".tab", ".mif"])
def test_mapinfo_counts_bytes_and_takes_plain_names(tmp_path: Path, suffix: str) -> None:
    source = write_layer(tmp_path / "plots.gpkg", WKTS[:1])
    dataset = gdal.OpenEx(str(source), gdal.OF_VECTOR | gdal.OF_UPDATE)
    layer = dataset.GetLayer(0)
    field = ogr.FieldDefn("Straße", ogr.OFTString)
    field.SetWidth(12)
    layer.CreateField(field)
    row = layer.GetNextFeature()
    row.SetField("Straße", "Äußere Grüß")
    layer.SetFeature(row)
    del row, layer, dataset
    notes = _write(source, tmp_path / f"out{suffix}")
    assert _rows(tmp_path / f"out{suffix}")[0]["Stra_e"] == "Äußere Grüß"
    assert any("Straße is Stra_e" in note for note in notes)
