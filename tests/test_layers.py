"""Polygon layers: their rows and fields, chosen by name and condition; what is none gets one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest
from osgeo import ogr

from core_model.errors import RegionError
from core_model.geo.vector import open_layer
from tests.geo_helpers import write_layer

SQUARES = [f"POLYGON(({x} 0,{x + 5} 0,{x + 5} 5,{x} 5,{x} 0))" for x in (0, 9)]


def test_layer_gives_rows_attributes_and_fields(tmp_path: Path) -> None:
    path = write_layer(tmp_path / "plots.gpkg", [SQUARES[0], None, SQUARES[1]])
    with open_layer(path) as layer:
        rows = list(layer)
        assert len(layer) == 3 and [row.fid for row in rows] == [1, 2, 3] == [row.fid for row in layer]
        assert [row.attributes for row in rows] == [{"number": 0}, {"number": 1}, {"number": 2}]
        assert rows[1].region.wkb == b"" and "UTM zone 33N" in layer.crs_wkt
        assert [field.name for field in layer.fields] == ["number"]
        assert layer.fields[0].to_ogr().GetType() == ogr.OFTInteger


def test_condition_selects_rows_and_a_wrong_one_is_explained(tmp_path: Path) -> None:
    path = write_layer(tmp_path / "plots.gpkg", SQUARES)
    assert [row.fid for row in open_layer(path, where="number = 1")] == [2]
    assert len(open_layer(path, where="number > 7")) == 0
    for wrong in ("nummer = 1", "number = = 1"):
        with pytest.raises(RegionError, match="cannot be used on layer plots .*columns: number"):
            open_layer(path, where=wrong)


def test_layers_are_chosen_by_name_and_listed(tmp_path: Path) -> None:
    path = write_layer(tmp_path / "plots.gpkg", [SQUARES[0]])
    write_layer(path, ["POINT(0 0)"], ogr.wkbPoint, "wells")
    assert open_layer(path).name == "plots"
    write_layer(path, [SQUARES[0]], name="parcels")
    assert open_layer(path, "parcels").name == "parcels"
    with pytest.raises(RegionError, match="several layers.*plots, wells, parcels"):
        open_layer(path)
    with pytest.raises(RegionError, match="no layer 'roads'; its layers are: plots, wells, parcels"):
        open_layer(path, "roads")
    with pytest.raises(RegionError, match="layer wells holds points; choose a polygon layer"):
        open_layer(path, "wells")


def test_point_and_untyped_layers(shared_data: Path, tmp_path: Path) -> None:
    with pytest.raises(RegionError, match="holds points; choose a polygon layer"):
        open_layer(shared_data / "scenes" / "naip" / "eureka_2020_19.geojson")
    mixed = write_layer(tmp_path / "mixed.gpkg", ["POINT(0 0)", SQUARES[0]], ogr.wkbUnknown)
    assert len(open_layer(mixed)) == 2
    lines = write_layer(tmp_path / "lines.gpkg", ["LINESTRING(0 0,1 1)"], ogr.wkbUnknown)
    with pytest.raises(RegionError, match="holds lines"):
        open_layer(lines)
    table = tmp_path / "table.csv"
    table.write_text("a,b\n1,2\n")
    with pytest.raises(RegionError, match="table without geometry"):
        open_layer(table)


def test_missing_and_foreign_files_get_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(RegionError, match="there is no such file"):
        open_layer(tmp_path / "absent.gpkg")
    (tmp_path / "notes.txt").write_text("no layer")
    with pytest.raises(RegionError, match="cannot be opened as a vector layer"):
        open_layer(tmp_path / "notes.txt")
