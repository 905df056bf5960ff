"""The ground under the other tests of the plugin: a real QGIS, new enough."""

from __future__ import annotations

from qgis.core import Qgis, QgsProject, QgsVectorLayer

from tests.plugin.interface import Interface


def test_qgis_is_at_least_the_oldest_that_the_plugin_promises() -> None:
    assert Qgis.QGIS_VERSION_INT >= 32200


def test_layers_and_the_active_layer_work(iface: Interface) -> None:
    layer = QgsVectorLayer("Polygon?crs=EPSG:32633&field=name:string", "plots", "memory")
    seen = []
    iface.currentLayerChanged.connect(seen.append)
    QgsProject.instance().addMapLayer(layer)
    iface.setActiveLayer(layer)
    assert iface.activeLayer() is layer
    assert seen == [layer]


