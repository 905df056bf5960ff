"""Stage 0 of the default model: its small ConvNeXt learns regions from scratch, since no pretrained CLIP is shipped.

Every region's pooled features (the extractor's own masked means) are classified into the vocabulary, and its colour
and contrast are regressed, so that the features keep what descriptions will speak of.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Dict, List, Optional, Tuple

import numpy as np
import torch
import torch.nn.functional as functional
from torch import Tensor, nn
from torch.utils.data import Dataset

from core_model.config import EncoderConfig, ExtractorConfig
from core_model.network.encoder import build_encoder
from core_model.network.extractor import MaskExtractor
from training.data.mixture import MixtureConfig, SceneBatches, load_sources
from training.data.scenes import Scene
from training.data.vocabulary import CATEGORIES
from training.engine import Work
from training.precision import faster_depthwise_on_cpu, full_precision
from training.settings import EncoderStage

MASK_GRID = 64
MEASURES = 4  # mean red, green, blue and the contrast of a region
HELD_OUT_SEED = 900


class RegionClassifier(nn.Module):
    """Encoder and extractor with a head for categories and one for measures."""

    def __init__(self, encoder: EncoderConfig, extractor: ExtractorConfig) -> None:
        super().__init__()
        self.encoder = build_encoder(encoder)
        self.extractor = MaskExtractor(config=extractor, channels=self.encoder.channels, hidden=extractor.width)
        # Only the pyramid's projections are learned here; what turns them into tokens belongs to the later stages.
        self.extractor.requires_grad_(False).levels.requires_grad_(True)
        self.norm = nn.LayerNorm(extractor.width)
        self.category = nn.Linear(extractor.width, len(CATEGORIES))
        self.measure = nn.Linear(extractor.width, MEASURES)
        for name, value in self.encoder.named_parameters():
            if name.endswith("gamma"):
                nn.init.ones_(value)  # timm's 1e-6 suits long schedules; from scratch in an hour it starves the blocks

    def forward(self, images: Tensor, masks: Tensor, image_index: Tensor) -> Tuple[Tensor, Tensor]:
        """Category logits [R, categories] and measures [R, 4] of regions."""
        pyramid = self.encoder(images)
        with full_precision(images.device):
            means = self.extractor.mask_features(tuple(level.float() for level in pyramid), masks, image_index)
        hidden = self.norm(means)
        return self.category(hidden), self.measure(hidden)


class RegionLearner(nn.Module):
    """The classifier as the engine trains it."""

    accepts_loss_kwargs = True

    def __init__(self, model: RegionClassifier, label_smoothing: float) -> None:
        super().__init__()
        self.model, self.label_smoothing = model, label_smoothing

    def forward(self, num_items_in_batch: Optional[Tensor] = None, **batch: Tensor) -> Dict[str, Tensor]:
        """The loss of both heads; ``num_items_in_batch`` [2] and "counts" are as ``collate`` says."""
        total = batch["counts"] if num_items_in_batch is None else num_items_in_batch
        logits, measures = self.model(batch["images"], batch["masks"], batch["image_index"])
        losses = functional.cross_entropy(
            logits.float(), batch["categories"], reduction="none", label_smoothing=self.label_smoothing)
        category = (losses * batch["weights"]).sum() / total[0]
        measure = functional.smooth_l1_loss(measures.float(), batch["measures"], beta=0.1, reduction="sum")
        return {"loss": category + 2.0 * measure / (MEASURES * total[1])}


class SingleScenes(Dataset):
    """The scenes of a training one by one; each depends on the seed and its number alone."""

    def __init__(self, scenes: SceneBatches) -> None:
        self.scenes = scenes

    def __len__(self) -> int:
        return len(self.scenes)

    def __getitem__(self, number: int) -> Scene:
        return self.scenes[number][0]


def collate(scenes: List[Scene]) -> Dict[str, Tensor]:
    """Scenes to tensors: images uint8 [T, S, S, 3]; per region a mask on a 64×64 grid, picture, category, measures.

    "weights" make every scene count the same, however many regions a mosaic holds; "counts" are their sum and how many
    regions there are.
    """
    masks, owners, categories, measures = [], [], [], []
    for number, scene in enumerate(scenes):
        step = scene.image.shape[0] // MASK_GRID
        for region in scene.regions:
            if not region.mask.any():
                continue
            coverage = region.mask.reshape(MASK_GRID, step, MASK_GRID, step).mean((1, 3), dtype=np.float32)
            pixels = scene.image[region.mask].astype(np.float32) / 255
            masks.append(coverage)
            owners.append(number)
            categories.append(region.category)
            measures.append(np.append(pixels.mean(axis=0), 4 * pixels.mean(axis=1).std()))
    index = torch.tensor(owners, dtype=torch.long)
    weights = torch.bincount(index, minlength=len(scenes)).clamp(min=1).float().rsqrt()[index]
    return {
        "images": torch.from_numpy(np.stack([scene.image for scene in scenes])),
        "masks": torch.from_numpy(np.array(masks, np.float32).reshape(-1, MASK_GRID, MASK_GRID)), "image_index": index,
        "categories": torch.tensor(categories, dtype=torch.long), "weights": weights,
        "measures": torch.from_numpy(np.array(measures, np.float32).reshape(-1, MEASURES)),
        "counts": torch.stack([weights.sum(), torch.tensor(float(len(owners)))]),
    }


def classifier(encoder: EncoderConfig, extractor: ExtractorConfig, stage: EncoderStage) -> RegionClassifier:
    """The untrained model of a stage, the same one every time."""
    torch.manual_seed(stage.seed)
    return RegionClassifier(encoder, extractor)


def work(
    model: RegionClassifier, mixture: MixtureConfig, stage: EncoderStage, data: Path, device: torch.device
) -> Work:
    """The stage made ready for the engine."""
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    faster_depthwise_on_cpu(model, device)
    held_out = _scenes(mixture, "val", data, stage.evaluate_scenes, HELD_OUT_SEED) if stage.evaluate_every else None
    scenes = _scenes(mixture, "train", data, stage.steps * stage.scenes_per_batch, stage.seed)
    return Work(RegionLearner(model, stage.label_smoothing), scenes, collate, held_out)


def _scenes(mixture: MixtureConfig, split: str, data: Path, count: int, seed: int) -> SingleScenes:
    sources = load_sources(data, split, sorted(mixture.shares))
    return SingleScenes(SceneBatches(sources, replace(mixture, scenes_per_batch=1), count, seed))
