"""A raster of numbers, written piece by piece."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from osgeo import gdal
from qgis.core import QgsRasterFileWriter, QgsRectangle

from aquila_qgis_plugin.translation import tr
from core_model.errors import OutputError
from core_model.geo.gdal_calls import attempt, spatial_reference
from core_model.geo.source import RasterSource, Window

NODATA = -9999.0
_OPTIONS = {"GTiff": ["COMPRESS=DEFLATE", "TILED=YES", "BIGTIFF=IF_SAFER"]}


class RasterOutput:
    """A file of one float32 band, nodata where nothing is written; a context manager.

    :raises OutputError: if the file cannot be made or written.
    """

    def __init__(self, path: str, width: int, height: int, transform: Sequence[float], crs: str) -> None:
        name = _driver_name(path)
        driver = gdal.GetDriverByName(name)
        self._dataset, reason = attempt(
            driver.Create, path, width, height, 1, gdal.GDT_Float32, _OPTIONS.get(name, []))
        if self._dataset is None:
            raise OutputError(tr("The map cannot be written ({reason}); choose another file.").format(reason=reason))
        self._dataset.SetGeoTransform(list(transform))
        reference = spatial_reference(crs) if crs else None
        if reference is not None:
            self._dataset.SetProjection(reference.ExportToWkt())
        self._band = self._dataset.GetRasterBand(1)
        self._band.SetNoDataValue(NODATA)
        self._band.Fill(NODATA)

    def __enter__(self) -> RasterOutput:
        return self

    def __exit__(self, *_: object) -> None:
        self._band = self._dataset = None

    def write(self, values: np.ndarray, column: int, row: int) -> None:
        """Values [h, w] from a cell on; nan becomes nodata."""
        filled = np.where(np.isnan(values), np.float32(NODATA), values)
        failed, reason = attempt(self._band.WriteArray, filled, column, row)
        if failed != 0:
            raise OutputError(tr("The map cannot be written ({reason}); is the disk full?").format(reason=reason))


def output_problem(path: str) -> str:
    """One sentence that says why no map can be written to a file of this name, "" if it can."""
    driver = gdal.GetDriverByName(_driver_name(path))
    if driver is None or not driver.GetMetadataItem(gdal.DCAP_CREATE):
        return tr("Maps cannot be written as {suffix} files; choose a .tif file.").format(suffix=Path(path).suffix)
    return ""


def pixel_window(source: RasterSource, extent: QgsRectangle) -> Window:
    """The pixels of a raster that an extent in its CRS covers."""
    inverse: Any = gdal.InvGeoTransform(list(source.transform))
    corners = [
        gdal.ApplyGeoTransform(inverse, x, y)
        for x in (extent.xMinimum(), extent.xMaximum()) for y in (extent.yMinimum(), extent.yMaximum())
    ]
    (left, top), (right, bottom) = np.min(corners, axis=0), np.max(corners, axis=0)
    return Window(float(left), float(top), float(right - left), float(bottom - top))


def _driver_name(path: str) -> str:
    return str(QgsRasterFileWriter.driverForExtension(Path(path).suffix)) or "GTiff"
