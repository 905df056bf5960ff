"""Stage 0 of the default model: its small ConvNeXt learns regions from scratch, since no pretrained CLIP is shipped.

Every region's pooled features (the extractor's own masked means) are classified into the vocabulary, and its colour
and contrast are regressed, so that the features keep what descriptions will speak of.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, Tuple

import numpy as np
import torch
import torch.nn.functional as functional
from torch import Tensor, nn
from torch.utils.data import DataLoader

from core_model.config import EncoderConfig, ExtractorConfig
from core_model.network.encoder import build_encoder
from core_model.network.extractor import MaskExtractor
from training import engine
from training.data.mixture import MixtureConfig, SceneBatches, load_sources
from training.data.scenes import Scene
from training.data.vocabulary import CATEGORIES

_LOG = logging.getLogger(__name__)
MASK_GRID = 64
MEASURES = 4  # mean red, green, blue and the contrast of a region


@dataclass(frozen=True)
class EncoderStage:
    """Settings of the stage."""

    steps: int = 3800
    learning_rate: float = 1e-2
    weight_decay: float = 0.05
    warmup: int = 200
    seed: int = 0
    workers: int = 1
    save_every: int = 250
    label_smoothing: float = 0.05


class RegionClassifier(nn.Module):
    """Encoder and extractor with a head for categories and one for measures."""

    def __init__(self, encoder: EncoderConfig, extractor: ExtractorConfig) -> None:
        super().__init__()
        self.encoder = build_encoder(encoder)
        self.extractor = MaskExtractor(config=extractor, channels=self.encoder.channels, hidden=extractor.width)
        self.norm = nn.LayerNorm(extractor.width)
        self.category = nn.Linear(extractor.width, len(CATEGORIES))
        self.measure = nn.Linear(extractor.width, MEASURES)
        for name, value in self.encoder.named_parameters():
            if name.endswith("gamma"):
                nn.init.ones_(value)  # timm's 1e-6 suits long schedules; from scratch in an hour it starves the blocks

    def forward(self, images: Tensor, masks: Tensor, image_index: Tensor) -> Tuple[Tensor, Tensor]:
        """Category logits [R, categories] and measures [R, 4] of regions."""
        hidden = self.norm(self.extractor.mask_features(self.encoder(images), masks, image_index))
        return self.category(hidden), self.measure(hidden)


def collate(scenes: List[Scene]) -> Dict[str, Tensor]:
    """Scenes to tensors: images uint8 [T, S, S, 3]; per region a mask on a 64×64 grid, picture, category, measures."""
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
    return {
        "images": torch.from_numpy(np.stack([scene.image for scene in scenes])),
        "masks": torch.from_numpy(np.stack(masks)), "image_index": torch.tensor(owners),
        "categories": torch.tensor(categories), "measures": torch.from_numpy(np.stack(measures)).float(),
    }


def loss_of(model: RegionClassifier, batch: Dict[str, Tensor], smoothing: float) -> Tuple[Tensor, Dict[str, float]]:
    """The stage's loss, and what is worth logging."""
    logits, measures = model(batch["images"], batch["masks"], batch["image_index"])
    logits, target = logits.float(), batch["categories"]
    # Every scene counts the same, however many regions a mosaic holds.
    counts = torch.bincount(batch["image_index"], minlength=len(batch["images"])).clamp(min=1).float()
    weights = counts.rsqrt()[batch["image_index"]]
    losses = functional.cross_entropy(logits, target, reduction="none", label_smoothing=smoothing)
    category = (losses * weights).sum() / weights.sum()
    measure = functional.smooth_l1_loss(measures.float(), batch["measures"], beta=0.1)
    right = (logits.argmax(dim=1) == target).float().mean()
    return category + 2.0 * measure, {"category": category.item(), "measure": measure.item(), "right": right.item()}


def train(
    encoder: EncoderConfig, extractor: ExtractorConfig, mixture: MixtureConfig, stage: EncoderStage,
    data: Path, out: Path, device: torch.device,
) -> RegionClassifier:
    """Run or resume the stage; returns the moving average of the model."""
    torch.manual_seed(stage.seed)
    model = RegionClassifier(encoder, extractor).to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    engine.faster_depthwise_on_cpu(model, device)
    average = engine.MovingAverage(model)
    optimizer = engine.muon(model.named_parameters(), stage.learning_rate, stage.weight_decay)
    rates = [group["lr"] for group in optimizer.param_groups]
    run = engine.RunFolder(out)
    start = engine.resume(run, model, average, optimizer)
    batches = SceneBatches(load_sources(data, "train", sorted(mixture.shares)), mixture, stage.steps, stage.seed)
    loader = DataLoader(batches, batch_size=None, sampler=range(start, stage.steps), collate_fn=collate,
                        num_workers=stage.workers, prefetch_factor=4 if stage.workers else None)
    pace = engine.Pace(stage.steps)
    for step, batch in enumerate(loader, start):
        share = engine.cosine_rate(step, stage.steps, stage.warmup)
        for group, rate in zip(optimizer.param_groups, rates):
            group["lr"] = rate * share
        batch = {name: value.to(device) for name, value in batch.items()}
        model.train()
        with engine.mixed_precision(device):
            loss, noted = loss_of(model, batch, stage.label_smoothing)
        engine.check_finite(loss, step)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 2.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        average.update(model)
        pace.note(step, **noted)
        if (step + 1) % stage.save_every == 0 or step + 1 == stage.steps:
            engine.keep(run, step + 1, model, average, optimizer)
    return average.module  # type: ignore[return-value]
