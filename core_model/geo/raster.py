"""The raster as the model sees it: uint8 RGB pictures of windows, and the ground size of a pixel.

>>> with GdalRaster("orthophoto.tif") as raster:  # doctest: +SKIP
...     rgb, valid = Picture(raster).read(Window(0, 0, 512, 512), 256)
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Hashable, Sequence

import numpy as np

from core_model.errors import RasterError
from core_model.geo.band_names import COLOURS, colours_by_name
from core_model.geo.gdal_calls import LONLAT, PointTransform
from core_model.geo.gdal_raster import GdalRaster
from core_model.geo.geodesy import local_metres
from core_model.geo.resample import resample
from core_model.geo.source import BandInfo, RasterSource, Window
from core_model.geo.stretch import Stretch, measure_stretch

__all__ = [
    "BandInfo",
    "GdalRaster",
    "Picture",
    "RasterSource",
    "Window",
    "choose_bands",
    "ground_sample_distance",
    "pixel_to_map",
    "pixel_size_metres",
]

# Half the baseline, in pixels, over which the size of a pixel is measured: long enough for centimetre pixels.
_BASELINE = 4.0
# Stretches of the rasters used last: measuring one takes longer than describing a polygon.
_MEASURED: OrderedDict[Hashable, Stretch] = OrderedDict()
_MOST_MEASURED = 32


class Picture:
    """Square uint8 RGB pictures of any window of a raster, stretched alike everywhere.

    The three bands are red, green and blue as the raster declares or names them, or the first three, or a single band
    shown as grey; ``bands`` (one or three 1-based numbers) overrides this.
    """

    def __init__(self, source: RasterSource, bands: Sequence[int] | None = None) -> None:
        """:raises RasterError: if ``bands`` do not fit the raster or its pixels cannot be read."""
        self.source = source
        self.bands = choose_bands(source, bands)
        self.stretch = _stretch(source, self.bands)

    @property
    def identity(self) -> Hashable | None:
        """A value that changes whenever a picture of a window may, ``None`` where that cannot be told."""
        source = self.source.identity
        return None if source is None else (type(self), source, self.bands, self.stretch)

    def read(self, window: Window, size: int) -> tuple[np.ndarray, np.ndarray]:
        """RGB uint8 [size, size, 3] and valid bool [size, size]; invalid pixels get the mean colour of the valid.

        :raises RasterError: if the pixels cannot be read.
        """
        values, valid = resample(self.source, window, (size, size), self.bands)
        planes = np.moveaxis(self.stretch.apply(np.where(valid, values, 0)), 0, -1)
        rgb = np.array(np.broadcast_to(planes, (size, size, 3)))
        if not valid.all():
            rgb[~valid] = rgb[valid].mean(axis=0).round() if valid.any() else 0
        return rgb, valid


def _stretch(source: RasterSource, bands: tuple[int, ...]) -> Stretch:
    """The stretch of a raster's bands, measured once where the raster can tell that it has not changed."""
    identity = source.identity
    found = _MEASURED.get((identity, bands)) if identity is not None else None
    if found is None:
        found = measure_stretch(source, bands)
        if identity is not None:
            _MEASURED[identity, bands] = found
            while len(_MEASURED) > _MOST_MEASURED:
                _MEASURED.popitem(last=False)
    return found


def choose_bands(source: RasterSource, bands: Sequence[int] | None = None) -> tuple[int, ...]:
    """The 1-based bands to show: those asked for, else red, green and blue, else the first three, else the first one.

    Red, green and blue go by the colours that the raster declares, else by its bands' names ("B04", "Red").

    :raises RasterError: if the raster does not have the bands asked for, or these are not one or three.
    """
    if bands is not None:
        return _check_bands(source, tuple(bands))
    colours = [info.colour for info in source.bands]
    if set(COLOURS) <= set(colours):
        return tuple(colours.index(colour) + 1 for colour in COLOURS)
    named = colours_by_name([info.description for info in source.bands])
    if named:
        return named
    shown = [index + 1 for index, colour in enumerate(colours) if colour != "alpha"] or [1]
    return tuple(shown[:3]) if len(shown) >= 3 else (shown[0],)


def _check_bands(source: RasterSource, bands: tuple[int, ...]) -> tuple[int, ...]:
    if len(bands) not in (1, 3):
        raise RasterError(f"{len(bands)} bands were asked for; give one (shown as grey) or three (red, green, blue).")
    count = len(source.bands)
    for band in bands:
        if not 1 <= band <= count:
            raise RasterError(f"band {band} was asked for, but {source.name} has bands 1 to {count}.")
    return bands


def pixel_to_map(transform: Sequence[float], points: np.ndarray) -> np.ndarray:
    """Map coordinates [n, 2] of pixel positions [n, 2] (columns, rows; 0, 0 is the corner of the first pixel)."""
    matrix = np.array([[transform[1], transform[2]], [transform[4], transform[5]]])
    return points @ matrix.T + (transform[0], transform[3])


def pixel_size_metres(lonlat: np.ndarray, baseline: float) -> float:
    """Side in metres of a pixel (the root of its area) from five places around it: middle, left, right, above, below.

    ``lonlat`` is [5, 2] in degrees, the outer four ``baseline`` pixels from the middle; nan if they have no place.
    """
    if not np.isfinite(lonlat).all():
        return math.nan
    steps = (lonlat[[2, 4]] - lonlat[[1, 3]]) / (2 * baseline)
    east, north = local_metres(steps[:, 0], steps[:, 1], lonlat[0, 1])
    return float(np.sqrt(abs(east[0] * north[1] - east[1] * north[0])))


def around(x: float, y: float) -> tuple[np.ndarray, float]:
    """The five pixel positions [5, 2] that ``pixel_size_metres`` wants around x, y, and their baseline."""
    offsets = np.array([[0, 0], [-1, 0], [1, 0], [0, -1], [0, 1]]) * _BASELINE
    return offsets + (x, y), _BASELINE


def ground_sample_distance(source: RasterSource, x: float, y: float) -> float:
    """Metres on the ground per pixel at a pixel position, nan if the raster has no CRS or no place on Earth there."""
    to_lonlat = PointTransform(source.crs_wkt, LONLAT)
    if not source.crs_wkt or not to_lonlat.usable:
        return math.nan
    places, baseline = around(x, y)
    return pixel_size_metres(to_lonlat(pixel_to_map(source.transform, places)), baseline)
