"""Counting the work of a run without doing any of it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from core_model.description import Plan
from core_model.geo.planning import plan
from core_model.geo.raster import GdalRaster
from core_model.geo.regions import Region
from core_model.geo.source import Window
from tests.conftest import REPOSITORY
from tests.geo_helpers import write_raster

CRS = "EPSG:32633"
WEST, NORTH = 500000.0, 5800000.0


def square(id: int, x: float, y: float, side: float) -> Region:
    corners = [(x, y), (x + side, y), (x + side, y + side), (x, y + side), (x, y)]
    return Region.from_wkt(id, "POLYGON((" + ",".join(f"{WEST + a} {NORTH - b}" for a, b in corners) + "))", CRS)


@pytest.fixture()
def source(tmp_path: Path) -> GdalRaster:
    return GdalRaster(write_raster(tmp_path / "scene.tif", np.ones((3, 1000, 1000), np.uint8)))


def test_polygons_on_the_raster_and_their_tiles_are_counted(source: GdalRaster) -> None:
    near = [square(1, 100, 100, 40), square(2, 110, 100, 40), square(3, 105, 120, 40)]
    far = [square(4, 800, 800, 40)]
    large = [square(5, 100, 100, 400)]
    bad = [square(6, 2000, 0, 10), Region(7, b"")]
    assert plan(source, near, 128) == Plan(3, 3, 1)
    assert plan(source, [*near, *far, *large, *bad], 128) == Plan(7, 5, 3)
    assert plan(source, [], 128) == Plan(0, 0, 0)


def test_no_pixels_are_read(source: GdalRaster, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(window: Window, shape: tuple[int, int], bands: list[int]) -> None:
        raise AssertionError("pixels were read")

    monkeypatch.setattr(source, "read", refuse)
    assert plan(source, iter([square(1, 5, 5, 50)]), 256).tiles == 1


@pytest.mark.parametrize("module", ["core_model.geo.planning", "core_model.geo.preview"])
def test_torch_is_not_needed(module: str) -> None:
    code = f"import sys; sys.modules['torch'] = None; import {module}"
    subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, check=True)
