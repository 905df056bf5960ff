"""Polygons in any CRS, as the user gave them, to their place on the raster: pixel rings, sizes on the ground, masks."""

from __future__ import annotations

import math
from collections.abc import Hashable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import numpy as np
from osgeo import ogr

from core_model.errors import RegionError
from core_model.form import NO_FORM, Form
from core_model.geo.coverage import coverage
from core_model.geo.gdal_calls import LONLAT, PointTransform, attempt
from core_model.geo.geodesy import area_and_perimeter, centroid, local_metres, signed_area
from core_model.geo.outline import form_of_rings
from core_model.geo.polygons import Parts, clip, densify, holds_a_pole, read_polygon, unwrap
from core_model.geo.raster import around, pixel_size_metres, pixel_to_map
from core_model.geo.source import RasterSource, Window
from core_model.geo.tiling import Bounds, TileId, choose_tile

# A polygon this far (pixels) beyond the raster's edge still counts as inside: digitised edges are not exact.
_EDGE_TOLERANCE = 0.01
# Straight edges may bend by this many pixels between two CRSs before they are cut into shorter ones.
_BEND_TOLERANCE = 0.1
_LONG_EDGE = 64.0
_MOST_CUTS = 256
# Sizes on the ground of anything wider than this many degrees are computed on edges cut this many times.
_WIDE_DEGREES, _WIDE_CUTS = 0.5, 32


class Status(str, Enum):
    """What became of a polygon, in the words written to the output; ``error_status`` makes the remaining kind."""

    OK = "ok"
    PARTLY_OUTSIDE = "partly outside"
    OUTSIDE = "outside raster"
    NO_VALID_PIXELS = "no valid pixels"
    INVALID = "invalid geometry"

    def __str__(self) -> str:
        return str(self.value)


def error_status(reason: str) -> str:
    """The status of a polygon that failed for a reason of its own: ``error: …`` in one line."""
    return "error: " + " ".join(reason.split())


@dataclass(frozen=True)
class Region:
    """A polygon as the user gave it: WKB (b"" for none) in a CRS given as WKT or "EPSG:…" ("" for the raster's)."""

    id: Hashable
    wkb: bytes
    crs_wkt: str = ""

    @classmethod
    def from_wkt(cls, id: Hashable, wkt: str, crs_wkt: str = "") -> Region:
        """A region from WKT.

        :raises RegionError: if the text is not WKT.
        """
        geometry, reason = attempt(ogr.CreateGeometryFromWkt, wkt)
        if geometry is None:
            raise RegionError(f"'{wkt[:60]}' is not a WKT geometry ({reason}); write POLYGON ((x y, x y, …)).")
        return cls(id, bytes(geometry.ExportToWkb()), crs_wkt)


@dataclass(frozen=True, eq=False)
class PlacedRegion:
    """A polygon on the raster; sizes are of the whole polygon, nan where unknown.

    ``status`` is a plain string. ``rings`` are closed float64 [n, 2] in raster pixels, outer rings of positive signed
    area (clockwise on screen) and holes negative. ``bounds`` (xmin, ymin, xmax, ymax in pixels) are clipped to the
    raster. ``tile`` is ``None``, and bounds and rings are empty, where the polygon cannot be described. ``form``
    is that of the polygon on the ground.
    """

    id: Hashable
    status: str
    rings: tuple[np.ndarray, ...] = field(default=(), repr=False)
    bounds: Bounds | None = None
    area_m2: float = math.nan
    perimeter_m: float = math.nan
    centroid_lonlat: tuple[float, float] = (math.nan, math.nan)
    gsd_m: float = math.nan
    tile: TileId | None = None
    form: Form = NO_FORM

    @property
    def can_be_described(self) -> bool:
        """Whether the polygon has pixels to look at."""
        return self.tile is not None

    def seen_status(self, mask: np.ndarray, valid: np.ndarray) -> str:
        """The status once the picture is read: ``no valid pixels`` if ``mask`` meets none of ``valid``, both [s, s]."""
        return self.status if bool((mask[valid] > 0).any()) else str(Status.NO_VALID_PIXELS)


