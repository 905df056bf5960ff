"""What a model takes for familiar: prototypes of the regions it learned from, measured when it is calibrated."""

from __future__ import annotations

from dataclasses import replace
from typing import Sequence, Tuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.cluster.vq import kmeans2
from scipy.optimize import minimize

from core_model.network.aquila import Aquila
from core_model.network.extractor import Measured
from core_model.network.familiarity import Familiarity
from training.bank import fill
from training.feeds.drawn import ShownScenes

PROTOTYPES = 256
_ROUNDS = 30
_RIDGE = 1e-3
_CERTAIN = 1e-6


@torch.no_grad()
def features(model: Aquila, scenes: ShownScenes) -> NDArray[np.float32]:
    """The summed mask feature of every region of scenes: [regions, width]."""
    seen = fill(model, scenes, workers=0, device=model.device)
    measured = Measured(tuple(level.to(model.device, model.dtype) for level in seen.levels), seen.small)
    return model.extractor.own(measured).float().cpu().numpy()


def familiarity(found: NDArray[np.float32], count: int = PROTOTYPES, seed: int = 0) -> Familiarity:
    """The centres of so many clusters of features [regions, width]."""
    count = min(count, len(found))
    centre = found.mean(axis=0)
    prototypes, _ = kmeans2(found - centre, count, iter=_ROUNDS, minit="++", seed=seed)
    made = Familiarity(count, found.shape[1])
    with torch.no_grad():
        made.centre.copy_(torch.from_numpy(centre))
        made.prototypes.copy_(torch.from_numpy(prototypes))
    return made


def learn(model: Aquila, scenes: ShownScenes) -> None:
    """Give a model its prototypes, in place."""
    made = familiarity(features(model, scenes))
    model.familiarity = made.to(model.device, model.dtype)
    model.config = replace(model.config, familiar=len(made.prototypes))


def forget(model: Aquila) -> None:
    """Take away what was measured of a model's former weights, in place."""
    model.familiarity = None
    model.config = replace(
        model.config, familiar=0, confidence=(1.0, 0.0, 0.0), unsure_below=0.0, categories=())


def confidence_weights(
    probability: NDArray[np.float64], nearness: NDArray[np.float64], right: NDArray[np.bool_],
    weights: Sequence[float] | NDArray[np.float64],
) -> Tuple[float, float, float]:
    """Slope, nearness and bias (``core_model.confidence``) that tell best how often answers are right.

    Logistic regression [n] with weighted answers; where nearness is the same everywhere it has no part.
    """
    chances = np.clip(probability, _CERTAIN, 1 - _CERTAIN)
    values = np.stack([np.log(chances / (1 - chances)), nearness])
    middle, spread = values.mean(axis=1, keepdims=True), values.std(axis=1, keepdims=True)
    scaled = (values - middle) / np.where(spread > _CERTAIN, spread, 1.0)
    signs = np.where(right, 1.0, -1.0)

    def loss(sought: NDArray[np.float64]) -> float:
        odds = sought[:2] @ scaled + sought[2]
        return float(np.average(np.logaddexp(0, -signs * odds), weights=weights) + _RIDGE * np.square(sought[:2]).sum())

    slope, near, bias = minimize(loss, np.array([1.0, 0.0, 0.0])).x / np.append(
        np.where(spread > _CERTAIN, spread, 1.0).ravel(), 1.0)
    return float(slope), float(near), float(bias - slope * middle[0, 0] - near * middle[1, 0])
