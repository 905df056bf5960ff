"""Stage 0 of the default model: its small ConvNeXt learns regions from scratch, since no pretrained CLIP is shipped.

See ``training.stages.regions`` for what it learns them by.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import nn
from torch.utils.data import DataLoader

from core_model.config import EncoderConfig, ExtractorConfig
from training import engine
from training.data.mixture import MixtureConfig, SceneBatches, load_sources
from training.stages.regions import RegionClassifier, collate, loss_of


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
    loader = DataLoader(batches, batch_size=None, sampler=range(start, stage.steps),
                        collate_fn=partial(collate, extractor=extractor),
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
