"""Pictures of a window at any scale from nearest-neighbour reads, with invalid pixels left out of every mean."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from core_model.geo.source import RasterSource, Window

# Samples per picture pixel and axis when reducing: exact up to level 2, and memory stays bounded beyond.
MAX_OVERSAMPLING = 4


def resample(
    source: RasterSource, window: Window, shape: tuple[int, int], bands: Sequence[int]
) -> tuple[np.ndarray, np.ndarray]:
    """Values float32 [n, h, w] and valid bool [h, w] of a window: means when reducing, bilinear when enlarging."""
    steps = window.height / shape[0], window.width / shape[1]
    if min(steps) < 1:
        return _enlarge(source, window, shape, bands)
    down, across = (min(MAX_OVERSAMPLING, max(1, round(step))) for step in steps)
    values, valid = source.read(window, (shape[0] * down, shape[1] * across), bands)
    return _block_mean(values, valid, down, across)


def _block_mean(values: np.ndarray, valid: np.ndarray, down: int, across: int) -> tuple[np.ndarray, np.ndarray]:
    if down == across == 1:
        return values.astype(np.float32), valid
    shape = valid.shape[0] // down, valid.shape[1] // across
    total = np.zeros((len(values), *shape), dtype=np.float32)
    weight = np.zeros(shape, dtype=np.float32)
    # A sum over strided views: no float copy of the oversampled block is ever made.
    for i in range(down):
        for j in range(across):
            good = valid[i::down, j::across]
            total += np.where(good, values[:, i::down, j::across], 0)
            weight += good
    return total / np.maximum(weight, 1), weight * 2 >= down * across


def _enlarge(
    source: RasterSource, window: Window, shape: tuple[int, int], bands: Sequence[int]
) -> tuple[np.ndarray, np.ndarray]:
    x0, y0 = math.floor(window.x) - 1, math.floor(window.y) - 1
    width = math.ceil(window.x + window.width) + 1 - x0
    height = math.ceil(window.y + window.height) + 1 - y0
    values, valid = source.read(Window(x0, y0, width, height), (height, width), bands)
    # Plain steps, no matrix products: their threads would stand in the way of those that run the network.
    parts = np.concatenate([np.where(valid, values, 0), valid[None]]).astype(np.float32)
    down = _between(parts, window.y - y0, window.height, shape[0])
    # Columns are drawn out as rows, since whole rows are quickly copied.
    found = _between(down.swapaxes(1, 2), window.x - x0, window.width, shape[1]).swapaxes(1, 2)
    total, weight = found[:-1], found[-1]
    seen = weight > 0.5 - 1e-4
    return total / np.where(seen, weight, 1), seen


def _between(values: np.ndarray, start: float, length: float, count: int) -> np.ndarray:
    """Values [n, h, w] at ``count`` evenly spaced places along h, each between its two neighbours: [n, count, w]."""
    at = start + (np.arange(count) + 0.5) * (length / count) - 0.5
    above = np.clip(np.floor(at).astype(np.int64), 0, values.shape[1] - 2)
    share = (at - above).astype(np.float32)[:, None]
    values = np.ascontiguousarray(values)
    return values[:, above] * (1 - share) + values[:, above + 1] * share
