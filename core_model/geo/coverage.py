"""How much of each pixel a polygon covers, computed exactly."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

# The least sum of a mask, in pixels: a polygon far below a pixel must still select the pixel it lies in.
MINIMUM_SUM = 0.01
_NOISE = 1e-9


def coverage(rings: Sequence[np.ndarray], size: int) -> np.ndarray:
    """Covered share of each pixel, float32 [size, size] in 0…1, of oriented closed rings [n, 2] in pixel units.

    Outer rings run one way and holes the other. Only the part inside the picture counts. A polygon with a place in
    the picture never comes out empty, however tiny it is.
    """
    mask = np.zeros((size, size), dtype=np.float32)
    points = np.concatenate(rings)
    x0, y0 = np.clip(np.floor(points.min(axis=0)), 0, size).astype(int)
    x1, y1 = np.clip(np.ceil(points.max(axis=0)), 0, size).astype(int)
    if x1 > x0 and y1 > y0:
        box = _cover_box([ring - (x0, y0) for ring in rings], int(x1 - x0), int(y1 - y0))
        mask[y0:y1, x0:x1] = box
    if mask.sum() < MINIMUM_SUM:
        _mark_one_pixel(mask, points)
    return mask


def _mark_one_pixel(mask: np.ndarray, points: np.ndarray) -> None:
    centre = (points.min(axis=0) + points.max(axis=0)) / 2
    column, row = np.floor(centre).astype(int)
    size = mask.shape[0]
    if -1 <= column <= size and -1 <= row <= size:
        mask[min(max(row, 0), size - 1), min(max(column, 0), size - 1)] += MINIMUM_SUM


def _cover_box(rings: Sequence[np.ndarray], width: int, height: int) -> np.ndarray:
    """Coverage [height, width]: each edge adds its height to the pixels on its right, summed along the rows."""
    starts = np.concatenate([ring[:-1] for ring in rings])
    ends = np.concatenate([ring[1:] for ring in rings])
    xa, ya, xb, yb = _split_at_pixels(starts, ends, width, height)
    middle_x, row = np.maximum((xa + xb) / 2, 0.0), np.floor((ya + yb) / 2)
    inside = (row >= 0) & (row < height) & (middle_x < width)
    middle_x, rise = middle_x[inside], (yb - ya)[inside]
    column = np.floor(middle_x)
    cell = (row[inside] * (width + 1) + column).astype(np.int64)
    right = rise * (middle_x - column)
    cells = height * (width + 1)
    total = np.bincount(cell, rise - right, cells) + np.bincount(cell + 1, right, cells + 1)[:cells]
    covered = np.abs(np.cumsum(total.reshape(height, width + 1)[:, :width], axis=1))
    covered[covered < _NOISE] = 0.0
    return np.minimum(covered, 1.0)


def _split_at_pixels(starts: np.ndarray, ends: np.ndarray, width: int, height: int) -> tuple[np.ndarray, ...]:
    """Edges cut at every pixel border inside the box, so that each piece lies within one pixel: xa, ya, xb, yb."""
    count = len(starts)
    edge_x, at_x = _crossings(starts[:, 0], ends[:, 0], width)
    edge_y, at_y = _crossings(starts[:, 1], ends[:, 1], height)
    every = np.arange(count)
    edge = np.concatenate([every, every, edge_x, edge_y])
    at = np.concatenate([np.zeros(count), np.ones(count), at_x, at_y])
    order = np.argsort(2.0 * edge + at)
    edge, at = edge[order], at[order]
    same = edge[1:] == edge[:-1]
    owner, first, last = edge[:-1][same], at[:-1][same], at[1:][same]
    origin, step = starts[owner], (ends - starts)[owner]
    pieces = origin + step * first[:, None], origin + step * last[:, None]
    return pieces[0][:, 0], pieces[0][:, 1], pieces[1][:, 0], pieces[1][:, 1]


def _crossings(start: np.ndarray, end: np.ndarray, limit: int) -> tuple[np.ndarray, np.ndarray]:
    """Edge numbers and positions 0…1 along them where edges cross the whole numbers 0…limit of one axis."""
    first = np.clip(np.ceil(np.minimum(start, end)), 0, limit + 1).astype(np.int64)
    last = np.clip(np.floor(np.maximum(start, end)), -1, limit).astype(np.int64)
    counts = np.where(start == end, 0, np.maximum(0, last - first + 1))
    edge = np.repeat(np.arange(len(start)), counts)
    within = np.arange(len(edge)) - np.repeat(np.cumsum(counts) - counts, counts)
    line = first[edge] + within
    return edge, np.clip((line - start[edge]) / (end - start)[edge], 0.0, 1.0)
