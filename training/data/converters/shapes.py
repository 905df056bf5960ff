"""Shapes of other formats as regions of a manifest."""

from __future__ import annotations

import math
from typing import Any, List, Mapping, Sequence

from training.data.manifest.record import ManifestError, RegionEntry


def segmentation_region(segmentation: Any, label: str) -> RegionEntry:
    """COCO's segmentation (polygons, or plain or short run lengths); raises ``ManifestError`` if it is neither."""
    if isinstance(segmentation, Mapping):
        counts = segmentation.get("counts")
        if isinstance(counts, bytes):
            counts = counts.decode("ascii", "replace")
        size = _whole(segmentation.get("size", []), "size")
        return RegionEntry(label, rle={"size": size, "counts": _whole(counts, "counts")})
    if isinstance(segmentation, (list, tuple)) and segmentation:
        rings = segmentation if isinstance(segmentation[0], (list, tuple)) else [segmentation]
        return RegionEntry(label, polygons=[ring_of(ring) for ring in rings])
    raise ManifestError("its segmentation is missing or empty")


def ring_of(values: Sequence[Any]) -> List[float]:
    """A flat list x, y, x, y … of at least three corners."""
    if len(values) % 2 or len(values) < 6 or not all(map(is_finite, values)):
        raise ManifestError("a polygon of its segmentation is not at least three pairs of numbers x, y")
    return [float(value) for value in values]


def box_region(left: float, top: float, right: float, bottom: float, label: str) -> RegionEntry:
    """A box with an area; raises ``ManifestError`` otherwise."""
    if not all(map(is_finite, (left, top, right, bottom))) or right <= left or bottom <= top:
        raise ManifestError(f"its box {left:g}, {top:g}, {right:g}, {bottom:g} has no area")
    return RegionEntry(label, box=[left, top, right, bottom])


def is_finite(value: Any) -> bool:
    """Whether a value is a number, and not nan or endless."""
    return isinstance(value, (int, float)) and math.isfinite(value)


def _whole(values: Any, name: str) -> Any:
    """A list's numbers as whole ones; a short text, and what is neither, is for the manifest to judge."""
    try:
        return [int(value) for value in values] if isinstance(values, (list, tuple)) else values
    except (TypeError, ValueError, OverflowError):
        raise ManifestError(f"the '{name}' of its run lengths are not whole numbers") from None
