"""Scenes of a manifest (docs/data.md), told in its own conversations, in the place of drawn ones."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import List, Tuple

import numpy as np
from torch.utils.data import Dataset

from training.data.conversations import Pictures
from training.data.manifest.reader import ManifestReader, Sample, picture_tensors
from training.data.phrases import Turn


@dataclass(frozen=True)
class Told:
    """A picture's GSD and the areas of its regions (metres, nan unknown), and all that is said about it."""

    gsd: float
    areas: Tuple[float, ...]
    turns: List[Turn]


class ToldScenes(Dataset):
    """Batch ``step`` of a manifest's training pictures in squares of ``size``, with what is said about them."""

    def __init__(self, manifest: Path, size: int, scenes_per_batch: int) -> None:
        self.reader = ManifestReader(manifest, split="train", size=size)
        self.scenes_per_batch = scenes_per_batch

    def __len__(self) -> int:
        return math.ceil(len(self.reader) / self.scenes_per_batch)

    def __getitem__(self, step: int) -> Tuple[Pictures, List[Told]]:
        first = step * self.scenes_per_batch
        samples = [self.reader[number] for number in range(first, min(first + self.scenes_per_batch, len(self.reader)))]
        return picture_tensors(samples), [Told(found.gsd, found.areas, _turns(found)) for found in samples]


def _turns(found: Sample) -> List[Turn]:
    turns = []
    for entry in found.conversations:
        *before, last = ((turn.instruction, turn.answer) for turn in entry.turns)
        turns.append(Turn(entry.kind, *last, entry.regions, tuple(before)))
    return turns


@dataclass(frozen=True)
class Teller:
    """Some of what is said about a picture, at most ``most`` conversations."""

    most: int

    def __call__(self, rng: np.random.Generator, about: Told) -> List[Turn]:
        """Chosen at random, in their order."""
        return [about.turns[place] for place in sorted(rng.permutation(len(about.turns))[: self.most].tolist())]
