"""A tiny training on made pictures; as a program, what the tests start as processes of their own.

``python -m tests.made_training OUT KIND…`` trains once for each KIND into OUT/KIND. A kind names how the weights are
divided (plain, fsdp2), and may end in "-killed-STEP": the process then kills itself in that step.
"""

from __future__ import annotations

import io
import json
import os
import signal
import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from core_model.config import EncoderConfig, ExtractorConfig
from core_model.network.aquila import Aquila
from core_model.text.tokenizer import TextTokenizer
from tests.tiny import CONTEXT, tiny_model, tiny_tokenizer
from training import precision
from training.data import vocabulary
from training.data.conversations import TurnMaker
from training.data.mixture import MixtureConfig, SceneBatches
from training.data.sources import Patch
from training.engine import Engine, Launch, Work, training_arguments
from training.feeds.drawn import ShownScenes, Speaker
from training.feeds.examples import Examples, Order, collate
from training.parts import ready_to_train
from training.settings import TextStage
from training.stages.text import TextLearner, prompt_builder


def no_bfloat16(_compute: torch.dtype) -> bool:
    """In the stead of ``training.precision.cpu_multiplies``: what is equal in float32 only is compared on any CPU."""
    return False


SIZE = 64
CPU = torch.device("cpu")
# What stage 0 trains, small.
EXTRACTOR = ExtractorConfig(width=32, spatial_size=16, spatial_width=32, context_tokens=4, context_reach=0.2)
VISION = EncoderConfig(vision={"timm_model_name": "convnext_atto_ols"}, image_size=SIZE)
STAGE = TextStage(
    steps=4, scenes_per_batch=4, learning_rate=0.01, warmup=1, average=0.5, optimizer="muon",
    save_every=2, workers=0, regions_per_scene=3, turns_per_region=2)


def patches(count: int = 8) -> List[Patch]:
    """Noise of four categories."""
    rng = np.random.default_rng(0)
    numbers = vocabulary.of_source("eurosat")
    return [Patch(rng.integers(0, 255, (32, 32, 3), dtype=np.uint8), numbers[n % 4]) for n in range(count)]


def write_pictures(path: Path, names: List[str], side: int = 32) -> None:
    """A zip of pictures as data sets come; those of one class share a colour, so that there is something to learn."""
    rng = np.random.default_rng(0)
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            colour = np.frombuffer(Path(name).name[:3].encode(), np.uint8)
            pixels = (rng.integers(0, 40, (side, side, 3)) + colour).astype(np.uint8)
            packed = io.BytesIO()
            Image.fromarray(pixels).save(packed, format="JPEG")
            archive.writestr(name, packed.getvalue())


def made_scenes(count: int = 8, size: int = SIZE) -> ShownScenes:
    """Small mosaics of the patches."""
    mixture = MixtureConfig(shares={"eurosat": 1.0}, size=size, grids={0.0: (2,)}, scenes_per_batch=1)
    return ShownScenes(
        SceneBatches({"eurosat": patches()}, mixture, count, 7), TextStage(regions_per_scene=3, seed=1))


def tiny_start(_dtype: str = "float32", _device: torch.device = CPU) -> Tuple[Aquila, TextTokenizer]:
    """The tiny model as a start."""
    tokenizer = tiny_tokenizer()
    return tiny_model(tokenizer), tokenizer


def made_examples(model: Aquila, tokenizer: TextTokenizer, stage: TextStage, source: Any = None) -> Examples[Any]:
    """The examples of a stage about made scenes."""
    builder = prompt_builder(model, tokenizer)
    speaker = Speaker(TurnMaker(stage.kinds, stage.turns_per_region, stage.pairs_per_region), builder, CONTEXT)
    source = made_scenes() if source is None else source
    order = Order([1] * len(source), stage.scenes_per_batch, stage.seed)
    return Examples(source, speaker, builder, order, count=stage.steps * stage.scenes_per_batch, seed=stage.seed)


def made_engine(out: Path, stage: TextStage = STAGE, sharding: str = "", held_out: bool = False) -> Engine:
    """An engine that trains the tiny model on made scenes."""
    launch = Launch(out, CPU, sharding, ())
    arguments = training_arguments(stage, launch)
    model, tokenizer = tiny_start()
    ready_to_train(model, stage)
    examples = made_examples(model, tokenizer, stage)
    work = Work(TextLearner(model), examples, collate, examples if held_out else None)
    return Engine(work, stage, arguments, launch)


def trained(out: Path, stage: TextStage = STAGE, sharding: str = "") -> Tuple[List[float], Dict[str, Tensor]]:
    """The losses of all steps, and the trained weights."""
    engine = made_engine(out, stage, sharding)
    weights = engine.run()
    return losses(engine.state.log_history), weights


def losses(history: List[Dict[str, Any]]) -> List[float]:
    """The loss of every step in a log."""
    return [entry["loss"] for entry in history if "loss" in entry]


class _Killed(Engine):
    """Ends as a machine does whose power fails."""

    killed_in = 0

    def training_step(self, *arguments: Any, **more: Any) -> Tensor:
        if self.state.global_step + 1 == self.killed_in:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().training_step(*arguments, **more)


def main(arguments: Optional[List[str]] = None) -> None:
    """The program."""
    out, *kinds = sys.argv[1:] if arguments is None else arguments
    for kind in kinds:
        name, _, step = kind.partition("-killed-")
        sharding = "" if name.startswith("plain") else name.split("-")[0]
        stage = STAGE if name == "plain" else replace(STAGE, optimizer="adamw")
        stage = replace(stage, average=0.0) if sharding.startswith("zero") else stage
        engine = made_engine(Path(out) / name, stage, sharding)
        if step:
            engine.__class__, _Killed.killed_in = _Killed, int(step)
        weights = engine.run()
        if engine.args.should_save:
            found = {"losses": losses(engine.state.log_history), "norm": {
                key: float(value.norm()) for key, value in weights.items()}}
            (Path(out) / f"{name}.json").write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    precision.cpu_multiplies = no_bfloat16
    main()
