"""Results that could not be written to their layer, as a new layer of their own."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, List, Optional

from qgis.core import QgsFeature, QgsGeometry, QgsVectorLayer

from aquila_qgis_plugin.compat import crs_of, real_field, text_field
from aquila_qgis_plugin.translation import tr
from core_model.description import Description
from core_model.geo.regions import Region


def rescue_layer(
    results: Sequence[Description], regions: Optional[Sequence[Region]] = None, *, name: str = ""
) -> QgsVectorLayer:
    """A memory layer of results, with their polygons where ``regions`` has them; not yet in the project."""
    polygons = {region.id: region for region in regions or ()}
    layer = QgsVectorLayer("MultiPolygon" if polygons else "None", name or tr("Descriptions"), "memory")
    if polygons:
        layer.setCrs(crs_of(next(iter(polygons.values())).crs_wkt))
    provider = layer.dataProvider()
    provider.addAttributes([
        text_field("feature"), text_field("description"), text_field("label"), real_field("confidence"),
        text_field("status"), real_field("area_m2"),
    ])
    layer.updateFields()
    features = []
    for found in results:
        feature = QgsFeature(layer.fields())
        feature.setAttributes(_attributes(found))
        if found.id in polygons:
            feature.setGeometry(_multipolygon(polygons[found.id].wkb))
        features.append(feature)
    provider.addFeatures(features)
    layer.updateExtents()
    return layer


def _attributes(found: Description) -> List[Any]:
    area = found.area_m2 if math.isfinite(found.area_m2) else None
    return [str(found.id), found.description, found.label, found.confidence, found.status, area]


def _multipolygon(wkb: bytes) -> QgsGeometry:
    """The polygon as the layer takes it: flat, and of several parts."""
    geometry = QgsGeometry()
    geometry.fromWkb(wkb)
    if not geometry.isNull():
        geometry.get().dropZValue()
        geometry.get().dropMValue()
        geometry.convertToMultiType()
    return geometry