class Placer:
    """Places regions on one raster and chooses the tile of ``size`` pixels for each; one object per thread."""

    def __init__(self, source: RasterSource, size: int) -> None:
        self._source = source
        self._size = size
        self._inverse = _inverse(source.transform)
        self._frame = (0.0, 0.0, float(source.width), float(source.height))
        middle = np.array([[source.width / 2, source.height / 2]])
        self._middle_x = float(pixel_to_map(source.transform, middle)[0, 0])
        self._to_raster: dict[str, PointTransform] = {}
        self._to_lonlat: dict[str, PointTransform] = {}

    def place(self, region: Region) -> PlacedRegion:
        """Where the region lies on the raster; never raises for a bad polygon, its ``status`` says what is wrong."""
        to_raster = self._transform_of(region.crs_wkt)
        if not to_raster.usable:
            return PlacedRegion(
                region.id, error_status("the polygon's coordinate system cannot be converted to the raster's")
            )
        parts = read_polygon(region.wkb)
        if isinstance(parts, str):
            kind = f"a {parts} cannot be described, only polygons; buffer it to a polygon first"
            return PlacedRegion(region.id, error_status(kind))
        if not parts:
            return PlacedRegion(region.id, str(Status.INVALID))
        pixels = self._to_pixels(parts, to_raster)
        if pixels is None:
            return PlacedRegion(
                region.id, error_status("the polygon reaches places that the raster's coordinate system does not have")
            )
        return self._measure(region, pixels)

    def mask(self, placed: PlacedRegion, window: Window, size: int) -> np.ndarray:
        """Covered share of each picture pixel, float32 [size, size] in 0…1, when ``window`` is shown at ``size``²."""
        scale = np.array([size / window.width, size / window.height])
        return coverage([(ring - (window.x, window.y)) * scale for ring in placed.rings], size)

    def _transform_of(self, crs_wkt: str) -> PointTransform:
        if crs_wkt not in self._to_raster:
            crs = self._source.crs_wkt
            self._to_raster[crs_wkt] = PointTransform(crs_wkt, crs)
            # A raster without CRS is taken to be in the polygon's.
            self._to_lonlat[crs_wkt] = PointTransform(crs or crs_wkt, LONLAT)
        return self._to_raster[crs_wkt]

    def _to_pixels(self, parts: Parts, to_raster: PointTransform) -> Parts | None:
        """Oriented rings in pixels, ``None`` if some point has no place in the raster's CRS."""
        if to_raster.source_is_geographic:
            parts = unwrap(parts)
        pixels = self._transform_rings(parts, to_raster)
        if pixels is None or to_raster.is_identity or _longest_edge(pixels) <= _LONG_EDGE:
            return pixels
        finer = self._transform_rings(densify(parts, 2), to_raster)
        bend = math.inf if finer is None else _bend(finer)
        if bend <= _BEND_TOLERANCE:
            return pixels
        # The bend of an edge falls with the square of the number of its pieces.
        pieces = min(_MOST_CUTS, 1 + math.sqrt(bend / _BEND_TOLERANCE))
        return self._transform_rings(densify(parts, math.ceil(pieces)), to_raster)

    def _transform_rings(self, parts: Parts, to_raster: PointTransform) -> Parts | None:
        placed = to_raster(np.concatenate([ring for part in parts for ring in part]))
        if not np.isfinite(placed).all():
            return None
        found = _regroup(placed, parts)
        if to_raster.target_is_geographic:
            if not to_raster.source_is_geographic and any(holds_a_pole(ring) for part in found for ring in part):
                return None
            found = [self._on_the_rasters_side(part) for part in unwrap(found)]
        origin, matrix = self._inverse
        return [[(ring - origin) @ matrix for ring in part] for part in found]

    def _on_the_rasters_side(self, part: list[np.ndarray]) -> list[np.ndarray]:
        """181° and -179° are one place: the one nearer to the raster's middle."""
        outer = part[0][:, 0]
        turns = round((self._middle_x - float(outer.min() + outer.max()) / 2) / 360)
        return [ring + (360.0 * turns, 0.0) for ring in part] if turns else part

    def _measure(self, region: Region, pixels: Parts) -> PlacedRegion:
        pixels = _oriented(pixels)
        rings = tuple(ring for part in pixels for ring in part)
        points = np.concatenate(rings)
        low, high = points.min(axis=0), points.max(axis=0)
        sizes = self._sizes(region, rings, (low + high) / 2)
        whole: Bounds = (float(low[0]), float(low[1]), float(high[0]), float(high[1]))
        bounds, status = self._clipped(pixels, whole)
        if bounds is None:
            return PlacedRegion(region.id, str(Status.OUTSIDE), **sizes)
        gsd = self._gsd(region.crs_wkt, (bounds[0] + bounds[2]) / 2, (bounds[1] + bounds[3]) / 2)
        tile = choose_tile(bounds, self._size, raster_size=(self._source.width, self._source.height))
        return PlacedRegion(region.id, str(status), rings, bounds, gsd_m=gsd, tile=tile, **sizes)

    def _clipped(self, pixels: Parts, whole: Bounds) -> tuple[Bounds | None, Status]:
        x0, y0, x1, y1 = self._frame
        if whole[2] <= x0 or whole[3] <= y0 or whole[0] >= x1 or whole[1] >= y1:
            return None, Status.OUTSIDE
        beyond = max(x0 - whole[0], y0 - whole[1], whole[2] - x1, whole[3] - y1)
        if beyond <= 0:
            return whole, Status.OK
        clipped = clip(pixels, self._frame)
        if clipped is None:
            return None, Status.OUTSIDE
        return clipped, Status.PARTLY_OUTSIDE if beyond > _EDGE_TOLERANCE else Status.OK

    def _sizes(self, region: Region, rings: tuple[np.ndarray, ...], middle: np.ndarray) -> dict[str, Any]:
        """Area, perimeter, centroid and form on the ground; without a CRS only the form, on the picture."""
        to_lonlat = self._to_lonlat[region.crs_wkt]
        if not (self._source.crs_wkt or region.crs_wkt) or not to_lonlat.usable:
            return {"form": form_of_rings([ring * (1.0, -1.0) for ring in rings])}
        centre = centroid(rings, middle)
        lonlat = to_lonlat(pixel_to_map(self._source.transform, np.concatenate([*rings, centre[None]])))
        if not np.isfinite(lonlat).all():
            return {}
        if np.ptp(lonlat, axis=0).max() > _WIDE_DEGREES:
            rings = tuple(densify([list(rings)], _WIDE_CUTS)[0])
            lonlat = to_lonlat(pixel_to_map(self._source.transform, np.concatenate([*rings, centre[None]])))
            if not np.isfinite(lonlat).all():
                return {}
        ground = _regroup(lonlat[:-1], [list(rings)])[0]
        place = (float(lonlat[-1, 0]), float(lonlat[-1, 1]))
        area, perimeter = area_and_perimeter(ground)
        return {
            "area_m2": area, "perimeter_m": perimeter, "centroid_lonlat": place,
            "form": _form_on_ground(ground, place)}

    def _gsd(self, crs_wkt: str, x: float, y: float) -> float:
        to_lonlat = self._to_lonlat[crs_wkt]
        if not (self._source.crs_wkt or crs_wkt) or not to_lonlat.usable:
            return math.nan
        places, baseline = around(x, y)
        return pixel_size_metres(to_lonlat(pixel_to_map(self._source.transform, places)), baseline)


