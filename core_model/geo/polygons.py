"""Polygons from WKB as plain rings: repaired, flat, straight-edged; and the few operations on them."""

from __future__ import annotations

import numpy as np
from osgeo import ogr

from core_model.geo.gdal_calls import attempt
from core_model.geo.wkb import polygon_rings, to_wkb

# The closed rings float64 [n, 2] of each part, the outer one first.
Parts = list[list[np.ndarray]]

_OTHER_KINDS = {
    ogr.wkbPoint: "point",
    ogr.wkbMultiPoint: "point",
    ogr.wkbLineString: "line",
    ogr.wkbMultiLineString: "line",
}
_AT_THE_POLE = 90 - 1e-6
POLYGON_TYPES = (ogr.wkbPolygon, ogr.wkbMultiPolygon)


def kind_of(geometry_type: int) -> str:
    """An OGR geometry type as "polygon", "point", "line" or "mixture", curves and Z or M included."""
    flat = ogr.GT_GetLinear(ogr.GT_Flatten(geometry_type))
    if flat in POLYGON_TYPES or ogr.GT_IsSubClassOf(flat, ogr.wkbSurface):
        return "polygon"
    return _OTHER_KINDS.get(flat, "mixture")


def read_polygon(wkb: bytes) -> Parts | str:
    """The polygon's parts, [] if nothing of it can be used, or "point" or "line" for what is no polygon at all."""
    if not wkb:
        return []
    geometry, _ = attempt(ogr.CreateGeometryFromWkb, wkb)
    if geometry is None or geometry.IsEmpty():
        return []
    kind = kind_of(geometry.GetGeometryType())
    if kind in ("point", "line"):
        return kind
    geometry = polygons_of(geometry)
    if geometry is None:
        return []
    parts = polygon_rings(geometry)
    if not parts or not all(np.isfinite(ring).all() for part in parts for ring in part):
        return []
    valid, _ = attempt(geometry.IsValid)
    return parts if valid else _repaired(geometry)


def polygons_of(geometry: ogr.Geometry) -> ogr.Geometry | None:
    """The polygons of a geometry, flat and without curves, ``None`` where it has none; changes the geometry."""
    if geometry.HasCurveGeometry():
        geometry, _ = attempt(geometry.GetLinearGeometry)
        if geometry is None:
            return None
    geometry.FlattenTo2D()
    geometry.CloseRings()
    if geometry.GetGeometryType() in POLYGON_TYPES:
        return geometry
    collected = ogr.Geometry(ogr.wkbMultiPolygon)
    _collect(geometry, collected)
    return None if collected.IsEmpty() else collected


def _collect(geometry: ogr.Geometry, into: ogr.Geometry) -> None:
    if ogr.GT_Flatten(geometry.GetGeometryType()) == ogr.wkbPolygon:
        into.AddGeometry(geometry)
        return
    if ogr.GT_Flatten(geometry.GetGeometryType()) == ogr.wkbTriangle:
        into.AddGeometry(ogr.ForceToPolygon(geometry.Clone()))
        return
    for index in range(geometry.GetGeometryCount()):
        part = geometry.GetGeometryRef(index)
        if part is not None and not part.IsEmpty() and kind_of(part.GetGeometryType()) not in ("point", "line"):
            _collect(part, into)


def _repaired(geometry: ogr.Geometry) -> Parts:
    # Overlapping parts count once with this method; GEOS before 3.10 only has the other one.
    mended, _ = attempt(geometry.MakeValid, ["METHOD=STRUCTURE"])
    if mended is None:
        mended, _ = attempt(geometry.MakeValid)
    if mended is None or mended.IsEmpty() or kind_of(mended.GetGeometryType()) in ("point", "line"):
        return []
    polygons = polygons_of(mended)
    return [] if polygons is None or polygons.GetArea() == 0 else polygon_rings(polygons)


def unwrap(parts: Parts) -> Parts:
    """Rings in degrees that jump over the date line, moved to run on beyond 180°, and holes with the ring around."""
    return [_with_its_holes([_unwrap_ring(ring) for ring in part]) for part in parts]


def _with_its_holes(part: list[np.ndarray]) -> list[np.ndarray]:
    middles = [float(ring[:, 0].min() + ring[:, 0].max()) / 2 for ring in part]
    return [ring + (360.0 * round((middles[0] - middle) / 360), 0.0) for ring, middle in zip(part, middles)]


def _unwrap_ring(ring: np.ndarray) -> np.ndarray:
    longitude = ring[:, 0]
    if np.ptp(longitude) <= 180:
        return ring
    moved = np.where(longitude < 0, longitude + 360, longitude)
    # A ring round the whole world stays as it is: moved, it would be as wide or shrink to a line.
    return np.column_stack([moved, ring[:, 1]]) if 0 < np.ptp(moved) < 180 else ring


def holds_a_pole(ring: np.ndarray) -> bool:
    """Whether a ring in degrees runs once round a pole without going there: in degrees it is a line and no area."""
    turns = (np.diff(ring[:, 0]) + 180) % 360 - 180
    turns[turns == -180] = 0  # half a turn goes neither way
    return bool(abs(turns.sum()) > 180 and np.abs(ring[:, 1]).max() < _AT_THE_POLE)


def densify(parts: Parts, pieces: int) -> Parts:
    """The same rings with every edge cut into ``pieces`` equal ones."""
    return [[_densify_ring(ring, pieces) for ring in part] for part in parts]


def _densify_ring(ring: np.ndarray, pieces: int) -> np.ndarray:
    shares = (np.arange(pieces) / pieces)[None, :, None]
    cut = ring[:-1, None] + np.diff(ring, axis=0)[:, None] * shares
    return np.concatenate([cut.reshape(-1, 2), ring[-1:]])


def clip(parts: Parts, frame: tuple[float, float, float, float]) -> tuple[float, float, float, float] | None:
    """Bounds of what lies inside ``frame`` (both xmin, ymin, xmax, ymax), ``None`` if nothing does."""
    x0, y0, x1, y1 = frame
    corners = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1], [x0, y0]])
    polygon = ogr.CreateGeometryFromWkb(to_wkb(parts))
    shared, _ = attempt(polygon.Intersection, ogr.CreateGeometryFromWkb(to_wkb([[corners]])))
    if shared is None:
        # No clean intersection to be had: the rectangle round the polygon must do.
        points = np.concatenate([ring for part in parts for ring in part])
        (low_x, low_y), (high_x, high_y) = points.min(axis=0), points.max(axis=0)
        return max(low_x, x0), max(low_y, y0), min(high_x, x1), min(high_y, y1)
    if shared.IsEmpty() or shared.GetArea() == 0:
        return None
    low_x, high_x, low_y, high_y = shared.GetEnvelope()
    return max(low_x, x0), max(low_y, y0), min(high_x, x1), min(high_y, y1)
