"""Keeps an encoder that goes on learning near what the rest of a finished model reads it as.

Knowledge distillation from the model's own earlier weights (Li & Hoiem 2016, Learning without Forgetting), of features.
"""

from __future__ import annotations

from typing import Mapping

import torch
from torch import Tensor, nn

from training.stages.regions import Features, RegionClassifier


class Anchor(nn.Module):
    """How far features of pictures that are not altered are from those of the weights that training starts from."""

    def __init__(self, start: RegionClassifier, weight: float) -> None:
        super().__init__()
        self.start, self.weight = start.requires_grad_(False).eval(), weight

    def forward(self, found: Features, batch: Mapping[str, Tensor]) -> Tensor:
        """The weighed sum over regions of such pictures, in shares of the features' variance."""
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
        return self.weight * total


def _apart(found: Tensor, wanted: Tensor) -> Tensor:
    """The mean squared difference of rows [n, C], as a share of the variance of ``wanted``: [n]."""
    spread = (wanted - wanted.mean(dim=0)).square().mean()
    return (found.float() - wanted).square().mean(dim=1) / spread.clamp(min=1e-6)
