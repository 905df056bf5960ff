"""The baseline without language: classes read off the encoder's masked means alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, List, Sequence, Tuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core_model.network.aquila import Aquila
from training.evaluation.asking import PICTURES_PER_BATCH
from training.evaluation.material import DataSet, Target

TRAINING_PICTURES = 300
_RIDGE, _STEPS = 1e-2, 100  # of the logistic regression on features of unit variance


@dataclass(frozen=True)
class Guess:
    """A class for every region, as its number among the labels, with its confidence."""

    said: NDArray[np.int64]
    confidence: NDArray[np.float64]


class Features:
    """Two readings of the features of a data set's regions, both learned from its training split.

    A region's feature is its mask's mean of every level of the encoder's pyramid, side by side: what the extractor
    gets. So the difference to the model's answers is what extractor and language model add to it, or lose.
    """

    def __init__(self, model: Aquila, training: DataSet) -> None:
        self._model, self._labels = model, training.labels
        values = masked_means(model, training, training.targets)
        self.count = len(values)
        self._mean, self._deviation = values.mean(dim=0), values.std(dim=0, correction=0) + 1e-6
        truth = torch.tensor([training.labels.index(target.label) for target in training.targets])
        self._learn((values - self._mean) / self._deviation, truth)

    def guesses(self, data: DataSet, targets: Sequence[Target]) -> Dict[str, Guess]:
        """The nearest class centre (of cosine), and the likeliest class of a logistic regression."""
        values = (masked_means(self._model, data, targets) - self._mean) / self._deviation
        near = torch.nn.functional.normalize(values, dim=1) @ torch.nn.functional.normalize(self._centres, dim=1).t()
        near[:, ~self._seen] = -torch.inf
        chances = (values @ self._weight + self._bias).softmax(dim=1)
        return {
            "pooled features, nearest centre": _guess(near), "pooled features, logistic regression": _guess(chances)}

    def _learn(self, values: Tensor, truth: Tensor) -> None:
        classes = len(self._labels)
        members = torch.nn.functional.one_hot(truth, classes).to(values.dtype)
        self._seen = members.sum(dim=0) > 0
        self._centres = (members.t() @ values) / members.sum(dim=0).clamp(min=1).unsqueeze(1)
        self._weight, self._bias = _regression(values, truth, classes)


def masked_means(model: Aquila, data: DataSet, targets: Sequence[Target]) -> Tensor:
    """The masked means of all levels for every target: float32 [targets, sum of channels], on the CPU."""
    pictures = sorted({target.picture for target in targets})
    found: Dict[Tuple[int, int], Tensor] = {}
    for start in range(0, len(pictures), PICTURES_PER_BATCH):
        found.update(_of_pictures(model, data, pictures[start : start + PICTURES_PER_BATCH]))
    return torch.stack([found[target.picture, target.region] for target in targets])


@torch.inference_mode()
def _of_pictures(model: Aquila, data: DataSet, pictures: Sequence[int]) -> Dict[Tuple[int, int], Tensor]:
    shown = [data.shown(picture) for picture in pictures]
    pyramid = model.encoder(torch.from_numpy(np.stack([one.image for one in shown])).to(model.device))
    masks = np.concatenate([one.masks for one in shown]).astype(np.float32)
    owners: List[int] = [place for place, one in enumerate(shown) for _ in one.masks]
    levels = model.extractor.pooled(
        pyramid, torch.from_numpy(masks).to(model.device, model.dtype), torch.tensor(owners, device=model.device))
    rows = torch.cat(levels, dim=1).float().cpu()
    keys = [(picture, region) for picture, one in zip(pictures, shown) for region in range(len(one.masks))]
    return dict(zip(keys, rows))


def _regression(values: Tensor, truth: Tensor, classes: int) -> Tuple[Tensor, Tensor]:
    """Multinomial logistic regression with a ridge penalty, by L-BFGS: weight [width, classes] and bias [classes]."""
    with torch.enable_grad():
        values = values.clone()
        weight = torch.zeros(values.shape[1], classes, requires_grad=True)
        bias = torch.zeros(classes, requires_grad=True)
        optimiser = torch.optim.LBFGS([weight, bias], max_iter=_STEPS, line_search_fn="strong_wolfe")

        def closure() -> float:
            optimiser.zero_grad()
            loss = torch.nn.functional.cross_entropy(values @ weight + bias, truth) + _RIDGE / 2 * weight.square().sum()
            loss.backward()
            return float(loss)

        optimiser.step(closure)
    return weight.detach(), bias.detach()


def _guess(scores: Tensor) -> Guess:
    best = scores.max(dim=1)
    return Guess(best.indices.numpy(), best.values.double().numpy())
