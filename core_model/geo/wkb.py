"""Rings of OGR polygons as numpy arrays, read straight from their WKB: OGR's own point access is slow in Python."""

from __future__ import annotations

import struct

import numpy as np
from osgeo import ogr

LINE_STRING, _POLYGON, _MULTIPOLYGON = 2, 3, 6


def polygon_rings(geometry: ogr.Geometry) -> list[list[np.ndarray]]:
    """Closed rings float64 [n, 2] of each part of a flat, linear polygon or multipolygon, the outer ring first."""
    data = bytes(geometry.ExportToWkb(ogr.wkbNDR))
    kind, count = struct.unpack_from("<II", data, 1)
    if kind == _POLYGON:
        return [part for part in [_read_polygon(data, 0)[0]] if part]
    parts, offset = [], 9
    for _ in range(count if kind == _MULTIPOLYGON else 0):
        part, offset = _read_polygon(data, offset)
        if part:
            parts.append(part)
    return parts


def _read_polygon(data: bytes, offset: int) -> tuple[list[np.ndarray], int]:
    (rings,) = struct.unpack_from("<I", data, offset + 5)
    offset += 9
    found = []
    for _ in range(rings):
        (points,) = struct.unpack_from("<I", data, offset)
        ring = np.frombuffer(data, dtype="<f8", count=2 * points, offset=offset + 4).reshape(-1, 2)
        offset += 4 + 16 * points
        if points >= 4:
            found.append(ring)
    return found, offset


def to_wkb(parts: list[list[np.ndarray]]) -> bytes:
    """The WKB of a multipolygon from the rings of its parts."""
    pieces = [struct.pack("<BII", 1, _MULTIPOLYGON, len(parts))]
    for rings in parts:
        pieces.append(struct.pack("<BII", 1, _POLYGON, len(rings)))
        for ring in rings:
            pieces.append(struct.pack("<I", len(ring)))
            pieces.append(np.ascontiguousarray(ring, dtype="<f8").tobytes())
    return b"".join(pieces)
