"""The words for a region's form: shape, size class and direction. ``core_model.geo.outline`` measures what they say.

They follow from the polygon, so a model need not be asked to see them; ``AquilaConfig.context`` may tell them.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

SHAPES = ("square", "rectangular", "round", "compact", "elongated", "irregular")
DIRECTIONS = ("east to west", "northeast to southwest", "north to south", "northwest to southeast")
SIZES = ("very small", "small", "medium-sized", "large", "very large", "extensive")
SIZE_LIMITS = (10.0, 100.0, 1e3, 1e4, 1e5)  # m²: one more digit, one class more


@dataclass(frozen=True)
class Form:
    """A region's ``shape`` (of ``SHAPES``) and ``direction`` (of ``DIRECTIONS``), "" where there is none to tell."""

    shape: str = ""
    direction: str = ""


NO_FORM = Form()


def size_term(area: float) -> str:
    """The size class of an area in m², "" where it is not known."""
    return SIZES[bisect_right(SIZE_LIMITS, area)] if area > 0 else ""
