"""Pictures seen once by the frozen encoder and asked about many times.

Stages 1 to 3 leave the encoder as it is (arXiv 2411.06142, section 4), so what it makes of a picture need not be
computed at every step: on a processor that is most of the time. A picture keeps what the trained parts read (``Sight``)
and what its texts are made of, which are written anew at every step.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Generic, List, Sequence, Tuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from core_model.network.aquila import Aquila, Sight
from core_model.network.encoder import FeaturePyramid
from core_model.network.extractor import Measured
from training.feeds.examples import LEVELS, About, Sights, Source
from training.pace import Pace
from training.precision import full_precision, mixed_precision

_LOG = logging.getLogger(__name__)
AT_A_TIME = 16


@dataclass(frozen=True)
class Bank(Generic[About]):
    """What ``abouts`` the pictures is told; ``cells`` [M, N, C]; per region ``levels`` and ``small``.

    Picture m has the regions ``bounds[m]`` … ``bounds[m + 1]``. Numbers are kept in float16 and bytes, a quarter of
    what they take in use.
    """

    abouts: List[About]
    bounds: List[int]
    cells: Tensor
    levels: Tuple[Tensor, ...]
    small: Tensor

    def __len__(self) -> int:
        return len(self.abouts)

    def __getitem__(self, number: int) -> Tuple[About, Sights]:
        rows = slice(self.bounds[number], self.bounds[number + 1])
        levels = {name: level[rows] for name, level in zip(LEVELS, self.levels)}
        return self.abouts[number], {"cells": self.cells[number], "small": self.small[rows], **levels}


class _Stacked(Dataset, Generic[About]):
    """A source's pictures, a few at a time."""

    def __init__(self, source: Source[About]) -> None:
        self.source = source

    def __len__(self) -> int:
        return (len(self.source) + AT_A_TIME - 1) // AT_A_TIME

    def __getitem__(self, step: int) -> Tuple[List[About], List[int], Tensor, Tensor]:
        numbers = range(step * AT_A_TIME, min(len(self.source), (step + 1) * AT_A_TIME))
        found = [self.source[number] for number in numbers]
        masks = [sight["masks"] for _, sight in found]
        images = torch.stack([sight["image"] for _, sight in found])
        return [about for about, _ in found], [len(mask) for mask in masks], images, torch.cat(masks)


@torch.no_grad()
def fill(model: Aquila, source: Source[About], workers: int, device: torch.device) -> Bank[About]:
    """Show every picture of a source to the encoder."""
    stacked = _Stacked(source)
    loader = DataLoader(stacked, batch_size=None, num_workers=workers, prefetch_factor=4 if workers else None)
    pace = Pace(len(stacked))
    abouts: List[About] = []
    counts: List[int] = []
    seen: List[Sight] = []
    for step, (told, regions, images, masks) in enumerate(loader):
        abouts += told
        counts += regions
        owners = torch.repeat_interleave(torch.tensor(regions))
        seen.append(_stored(look(model, images.to(device), masks.to(device), owners.to(device))))
        pace.note(step, pictures=len(abouts))
    levels = tuple(torch.cat(parts) for parts in zip(*(part.regions.levels for part in seen)))
    bank = Bank(
        abouts, np.cumsum([0, *counts]).tolist(), torch.cat([part.cells for part in seen]), levels,
        torch.cat([part.regions.small for part in seen]))
    _LOG.info("%d pictures with %d regions", len(bank), sum(counts))
    return bank


@torch.no_grad()
def look(model: Aquila, images: Tensor, masks: Tensor, image_index: Tensor) -> Sight:
    """What a frozen encoder sees: the pyramid in mixed precision, everything that is summed over pixels in float32."""
    with mixed_precision(images.device):
        pyramid: FeaturePyramid = model.encoder(images)
    with full_precision(images.device):
        return model.see(tuple(level.float() for level in pyramid), masks.float(), image_index)


def _stored(seen: Sight) -> Sight:
    levels = tuple(level.half().cpu() for level in seen.regions.levels)
    return Sight(seen.cells.half().cpu(), Measured(levels, (seen.regions.small * 255).round().byte().cpu()))


def region_counts(bank: Bank[About]) -> Sequence[int]:
    """How many regions each picture has."""
    return np.diff(bank.bounds).tolist()