def _inverse(transform: tuple[float, ...] | list[float]) -> tuple[np.ndarray, np.ndarray]:
    """Origin [2] and matrix [2, 2] with pixels = (map - origin) @ matrix."""
    forward = np.array([[transform[1], transform[2]], [transform[4], transform[5]]])
    return np.array([transform[0], transform[3]]), np.linalg.inv(forward).T


def _regroup(points: np.ndarray, like: Parts) -> Parts:
    """Points [n, 2] cut into parts and rings as long as those of ``like``."""
    grouped, start = [], 0
    for part in like:
        rings = []
        for ring in part:
            rings.append(points[start : start + len(ring)])
            start += len(ring)
        grouped.append(rings)
    return grouped


def _oriented(parts: Parts) -> Parts:
    """Outer rings with positive signed area and holes with negative, whatever they came with."""
    return [
        [ring if (signed_area(ring) > 0) == (index == 0) else ring[::-1] for index, ring in enumerate(part)]
        for part in parts
    ]


def _longest_edge(parts: Parts) -> float:
    return max(float(np.abs(np.diff(ring, axis=0)).max()) for part in parts for ring in part)


def _bend(parts: Parts) -> float:
    """How far (pixels) the middles of edges lie off the chord, for rings with one point added on each edge."""
    worst = 0.0
    for part in parts:
        for ring in part:
            chord = (ring[0:-2:2] + ring[2::2]) / 2
            off = np.abs(ring[1::2] - chord).max()
            worst = max(worst, float(off))
    return worst


def _form_on_ground(rings: list[np.ndarray], place: tuple[float, float]) -> Form:
    """The form of oriented rings [n, 2] of degrees about ``place``."""
    plane = []
    for ring in rings:
        longitude, latitude = (ring - place).T
        plane.append(np.column_stack(local_metres(longitude, latitude, np.array(place[1]))))
    return form_of_rings(plane)
