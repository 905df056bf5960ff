"""Fits how sure a model is, on validation regions, and writes the model folder that is shipped.

``python -m training.calibrate --model runs/nano/finetune/model --out core_model/models/nano``
"""

from __future__ import annotations

import argparse
import logging
from dataclasses import replace
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Tuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import log_softmax

from core_model.checkpoint import DTYPES, load_model, save_model
from core_model.errors import AquilaError
from core_model.generation import Generator
from training import familiar
from training.data.augment import photometric
from training.data.vocabulary import CATEGORIES, of_source
from training.evaluation import tasks
from training.evaluation.asking import Change, Masks, as_they_are, stretched_by_band, stretched_together
from training.evaluation.held_out import held_out_scenes
from training.evaluation.material import Pixels
from training.feeds.drawn import drawn_scenes
from training.recipe import DATA, start_logging
from training.settings import TextStage

_LOG = logging.getLogger(__name__)
CALIBRATION_SETS = ("eurosat", "ucmerced")
TEMPERATURES = np.exp(np.linspace(np.log(0.02), np.log(5.0), 120))
# Pictures as they are, and changed more or less: only those tell what becomes of answers where imagery is unfamiliar.
AS_THEY_ARE, STRENGTHS = 0.5, (1.0, 2.5, 4.0)
# The weight of a region in noise beside one in a picture as it is: whatever is said of it is wrong.
NOISE = 0.2
# A category that is wrong more often than right is a guess.
UNSURE_BELOW = 0.5
FAMILIAR = TextStage(scenes=1500, seed=17, painted=0.05)


def noise(image: Pixels, masks: Masks) -> Tuple[Pixels, Masks]:
    """Noise of a grain of 1 to 16 pixels in the place of a picture, the same every time."""
    rng = np.random.default_rng(int(image.sum(dtype=np.int64)))
    grain = 2 ** int(rng.integers(5))
    cells = rng.integers(0, 256, (image.shape[0] // grain, image.shape[1] // grain, 3), dtype=np.uint8)
    return cells.repeat(grain, axis=0).repeat(grain, axis=1), masks


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


def calibrate(generator: Generator, data: Path) -> None:
    """Measure what is familiar to the generator's model, and fit its configuration's temperature and confidence."""
    model = generator.model
    size = model.config.encoder.image_size
    model.config = replace(model.config, label_temperature=1.0)
    familiar.learn(model, drawn_scenes(data, size, FAMILIAR, FAMILIAR.scenes))
    scenes = {name: tasks.known(found) for name, found in held_out_scenes(
        data, "val", size, CALIBRATION_SETS).items()}
    temperature, sure = _temperature(generator, scenes), _confidence(generator, scenes)
    model.config = replace(
        model.config, label_temperature=temperature, confidence=sure, unsure_below=UNSURE_BELOW,
        categories=tuple(sorted({entry.name for entry in CATEGORIES})))
    _LOG.info("label temperature %.4f; confidence %.4f × log-odds + %.4f × nearness + %.4f", temperature, *sure)


def _temperature(generator: Generator, scenes: Dict[str, List[tasks.Known]]) -> float:
    probabilities, truth = [], []
    for name, found in scenes.items():
        names = [CATEGORIES[number].name for number in of_source(name)]
        probabilities.append(tasks.score(generator, found, names))
        truth.append(np.array([names.index(facts.name) for one in found for facts in one.facts]))
    return round(label_temperature(probabilities, truth), 4)


def _confidence(generator: Generator, scenes: Dict[str, List[tasks.Known]]) -> Tuple[float, float, float]:
    def named(change: Change) -> List[tasks.Answered]:
        return [one for found in scenes.values()
                for one in tasks.answer(generator, found, tasks.category_turn(generator), change)]

    answered: List[tasks.Answered] = []
    weights: List[float] = []
    changes = _changes()
    for name, change in changes.items():
        share = AS_THEY_ARE if change is as_they_are else (1 - AS_THEY_ARE) / (len(changes) - 1)
        some = named(change)
        _LOG.info("%s: right in %.3f of %d regions", name, tasks.accuracy(some), len(some))
        answered += some
        weights += [share] * len(some)
    noisy = named(noise)
    right = [tasks.accuracy([one]) == 1.0 for one in answered] + [False] * len(noisy)
    answered, weights = answered + noisy, weights + [NOISE] * len(noisy)
    slope, near, bias = familiar.confidence_weights(
        np.array([one.written.probability for one in answered]), np.array([one.written.nearness for one in answered]),
        np.array(right), weights)
    return round(slope, 4), round(near, 4), round(bias, 4)


def _changes() -> Dict[str, Change]:
    rng = np.random.default_rng(0)

    def changed(strength: float) -> Change:
        def change(image: Pixels, masks: Masks) -> Tuple[Pixels, Masks]:
            return photometric(rng, image, strength), masks

        return change

    return {
        "as they are": as_they_are, "bands stretched together": stretched_together, "one by one": stretched_by_band,
        **{f"changed {strength} times as in training": changed(strength) for strength in STRENGTHS}}


def main(arguments: Optional[Sequence[str]] = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--dtype", default="float16", choices=sorted(DTYPES), help="format of the weights")
    chosen = parser.parse_args(arguments)
    start_logging()
    try:
        loaded = load_model(str(chosen.model), device="cpu", dtype="float32")
    except AquilaError as error:
        raise SystemExit(str(error)) from None
    # The rounded weights are the ones calibrated, since they are the ones used.
    loaded.model.to(DTYPES[chosen.dtype]).to(torch.float32)
    calibrate(Generator(loaded.model, loaded.tokenizer), chosen.data)
    save_model(chosen.out, loaded.model.to(DTYPES[chosen.dtype]), loaded.tokenizer)


if __name__ == "__main__":
    main()
