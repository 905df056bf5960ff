"""Runs the stages of a recipe from the command line; every stage resumes where it stopped."""

from __future__ import annotations

import argparse
import logging
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Iterator, List, Optional, Sequence, Tuple
from zlib import crc32

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from core_model.checkpoint import load_model, pick_device, save_model
from core_model.config import AquilaConfig
from core_model.errors import AquilaError
from core_model.folders import model_folder
from core_model.network.aquila import Aquila
from core_model.text.tokenizer import TextTokenizer, load_tokenizer
from core_model.weights import weight_files
from training.checkpoints import Claim, is_finished
from training.data.conversations import TurnMaker, prompt_turns
from training.data.mixture import MixtureConfig
from training.data.phrases import CANONICAL
from training.engine import Engine, Launch, micro_batches, training_arguments, world_size
from training.errors import TrainingError
from training.familiar import forget
from training.feeds.drawn import drawn_scenes
from training.parts import Start, finished, ready_to_train
from training.plan import plan_of, schedule_line
from training.recipe import DATA, TEXT_STAGES, Recipe, load_recipe, start_logging
from training.settings import Schedule, TextStage
from training.stages import encoder as encoder_stage
from training.stages.regions import TRAINED_IN_STAGE_0
from training.stages.text import TextData, prompt_builder
from training.tokens import train_tokenizer

_LOG = logging.getLogger(__name__)
ENCODER_WEIGHTS = "encoder.safetensors"
_SMALL = 1 << 28  # bytes
LATE_GRIDS = {0.0: (2, 2, 3)}


@dataclass(frozen=True)
class Options:
    """What every stage's command line takes."""

    recipe: Recipe
    data: Path
    runs: Path
    device: torch.device
    steps: Optional[int] = None
    start: str = ""
    manifest: Tuple[str, ...] = ()
    sharding: str = ""
    report: Tuple[str, ...] = ("tensorboard",)
    plan_only: bool = False

    def launch(self, stage: str) -> Launch:
        """Where and how a stage runs."""
        return Launch(self.runs / stage, self.device, self.sharding, self.report)


def parser() -> argparse.ArgumentParser:
    """The options of every stage."""
    found = argparse.ArgumentParser(description=__doc__)
    found.add_argument("--recipe", default="nano", help="a recipe's name, or a YAML file")
    found.add_argument("--start", default="", help="model folder to start from (default: the stage before)")
    found.add_argument("--manifest", action="append", default=[], type=str, help="train on this manifest; repeatable")
    found.add_argument("--data", type=Path, default=DATA, help="folder of the public data sets")
    found.add_argument("--runs", type=Path, help="where states and models go (default: runs/RECIPE)")
    found.add_argument("--device", default="auto", help="auto, cpu or cuda")
    found.add_argument("--steps", type=int, help="other steps than the recipe's, for a trial")
    found.add_argument("--sharding", default="", help="fsdp2, zero2, zero3 or a JSON file; with several processes")
    found.add_argument("--report", default="tensorboard", help="tensorboard, wandb, both with a comma, or none")
    found.add_argument("--plan", action="store_true", help="only print what would be trained")
    return found


def options(arguments: Optional[Sequence[str]] = None) -> Options:
    """Parse the command line."""
    chosen = parser().parse_args(arguments)
    start_logging()
    runs = chosen.runs or Path("runs") / Path(chosen.recipe).stem
    report = tuple(name for name in chosen.report.split(",") if name not in ("", "none"))
    return Options(
        load_recipe(chosen.recipe), chosen.data, runs, _own_device(chosen.device), chosen.steps, chosen.start,
        tuple(chosen.manifest), chosen.sharding, report, chosen.plan)


def _own_device(name: str) -> torch.device:
    """The device of this process: of several on one machine, each takes its own GPU."""
    device = pick_device(name)
    if device.type == "cuda" and "LOCAL_RANK" in os.environ:
        return torch.device("cuda", int(os.environ["LOCAL_RANK"]))
    return device


def main(stage: str, arguments: Optional[Sequence[str]] = None) -> None:
    """A stage's command line; what stops it is said in one sentence."""
    try:
        chosen = options(arguments)
        if stage == "encoder":
            encoder(chosen)
        else:
            text(chosen, stage)
    except AquilaError as error:
        raise SystemExit(f"{error}") from None


