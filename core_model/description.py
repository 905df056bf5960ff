"""What comes back for a region, a question, a layer: plain values, without torch."""

from __future__ import annotations

import math
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Dict, Optional, Tuple


@dataclass(frozen=True)
class Description:
    """What became of one region: exactly one for each, texts empty where ``status`` says why.

    ``confidence`` and ``probabilities`` are 0…1; sizes are in metres on the ellipsoid, nan where unknown; ``centroid``
    is (longitude, latitude); ``gsd_m`` is that of the raster.
    """

    id: Hashable
    status: str
    description: str = ""
    label: str = ""
    confidence: Optional[float] = None
    area_m2: float = math.nan
    perimeter_m: float = math.nan
    gsd_m: float = math.nan
    centroid: Tuple[float, float] = (math.nan, math.nan)
    model: str = ""
    probabilities: Optional[Dict[str, float]] = None


@dataclass(frozen=True)
class Answer:
    """The answer to one question about one or several regions together, empty where ``status`` says why."""

    ids: Tuple[Hashable, ...]
    status: str
    text: str = ""
    confidence: Optional[float] = None
    areas_m2: Tuple[float, ...] = ()
    gsd_m: float = math.nan
    model: str = ""
    probabilities: Optional[Dict[str, float]] = None


@dataclass(frozen=True)
class Plan:
    """How much work a run is: its polygons, those that lie on the raster, and the tiles these are seen through."""

    polygons: int
    describable: int
    tiles: int
