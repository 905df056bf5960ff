"""Small rasters and layers for the tests of the geographic side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from osgeo import gdal, ogr, osr

UTM_33 = (500000.0, 1.0, 0.0, 5800000.0, 0.0, -1.0)
KINDS = {"uint8": gdal.GDT_Byte, "uint16": gdal.GDT_UInt16, "float32": gdal.GDT_Float32, "complex64": gdal.GDT_CFloat32}


class BlankRaster:
    """A raster with a place but no pixels."""

    name = "blank"
    bands = ()

    def __init__(self, crs: str = "EPSG:32633", transform: tuple[float, ...] = UTM_33, size: int = 1000) -> None:
        self.crs_wkt, self.transform, self.width, self.height = crs, transform, size, size

    def read(self, *_: object) -> tuple[np.ndarray, np.ndarray]:
        """Nothing to see."""
        raise NotImplementedError


def write_raster(
    path: Path,
    values: np.ndarray,
    transform: Sequence[float] | None = UTM_33,
    crs: str = "EPSG:32633",
    nodata: float | None = None,
    colours: Sequence[int] = (),
    options: Sequence[str] = (),
) -> Path:
    """A GeoTIFF of ``values`` [n, h, w]."""
    count, height, width = values.shape
    driver = gdal.GetDriverByName("GTiff")
    dataset = driver.Create(str(path), width, height, count, KINDS[values.dtype.name], list(options))
    if transform is not None:
        dataset.SetGeoTransform(list(transform))
    if crs:
        reference = osr.SpatialReference()
        reference.SetFromUserInput(crs)
        dataset.SetProjection(reference.ExportToWkt())
    for index in range(count):
        band = dataset.GetRasterBand(index + 1)
        if index < len(colours):
            band.SetColorInterpretation(colours[index])
        if nodata is not None:
            band.SetNoDataValue(nodata)
        band.WriteArray(values[index])
    dataset.FlushCache()
    return path


def write_layer(path: Path, wkts: Sequence[str | None], kind: int = ogr.wkbPolygon, name: str = "plots") -> Path:
    """A GeoPackage layer (added to the file if it is there) in EPSG:32633 with a column ``number``."""
    reference = osr.SpatialReference()
    reference.ImportFromEPSG(32633)
    driver = ogr.GetDriverByName("GPKG")
    dataset = driver.Open(str(path), 1) if path.exists() else driver.CreateDataSource(str(path))
    layer = dataset.CreateLayer(name, reference, kind)
    layer.CreateField(ogr.FieldDefn("number", ogr.OFTInteger))
    for number, wkt in enumerate(wkts):
        feature = ogr.Feature(layer.GetLayerDefn())
        feature.SetField("number", number)
        if wkt is not None:
            feature.SetGeometry(ogr.CreateGeometryFromWkt(wkt))
        layer.CreateFeature(feature)
    return path


def banepa_mosaic(shared_data: Path, folder: Path) -> Path:
    """The 48 drone tiles as one VRT in EPSG:4326, placed by the web map tile numbers that are their names."""
    placed = []
    for tile in sorted((shared_data / "scenes" / "banepa_drone").glob("OAM-*.tif")):
        _, column, row, zoom = tile.stem.split("-")
        corners = [*_map_tile_corner(int(column), int(row), int(zoom))]
        corners += _map_tile_corner(int(column) + 1, int(row) + 1, int(zoom))
        target = folder / f"{tile.stem}.vrt"
        gdal.Translate(str(target), str(tile), format="VRT", outputSRS="EPSG:4326", outputBounds=corners).FlushCache()
        placed.append(str(target))
    gdal.BuildVRT(str(folder / "banepa.vrt"), placed).FlushCache()
    return folder / "banepa.vrt"


def _map_tile_corner(column: int, row: int, zoom: int) -> tuple[float, float]:
    across, down = column / 2**zoom, row / 2**zoom
    return across * 360 - 180, float(np.degrees(np.arctan(np.sinh(np.pi * (1 - 2 * down)))))