def encoder(chosen: Options) -> None:
    """Stage 0; writes the encoder's averaged weights, and where it goes on from a model, that model with them."""
    stage = chosen.recipe.encoder
    if stage is None:
        raise TrainingError("this recipe's encoder is pretrained; begin with python -m training.pretrain.")
    stage = stage if chosen.steps is None else replace(stage, steps=chosen.steps)
    launch = chosen.launch("encoder")
    before = load_model(chosen.start, device="cpu", dtype="float32") if chosen.start else None
    config = chosen.recipe.config(vocabulary=1) if before is None else before.model.config
    model = encoder_stage.classifier(config.encoder, config.extractor, stage)
    if before is not None:
        encoder_stage.take_over(model, before.model.state_dict())
    trained = sum(value.numel() for value in model.parameters() if value.requires_grad)
    _LOG.info("encoder: %s weights are trained; %s", f"{trained:,}", schedule_line(
        stage, *micro_batches(stage, world_size()), world_size(), stage.steps * stage.scenes_per_batch))
    if chosen.plan_only:
        return
    folder = launch.out / "model"
    _claim(launch.out, stage, model_folder(chosen.start) if chosen.start else None)
    if is_finished(launch.out, stage.steps, launch.out / ENCODER_WEIGHTS if before is None else folder / "config.json"):
        return
    arguments = training_arguments(stage, launch)
    mixture = MixtureConfig(
        size=config.encoder.image_size, insets=stage.insets, homes=bool(stage.anchor), painted=stage.painted)
    if before is not None:  # what is known need not be learned from many small patches first
        mixture = replace(mixture, grids=LATE_GRIDS)
    work = encoder_stage.work(model, mixture, stage, chosen.data, chosen.device)
    weights = Engine(work, stage, arguments, launch).run()
    if arguments.should_save:
        save_file(weights, str(launch.out / ENCODER_WEIGHTS))
        _LOG.info("encoder: wrote %s", launch.out / ENCODER_WEIGHTS)
        if before is not None:
            _take(before.model, weights)
            forget(before.model)
            save_model(folder, before.model, before.tokenizer)


def text(chosen: Options, name: str) -> None:
    """Stage 1, 2 or 3 by its name in the recipe; starts from the stage before it and writes a model folder."""
    stage = _changed(chosen, chosen.recipe.stage(name))
    launch = chosen.launch(name)
    if chosen.plan_only:
        _tell(chosen, name, stage, _planned_config(chosen, name), pictures=stage.scenes)
        return
    arguments = training_arguments(replace(stage, steps=stage.steps or 1), launch)  # joins the other processes
    with arguments.main_process_first():
        start = _start(chosen, name)
    train_text(chosen, name, stage, start)


def train_text(chosen: Options, name: str, stage: TextStage, start: Start) -> Path:
    """Train a stage from ``start`` and write its model folder; returns that."""
    launch = chosen.launch(name)
    model, tokenizer = start(stage.quantised or chosen.recipe.weights, chosen.device)
    # Only now, with a start that is there: a claim without one would refuse the same command once it is.
    folder = _start_folder(chosen, name)
    _claim(launch.out, stage, Path(folder) if folder else chosen.runs / "encoder" / ENCODER_WEIGHTS)
    data = TextData(
        stage, prompt_builder(model, tokenizer), model.config.context, model.config.encoder.image_size, chosen.data,
        launch.out)
    stage = replace(stage, steps=data.steps())
    _tell(chosen, name, stage, model.config, data.pictures())
    made = launch.out / "model"
    if is_finished(launch.out, stage.steps, made / "config.json"):
        return made
    arguments = training_arguments(stage, launch)
    torch.manual_seed(stage.seed)  # adapters start from the same numbers in every process
    ready_to_train(model, stage)
    weights = Engine(data.work(model, chosen.device), stage, arguments, launch).run()
    if arguments.should_save:
        save_model(made, *finished(start, stage, weights, chosen.recipe.weights))
        _LOG.info("%s: wrote %s", name, made)
    return made


def _claim(folder: Path, stage: Schedule, start: Optional[Path]) -> None:
    """Keep a stage's folder for these settings and this start, whose checkpoints it would go on with."""
    Claim(
        folder, f"{stage}\nstart: {_marks(start)}\n",
        f"{folder} holds a training with other settings or from another start; delete it, or name another folder with "
        "--runs.").stake()


def _marks(start: Optional[Path]) -> List[str]:
    """What tells a start from another: its files with their sizes and, of small ones, the CRC-32 of what is in them."""
    if start is None:
        return []
    files = weight_files(start) if start.is_dir() else [start]
    return [f"{file.name} {file.stat().st_size} {crc32(file.read_bytes()) if file.stat().st_size < _SMALL else ''}"
            for file in files if file.is_file()]


