"""What the experiments count: ranking, retrieval, leakage and a linear probe."""

from __future__ import annotations

from typing import List, Sequence, Tuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


def area_under_curve(inside: Floats, outside: Floats) -> float:
    """The chance that a score drawn from ``inside`` is above one from ``outside``, ties counting half (ROC AUC).

    nan where either is empty.
    """
    if not len(inside) or not len(outside):
        return float("nan")
    ranks = rankdata(np.concatenate([inside, outside]))
    below = ranks[: len(inside)].sum() - len(inside) * (len(inside) + 1) / 2
    return float(below / (len(inside) * len(outside)))


def average_precision(relevant: Flags) -> float:
    """Mean of the precision at every relevant place of a ranked list, best first; nan where nothing is relevant."""
    if not relevant.any():
        return float("nan")
    precision = np.cumsum(relevant) / np.arange(1, len(relevant) + 1)
    return float(precision[relevant].mean())


def retrieval(similarity: Floats, classes: Sequence[int], groups: Sequence[int]) -> Tuple[float, float, int]:
    """mAP, recall@1 and the number of queries that count.

    ``similarity`` [n, n] ranks all regions for every one of them; those of its own group (picture) are left out. A
    query counts where a region of its class is in another group.
    """
    kinds, owners = np.asarray(classes), np.asarray(groups)
    precisions: List[float] = []
    first: List[bool] = []
    for query in range(len(kinds)):
        others = np.flatnonzero(owners != owners[query])
        ranked = others[np.argsort(-similarity[query, others], kind="stable")]
        relevant = kinds[ranked] == kinds[query]
        if relevant.any():
            precisions.append(average_precision(relevant))
            first.append(bool(relevant[0]))
    if not precisions:
        return float("nan"), float("nan"), 0
    return float(np.mean(precisions)), float(np.mean(first)), len(precisions)


def cosines(vectors: Floats) -> Floats:
    """Cosine similarities [n, n] of vectors [n, C] after their mean is taken away."""
    centred = vectors - vectors.mean(axis=0)
    unit = centred / (np.linalg.norm(centred, axis=1, keepdims=True) + 1e-12)
    return np.asarray(unit @ unit.T)


def typical_distance(vectors: Floats) -> float:
    """The mean Euclidean distance between two different vectors of [n, C]."""
    squares = (vectors**2).sum(axis=1)
    distances = np.sqrt(np.maximum(squares[:, None] + squares[None] - 2 * vectors @ vectors.T, 0))
    return float(distances.sum() / (len(vectors) * (len(vectors) - 1)))


def relative_change(before: Floats, after: Floats, scale: float) -> Floats:
    """How far every vector [n, C] moved, in units of ``scale``: 1 is as far as another region's vector lies."""
    return np.asarray(np.linalg.norm(after - before, axis=1) / scale)


def leakage(outside_changed: Floats, inside_changed: Floats) -> float:
    """Mean change when the background is replaced over the mean change when the inside is: 0 reads the region alone."""
    return float(outside_changed.mean() / inside_changed.mean())


def linear_probe(fit: Floats, classes: Sequence[int], asked: Floats, ridge: float = 1.0) -> NDArray[np.int64]:
    """Classes of ``asked`` [m, C] by ridge regression on one-hot classes of ``fit`` [n, C], columns standardised."""
    known = np.unique(classes)
    mean, spread = fit.mean(axis=0), fit.std(axis=0) + 1e-6
    design = np.hstack([(fit - mean) / spread, np.ones((len(fit), 1))])
    wanted = (np.asarray(classes)[:, None] == known[None]).astype(float)
    penalty = ridge * len(fit) / 100 * np.eye(design.shape[1])
    weights = np.linalg.solve(design.T @ design + penalty, design.T @ wanted)
    scores = np.hstack([(asked - mean) / spread, np.ones((len(asked), 1))]) @ weights
    return np.asarray(known[scores.argmax(axis=1)], dtype=np.int64)


def standard_error(values: Sequence[float]) -> float:
    """Standard error of a mean."""
    return float(np.std(values, ddof=1) / np.sqrt(len(values))) if len(values) > 1 else float("nan")
