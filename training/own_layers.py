"""Adapts a model to classes of one's own: any raster, and any polygon layer with a field that names their classes.

``python -m training.finetune --raster … --polygons … --label-field …`` looks through the product's windows, keeps some
places apart, trains on the others with the frozen encoder's view of each window, and says how often the model was right
on the places kept apart, before and after. The folder it writes is chosen in QGIS like any other model.
"""

from __future__ import annotations

import argparse
import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import List, Optional, Sequence, Tuple

import numpy as np
import torch

from core_model.checkpoint import pick_device, save_model
from core_model.errors import AquilaError
from core_model.folders import model_folder
from core_model.generation import Generator
from core_model.network.aquila import Aquila
from core_model.text.tokenizer import TextTokenizer
from training.bank import fill, region_counts
from training.data import questions, wording
from training.data.build.supplies import ManifestSupply
from training.data.conversations import Material, TurnMaker
from training.data.converters.gis import Layers
from training.data.phrases import Turn
from training.data.questions import Subject
from training.data.scenes import Scene
from training.engine import Engine, Launch, Work, training_arguments
from training.errors import TrainingError
from training.evaluation import tasks
from training.feeds.drawn import Speaker
from training.feeds.examples import Examples, Order, collate
from training.own_windows import (
    OwnScenes,
    Wanted,
    apart,
    claim_of,
    classes_of,
    labelled_claim,
    seen_in_training,
    windows,
)
from training.parts import Start, finished, ready_to_train
from training.plan import plan_of, schedule_line
from training.recipe import start_logging
from training.run import folder_start
from training.settings import Lora, TextStage
from training.stages.text import TextLearner, prompt_builder

_LOG = logging.getLogger(__name__)
# For nano on a CPU.
FULL = TextStage(
    steps=300, scenes_per_batch=8, optimizer="muon", learning_rate=0.005, warmup=10, floor=0.05, average=0.95,
    workers=0, save_every=50, turns_per_region=2, pairs_per_region=1, bank=True)
# The words of one's own classes may be new to nano, and those it learns by its embeddings only (docs/training.md).
ADAPTERS = replace(
    FULL, optimizer="adamw", learning_rate=0.002, lora=Lora(rank=16, alpha=32, dropout=0.0, embeddings=True))


@dataclass
class ClassTurns(TurnMaker):
    """Asks every region for its class, freely and from a list, beside what is drawn; that is what is adapted."""

    def __call__(self, rng: np.random.Generator, about: Material) -> List[Turn]:
        """The drawn turns, and two about the class of each region."""
        found = super().__call__(rng, about)
        for number in range(len(about.facts)):
            subject = Subject(about.facts, number, rng)
            found += [turn for turn in (wording.category(subject), questions.labels(subject)) if turn is not None]
        return found


@dataclass(frozen=True)
class Rates:
    """How often held-out regions got their class: written freely, and chosen from the list of classes.

    The balanced rates are means over the ``classes`` classes, so a rare one counts as much as a frequent one.
    """

    regions: int
    classes: int
    written: float
    written_balanced: float
    chosen: float
    chosen_balanced: float
    most_frequent: float


def measured(model: Aquila, tokenizer: TextTokenizer, scenes: Sequence[Scene], names: Sequence[str]) -> Rates:
    """How often a model gives held-out regions their class."""
    generator = Generator(model, tokenizer)
    found = tasks.known(scenes)
    truth = [facts.name for one in found for facts in one.facts]
    answers = tasks.answer(generator, found, tasks.category_turn(generator))
    written = [tasks.bare(answered.written.text) for answered in answers]
    chosen = [names[number] for number in tasks.score(generator, found, names).argmax(axis=1)]
    return rates(truth, written, chosen)


def rates(truth: Sequence[str], written: Sequence[str], chosen: Sequence[str]) -> Rates:
    """The rates of two series of answers about regions whose classes are known."""
    names = sorted(set(truth))
    return Rates(
        len(truth), len(names), *_shares(truth, written), *_shares(truth, chosen),
        max(truth.count(name) for name in names) / len(truth))


def _shares(truth: Sequence[str], said: Sequence[str]) -> Tuple[float, float]:
    """The share of right answers, and its mean over the classes."""
    right = np.array([own == true for own, true in zip(said, truth)])
    classes = np.array(truth)
    return float(right.mean()), float(np.mean([right[classes == name].mean() for name in set(truth)]))


def adapt(wanted: Wanted, stage: TextStage) -> Tuple[Rates, Rates]:
    """Train and write the folder; the rates before and after, on the places kept apart.

    Raises ``TrainingError`` for layers that cannot serve, a folder of other layers, and nothing to do.
    """
    _refuse_nothing(wanted, stage)
    start = folder_start(str(model_folder(wanted.start)))
    device = pick_device(wanted.device)
    model, tokenizer = start("float32", device)
    size = model.config.encoder.image_size
    claim = claim_of(wanted, stage)
    found = windows(wanted, size)
    classes = classes_of(found)
    train, test = apart(found)
    labels = labelled_claim(wanted)
    claim.stake()
    labels.stake()
    _LOG.info("%d windows to train on, %d kept apart; classes: %s", len(train), len(test),
              ", ".join(entry.name for entry in classes))
    seen = seen_in_training(train, test)
    if seen:
        _LOG.warning("%d of the held-out polygons also show in windows to train on, where they have no class; polygons "
                     "in more places would keep them apart", seen)
    folder = wanted.out / "data"
    supply = ManifestSupply(folder, train, classes, size, wanted.rounds, "train")
    held_out = OwnScenes(ManifestSupply(folder, test, classes, size, 1, "test"), len(test), 1)
    names = [entry.name for entry in classes]
    with supply.speaking():
        scenes = [held_out.scene(number) for number in range(len(held_out))]
        before = measured(model, tokenizer, scenes, names)
        _LOG.info("before: %s", before)
        model, tokenizer = _trained(wanted, stage, start, OwnScenes(supply, len(train), wanted.rounds), device)
        after = measured(model, tokenizer, scenes, names)
        _LOG.info("after: %s", after)
    model.config = replace(model.config, name=wanted.out.name)
    save_model(wanted.out / "model", model, tokenizer, card=_card(wanted, names, before, after, seen))
    return before, after


