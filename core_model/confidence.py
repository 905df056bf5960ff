"""How sure a model is of a category it wrote, and what its text says of that."""

from __future__ import annotations

import math

from core_model.config import AquilaConfig
from core_model.writing.texts import Written

_LEAST = 1e-12
_DOUBT = "Perhaps "


def confidence(config: AquilaConfig, written: Written) -> float:
    """The chance in 0…1 that a written category is right.

    A logistic regression on the log-odds of the text's probability and on how alike the region is to what the model
    learned from; its weights are the checkpoint's. Without the second, imagery of an unknown kind is named with
    confidence.
    """
    slope, near, bias = config.confidence
    probability = min(max(written.probability, _LEAST), 1 - _LEAST)
    odds = slope * math.log(probability / (1 - probability)) + near * written.nearness + bias
    return 1 / (1 + math.exp(-odds))


def hedged(config: AquilaConfig, text: str, sure: float) -> str:
    """A text that follows a category; where the model is less ``sure`` of it than it should be, the text says so.

    A confidence stands in a column of its own, and who reads or copies the text alone would take a guess for a fact.
    """
    if not text or sure >= config.unsure_below:
        return text
    return _DOUBT + text[0].lower() + text[1:]
