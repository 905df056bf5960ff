"""The scenes that docs/training.md adapts a model to, made of the public data."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

from osgeo import gdal, ogr

from core_model.geo.gdal_raster import GdalRaster
from core_model.geo.regions import Placer
from core_model.geo.vector import open_layer
from training.data.sources import dubai
from training.data.vocabulary import CATEGORIES

REPOSITORY = Path(__file__).resolve().parent.parent
SIZE = 256


def _made(data: Path, out: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "examples/labelled_scenes.py", "--data", str(data), "--out", str(out)]
    return subprocess.run(command, cwd=REPOSITORY, env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
                          capture_output=True, text=True, check=False)


def test_both_scenes_are_made(shared_data: Path, tmp_path: Path) -> None:
    """Buildings fall on the mosaic, and every piece of a class lies on pixels that the masks give that class."""
    done = _made(shared_data, tmp_path)
    assert done.returncode == 0, done.stderr
    with GdalRaster(tmp_path / "banepa.vrt") as raster, open_layer(str(tmp_path / "banepa.geojson")) as layer:
        placer = Placer(raster, SIZE)
        statuses = Counter(placer.place(feature.region).status for feature in layer)
        assert (raster.width, raster.height) == (6 * 512, 8 * 512) and statuses["ok"] > 0.9 * sum(statuses.values())
    pictures = {scene.name: scene for scene in dubai(shared_data, "test")}
    first = pictures["tile2-image_part_001"].categories
    made = gdal.Open(str(tmp_path / "dubai.tif")).ReadAsArray().transpose(1, 2, 0)
    height, width = made.shape[0] // 3, made.shape[1] // 3
    for number in range(9):
        top, left = number // 3 * height, number % 3 * width
        picture = pictures[f"tile2-image_part_{number + 1:03}"].pixels[:height, :width]
        assert (made[top : top + height, left : left + width] == picture).all()
    with open_layer(str(tmp_path / "dubai.gpkg")) as layer:
        pieces = [(feature.attributes["cover"], ogr.CreateGeometryFromWkb(feature.region.wkb)) for feature in layer]
    assert {cover for cover, _ in pieces} == {"building", "land", "road", "vegetation", "water"}
    inside = [(cover, geometry.PointOnSurface()) for cover, geometry in pieces]
    places = [(cover, int(-(point.GetY() - 2_780_000)), int(point.GetX() - 330_000)) for cover, point in inside]
    known = [(cover, CATEGORIES[first[row, column]].key) for cover, row, column in places
             if row < first.shape[0] and column < first.shape[1]]
    assert len(known) > 50 and all(cover == key for cover, key in known)


def test_a_folder_without_the_data_is_named(tmp_path: Path) -> None:
    """One sentence, with the option that helps."""
    done = _made(tmp_path / "nothing", tmp_path / "out")
    assert done.returncode == 1 and "--data" in done.stderr and "Traceback" not in done.stderr
