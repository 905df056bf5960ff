"""Features of QGIS as regions."""

from __future__ import annotations

import numpy as np
import pytest
from qgis.core import QgsCoordinateReferenceSystem, QgsFeature, QgsGeometry

from aquila_qgis_plugin.compat import crs_of, crs_text
from aquila_qgis_plugin.polygons import drawn_region, regions
from core_model.geo.polygons import read_polygon
from tests.plugin.scenes import PLACES, polygon_layer

CRS = QgsCoordinateReferenceSystem("EPSG:32633")


def feature(id: int, wkt: str) -> QgsFeature:
    made = QgsFeature(id)
    made.setGeometry(QgsGeometry.fromWkt(wkt))
    return made


def test_features_keep_their_ids_and_shapes() -> None:
    layer = polygon_layer()
    found = list(regions(layer.getFeatures(), layer.crs()))
    assert [region.id for region in found] == [each.id() for each in layer.getFeatures()]
    assert {region.crs_wkt for region in found} == {"EPSG:32633"}
    parts = read_polygon(found[2].wkb)
    assert len(parts) == 1 and len(parts[0][0]) == 5
    assert np.ptp(parts[0][0], axis=0).tolist() == [PLACES[2][2]] * 2


@pytest.mark.parametrize("wkt", [
    "POLYGONZ((0 0 5,4 0 5,4 4 5,0 0 5))", "POLYGONM((0 0 5,4 0 5,4 4 5,0 0 5))",
    "POLYGONZM((0 0 5 1,4 0 5 1,4 4 5 1,0 0 5 1))", "MULTIPOLYGONZ(((0 0 5,4 0 5,4 4 5,0 0 5)))",
])
def test_heights_and_measures_are_left_out(wkt: str) -> None:
    (region,) = regions([feature(1, wkt)], CRS)
    parts = read_polygon(region.wkb)
    assert [ring.tolist() for ring in parts[0]] == [[[0, 0], [4, 0], [4, 4], [0, 0]]]


@pytest.mark.parametrize("wkt", [
    "CURVEPOLYGON(CIRCULARSTRING(0 0,1 1,2 0,1 -1,0 0))",
    "MULTISURFACE(CURVEPOLYGON(CIRCULARSTRING(0 0,1 1,2 0,1 -1,0 0)))",
    "CURVEPOLYGONZ(CIRCULARSTRINGZ(0 0 1,1 1 1,2 0 1,1 -1 1,0 0 1))",
])
def test_arcs_become_straight_edges_and_the_feature_stays(wkt: str) -> None:
    curved = feature(1, wkt)
    before = curved.geometry().asWkt()
    (region,) = regions([curved], CRS)
    ring = read_polygon(region.wkb)[0][0]
    x, y = ring.T
    assert len(ring) > 40 and abs(abs((x[:-1] * y[1:] - x[1:] * y[:-1]).sum()) / 2 - 3.1416) < 0.01
    assert curved.geometry().asWkt() == before


def test_features_without_geometry_are_regions_without_one() -> None:
    found = list(regions([QgsFeature(3), feature(4, "POLYGON EMPTY")], CRS))
    assert [region.id for region in found] == [3, 4]
    assert found[0].wkb == b"" and read_polygon(found[1].wkb) == []


def test_a_drawn_polygon_needs_no_layer() -> None:
    region = drawn_region(QgsGeometry.fromWkt("POLYGON((0 0,1 0,1 1,0 0))"), CRS)
    assert region.id == "drawn" and region.crs_wkt == "EPSG:32633" and len(read_polygon(region.wkb)) == 1


def test_any_crs_survives_as_text() -> None:
    own = QgsCoordinateReferenceSystem.fromProj("+proj=laea +lat_0=52 +lon_0=10 +ellps=GRS80 +units=m")
    for crs in (own, CRS, QgsCoordinateReferenceSystem("OGC:CRS84"), QgsCoordinateReferenceSystem()):
        assert crs_of(crs_text(crs)) == crs or crs_of(crs_text(crs)).toProj() == crs.toProj()
    assert crs_text(QgsCoordinateReferenceSystem()) == ""
    assert crs_text(own).startswith("PROJCRS") and crs_text(CRS) == "EPSG:32633"
