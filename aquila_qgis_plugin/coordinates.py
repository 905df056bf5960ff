"""What is taken for granted where a layer does not say in which coordinate system it is."""

from __future__ import annotations

from qgis.core import QgsCoordinateReferenceSystem, QgsRasterLayer

from aquila_qgis_plugin.translation import tr


def crs_note(
    raster: QgsRasterLayer, polygons: str, crs: QgsCoordinateReferenceSystem, *, as_displayed: bool
) -> str:
    """One sentence where only one of a raster and a polygon layer (its name and CRS) has a CRS, "" else."""
    from aquila_qgis_plugin.rasters import has_crs  # noqa: PLC0415 (loads numpy)

    raster_has_one = has_crs(raster, as_displayed=as_displayed)
    if raster_has_one == crs.isValid():
        return ""
    nameless, other = (polygons, raster.name()) if raster_has_one else (raster.name(), polygons)
    return tr("{layer} has no coordinate system and is taken to be in that of {other}; if it is not, set it in the "
              "layer's properties.").format(layer=nameless, other=other)
