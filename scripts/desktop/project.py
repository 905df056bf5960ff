"""A QGIS project of the drawn demo scene: the image, and its polygons in outlines over it.

Run with a Python that has QGIS: ``python -m scripts.desktop.project FOLDER`` (make_scene.py's files lie in the folder).
"""

from __future__ import annotations

import sys
from pathlib import Path

from qgis.core import (
    QgsApplication,
    QgsFillSymbol,
    QgsPalLayerSettings,
    QgsProject,
    QgsRasterLayer,
    QgsReferencedRectangle,
    QgsSingleSymbolRenderer,
    QgsTextFormat,
    QgsVectorLayer,
    QgsVectorLayerSimpleLabeling,
)
from qgis.PyQt.QtGui import QColor, QFont

from scripts.desktop.session import PLACES, PROJECT, SCENE

OUTLINE = {"color": "255,255,255,40", "outline_color": "255,255,255,255", "outline_width": "0.6"}


def _label() -> QgsPalLayerSettings:
    """The description on the map, once there is one."""
    text = QgsTextFormat()
    font = QFont("DejaVu Sans")
    font.setStyleName("Book")
    text.setFont(font)
    text.setSize(7)
    text.buffer().setEnabled(True)
    label = QgsPalLayerSettings()
    label.fieldName = "description"
    label.autoWrapLength = 28
    label.setFormat(text)
    return label


def write(folder: Path) -> Path:
    """Write the project beside its data; QGIS must have been started."""
    project = QgsProject.instance()
    raster = QgsRasterLayer(str(folder / SCENE), "scene")
    places = QgsVectorLayer(str(folder / PLACES), "places")
    if not raster.isValid() or not places.isValid():
        raise FileNotFoundError(f"{folder} has no {SCENE} or no {PLACES}")
    places.setRenderer(QgsSingleSymbolRenderer(QgsFillSymbol.createSimple(OUTLINE)))
    places.setLabeling(QgsVectorLayerSimpleLabeling(_label()))
    places.setLabelsEnabled(True)
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
