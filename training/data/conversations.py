"""Conversations about scenes: which regions, what is asked of them, and the packed rows a model reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import List, Sequence

import numpy as np
from torch import Tensor

from core_model.text.context import instruction
from training.data import wording
from training.data.facts import RegionFacts, scene_facts
from training.data.phrases import Turn, listed, sentence
from training.data.scenes import Scene
from training.data.vocabulary import CATEGORIES, UNKNOWN

SMALLEST_PICTURE_SHARE = 0.08


@dataclass(frozen=True)
class Material:
    """What the texts about a scene are made of: its GSD, its regions' facts, the categories that cover most of it."""

    gsd: float
    facts: List[RegionFacts]
    names: List[str]


def material(scene: Scene) -> Material:
    """Measure a scene and all its regions."""
    return Material(scene.gsd, scene_facts(scene), covering_names(scene))


def choose_regions(rng: np.random.Generator, scene: Scene, most: int) -> None:
    """Leave the scene with at most ``most`` of its regions, none of them empty."""
    kept = [region for region in scene.regions if region.mask.any()]
    scene.regions = [kept[number] for number in rng.permutation(len(kept))[:most]]


@dataclass
class TurnMaker:
    """Writes turns about a scene; see ``training.recipe.TextStage`` for the fields."""

    kinds: Sequence[str]
    turns_per_region: int
    pairs_per_region: int = 0

    def __call__(self, rng: np.random.Generator, about: Material) -> List[Turn]:
        """Turns of the wanted kinds about the picture or each of its regions."""
        if tuple(self.kinds) == ("picture",):
            return [picture_turn(rng, about)]
        found: List[Turn] = []
        for number in range(len(about.facts)):
            found += wording.turns(about.facts, number, rng, self.turns_per_region, self.kinds)
            found += wording.two_sided(about.facts, number, rng, self.pairs_per_region)
        return found


def covering_names(scene: Scene) -> List[str]:
    """The categories of the picture, what covers most of it first."""
    known = scene.categories[scene.categories != UNKNOWN]
    counts = np.bincount(known, minlength=len(CATEGORIES)) / scene.categories.size
    order = [int(number) for number in np.argsort(-counts) if counts[number] >= SMALLEST_PICTURE_SHARE][:5]
    return list(dict.fromkeys(CATEGORIES[number].name for number in order)) or ["nothing known"]


def picture_turn(rng: np.random.Generator, about: Material) -> Turn:
    """Stage 1's image-text pair: what the whole picture shows, most of it first."""
    questions = ("What is in the picture?", "What does the picture show?", "Describe the picture.")
    return Turn("picture", questions[int(rng.integers(len(questions)))], sentence(listed(about.names)), ())


def with_context(about: Material, turn: Turn, context: str) -> str:
    """The turn's instruction with the model's context, as ``core_model.describer`` writes it."""
    if not turn.regions:
        return turn.instruction
    return instruction(context, turn.instruction, gsd=about.gsd, area=about.facts[turn.regions[0]].area)


@dataclass(frozen=True)
class Pictures:
    """Scenes as the encoder takes them: uint8 [T, S, S, 3], masks bool [R, S, S] and their pictures' numbers [R]."""

    images: Tensor
    masks: Tensor
    image_index: Tensor
