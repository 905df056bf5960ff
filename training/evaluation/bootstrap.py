"""Confidence intervals by resampling what is independent: places, with all that was asked about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

Weights = NDArray[np.float64]
Statistic = Callable[[Weights], float]
LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """A figure of the whole sample with the bounds of its 95 % confidence interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return "–" if np.isnan(self.value) else f"{self.value:.3f} ({self.low:.3f}–{self.high:.3f})"


class Bootstrap:
    """Percentile intervals (Efron & Tibshirani 1993, chapter 13) of statistics of items that belong to ``units``.

    Whole units are drawn with replacement, since items of one unit resemble each other. A statistic takes how often
    each item was drawn, float64 [items], and may return nan where it does not exist.
    """

    def __init__(self, units: Sequence[str], resamples: int, seed: int) -> None:
        names, members = np.unique(np.array(units, dtype=object).astype(str), return_inverse=True)
        drawn = np.random.default_rng(seed).multinomial(len(names), np.full(len(names), 1 / len(names)), resamples)
        self._weights = drawn.astype(np.int32)[:, members]
        self._items = len(units)

    def interval(self, statistic: Statistic) -> Interval:
        """The statistic of all items, each drawn once, and between which values 95 % of the resampled ones lie."""
        value = statistic(np.ones(self._items))
        found = np.array([statistic(weights.astype(np.float64)) for weights in self._weights])
        found = found[~np.isnan(found)]
        if np.isnan(value) or not len(found):
            return Interval(value, np.nan, np.nan)
        tail = (1 - LEVEL) / 2
        low, high = np.quantile(found, (tail, 1 - tail))
        return Interval(float(value), float(low), float(high))


def mean_of(values: Sequence[float]) -> Statistic:
    """The mean of one value an item; nan values are no part of it."""
    known = ~np.isnan(np.asarray(values, float))
    filled = np.where(known, np.asarray(values, float), 0.0)

    def statistic(weights: Weights) -> float:
        total = float(weights @ known)
        return float(weights @ filled) / total if total else float("nan")

    return statistic
