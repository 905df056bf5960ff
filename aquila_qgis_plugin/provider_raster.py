"""A raster that QGIS reads, as a ``RasterSource``: web maps, coverage services, databases, virtual rasters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Optional, Tuple

import numpy as np
from qgis.core import QgsRasterBlock, QgsRasterBlockFeedback, QgsRectangle

from aquila_qgis_plugin.cancelled import CancelledError
from aquila_qgis_plugin.compat import number_of
from aquila_qgis_plugin.provider_copy import ARGB32_PREMULTIPLIED, DTYPES, ProviderCopy
from aquila_qgis_plugin.translation import tr
from core_model.errors import RasterError
from core_model.geo.raster import Picture, choose_bands
from core_model.geo.source import BandInfo, Window
from core_model.geo.stretch import Stretch

# Up to so many pixels are read as they are and sampled here; beyond, the provider is asked for the samples.
_MOST_PIXELS = 2048 * 2048
_FULL = 255.0


class ProviderRaster:
    """Reads through a copied provider; implements ``RasterSource``.

    Pixels that are drawn (web maps, layers as displayed) appear as red, green and blue, valid where they are not
    fully transparent.
    """

    # A provider reads in the thread it was handed to, and does not say when its service or database has changed.
    thread_safe, identity = False, None

    def __init__(self, copied: ProviderCopy, feedback: Optional[QgsRasterBlockFeedback] = None) -> None:
        self._copy = copied
        self._feedback = feedback or QgsRasterBlockFeedback()
        self.name = copied.name
        self.width, self.height = copied.width, copied.height
        self.transform = copied.transform
        self.crs_wkt = copied.crs
        self.bands: Sequence[BandInfo] = copied.bands

    def __enter__(self) -> ProviderRaster:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Nothing to let go of: the copied provider goes with the request it was made for."""

    def read(self, window: Window, shape: Tuple[int, int], bands: Sequence[int]) -> Tuple[np.ndarray, np.ndarray]:
        """See ``RasterSource.read``; raises ``CancelledError`` where the feedback was cancelled meanwhile."""
        rows = _Centres.inside(window.y, window.height / shape[0], shape[0], self.height)
        columns = _Centres.inside(window.x, window.width / shape[1], shape[1], self.width)
        valid = np.zeros(shape, dtype=bool)
        if not len(rows.at) or not len(columns.at):
            return np.zeros((len(bands), *shape), dtype=self.bands[bands[0] - 1].dtype), valid
        found, good = self._sample(rows, columns, bands)
        values = np.zeros((len(bands), *shape), dtype=found.dtype)
        values[:, rows.cells, columns.cells], valid[rows.cells, columns.cells] = found, good
        return values, valid

    def _sample(self, rows: _Centres, columns: _Centres, bands: Sequence[int]) -> Tuple[np.ndarray, np.ndarray]:
        """Values [n, r, c] and valid [r, c] at the centres of cells inside the raster."""
        top, bottom = int(rows.at[0]), int(rows.at[-1]) + 1
        left, right = int(columns.at[0]), int(columns.at[-1]) + 1
        if self._copy.is_web or (bottom - top) * (right - left) > _MOST_PIXELS:
            (above, below), (before, beyond) = rows.reach, columns.reach
            return self._read((before, above, beyond, below), len(columns.at), len(rows.at), bands)
        found, good = self._read((left, top, right, bottom), right - left, bottom - top, bands)
        down, across = np.ix_(rows.at.astype(np.intp) - top, columns.at.astype(np.intp) - left)
        return found[:, down, across], good[down, across]

    def _read(
        self, area: Tuple[float, float, float, float], wide: int, high: int, bands: Sequence[int]
    ) -> Tuple[np.ndarray, np.ndarray]:
        """Values [n, high, wide] and valid [high, wide] of an area (left, top, right, bottom) in pixels."""
        left, top, right, bottom = area
        x, across, _, y, _, down = self.transform
        extent = QgsRectangle(x + left * across, y + bottom * down, x + right * across, y + top * down)
        if self._copy.is_colour:
            colours, good = self._colours(extent, wide, high)
            return colours[[band - 1 for band in bands]], good
        if self._copy.palette is not None:
            entries, missing = self._band(1, extent, wide, high)
            colours = self._copy.palette[entries]
            return np.moveaxis(colours[..., [band - 1 for band in bands]], -1, 0), ~missing & (colours[..., 3] > 0)
        found = [self._band(band, extent, wide, high) for band in bands]
        values = np.stack([band for band, _ in found])
        good = ~np.all([missing for _, missing in found], axis=0)
        if values.dtype.kind == "f":
            good &= np.isfinite(values).all(axis=0)
        return values, good & self._opaque(extent, wide, high)

    def _opaque(self, extent: QgsRectangle, wide: int, high: int) -> np.ndarray:
        alpha = [number for number, info in enumerate(self.bands, 1) if info.colour == "alpha"]
        if not alpha or len(self.bands) == 1:
            return np.ones((high, wide), dtype=bool)
        return self._band(alpha[0], extent, wide, high)[0] > 0

    def _band(self, band: int, extent: QgsRectangle, wide: int, high: int) -> Tuple[np.ndarray, np.ndarray]:
        """The pixels of one band [high, wide] and where they are nodata."""
        block = self._block(band, extent, wide, high)
        values = np.frombuffer(bytes(block.data()), DTYPES[number_of(block.dataType())]).reshape(high, wide)
        return values, _missing(block, values)

    def _colours(self, extent: QgsRectangle, wide: int, high: int) -> Tuple[np.ndarray, np.ndarray]:
        """Drawn pixels uint8 [3, high, wide] and where they are not fully transparent."""
        block = self._block(1, extent, wide, high)
        packed = np.frombuffer(bytes(block.data()), np.uint32).reshape(high, wide)
        alpha = (packed >> 24).astype(np.uint8)
        if self._copy.is_web and not alpha.any():  # all that QGIS tells of a request that failed
            raise RasterError(tr(
                "{name} sent no picture of this place; check the connection, and that the service covers the polygon."
            ).format(name=self.name))
        planes = np.stack([(packed >> shift).astype(np.uint8) for shift in (16, 8, 0)])
        if number_of(block.dataType()) == ARGB32_PREMULTIPLIED and (alpha < _FULL).any():
            share = np.maximum(alpha, 1) / np.float32(_FULL)
            planes = np.minimum(planes / share + 0.5, _FULL).astype(np.uint8)
        return planes, alpha > 0

    def _block(self, band: int, extent: QgsRectangle, wide: int, high: int) -> QgsRasterBlock:
        known = len(self._feedback.errors())
        with self._copy.lock:
            block = self._copy.last.block(band, extent, wide, high, self._feedback)
        if self._feedback.isCanceled():
            raise CancelledError
        # A web map goes on where some of its tiles are missing: many end somewhere in the middle of a picture.
        failed = [] if self._copy.is_web else self._feedback.errors()[known:]
        if failed or not block.isValid() or block.isEmpty():
            error = block.error()  # whose summary crashes where there is none
            reason = failed[0] if failed else "" if error.isEmpty() else error.summary()
            raise RasterError(tr(
                "{name} could not be read ({reason}); check the connection and the layer's source, then run again."
            ).format(name=self.name, reason=" ".join(reason.split()) or tr("its provider gives no reason")))
        return block


