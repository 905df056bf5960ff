"""Scenes to training rows: facts of every region, conversations about them, packed behind the picture's prefix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, List, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core_model.network.aquila import TrainingBatch, collate_packed, pack
from core_model.text.context import instruction
from core_model.text.prompt import PromptBuilder
from core_model.text.prompt import Turn as PromptTurn
from training.data import wording
from training.data.facts import RegionFacts, region_facts
from training.data.phrases import listed, sentence
from training.data.scenes import Scene
from training.data.vocabulary import CATEGORIES, UNKNOWN

SMALLEST_PICTURE_SHARE = 0.08


@dataclass(frozen=True)
class Example:
    """A scene with the conversations to learn, as (instruction, answer, regions) turns and the regions' facts."""

    scene: Scene
    facts: List[RegionFacts]
    turns: List[wording.Turn]


@dataclass
class ExampleMaker:
    """Draws regions of a scene and writes turns about them."""

    kinds: Sequence[str]
    turns_per_region: int
    regions_per_scene: int

    def __call__(self, rng: np.random.Generator, scene: Scene) -> Example:
        """Facts for all kept regions, and turns of the wanted kinds."""
        kept = [region for region in scene.regions if region.mask.any()]
        order = rng.permutation(len(kept))[: self.regions_per_scene]
        scene.regions = [kept[number] for number in order]
        facts = [region_facts(scene, number) for number in range(len(scene.regions))]
        turns: List[wording.Turn] = []
        if "picture" in self.kinds:
            turns.append(picture_turn(rng, scene))
        if tuple(self.kinds) != ("picture",):
            for number in range(len(scene.regions)):
                turns += wording.turns(scene, facts, number, rng, self.turns_per_region, self.kinds)
        return Example(scene, facts, turns)


def picture_turn(rng: np.random.Generator, scene: Scene) -> wording.Turn:
    """Stage 1's image-text pair: what the whole picture shows, most of it first."""
    known = scene.categories[scene.categories != UNKNOWN]
    counts = np.bincount(known, minlength=len(CATEGORIES)) / scene.categories.size
    order = [int(number) for number in np.argsort(-counts) if counts[number] >= SMALLEST_PICTURE_SHARE][:5]
    names = list(dict.fromkeys(CATEGORIES[number].name for number in order)) or ["nothing known"]
    questions = ("What is in the picture?", "What does the picture show?", "Describe the picture.")
    return wording.Turn("picture", questions[int(rng.integers(len(questions)))], sentence(listed(names)), ())


def coverage(masks: Sequence[NDArray[np.bool_]], size: int) -> Tensor:
    """Region masks to float coverage [R, S, S]."""
    if not masks:
        return torch.zeros(1, size, size)
    return torch.from_numpy(np.stack(masks)).float()


def with_context(example: Example, turn: wording.Turn, context: str) -> str:
    """The turn's instruction with the model's context, as ``core_model.describer`` writes it."""
    if not turn.regions:
        return turn.instruction
    return instruction(context, turn.instruction, gsd=example.scene.gsd, area=example.facts[turn.regions[0]].area)


def collate(examples: Sequence[Example], builder: PromptBuilder, context: str) -> TrainingBatch:
    """One packed row per scene."""
    masks: List[NDArray[np.bool_]] = []
    owners: List[int] = []
    order: List[int] = []
    rows = []
    for number, example in enumerate(examples):
        first = len(masks)
        masks += [region.mask for region in example.scene.regions]
        owners += [number] * len(example.scene.regions)
        suffixes = []
        for turn in example.turns:
            asked = PromptTurn(with_context(example, turn, context), turn.answer)
            sequence = builder.suffix([asked], len(turn.regions))
            suffixes.append((sequence.ids, sequence.labels))
            order += [first + turn.regions[place] for place in sequence.regions]
        rows.append(pack(builder.prefix(), suffixes))
    packed: Dict[str, Tensor] = collate_packed(rows)
    return TrainingBatch(
        images=torch.from_numpy(np.stack([example.scene.image for example in examples])),
        masks=coverage(masks, examples[0].scene.image.shape[0]), image_index=torch.tensor(owners or [0]),
        region_index=torch.tensor(order, dtype=torch.long), **packed,
    )
