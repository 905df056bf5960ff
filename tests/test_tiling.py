"""The window each polygon is seen through."""

from __future__ import annotations

import numpy as np
import pytest

from core_model.geo.tiling import TileId, choose_tile, group_by_tile, tile_window

RASTER = (10000, 7000)


def _random_bounds(generator: np.random.Generator) -> tuple[float, float, float, float]:
    width, height = 10 ** generator.uniform(-2, 3.8, size=2)
    width, height = min(width, RASTER[0]), min(height, RASTER[1])
    x = generator.uniform(0, RASTER[0] - width)
    y = generator.uniform(0, RASTER[1] - height)
    return x, y, x + width, y + height


@pytest.mark.parametrize("raster_size", [None, RASTER])
@pytest.mark.parametrize("size", [224, 256, 333])
def test_every_polygon_fits_in_its_tile_at_the_designed_scale(size: int, raster_size: tuple[int, int]) -> None:
    generator = np.random.default_rng(1)
    for _ in range(2000):
        bounds = _random_bounds(generator)
        tile = choose_tile(bounds, size, raster_size=raster_size)
        window = tile_window(tile, size)
        slack = 1e-9 * RASTER[0]
        assert window.x <= bounds[0] + slack and bounds[2] <= window.x + window.width + slack
        assert window.y <= bounds[1] + slack and bounds[3] <= window.y + window.height + slack
        longer = max(bounds[2] - bounds[0], bounds[3] - bounds[1]) / 2.0**tile.level
        assert longer <= size / 2 * (1 + 1e-12)
        assert longer > size / 4 * (1 - 1e-12) or tile.level == -3


def test_a_side_of_exactly_a_quarter_goes_to_the_finer_level() -> None:
    assert choose_tile((0, 0, 64, 10), 256).level == -1
    assert choose_tile((0, 0, 64.001, 10), 256).level == 0
    assert choose_tile((0, 0, 128, 10), 256).level == 0
    assert choose_tile((0, 0, 128.001, 10), 256).level == 1


def test_tiny_and_empty_bounds_stop_at_the_finest_level() -> None:
    assert choose_tile((5, 5, 5.01, 5.01), 256).level == -3
    assert choose_tile((5, 5, 5, 5), 256).level == -3
    assert choose_tile((5, 5, 5.01, 5.01), 256, -1).level == -1


def test_window_scale_follows_the_level() -> None:
    window = tile_window(TileId(2, 3, 1), 256)
    assert (window.x, window.y, window.width, window.height) == (512, 1536, 1024, 1024)
    assert tile_window(TileId(-3, 0, 1), 256).x == 16


def test_tiles_do_not_reach_beyond_the_raster_without_need() -> None:
    assert choose_tile((0, 0, 100, 100), 256) == TileId(0, -1, -1)
    assert choose_tile((0, 0, 100, 100), 256, raster_size=(512, 512)) == TileId(0, 0, 0)
    assert choose_tile((412, 412, 512, 512), 256, raster_size=(512, 512)) == TileId(0, 2, 2)


def test_tile_is_the_one_with_the_nearest_centre_and_ties_are_settled() -> None:
    assert choose_tile((78, 78, 178, 178), 256) == TileId(0, 0, 0)
    assert choose_tile((142, 78, 242, 178), 256) == TileId(0, 0, 1)


def test_polygons_are_visited_tile_by_tile_in_row_major_order() -> None:
    tiles = [TileId(1, 0, 0), TileId(0, 1, 0), TileId(0, 0, 2), TileId(0, 1, 0)]
    groups = group_by_tile(range(4), lambda index: tiles[index])
    assert groups == [(TileId(0, 0, 2), [2]), (TileId(0, 1, 0), [1, 3]), (TileId(1, 0, 0), [0])]
