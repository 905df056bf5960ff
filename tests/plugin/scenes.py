"""A small raster, polygons on it and a tiny model, for the tests of the plugin's engine."""

from __future__ import annotations

from pathlib import Path
from typing import List, Sequence, Tuple

import numpy as np
from qgis.core import QgsFeature, QgsGeometry, QgsProject, QgsRasterLayer, QgsVectorFileWriter, QgsVectorLayer

from core_model.geo.regions import Region
from tests.geo_helpers import write_raster

SIDE = 400
CRS = "EPSG:32633"
WEST, NORTH = 500000.0, 5800000.0
PLACES = [(20, 20, 25), (60, 30, 12), (150, 200, 60), (300, 300, 40), (31, 22, 5), (200, 90, 9), (90, 250, 30)]


def square(x: float, y: float, side: float) -> str:
    """A square from its upper left corner in pixels (metres) of the test raster."""
    corners = [(x, y), (x + side, y), (x + side, y + side), (x, y + side), (x, y)]
    return "POLYGON((" + ",".join(f"{WEST + a} {NORTH - b}" for a, b in corners) + "))"


def write_scene(folder: Path) -> Path:
    """Noise with a gradient, 400 × 400 m, whose right upper corner is nodata."""
    noise = np.random.default_rng(0).integers(1, 120, (3, SIDE, SIDE))
    values = (noise + np.linspace(0, 130, SIDE)).astype(np.uint8)
    values[:, :100, 300:] = 0
    return write_raster(folder / "scene.tif", values, nodata=0)


def raster_layer(folder: Path) -> QgsRasterLayer:
    """The scene as a layer."""
    return QgsRasterLayer(str(write_scene(folder)), "scene")


def squares(count: int = len(PLACES)) -> List[Region]:
    """Regions on the scene, called 1, 2, …"""
    places = [PLACES[number % len(PLACES)] for number in range(count)]
    return [Region.from_wkt(number, square(*place), CRS) for number, place in enumerate(places, 1)]


def polygon_layer(fields: Sequence[str] = (), places: Sequence[Tuple[float, float, float]] = PLACES) -> QgsVectorLayer:
    """The squares as a memory layer with fields such as "note:string(20)"."""
    declared = "".join(f"&field={field}" for field in fields)
    layer = QgsVectorLayer(f"Polygon?crs={CRS}{declared}", "plots", "memory")
    add_squares(layer, places)
    return layer


def add_squares(layer: QgsVectorLayer, places: Sequence[Tuple[float, float, float]] = PLACES) -> None:
    """Store squares in a layer."""
    features = []
    for place in places:
        feature = QgsFeature(layer.fields())
        feature.setGeometry(QgsGeometry.fromWkt(square(*place)))
        features.append(feature)
    layer.dataProvider().addFeatures(features)


def on_disk(layer: QgsVectorLayer, path: Path, driver: str) -> QgsVectorLayer:
    """The layer written to a file and opened again."""
    options = QgsVectorFileWriter.SaveVectorOptions()
    options.driverName = driver
    QgsVectorFileWriter.writeAsVectorFormatV3(layer, str(path), QgsProject.instance().transformContext(), options)
    return QgsVectorLayer(str(path), path.stem, "ogr")
