"""Areas and lengths on the WGS 84 ellipsoid, from longitudes and latitudes in degrees."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

SEMI_MAJOR_M = 6378137.0
FLATTENING = 1 / 298.257223563
_E2 = FLATTENING * (2 - FLATTENING)
_E = float(np.sqrt(_E2))
# Snyder's q at the pole: it scales the sphere that has the ellipsoid's surface.
_Q_POLE = 1 + (1 - _E2) / (2 * _E) * float(np.log((1 + _E) / (1 - _E)))
_AUTHALIC_RADIUS_M = SEMI_MAJOR_M * float(np.sqrt(_Q_POLE / 2))


def signed_area(ring: np.ndarray) -> float:
    """Area of a closed planar ring [n, 2] in its units squared, positive when counter-clockwise with y up."""
    # Relative to a vertex, so that large map coordinates do not swallow small areas.
    x, y = (ring - ring[0]).T
    return float(np.dot(x[:-1], y[1:]) - np.dot(x[1:], y[:-1])) / 2


def centroid(rings: Sequence[np.ndarray], middle: np.ndarray) -> np.ndarray:
    """Centre of gravity [2] of oriented closed rings [n, 2], ``middle`` if they enclose next to nothing."""
    total, moment = 0.0, np.zeros(2)
    for ring in rings:
        points = ring - middle
        cross = points[:-1, 0] * points[1:, 1] - points[1:, 0] * points[:-1, 1]
        total += float(cross.sum()) / 2
        moment += ((points[:-1] + points[1:]) * cross[:, None]).sum(axis=0) / 6
    reach = max(float(np.ptp(ring, axis=0).max()) for ring in rings)
    return middle if abs(total) <= 1e-9 * reach * reach else middle + moment / total


def authalic_sine(latitude: np.ndarray) -> np.ndarray:
    """Sine of the latitude (radians) on the sphere with the ellipsoid's surface."""
    sine = np.sin(latitude)
    scaled = _E * sine
    q = (1 - _E2) * (sine / (1 - scaled * scaled) + np.arctanh(scaled) / _E)
    return q / _Q_POLE


def equal_area(lonlat: np.ndarray, centre: tuple[float, float]) -> np.ndarray:
    """Longitudes and latitudes [n, 2] in metres of an equal-area projection about ``centre`` (degrees), [n, 2].

    Lambert azimuthal on the authalic sphere: areas are those on the ellipsoid, poles and date line included.
    """
    longitude, latitude = np.radians(lonlat).T
    sine = authalic_sine(latitude)
    cosine = np.sqrt(np.maximum(0.0, 1 - sine * sine))
    sine0 = float(authalic_sine(np.radians(centre[1])))
    cosine0 = float(np.sqrt(max(0.0, 1 - sine0 * sine0)))
    turn = longitude - np.radians(centre[0])
    along = cosine * np.cos(turn)
    scale = _AUTHALIC_RADIUS_M * np.sqrt(2 / np.maximum(1e-12, 1 + sine0 * sine + cosine0 * along))
    return np.column_stack([scale * cosine * np.sin(turn), scale * (cosine0 * sine - sine0 * along)])


def cylindrical(lonlat: np.ndarray) -> np.ndarray:
    """Longitudes and latitudes [n, 2] in metres of the cylindrical equal-area projection, [n, 2]."""
    longitude, latitude = np.radians(lonlat).T
    return _AUTHALIC_RADIUS_M * np.column_stack([longitude, authalic_sine(latitude)])


def _spans_half_the_globe(ring: np.ndarray) -> bool:
    """Whether a ring is too wide for the azimuthal projection, and not only cut by the date line."""
    longitude = ring[:, 0]
    return bool(np.ptp(longitude) > 180 and np.abs(np.diff(longitude)).max() < 180)


def _middle(ring: np.ndarray) -> tuple[float, float]:
    """The longitude and latitude (degrees) in the middle of a ring, which may jump over the date line."""
    longitude = np.degrees(np.unwrap(np.radians(ring[:, 0])))
    return float(longitude.min() + longitude.max()) / 2, float(ring[:, 1].min() + ring[:, 1].max()) / 2


def local_metres(longitude: np.ndarray, latitude: np.ndarray, at_latitude: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Small differences of longitude and latitude (degrees) as metres east and north at a latitude (degrees)."""
    at = np.radians(at_latitude)
    w2 = 1 - _E2 * np.sin(at) ** 2
    turn = np.radians((longitude + 180) % 360 - 180)
    east = SEMI_MAJOR_M / np.sqrt(w2) * np.cos(at) * turn
    north = SEMI_MAJOR_M * (1 - _E2) / w2**1.5 * np.radians(latitude)
    return east, north


def length(ring: np.ndarray) -> float:
    """Length in metres of a line of longitudes and latitudes [n, 2]; right to 1e-4 for edges up to 100 km."""
    steps = np.diff(ring, axis=0)
    east, north = local_metres(steps[:, 0], steps[:, 1], (ring[:-1, 1] + ring[1:, 1]) / 2)
    return float(np.hypot(east, north).sum())


def area_and_perimeter(rings: Sequence[np.ndarray]) -> tuple[float, float]:
    """Area (m²) and perimeter (m), holes included, of oriented rings [n, 2] in degrees."""
    # Each about itself: between two islands beside the date line their middle may be the far side of the globe.
    plane = [cylindrical(ring) if _spans_half_the_globe(ring) else equal_area(ring, _middle(ring)) for ring in rings]
    return abs(sum(signed_area(ring) for ring in plane)), sum(length(ring) for ring in rings)
