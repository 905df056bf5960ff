"""A place on the raster without a polygon: the circle around it."""

from __future__ import annotations

import math
from collections.abc import Hashable

import numpy as np
from osgeo import ogr

from core_model.errors import RegionError
from core_model.geo.gdal_calls import PointTransform
from core_model.geo.raster import ground_sample_distance, pixel_to_map
from core_model.geo.regions import Region
from core_model.geo.source import RasterSource

# The radius, in raster pixels, of a circle nobody gave a size.
DEFAULT_RADIUS_PIXELS = 12.0
_CORNERS = 48


def circle(
    source: RasterSource, id: Hashable, point: tuple[float, float], *, crs: str = "", radius_m: float | None = None
) -> Region:
    """The region around ``point`` (x, y in ``crs``, "" for the raster's), ``radius_m`` metres wide.

    Without ``radius_m`` it is 12 raster pixels wide.

    :raises RegionError: if the point has no place in the raster's CRS, metres mean nothing there, or it is no radius.
    """
    if radius_m is not None and not 0 < radius_m < math.inf:
        raise RegionError(f"the radius is {radius_m:g}; give it in metres, more than 0.")
    transform = PointTransform(crs, source.crs_wkt)
    placed = transform(np.array([point])) if transform.usable else np.full((1, 2), np.inf)
    if not np.isfinite(placed).all():
        raise RegionError(f"the point {point[0]}, {point[1]} cannot be placed on {source.name}; check it and its CRS.")
    a, b, d, e = (source.transform[index] for index in (1, 2, 4, 5))
    x, y = np.linalg.solve(np.array([[a, b], [d, e]]), placed[0] - (source.transform[0], source.transform[3]))
    radius = DEFAULT_RADIUS_PIXELS
    if radius_m is not None:
        radius = radius_m / ground_sample_distance(source, float(x), float(y))
        if not radius > 0:
            raise RegionError(f"{source.name} has no CRS or no ground there, so metres mean nothing; leave the radius.")
    turns = np.linspace(0, 2 * np.pi, _CORNERS + 1)
    corners = pixel_to_map(source.transform, np.column_stack([x + radius * np.cos(turns), y + radius * np.sin(turns)]))
    ring = ogr.Geometry(ogr.wkbLinearRing)
    for east, north in corners.tolist():
        ring.AddPoint_2D(east, north)
    ring.CloseRings()
    polygon = ogr.Geometry(ogr.wkbPolygon)
    polygon.AddGeometry(ring)
    return Region(id, bytes(polygon.ExportToWkb()), source.crs_wkt)
