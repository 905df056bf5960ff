"""The QGIS plugin: selected polygons over a raster, described into their attributes."""
