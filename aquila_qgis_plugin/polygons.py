"""QGIS features as the regions that ``core_model`` describes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from qgis.core import QgsCoordinateReferenceSystem, QgsFeature, QgsGeometry, QgsWkbTypes

from aquila_qgis_plugin.compat import crs_text

if TYPE_CHECKING:
    from core_model.geo.regions import Region


def regions(features: Iterable[QgsFeature], crs: QgsCoordinateReferenceSystem) -> Iterator[Region]:
    """One ``Region`` per feature, called by the feature's id; one without geometry is a region without WKB."""
    from core_model.geo.regions import Region  # noqa: PLC0415 (loads numpy)

    definition = crs_text(crs)
    for feature in features:
        yield Region(int(feature.id()), wkb_of(feature.geometry()), definition)


def drawn_region(geometry: QgsGeometry, crs: QgsCoordinateReferenceSystem, id: object = "drawn") -> Region:
    """The region of a polygon that belongs to no layer."""
    from core_model.geo.regions import Region  # noqa: PLC0415 (loads numpy)

    return Region(id, wkb_of(geometry), crs_text(crs))


def wkb_of(geometry: QgsGeometry) -> bytes:
    """The WKB of a geometry with its arcs cut into straight edges, b"" where there is none."""
    if geometry.isNull():
        return b""
    if QgsWkbTypes.isCurvedType(geometry.wkbType()):
        geometry = QgsGeometry(geometry)  # features share their geometry with the layer's cache
        geometry.convertToStraightSegment()
    return bytes(geometry.asWkb())
