"""Which window of the raster each polygon is seen through.

Tiles come from a fixed pyramid: at level L one tile pixel is 2^L raster pixels, tiles are S×S pixels and neighbours
overlap by half. A polygon is seen at the level where it fills a quarter to a half of the tile, in the tile whose
centre is nearest to its own, so it always fits and many polygons share one picture.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Callable, TypeVar

from core_model.geo.source import Window

Item = TypeVar("Item")
Bounds = tuple[float, float, float, float]

# One raster pixel becomes at most 8×8 tile pixels: beyond that, enlarging shows nothing new.
MIN_LEVEL = -3


@dataclass(frozen=True, order=True)
class TileId:
    """A tile of the pyramid; ids sort by level, then row-major."""

    level: int
    row: int
    column: int


def choose_tile(
    bounds: Bounds, size: int, min_level: int = MIN_LEVEL, raster_size: tuple[int, int] | None = None
) -> TileId:
    """The tile of ``size`` pixels for a polygon with ``bounds`` (xmin, ymin, xmax, ymax) in raster pixels.

    With ``raster_size`` (width, height), and bounds clipped to it, tiles that would reach needlessly far beyond the
    raster's edge give way to their neighbour inside, which holds the polygon just as well.
    """
    x_min, y_min, x_max, y_max = bounds
    level = _level(max(x_max - x_min, y_max - y_min), size, min_level)
    half_step = size / 2 * 2.0**level
    width, height = raster_size or (None, None)
    column = _nearest((x_min + x_max) / 2, half_step, width)
    row = _nearest((y_min + y_max) / 2, half_step, height)
    return TileId(level, row, column)


def _level(longer: float, size: int, min_level: int) -> int:
    """The smallest level at which ``longer`` raster pixels take at most half the tile."""
    if longer <= 0:
        return min_level
    # frexp is exact where log2 rounds, so a side of exactly half the tile stays at its level.
    fraction, exponent = math.frexp(2 * longer / size)
    return max(min_level, exponent - 1 if fraction == 0.5 else exponent)


def _nearest(centre: float, half_step: float, limit: int | None) -> int:
    """The index of the tile whose middle is nearest to ``centre``, the later one of two equally near."""
    index = math.floor(centre / half_step - 0.5)
    if limit is None:
        return index
    last = max(0, math.ceil(limit / half_step) - 2)
    return min(max(index, 0), last)


def tile_window(tile: TileId, size: int) -> Window:
    """The raster pixels that ``tile`` of ``size`` tile pixels shows."""
    scale = 2.0**tile.level
    step = size / 2 * scale
    return Window(tile.column * step, tile.row * step, size * scale, size * scale)


def group_by_tile(items: Iterable[Item], tile_of: Callable[[Item], TileId]) -> list[tuple[TileId, list[Item]]]:
    """Items by tile, tiles in row-major order within each level, items of a tile in the order given."""
    groups: dict[TileId, list[Item]] = {}
    for item in items:
        groups.setdefault(tile_of(item), []).append(item)
    return sorted(groups.items(), key=lambda entry: entry[0])
