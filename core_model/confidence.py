"""How sure a model is of a category it wrote."""

from __future__ import annotations

import math

from core_model.config import AquilaConfig
from core_model.writing.texts import Written

_LEAST = 1e-12


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
