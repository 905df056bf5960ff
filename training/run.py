"""Runs the stages of a recipe from the command line; every stage resumes where it stopped."""

from __future__ import annotations

import argparse
import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Iterator, Optional, Sequence

import numpy as np
import torch

from core_model.checkpoint import load_model, pick_device, save_model
from core_model.network.aquila import Aquila
from core_model.text.tokenizer import TextTokenizer, load_tokenizer
from training import engine
from training.data.conversations import TurnMaker, choose_regions, material, prompt_turns
from training.data.mixture import MixtureConfig, SceneBatches, load_sources
from training.data.phrases import CANONICAL
from training.recipe import DATA, Recipe, load_recipe, start_logging
from training.stages import encoder as encoder_stage
from training.stages import text as text_stage
from training.stages.regions import TRAINED_IN_STAGE_0, RegionClassifier
from training.stages.text import TEXT_GRIDS
from training.tokens import train_tokenizer

_LOG = logging.getLogger(__name__)
TEXT_STAGES = ("pretrain", "align", "finetune")


@dataclass(frozen=True)
class Options:
    """What every stage's command line takes."""

    recipe: Recipe
    data: Path
    runs: Path
    device: torch.device
    steps: Optional[int]


def options(arguments: Optional[Sequence[str]] = None) -> Options:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recipe", default="nano", help="a recipe's name, or a YAML file")
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the public data sets")
    parser.add_argument("--runs", type=Path, help="where states and models go (default: runs/RECIPE)")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--steps", type=int, help="fewer steps than the recipe's, for a trial")
    found = parser.parse_args(arguments)
    start_logging()
    runs = found.runs or Path("runs") / Path(found.recipe).stem
    return Options(load_recipe(found.recipe), found.data, runs, pick_device(found.device), found.steps)


def encoder(chosen: Options) -> RegionClassifier:
    """Stage 0."""
    stage = chosen.recipe.encoder if chosen.steps is None else replace(chosen.recipe.encoder, steps=chosen.steps)
    config = chosen.recipe.config(vocabulary=1)
    return encoder_stage.train(
        config.encoder, config.extractor, MixtureConfig(size=config.encoder.image_size), stage, chosen.data,
        chosen.runs / "encoder", chosen.device)


def text(chosen: Options, name: str) -> Aquila:
    """Stage 1, 2 or 3 by its name in the recipe; starts from the stage before it and writes a model folder."""
    stage = getattr(chosen.recipe, name)
    if chosen.steps is not None:
        stage = replace(stage, steps=chosen.steps)
    model, tokenizer = _start(chosen, name)
    mixture = MixtureConfig(size=model.config.encoder.image_size)
    trained = text_stage.train(model, tokenizer, stage, mixture, chosen.data, chosen.runs / name, chosen.device)
    save_model(chosen.runs / name / "model", trained, tokenizer)
    _LOG.info("%s: wrote %s", name, chosen.runs / name / "model")
    return trained


def _start(chosen: Options, name: str) -> tuple[Aquila, TextTokenizer]:
    """The model of the stage before; for the first one, a new model around stage 0's encoder and extractor."""
    number = TEXT_STAGES.index(name)
    if number:
        loaded = load_model(str(chosen.runs / TEXT_STAGES[number - 1] / "model"), device="cpu", dtype="float32")
        return loaded.model.requires_grad_(True), loaded.tokenizer
    tokenizer = _tokenizer(chosen)
    torch.manual_seed(chosen.recipe.pretrain.seed)
    prompts = {style: CANONICAL[style] for style in ("category", "phrase", "description", "detailed")}
    model = Aquila(chosen.recipe.config(tokenizer.size, prompts=prompts, label_prompt=CANONICAL["labels"]))
    state = engine.RunFolder(chosen.runs / "encoder").load()
    if not state:
        raise SystemExit(f"{chosen.runs / 'encoder'} holds no trained encoder; run python -m training.encoder first.")
    _take(model, state["average"])
    return model, tokenizer


def _take(model: Aquila, average: dict[str, torch.Tensor]) -> None:
    """Stage 0's encoder, and what it has trained of the extractor."""
    parts = {key: value for key, value in average.items() if key.startswith(TRAINED_IN_STAGE_0)}
    missing, unexpected = model.load_state_dict(parts, strict=False)
    if unexpected or any(key.startswith("encoder.") for key in missing):
        raise SystemExit("the trained encoder is of another recipe; remove its run folder and train it again.")


def _tokenizer(chosen: Options) -> TextTokenizer:
    folder = chosen.runs / "tokenizer"
    if not (folder / "tokenizer.json").is_file():
        folder.mkdir(parents=True, exist_ok=True)
        train_tokenizer(_corpus(chosen), chosen.recipe.tokenizer.vocabulary).save(folder)
    return load_tokenizer(folder)


def _corpus(chosen: Options) -> Iterator[str]:
    """Instructions and answers of freshly made scenes, as the stages will see them."""
    settings = chosen.recipe.tokenizer
    mixture = replace(MixtureConfig(), grids=TEXT_GRIDS)
    data = load_sources(chosen.data, "train", sorted(mixture.shares))
    batches = SceneBatches(data, mixture, -(-settings.scenes // mixture.scenes_per_batch), settings.seed)
    maker = TurnMaker((), turns_per_region=6)
    rng = np.random.default_rng(settings.seed)
    context = str(chosen.recipe.model["context"])
    for number in range(len(batches)):
        for scene in batches[number]:
            choose_regions(rng, scene, 6)
            about = material(scene)
            for turn in maker(rng, about):
                for asked in prompt_turns(about, turn, context):
                    yield from (asked.instruction, asked.answer)
