"""What Aquila needs of a raster, whoever reads it: GDAL here, a QGIS provider in the plugin."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np


@dataclass(frozen=True)
class Window:
    """A rectangle in raster pixels; it may reach outside the raster and may be fractional."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class BandInfo:
    """One band; ``colour`` is red, green, blue, gray, alpha or undefined, ``dtype`` a numpy name."""

    colour: str
    dtype: str
    nodata: float | None = None
    description: str = ""


class RasterSource(Protocol):
    """A raster that can be read anywhere at any scale, by one thread or, if it is ``thread_safe``, by several."""

    @property
    def name(self) -> str:
        """What a user calls it."""

    @property
    def width(self) -> int:
        """Columns."""

    @property
    def height(self) -> int:
        """Rows."""

    @property
    def transform(self) -> tuple[float, ...]:
        """GDAL's six geotransform numbers, pixel corners to map coordinates."""

    @property
    def crs_wkt(self) -> str:
        """The CRS as WKT, "" if there is none."""

    @property
    def bands(self) -> Sequence[BandInfo]:
        """The bands; band 1 is ``bands[0]``."""

    @property
    def thread_safe(self) -> bool:
        """Whether threads other than the one that opened it may read it."""

    @property
    def identity(self) -> Hashable | None:
        """A value that changes whenever a pixel may have changed, ``None`` where that cannot be told."""

    def read(self, window: Window, shape: tuple[int, int], bands: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
        """Nearest-neighbour samples [n, h, w] of 1-based ``bands`` at the centres of ``shape`` cells, and valid [h, w].

        Overviews serve where they are fine enough, so the cost does not grow with the raster. Samples outside the
        raster, masked, transparent, not finite, or nodata in every asked band, are not valid.

        :raises RasterError: if the pixels cannot be read.
        """
