"""Pixel values to 8 bit, the same way for the whole raster, so that neighbouring pictures look alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core_model.geo.source import RasterSource, Window

PERCENTILES = (2.0, 98.0)
# 8-bit pictures whose middle 96 % span more than this are shown as they are: the model knows natural pictures.
DISPLAY_READY_SPAN = 100
# Reflectances and counts of one sensor fill more of their common range; other bands are no colours of one picture.
LEAST_OF_SHARED_SPAN = 0.15
_SAMPLES = 1024
# Beyond this many columns or rows a raster without overviews is sampled in a grid of small windows, not as a whole.
_WHOLE_READ_LIMIT = 8192
_GRID, _GRID_WINDOW = 12, 96


@dataclass(frozen=True)
class Stretch:
    """A linear stretch per band: ``low`` becomes 0 and ``high`` 255; both float [n]."""

    low: tuple[float, ...]
    high: tuple[float, ...]

    def apply(self, values: np.ndarray) -> np.ndarray:
        """Values [n, h, w] as uint8 [n, h, w]."""
        low = np.array(self.low, dtype=np.float32)[:, None, None]
        high = np.array(self.high, dtype=np.float32)[:, None, None]
        scaled = (values - low) * (255 / (high - low)) + 0.5
        return np.clip(scaled, 0, 255).astype(np.uint8)


def measure_stretch(source: RasterSource, bands: Sequence[int]) -> Stretch:
    """The stretch for 1-based ``bands`` of a raster, from the 2nd and 98th percentile of a sample of it.

    Three bands share the lowest low and the highest high, to keep their colours; only where a band of a wide number
    type would then fill little of the range are they stretched one by one. 8-bit bands stay untouched if they are fit
    to be shown. A constant band becomes mid-grey (8 bit: stays what it is).
    """
    is_8_bit = all(source.bands[band - 1].dtype == "uint8" for band in bands)
    sample = sample_pixels(source, bands)
    if sample.shape[1] == 0:
        return _as_is(len(bands)) if is_8_bit else Stretch((0.0,) * len(bands), (1.0,) * len(bands))
    pictures = sample if is_8_bit else [_without_collar(values) for values in sample]
    low, high = np.array([np.percentile(values, PERCENTILES) for values in pictures]).T
    span = high.max() - low.min()
    if is_8_bit and (span > DISPLAY_READY_SPAN or span == 0):
        return _as_is(len(bands))
    if is_8_bit or (high - low >= LEAST_OF_SHARED_SPAN * span).all():
        low, high = np.full_like(low, low.min()), np.full_like(high, high.max())
    return _widened(low, high)


def _without_collar(values: np.ndarray) -> np.ndarray:
    """The pixels without the zeros that wide unsigned rasters often have round the picture, declared nodata or not."""
    picture = values[values != 0] if values.dtype.kind == "u" else values
    return (picture if len(picture) else values).astype(np.float64)


def _as_is(count: int) -> Stretch:
    return Stretch((0.0,) * count, (255.0,) * count)


def _widened(lows: np.ndarray, highs: np.ndarray) -> Stretch:
    """Low and high with a span that float32 can divide by, around the middle where they coincide."""
    least = np.maximum(1e-6 * np.maximum(np.abs(lows), np.abs(highs)), 1e-30)
    short = np.where(highs - lows < least, least, 0.0)
    return Stretch(tuple((lows - short).tolist()), tuple((highs + short).tolist()))


def sample_pixels(source: RasterSource, bands: Sequence[int]) -> np.ndarray:
    """Valid pixels [n, count] spread over the raster, at most about a million; the same ones every time."""
    width, height = source.width, source.height
    if max(width, height) > _WHOLE_READ_LIMIT:
        found = [_valid_pixels(source, window, bands) for window in _grid(width, height)]
        sample = np.concatenate(found, axis=1)
        if sample.shape[1]:
            return sample
    return _valid_pixels(source, Window(0, 0, width, height), bands)


def _valid_pixels(source: RasterSource, window: Window, bands: Sequence[int]) -> np.ndarray:
    shape = min(_SAMPLES, int(window.height)), min(_SAMPLES, int(window.width))
    values, valid = source.read(window, shape, bands)
    return values[:, valid]


def _grid(width: int, height: int) -> list[Window]:
    wide, high = min(_GRID_WINDOW, width), min(_GRID_WINDOW, height)
    return [
        Window((width - wide) * column // (_GRID - 1), (height - high) * row // (_GRID - 1), wide, high)
        for row in range(_GRID)
        for column in range(_GRID)
    ]
