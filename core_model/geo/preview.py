"""What the model sees of one region: the picture and the mask, made without torch."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from core_model.geo.raster import Picture
from core_model.geo.regions import Placer, Region
from core_model.geo.tiling import tile_window


@dataclass(frozen=True, eq=False)
class Look:
    """A region as the model sees it: picture uint8 [S, S, 3] and mask float32 [S, S] in 0…1.

    ``gsd_m`` is metres per pixel of the picture; it and ``area_m2`` are nan where unknown. Where the region cannot be
    described, ``status`` says why; picture and mask are black if it is not even on the raster.
    """

    rgb: np.ndarray
    mask: np.ndarray
    gsd_m: float = math.nan
    status: str = ""
    area_m2: float = math.nan


def look(picture: Picture, region: Region, size: int) -> Look:
    """The picture of ``size`` pixels through which a region is seen, and its mask on that.

    A region that cannot be described gives a black picture, an empty mask and the status that says why.

    :raises RasterError: if the pixels cannot be read.
    """
    placer = Placer(picture.source, size)
    placed = placer.place(region)
    if placed.tile is None:
        empty = np.zeros((size, size), np.float32)
        return Look(np.zeros((size, size, 3), np.uint8), empty, status=placed.status, area_m2=placed.area_m2)
    window = tile_window(placed.tile, size)
    rgb, valid = picture.read(window, size)
    mask = placer.mask(placed, window, size)
    status = placed.seen_status(mask, valid)
    return Look(rgb, mask * valid, placed.gsd_m * 2.0**placed.tile.level, status, placed.area_m2)
