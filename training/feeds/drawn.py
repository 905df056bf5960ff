"""Pictures drawn from the mixture, with texts that are written anew each time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import List, Tuple

import numpy as np
import torch

from core_model.text.prompt import PromptBuilder, TokenSequence
from training.data.conversations import Material, TurnMaker, choose_regions, material, prompt_turns
from training.data.groundless import take_ground
from training.data.mixed import add_mixed
from training.data.mixture import MixtureConfig, SceneBatches, load_sources
from training.data.scenes import Scene
from training.feeds.examples import Sights
from training.settings import TextStage

TEXT_GRIDS = {0.0: (2, 2, 2, 3)}
HELD_OUT_SEED = 900


class ShownScenes:
    """Scenes of the mixture as a stage shows them; number n depends on the stage's seed and n alone."""

    def __init__(self, scenes: SceneBatches, stage: TextStage) -> None:
        self.scenes, self.stage = scenes, stage

    def __len__(self) -> int:
        return len(self.scenes)

    def __getitem__(self, number: int) -> Tuple[Material, Sights]:
        scene = self.scenes[number][0]
        rng = np.random.default_rng((self.stage.seed, number, 1))
        choose_regions(rng, scene, self.stage.regions_per_scene)
        if rng.uniform() < self.stage.mixed:
            add_mixed(rng, scene)
        if rng.uniform() < self.stage.groundless:
            take_ground(rng, scene)
        return material(scene), shown(scene)


def shown(scene: Scene) -> Sights:
    """A scene's pixels and masks."""
    masks = [region.mask for region in scene.regions] or [np.zeros((0, *scene.image.shape[:2]), bool)]
    stacked = np.stack(masks) if scene.regions else masks[0]
    return {"image": torch.tensor(scene.image), "masks": torch.from_numpy(stacked)}


@dataclass
class Speaker:
    """Writes a scene's turns as token sequences."""

    maker: TurnMaker
    builder: PromptBuilder
    context: str

    def __call__(self, rng: np.random.Generator, about: Material) -> List[TokenSequence]:
        """The turns' tokens; their regions are the scene's, by number."""
        found = []
        for turn in self.maker(rng, about):
            sequence = self.builder.suffix(prompt_turns(about, turn, self.context), len(turn.regions))
            found.append(replace(sequence, regions=[turn.regions[place] for place in sequence.regions]))
        return found


def drawn_scenes(data: Path, size: int, stage: TextStage, most: int) -> ShownScenes:
    """As many scenes as the recipe says, but no more than ``most``, which is what the stage will read."""
    return _scenes(data, "train", size, stage, min(stage.scenes, most), 100 + stage.seed)


def held_out_scenes(data: Path, size: int, stage: TextStage) -> ShownScenes:
    """Scenes of the validation split, for the loss on what is not trained on."""
    return _scenes(data, "val", size, stage, stage.evaluate_scenes, HELD_OUT_SEED + stage.seed)


def _scenes(data: Path, split: str, size: int, stage: TextStage, count: int, seed: int) -> ShownScenes:
    mixture = MixtureConfig(
        size=size, grids=TEXT_GRIDS, scenes_per_batch=1, insets=stage.insets, painted=stage.painted)
    sources = load_sources(data, split, sorted(mixture.all_shares))
    return ShownScenes(SceneBatches(sources, mixture, count, seed), stage)
