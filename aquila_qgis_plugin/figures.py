"""Areas, ground sizes and shares as the user reads them."""

from __future__ import annotations

import math
from typing import Optional

from qtpy.QtCore import QLocale

from aquila_qgis_plugin.translation import tr

_HECTARE, _SQUARE_KILOMETRE = 1e4, 1e6


def area_text(square_metres: float) -> str:
    """An area in the unit that suits its size: m², ha or km²."""
    if not math.isfinite(square_metres):
        return tr("area unknown")
    if square_metres < _HECTARE:
        return tr("{area} m²").format(area=_digits(square_metres))
    if square_metres < _SQUARE_KILOMETRE:
        return tr("{area} ha").format(area=_digits(square_metres / _HECTARE))
    return tr("{area} km²").format(area=_digits(square_metres / _SQUARE_KILOMETRE))


def gsd_text(metres: float) -> str:
    """The ground size of one pixel of the picture."""
    if not math.isfinite(metres):
        return tr("pixel size unknown")
    if metres < 1:
        return tr("{size} cm per pixel").format(size=_digits(metres * 100))
    return tr("{size} m per pixel").format(size=_digits(metres))


def length_text(metres: float) -> str:
    """A length in m or km."""
    if metres < 1000:
        return tr("{length} m").format(length=_digits(metres))
    return tr("{length} km").format(length=_digits(metres / 1000))


def level_text(level: int) -> str:
    """How a tile of the pyramid relates to the raster's own pixels."""
    if level > 0:
        return tr("Level {level}: one pixel shows {count} × {count} of the raster's").format(
            level=level, count=2**level)
    if level < 0:
        return tr("Level {level}: enlarged {count} times").format(level=f"−{-level}", count=2**-level)
    return tr("Level 0: the raster's own pixels")


def share_text(share: Optional[float]) -> str:
    """A confidence in per cent, "" where there is none."""
    return "" if share is None or not math.isfinite(share) else tr("{share} %").format(share=round(100 * share))


def tenths_text(value: float) -> str:
    """A number with one decimal, as the user's language writes it."""
    return QLocale().toString(float(value), "f", 1)


def _digits(value: float) -> str:
    """Three digits that mean something, grouped as the user's language does."""
    if value <= 0:
        return "0"
    decimals = max(0, 2 - math.floor(math.log10(value)))
    return QLocale().toString(round(value, decimals), "f", min(decimals, 4))
