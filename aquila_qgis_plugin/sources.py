"""Whether a layer's data can be read at all."""

from __future__ import annotations

from qgis.core import QgsMapLayer

from aquila_qgis_plugin.translation import tr


def source_problem(layer: QgsMapLayer) -> str:
    """One sentence that says why the data of a raster or vector layer cannot be read, "" if they can."""
    provider = layer.dataProvider()
    if layer.isValid() and provider is not None and provider.isValid():
        return ""
    return tr("{name} cannot be opened; mend its data source in the layer's properties.").format(name=layer.name())
