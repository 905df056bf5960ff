"""A QGIS project of the drawn demo scene: the image, and its polygons in outlines over it.

Run with a Python that has QGIS: ``python project.py FOLDER`` (make_scene.py's files lie in the folder).
"""

from __future__ import annotations

import sys
from pathlib import Path

from qgis.core import (
    QgsApplication,
    QgsFillSymbol,
    QgsProject,
    QgsRasterLayer,
    QgsReferencedRectangle,
    QgsSingleSymbolRenderer,
    QgsVectorLayer,
)
from qgis.PyQt.QtGui import QColor

SCENE, PLACES, PROJECT = "scene.tif", "places.gpkg", "project.qgs"
OUTLINE = {"color": "255,255,255,40", "outline_color": "255,255,255,255", "outline_width": "0.6"}


def write(folder: Path) -> Path:
    """Write the project beside its data; QGIS must have been started."""
    project = QgsProject.instance()
    raster = QgsRasterLayer(str(folder / SCENE), "scene")
    places = QgsVectorLayer(str(folder / PLACES), "places")
    if not raster.isValid() or not places.isValid():
        raise FileNotFoundError(f"{folder} has no {SCENE} or no {PLACES}")
    places.setRenderer(QgsSingleSymbolRenderer(QgsFillSymbol.createSimple(OUTLINE)))
    project.addMapLayers([raster, places])
    project.setCrs(raster.crs())
    project.setSelectionColor(QColor(255, 214, 0, 70))  # what is selected must still be seen
    project.viewSettings().setDefaultViewExtent(QgsReferencedRectangle(raster.extent(), raster.crs()))
    root = project.layerTreeRoot()
    node = root.findLayer(raster.id())
    root.addChildNode(node.clone())  # the image goes below the polygons
    root.removeChildNode(node)
    project.write(str(folder / PROJECT))
    return folder / PROJECT


if __name__ == "__main__":
    application = QgsApplication([], False)
    application.initQgis()
    write(Path(sys.argv[1]))
    QgsProject.instance().clear()
    application.exitQgis()
