"""Scenes seen once by the frozen encoder and asked about many times.

Stages 1 to 3 leave the encoder as it is (arXiv 2411.06142, section 4), so what it makes of a scene need not be computed
at every step: on a processor that is most of the time. A scene keeps what the trained parts read (``Sight``) and the
material for its texts, which are written anew at every step.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Callable, List, Sequence, Tuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from core_model.network.aquila import Aquila, Conversations, Sight
from core_model.network.extractor import Measured
from core_model.text.prompt import PromptBuilder
from training import engine
from training.data.conversations import (
    About,
    Pictures,
    choose_regions,
    collate_texts,
    material,
    pictures,
)
from training.data.mixture import SceneBatches
from training.data.phrases import Turn

_LOG = logging.getLogger(__name__)
Prepared = Tuple[Pictures, Sequence[About]]
Maker = Callable[[np.random.Generator, Any], List[Turn]]


class PreparedScenes(Dataset):
    """Batch ``step`` of scenes as tensors with their material; depends on (seed, step) alone."""

    def __init__(self, scenes: SceneBatches, regions_per_scene: int, seed: int) -> None:
        self.scenes, self.regions_per_scene, self.seed = scenes, regions_per_scene, seed

    def __len__(self) -> int:
        return len(self.scenes)

    def __getitem__(self, step: int) -> Prepared:
        rng = np.random.default_rng((self.seed, step, 1))
        found = []
        for scene in self.scenes[step]:
            choose_regions(rng, scene, self.regions_per_scene)
            if scene.regions:
                found.append(scene)
        return pictures(found), [material(scene) for scene in found]


@dataclass(frozen=True)
class Bank:
    """``materials`` of the scenes; ``cells`` [M, N, C]; per region ``levels`` and ``small``; ``first`` region of each.

    Numbers are kept in float16 and bytes, a quarter of what they take in use.
    """

    materials: List[About]
    first: List[int]
    cells: Tensor
    levels: Tuple[Tensor, ...]
    small: Tensor

    def __len__(self) -> int:
        return len(self.materials)

    def seen(self, chosen: List[int], device: torch.device) -> Sight:
        """The chosen scenes, their regions numbered one behind the other."""
        rows = torch.tensor([
            self.first[number] + place for number in chosen for place in range(len(self.materials[number].areas))])
        levels = tuple(level[rows].to(device).float() for level in self.levels)
        return Sight(self.cells[chosen].to(device).float(), Measured(levels, self.small[rows].to(device).float() / 255))


@torch.no_grad()
def fill(model: Aquila, prepared: Dataset[Prepared], workers: int, device: torch.device) -> Bank:
    """Show every scene to the encoder."""
    loader = DataLoader(prepared, batch_size=None, num_workers=workers, prefetch_factor=4 if workers else None)
    pace = engine.Pace(len(prepared))  # type: ignore[arg-type]
    materials: List[About] = []
    seen: List[Sight] = []
    for step, (shown, found) in enumerate(loader):
        materials += found
        seen.append(_stored(_look(model, shown, device)))
        pace.note(step, scenes=len(materials))
    counts = np.cumsum([0] + [len(entry.areas) for entry in materials])
    levels = tuple(torch.cat(parts) for parts in zip(*(part.regions.levels for part in seen)))
    bank = Bank(
        materials, counts[:-1].tolist(), torch.cat([part.cells for part in seen]), levels,
        torch.cat([part.regions.small for part in seen]))
    _LOG.info("%d scenes with %d regions", len(bank), counts[-1])
    return bank


def _look(model: Aquila, shown: Pictures, device: torch.device) -> Sight:
    with engine.mixed_precision(device):
        pyramid = model.encoder(shown.images.to(device))
    masks = shown.masks.to(device).float()
    return model.see(tuple(level.float() for level in pyramid), masks, shown.image_index.to(device))


def _stored(seen: Sight) -> Sight:
    levels = tuple(level.half().cpu() for level in seen.regions.levels)
    return Sight(seen.cells.half().cpu(), Measured(levels, (seen.regions.small * 255).round().byte().cpu()))


class BankBatches(Dataset):
    """Batch ``step`` as scene numbers and conversations; every scene comes once before any comes again."""

    def __init__(
        self, bank: Bank, maker: Maker, builder: PromptBuilder, context: str, *, steps: int, size: int, seed: int
    ) -> None:
        self.bank, self.maker, self.builder, self.context = bank, maker, builder, context
        self.steps, self.size, self.seed = steps, size, seed

    def __len__(self) -> int:
        return self.steps

    def __getitem__(self, step: int) -> Tuple[List[int], Conversations]:
        rng = np.random.default_rng((self.seed, step, 2))
        chosen = [self._scene(place) for place in range(step * self.size, (step + 1) * self.size)]
        materials = [self.bank.materials[number] for number in chosen]
        examples = [(about, self.maker(rng, about)) for about in materials]
        return chosen, collate_texts(examples, self.builder, self.context)

    def _scene(self, place: int) -> int:
        turn, within = divmod(place, len(self.bank))
        return int(_order(self.seed, turn, len(self.bank))[within])


@lru_cache(maxsize=2)
def _order(seed: int, turn: int, count: int) -> NDArray[np.int64]:
    """The order of ``count`` scenes in one round through the bank."""
    return np.random.default_rng((seed, turn, 3)).permutation(count)
