"""Which way a long region runs, from the second moments of its area: of a polygon on the ground, or of a mask.

It is known exactly, so a model need not be asked to see it; ``AquilaConfig.context`` may tell it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core_model.geo.geodesy import centroid

DIRECTIONS = ("east to west", "northeast to southwest", "north to south", "northwest to southeast")
# How many times as far a region reaches along as across, as deviations, to have a direction.
LONG = 2.0
# Masks of fewer pixels are too coarse to tell.
FEWEST_PIXELS = 60


def spread_of_rings(rings: Sequence[np.ndarray]) -> np.ndarray:
    """Covariance [2, 2] of the points inside oriented closed rings [n, 2], holes negative; zero if they hold nothing.

    Each edge makes a triangle with the centre, whose moments are known; orientation gives them their sign.
    """
    centre = centroid(rings, np.concatenate(rings).mean(axis=0))
    start = np.concatenate([ring[:-1] for ring in rings]) - centre
    end = np.concatenate([ring[1:] for ring in rings]) - centre
    twice = start[:, 0] * end[:, 1] - end[:, 0] * start[:, 1]
    area = float(twice.sum()) / 2
    reach = float(np.abs(start).max())
    if abs(area) <= 1e-9 * reach * reach:
        return np.zeros((2, 2))
    squares = sum(part.T @ (part * twice[:, None]) for part in (start, end, start + end))
    return np.asarray(squares / (24 * area))


def spread_of_mask(mask: np.ndarray) -> np.ndarray:
    """Covariance [2, 2] of the pixels of a mask bool [h, w] with some, x to the right and y up; each is a square."""
    rows, columns = np.nonzero(mask)
    return np.asarray(np.cov(np.stack([columns, -rows]).astype(np.float32), bias=True) + np.eye(2) / 12)


def axis(spread: np.ndarray) -> tuple[float, float]:
    """How many times as far it reaches along as across, and where its long axis points: degrees from x towards y."""
    (small, large), axes = np.linalg.eigh(spread)
    ratio = float(np.sqrt(large / small)) if small > 0 else float("inf" if large > 0 else "nan")
    return ratio, float(np.degrees(np.arctan2(axes[1, 1], axes[0, 1])))


def compass(angle: float) -> str:
    """The one of ``DIRECTIONS`` nearest to an axis, ``angle`` in degrees counterclockwise from east."""
    return DIRECTIONS[int((angle + 22.5) // 45) % 4]


def direction(spread: np.ndarray) -> str:
    """Which way a region runs, x being east and y north; "" where it is not long enough to run any way."""
    ratio, angle = axis(spread)
    return compass(angle) if ratio >= LONG else ""


def direction_of_mask(mask: np.ndarray) -> str:
    """``direction`` of a mask bool [h, w] on a picture whose top is north."""
    return direction(spread_of_mask(mask)) if np.count_nonzero(mask) >= FEWEST_PIXELS else ""
