"""Regions of records as masks: polygons by exact coverage, run lengths and boxes."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Sequence, Tuple

import numpy as np
from numpy.typing import NDArray

from core_model.geo.coverage import coverage
from training.data.manifest import rle
from training.data.manifest.record import ManifestError, Record, RegionEntry

Mask = NDArray[np.bool_]
Part = Tuple[Tuple[slice, slice], Mask]
HALF = 0.5  # a pixel belongs to a polygon that covers at least this share of it


def region_mask(region: RegionEntry, height: int, width: int) -> Mask:
    """The mask bool [height, width] of a region; raises ``ManifestError`` where it has no pixel or does not fit."""
    mask = np.zeros((height, width), bool)
    for window, part in parts(region, height, width):
        mask[window] |= part
    return mask


def parts(region: RegionEntry, height: int, width: int) -> List[Part]:
    """Windows of the picture with the region's pixels in them; raises ``ManifestError`` where it has none."""
    if region.rle is not None:
        found = [_from_rle(region.rle, height, width)]
    else:
        rings = region.polygons if region.polygons is not None else [box_ring(region.box or ())]
        found = [polygon_part(ring, height, width) for ring in rings]
    if not any(part.any() for _, part in found):
        raise ManifestError(f"it has no pixel inside the picture of {width} × {height} pixels")
    return found


def bad_regions(record: Record) -> Dict[int, str]:
    """Why regions cannot be used, by their numbers."""
    found = {}
    for number, region in enumerate(record.regions):
        try:
            parts(region, int(record.height or 0), int(record.width or 0))
        except ManifestError as error:
            found[number] = str(error)
    return found


def check_regions(record: Record) -> None:
    """Raises ``ManifestError`` with the number of the first region that cannot be used."""
    for number, reason in bad_regions(record).items():
        raise ManifestError(f"region {number} cannot be used: {reason}")


def record_masks(record: Record) -> Mask:
    """The masks of all regions, bool [regions, height, width]; raises ``ManifestError`` with the region's number."""
    check_regions(record)
    height, width = int(record.height or 0), int(record.width or 0)
    masks = np.zeros((len(record.regions), height, width), bool)
    for mask, region in zip(masks, record.regions):
        for window, part in parts(region, height, width):
            mask[window] |= part
    return masks


def box_ring(box: Sequence[float]) -> List[float]:
    """The corners x, y, … of left, top, right, bottom."""
    left, top, right, bottom = (float(value) for value in box)
    return [left, top, right, top, right, bottom, left, bottom]


def polygon_part(ring: Sequence[float], height: int, width: int) -> Part:
    """The pixels that a polygon covers to a half; one smaller than that gets the pixel it covers most."""
    points = np.asarray(ring, float).reshape(-1, 2)
    low, high = points.min(axis=0), points.max(axis=0)
    if high[0] <= 0 or high[1] <= 0 or low[0] >= width or low[1] >= height:
        return (slice(0, 0), slice(0, 0)), np.zeros((0, 0), bool)
    left, top = max(0, int(np.floor(low[0]))), max(0, int(np.floor(low[1])))
    right, bottom = min(width, max(int(np.ceil(high[0])), left + 1)), min(height, max(int(np.ceil(high[1])), top + 1))
    closed = np.concatenate([points, points[:1]]) - (left, top)
    share = coverage([closed], max(right - left, bottom - top))[: bottom - top, : right - left]
    covered = share >= HALF
    if not covered.any() and share.max() > 0:
        covered = np.asarray(np.arange(share.size).reshape(share.shape) == share.argmax())
    return (slice(top, bottom), slice(left, right)), covered


def _from_rle(values: Mapping[str, Any], height: int, width: int) -> Part:
    try:
        mask = rle.decode(values)
    except ValueError as error:
        raise ManifestError(str(error)) from None
    if mask.shape != (height, width):
        raise ManifestError(
            f"its run lengths are of {mask.shape[1]} × {mask.shape[0]} pixels, the picture of {width} × {height}")
    return (slice(0, height), slice(0, width)), mask