def _changed(chosen: Options, stage: TextStage) -> TextStage:
    """The stage with what the command line says instead of the recipe."""
    manifest = list(chosen.manifest) or stage.manifest
    return replace(stage, manifest=manifest, steps=stage.steps if chosen.steps is None else chosen.steps)


def _planned_config(chosen: Options, name: str) -> AquilaConfig:
    """The configuration that a stage's plan is made of: the starting folder's where there is one yet."""
    folder = _start_folder(chosen, name)
    if folder and (Path(folder) / "config.json").is_file():
        return AquilaConfig.load(Path(folder))
    vocabulary = chosen.recipe.tokenizer.vocabulary if chosen.recipe.encoder is not None else 0
    return chosen.recipe.config(vocabulary)


def _tell(chosen: Options, name: str, stage: TextStage, config: AquilaConfig, pictures: int) -> None:
    """Log what is about to be trained."""
    size, accumulation = micro_batches(stage, world_size())
    plan = plan_of(
        config, stage, weights=chosen.recipe.weights, rows=size, processes=world_size(),
        sharding=Path(chosen.sharding).stem, on_gpu=chosen.device.type == "cuda")
    lines = [*plan.lines(), schedule_line(stage, size, accumulation, world_size(), pictures)]
    _LOG.info("%s of %s\n%s", name, config.name, "\n".join(f"  {line}" for line in lines))


def _start_folder(chosen: Options, name: str) -> str:
    if chosen.start:
        return str(model_folder(chosen.start))
    number = TEXT_STAGES.index(name)
    return str(chosen.runs / TEXT_STAGES[number - 1] / "model") if number else ""


def _start(chosen: Options, name: str) -> Start:
    """The model of the stage before; for the first one, a new model around stage 0's encoder and extractor."""
    folder = _start_folder(chosen, name)
    if folder:
        return folder_start(folder)
    if chosen.recipe.encoder is None:
        raise TrainingError(
            "this recipe starts from a folder of pretrained parts: make one with python -m core_model assemble "
            "(docs/weights.md) and name it with --start.")
    tokenizer = _tokenizer(chosen)
    path = chosen.runs / "encoder" / ENCODER_WEIGHTS
    if not path.is_file():
        raise TrainingError(f"{path.parent} holds no trained encoder; run python -m training.encoder first.")
    prompts = {style: CANONICAL[style] for style in ("category", "phrase", "description", "detailed")}
    config = chosen.recipe.config(tokenizer.size, prompts=prompts, label_prompt=CANONICAL["labels"])

    def new_model(dtype: str, device: torch.device) -> Tuple[Aquila, TextTokenizer]:
        torch.manual_seed(chosen.recipe.pretrain.seed)
        model = Aquila(config).eval()
        _take(model, load_file(str(path)))
        return model.to(device, getattr(torch, dtype)), tokenizer

    return new_model


def folder_start(folder: str) -> Start:
    """The model in a folder as a start."""
    def stored(dtype: str, device: torch.device) -> Tuple[Aquila, TextTokenizer]:
        loaded = load_model(folder, device=str(device), dtype=dtype)
        return loaded.model, loaded.tokenizer

    return stored


def _take(model: Aquila, trained: dict[str, Tensor]) -> None:
    """Stage 0's encoder, and what it has trained of the extractor."""
    parts = {key: value for key, value in trained.items() if key.startswith(TRAINED_IN_STAGE_0)}
    missing, unexpected = model.load_state_dict(parts, strict=False)
    if unexpected or any(key.startswith("encoder.") for key in missing):
        raise TrainingError("the trained encoder is of another recipe; remove its run folder and train it again.")


def _tokenizer(chosen: Options) -> TextTokenizer:
    folder = chosen.runs / "tokenizer"
    if not (folder / "tokenizer.json").is_file():
        folder.mkdir(parents=True, exist_ok=True)
        train_tokenizer(_corpus(chosen), chosen.recipe.tokenizer.vocabulary).save(folder)
    return load_tokenizer(folder)


def _corpus(chosen: Options) -> Iterator[str]:
    """Instructions and answers of freshly made scenes, as the stages will see them."""
    settings = chosen.recipe.tokenizer
    size = chosen.recipe.config(vocabulary=1).encoder.image_size
    stage = TextStage(scenes=settings.scenes, seed=settings.seed)
    scenes = drawn_scenes(chosen.data, size, stage, settings.scenes)
    maker = TurnMaker((), turns_per_region=6)
    rng = np.random.default_rng(settings.seed)
    context = str(chosen.recipe.model["context"])
    for number in range(len(scenes)):
        about, _ = scenes[number]
        for turn in maker(rng, about):
            for asked in prompt_turns(about, turn, context):
                yield asked.instruction
                yield asked.answer
