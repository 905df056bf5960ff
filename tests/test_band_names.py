"""Red, green and blue by what bands are called."""

from __future__ import annotations

from pathlib import Path
from typing import Sequence

import numpy as np
import pytest
from osgeo import gdal

from core_model.geo.band_names import colours_by_name
from core_model.geo.raster import GdalRaster, Picture
from tests.geo_helpers import write_raster

RGB = (gdal.GCI_RedBand, gdal.GCI_GreenBand, gdal.GCI_BlueBand)
SENTINEL_2 = ["B1", "B2", "B3", "B4", "B5", "B6", "B7", "B8", "B8A", "B9", "B11", "B12"]


@pytest.mark.parametrize(("names", "expected"), [
    (SENTINEL_2, (4, 3, 2)),
    (["B02", "B03", "B04", "B08"], (3, 2, 1)),
    (["B04 (665 nm)", "B03 (560 nm)", "B02 (490 nm)"], (1, 2, 3)),
    (["SR_B1", "SR_B2", "SR_B3", "SR_B4", "SR_B5", "SR_B6", "SR_B7", "ST_B10"], (4, 3, 2)),
    (["SR_B1", "SR_B2", "SR_B3", "SR_B4", "SR_B5", "SR_B7", "ST_B6"], (3, 2, 1)),
    (["B1", "B2", "B3", "B4", "B5", "B7"], (3, 2, 1)),
    (["SR_B2", "SR_B3", "SR_B4"], (3, 2, 1)),
    (["coastal_blue", "blue", "green_i", "green", "yellow", "red", "rededge", "nir"], ()),
    (["Coastal Blue", "Blue", "Green", "Red", "Red Edge", "NIR"], (4, 3, 2)),
    (["blue", "green", "red", "nir"], (3, 2, 1)),
    (["Red reflectance", "Green reflectance", "Blue reflectance"], (1, 2, 3)),
    (["Band 1", "Band 2", "Band 3", "Band 4"], ()),
    (["B1", "B2", "B3", "B4"], ()),
    (["B2", "B3", "B4", "B4 of another day"], ()),
    (["infrared", "red", "green"], ()),
    (["", "", ""], ()),
    ([], ()),
])
def test_names_tell_red_green_and_blue(names: Sequence[str], expected: Sequence[int]) -> None:
    assert colours_by_name(names) == tuple(expected)


def _stack(path: Path, names: Sequence[str], colours: Sequence[int] = ()) -> GdalRaster:
    values = np.arange(len(names) * 64, dtype=np.uint16).reshape(len(names), 8, 8)
    write_raster(path, values, colours=colours)
    dataset = gdal.Open(str(path), gdal.GA_Update)
    for number, name in enumerate(names, 1):
        dataset.GetRasterBand(number).SetDescription(name)
    dataset.FlushCache()
    return GdalRaster(path)


def test_a_sentinel_2_export_is_shown_in_natural_colours(tmp_path: Path) -> None:
    with _stack(tmp_path / "s2.tif", SENTINEL_2) as raster:
        assert Picture(raster).bands == (4, 3, 2)
        assert Picture(raster, [8, 4, 3]).bands == (8, 4, 3)


def test_declared_colours_outweigh_names(tmp_path: Path) -> None:
    with _stack(tmp_path / "declared.tif", ["blue", "green", "red"], RGB) as raster:
        assert Picture(raster).bands == (1, 2, 3)
