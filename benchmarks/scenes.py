"""What the benchmarks look at: a mosaic of aerial imagery, and irregular polygons on it."""

from __future__ import annotations

import math
import os
from pathlib import Path

import numpy as np
from osgeo import gdal

from core_model.geo.raster import GdalRaster, ground_sample_distance, pixel_to_map
from core_model.geo.regions import Region

DATA = Path(os.environ.get("AQUILA_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
WIDTHS_M = (10, 40)
CORNERS = 9


def mosaic(folder: Path, path: Path) -> Path:
    """Twelve NAIP scenes side by side as one raster with red, green and blue."""
    scenes = sorted(folder.glob("*.tif"))[:12]
    if not scenes:
        raise SystemExit(f"no scenes in {folder}; give --raster, or set AQUILA_DATA to the data folder.")
    arrays = [gdal.Open(str(scene)).ReadAsArray()[:3] for scene in scenes]
    side = min(min(array.shape[1:]) for array in arrays)
    columns = min(4, len(arrays))
    rows = len(arrays) // columns
    first = gdal.Open(str(scenes[0]))
    target = gdal.GetDriverByName("GTiff").Create(
        str(path), columns * side, rows * side, 3, gdal.GDT_Byte, ["TILED=YES", "PHOTOMETRIC=RGB"]
    )
    target.SetGeoTransform(first.GetGeoTransform())
    target.SetProjection(first.GetProjection())
    for number, array in enumerate(arrays[: rows * columns]):
        x, y = number % columns * side, number // columns * side
        target.WriteArray(array[:, :side, :side], x, y)
    target.FlushCache()
    return path


def random_regions(raster: GdalRaster, count: int, seed: int) -> list[Region]:
    """Irregular polygons all over the raster."""
    rng = np.random.default_rng(seed)
    gsd = ground_sample_distance(raster, raster.width / 2, raster.height / 2)
    widest = min(raster.width, raster.height) / 4
    regions = []
    for number in range(count):
        reach = min(widest, rng.uniform(*WIDTHS_M) / 2 / (1.0 if math.isnan(gsd) else gsd))
        turns = np.sort(rng.uniform(0, 2 * math.pi, CORNERS))
        spokes = reach * rng.uniform(0.6, 1, CORNERS)
        centre = rng.uniform([reach, reach], [raster.width - reach, raster.height - reach])
        corners = centre + spokes[:, None] * np.stack([np.cos(turns), np.sin(turns)], axis=1)
        places = pixel_to_map(raster.transform, np.concatenate([corners, corners[:1]]))
        text = ", ".join(f"{x:.6f} {y:.6f}" for x, y in places)
        regions.append(Region.from_wkt(number, f"POLYGON (({text}))", raster.crs_wkt))
    return regions
