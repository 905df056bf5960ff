"""Fits the two temperatures of a model on validation regions and writes the model folder that is shipped.

``python -m training.calibrate --model runs/nano/finetune/model --out core_model/models/nano``
"""

from __future__ import annotations

import argparse
import logging
from dataclasses import replace
from pathlib import Path
from typing import List, Optional, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import log_softmax

from core_model.checkpoint import DTYPES, load_model, save_model
from core_model.generation import Generator
from training.data.vocabulary import CATEGORIES, of_source
from training.evaluation import tasks
from training.evaluation.held_out import held_out_scenes
from training.recipe import DATA, start_logging

_LOG = logging.getLogger(__name__)
CALIBRATION_SETS = ("eurosat", "ucmerced")
TEMPERATURES = np.exp(np.linspace(np.log(0.02), np.log(5.0), 120))


def label_temperature(probabilities: Sequence[NDArray[np.float64]], truth: Sequence[NDArray[np.int64]]) -> float:
    """The temperature that makes the true labels likeliest, given probabilities at temperature 1."""
    losses = []
    for temperature in TEMPERATURES:
        total = 0.0
        for found, right in zip(probabilities, truth):
            chances = log_softmax(np.log(found) / temperature, axis=1)
            total -= float(chances[np.arange(len(right)), right].sum())
        losses.append(total)
    return float(TEMPERATURES[int(np.argmin(losses))])


def confidence_temperature(probability: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    """The temperature whose confidences fit best how often a written category is right (log loss)."""
    losses = []
    for temperature in TEMPERATURES:
        confidence = np.clip(probability ** (1 / temperature), 1e-6, 1 - 1e-6)
        losses.append(-np.mean(np.where(right, np.log(confidence), np.log(1 - confidence))))
    return float(TEMPERATURES[int(np.argmin(losses))])


def calibrate(generator: Generator, data: Path) -> None:
    """Set both temperatures in the generator's configuration."""
    model = generator.model
    model.config = replace(model.config, label_temperature=1.0, confidence_temperature=1.0)
    held_out = held_out_scenes(data, "val", model.config.encoder.image_size, CALIBRATION_SETS)
    answered: List[tasks.Answered] = []
    probabilities, truth = [], []
    for name, scenes in held_out.items():
        found = tasks.known(scenes)
        answered += tasks.answer(generator, found, tasks.category_turn(generator))
        names = [CATEGORIES[number].name for number in of_source(name)]
        probabilities.append(tasks.score(generator, found, names))
        truth.append(np.array([names.index(facts.name) for one in found for facts in one.facts]))
    written = np.array([one.written.probability for one in answered])
    right = np.array([tasks.accuracy([one]) == 1.0 for one in answered])
    model.config = replace(
        model.config, label_temperature=round(label_temperature(probabilities, truth), 4),
        confidence_temperature=round(confidence_temperature(written, right), 4))
    _LOG.info("on %d regions: label temperature %.4f, confidence temperature %.4f",
              len(right), model.config.label_temperature, model.config.confidence_temperature)


def main(arguments: Optional[Sequence[str]] = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--dtype", default="float16", choices=sorted(DTYPES), help="format of the weights")
    chosen = parser.parse_args(arguments)
    start_logging()
    loaded = load_model(str(chosen.model), device="cpu", dtype="float32")
    # The rounded weights are the ones calibrated, since they are the ones used.
    loaded.model.to(DTYPES[chosen.dtype]).to(torch.float32)
    calibrate(Generator(loaded.model, loaded.tokenizer), chosen.data)
    save_model(chosen.out, loaded.model.to(DTYPES[chosen.dtype]), loaded.tokenizer)


if __name__ == "__main__":
    main()
