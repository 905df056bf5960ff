"""How fast a stage of the default model trains: samples and tokens a second, use of the processor, waiting for data.

``python benchmarks/train.py`` trains nano's stage 3 for a few steps on made pictures (the data sets are not needed).
Use is the share of what the same machine reaches in multiplying large matrices, measured right before.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, List

import numpy as np
import torch
from machine import machine, tell
from torch.utils.flop_counter import FlopCounterMode, sdpa_backward_flop_count, sdpa_flop_count

from core_model.checkpoint import load_model, pick_device
from training.bank import fill
from training.data import vocabulary
from training.data.conversations import TurnMaker
from training.data.mixture import MixtureConfig, SceneBatches
from training.data.sources import Patch
from training.engine import Engine, Launch, Work, training_arguments
from training.feeds.drawn import TEXT_GRIDS, ShownScenes, Speaker
from training.feeds.examples import Examples, Order, collate
from training.parts import ready_to_train
from training.precision import mixed_precision
from training.recipe import load_recipe
from training.settings import TextStage
from training.stages.text import TextLearner, prompt_builder

WARM_UP = 3
# PyTorch's counter knows attention's kernels on GPUs only; masked pairs are counted, since they are computed.
ATTENTION_ON_CPU = {
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu:
        lambda query, key, value, *_, **__: sdpa_flop_count(query, key, value),
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward:
        lambda grad, query, key, value, *_, **__: sdpa_backward_flop_count(grad, query, key, value)}


class Timed(Engine):
    """Keeps when each step ended, and what its batches held."""

    ends: List[float]
    rows: List[int]
    tokens: List[int]

    def training_step(self, model: Any, inputs: Dict[str, Any], num_items_in_batch: Any = None) -> torch.Tensor:
        """A step's loss; its tokens are counted without padding."""
        self.rows.append(len(inputs["ids"]))
        first = torch.arange(inputs["ids"].shape[1], device=inputs["ids"].device) == 0
        self.tokens.append(int(((inputs["parents"] >= 0) | first).sum()))
        loss = super().training_step(model, inputs, num_items_in_batch)
        if loss.device.type == "cuda":
            torch.cuda.synchronize()
        self.ends.append(time.perf_counter())
        return loss


def matmul_rate(device: torch.device, side: int = 1024, seconds: float = 2.0) -> float:
    """Floating-point operations a second in products of square matrices, in the format that training calculates in."""
    left, right = torch.rand(side, side, device=device), torch.rand(side, side, device=device)
    count, began = 0, time.perf_counter()
    with torch.no_grad(), mixed_precision(device):
        while time.perf_counter() - began < seconds:
            (left @ right)[0, 0].item()
            count += 1
    return 2 * side**3 * count / (time.perf_counter() - began)


def step_flops(learner: TextLearner, batch: Dict[str, torch.Tensor]) -> int:
    """Floating-point operations of a forward and a backward pass."""
    with FlopCounterMode(display=False, custom_mapping=ATTENTION_ON_CPU) as counter:
        learner(**batch)["loss"].backward()
    learner.zero_grad()
    return int(counter.get_total_flops())


def made_pictures(count: int, size: int, regions: int) -> ShownScenes:
    """Mosaics of noise, of as many regions as the recipe's."""
    rng = np.random.default_rng(0)
    numbers = vocabulary.of_source("eurosat")
    patches = [Patch(rng.integers(0, 255, (64, 64, 3), dtype=np.uint8), number) for number in numbers]
    mixture = MixtureConfig(shares={"eurosat": 1.0}, size=size, grids=TEXT_GRIDS, scenes_per_batch=1)
    return ShownScenes(
        SceneBatches({"eurosat": patches}, mixture, count, 0), TextStage(regions_per_scene=regions, seed=0))


def measure(steps: int, pictures: int, workers: int, device: torch.device, out: Path) -> Dict[str, float]:
    """Train and measure, the first steps left out."""
    loaded = load_model("nano", device=str(device), dtype="float32")
    stage = replace(
        load_recipe("nano").finetune, steps=steps + WARM_UP, save_every=10**6, workers=workers, evaluate_every=0)
    launch = Launch(out, device, "", ())
    arguments = training_arguments(stage, launch)
    config = loaded.model.config
    bank = fill(loaded.model, made_pictures(pictures, config.encoder.image_size, stage.regions_per_scene), 0, device)
    ready_to_train(loaded.model, stage)
    builder = prompt_builder(loaded.model, loaded.tokenizer)
    maker = TurnMaker(stage.kinds, stage.turns_per_region, stage.pairs_per_region)
    examples = Examples(
        bank, Speaker(maker, builder, config.context), builder,
        Order([1] * pictures, stage.scenes_per_batch, 0), count=stage.steps * stage.scenes_per_batch, seed=0)
    learner = TextLearner(loaded.model)
    engine = Timed(Work(learner, examples, collate), stage, arguments, launch)
    engine.ends, engine.rows, engine.tokens = [], [], []
    batch = collate([examples[number] for number in range(stage.scenes_per_batch)])
    flops = step_flops(learner, {name: value.to(device) for name, value in batch.items()})
    rate = matmul_rate(device)
    engine.train()
    seconds = engine.ends[-1] - engine.ends[WARM_UP - 1]
    waited = [entry["waiting"] for entry in engine.state.log_history if "waiting" in entry][WARM_UP:]
    return {
        "steps/s": steps / seconds, "samples/s": sum(engine.rows[WARM_UP:]) / seconds,
        "tokens/s": sum(engine.tokens[WARM_UP:]) / seconds, "GFLOP/step": flops / 1e9,
        "matmul GFLOP/s": rate / 1e9, "utilisation": flops * steps / seconds / rate,
        "waiting for data": sum(waited) / len(waited)}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--pictures", type=int, default=64)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="auto")
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    with tempfile.TemporaryDirectory() as folder:
        found = measure(chosen.steps, chosen.pictures, chosen.workers, pick_device(chosen.device), Path(folder))
    for name, value in found.items():
        print(f"{name:<18}{value:>12.3f}")
    tell({"threads": chosen.threads, "workers": chosen.workers, **machine(), **found})


if __name__ == "__main__":
    main()
