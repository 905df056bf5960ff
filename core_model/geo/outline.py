"""Measures the form of a region, a polygon on the ground or a mask: its shape, and which way it runs."""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from osgeo import ogr

from core_model.form import DIRECTIONS, NO_FORM, Form
from core_model.geo.geodesy import centroid, signed_area
from core_model.geo.wkb import LINE_STRING, polygon_rings

# How many times as far a region reaches along as across, as deviations, to have a direction.
LONG = 2.0
# Masks of fewer pixels are too coarse to tell.
FEWEST_PIXELS = 60


@dataclass(frozen=True)
class Outline:
    """What forms are told by, nan for a region without area.

    ``ratio`` is how many times as far it reaches along as across, ``angle`` where its long axis points (degrees from
    east towards north), ``solidity`` its share of its convex hull, ``fill`` that of the smallest turned box around it.
    ``roundness`` is its area over that of the ellipse with its moments: of ellipses 1, of boxes 0.95, triangles 0.83.
    """

    ratio: float
    angle: float
    solidity: float
    fill: float
    roundness: float

    def form(self) -> Form:
        """Shape, and direction if it is long."""
        if not math.isfinite(self.solidity):
            return NO_FORM
        return Form(shape_term(self), compass(self.angle) if self.ratio >= LONG else "")


def shape_term(outline: Outline) -> str:
    """The one of ``core_model.form.SHAPES`` that fits best."""
    if outline.ratio >= LONG and outline.solidity >= 0.55:
        return "elongated"
    if outline.solidity < 0.8:
        return "irregular"
    if outline.fill >= 0.88:
        return "square" if outline.ratio < 1.15 else "rectangular"
    return "round" if outline.ratio < 1.25 and outline.solidity >= 0.93 and outline.roundness >= 0.975 else "compact"


def compass(angle: float) -> str:
    """The one of ``DIRECTIONS`` nearest to an axis, ``angle`` in degrees counterclockwise from east."""
    return DIRECTIONS[int((angle + 22.5) // 45) % 4]


def form_of_rings(rings: Sequence[np.ndarray]) -> Form:
    """The form of what closed rings [n, 2] hold, x to the east and y to the north; holes turn the other way."""
    return _outline(*_moments(rings), np.concatenate(rings)).form()


def form_of_mask(mask: np.ndarray) -> Form:
    """The form of a mask bool [h, w] on a picture whose top is north; none if it has too few pixels."""
    return outline_of_mask(mask).form() if np.count_nonzero(mask) >= FEWEST_PIXELS else NO_FORM


def outline_of_mask(mask: np.ndarray) -> Outline:
    """The outline of a mask bool [h, w] with some pixels, each of them a square."""
    rows, columns = np.nonzero(mask)
    spread = np.cov(np.stack([columns, -rows]).astype(np.float32), bias=True) + np.eye(2) / 12
    filled = np.flatnonzero(mask.any(axis=1))
    left, right = mask[filled].argmax(axis=1), mask.shape[1] - mask[filled, ::-1].argmax(axis=1)
    edges = np.concatenate([filled, filled + 1])
    corners = np.column_stack([np.concatenate([left, left, right, right]), -np.tile(edges, 2)])
    return _outline(len(rows), spread, corners.astype(float))


def _outline(area: float, spread: np.ndarray, points: np.ndarray) -> Outline:
    """The outline of a region within the convex hull of points [n, 2]; ``spread`` is its covariance [2, 2]."""
    hull, ((small, large), axes) = _hull(points), np.linalg.eigh(spread)
    if len(hull) < 4 or small <= 0:
        return Outline(*(math.nan,) * 5)
    edges = np.diff(hull, axis=0)
    edges = edges / np.linalg.norm(edges, axis=1, keepdims=True)
    along, across = hull @ edges.T, hull @ np.stack([-edges[:, 1], edges[:, 0]])
    box = float((np.ptp(along, axis=0) * np.ptp(across, axis=0)).min())
    angle = math.degrees(math.atan2(axes[1, 1], axes[0, 1]))
    ellipse = 4 * math.pi * math.sqrt(small * large)
    return Outline(math.sqrt(large / small), angle, area / abs(signed_area(hull)), area / box, area / ellipse)


def _hull(points: np.ndarray) -> np.ndarray:
    """The closed convex hull [m, 2] of points [n, 2]; empty if they lie on one line."""
    head = struct.pack("<BII", 1, LINE_STRING, len(points))
    line = ogr.CreateGeometryFromWkb(head + np.ascontiguousarray(points, dtype="<f8").tobytes())
    parts = polygon_rings(line.ConvexHull())
    return parts[0][0] if parts else np.empty((0, 2))


def _moments(rings: Sequence[np.ndarray]) -> tuple[float, np.ndarray]:
    """Area and covariance [2, 2] of what oriented closed rings [n, 2] hold; zeros if that is nothing.

    Each edge makes a triangle with the centre, whose moments are known; orientation gives them their sign.
    """
    centre = centroid(rings, np.concatenate(rings).mean(axis=0))
    start = np.concatenate([ring[:-1] for ring in rings]) - centre
    end = np.concatenate([ring[1:] for ring in rings]) - centre
    twice = start[:, 0] * end[:, 1] - end[:, 0] * start[:, 1]
    area = float(twice.sum()) / 2
    reach = float(np.abs(start).max())
    if abs(area) <= 1e-9 * reach * reach:
        return 0.0, np.zeros((2, 2))
    squares = sum(part.T @ (part * twice[:, None]) for part in (start, end, start + end))
    return abs(area), np.asarray(squares / (24 * area))
