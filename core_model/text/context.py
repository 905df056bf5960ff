"""What prompts are told of a region: GSD, area and direction, written the same way in training and in use."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import List, Tuple

from core_model.text.prompt import REGION_PATTERN, Turn

UNKNOWN = "unknown"


def two_digits(value: float) -> str:
    """A positive number with two significant digits and no exponent ("0.13", "4.5", "410"); "unknown" for nan."""
    if not math.isfinite(value) or value <= 0:
        return UNKNOWN
    decimals = max(0, 1 - math.floor(math.log10(value)))
    rounded = round(value, 1 - math.floor(math.log10(value)))
    text = f"{rounded:.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def fill(text: str, *, gsd: float, area: float, direction: str = "") -> str:
    """Put numbers into ``{gsd}`` (metres per pixel of the picture the model sees) and ``{area}`` (square metres).

    ``{direction}`` becomes ", from north to south" for a region that has a ``direction``, and otherwise nothing.
    """
    where = f", from {direction}" if direction else ""
    return text.replace("{gsd}", two_digits(gsd)).replace("{area}", two_digits(area)).replace("{direction}", where)


def instruction(context: str, prompt: str, *, gsd: float, area: float, direction: str = "") -> str:
    """A model's context before a prompt, filled in; a prompt that names no region gets one in front."""
    named = prompt if REGION_PATTERN.search(prompt) else f"<region> {prompt}"
    return fill(context + named, gsd=gsd, area=area, direction=direction)


def conversation(
    context: str, exchanges: Sequence[Tuple[str, str]], *, gsd: float, area: float | None, direction: str = ""
) -> List[Turn]:
    """Instructions with their answers as turns, the first with a model's context as ``instruction`` writes it.

    Without an ``area`` they are about the whole picture, and there is no context.
    """
    (first, answer), *later = exchanges
    asked = first if area is None else instruction(context, first, gsd=gsd, area=area, direction=direction)
    return [Turn(asked, answer), *(Turn(*exchange) for exchange in later)]
