"""How alike a region is to what a model has learned from."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Familiarity(nn.Module):
    """Prototypes of the features of regions that a model learned from; they are measured, not trained.

    As a deep nearest-neighbour detector (Sun et al. 2022), with the centres of clusters instead of all neighbours.
    """

    def __init__(self, count: int, width: int) -> None:
        super().__init__()
        self.centre = nn.Parameter(torch.zeros(width), requires_grad=False)
        self.prototypes = nn.Parameter(torch.zeros(count, width), requires_grad=False)

    def forward(self, features: Tensor) -> Tensor:
        """The cosine of features [R, width], less their centre, with the most alike prototype: [R]."""
        own = nn.functional.normalize(features - self.centre, dim=1)
        return (own @ nn.functional.normalize(self.prototypes, dim=1).t()).amax(dim=1)