class ShownPicture(Picture):
    """Pictures of pixels that are colours already: no stretch is measured, and a server draws them in their size."""

    def __init__(self, source: ProviderRaster, bands: Optional[Sequence[int]], *, is_web: bool) -> None:
        self.source = source
        self.bands = choose_bands(source, bands)
        self.stretch = Stretch((0.0,) * len(self.bands), (_FULL,) * len(self.bands))
        self._is_web = is_web

    def read(self, window: Window, size: int) -> Tuple[np.ndarray, np.ndarray]:
        """See ``Picture.read``."""
        if not self._is_web or window.width < size:
            return super().read(window, size)
        # The server reduces by itself: finer samples to take the mean of would be 16 times the traffic.
        values, valid = self.source.read(window, (size, size), self.bands)
        rgb = np.array(np.broadcast_to(np.moveaxis(values, 0, -1), (size, size, 3)))
        if not valid.all():
            rgb[~valid] = rgb[valid].mean(axis=0).round() if valid.any() else 0
        return rgb, valid


@dataclass(frozen=True)
class _Centres:
    """The cells of one axis with their centres inside the raster: which, where (in pixels), and how far apart."""

    cells: slice
    at: np.ndarray
    step: float

    @classmethod
    def inside(cls, start: float, step: float, count: int, limit: int) -> _Centres:
        """Those of ``count`` cells from ``start`` whose centres lie in 0…``limit``."""
        # Centres on a pixel's border belong to the next pixel, whatever the last digit says; GDAL does the same.
        at = start + (np.arange(count) + 0.5) * step + 1e-9
        found = np.flatnonzero((at >= 0) & (at < limit))
        first, last = (int(found[0]), int(found[-1]) + 1) if len(found) else (0, 0)
        return cls(slice(first, last), at[first:last], step)

    @property
    def reach(self) -> Tuple[float, float]:
        """Where the first cell begins and the last one ends."""
        return float(self.at[0]) - self.step / 2, float(self.at[-1]) + self.step / 2


def _missing(block: QgsRasterBlock, values: np.ndarray) -> np.ndarray:
    """Where a block's pixels [h, w] are nodata."""
    if not block.hasNoData():
        return np.zeros(values.shape, dtype=bool)
    if not block.hasNoDataValue():  # a bitmap, which QGIS lets one ask pixel by pixel only
        flags = (block.isNoData(index) for index in range(values.size))
        return np.fromiter(flags, dtype=bool, count=values.size).reshape(values.shape)
    nodata = block.noDataValue()
    # A float32 band holds the nearest float32 to a nodata value that was written with more digits.
    same = values == (np.float32(nodata) if values.dtype == np.float32 else nodata)
    return same | np.isnan(values) if values.dtype.kind == "f" else same
