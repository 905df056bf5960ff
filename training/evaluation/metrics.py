"""The metrics, as statistics of how often each item is drawn (``training.evaluation.bootstrap``).

Where masks are given, every mask is matched with itself: the intersection over union of a region's mask and its own is
1, and what is measured is the class alone.
"""

from __future__ import annotations

import re
from typing import Dict, FrozenSet, Sequence

import numpy as np
from numpy.typing import NDArray

from training.evaluation.bootstrap import Statistic, Weights

NONE_SAID = -1
_RECALLS = np.linspace(0, 1, 101)
_WORD = re.compile(r"[^\W_]+")


class Classified:
    """Items with a true class and a said one, numbers in 0 … ``classes`` − 1; −1 is none of them."""

    def __init__(self, truth: Sequence[int], said: Sequence[int], classes: int) -> None:
        self._truth, self._said, self._classes = np.array(truth, int), np.array(said, int), classes
        self._hits = self._truth == self._said

    def accuracy(self, weights: Weights) -> float:
        """The share of items whose said class is the true one (top-1)."""
        return _ratio(float(weights @ self._hits), float(weights.sum()))

    def macro_f1(self, weights: Weights) -> float:
        """The mean F1 of the classes that occur as truth."""
        hits, true, said = self._counts(weights)
        return float(np.mean(2 * hits[true > 0] / (true + said)[true > 0])) if (true > 0).any() else float("nan")

    def panoptic_quality(self, weights: Weights) -> float:
        """PQ (Kirillov et al. 2019) with given masks, the mean over classes that occur as truth or as answer.

        A region is a true positive of its class if that is said, with an IoU of 1; else a false negative of the true
        class and a false positive of the said one. So a class's PQ is TP / (TP + FP / 2 + FN / 2), its segmentation
        quality being 1.
        """
        hits, true, said = self._counts(weights)
        occurs = true + said > 0
        return float(np.mean(hits[occurs] / (0.5 * (true + said))[occurs])) if occurs.any() else float("nan")

    def mean_iou(self, pixels: Sequence[float]) -> Statistic:
        """mIoU with given masks, the mean over classes that occur as truth.

        By class: the pixels of regions that are of it and called it, over those of regions that are either.
        """
        sizes = np.array(pixels, float)

        def statistic(weights: Weights) -> float:
            both, true, said = self._counts(weights * sizes)
            union = true + said - both
            return float(np.mean(both[true > 0] / union[true > 0])) if (true > 0).any() else float("nan")

        return statistic

    def average_precision(self, confidences: Sequence[float]) -> Statistic:
        """AP with given masks: COCO's 101-point interpolated precision, the mean over classes that occur as truth.

        Every region is one detection, of the class that is said, ranked by confidence. A detection is right if its
        class is; since its mask is the true one, that holds at every IoU threshold from 0.50 to 0.95 alike.
        """
        ranks = np.argsort(-np.array(confidences, float), kind="stable")

        def statistic(weights: Weights) -> float:
            true = self._counts(weights)[1]
            found = [self._class_precision(number, ranks, weights, true[number]) for number in np.flatnonzero(true)]
            return float(np.mean(found)) if found else float("nan")

        return statistic

    def _class_precision(self, number: int, ranks: NDArray[np.int64], weights: Weights, true: float) -> float:
        chosen = ranks[self._said[ranks] == number]
        drawn = weights[chosen]
        hits, detections = np.cumsum(drawn * self._hits[chosen]), np.cumsum(drawn)
        precision = np.divide(hits, detections, out=np.zeros(len(hits)), where=detections > 0)
        best = np.maximum.accumulate(precision[::-1])[::-1]  # the best precision at this recall or beyond
        places = np.searchsorted(hits / true, _RECALLS - 1e-12, side="left")
        return float(np.mean(np.append(best, 0.0)[np.minimum(places, len(best))]))

    def _counts(self, weights: Weights) -> NDArray[np.float64]:
        """By class: right answers, items of it, answers of it."""
        everything, answered = np.ones(len(self._truth), bool), self._said >= 0
        counted = ((self._truth, self._hits), (self._truth, everything), (self._said, answered))
        return np.stack([np.bincount(classes[kept], weights[kept], self._classes) for classes, kept in counted])


class YesNo:
    """Yes/no answers beside the truth, as POPE (Li et al. 2023) rates them; "yes" is the positive class."""

    def __init__(self, truth: Sequence[bool], said: Sequence[bool]) -> None:
        self._truth, self._said = np.array(truth, bool), np.array(said, bool)

    def statistics(self) -> Dict[str, Statistic]:
        """Accuracy, precision, recall, F1 and the share of answers that are yes."""
        both = self._truth & self._said
        return {
            "accuracy": lambda weights: _ratio(float(weights @ (self._truth == self._said)), float(weights.sum())),
            "precision": lambda weights: _ratio(float(weights @ both), float(weights @ self._said)),
            "recall": lambda weights: _ratio(float(weights @ both), float(weights @ self._truth)),
            "F1": lambda weights: _ratio(
                2 * float(weights @ both), float(weights @ self._said) + float(weights @ self._truth)),
            "yes-ratio": lambda weights: _ratio(float(weights @ self._said), float(weights.sum())),
        }


def says_yes(text: str) -> bool:
    """POPE's reading of an answer: its first sentence is a no if it holds "no" or "not", else a yes."""
    words = _WORD.findall(text.split(".", maxsplit=1)[0].lower())
    return not {"no", "not"} & set(words)


def words_of(text: str) -> FrozenSet[str]:
    """The words of a text, lower case, without punctuation."""
    return frozenset(_WORD.findall(text.lower()))


def semantic_iou(text: str, label: str) -> float:
    """The words that a text and a label share, over all their words (as in Osprey, arXiv 2312.10032)."""
    said, true = words_of(text), words_of(label)
    return len(said & true) / len(said | true) if said | true else 0.0


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")
