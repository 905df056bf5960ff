"""Stage 0 of the default model: its small ConvNeXt learns regions from scratch, since no pretrained CLIP is shipped.

``training.stages.regions`` says what is asked of it.
"""

from __future__ import annotations

import copy
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Dict, Mapping, Optional

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from core_model.config import EncoderConfig, ExtractorConfig
from training.data.mixture import MixtureConfig, SceneBatches, load_sources
from training.data.scenes import Scene
from training.engine import Work
from training.errors import TrainingError
from training.precision import faster_depthwise_on_cpu
from training.settings import EncoderStage
from training.stages.anchor import Anchor
from training.stages.regions import TRAINED_IN_STAGE_0, RegionClassifier, collate, loss_of

HELD_OUT_SEED = 900


class RegionLearner(nn.Module):
    """The classifier as the engine trains it."""

    accepts_loss_kwargs = True

    def __init__(self, model: RegionClassifier, label_smoothing: float, anchor: Optional[Anchor] = None) -> None:
        super().__init__()
        self.model, self.label_smoothing, self.anchor = model, label_smoothing, anchor

    def forward(self, num_items_in_batch: Optional[Tensor] = None, **batch: Tensor) -> Dict[str, Tensor]:
        """The loss of all heads; ``num_items_in_batch`` [7] and "counts" are as ``regions.collate`` says."""
        totals = batch["counts"] if num_items_in_batch is None else num_items_in_batch
        return {"loss": loss_of(self.model, batch, self.label_smoothing, totals, self.anchor)}


class SingleScenes(Dataset):
    """The scenes of a training one by one; each depends on the seed and its number alone."""

    def __init__(self, scenes: SceneBatches) -> None:
        self.scenes = scenes

    def __len__(self) -> int:
        return len(self.scenes)

    def __getitem__(self, number: int) -> Scene:
        return self.scenes[number][0]


def classifier(encoder: EncoderConfig, extractor: ExtractorConfig, stage: EncoderStage) -> RegionClassifier:
    """The untrained model of a stage, the same one every time."""
    torch.manual_seed(stage.seed)
    return RegionClassifier(encoder, extractor)


def take_over(model: RegionClassifier, weights: Mapping[str, Tensor]) -> None:
    """Start from a finished model's ``weights``; the heads stay untrained.

    Raises ``TrainingError`` where they are of other sizes.
    """
    parts = {name: value.float() for name, value in weights.items() if name.startswith(TRAINED_IN_STAGE_0)}
    try:
        model.load_state_dict(parts, strict=False)
    except RuntimeError as error:
        raise TrainingError(f"the model to start from has another kind of encoder: {error}") from error


def work(
    model: RegionClassifier, mixture: MixtureConfig, stage: EncoderStage, data: Path, device: torch.device
) -> Work:
    """The stage made ready for the engine."""
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    faster_depthwise_on_cpu(model, device)
    held_out = _scenes(mixture, "val", data, stage.evaluate_scenes, HELD_OUT_SEED) if stage.evaluate_every else None
    scenes = _scenes(mixture, "train", data, stage.steps * stage.scenes_per_batch, stage.seed)
    together = partial(collate, extractor=model.extractor.config)
    anchor = Anchor(copy.deepcopy(model), stage.anchor) if stage.anchor else None
    return Work(RegionLearner(model, stage.label_smoothing, anchor), scenes, together, held_out)


def _scenes(mixture: MixtureConfig, split: str, data: Path, count: int, seed: int) -> SingleScenes:
    sources = load_sources(data, split, sorted(mixture.all_shares))
    return SingleScenes(SceneBatches(sources, replace(mixture, scenes_per_batch=1), count, seed))
