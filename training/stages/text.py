"""Stages 1 to 3: one loop that trains the chosen parts of the model on packed conversations.

Stage 1 aligns pictures with text (projector), stage 2 masks with text (extractor), stage 3 trains everything but the
encoder (arXiv 2411.06142, section 4). The default model's language model starts from nothing, so its recipe trains it
in every stage.
"""

from __future__ import annotations

import functools
import logging
from dataclasses import replace
from pathlib import Path
from typing import Dict, List, Tuple

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

from core_model.network.aquila import Aquila, TrainingBatch
from core_model.text.prompt import PromptBuilder, template
from core_model.text.tokenizer import TextTokenizer
from training import engine
from training.data.conversations import Example, ExampleMaker, collate
from training.data.mixture import MixtureConfig, SceneBatches, load_sources
from training.recipe import TextStage

_LOG = logging.getLogger(__name__)
TEXT_GRIDS = {0.0: (2, 2, 2, 3)}


class ExampleBatches(Dataset):
    """Batch ``step`` as examples; depends on (seed, step) alone."""

    def __init__(self, scenes: SceneBatches, maker: ExampleMaker, seed: int) -> None:
        self.scenes, self.maker, self.seed = scenes, maker, seed

    def __len__(self) -> int:
        return len(self.scenes)

    def __getitem__(self, step: int) -> List[Example]:
        rng = np.random.default_rng((self.seed, step, 1))
        return [self.maker(rng, scene) for scene in self.scenes[step]]


def prompt_builder(model: Aquila, tokenizer: TextTokenizer) -> PromptBuilder:
    """The builder that training and use share."""
    return PromptBuilder(
        tokenizer=tokenizer, template=template(model.config.language.template), image_tokens=model.image_tokens,
        tokens_per_region=model.config.extractor.tokens_per_region,
    )


def train(
    model: Aquila, tokenizer: TextTokenizer, stage: TextStage, mixture: MixtureConfig, data: Path, out: Path,
    device: torch.device,
) -> Aquila:
    """Run or resume a stage; returns the moving average of the model."""
    torch.manual_seed(stage.seed)
    model.to(device)
    _freeze_all_but(model, stage.train)
    average = engine.MovingAverage(model, decay=0.99)
    optimizer = engine.muon(_parameters(model), stage.learning_rate, stage.weight_decay, fallback_scale=0.3)
    run = engine.RunFolder(out)
    start = engine.resume(run, model, average, optimizer)
    loader = _loader(model, tokenizer, stage, mixture, data, start)
    pace = engine.Pace(stage.steps)
    for step, batch in enumerate(loader, start):
        rate = stage.learning_rate * engine.cosine_rate(step, stage.steps, stage.warmup)
        for group in optimizer.param_groups:
            group["lr"] = rate
        loss = training_loss(model, _to(batch, device), "encoder" in stage.train)
        engine.check_finite(loss, step)
        loss.backward()
        nn.utils.clip_grad_norm_([value for value in model.parameters() if value.requires_grad], 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        average.update(model)
        pace.note(step, loss=loss.item())
        if (step + 1) % stage.save_every == 0 or step + 1 == stage.steps:
            engine.keep(run, step + 1, model, average, optimizer)
    return average.module  # type: ignore[return-value]


def training_loss(model: Aquila, batch: TrainingBatch, train_encoder: bool) -> torch.Tensor:
    """``Aquila.forward``'s loss, without a graph through the encoder while it is frozen."""
    device = batch.ids.device
    with torch.set_grad_enabled(train_encoder), engine.mixed_precision(device):
        pyramid = tuple(level.float() for level in model.encoder(batch.images))
    with engine.mixed_precision(device):
        return model.read(pyramid, batch)[0]


def _loader(
    model: Aquila, tokenizer: TextTokenizer, stage: TextStage, mixture: MixtureConfig, data: Path, start: int
) -> DataLoader:
    shown = replace(mixture, grids=TEXT_GRIDS, scenes_per_batch=stage.scenes_per_batch)
    scenes = SceneBatches(load_sources(data, "train", sorted(mixture.shares)), shown, stage.steps, 100 + stage.seed)
    maker = ExampleMaker(stage.kinds, stage.turns_per_region, stage.regions_per_scene)
    builder = prompt_builder(model, tokenizer)
    return DataLoader(
        ExampleBatches(scenes, maker, stage.seed), batch_size=None, sampler=range(start, stage.steps),
        num_workers=stage.workers, prefetch_factor=4 if stage.workers else None,
        collate_fn=functools.partial(collate, builder=builder, context=model.config.context),
    )


def _freeze_all_but(model: Aquila, parts: List[str]) -> None:
    model.requires_grad_(False).eval()
    for part in parts:
        getattr(model, part).requires_grad_(True).train()
    counts = {name: sum(value.numel() for value in part.parameters()) for name, part in model.named_children()}
    _LOG.info("training %s of %s", ", ".join(parts), ", ".join(f"{name} {n:,}" for name, n in counts.items()))


def _parameters(model: nn.Module) -> List[Tuple[str, nn.Parameter]]:
    return [(name, value) for name, value in model.named_parameters() if value.requires_grad]


def _to(batch: TrainingBatch, device: torch.device) -> TrainingBatch:
    moved: Dict[str, torch.Tensor] = {name: value.to(device) for name, value in vars(batch).items()}
    return TrainingBatch(**moved)
