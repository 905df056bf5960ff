"""Keeps an encoder that goes on learning near what the rest of a finished model reads it as.

Knowledge distillation from the model's own earlier weights (Li & Hoiem 2016, Learning without Forgetting), of features.
"""

from __future__ import annotations

from typing import Mapping

import torch
from torch import Tensor, nn

from training.stages.regions import Features, RegionClassifier

FEWEST = 2  # rows that have a variance


class Anchor(nn.Module):
    """How far features are from those of the weights that training starts from.

    Where pictures are not altered, these have read the same. A region inside another is to be read as they read it
    where ground of its own kind lies around it: so it comes to be named by what it is, in the words there are for that.
    """

    def __init__(self, start: RegionClassifier, weight: float) -> None:
        super().__init__()
        self.start, self.weight = start.requires_grad_(False).eval(), weight

    def forward(self, found: Features, batch: Mapping[str, Tensor]) -> Tensor:
        """Two weighed sums [2], over regions of such pictures and over those inside others.

        They are in shares of the features' variance.
        """
        return self.weight * torch.stack([self._kept(found, batch), self._housed(found, batch)])

    def _housed(self, found: Features, batch: Mapping[str, Tensor]) -> Tensor:
        housed = batch["housed"]
        if len(housed) < FEWEST:
            return found.own.sum() * 0
        with torch.no_grad():
            wanted = self.start.features(
                batch["homes"], batch["masks"][housed], torch.arange(len(housed), device=housed.device))
        return _apart(found.own[housed], wanted.own).sum()

    def _kept(self, found: Features, batch: Mapping[str, Tensor]) -> Tensor:
        kept = ~batch["altered"]
        chosen = kept[batch["image_index"]]
        if not chosen.any():
            return found.own.sum() * 0
        numbers = torch.cumsum(kept, 0) - 1
        with torch.no_grad():
            wanted = self.start.features(
                batch["images"][kept], batch["masks"][chosen], numbers[batch["image_index"][chosen]])
        cells = _apart(found.cells[kept].transpose(1, 2).flatten(0, 1), wanted.cells.transpose(1, 2).flatten(0, 1))
        per_picture = cells.unflatten(0, (int(kept.sum()), -1)).mean(dim=1)
        total = _apart(found.own[chosen], wanted.own).sum() + per_picture[numbers[batch["image_index"][chosen]]].sum()
        if wanted.around.shape[1]:
            around = _apart(found.around[chosen].flatten(0, 1), wanted.around.flatten(0, 1))
            total = total + around.unflatten(0, (len(wanted.own), -1)).mean(dim=1).sum()
        return total


def _apart(found: Tensor, wanted: Tensor) -> Tensor:
    """The mean squared difference of rows [n, C], as a share of the variance of ``wanted``: [n]."""
    spread = (wanted - wanted.mean(dim=0)).square().mean()
    return (found.float() - wanted).square().mean(dim=1) / spread.clamp(min=1e-6)