def _refuse_nothing(wanted: Wanted, stage: TextStage) -> None:
    """Raise ``TrainingError`` where no look at a window, or no step, is asked for."""
    for name, count in (("--rounds", wanted.rounds), ("--steps", stage.steps)):
        if count < 1:
            raise TrainingError(f"{name} is {count}; give 1 or more.")


def _trained(
    wanted: Wanted, stage: TextStage, start: Start, source: OwnScenes, device: torch.device
) -> Tuple[Aquila, TextTokenizer]:
    model, tokenizer = start("float32", device)
    launch = Launch(wanted.out / "run", device, report=())
    arguments = training_arguments(stage, launch)
    size, accumulation = arguments.per_device_train_batch_size, arguments.gradient_accumulation_steps
    plan = plan_of(model.config, stage, weights="float32", rows=size)
    for line in (*plan.lines(), schedule_line(stage, size, accumulation, 1, len(source))):
        _LOG.info("%s", line)
    builder = prompt_builder(model, tokenizer)
    speaker = Speaker(
        ClassTurns(stage.kinds, stage.turns_per_region, stage.pairs_per_region), builder, model.config.context)
    bank = fill(model, source, stage.workers, device)
    ready_to_train(model, stage)
    order = Order(list(region_counts(bank)), stage.scenes_per_batch, stage.seed)
    examples = Examples(bank, speaker, builder, order, count=stage.steps * stage.scenes_per_batch, seed=stage.seed)
    weights = Engine(Work(TextLearner(model), examples, collate), stage, arguments, launch).run()
    return finished(start, stage, weights, "float32")


def table(before: Rates, after: Rates) -> str:
    """Both rates as people read them."""
    rows = (("class written", before.written, after.written),
            ("  mean over the classes", before.written_balanced, after.written_balanced),
            ("class chosen from the list", before.chosen, after.chosen),
            ("  mean over the classes", before.chosen_balanced, after.chosen_balanced))
    lines = [f"{'':<28}{'before':>8}{'after':>8}", *(f"{name:<28}{old:>8.3f}{new:>8.3f}" for name, old, new in rows)]
    lines.append(
        f"{before.regions} held-out regions of {before.classes} classes. Always the most frequent one is right in "
        f"{before.most_frequent:.3f}, and in {1 / before.classes:.3f} as a mean over the classes.")
    return "\n".join(lines)


def _card(wanted: Wanted, names: Sequence[str], before: Rates, after: Rates, seen: int) -> str:
    apart_from = ("no picture trained on shows any of these regions" if not seen else
                  f"{seen} of these regions also show in pictures trained on, where they have no class")
    return f"""# {wanted.out.name}

`{wanted.start}`, adapted to {', '.join(names)} of the field `{wanted.layers.label_field}` of
`{Path(wanted.layers.polygons).name}` over `{Path(wanted.layers.raster).name}`. Measured on other places than it was
trained on; {apart_from}:

```
{table(before, after)}
```

The licences of the starting model, the imagery and the layer apply to this folder.
"""


def parser() -> argparse.ArgumentParser:
    """The options."""
    found = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    found.add_argument("--raster", required=True, help="any raster that GDAL reads")
    found.add_argument("--polygons", required=True, help="any polygon layer that GDAL reads, in any CRS")
    found.add_argument("--label-field", required=True, help="the field that names each polygon's class")
    found.add_argument("--layer", help="the layer, where the file holds several")
    found.add_argument("--where", help="take only the polygons for which this SQL holds")
    found.add_argument("--classes", default="", help="VALUE=words,…: how values are spoken of; others are left out")
    found.add_argument("--background", default="", help="words for ground that no polygon covers")
    found.add_argument("--start", default="nano", help="the model to adapt: a built-in one, or a folder")
    found.add_argument("--lora", action="store_true", help="train adapters of the language model, not all of it")
    found.add_argument("--steps", type=int, default=FULL.steps, help="how many steps of 8 windows")
    found.add_argument("--rounds", type=int, default=2, help="how many looks at each window are trained on")
    found.add_argument("--out", type=Path, default=Path("runs/own"), help="the new folder; the model is in OUT/model")
    found.add_argument("--device", default="auto", help="auto, cpu or cuda")
    return found


def main(arguments: Optional[Sequence[str]] = None) -> None:
    """The command line."""
    chosen = parser().parse_args(arguments)
    start_logging()
    layers = Layers(chosen.raster, chosen.polygons, chosen.label_field, chosen.layer, chosen.where)
    wanted = Wanted(
        layers, chosen.out, chosen.start, _pairs(chosen.classes), chosen.background, chosen.rounds, chosen.device)
    try:
        before, after = adapt(wanted, replace(ADAPTERS if chosen.lora else FULL, steps=chosen.steps))
    except AquilaError as error:
        raise SystemExit(f"{error}") from None
    print(table(before, after))  # noqa: T201 (the command's purpose)
    print(f"Add {(chosen.out / 'model').resolve()} in QGIS: Settings → Options → Aquila.")  # noqa: T201


def _pairs(text: str) -> Tuple[Tuple[str, str], ...]:
    pairs = [entry.partition("=") for entry in text.split(",") if entry.strip()]
    return tuple((value.strip(), (words or value).strip()) for value, _, words in pairs)
