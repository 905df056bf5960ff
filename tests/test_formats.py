"""What formats cannot hold under its own name or at its own length is renamed or cut, said, and read back whole."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from osgeo import gdal, ogr

from core_model.description import Description
from core_model.errors import OutputError
from core_model.formats import FORMATS, Export
from core_model.geo.regions import Placer, Status
from core_model.geo.vector import open_layer
from core_model.output import begin, partial_path
from tests.geo_helpers import BlankRaster

SQUARE = "POLYGON((500010 5799990,500020 5799990,500020 5799980,500010 5799980,500010 5799990))"
LONG = "ä" * 300


def _layer(path: Path, driver: str, columns: dict[str, str], wkt: str = SQUARE) -> Path:
    """A layer of one row without a CRS, whose columns hold texts."""
    dataset = gdal.GetDriverByName(driver).Create(str(path), 0, 0, 0, gdal.GDT_Unknown)
    layer = dataset.CreateLayer(path.stem, None, ogr.wkbPolygon)
    for name in columns:
        layer.CreateField(ogr.FieldDefn(name, ogr.OFTString))
    row = ogr.Feature(layer.GetLayerDefn())
    for place, text in enumerate(columns.values()):
        row.SetField(place, text)
    row.SetGeometry(ogr.CreateGeometryFromWkt(wkt))
    layer.CreateFeature(row)
    return path


def _fill(source: Path, target: Path, text: str = "a field", crs_wkt: str = "EPSG:32633") -> list[str]:
    with open_layer(source) as layer:
        results = begin(target, layer, {"style": "phrase"}, crs_wkt=crs_wkt)
    for region in list(results.regions()):
        results.put(Description(region.id, "ok", text, "field", 0.5, 12.5, model="tiny"))
    return results.finish()


def _row(path: Path) -> dict[str, object]:
    dataset = gdal.OpenEx(str(path), gdal.OF_VECTOR, open_options=list(FORMATS[path.suffix].open_options))
    row = dataset.GetLayer(0).GetNextFeature()
    return {row.GetFieldDefnRef(place).GetName(): row.GetField(place) for place in range(row.GetFieldCount())}


@pytest.mark.parametrize("suffix", sorted(FORMATS))
def test_every_format_keeps_the_columns_of_the_results(tmp_path: Path, suffix: str) -> None:
    source = _layer(tmp_path / "plots.geojson", "GeoJSON", {"Fläche (m²)": "7", "2020": "8"})
    notes = _fill(source, tmp_path / f"out{suffix}")
    row = _row(tmp_path / f"out{suffix}")
    assert {"7", "8", "a field", "field", "ok", "tiny"} <= {str(value) for value in row.values()}
    assert not partial_path(tmp_path / f"out{suffix}").exists()
    assert any("other names" in note for note in notes) == (suffix in (".gml", ".kml", ".mif", ".tab"))


@pytest.mark.parametrize("suffix", [".shp", ".tab", ".mif"])
def test_texts_are_cut_between_letters_and_that_is_said(tmp_path: Path, suffix: str) -> None:
    source = _layer(tmp_path / "plots.geojson", "GeoJSON", {"note": "Größe"})
    notes = _fill(source, tmp_path / f"out{suffix}", LONG)
    row = _row(tmp_path / f"out{suffix}")
    assert row["note"] == "Größe" and "ä" * 127 in row.values()
    assert any("1 texts were cut to the 254 bytes" in note for note in notes)


def test_a_file_that_cannot_be_read_again_is_said_and_the_rows_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Export, "_choose_names", lambda export: [each.GetName() for each in export._columns])
    target = tmp_path / "out.gml"
    with pytest.raises(OutputError, match=r"cannot be read again .*all results are in .*out.gml.partial.gpkg"):
        _fill(_layer(tmp_path / "plots.geojson", "GeoJSON", {"Fläche (m²)": "x"}), target)
    assert partial_path(target).exists()


def test_columns_that_differ_in_capitals_only_are_kept_apart(tmp_path: Path) -> None:
    columns = {"fixme": "a", "FIXME": "b", "ogc_fid": "c", "geometry": "d"}
    source = _layer(tmp_path / "plots.geojson", "GeoJSON", columns)
    for suffix, behind in ((".gpkg", ""), (".sqlite", "_1")):
        _fill(source, tmp_path / f"out{suffix}")
        row = _row(tmp_path / f"out{suffix}")
        names = ("fixme", "FIXME_1", f"ogc_fid{behind}", f"geometry{behind}")
        assert [row[name] for name in names] == ["a", "b", "c", "d"]


@pytest.mark.parametrize("suffix", [".gpkg", ".shp", ".csv"])
def test_texts_in_another_encoding_than_the_file_claims_are_read(tmp_path: Path, suffix: str) -> None:
    source = _layer(tmp_path / "plots.shp", "ESRI Shapefile", {"Groesse": "M?ller"})
    table = source.with_suffix(".dbf")
    table.write_bytes(table.read_bytes().replace(b"M?ller", b"M\xfcller").replace(b"Groesse", b"Gr\xf6\xdfe\x00\x00"))
    source.with_suffix(".cpg").write_text("UTF-8")
    _fill(source, tmp_path / f"out{suffix}")
    row = _row(tmp_path / f"out{suffix}")
    assert row["Größe"] == "Müller" and "a field" in row.values()


@pytest.mark.parametrize(("driver", "name"), [("GPKG", "plots.gpkg"), ("ESRI Shapefile", "plots.shp")])
def test_a_layer_without_a_crs_is_in_the_rasters_all_the_way(tmp_path: Path, driver: str, name: str) -> None:
    source = _layer(tmp_path / name, driver, {"note": "x"})
    for raster, expected in ((BlankRaster(), 100.0), (BlankRaster(crs=""), math.nan)):
        with open_layer(source) as layer:
            assert layer.crs_wkt == ""
            results = begin(tmp_path / "out.gpkg", layer, {}, overwrite=True, crs_wkt=raster.crs_wkt)
            regions = [*results.regions(), *(row.region for row in layer)]
        for region in regions:
            placed = Placer(raster, 256).place(region)
            assert placed.status == str(Status.OK)
            assert placed.area_m2 == pytest.approx(expected, rel=2e-3, nan_ok=True)


def test_results_of_a_layer_without_a_crs_lie_where_they_were_described(tmp_path: Path) -> None:
    source = _layer(tmp_path / "plots.shp", "ESRI Shapefile", {"note": "x"})
    _fill(source, tmp_path / "out.kml")
    dataset = gdal.OpenEx(str(tmp_path / "out.kml"), gdal.OF_VECTOR)
    west, _, south, _ = dataset.GetLayer(0).GetExtent()
    assert (west, south) == pytest.approx((15.0, 52.35), abs=0.01)  # the middle of zone 33 is 15° east
