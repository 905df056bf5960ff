"""What the model sees, shown before a run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from core_model.geo.preview import look
from core_model.geo.raster import GdalRaster, Picture
from core_model.geo.regions import Region
from core_model.seeing import BatchSize, Seen, Walk
from tests.geo_helpers import write_raster
from tests.test_planning import square

SIZE = 128


@pytest.fixture()
def picture(tmp_path: Path) -> Picture:
    """Noise, 600 × 600 m, whose left fifth is nodata."""
    values = np.random.default_rng(0).integers(1, 255, (3, 600, 600)).astype(np.uint8)
    values[:, :, :120] = 0
    return Picture(GdalRaster(write_raster(tmp_path / "scene.tif", values, nodata=0)))


def test_the_preview_is_what_the_model_is_given(picture: Picture) -> None:
    regions = [square(1, 200, 200, 48), square(2, 300, 330, 9), square(3, 90, 400, 60), square(4, 130, 10, 450)]
    given: dict[object, Seen] = {}

    def keep(seen: Sequence[Seen]) -> list[object]:
        given.update({item.placed.id: item for item in seen})
        return list(seen)

    walk = Walk(size=SIZE, batch=BatchSize(8), work=keep, blank=lambda placed, status: status)
    assert len(list(walk.stream(picture, None, regions))) == 4
    for region in regions:
        shown, item = look(picture, region, SIZE), given[region.id]
        assert np.array_equal(shown.rgb, item.rgb) and np.array_equal(shown.mask, item.mask)
        assert shown.rgb.dtype == np.uint8 and shown.mask.dtype == np.float32
        assert shown.status == item.placed.status == "ok"


def test_sizes_are_those_of_the_picture_and_the_polygon(picture: Picture) -> None:
    shown = look(picture, square(1, 200, 200, 200), SIZE)
    assert shown.gsd_m == pytest.approx(4, rel=2e-3) and shown.area_m2 == pytest.approx(200**2, rel=2e-3)
    assert shown.mask.sum() * shown.gsd_m**2 == pytest.approx(200**2, rel=1e-2)


def test_only_what_is_data_is_marked(picture: Picture) -> None:
    shown = look(picture, square(1, 100, 300, 40), SIZE)
    assert shown.status == "ok" and shown.mask.sum() * shown.gsd_m**2 == pytest.approx(20 * 40, rel=2e-2)


def test_a_polygon_without_pixels_says_why(picture: Picture) -> None:
    hidden = look(picture, square(1, 20, 300, 30), SIZE)
    assert hidden.status == "no valid pixels" and not hidden.mask.any() and hidden.area_m2 > 0
    outside = look(picture, square(1, 5000, 300, 30), SIZE)
    assert outside.status == "outside raster" and outside.rgb.shape == (SIZE, SIZE, 3) and not outside.rgb.any()
    assert outside.area_m2 == pytest.approx(900, rel=2e-3) and math.isnan(outside.gsd_m)
    empty = look(picture, Region(1, b""), SIZE)
    assert empty.status == "invalid geometry" and math.isnan(empty.area_m2)
