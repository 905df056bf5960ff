"""The parts of a run by many workers: GeoParquet that others read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from osgeo import ogr

from core_model import output
from core_model.description import Description
from core_model.errors import OutputError
from core_model.geo.vector import open_layer
from core_model.output import begin
from tests.geo_helpers import write_layer

pq = pytest.importorskip("pyarrow.parquet", reason="needs the extra 'many'")

from core_model.many.geoparquet import WorkingCopy, read_part  # noqa: E402


def test_a_part_is_geoparquet(tmp_path: Path) -> None:
    wkts = ["POLYGON((500000 5800000,500004 5800000,500004 5799996,500000 5800000))",
            "MULTIPOLYGON(((500010 5800000,500014 5800000,500014 5799996,500010 5800000)))"]
    with open_layer(write_layer(tmp_path / "in.gpkg", wkts, ogr.wkbUnknown)) as layer:
        begin(tmp_path / "out.gpkg", layer, {"style": "phrase"})
    copy = WorkingCopy(output.partial_path(tmp_path / "out.gpkg"))
    table = copy.table([2, 1])
    copy.write(tmp_path / "part.parquet", table, [Description(1, "ok", "a field", "field", 0.123456, 8.0, model="m"),
                                                  Description(2, "error: burnt")])
    written = pq.read_table(tmp_path / "part.parquet")
    geo = json.loads(written.schema.metadata[b"geo"])
    assert geo["version"] == "1.1.0" and geo["primary_column"] == "geom"
    column = geo["columns"]["geom"]
    assert column["encoding"] == "WKB" and column["geometry_types"] == ["MultiPolygon"]
    assert column["bbox"] == [500000, 5799996, 500014, 5800000] and column["crs"]["id"]["code"] == 32633
    assert written.schema.metadata[b"AQUILA_STYLE"] == b"phrase"
    assert written.drop_columns(["geom"]).to_pylist() == [
        {"fid": 2, "number": 1, "description": "", "label": "", "confidence": None, "status": "error: burnt",
         "area_m2": None, "model": ""},
        {"fid": 1, "number": 0, "description": "a field", "label": "field", "confidence": 0.1235, "status": "ok",
         "area_m2": 8.0, "model": "m"}]
    assert [(each.id, each.description, each.area_m2) for each in read_part(tmp_path / "part.parquet")][1] == (
        1, "a field", 8.0)
    assert list(tmp_path.glob("*.writing")) == []


@pytest.mark.parametrize(
    ("wkt", "types", "has_bounds"),
    [
        ("POLYGON Z((0 0 1,1 0 1,1 1 1,0 0 1))", ["Polygon Z"], False),
        ("POLYGON M((0 0 1,1 0 1,1 1 1,0 0 1))", ["Polygon"], True),
        ("CURVEPOLYGON(CIRCULARSTRING(0 0,1 1,2 0,1 -1,0 0))", ["Polygon"], True),
        ("TIN(((0 0,1 0,1 1,0 0)))", [], True),
        ("POLYGON EMPTY", ["Polygon"], False),
        (None, [], False),
    ],
)
def test_geometries_that_the_format_lacks_are_made_plain(
    tmp_path: Path, wkt: str | None, types: list[str], has_bounds: bool
) -> None:
    with open_layer(write_layer(tmp_path / "in.gpkg", [wkt], ogr.wkbUnknown)) as layer:
        begin(tmp_path / "out.gpkg", layer, {})
    copy = WorkingCopy(output.partial_path(tmp_path / "out.gpkg"))
    copy.write(tmp_path / "part.parquet", copy.table([1]), [Description(1, "ok")])
    written = pq.read_table(tmp_path / "part.parquet")
    column = json.loads(written.schema.metadata[b"geo"])["columns"]["geom"]
    assert column["geometry_types"] == types and ("bbox" in column) == has_bounds
    assert (written["geom"].to_pylist() == [None]) == (wkt is None)


def test_a_row_that_is_gone_is_one_sentence(tmp_path: Path) -> None:
    with open_layer(write_layer(tmp_path / "in.gpkg", ["POLYGON((0 0,9 0,9 9,0 0))"])) as layer:
        begin(tmp_path / "out.gpkg", layer, {})
    with pytest.raises(OutputError, match="rows are missing"):
        WorkingCopy(output.partial_path(tmp_path / "out.gpkg")).table([1, 7])
