"""Stages 1 to 3: one loop that trains the chosen parts of the model on packed conversations.

Stage 1 aligns pictures with text (projector), stage 2 masks with text (extractor), stage 3 trains everything but the
encoder (arXiv 2411.06142, section 4). The default model's language model starts from nothing, so its recipe trains it
in every stage.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import Dict, List, Tuple

import torch
from torch import nn
from torch.utils.data import DataLoader

from core_model.network.aquila import Aquila, Conversations, Sight
from core_model.text.prompt import PromptBuilder, template
from core_model.text.tokenizer import TextTokenizer
from training import engine
from training.bank import Bank, BankBatches, PreparedScenes, fill
from training.data.conversations import TurnMaker
from training.data.mixture import MixtureConfig, SceneBatches, load_sources
from training.recipe import TextStage
from training.told import Teller, ToldScenes

_LOG = logging.getLogger(__name__)
TEXT_GRIDS = {0.0: (2, 2, 2, 3)}


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
    bank = _bank(model, stage, mixture, data, device)
    pace = engine.Pace(stage.steps)
    for step, (chosen, batch) in enumerate(_loader(model, tokenizer, stage, bank, start), start):
        rate = stage.learning_rate * engine.cosine_rate(step, stage.steps, stage.warmup)
        for group in optimizer.param_groups:
            group["lr"] = rate
        loss = training_loss(model, bank.seen(chosen, device), _to(batch, device))
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


def training_loss(model: Aquila, seen: Sight, batch: Conversations) -> torch.Tensor:
    """The loss of everything behind the encoder."""
    with engine.mixed_precision(batch.ids.device):
        return model.read(seen, batch)[0]


def _bank(model: Aquila, stage: TextStage, mixture: MixtureConfig, data: Path, device: torch.device) -> Bank:
    """As many scenes as the recipe says, but no more than the stage will read; or all pictures of its manifest."""
    if stage.manifest:
        told = ToldScenes(Path(stage.manifest), model.config.encoder.image_size, stage.scenes_per_batch)
        return fill(model, told, stage.workers, device)
    batches = -(-min(stage.scenes, stage.steps * stage.scenes_per_batch) // stage.scenes_per_batch)
    shown = replace(mixture, grids=TEXT_GRIDS, scenes_per_batch=stage.scenes_per_batch)
    scenes = SceneBatches(load_sources(data, "train", sorted(mixture.shares)), shown, batches, 100 + stage.seed)
    return fill(model, PreparedScenes(scenes, stage.regions_per_scene, stage.seed), stage.workers, device)


def _loader(model: Aquila, tokenizer: TextTokenizer, stage: TextStage, bank: Bank, start: int) -> DataLoader:
    asked = stage.turns_per_region + 2 * stage.pairs_per_region
    maker = Teller(stage.regions_per_scene * asked) if stage.manifest else TurnMaker(
        stage.kinds, stage.turns_per_region, stage.pairs_per_region)
    batches = BankBatches(
        bank, maker, prompt_builder(model, tokenizer), model.config.context, steps=stage.steps,
        size=stage.scenes_per_batch, seed=stage.seed)
    return DataLoader(
        batches, batch_size=None, sampler=range(start, stage.steps), num_workers=stage.workers,
        prefetch_factor=4 if stage.workers else None)


def _freeze_all_but(model: Aquila, parts: List[str]) -> None:
    model.requires_grad_(False).eval()
    for part in parts:
        getattr(model, part).requires_grad_(True).train()
    counts = {name: sum(value.numel() for value in part.parameters()) for name, part in model.named_children()}
    _LOG.info("training %s of %s", ", ".join(parts), ", ".join(f"{name} {n:,}" for name, n in counts.items()))


def _parameters(model: nn.Module) -> List[Tuple[str, nn.Parameter]]:
    return [(name, value) for name, value in model.named_parameters() if value.requires_grad]


def _to(batch: Conversations, device: torch.device) -> Conversations:
    moved: Dict[str, torch.Tensor] = {name: value.to(device) for name, value in vars(batch).items()}
    return Conversations(**moved)
